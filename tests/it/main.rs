//! Black-box tests: real HTTP, a real PostgreSQL with a database for each test, real processes where something is killed.
mod api;
mod cancelled_begin;
mod chaos;
mod cli;
mod comments;
#[cfg(feature = "failpoints")]
mod crashes;
mod embedded;
mod house;
mod identity;
mod incidents;
mod ledger;
mod lists;
mod measures;
mod outside;
mod policy;
mod process;
mod races;
mod refusals;
mod replicas;
mod road;
mod search;
mod style;
mod support;
mod tools;
mod waiting;
