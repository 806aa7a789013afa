//! Customers as operators see them: companies, organisations and people, and the two fixes that started it all.
pub mod api;
pub mod fix_tier;
pub mod grant_plan;
mod outside;
mod store;
pub mod web;

use crate::personal::{Email, PersonName};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an organisation pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    Free,
    Starter,
    Pro,
    Enterprise,
}

impl Tier {
    pub const ALL: [Tier; 4] = [Tier::Free, Tier::Starter, Tier::Pro, Tier::Enterprise];

    pub fn name(self) -> &'static str {
        match self {
            Tier::Free => "free",
            Tier::Starter => "starter",
            Tier::Pro => "pro",
            Tier::Enterprise => "enterprise",
        }
    }
}

/// What a person pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    Free,
    Pro,
}

impl Plan {
    pub const ALL: [Plan; 2] = [Plan::Free, Plan::Pro];

    pub fn name(self) -> &'static str {
        match self {
            Plan::Free => "free",
            Plan::Pro => "pro",
        }
    }
}

/// The most credit an organisation can have, in whole credits; `credit_is_in_range` in the database.
pub const MAX_CREDIT: i64 = 1_000_000_000;

/// An organisation of a customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Org {
    pub id: String,
    pub name: String,
    pub company: String,
    pub tier: String,
    /// Whole credits.
    pub credit: i64,
    #[serde(default)]
    pub members: i64,
    #[serde(default)]
    pub created_at: DateTime<Utc>,
}

/// A person at a customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    pub id: String,
    pub name: PersonName,
    pub email: Email,
    pub plan: String,
    /// Last day of the plan, in Korea; none means that it does not end.
    pub plan_until: Option<NaiveDate>,
    #[serde(default)]
    pub orgs: i64,
    #[serde(default)]
    pub created_at: DateTime<Utc>,
}

/// `org_` and ten letters or digits.
pub fn is_org_id(id: &str) -> bool {
    has_shape(id, "org_")
}

/// `usr_` and ten letters or digits.
pub fn is_user_id(id: &str) -> bool {
    has_shape(id, "usr_")
}

fn has_shape(id: &str, prefix: &str) -> bool {
    id.strip_prefix(prefix).is_some_and(|rest| rest.len() == 10 && rest.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()))
}
