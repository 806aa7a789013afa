//! Checking the log against everything that is kept of it: the leaves against their hashes, the hashes against what was signed, what
//! pages show against the leaves, and what is kept elsewhere against all of it.
use super::{publication::Copy, store, tiles};
use crate::ledger::{
    commitment, leaf_hash,
    note::{Checkpoint, VerifyingKey},
    tree::{Frontier, Hash},
};
use chrono::SecondsFormat;
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::{collections::VecDeque, path::Path};

/// Leaves that are read at once.
const BUNCH: i64 = 5_000;
/// With so many faults the rest says no more.
const ENOUGH: usize = 50;

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a leaf, a checkpoint, the head.
    pub place: String,
    pub what: String,
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Report {
    pub leaves: u64,
    pub checkpoints: u64,
    pub published: u64,
    pub faults: Vec<Fault>,
}

impl Report {
    fn fault(&mut self, place: impl Into<String>, what: impl Into<String>) {
        if self.faults.len() < ENOUGH {
            self.faults.push(Fault { place: place.into(), what: what.into() });
        }
    }
}

/// Goes through the whole log once. `copy` is a file of published checkpoints; `keys` are those whose signatures count.
pub async fn verify(conn: &mut PgConnection, keys: &[VerifyingKey], copy: Option<&Path>) -> anyhow::Result<Report> {
    let mut report = Report::default();
    store::take_time(conn).await?;
    // what was published before the head is read is under it, however quickly the log grows meanwhile
    let mut published: VecDeque<Checkpoint> = match copy {
        Some(path) => Copy::at(path).all(keys, |line, why| report.fault(format!("{}:{line}", path.display()), why))?.into(),
        None => VecDeque::new(),
    };
    let Some(head) = store::head(conn).await? else {
        report.fault("head", "the log has not begun");
        return Ok(report);
    };
    report.published = published.len() as u64;
    let mut signed: VecDeque<(i64, Vec<u8>, String)> = VecDeque::new();
    let (mut frontier, mut at) = (Frontier::default(), 0);
    loop {
        let bunch = store::kept(conn, at, head.size, BUNCH).await?;
        if bunch.is_empty() {
            break;
        }
        for kept in &bunch {
            let place = format!("leaf {} (event {})", kept.leaf_index, kept.event_id);
            if kept.leaf_index != at {
                report.fault(format!("leaf {at}"), format!("is missing: the next one is {}", kept.leaf_index));
                at = kept.leaf_index;
            }
            if kept.leaf.is_some() {
                look_at(kept, &place, &mut report)?;
            } else if !store::is_retired(conn, kept.recorded_at).await? {
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
            while published.front().is_some_and(|said| said.size <= at as u64) {
                let said = published.pop_front().expect("there is one");
                if said.size == at as u64 && said.root != frontier.root() {
                    report.fault(format!("published checkpoint {}", said.size), "the leaves before it are not those that were published");
                }
            }
        }
    }
    report.leaves = frontier.size();
    for (size, ..) in signed {
        report.fault(format!("checkpoint {size}"), format!("the log has {at} leaves only"));
    }
    for said in published {
        report.fault(format!("published checkpoint {}", said.size), format!("the log has {at} leaves only: its end was removed"));
    }
    if head.size != at || head.root != frontier.root() {
        report.fault("head", format!("it tells {} leaves, or another root than the {at} leaves have", head.size));
    }
    if tiles::root_at(conn, at as u64).await? != Some(frontier.root()) {
        report.fault("tiles", "they make another root than the leaves");
    }
    let (lost, late) = store::forgotten(conn).await?;
    for event in lost {
        report.fault(format!("event {event}"), "it has no leaf and waits for none");
    }
    if late > 0 {
        report.fault("sequencer", format!("{late} events have waited longer than five seconds for a checkpoint"));
    }
    Ok(report)
}

/// The leaf against its hash, the columns and what it commits to against the leaf.
fn look_at(kept: &store::Kept, place: &str, report: &mut Report) -> anyhow::Result<()> {
    let bytes = kept.leaf.as_deref().unwrap_or_default();
    if leaf_hash(bytes)[..] != kept.hash {
        report.fault(place, "its leaf was changed: it has another hash now");
    }
    let leaf: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let target = kept.target_id.as_ref().map(|id| json!({"type": kept.target_type, "id": id}));
    let columns = [
        ("id", json!(kept.event_id)),
        ("at", json!(kept.recorded_at.to_rfc3339_opts(SecondsFormat::Millis, true))),
        ("kind", json!(kept.kind)),
        ("outcome", json!(kept.outcome)),
        ("actor", json!(kept.actor_id)),
        ("door", json!(kept.door)),
        ("request", json!(kept.request_id.map(|id| format!("CR-{id}")))),
        ("target", json!(target)),
    ];
    for (name, shown) in columns {
        if leaf[name] != shown {
            report.fault(place, format!("its column {name} shows {shown}, and the leaf says {}", leaf[name]));
        }
    }
    match (leaf["detail"].as_str(), &kept.salt, &kept.data) {
        (None, None, None) => {}
        (Some(said), Some(salt), Some(data)) => {
            let salt: [u8; 32] = salt.as_slice().try_into()?;
            if commitment(&salt, data)? != said {
                report.fault(place, "its reason, before or after are not those that the leaf commits to");
            }
        }
        (Some(_), ..) => report.fault(place, "what its leaf commits to was removed"),
        (None, ..) => report.fault(place, "something stands beside it that its leaf does not know of"),
    }
    Ok(())
}

fn hash_of(bytes: &[u8]) -> anyhow::Result<Hash> {
    Ok(bytes.try_into()?)
}
