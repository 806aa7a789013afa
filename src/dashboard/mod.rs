//! What needs me now.
pub mod web;
