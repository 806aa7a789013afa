//! Checking the log against everything that is kept of it: the leaves against their hashes, the hashes against what was signed, what
//! pages show against the leaves, and what is kept elsewhere against all of it.
mod copy;
mod store;

use super::{publication::Copy, store::epoch_began, tiles};
use crate::{
    ledger::{
        commitment, leaf_hash,
        note::{Checkpoint, VerifyingKey},
        retire::Retired,
        subjects::{self, Detail},
        tree::{self, Frontier, Hash},
        words,
    },
    requests::invariants::{self, Told},
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    ops::Range,
    path::Path,
};
use uuid::Uuid;

/// Leaves that are read at once.
const BUNCH: i64 = 5_000;
/// With so many faults the rest says no more.
const ENOUGH: usize = 50;

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where: a leaf, a checkpoint, the head.
    pub place: String,
    pub what: String,
}

/// What was looked at, and what was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub leaves: u64,
    pub checkpoints: u64,
    pub published: u64,
    /// Published checkpoints over leaves that were given up, by people, when the log went on under another name.
    pub given_up: u64,
    /// Leaves whose events went with a month that was retired.
    pub retired: u64,
    /// Events of a part of the log, each with a proof of its own.
    pub proven: u64,
    /// The first and the last of these, if none between them is missing.
    pub without_gap: Option<(u64, u64)>,
    /// Events that came back from the copy after the database had lost them: of them only the leaf is there.
    pub replayed: u64,
    /// Commitments that nothing opens: erased, or not taken along.
    pub unopened: u64,
    pub faults: Vec<Fault>,
}

impl Report {
    pub(in crate::ledger) fn fault(&mut self, place: impl Into<String>, what: impl Into<String>) {
        if self.faults.len() < ENOUGH {
            self.faults.push(Fault { place: place.into(), what: what.into() });
        }
    }
}

/// Goes through the whole log once, and holds what pages show of requests against it. `copy` is a file of published checkpoints; `keys`
/// are those whose signatures count.
pub async fn verify(conn: &mut PgConnection, keys: &[VerifyingKey], copy: Option<&Path>) -> anyhow::Result<Report> {
    let mut report = Report::default();
    store::take_time(conn).await?;
    let published_before = super::head(conn).await?.map_or(0, |head| head.published_size);
    // what was published before the head is read is under it, however quickly the log grows meanwhile
    let signed_outside = copy.map_or_else(|| Ok(VecDeque::new()), |copy| published(copy, keys, &mut report))?;
    let mut snapshot = conn.begin().await?;
    store::stand_still(&mut snapshot).await?;
    compare(&mut snapshot, keys, copy, signed_outside, published_before, &mut report).await?;
    Ok(report)
}

async fn compare(
    conn: &mut PgConnection,
    keys: &[VerifyingKey],
    copy: Option<&Path>,
    mut signed_outside: VecDeque<Checkpoint>,
    published_before: i64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let Some(head) = super::head(conn).await? else {
        report.fault("head", "the log has not begun");
        return Ok(());
    };
    if !keys.iter().any(|key| key.name() == head.origin) {
        report.fault("head", format!("the log is named {}, and no key has that name", head.origin));
    }
    report.published = signed_outside.len() as u64;
    let newest = signed_outside.iter().filter(|said| said.origin == head.origin).map(|said| said.size).max().unwrap_or(0);
    if let Some(copy) = copy.filter(|_| newest < published_before as u64)
        && published_before > epoch_began(conn, &head.origin).await?
    {
        report
            .fault(copy.display().to_string(), format!("{published_before} leaves were published, and its checkpoints end with {newest}"));
    }
    let erased: HashMap<String, Uuid> = subjects::erasures(conn, None).await?.into_iter().map(|e| (e.subject, e.event)).collect();
    let mut retired = Retired::read(conn).await?;
    let epochs = store::epochs(conn).await?;
    // a log that went on under another name has of its past what it had then
    let ended = |origin: &str| {
        let next = epochs.iter().position(|(name, _)| name == origin).map_or(0, |n| n + 1);
        (origin != head.origin).then(|| epochs.get(next).map(|(_, size)| *size as u64)).flatten()
    };
    signed_outside.retain(|said| {
        let kept = ended(&said.origin).is_none_or(|size| said.size <= size);
        report.given_up += u64::from(!kept);
        kept
    });
    let replayed = store::replayed(conn).await?;
    let kinds: HashSet<_> = store::kinds(conn).await?.into_iter().collect();
    let (mut told, mut hidden) = (Told::default(), BTreeSet::new());
    let mut signed: VecDeque<(i64, Vec<u8>, String)> = VecDeque::new();
    let (mut frontier, mut at, mut tiles_so_far) = (Frontier::default(), 0, Some(BTreeMap::new()));
    loop {
        let mut bunch = store::kept(conn, at, head.size, BUNCH).await?;
        if bunch.is_empty() {
            break;
        }
        let hashes = bunch.iter().map(|kept| hash_of(&kept.hash)).collect::<anyhow::Result<Vec<_>>>()?;
        if let Some(edge) = &mut tiles_so_far
            && let Some(place) = differing_tile(conn, frontier.size(), edge, &hashes).await?
        {
            report.fault(place, "is not what the leaves below it make");
            // whatever is above it differs, too
            tiles_so_far = None;
        }
        for kept in &mut bunch {
            let place = format!("leaf {} (event {})", kept.leaf_index, kept.event_id);
            if kept.leaf_index != at {
                report.fault(format!("leaf {at}"), format!("is missing: the next one is {}", kept.leaf_index));
                at = kept.leaf_index;
            }
            if kept.leaf.is_some() {
                let (leaf, detail) = look_at(kept, &erased, &replayed, &place, report)?;
                if let Some(what) = told.event(&leaf) {
                    report.fault(&place, what);
                }
                match detail {
                    Detail::None if replayed.iter().any(|lost| lost.contains(&kept.leaf_index)) => told.came_back(&leaf),
                    Detail::None => told.opened(&leaf, Some(&Value::Null)),
                    Detail::Open { value, .. } => told.opened(&leaf, Some(&value)),
                    Detail::Gone => told.opened(&leaf, None),
                }
                let named = kept.kind.take().zip(kept.outcome.take());
                hidden.extend(named.filter(|named| !kinds.contains(named)));
            } else if retired.covers(kept.recorded_at, kept.leaf_index) {
                report.retired += 1;
                told.something_is_gone();
            } else {
                report.fault(&place, "its event was removed");
            }
            frontier.push(hash_of(&kept.hash)?);
            at += 1;
            if signed.is_empty() {
                signed = store::checkpoints(conn, at - 1, head.size, BUNCH).await?.into();
            }
            while signed.front().is_some_and(|(size, ..)| *size == at) {
                let (size, root, note) = signed.pop_front().expect("there is one");
                report.checkpoints += 1;
                let place = format!("checkpoint {size}");
                match Checkpoint::open(&note, keys) {
                    Err(error) => report.fault(&place, error.to_string()),
                    Ok(said) if said.size as i64 != size || said.root[..] != root => {
                        report.fault(&place, "its note says something else than its row")
                    }
                    Ok(said) if said.root != frontier.root() => report.fault(&place, "the leaves before it are not those that were signed"),
                    Ok(_) => {}
                }
            }
            while signed_outside.front().is_some_and(|said| said.size <= at as u64) {
                let said = signed_outside.pop_front().expect("there is one");
                if said.size == at as u64 && said.root != frontier.root() {
                    report.fault(format!("published checkpoint {}", said.size), "the leaves before it are not those that were published");
                }
            }
        }
    }
    report.leaves = frontier.size();
    for (place, what) in retired.faults() {
        report.fault(place, what);
    }
    for (size, ..) in signed {
        report.fault(format!("checkpoint {size}"), format!("the log has {at} leaves only"));
    }
    for said in signed_outside {
        report.fault(format!("published checkpoint {}", said.size), format!("the log has {at} leaves only: its end was removed"));
    }
    if head.size != at || head.root != frontier.root() || head.frontier != frontier.to_bytes() {
        report.fault("head", format!("it tells {} leaves, or another root than the {at} leaves have", head.size));
    }
    if head.published_size > 0 && super::store::note(conn, head.published_size).await?.is_none() {
        report.fault(format!("checkpoint {}", head.published_size), "it was published, and is not there any more");
    }
    if tiles::root_at(conn, at as u64).await? != Some(frontier.root()) {
        report.fault("tiles", "they make another root than the leaves");
    }
    if head.published_size > head.size {
        report.fault("head", format!("it tells {} published leaves of {}", head.published_size, head.size));
    }
    for index in store::beyond(conn, head.size).await? {
        report.fault(format!("leaf {index}"), format!("stands behind the {} leaves of the log", head.size));
    }
    for (kind, outcome) in hidden {
        report.fault(format!("kind {kind}"), format!("filters do not find its events with the outcome {outcome}"));
    }
    let since = retired.since();
    if store::kept_since(conn).await? != since {
        report.fault("retired months", format!("checks begin at another time than {since:?}, when the last one ended"));
    }
    // what has committed and is no leaf yet is told all the same
    for leaf in store::waiting(conn).await? {
        told.event(&serde_json::from_slice(&leaf)?);
    }
    for (place, what) in invariants::agree(conn, told, since.unwrap_or(DateTime::<Utc>::MIN_UTC)).await? {
        report.fault(place, what);
    }
    if let Some(copy) = copy {
        copy::check(conn, &Copy::at(copy), keys, ended, (head.size as u64, epochs.is_empty()), report).await?;
    }
    let (lost, late) = store::forgotten(conn).await?;
    for event in lost {
        report.fault(format!("event {event}"), "it has no leaf and waits for none");
    }
    if late > 0 {
        report.fault("sequencer", format!("{late} events have waited longer than five seconds for a checkpoint"));
    }
    for event in store::strays(conn).await? {
        report.fault(format!("event {event}"), "details stand beside it, and it is not there");
    }
    Ok(())
}

/// The checkpoints of a file that keeps them outside of the database, the smallest first; those that cannot be believed are faults.
pub(in crate::ledger) fn published(copy: &Path, keys: &[VerifyingKey], report: &mut Report) -> anyhow::Result<VecDeque<Checkpoint>> {
    Ok(Copy::at(copy).all(keys, |line, why| report.fault(format!("{}:{line}", copy.display()), why))?.into())
}

/// What is shown of an event beside its leaf.
const COLUMNS: [&str; 8] = ["id", "at", "kind", "outcome", "actor", "door", "request", "target"];

/// Each column that does not say what the leaf says, and each that nobody knows.
pub(in crate::ledger) fn differences(shown: &Value, leaf: &Value) -> Vec<String> {
    let differ = COLUMNS.into_iter().filter(|name| leaf[*name] != shown[*name]);
    let differ = differ.map(|name| format!("its column {name} shows {}, and the leaf says {}", shown[name], leaf[name]));
    let strange = shown.as_object().into_iter().flat_map(|shown| shown.keys()).filter(|name| !COLUMNS.contains(&name.as_str()));
    differ.chain(strange.map(|name| format!("it has a column {name:?}, which no leaf has"))).collect()
}

/// The leaf against its hash, the columns and what it commits to against the leaf; answers the leaf, and what stands beside it.
fn look_at(
    kept: &mut store::Kept,
    erased: &HashMap<String, Uuid>,
    replayed: &[Range<i64>],
    place: &str,
    report: &mut Report,
) -> anyhow::Result<(Value, Detail)> {
    let bytes = kept.leaf.as_deref().unwrap_or_default();
    if leaf_hash(bytes)[..] != kept.hash {
        report.fault(place, "its leaf was changed: it has another hash now");
    }
    let leaf: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let target = kept.target_id.as_ref().map(|id| json!({"type": kept.target_type, "id": id}));
    let columns = json!({
        "id": kept.event_id, "at": kept.recorded_at.to_rfc3339_opts(SecondsFormat::Millis, true), "kind": kept.kind,
        "outcome": kept.outcome, "actor": kept.actor_id, "door": kept.door,
        "request": kept.request_id.map(|id| format!("CR-{id}")), "target": target,
    });
    for what in differences(&columns, &leaf) {
        report.fault(place, what);
    }
    let subject = leaf["target"]["type"].as_str().zip(leaf["target"]["id"].as_str()).and_then(|(kind, id)| subjects::subject(kind, id));
    // a key that is made after an erasure opens nothing from before it
    let is_erased = subject.and_then(|subject| erased.get(&subject)).is_some_and(|erasure| *erasure > kept.event_id);
    let sealed = kept.detail.sealed.is_some();
    let detail = std::mem::take(&mut kept.detail).open(kept.event_id);
    match (leaf["detail"].as_str(), &detail) {
        (None, Detail::None) => {}
        (Some(said), Detail::Open { salt, value }) => {
            if commitment(salt, value)? != said {
                report.fault(place, "its reason, before or after are not those that the leaf commits to");
            }
            let marks = kept.actor_id.zip(kept.kind.as_deref().zip(kept.outcome.as_deref()));
            let marks =
                marks.filter(|_| kept.words.is_some()).map(|(actor, (kind, outcome))| vec![actor.to_string(), words::mark(kind, outcome)]);
            if kept.words != words::of(value).filter(|_| !sealed) || kept.marks != marks {
                report.fault(place, "it is found by other words or marks than it has");
            }
        }
        (Some(_), Detail::Gone) if is_erased => report.unopened += 1,
        (Some(_), Detail::Gone) => report.fault(place, "what its leaf commits to cannot be opened, and no event says that it was erased"),
        (Some(_), Detail::None) if replayed.iter().any(|lost| lost.contains(&kept.leaf_index)) => report.replayed += 1,
        (Some(_), Detail::None) => report.fault(place, "what its leaf commits to was removed"),
        (None, _) => report.fault(place, "something stands beside it that its leaf does not know of"),
    }
    Ok((leaf, detail))
}

/// The first tile that is not kept as these leaves make it: proofs are made of them, and the root at the end needs only the last ones.
/// `edge` are the tiles that are not full yet, by level.
async fn differing_tile(
    conn: &mut PgConnection,
    size: u64,
    edge: &mut BTreeMap<u8, (u64, Vec<u8>)>,
    leaves: &[Hash],
) -> anyhow::Result<Option<String>> {
    let so_far = edge.iter().map(|(level, (n, hashes))| (*level, *n, hashes.clone())).collect();
    let grown = tree::grow(size, &so_far, leaves).ok_or_else(|| anyhow::anyhow!("the tree does not grow from {size} leaves"))?;
    let wanted: Vec<_> = grown.iter().map(|(tile, _)| (i16::from(tile.level), tile.n as i64)).collect();
    let kept: HashMap<_, _> = tiles::rows(conn, &wanted).await?.into_iter().collect();
    for (at, (tile, hashes)) in wanted.iter().zip(grown) {
        // those at the edge grow with the next leaves of this walk
        if !kept.get(at).is_some_and(|kept| kept.starts_with(&hashes)) {
            return Ok(Some(format!("tile {}/{}", tile.level, tile.n)));
        }
        edge.insert(tile.level, (tile.n, hashes));
    }
    Ok(None)
}

fn hash_of(bytes: &[u8]) -> anyhow::Result<Hash> {
    Ok(bytes.try_into()?)
}
