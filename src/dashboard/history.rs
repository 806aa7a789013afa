//! Requests of the last thirty days. Days that are over no longer change, so a replica counts them once in a while; today is
//! counted every time, so that what somebody just did is there.
use crate::{
    db::Db,
    error::Error,
    page::Day,
    requests::inbox::{self, DayCount},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokio::sync::Mutex;

/// How far back the dashboard looks.
pub const DAYS: u64 = 30;
/// How far back the lines in its tiles go, and the stretch that a trend compares with the one before.
pub const RECENT: usize = 14;
pub const WEEK: usize = 7;
/// A transaction that began before midnight may commit after it, and a backup may be restored.
const KEPT_FOR: TimeDelta = TimeDelta::minutes(10);

/// What a replica remembers of the days that are over.
#[derive(Default)]
pub struct History(Mutex<Option<Past>>);

struct Past {
    today: NaiveDate,
    read_at: DateTime<Utc>,
    counts: Vec<DayCount>,
}

/// The last days, the oldest first and today last.
pub struct Days {
    pub dates: Vec<NaiveDate>,
    pub counts: Vec<DayCount>,
}

impl History {
    /// Must not be called with a connection in hand: those who wait for the one that counts would hold all there are.
    pub async fn days(&self, db: &Db) -> Result<Days, Error> {
        let now = Utc::now();
        let dates = Day::last(DAYS, now);
        let starts: Vec<DateTime<Utc>> = dates.iter().map(|date| Day::begin(*date)).collect();
        let (today, past) = starts.split_last().ok_or_else(|| anyhow::anyhow!("thirty days are never none"))?;
        let mut kept = self.0.lock().await;
        let mut conn = db.read().await?;
        let fresh = |p: &&mut Past| dates.last() == Some(&p.today) && now - p.read_at < KEPT_FOR;
        let mut counts = match kept.as_mut().filter(fresh) {
            Some(past) => past.counts.clone(),
            None => {
                let counts = inbox::per_day(&mut conn, past).await?;
                *kept = dates.last().map(|today| Past { today: *today, read_at: now, counts: counts.clone() });
                counts
            }
        };
        drop(kept);
        counts.extend(inbox::per_day(&mut conn, &[*today]).await?);
        Ok(Days { dates, counts })
    }
}

impl Days {
    pub fn asked(&self) -> Vec<i64> {
        self.counts.iter().map(|day| day.asked).collect()
    }

    pub fn closed(&self) -> Vec<i64> {
        self.counts.iter().map(|day| day.closed).collect()
    }

    /// How many were open at the end of each of the last days, counted backwards from how many are open now.
    pub fn open(&self, now: i64) -> Vec<i64> {
        let mut open = now;
        let mut levels: Vec<i64> = self
            .counts
            .iter()
            .rev()
            .take(RECENT)
            .map(|day| {
                let level = open;
                open -= day.asked - day.closed;
                level.max(0)
            })
            .collect();
        levels.reverse();
        levels
    }

    /// The day on which most was asked for, if anything was.
    pub fn busiest(&self) -> Option<(NaiveDate, i64)> {
        let days = self.dates.iter().copied().zip(self.asked());
        // of several equal days the latest
        days.max_by_key(|(_, asked)| *asked).filter(|(_, asked)| *asked > 0)
    }
}

/// The last values and the sums of the last week and of the one before it.
pub fn weeks(values: &[i64]) -> (i64, i64) {
    let sum = |from: usize, to: usize| values.iter().rev().skip(from).take(to - from).sum();
    (sum(0, WEEK), sum(WEEK, 2 * WEEK))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn days(counts: &[(i64, i64)]) -> Days {
        let first: NaiveDate = "2026-11-01".parse().unwrap();
        Days {
            dates: first.iter_days().take(counts.len()).collect(),
            counts: counts.iter().map(|(asked, closed)| DayCount { asked: *asked, closed: *closed }).collect(),
        }
    }

    #[test]
    fn the_busiest_day_is_the_latest_of_equals_and_none_when_nothing_was_asked() {
        assert_eq!(days(&[(3, 0), (5, 0), (5, 0), (1, 0)]).busiest().unwrap().0.to_string(), "2026-11-03");
        assert!(days(&[(0, 2), (0, 0)]).busiest().is_none());
    }

    proptest! {
        /// Going back from now along what was asked and ended gives what going forward gave.
        #[test]
        fn open_levels_are_what_was_asked_less_what_ended(flow in prop::collection::vec((0_i64..9, 0_i64..9), 1..RECENT)) {
            let mut open = 200;
            let forward: Vec<i64> = flow.iter().map(|(asked, closed)| { open += asked - closed; open }).collect();
            prop_assert_eq!(days(&flow).open(open), forward);
        }
    }
}
