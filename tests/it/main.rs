//! Black-box tests: real HTTP, a real PostgreSQL with a database for each test, real processes where something is killed.
mod api;
mod cancelled_begin;
mod cli;
mod embedded;
mod house;
mod identity;
mod ledger;
mod lists;
mod refusals;
mod replicas;
mod road;
mod style;
mod support;
