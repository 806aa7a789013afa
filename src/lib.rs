//! Countersign: a privileged change is asked for, countersigned, done once, and written down for good.
//!
//! The tour, from the outside in; `docs/architecture.md` walks through it.

/// Who is away, and who stands in for them.
pub mod absences;
/// What tenants have on top of their plan, and what an invoice would say.
pub mod addons;
/// One replica, put together.
pub mod app;
/// The static files, hashed and compressed by the build.
pub mod assets;
/// Who is calling, and what they may do.
pub mod auth;
/// What is sold, and what it costs.
pub mod catalog;
/// The command line.
pub mod cli;
/// Configuration, read once.
pub mod config;
/// Other systems that carry out what was approved.
pub mod connectors;
/// Where a test may stop a replica dead.
pub mod crash;
/// What browsers may load and run here, and their reports of what they refused.
pub mod csp;
/// Customers: companies, organisations, people, and the fixes for them.
pub mod customers;
/// What needs me now.
pub mod dashboard;
/// The only way to the database.
pub mod db;
/// A realistic company to try things on.
pub mod demo;
/// Documents that people write, and what is wrong with them.
pub mod documents;
/// The ways in other than the browser.
pub mod doors;
/// Everything that can go wrong, and how it is told.
pub mod error;
/// Is this replica alive and of use.
pub mod health;
/// Help inside the product.
pub mod help;
/// Korean and English.
pub mod i18n;
/// What decisions are like.
pub mod insights;
/// The queue in Postgres and its worker.
pub mod jobs;
/// What happened, for good.
pub mod ledger;
/// What just changed, told to whoever waits.
pub mod live;
/// What is measured.
pub mod metrics;
/// What people are told.
pub mod notices;
/// From a signed contract to an active tenant.
pub mod onboarding;
/// What can be asked for.
pub mod operations;
/// What every page shares.
pub mod page;
/// Payments as their providers know them.
pub mod payments;
/// What a tenant's people may do: templates of roles, and who has them.
pub mod permissions;
/// What belongs to a person, masked wherever it goes.
pub mod personal;
/// Who must countersign what: a document that is itself countersigned.
pub mod policy;
/// Who redeemed which promotion, and on which terms.
pub mod redemptions;
/// The spine: requests, votes, execution.
pub mod requests;
/// One field for everything: pages, things, and what can be asked for.
pub mod search;
/// The living style page: each component in each state, in the demo alone.
pub mod style;
/// Who is subscribed to what.
pub mod subscriptions;
/// Where routes are mounted, each with its gate.
pub mod surface;
/// Logs.
pub mod telemetry;
/// Companies and their tenants.
pub mod tenants;
/// Calls of tools that wait for people.
pub mod tools;
