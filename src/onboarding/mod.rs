//! From a signed contract to an active tenant: four steps in order, each with its evidence and a decision on it, and in the end a
//! countersigned approval. What was rejected is asked for again as another revision.
mod activation;
pub mod approve;
pub mod asking;
pub mod begin;
mod carried;
pub mod clock;
mod content;
pub mod evidence;
pub mod import;
pub mod json;
pub mod kpi;
pub mod lists;
pub mod payment;
mod permission;
pub mod reject;
pub mod steps;
mod store;
pub mod waits;
pub mod web;

pub use content::Content;
pub use evidence::current_tasks;
pub use lists::{Filter, Listed, list};
pub use store::{Onboarding, Task, find, plan_of, revisions, tasks, under_way};

use crate::{error::Error, ledger::Entry};

/// How one try to bring a tenant in stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Written down, and not begun.
    Draft,
    Open,
    Approved,
    Rejected,
    /// Nobody finished it in time.
    Expired,
    Withdrawn,
}

impl State {
    pub const ALL: [State; 6] = [State::Draft, State::Open, State::Approved, State::Rejected, State::Expired, State::Withdrawn];

    pub fn name(self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Open => "open",
            State::Approved => "approved",
            State::Rejected => "rejected",
            State::Expired => "expired",
            State::Withdrawn => "withdrawn",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub fn is_over(self) -> bool {
        !matches!(self, State::Draft | State::Open)
    }

    /// Whether it can be asked for again.
    pub fn may_be_repeated(self) -> bool {
        matches!(self, State::Rejected | State::Expired | State::Withdrawn)
    }
}

/// The four steps, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Contract,
    Payment,
    Permission,
    Migration,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Contract, Kind::Payment, Kind::Permission, Kind::Migration];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Contract => "contract",
            Kind::Payment => "payment",
            Kind::Permission => "permission",
            Kind::Migration => "migration",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// From 1 to 4.
    pub fn seq(self) -> i16 {
        self as i16 + 1
    }

    /// Days after opening until it should be done.
    pub fn days(self) -> i64 {
        match self {
            Kind::Contract => 2,
            Kind::Payment => 5,
            Kind::Permission => 8,
            Kind::Migration => 12,
        }
    }
}

/// How one step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing was handed in.
    Pending,
    /// There is evidence, and nobody has decided on it.
    Running,
    Passed,
    Failed,
    Waived,
}

impl Progress {
    pub const ALL: [Progress; 5] = [Progress::Pending, Progress::Running, Progress::Passed, Progress::Failed, Progress::Waived];

    pub fn name(self) -> &'static str {
        match self {
            Progress::Pending => "pending",
            Progress::Running => "running",
            Progress::Passed => "passed",
            Progress::Failed => "failed",
            Progress::Waived => "waived",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub fn is_done(self) -> bool {
        matches!(self, Progress::Passed | Progress::Waived)
    }

    /// The arrows. New evidence takes any step back to where it waits for a decision.
    pub fn may_become(self, next: Progress) -> bool {
        use Progress::*;
        match next {
            Pending => false,
            Running => true,
            Passed | Failed => self == Running,
            Waived => matches!(self, Pending | Running | Failed),
        }
    }
}

/// Days from opening until it should be done, and until it is over.
const DUE_DAYS: i64 = 14;
const EXPIRES_DAYS: i64 = 60;

/// `ON-12`.
pub fn short_id(id: i64) -> String {
    format!("ON-{id}")
}

/// From `ON-12`, `on-12` or `12`.
pub fn parse_id(text: &str) -> Result<i64, Error> {
    let digits = text.strip_prefix("ON-").or_else(|| text.strip_prefix("on-")).unwrap_or(text);
    digits.parse().ok().filter(|id| *id > 0).ok_or(Error::NotFound)
}

impl Onboarding {
    pub fn short_id(&self) -> String {
        short_id(self.id)
    }

    /// An entry about it. Its story is that of its tenant, over all revisions.
    fn entry(&self, kind: &'static str) -> Entry {
        Entry::of(kind).on("tenant", &self.tenant_id).with("onboarding", self.short_id()).with("revision", self.revision)
    }

    /// What notices call it.
    fn label(&self) -> String {
        format!("{} · {}", self.company, self.slug)
    }
}

/// The step whose turn it is: the first that is not done.
pub fn current(tasks: &[Task]) -> Option<&Task> {
    tasks.iter().find(|task| !task.state.is_done())
}

/// Whether it is this step's turn: all before it are done.
pub fn is_in_order(tasks: &[Task], kind: Kind) -> bool {
    tasks.iter().take_while(|task| task.kind != kind).all(|task| task.state.is_done())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_their_own() {
        assert!(State::ALL.into_iter().all(|s| State::named(s.name()) == Some(s)));
        assert!(Kind::ALL.into_iter().all(|k| Kind::named(k.name()) == Some(k)));
        assert!(Progress::ALL.into_iter().all(|p| Progress::named(p.name()) == Some(p)));
        assert_eq!(Kind::ALL.map(Kind::seq), [1, 2, 3, 4]);
        assert_eq!((parse_id("ON-12").unwrap(), parse_id("on-7").unwrap()), (12, 7));
        assert!(["", "ON-", "CR-1", "0", "ON--1"].into_iter().all(|text| parse_id(text).is_err()));
    }

    #[test]
    fn nothing_is_decided_without_evidence_and_a_waiver_is_no_way_back() {
        use Progress::*;
        assert!(Running.may_become(Passed) && Running.may_become(Failed) && Failed.may_become(Running) && Pending.may_become(Waived));
        assert!(!Pending.may_become(Passed) && !Failed.may_become(Passed) && !Passed.may_become(Waived) && !Passed.may_become(Failed));
    }
}
