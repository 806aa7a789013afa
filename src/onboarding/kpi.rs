//! How many onboardings succeed. What was rejected and asked for again is no failure: each tenant counts once, by its newest revision.
use super::{
    State,
    lists::{self, Count},
};
use crate::error::Error;
use sqlx::PgConnection;

/// Every tenant that was ever brought in, by how that went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Success {
    /// All that began, whatever became of them; not what was taken back.
    pub started: i64,
    pub completed: i64,
    /// Rejected for good: nobody asked again.
    pub rejected: i64,
    pub expired: i64,
    /// Still under way, and in no ratio.
    pub open: i64,
}

impl Success {
    pub fn of(counts: &[Count]) -> Self {
        let mut all = Self::default();
        for Count { state, newest, .. } in counts {
            match state {
                State::Approved => all.completed += newest,
                State::Rejected => all.rejected += newest,
                State::Expired => all.expired += newest,
                State::Draft | State::Open => all.open += newest,
                State::Withdrawn => {}
            }
        }
        all.started = all.completed + all.rejected + all.expired + all.open;
        all
    }

    /// Those that are over.
    pub fn over(self) -> i64 {
        self.completed + self.rejected + self.expired
    }

    /// In hundredths of a percent, halves upwards; nothing as long as none is over.
    pub fn basis_points(self) -> Option<i64> {
        let over = self.over();
        (over > 0).then(|| (self.completed * 20_000 + over) / (2 * over))
    }

    /// `83.33%`.
    pub fn percent(self) -> Option<String> {
        self.basis_points().map(|n| format!("{}.{:02}%", n / 100, n % 100))
    }
}

/// The figure as it is now.
pub async fn success(conn: &mut PgConnection) -> Result<Success, Error> {
    Ok(Success::of(&lists::counts(conn).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_of_eighteen_that_are_over_succeeded() {
        let states = [(State::Approved, 15), (State::Rejected, 2), (State::Expired, 1), (State::Open, 2), (State::Withdrawn, 3)];
        let all = Success::of(&states.map(|(state, newest)| Count { state, all: 9_999, newest }));
        assert_eq!((all.started, all.over(), all.open), (20, 18, 2));
        assert_eq!(all.percent().as_deref(), Some("83.33%"));
        assert_eq!(Success::default().percent(), None);
        assert_eq!(Success { completed: 1, ..Success::default() }.percent().as_deref(), Some("100.00%"));
    }
}
