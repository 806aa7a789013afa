//! What is sold, and what a period of it costs.
pub mod charges;
pub mod prices;
pub mod pricing;
