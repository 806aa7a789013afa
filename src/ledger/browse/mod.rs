//! Finding events, newest or oldest first, by any combination of what is known of them. However rare a combination is, an answer is a
//! handful of short looks into indexes:
//!
//! - a target or a request has few events; they are read and the rest of the filter looks at them;
//! - actor, kind and outcome are turned into every combination of them that there is (`ledger.kind`), and each is asked for its first
//!   page;
//! - words that are everywhere are in the newest thousand events that the rest of the filter leaves; words that are not are found by
//!   their trigrams, month by month, until the page is full.
mod store;

pub use super::{
    query::Query,
    store::{Event, Told, Whole, find, story, wholes},
};
use super::{query::Terms, store::at_of, words};
use crate::page::list::Slice;
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use sqlx::PgConnection;
pub(super) use store::{Bounds, Sought};
use uuid::Uuid;

/// Counts stop here: what is more is "more than that".
pub const MOST: i64 = 10_000;
/// So many events are looked at before the words' own index is.
const NEWEST: i64 = 1_000;
/// Beyond so many combinations it is better to read on until enough of the events fit.
const COMBINATIONS: usize = 4_000;

/// What to find; empty fields do not restrict. [`Query::filter`] makes one from what somebody wrote.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// E-mail addresses, ids, or parts of names.
    pub actors: Terms,
    /// Kinds, beginnings of kinds (`request.`), or of one of their parts (`approve`).
    pub actions: Terms,
    pub targets: Terms,
    /// Those and not those.
    pub requests: (Vec<i64>, Vec<i64>),
    pub outcomes: Terms,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// All of which occur in reason, before or after.
    pub text: Vec<String>,
}

impl Filter {
    pub fn of_request(id: i64) -> Self {
        Self { requests: (vec![id], Vec::new()), ..Self::default() }
    }

    pub fn of_target(id: &str) -> Self {
        Self { targets: Terms::only(id), ..Self::default() }
    }

    pub fn of_kind(kind: &str) -> Self {
        Self { actions: Terms::only(kind), ..Self::default() }
    }
}

/// A page of events, by `created` (their id, which begins with the time).
pub async fn list(conn: &mut PgConnection, filter: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Event>> {
    let cursor = slice.at().1.and_then(|id| id.parse::<Uuid>().ok());
    let Some(sought) = sought(conn, filter).await? else { return Ok(Vec::new()) };
    let bounds = Bounds::new(filter.since, filter.until, cursor, slice.up(), slice.limit);
    let mut ids = found(conn, &sought, &words::patterns(&filter.text), &bounds).await?;
    if slice.back() {
        ids.reverse();
    }
    store::rows(conn, &ids).await
}

/// How many there are, up to one more than [`MOST`]; `None` where counting would cost more than it tells.
pub async fn count(conn: &mut PgConnection, filter: &Filter) -> sqlx::Result<Option<i64>> {
    let Some(sought) = sought(conn, filter).await? else { return Ok(Some(0)) };
    if !filter.text.is_empty() {
        return Ok(None);
    }
    let bounds = Bounds::new(filter.since, filter.until, None, true, MOST + 1);
    let count = match sought.driver() {
        Driver::Actors => store::count_of_actors(conn, &sought, &bounds).await?,
        Driver::Kinds => store::count_of_kinds(conn, &sought, &bounds).await?,
        Driver::Time => store::count(conn, &sought, &bounds).await?,
    };
    Ok(Some(count))
}

/// What leads to the events of a filter.
enum Driver {
    Actors,
    Kinds,
    /// Target, request, or nothing but time.
    Time,
}

impl Sought {
    fn driver(&self) -> Driver {
        if self.targets.is_some() || self.requests.is_some() {
            return Driver::Time;
        }
        let kinds = self.kinds.len().max(1);
        match &self.actors {
            Some(actors) if actors.len() * kinds <= COMBINATIONS => Driver::Actors,
            None if self.by_kind => Driver::Kinds,
            _ => Driver::Time,
        }
    }
}

/// The filter with its names looked up; `None` if one of them is nobody's, so that nothing can be found.
pub(super) async fn sought(conn: &mut PgConnection, f: &Filter) -> sqlx::Result<Option<Sought>> {
    let by_kind = f.actions != Terms::default() || f.outcomes != Terms::default();
    let by_actor = f.actors != Terms::default();
    let actors = if by_actor { Some(store::actors(conn, &f.actors).await?) } else { None };
    let (kinds, outcomes): (Vec<String>, Vec<String>) =
        if by_kind || by_actor { store::kinds(conn, &f.actions, &f.outcomes).await?.into_iter().unzip() } else { Default::default() };
    if actors.as_ref().is_some_and(Vec::is_empty) || (by_kind && kinds.is_empty()) {
        return Ok(None);
    }
    let some = |list: &Vec<String>| Some(list.clone()).filter(|list| !list.is_empty());
    Ok(Some(Sought {
        actors,
        by_kind,
        kinds,
        outcomes,
        targets: some(&f.targets.is),
        not_targets: f.targets.not.clone(),
        requests: Some(f.requests.0.clone()).filter(|list| !list.is_empty()),
        not_requests: f.requests.1.clone(),
    }))
}

async fn driven(conn: &mut PgConnection, sought: &Sought, bounds: &Bounds) -> sqlx::Result<Vec<Uuid>> {
    match sought.driver() {
        Driver::Actors => store::of_actors(conn, sought, bounds).await,
        Driver::Kinds => store::of_kinds(conn, sought, bounds).await,
        Driver::Time => store::of_time(conn, sought, bounds).await,
    }
}

/// Ids in the order that was asked for.
pub(super) async fn found(conn: &mut PgConnection, sought: &Sought, words: &[String], bounds: &Bounds) -> sqlx::Result<Vec<Uuid>> {
    if words.is_empty() {
        return driven(conn, sought, bounds).await;
    }
    let newest = driven(conn, sought, &Bounds { limit: NEWEST, ..*bounds }).await?;
    let said = store::that_say(conn, &newest, words, bounds).await?;
    if (newest.len() as i64) < NEWEST || said.len() as i64 >= bounds.limit {
        return Ok(said);
    }
    let mut all = Vec::new();
    for (from, to) in months(conn, bounds).await? {
        let window = Bounds { since: Some(from), until: Some(to), limit: bounds.limit - all.len() as i64, ..*bounds };
        all.extend(if *sought == Sought::default() {
            store::of_words(conn, words, &window).await?
        } else {
            store::of_words_and(conn, sought, words, &window).await?
        });
        if all.len() as i64 >= bounds.limit {
            break;
        }
    }
    Ok(all)
}

/// The months between the bounds, as partitions have them, in the order that was asked for.
async fn months(conn: &mut PgConnection, bounds: &Bounds) -> sqlx::Result<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
    let Some(oldest) = store::oldest(conn).await?.and_then(at_of) else { return Ok(Vec::new()) };
    let from = bounds.since.map_or(oldest, |since| since.max(oldest));
    // clocks differ a little
    let to = bounds.until.unwrap_or_else(|| Utc::now() + TimeDelta::days(1)).min(Utc::now() + TimeDelta::days(1));
    let first = |year, month| NaiveDate::from_ymd_opt(year, month, 1).and_then(|day| Some(day.and_hms_opt(0, 0, 0)?.and_utc()));
    let (mut months, mut at) = (Vec::new(), from);
    while at < to {
        let (year, month) = if at.month() == 12 { (at.year() + 1, 1) } else { (at.year(), at.month() + 1) };
        let end = first(year, month).unwrap_or(to).min(to);
        months.push((at, end));
        at = end;
    }
    if !bounds.up {
        months.reverse();
    }
    Ok(months)
}
