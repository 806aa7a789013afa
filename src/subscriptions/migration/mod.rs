//! Moving those who are on one version of a plan to another, all of them or some. A countersigned request begins it; a job takes tenant
//! after tenant, a few in each transaction, looks at each once more, and moves it or writes down why not. What has been done is in the
//! database, so whoever takes over after a crash goes on with the next.
pub mod api;
pub mod job;
pub mod operation;
pub mod stop;
mod store;
mod survey;
pub mod web;

pub use survey::Survey;

use crate::{
    i18n::{Lang, Text, msg},
    requests::short_id,
    tenants::Status,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

/// So many tenants are moved by one request at the most: as many as one statement writes down in a small part of its time.
pub const MOST: usize = 20_000;
/// So many are named at the most, where not everybody is meant.
const NAMED: usize = 1_000;

/// Somebody who is on the version, and may be moved.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Of the subscription.
    pub id: i64,
    pub tenant_id: String,
    pub slug: String,
    pub company: String,
    pub tenant_status: String,
    pub starts: NaiveDate,
    pub ends: Option<NaiveDate>,
    pub undone: bool,
    /// When another one begins after it.
    pub next: Option<NaiveDate>,
}

/// Why a tenant is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The tenant is not in use.
    Inactive,
    /// It comes to the version on that day, or after it.
    Begins,
    /// Something else was planned for it, or it has changed since.
    Changes,
    /// It ends, and nothing follows.
    Ends,
    /// The day was over before its turn came.
    Late,
    /// Somebody stopped the migration before its turn came.
    Stopped,
    /// It was tried and refused.
    Failed,
}

impl Why {
    pub const ALL: [Why; 7] = [Why::Inactive, Why::Begins, Why::Changes, Why::Ends, Why::Late, Why::Stopped, Why::Failed];

    pub fn name(self) -> &'static str {
        match self {
            Why::Inactive => "inactive",
            Why::Begins => "begins",
            Why::Changes => "changes",
            Why::Ends => "ends",
            Why::Late => "late",
            Why::Stopped => "stopped",
            Why::Failed => "failed",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.name() == name)
    }

    /// In words, for a list.
    pub fn text(self) -> Text {
        match self {
            Why::Inactive => msg::migration_why_inactive(),
            Why::Begins => msg::migration_why_begins(),
            Why::Changes => msg::migration_why_changes(),
            Why::Ends => msg::migration_why_ends(),
            Why::Late => msg::migration_why_late(),
            Why::Stopped => msg::migration_why_stopped(),
            Why::Failed => msg::migration_why_failed(),
        }
    }
}

impl Candidate {
    /// Why it cannot be moved on this day, if it cannot: the same rules as for a single change.
    fn why_not(&self, from: NaiveDate) -> Option<Why> {
        match self {
            c if ![Status::Active.name(), Status::Suspended.name()].contains(&&*c.tenant_status) => Some(Why::Inactive),
            c if c.undone || c.next.is_some() => Some(Why::Changes),
            c if c.ends.is_some() => Some(Why::Ends),
            c if c.starts >= from => Some(Why::Begins),
            _ => None,
        }
    }

    /// As lists and approvals call it.
    pub fn called(&self) -> String {
        format!("{} · {}", self.slug, self.company)
    }
}

/// A migration that was begun.
#[derive(Clone, Debug)]
pub struct Migration {
    pub request: i64,
    pub plan: String,
    pub plan_name: String,
    pub from_version: i32,
    pub to_version: i32,
    pub from: NaiveDate,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Who stopped it.
#[derive(Clone, Debug)]
pub struct Stopped {
    pub by: String,
    pub at: DateTime<Utc>,
    pub why: String,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub pending: i64,
    pub moved: i64,
    pub skipped: i64,
}

impl Counts {
    pub fn all(&self) -> i64 {
        self.pending + self.moved + self.skipped
    }

    pub fn done(&self) -> i64 {
        self.moved + self.skipped
    }

    /// As listeners are told of it.
    fn told(&self, request: i64) -> Value {
        json!({"id": short_id(request), "moved": self.moved, "skipped": self.skipped, "pending": self.pending})
    }
}

/// One tenant of it.
#[derive(Clone, Debug)]
pub struct Row {
    pub tenant_id: String,
    pub slug: String,
    pub company: String,
    pub state: String,
    pub reason: Option<String>,
    pub new_id: Option<i64>,
    pub done_at: Option<DateTime<Utc>>,
}

impl Row {
    /// What a row can have become.
    pub const STATES: [&str; 3] = ["pending", "moved", "skipped"];

    fn why(&self, l: Lang) -> Option<String> {
        self.reason.as_deref().and_then(Why::named).map(|why| l.say(&why.text()))
    }
}

/// Where its progress is shown.
pub fn href(request: i64) -> String {
    format!("/subscriptions/migrations/{}", short_id(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_left_out_for_the_reason_that_comes_first() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let fine = Candidate {
            id: 1,
            tenant_id: "tnt_1".into(),
            slug: "one".into(),
            company: "하나".into(),
            tenant_status: "active".into(),
            starts: day("2026-01-01"),
            ends: None,
            undone: false,
            next: None,
        };
        let from = day("2026-11-01");
        assert_eq!(fine.why_not(from), None);
        assert_eq!(fine.why_not(fine.starts), Some(Why::Begins));
        let ends = Candidate { ends: Some(day("2027-01-01")), ..fine.clone() };
        assert_eq!(ends.why_not(from), Some(Why::Ends));
        let changes = Candidate { next: Some(day("2027-01-01")), ..ends };
        assert_eq!(changes.why_not(from), Some(Why::Changes));
        assert_eq!(Candidate { undone: true, ..fine.clone() }.why_not(from), Some(Why::Changes));
        assert_eq!(Candidate { tenant_status: "closed".into(), ..changes }.why_not(from), Some(Why::Inactive));
        assert_eq!(Candidate { tenant_status: "suspended".into(), ..fine }.why_not(from), None);
        for why in Why::ALL {
            assert_eq!(Why::named(why.name()), Some(why));
        }
    }
}
