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

use crate::subscriptions::Standing;
use chrono::NaiveDate;

/// So many of one add-on are the most that anybody means.
pub const MOST: i64 = 1_000_000;
/// So many lines of a tenant's past are looked through: a tenant that changed something every week for years has fewer.
pub const PAST: i64 = 500;

impl Held {
    /// Undone: something else took its place before it had been had for a day.
    pub fn standing(&self, today: NaiveDate) -> Standing {
        Standing::of(self.days, self.undone_in.is_some(), today)
    }
}
