//! What tenants have on top of their plan: so many of an add-on, from a day on, at the price that was in force when they came to it. A shared
//! module: it uses tenants, the catalog and subscriptions.
pub mod api;
pub mod bill;
pub mod change;
mod notation;
pub mod period;
mod store;
pub mod web;

pub use store::{Filter, Held, list, of};

use chrono::NaiveDate;

/// So many of one add-on are the most that anybody means.
pub const MOST: i64 = 1_000_000;
/// So many lines of a tenant's past are looked through: a tenant that changed something every week for years has fewer.
pub const PAST: i64 = 500;

/// Where something that is had is in its life, on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Scheduled,
    Active,
    Ended,
    /// Something else took its place before it had been had for a day.
    Undone,
}

impl Standing {
    pub fn name(self) -> &'static str {
        match self {
            Standing::Scheduled => "scheduled",
            Standing::Active => "active",
            Standing::Ended => "ended",
            Standing::Undone => "undone",
        }
    }
}

impl Held {
    pub fn standing(&self, today: NaiveDate) -> Standing {
        match self.undone_in {
            Some(_) => Standing::Undone,
            None if today < self.days.starts => Standing::Scheduled,
            None if self.days.has(today) => Standing::Active,
            None => Standing::Ended,
        }
    }
}
