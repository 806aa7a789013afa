//! Taking the ledger away: every event of a filter, oldest first, as a stream whose memory does not grow. Events are read in batches
//! by their id; nothing is held open between two of them, and whoever lost the stream goes on after the last event they have.
mod format;
mod store;

pub use format::Format;

use super::{
    Entry,
    browse::{Bounds, Filter, Query, found, patterns, sought},
    store::at_of,
};
use crate::{
    app::App,
    auth::{LedgerExport, LedgerRead, Operator, Scope},
    db::Db,
    error::Error,
    ledger::Outcome,
};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use format::Writer;
use serde_json::json;
use std::{collections::HashMap, io, time::Duration};
use store::Row;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

/// Rows read at a time.
const BATCH: i64 = 4_000;
/// How long the end of an export waits for transactions that had begun before it, and between two looks.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);

/// What to take away, and how.
pub struct Export {
    pub format: Format,
    pub query: Query,
    /// With reasons, before and after, and the salts that prove them.
    pub openings: bool,
    /// Only what comes after this event: the rest of an export that broke off.
    pub after: Option<Uuid>,
}

/// The bytes of an export, as they are read.
pub type Bytes = ReceiverStream<Result<Vec<u8>, io::Error>>;

/// Begins to read. That it was taken away is written down first.
pub async fn begin(app: &App, operator: &Operator<LedgerRead>, export: Export) -> Result<Bytes, Error> {
    let entry = Entry::of("ledger.exported")
        .on("list", "ledger")
        .with("format", export.format.name())
        .with("openings", export.openings)
        .detail("query", json!(export.query.line()));
    let entry = match export.after {
        Some(after) => entry.with("after", after.to_string()),
        None => entry,
    };
    if export.openings && !operator.caller().may(LedgerExport::NAME) {
        let denied = Entry::of("access.denied").outcome(Outcome::Denied).on("list", "ledger").with("scope", LedgerExport::NAME);
        app.db.record(operator.caller().into(), denied).await?;
        return Err(Error::Forbidden(LedgerExport::NAME));
    }
    let mut change = app.db.begin(operator).await?;
    if export.openings {
        change.require(LedgerExport::NAME).await?;
    }
    change.commit(entry).await?;

    let (bytes, body) = channel(4);
    let db = app.db.clone();
    tokio::spawn(async move {
        let ending = bytes.clone();
        if let Err(error) = stream(db, export, bytes).await {
            tracing::error!(cause = %error, "an export of the ledger broke off");
            // a stream that ends without its end is one that broke off
            let _ = ending.send(Err(io::Error::other("the export broke off"))).await;
        }
    });
    Ok(ReceiverStream::new(body))
}

/// A batch, with what its leaves commit to if that is asked for.
struct Batch {
    rows: Vec<Row>,
    openings: HashMap<Uuid, store::Opening>,
}

async fn stream(db: Db, export: Export, bytes: Sender<Result<Vec<u8>, io::Error>>) -> Result<(), Error> {
    let filter = export.query.filter(Utc::now());
    let names = store::names(&mut *db.read().await?).await?;
    let writer = Writer::new(export.format, export.openings, names);
    if export.after.is_none() {
        let head = writer.head()?;
        if !head.is_empty() && bytes.send(Ok(head)).await.is_err() {
            return Ok(());
        }
    }
    // the next batch is read while this one is written
    let (batches, mut read) = channel::<Batch>(2);
    let reading = tokio::spawn(read_all(db, filter, export.after, export.openings, batches));
    let mut events = 0;
    while let Some(batch) = read.recv().await {
        events += batch.rows.len();
        let text = writer.rows(&batch.rows, &batch.openings)?;
        if bytes.send(Ok(text)).await.is_err() {
            reading.abort();
            return Ok(());
        }
    }
    let until = reading.await.map_err(anyhow::Error::from)??;
    let _ = bytes.send(Ok(writer.end(events, until)?)).await;
    Ok(())
}

/// Reads all there is and answers until when that is all: whatever is dated before is in it.
///
/// Events are dated by when their transaction began and seen when it has ended. So what is older than every running transaction is
/// read first; the rest when those have ended that were running when we came.
async fn read_all(db: Db, filter: Filter, after: Option<Uuid>, openings: bool, to: Sender<Batch>) -> Result<DateTime<Utc>, Error> {
    let now = store::now(&mut *db.read().await?).await?.trunc_subsecs(3) + TimeDelta::milliseconds(1);
    let end = filter.until.map_or(now, |until| until.min(now));
    let mut settled = store::settled(&mut *db.read().await?).await?.min(end);
    let mut cursor = after;
    let began = tokio::time::Instant::now();
    loop {
        if !read_until(&db, &filter, &mut cursor, settled, openings, &to).await? {
            return Ok(settled);
        }
        if settled >= end {
            return Ok(end);
        }
        while settled < end && began.elapsed() < PATIENCE {
            tokio::time::sleep(PAUSE).await;
            settled = store::settled(&mut *db.read().await?).await?.min(end);
        }
        if settled < end {
            // somebody has been busy for long: the marker says how far this goes
            read_until(&db, &filter, &mut cursor, settled, openings, &to).await?;
            return Ok(settled);
        }
    }
}

/// `false` when nobody listens any more.
async fn read_until(
    db: &Db,
    filter: &Filter,
    cursor: &mut Option<Uuid>,
    until: DateTime<Utc>,
    openings: bool,
    to: &Sender<Batch>,
) -> Result<bool, Error> {
    let words = patterns(&filter.text);
    loop {
        let mut conn = db.read().await?;
        let Some(sought) = sought(&mut conn, filter).await? else { return Ok(true) };
        let bounds = Bounds::new(filter.since, Some(until), *cursor, true, BATCH);
        let whole = words.is_empty() && sought.is_everything();
        let rows = if whole {
            store::rows(&mut conn, &bounds).await?
        } else {
            let ids = found(&mut conn, &sought, &words, &bounds).await?;
            store::rows_of(&mut conn, &ids).await?
        };
        let openings = match (openings, rows.first(), rows.last()) {
            (true, Some(first), Some(last)) if whole => store::openings(&mut conn, (first.id, first.at), (last.id, last.at)).await?,
            (true, ..) => store::openings_of(&mut conn, &rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?,
            _ => HashMap::new(),
        };
        drop(conn);
        let more = rows.len() as i64 == BATCH;
        *cursor = rows.last().map(|row| row.id).or(*cursor);
        if !rows.is_empty() && to.send(Batch { rows, openings }).await.is_err() {
            return Ok(false);
        }
        if !more {
            return Ok(true);
        }
    }
}

/// Whether an id can be gone on after.
pub fn cursor(text: &str) -> Result<Option<Uuid>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let id = text.parse::<Uuid>().ok().filter(|id| at_of(*id).is_some());
    id.map(Some).ok_or_else(|| Error::Malformed("`after` is not the id of an event".into()))
}
