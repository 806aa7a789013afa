//! Lists of onboardings, the numbers on their tabs, and what the clock has to look at.
mod store;

pub use store::{Count, Filter, Late, Listed, any_due, board, counts, late, late_step, list, lock_expired, told_late};
