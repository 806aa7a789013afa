//! Months that are over: exported, vouched for by an event, and dropped. Leaves, tiles and checkpoints stay, and with them every proof.
mod store;

use super::{Entry, leaf_hash};
use crate::{
    auth::{LedgerRetire, Operator},
    db::Db,
    error::Error,
    i18n::msg,
    requests::{hex, short_id},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Months, NaiveDate, SecondsFormat, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::Path,
};
use uuid::Uuid;

/// So many whole months stay at least, besides the current one.
const STAY: u32 = 12;
/// Events that are exported at once.
const BUNCH: i64 = 2_000;

/// A calendar month, in UTC like the partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(NaiveDate);

impl Month {
    /// From `2026-01`.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 7).then(|| format!("{text}-01").parse().ok().map(Self)).flatten()
    }

    /// The month of this moment.
    pub fn of(at: DateTime<Utc>) -> Self {
        use chrono::Datelike;
        Self(at.date_naive().with_day(1).expect("every month has a first day"))
    }

    /// Whether it was old enough then.
    pub fn may_go(self, at: DateTime<Utc>) -> bool {
        Self::of(at).0 > self.0 + Months::new(STAY)
    }

    fn start(self) -> DateTime<Utc> {
        self.0.and_time(chrono::NaiveTime::MIN).and_utc()
    }

    fn end(self) -> DateTime<Utc> {
        (self.0 + Months::new(1)).and_time(chrono::NaiveTime::MIN).and_utc()
    }

    /// As the names of its partitions end.
    fn partition(self) -> String {
        self.0.format("%Y_%m").to_string()
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

/// What became of a month.
#[derive(Debug)]
pub struct Export {
    pub events: i64,
    pub bytes: u64,
    pub sha256: String,
    /// The event that says so.
    pub event: Uuid,
}

/// Exports a month to a new file and drops it, as the owner of the tables. What may not go yet is refused before anything is written.
pub async fn retire(db: &Db, console: &Operator<LedgerRetire>, month: Month, path: &Path) -> Result<Export, Error> {
    let mut conn = db.read().await?;
    store::take_time(&mut conn).await?;
    refusals(&mut conn, month).await?;
    let (written, first, last) = write(&mut conn, month, path).await?;
    drop(conn);
    let read = read_back(path).map_err(unwritten)?;
    if read != written {
        return Err(anyhow::anyhow!("{} does not hold what was written to it", path.display()).into());
    }
    let Summary { lines: events, bytes, sha256 } = written;

    let mut change = db.begin(console).await?;
    if let Err(busy) = store::lock(&mut change).await {
        // nothing was dropped: it can be tried again with the same name
        let _ = std::fs::remove_file(path);
        return Err(busy.into());
    }
    // nobody can have added anything to a month so long ago; but then nobody would know of it any more
    let now = store::count(&mut change, month.start(), month.end()).await?;
    if now.events != events || now.published != events {
        return Err(Error::Refused(msg::retire_changed(month.to_string())));
    }
    store::drop_month(&mut change, &month.partition()).await?;
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let entry = Entry::of("ledger.retired").on("month", &month.to_string()).with("month", month.to_string());
    let entry = entry.with("events", events).with("first", first).with("last", last);
    let event = change.commit(entry.with("file", file).with("bytes", bytes).with("sha256", &*sha256)).await?;
    Ok(Export { events, bytes, sha256, event })
}

async fn refusals(conn: &mut PgConnection, month: Month) -> Result<(), Error> {
    let refused = |text| Err(Error::Refused(text));
    if !month.may_go(Utc::now()) {
        return refused(msg::retire_recent(month.to_string(), STAY));
    }
    let partitions = store::partitions(conn).await?;
    if !partitions.contains(&month.partition()) {
        return refused(msg::retire_not_there(month.to_string()));
    }
    if let Some(older) = partitions.first().filter(|first| **first < month.partition()) {
        return refused(msg::retire_older_first(month.to_string(), older.replace('_', "-")));
    }
    if let Some(open) = store::open_request(conn, month.end()).await? {
        return refused(msg::retire_open_request(short_id(open)));
    }
    let count = store::count(conn, month.start(), month.end()).await?;
    if count.published < count.events {
        return refused(msg::retire_unpublished(count.events - count.published));
    }
    Ok(())
}

/// Lines, bytes and hash of an export.
#[derive(Debug, PartialEq, Default)]
struct Summary {
    lines: i64,
    bytes: u64,
    sha256: String,
}

fn unwritten(error: std::io::Error) -> Error {
    Error::Refused(msg::retire_unwritten(error.to_string()))
}

/// Writes the month in the order of its leaves, until it is on the disk; answers its first and last leaf as well. What is sealed
/// stays sealed: whoever is erased later is erased from the file, too.
async fn write(conn: &mut PgConnection, month: Month, path: &Path) -> Result<(Summary, i64, i64), Error> {
    let mut file = BufWriter::new(File::create_new(path).map_err(unwritten)?);
    let (mut summary, mut hash) = (Summary::default(), Sha256::new());
    let range = store::range(conn, month.start(), month.end()).await?;
    let (first, last) = (range.0.unwrap_or(-1), range.1.unwrap_or(-1));
    let mut at = first;
    while at <= last && first >= 0 {
        let bunch = store::events(conn, month.start(), month.end(), at, BUNCH).await?;
        let Some(end) = bunch.last() else { break };
        at = end.leaf_index + 1;
        for event in &bunch {
            // dropped, it would look as if it had always been so
            if leaf_hash(&event.leaf)[..] != event.hash {
                let _ = std::fs::remove_file(path);
                return Err(Error::Refused(msg::retire_altered(event.event_id.to_string())));
            }
            let line = line(event) + "\n";
            hash.update(&line);
            (summary.lines, summary.bytes) = (summary.lines + 1, summary.bytes + line.len() as u64);
            file.write_all(line.as_bytes()).map_err(unwritten)?;
        }
    }
    let file = file.into_inner().map_err(|error| unwritten(error.into_error()))?;
    file.sync_all().map_err(unwritten)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritten)?;
    summary.sha256 = hex(&hash.finalize());
    Ok((summary, first, last))
}

/// One event as `verify.py` reads it.
fn line(e: &store::Row) -> String {
    let base64 = |bytes: &Vec<u8>| BASE64_STANDARD.encode(bytes);
    let opening = e.salt.as_ref().zip(e.data.as_ref()).map(|(salt, data)| json!({"salt": base64(salt), "detail": data}));
    let target = e.target_id.as_ref().map(|id| json!({"type": e.target_type, "id": id}));
    let mut line = json!({
        "index": e.leaf_index, "leaf": String::from_utf8_lossy(&e.leaf), "opening": opening,
        "event": {
            "id": e.event_id, "at": e.recorded_at.to_rfc3339_opts(SecondsFormat::Millis, true), "kind": e.kind, "outcome": e.outcome,
            "actor": e.actor_id, "door": e.door, "request": e.request_id.map(short_id), "target": target,
        },
    });
    if let Some(sealed) = &e.sealed {
        line["sealed"] = json!(base64(sealed));
    }
    line.to_string()
}

fn read_back(path: &Path) -> std::io::Result<Summary> {
    let (mut file, mut line) = (BufReader::new(File::open(path)?), Vec::new());
    let (mut summary, mut hash) = (Summary::default(), Sha256::new());
    while file.read_until(b'\n', &mut line)? > 0 {
        hash.update(&line);
        (summary.lines, summary.bytes) = (summary.lines + 1, summary.bytes + line.len() as u64);
        line.clear();
    }
    summary.sha256 = hex(&hash.finalize());
    Ok(summary)
}

/// Where the event of a leaf went.
pub struct Gone {
    pub leaf_index: i64,
    pub hash: Vec<u8>,
    /// The event that says so.
    pub by: Uuid,
    /// What it says: month, file, hash and length of the export.
    pub facts: Value,
}

/// What became of an event that is in the log and not in the database any more.
pub async fn find(conn: &mut PgConnection, event: Uuid) -> Result<Option<Gone>, Error> {
    let Some((leaf_index, hash, at)) = store::leaf(conn, event).await? else { return Ok(None) };
    let retirement = store::retirements(conn).await?.into_iter().find(|r| Month(r.month) == Month::of(at));
    Ok(retirement.map(|r| Gone { leaf_index, hash, by: r.event_id, facts: facts(&r.leaf) }))
}

fn facts(leaf: &[u8]) -> Value {
    let mut leaf: Value = serde_json::from_slice(leaf).unwrap_or_default();
    leaf["facts"].take()
}

/// The newest month whose events are in a file and not here any more, with all before it.
pub async fn newest(conn: &mut PgConnection) -> sqlx::Result<Option<Month>> {
    Ok(store::newest(conn).await?.map(Month))
}

/// All of them.
pub async fn months(conn: &mut PgConnection) -> sqlx::Result<BTreeSet<Month>> {
    Ok(store::retirements(conn).await?.into_iter().map(|retirement| Month(retirement.month)).collect())
}

/// The months that may be missing, each with what its event says of it, and what was found of it without an event.
pub struct Retired(BTreeMap<NaiveDate, (Result<Extent, String>, Extent)>);

/// So many leaves, from one place to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Extent {
    events: i64,
    first: i64,
    last: i64,
}

impl Retired {
    pub async fn read(conn: &mut PgConnection) -> sqlx::Result<Self> {
        let mut months = BTreeMap::new();
        for r in store::retirements(conn).await? {
            let month = Month(r.month);
            let left = store::has_events(conn, month.start(), month.end()).await?;
            let vouched = match (r.hash, extent(&r.leaf, month)) {
                (Some(hash), _) if leaf_hash(&r.leaf)[..] != hash => Err("the event that vouches for it is not the one in the log".into()),
                (None, _) if !r.waits => Err("the event that vouches for it is not in the log".into()),
                // a month goes as a whole: what is missing of one that is here was removed
                (_, Some(_)) if left => Err("it was retired, and events of it are here".into()),
                (_, Some(extent)) => Ok(extent),
                _ => Err("the event that vouches for it says something else".into()),
            };
            months.insert(r.month, (vouched, Extent::default()));
        }
        Ok(Self(months))
    }

    /// Whether an event of this time, at this place of the log, may be gone; counts it.
    pub fn covers(&mut self, at: DateTime<Utc>, index: i64) -> bool {
        let Some((_, gone)) = self.0.get_mut(&Month::of(at).0) else { return false };
        let first = if gone.events == 0 { index } else { gone.first };
        *gone = Extent { events: gone.events + 1, first, last: index };
        true
    }

    /// From when on all events are here, if not from the beginning.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        let vouched = self.0.iter().rev().find(|(_, (vouched, _))| vouched.is_ok());
        vouched.map(|(month, _)| Month(*month).end())
    }

    /// Place and fault of each month that is not as its event says.
    pub fn faults(&self) -> Vec<(String, String)> {
        let fault = |(month, (vouched, gone)): (&NaiveDate, &(Result<Extent, String>, Extent))| {
            let what = match vouched {
                Err(why) => why.clone(),
                Ok(said) if said.events != gone.events => {
                    format!("{} of its events are gone, and {} were exported", gone.events, said.events)
                }
                Ok(said) if said != gone => {
                    format!("leaves {} to {} are gone, and {} to {} were exported", gone.first, gone.last, said.first, said.last)
                }
                Ok(_) => return None,
            };
            Some((format!("retired month {}", Month(*month)), what))
        };
        self.0.iter().filter_map(fault).collect()
    }
}

/// What a leaf says was exported of a month, if it vouches for it: that month, when it was old enough to go.
fn extent(leaf: &[u8], month: Month) -> Option<Extent> {
    let leaf: Value = serde_json::from_slice(leaf).ok()?;
    let at: DateTime<Utc> = leaf["at"].as_str()?.parse().ok()?;
    let (facts, vouches) = (&leaf["facts"], leaf["kind"] == "ledger.retired" && leaf["outcome"] == "success");
    let of = |name: &str| facts[name].as_i64();
    let extent = Extent { events: of("events")?, first: of("first")?, last: of("last")? };
    (vouches && month.may_go(at) && extent.events > 0 && facts["month"] == json!(month.to_string())).then_some(extent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_written_one_way_only() {
        let month = Month::parse("2025-12").unwrap();
        assert_eq!((month.to_string(), month.partition()), ("2025-12".into(), "2025_12".into()));
        assert_eq!(month.end().to_rfc3339(), "2026-01-01T00:00:00+00:00");
        assert_eq!(Month::of(month.end()), Month::parse("2026-01").unwrap());
        for text in ["", "2025", "2025-13", "2025-1", "25-12", "2025-12-01", "2025_12", "2025-12;"] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }
}
