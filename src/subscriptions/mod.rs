//! Who is subscribed to what: each tenant to one plan at a time, in the version that was in force when they came to it. That version stays
//! theirs until a countersigned request moves them. A shared module: slices use it, and it uses tenants and the catalog.
pub mod api;
pub mod cancel;
pub mod change;
pub mod migration;
mod proration;
mod quote;
pub mod services;
mod store;
pub mod undo;
pub mod web;

pub use proration::{Period, Proration};
pub use quote::{Priced, Quote, TOKENS, Wish, in_force, pinned};
pub use store::{Service, Subscription, find, history, of, sold, upcoming};

use crate::{
    catalog::{Days, today},
    db::Change,
    error::Error,
    ledger::Entry,
};
use chrono::NaiveDate;
use serde::Serialize;
use sqlx::PgConnection;

/// So much of a tenant's history is read at once; nobody changes plans so often.
const MOST: i64 = 200;

/// Where a subscription is in its life, on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Scheduled,
    Active,
    Ended,
    /// Taken back before its first day.
    Undone,
}

impl Standing {
    pub const ALL: [Standing; 4] = [Standing::Active, Standing::Scheduled, Standing::Ended, Standing::Undone];

    pub fn name(self) -> &'static str {
        match self {
            Standing::Scheduled => "scheduled",
            Standing::Active => "active",
            Standing::Ended => "ended",
            Standing::Undone => "undone",
        }
    }

    /// Of something that is had for some days, or that was taken back before the first of them.
    pub fn of(days: Days, undone: bool, today: NaiveDate) -> Self {
        match days {
            _ if undone => Standing::Undone,
            Days { starts, .. } if today < starts => Standing::Scheduled,
            days if days.has(today) => Standing::Active,
            _ => Standing::Ended,
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.name() == name)
    }
}

impl Subscription {
    pub fn standing(&self, today: NaiveDate) -> Standing {
        Standing::of(self.days, self.undone_in.is_some(), today)
    }

    /// An entry about it as it stands from here on: what is stored is held against the last one.
    pub fn entry(&self, kind: &'static str) -> Entry {
        Entry::of(kind)
            .on("tenant", &self.tenant_id)
            .with("plan", &*self.plan)
            .with("version", self.version)
            .with("from", self.days.starts.to_string())
            .with("until", self.days.ends.map(|day| day.to_string()))
    }

    /// The same where nothing is left.
    fn none(kind: &'static str, tenant: &str) -> Entry {
        let nothing = || serde_json::Value::Null;
        Entry::of(kind)
            .on("tenant", tenant)
            .with("plan", nothing())
            .with("version", nothing())
            .with("from", nothing())
            .with("until", nothing())
    }
}

/// The subscription that a tenant has today.
pub async fn current(conn: &mut PgConnection, tenant: &str) -> Result<Option<Subscription>, Error> {
    Ok(of(conn, tenant, today()).await?)
}

/// A tenant's subscription begins, for the request that is being carried out. Whoever calls this has locked the tenant, and records what
/// it became.
pub async fn begin(change: &mut Change, tenant: &str, plan: &str, version: i32, from: NaiveDate) -> Result<Subscription, Error> {
    let id = store::add(change, tenant, plan, version, from).await?;
    find(change, id).await?.ok_or(Error::NotFound)
}

/// It ends before this day, or no more; for the request that is being carried out.
pub async fn end(change: &mut Change, id: i64, ends: Option<NaiveDate>) -> Result<(), Error> {
    Ok(store::end(change, id, ends).await?)
}
