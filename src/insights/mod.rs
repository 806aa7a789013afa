//! What decisions are like: how long they take, how often they are approvals, how many were made without reading, and who carries
//! how many. For the process; nobody is ranked by it.
mod store;
pub mod web;

use crate::{
    auth::{RequestsDecide, Scope, roles_with},
    db::Db,
    error::Error,
    page::Day,
};
use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use sqlx::PgConnection;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Mutex;
use uuid::Uuid;

/// The stretches that can be looked at, in days; the first is the one that is shown.
pub const PERIODS: [u64; 2] = [30, 90];
/// A quarter of a busy year takes a second to sum up, and is not read to the minute.
const KEPT_FOR: TimeDelta = TimeDelta::minutes(5);

/// Votes, summed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sum {
    pub decisions: i64,
    pub approvals: i64,
    /// Of them: since it is known who opened what.
    pub watched: i64,
    /// Of those: less than five seconds after opening, or without opening.
    pub quick: i64,
    /// Seconds from asking to the vote, of which half the votes took no more.
    pub median: f64,
    /// The same of nine tenths.
    pub p90: f64,
}

impl Sum {
    /// Approvals among the decisions.
    pub fn approval(&self) -> Option<f64> {
        share(self.approvals, self.decisions)
    }

    /// What was decided quickly or unopened, among what could be watched.
    pub fn quickly(&self) -> Option<f64> {
        share(self.quick, self.watched)
    }
}

/// Nothing of nothing is no share.
fn share(part: i64, of: i64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

/// Somebody who decides, or did.
pub struct Person {
    pub id: Uuid,
    pub name: String,
    pub email: String,
    pub sum: Sum,
    /// How many requests wait for them, if they may still decide.
    pub waiting: Option<i64>,
}

/// All of one stretch.
pub struct Report {
    pub read_at: DateTime<Utc>,
    pub all: Sum,
    pub people: Vec<Person>,
    pub operations: Vec<(String, Sum)>,
    /// From the Monday of the week in which the stretch begins.
    pub weeks: Vec<(NaiveDate, Sum)>,
    /// Since when it is known who opened what, if that is within the stretch.
    pub known_since: Option<DateTime<Utc>>,
}

impl Report {
    /// Counts the votes of the last days, today included.
    pub async fn read(conn: &mut PgConnection, days: u64) -> Result<Self, Error> {
        let now = Utc::now();
        let dates = Day::last(days, now);
        let (first, today) = dates.first().zip(dates.last()).ok_or_else(|| anyhow::anyhow!("a stretch has days"))?;
        let since = Day::begin(*first);
        let known = store::known_since(conn).await?;
        let mut sums = store::sums(conn, since, known.unwrap_or(now)).await?;
        let people = store::people(conn, &roles_with(RequestsDecide::NAME), &sums.people).await?;
        let weeks = weeks(*first, *today).into_iter().map(|week| (week, sums.weeks.remove(&week).unwrap_or_default())).collect();
        let known_since = known.filter(|known| *known > since);
        Ok(Self { read_at: now, all: sums.all, people, operations: sums.operations, weeks, known_since })
    }
}

/// The Mondays of all weeks from one day to another.
fn weeks(first: NaiveDate, last: NaiveDate) -> Vec<NaiveDate> {
    let monday = first.checked_sub_days(Days::new(u64::from(first.weekday().num_days_from_monday()))).unwrap_or(first);
    monday.iter_weeks().take_while(|week| *week <= last).collect()
}

/// What a replica remembers of each stretch.
#[derive(Default)]
pub struct Reports(Mutex<HashMap<u64, Arc<Report>>>);

impl Reports {
    /// Must not be called with a connection in hand: those who wait for the one that counts would hold all there are.
    pub async fn last(&self, db: &Db, days: u64) -> Result<Arc<Report>, Error> {
        let mut kept = self.0.lock().await;
        if let Some(report) = kept.get(&days).filter(|report| Utc::now() - report.read_at < KEPT_FOR) {
            return Ok(report.clone());
        }
        let report = Arc::new(Report::read(&mut *db.read().await?, days).await?);
        kept.insert(days, report.clone());
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_mondays_and_reach_from_the_first_day_to_the_last() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(weeks(day("2026-11-04"), day("2026-11-16")), [day("2026-11-02"), day("2026-11-09"), day("2026-11-16")]);
        assert_eq!(weeks(day("2026-11-09"), day("2026-11-15")), [day("2026-11-09")]);
    }

    #[test]
    fn nothing_of_nothing_is_no_share() {
        assert_eq!((Sum::default().approval(), Sum::default().quickly()), (None, None));
        let sum = Sum { decisions: 4, approvals: 3, watched: 2, quick: 0, ..Sum::default() };
        assert_eq!((sum.approval(), sum.quickly()), (Some(0.75), Some(0.0)));
    }
}
