//! Taking the ledger away, as a stream whose memory does not grow. An export goes as far as a published checkpoint, and says so at its
//! end: whatever is in the log before is in it. Nothing is held open between two batches, and whoever lost the stream goes on after
//! the last event they have.
//!
//! Everything, and everything from a place in the log on, comes in the order of the log, whose places have no gaps. A filter alone comes
//! in the order of time, by the indexes that answer it.
mod format;
mod store;
pub mod verify;

pub use format::Format;

use super::{
    Entry,
    browse::{Bounds, Filter, Query, Sought, found, sought},
    log,
    retire::{self, Month},
    store::at_of,
    tree::Hash,
    words,
};
use crate::{
    app::App,
    auth::{LedgerExport, LedgerRead, Operator, Scope},
    db::Db,
    error::{Error, Problem},
    i18n::msg,
    ledger::Outcome,
};
use chrono::{TimeDelta, Utc};
use format::{End, Writer};
use serde_json::json;
use sqlx::PgConnection;
use std::{collections::HashSet, io, time::Duration};
use store::{Place, Row};
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

/// Rows read at a time.
const BATCH: i64 = 4_000;
/// How long an export waits for a checkpoint over what was there when it began, and between two looks.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// What to take away, and how.
pub struct Export {
    pub format: Format,
    pub query: Query,
    /// With reasons, before and after, and the salts that prove them.
    pub openings: bool,
    /// In NDJSON with a filter, each event with its proof; they lead to the checkpoint at this stream's end and to no other's.
    pub proofs: bool,
    /// Only what has this place in the log or a later one: what came since the export before.
    pub from: Option<i64>,
    /// Only what comes after this event: the rest of an export that broke off.
    pub after: Option<Uuid>,
}

/// The bytes of an export, as they are read.
pub type Bytes = ReceiverStream<Result<Vec<u8>, io::Error>>;

/// Begins to read. That it was taken away is written down first.
pub async fn begin(app: &App, operator: &Operator<LedgerRead>, export: Export) -> Result<Bytes, Error> {
    let mut entry = Entry::of("ledger.exported")
        .on("list", "ledger")
        .with("format", export.format.name())
        .with("openings", export.openings)
        .detail("query", json!(export.query.line()));
    if let Some(from) = export.from {
        entry = entry.with("from", from);
    }
    if let Some(after) = export.after {
        entry = entry.with("after", after.to_string());
    }
    if export.openings && !operator.caller().may(LedgerExport::NAME) {
        let denied = Entry::of("access.denied").outcome(Outcome::Denied).on("list", "ledger").with("scope", LedgerExport::NAME);
        app.db.record(operator.caller().into(), denied).await?;
        return Err(Error::Forbidden(LedgerExport::NAME));
    }
    let order = Order::of(&mut *app.db.read().await?, &export).await?;
    let mut change = app.db.begin(operator).await?;
    if export.openings {
        change.require(LedgerExport::NAME).await?;
    }
    change.commit(entry).await?;

    let (bytes, body) = channel(4);
    let db = app.db.clone();
    tokio::spawn(async move {
        let ending = bytes.clone();
        if let Err(error) = stream(db, export, order, bytes).await {
            tracing::error!(cause = %error, "an export of the ledger broke off");
            // a stream that ends without its end is one that broke off
            let _ = ending.send(Err(io::Error::other("the export broke off"))).await;
        }
    });
    Ok(ReceiverStream::new(body))
}

/// In which order events come, and after which.
enum Order {
    /// Of the log, from this place on.
    Log(i64),
    Time(Option<Uuid>),
}

impl Order {
    async fn of(conn: &mut PgConnection, export: &Export) -> Result<Self, Error> {
        if export.from.is_none() && !export.query.is_empty() {
            return Ok(Self::Time(export.after));
        }
        let from = export.from.unwrap_or_default();
        let published = log::head(conn).await?.map_or(0, |head| head.published_size);
        if from > published {
            // whoever was told of that place was told by a database that knew more
            return Err(Error::Invalid(vec![Problem::new("from", msg::ledger_export_beyond(published))]));
        }
        let next = match export.after {
            Some(id) => log::leaf_index(conn, id).await?.ok_or_else(not_an_event)? + 1,
            None => 0,
        };
        Ok(Self::Log(from.max(next)))
    }
}

async fn stream(db: Db, export: Export, order: Order, bytes: Sender<Result<Vec<u8>, io::Error>>) -> Result<(), Error> {
    let filter = export.query.filter(Utc::now());
    let names = store::names(&mut *db.read().await?).await?;
    let writer = Writer::new(export.format, export.openings, names);
    if export.after.is_none() {
        let head = writer.head()?;
        if !head.is_empty() && bytes.send(Ok(head)).await.is_err() {
            return Ok(());
        }
    }
    let (next, checkpoint) = covered(&db).await?;
    // the next batch is read while this one is written
    let everything = export.query.is_empty();
    // what does not begin at the beginning leads to no root, just as what leaves something out
    let part = !everything || !matches!(order, Order::Log(0));
    let proves = export.proofs && part && export.format == Format::Ndjson;
    let (batches, mut read) = channel::<Batch>(2);
    let reader = Reader { db, filter, everything, proves, openings: export.openings, until: next, to: batches };
    let reading = tokio::spawn(async move {
        match order {
            Order::Log(from) => reader.by_place(from).await,
            Order::Time(after) => reader.by_time(after).await,
        }
    });
    let mut events = 0;
    while let Some(batch) = read.recv().await {
        events += batch.rows.len();
        if bytes.send(Ok(writer.batch(batch)?)).await.is_err() {
            reading.abort();
            return Ok(());
        }
    }
    reading.await.map_err(anyhow::Error::from)??;
    let _ = bytes.send(Ok(writer.end(&End { complete: true, events, next, part, checkpoint })?)).await;
    Ok(())
}

/// How far an export can go: to a published checkpoint, which it has if there is one. What was committed when it began is under it,
/// unless the log has halted or takes too long.
async fn covered(db: &Db) -> Result<(i64, Option<String>), Error> {
    let waiting = store::newest_pending(&mut *db.read().await?).await?;
    let (began, mut size) = (tokio::time::Instant::now(), None);
    loop {
        let mut conn = db.read().await?;
        let placed = match &waiting {
            Some(xid) if size.is_none() => store::is_placed(&mut conn, xid).await?,
            _ => true,
        };
        let Some(head) = log::head(&mut conn).await? else { return Ok((0, None)) };
        size = size.or(placed.then_some(head.size));
        if size.is_some_and(|size| head.published_size >= size) || head.halted.is_some() || began.elapsed() > PATIENCE {
            let newest = log::newest_published(&mut conn).await?;
            return Ok(newest.map_or((0, None), |signed| (signed.size, Some(signed.note))));
        }
        drop(conn);
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is read at once, in the order it comes in.
#[derive(Default)]
struct Batch {
    rows: Vec<Row>,
    /// Places whose events went with a month that was retired, where everything is asked for: so that nothing is missing without a word.
    retired: Vec<(Place, Month)>,
    /// The way from each row's leaf to the root that the export ends with, where only a part is asked for.
    paths: Vec<Vec<Hash>>,
}

struct Reader {
    db: Db,
    filter: Filter,
    /// Nothing is sought.
    everything: bool,
    /// Each event brings its proof along: the others, which would prove it, are not there.
    proves: bool,
    openings: bool,
    /// The place in the log that the export ends before.
    until: i64,
    to: Sender<Batch>,
}

impl Reader {
    async fn by_place(self, mut from: i64) -> Result<(), Error> {
        let words = words::patterns(&self.filter.text);
        let Some(sought) = sought(&mut *self.db.read().await?, &self.filter).await? else { return Ok(()) };
        while from < self.until {
            let mut conn = self.db.read().await?;
            let mut places = store::places(&mut conn, from, self.until.min(from + BATCH)).await?;
            from += BATCH;
            places.retain(|place| {
                self.filter.since.is_none_or(|since| place.at >= since) && self.filter.until.is_none_or(|until| place.at < until)
            });
            let mut batch = Batch { rows: store::rows(&mut conn, &places, &sought, &words, self.openings).await?, ..Batch::default() };
            if self.everything && batch.rows.len() < places.len() {
                let (there, retired) = (batch.rows.iter().map(|row| row.id).collect::<HashSet<_>>(), retire::months(&mut conn).await?);
                let gone = places.into_iter().filter(|place| !there.contains(&place.id));
                batch.retired = gone
                    .filter_map(|place| Some(Month::of(place.at)).filter(|month| retired.contains(month)).map(|month| (place, month)))
                    .collect();
            }
            batch.paths = self.paths(&mut conn, &batch.rows).await?;
            drop(conn);
            if !self.send(batch).await {
                break;
            }
        }
        Ok(())
    }

    async fn by_time(self, mut after: Option<Uuid>) -> Result<(), Error> {
        let words = words::patterns(&self.filter.text);
        let now = store::now(&mut *self.db.read().await?).await? + TimeDelta::milliseconds(1);
        let until = self.filter.until.map_or(now, |until| until.min(now));
        loop {
            let mut conn = self.db.read().await?;
            let Some(sought) = sought(&mut conn, &self.filter).await? else { return Ok(()) };
            let ids = found(&mut conn, &sought, &words, &Bounds::new(self.filter.since, Some(until), after, true, BATCH)).await?;
            after = ids.last().copied().or(after);
            let places: Vec<Place> = store::places_of(&mut conn, &ids, self.until).await?;
            let rows = store::rows(&mut conn, &places, &Sought::default(), &[], self.openings).await?;
            let paths = self.paths(&mut conn, &rows).await?;
            drop(conn);
            if !self.send(Batch { rows, paths, ..Batch::default() }).await || (ids.len() as i64) < BATCH {
                return Ok(());
            }
        }
    }

    async fn paths(&self, conn: &mut PgConnection, rows: &[Row]) -> Result<Vec<Vec<Hash>>, Error> {
        if !self.proves {
            return Ok(Vec::new());
        }
        let places: Vec<_> = rows.iter().map(|row| row.index).collect();
        Ok(log::prove_each(conn, &places, self.until as u64).await?.ok_or_else(|| anyhow::anyhow!("tiles of the log are missing"))?)
    }

    /// `false` when nobody listens any more.
    async fn send(&self, batch: Batch) -> bool {
        (batch.rows.is_empty() && batch.retired.is_empty()) || self.to.send(batch).await.is_ok()
    }
}

fn not_an_event() -> Error {
    Error::Malformed("`after` is not the id of an event".into())
}

/// Whether an id can be gone on after.
pub fn cursor(text: &str) -> Result<Option<Uuid>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse::<Uuid>().ok().filter(|id| at_of(*id).is_some()).map(Some).ok_or_else(not_an_event)
}

/// Whether a number can be a place in the log.
pub fn place(text: &str) -> Result<Option<i64>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let place = text.parse::<u32>().map(i64::from);
    place.map(Some).map_err(|_| Error::Malformed("`from` is not the index of a leaf".into()))
}
