//! Other systems that carry out what was approved. Each knows how to ask and how to read an answer; what is asked is known to
//! the slices.
pub mod admin_api;
