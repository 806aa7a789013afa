//! Lists of onboardings, the numbers on their tabs, and what the clock has to look at.
mod store;

pub use store::{Counts, Filter, Late, Listed, any_due, board, counts, late_step, list, lock_expired, outcomes, told_late};
