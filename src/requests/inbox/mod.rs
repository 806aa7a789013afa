//! Lists of requests and the numbers on their tabs, for every page and door that shows some.
mod store;

pub use store::{Broken, Counts, DayCount, Filter, Listed, Turn, counts, list, per_day};
