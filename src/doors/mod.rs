//! The ways in other than the browser's pages. A door knows no particular operation.
pub mod api;
pub mod metrics;
