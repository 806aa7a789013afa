//! What needs me now.
mod history;
mod tour;
pub mod web;
