//! Checking an export where there is no server and no database: the leaves against what was signed, what stands beside them against
//! the leaves, and whether what ran had been approved. `static/verify.py` does the same and shares no code with it.
mod gone;

use crate::{
    ledger::{
        canonical, commitment, leaf_hash,
        log::audit::{Report, differences, published},
        note::{Checkpoint, VerifyingKey},
        tree::{Frontier, Hash, verify_inclusion},
    },
    requests::invariants::{Told, is_effect},
};
use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use gone::Gone;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::{
    borrow::Cow,
    collections::{HashSet, VecDeque},
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
    thread,
};

/// About so many bytes are read at once, for each processor.
const BYTES: u64 = 8 * 1024 * 1024;
/// The last line is looked for in so many bytes.
const TAIL: u64 = 64 * 1024;

/// A line of an export: an event, what is left of one, or the end. One shape for all three, which is read twice as fast as three.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    leaf: Option<Cow<'a, str>>,
    #[serde(borrow)]
    hash: Option<Cow<'a, str>>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    opening: Option<Opening>,
    /// The way up to the root, if the events between are not there.
    #[serde(borrow)]
    path: Option<Vec<Cow<'a, str>>>,
    /// The month it went with.
    #[serde(borrow)]
    retired: Option<Cow<'a, str>>,
    complete: Option<bool>,
    #[serde(rename = "events")]
    _events: Option<u64>,
    #[serde(rename = "next")]
    _next: Option<u64>,
    /// Not everything was asked for.
    part: Option<bool>,
    checkpoint: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    salt: String,
    detail: Value,
}

/// What stands beside a leaf, as it should.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Columns<'a> {
    id: &'a str,
    at: &'a str,
    kind: &'a str,
    outcome: &'a str,
    door: &'a str,
    actor: &'a str,
    request: Option<&'a str>,
    #[serde(borrow)]
    target: Option<Target<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// What a line comes to by itself.
#[derive(Default)]
struct Checked {
    /// Its place and the hash of its leaf; nothing for a line that is none.
    leaf: Option<(u64, Hash)>,
    /// The leaf, if it is one about a request.
    told: Option<Value>,
    /// The month it went with.
    retired: Option<String>,
    /// The month that it says was retired.
    vouches: Option<(String, gone::Range)>,
    /// When it happened, if it is here.
    at: Option<String>,
    /// A proof of its own, which holds or was a fault.
    proven: bool,
    unopened: bool,
    faults: Vec<String>,
    end: bool,
}

/// What the lines so far come to.
#[derive(Default)]
struct So {
    /// It says that it is not everything.
    part: bool,
    frontier: Frontier,
    told: Told,
    gone: Gone,
    /// The places of those that were proven by themselves.
    proven: HashSet<u64>,
    /// The line that says it is the last was the last.
    end: bool,
}

impl So {
    fn without_gap(&self) -> Option<(u64, u64)> {
        let (first, last) = (*self.proven.iter().min()?, *self.proven.iter().max()?);
        (last - first + 1 == self.proven.len() as u64).then_some((first, last))
    }
}

/// Checks an export: of everything by all of its leaves, of a part by the proof of each. `copy` is a file of published checkpoints,
/// which must be under the whole as well.
pub fn verify(path: &Path, keys: &[VerifyingKey], copy: Option<&Path>) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut signed: VecDeque<Checkpoint> = copy.map_or_else(|| Ok(VecDeque::new()), |copy| published(copy, keys, &mut report))?;
    report.published = signed.len() as u64;
    let mut file = BufReader::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?);
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let (part, note) = last_line(&mut file)?.unzip();
    let (part, said) = (part.unwrap_or_default(), note.map(|note| Checkpoint::open(&note, keys)));
    let (mut so, mut differing) = (So { part, ..So::default() }, Vec::new());
    let signs = said.as_ref().and_then(|said| said.as_ref().ok());
    let mut checked: Vec<Vec<Checked>> = Vec::new();
    loop {
        let lines = read(&mut file, BYTES * processors as u64)?;
        if lines.is_empty() && checked.is_empty() {
            break;
        }
        checked = thread::scope(|scope| {
            let workers: Vec<_> = shares(&lines, processors).into_iter().map(|lines| scope.spawn(|| check_each(lines, signs))).collect();
            // what was checked before is put together meanwhile
            for line in checked.into_iter().flatten() {
                take(line, &mut so, &mut report);
                while signed.front().is_some_and(|said| said.size <= so.frontier.size()) {
                    let said = signed.pop_front().expect("there is one");
                    if said.size == so.frontier.size() && said.root != so.frontier.root() {
                        differing.push((said, "the leaves before it are not those that were published".to_owned()));
                    }
                }
            }
            workers.into_iter().map(|worker| worker.join().expect("a check does not panic")).collect()
        });
    }
    report.leaves = so.frontier.size();
    report.without_gap = so.without_gap();
    for (place, what) in so.gone.faults() {
        report.fault(place, what);
    }
    anyhow::ensure!(!part || copy.is_none(), "published checkpoints can only be compared with an export of everything");
    if !part && report.proven > 0 {
        report.fault("export", "its events bring proofs along, and it does not say that it is a part");
    }
    differing.extend(signed.into_iter().map(|said| (said, format!("the export has {} leaves only", report.leaves))));
    let said = match said.filter(|_| so.end) {
        None => Err("the export has no last line with a checkpoint: it was cut off".to_owned()),
        Some(opened) => opened.map_err(|error| error.to_string()),
    };
    match &said {
        Err(why) => report.fault("end", why),
        Ok(said) => {
            report.checkpoints = 1;
            if !part && (said.size, said.root) != (so.frontier.size(), so.frontier.root()) {
                let what = format!("the {} leaves are not the {} that its checkpoint signs", so.frontier.size(), said.size);
                report.fault(format!("checkpoint {}", said.size), what);
            }
        }
    }
    for (published, what) in differing {
        // a log that went on under another name gave up what it had published under the old one and had lost
        if said.as_ref().is_ok_and(|said| said.origin != published.origin) {
            report.given_up += 1;
        } else {
            report.fault(format!("published checkpoint {}", published.size), what);
        }
    }
    Ok(report)
}

/// Whether it is a part, and the checkpoint it ends with.
fn last_line(file: &mut BufReader<File>) -> std::io::Result<Option<(bool, String)>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    file.rewind()?;
    let last = tail.strip_suffix(b"\n").and_then(|tail| tail.rsplit(|byte| *byte == b'\n').next());
    let end: Option<Line> = last.and_then(|last| serde_json::from_slice(last).ok()).filter(|line: &Line| line.complete == Some(true));
    Ok(end.and_then(|end| Some((end.part.unwrap_or_default(), end.checkpoint?))))
}

/// The next lines, whole ones, of about so many bytes together.
fn read(file: &mut impl BufRead, about: u64) -> std::io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    file.take(about).read_to_end(&mut lines)?;
    file.read_until(b'\n', &mut lines)?;
    Ok(lines)
}

/// Lines in parts of about one size.
fn shares(mut lines: &[u8], parts: usize) -> Vec<&[u8]> {
    let (about, mut shares) = (lines.len().div_ceil(parts), Vec::new());
    while !lines.is_empty() {
        let at = about.min(lines.len()) - 1;
        let end = lines[at..].iter().position(|byte| *byte == b'\n').map_or(lines.len(), |n| at + n + 1);
        let (share, rest) = lines.split_at(end);
        shares.push(share);
        lines = rest;
    }
    shares
}

fn check_each(mut lines: &[u8], signed: Option<&Checkpoint>) -> Vec<Checked> {
    let (mut checked, mut line) = (Vec::new(), Vec::new());
    while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        checked.push(check(&line, signed));
        line.clear();
    }
    checked
}

fn take(line: Checked, so: &mut So, report: &mut Report) {
    let Some((index, hash)) = line.leaf else {
        for what in line.faults {
            report.fault(format!("after leaf {}", so.frontier.size()), what);
        }
        so.end = line.end;
        return;
    };
    let place = format!("leaf {index}");
    if std::mem::take(&mut so.end) {
        report.fault(&place, "stands behind the line that says it is the last");
    }
    if line.proven {
        if !so.proven.insert(index) {
            report.fault(&place, "stands here twice");
        }
        for what in line.faults {
            report.fault(&place, what);
        }
        (report.proven, report.unopened) = (report.proven + 1, report.unopened + u64::from(line.unopened));
        return;
    }
    if so.part {
        report.fault(&place, "brings no proof along: export it with proofs, or export everything");
        return;
    }
    if index != so.frontier.size() {
        report.fault(&place, format!("stands where leaf {} should: events are missing, doubled or out of order", so.frontier.size()));
    }
    for what in line.faults {
        report.fault(&place, what);
    }
    so.frontier.push(hash);
    report.unopened += u64::from(line.unopened);
    if let Some(month) = line.retired {
        report.retired += 1;
        so.told.something_is_gone();
        so.gone.event(&month, index);
    }
    if let Some(at) = line.at {
        so.gone.here(&at);
    }
    if let Some(month) = line.vouches {
        so.gone.vouch(month);
    }
    if let Some(what) = line.told.and_then(|leaf| so.told.event(&leaf)) {
        report.fault(&place, what);
    }
}

fn check(line: &[u8], signed: Option<&Checkpoint>) -> Checked {
    let mut checked = Checked::default();
    match serde_json::from_slice(line) {
        Ok(Line { complete: Some(true), index: None, leaf: None, .. }) => checked.end = true,
        Ok(Line {
            index: Some(index),
            leaf: None,
            hash: Some(hash),
            retired: Some(month),
            event: None,
            opening: None,
            path: None,
            complete: None,
            ..
        }) => {
            checked.retired = Some(month.into_owned());
            match decode(&hash).and_then(|hash| hash.try_into().ok()) {
                Some(hash) => checked.leaf = Some((index, hash)),
                None => checked.faults.push(format!("the hash of retired leaf {index} is none")),
            }
        }
        Ok(Line {
            index: Some(index), leaf: Some(leaf), hash, event: Some(event), opening, path, retired: None, complete: None, ..
        }) => {
            let computed = leaf_hash(leaf.as_bytes());
            checked.leaf = Some((index, computed));
            if hash.is_some_and(|said| decode(&said).as_deref() != Some(&computed[..])) {
                checked.faults.push("its leaf was changed: it has another hash now".into());
            }
            if let Some(path) = path {
                checked.proven = true;
                let path: Option<Vec<Hash>> = path.iter().map(|hash| decode(hash)?.try_into().ok()).collect();
                let proven = path.zip(signed).is_some_and(|(path, said)| verify_inclusion(&computed, index, said.size, &path, &said.root));
                if !proven {
                    checked.faults.push("its proof does not lead to the root that the export's checkpoint signs".into());
                }
            }
            let said: Value = serde_json::from_str(&leaf).unwrap_or_default();
            if !is_canonical(&said, &leaf) {
                checked.faults.push("its leaf is not canonical JSON".into());
            }
            if !says(event, &said) {
                checked.faults.extend(differences(&serde_json::from_str(event.get()).unwrap_or_default(), &said));
            }
            checked.unopened = said["detail"].is_string() && opening.is_none();
            checked.faults.extend(opening.and_then(|opening| misfit(&opening, &said)));
            checked.vouches = gone::voucher(&said);
            checked.at = said["at"].as_str().map(str::to_owned);
            checked.told = (said["request"].is_string() || is_effect(&said)).then_some(said);
        }
        _ => checked.faults.push("a line is none of an export".into()),
    }
    checked
}

/// Whether a leaf is in the one spelling of what it says (RFC 8785). Where all keys are ASCII and all numbers whole, that is how any
/// sorted JSON is spelt.
fn is_canonical(said: &Value, leaf: &str) -> bool {
    fn is_plain(value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) | Value::String(_) => true,
            Value::Number(number) => number.as_i64().is_some_and(|n| n.unsigned_abs() < 1 << 53),
            Value::Array(values) => values.iter().all(is_plain),
            Value::Object(values) => values.iter().all(|(key, value)| key.is_ascii() && is_plain(value)),
        }
    }
    (is_plain(said) && serde_json::to_string(said).is_ok_and(|plain| plain == leaf))
        || canonical(said).is_ok_and(|bytes| bytes == leaf.as_bytes())
}

/// Whether the columns say what the leaf says, and nothing else. What this doubts, [`differences`] names.
fn says(event: &RawValue, leaf: &Value) -> bool {
    let Ok(shown) = serde_json::from_str::<Columns>(event.get()) else { return false };
    let target = match (&shown.target, &leaf["target"]) {
        (None, Value::Null) => true,
        (Some(target), Value::Object(said)) => {
            said.len() == 2 && leaf["target"]["type"] == target.kind && leaf["target"]["id"] == *target.id
        }
        _ => false,
    };
    target
        && (leaf["id"] == shown.id && leaf["at"] == shown.at && leaf["kind"] == shown.kind && leaf["outcome"] == shown.outcome)
        && (leaf["door"] == shown.door && leaf["actor"] == shown.actor && leaf["request"].as_str() == shown.request)
        && (shown.request.is_some() || leaf["request"].is_null())
}

/// Why what is opened is not what the leaf commits to.
fn misfit(opening: &Opening, leaf: &Value) -> Option<String> {
    let Some(said) = leaf["detail"].as_str() else { return Some("something stands beside it that its leaf does not know of".into()) };
    let salt: Option<[u8; 32]> = decode(&opening.salt).and_then(|salt| salt.try_into().ok());
    let fits = salt.and_then(|salt| commitment(&salt, &opening.detail).ok()).is_some_and(|made| made == said);
    (!fits).then(|| "its reason, before or after are not those that the leaf commits to".into())
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests;
