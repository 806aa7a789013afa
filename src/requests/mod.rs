//! The spine: a privileged change is asked for, countersigned, done once, and written down for good. This slice holds
//! proposals it does not understand; what they do is known to their operations alone.
pub mod approvals;
mod binding;
pub mod comments;
mod deciding;
pub mod execution;
pub mod expiry;
mod explain;
pub mod fate;
pub mod findings;
pub mod glass;
pub mod inbox;
pub mod invariants;
pub mod json;
pub mod nudges;
pub mod review;
pub mod similar;
mod store;
pub mod submit;
mod tally;
mod timeline;
mod transition;
pub mod turns;
pub mod unvote;
pub mod view;
pub mod votes;
pub mod wait;
pub mod watching;
pub mod web;
pub mod withdraw;

use crate::policy::StandIn;
use crate::{error::Error, ledger::Entry};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

pub use crate::policy::Ruling;
pub use execution::attempts;
pub use store::{find, votes};

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for votes.
    Pending,
    /// Has its votes, waits for its turn.
    Approved,
    /// An attempt has begun; seen from outside only where the effect is not in our own database.
    Executing,
    Succeeded,
    Failed,
    Partial,
    /// An attempt was made and nobody knows how it ended.
    Unknown,
    /// Somebody said no.
    Denied,
    /// Nobody said enough in time.
    Expired,
    /// The requester took it back.
    Withdrawn,
    /// What was approved is no longer what would happen.
    Stale,
}

impl State {
    pub const ALL: [State; 11] = [
        State::Pending,
        State::Approved,
        State::Executing,
        State::Succeeded,
        State::Failed,
        State::Partial,
        State::Unknown,
        State::Denied,
        State::Expired,
        State::Withdrawn,
        State::Stale,
    ];
    /// Something may still happen; everything else is final.
    pub const OPEN: [State; 4] = [State::Pending, State::Approved, State::Executing, State::Unknown];

    pub fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Approved => "approved",
            State::Executing => "executing",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            State::Partial => "partial",
            State::Unknown => "unknown",
            State::Denied => "denied",
            State::Expired => "expired",
            State::Withdrawn => "withdrawn",
            State::Stale => "stale",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub fn is_open(self) -> bool {
        Self::OPEN.contains(&self)
    }

    /// The arrows of the state machine; a transition that is not here is a bug.
    fn may_become(self, next: State) -> bool {
        use State::*;
        match self {
            Pending => matches!(next, Approved | Denied | Withdrawn | Expired | Stale),
            Approved => matches!(next, Executing | Denied | Withdrawn | Expired | Stale),
            Executing => matches!(next, Succeeded | Failed | Partial | Unknown),
            // only by reading back, or by two people
            Unknown => matches!(next, Succeeded | Failed | Partial),
            Succeeded | Failed | Partial | Denied | Expired | Withdrawn | Stale => false,
        }
    }
}

/// What was asked for, and how it fares. The fields from `state` on change, the others never do.
#[derive(Clone, Debug)]
pub struct Request {
    pub id: i64,
    pub operation: String,
    pub operation_version: i16,
    pub fields: Value,
    pub reason: String,
    pub risk: String,
    pub requester_id: Uuid,
    pub requester: String,
    /// Who made it, whatever account they used: an agent's owner.
    pub requester_human: Uuid,
    pub door: String,
    pub target_type: String,
    pub target_id: String,
    pub target_label: String,
    pub before: Value,
    pub after: Value,
    pub ruling: Ruling,
    pub binding: Vec<u8>,
    /// What makes the binding nobody's guess. Requests from before there was one have none, and neither have those of whom was erased.
    pub binding_salt: Option<Vec<u8>>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub not_before: Option<DateTime<Utc>>,
    pub state: State,
    pub version: i32,
    pub execute_by: Option<DateTime<Utc>>,
    pub decided_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub outcome: Option<Value>,
    /// The end of the cool-off, once it is approved.
    pub run_after: Option<DateTime<Utc>>,
    /// Roles whose holders would bring it further.
    pub waits_for: Vec<String>,
    /// Since when more people than those who may decide know that it waits.
    pub escalated_at: Option<DateTime<Utc>>,
    /// It ran without the approvals that its policy asks for.
    pub glass: Option<Glass>,
}

/// What breaking the glass leaves behind.
#[derive(Clone, Debug)]
pub struct Glass {
    /// Why it could not wait for approvals, in the requester's words.
    pub emergency: String,
    /// Until when somebody must have looked at it.
    pub review_due_at: DateTime<Utc>,
}

impl Request {
    /// `CR-12`.
    pub fn short_id(&self) -> String {
        short_id(self.id)
    }

    /// Lower-case hex of the binding: what a vote must quote.
    pub fn binding_hex(&self) -> String {
        hex(&self.binding)
    }

    /// When it may run at the earliest: as was asked for, and not before its cool-off is over.
    pub fn runs_from(&self) -> Option<DateTime<Utc>> {
        self.not_before.max(self.run_after)
    }

    /// So long after it was asked.
    fn after_minutes(&self, minutes: Option<u32>) -> Option<DateTime<Utc>> {
        minutes.map(|n| self.created_at + TimeDelta::minutes(n.into()))
    }

    /// Whether people have to approve it before it runs.
    pub fn is_decided_by_people(&self) -> bool {
        self.ruling.approvals > 0 && self.glass.is_none()
    }

    /// An entry about this request.
    fn entry(&self, kind: &'static str) -> Entry {
        Entry::of(kind).request(self.id).on(&self.target_type, &self.target_id)
    }
}

pub fn short_id(id: i64) -> String {
    format!("CR-{id}")
}

/// From `CR-12`, `cr-12` or `12`.
pub fn parse_id(text: &str) -> Result<i64, Error> {
    let digits = text.strip_prefix("CR-").or_else(|| text.strip_prefix("cr-")).unwrap_or(text);
    digits.parse().ok().filter(|id| *id > 0).ok_or(Error::NotFound)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |s, b| s + &format!("{b:02x}"))
}

/// A vote as it counts.
#[derive(Clone, Debug)]
pub struct Vote {
    pub voter_id: Uuid,
    /// The human behind the account.
    pub human: Uuid,
    pub voter: String,
    pub approves: bool,
    pub binding: Vec<u8>,
    pub reason: Option<String>,
    pub door: String,
    pub at: DateTime<Utc>,
    /// The voter's roles as they are now; none if the account is disabled.
    pub roles: Vec<String>,
    /// The absent people it was also cast for, with their roles as they are now.
    pub stands_for: Json<Vec<StandIn>>,
}

/// One try to carry a request out.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Counts up from 1; what an older one brings back later counts no more.
    pub epoch: i16,
    pub replica: String,
    pub started_at: DateTime<Utc>,
    /// When the other system was about to be asked; from then on a crash leaves an open question.
    pub dispatched_at: Option<DateTime<Utc>>,
    /// Until then it belongs to its replica. None where the effect commits with its outcome.
    pub lease_until: Option<DateTime<Utc>>,
    /// The idempotency key that the other system was given.
    pub key: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
    pub outcome: Option<String>,
    pub receipt: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_states_have_no_way_out_and_open_ones_do() {
        for state in State::ALL {
            assert_eq!(State::named(state.name()), Some(state));
            assert_eq!(State::ALL.into_iter().any(|next| state.may_become(next)), state.is_open(), "{state:?}");
        }
    }

    #[test]
    fn ids_are_read_as_people_write_them() {
        for text in ["CR-12", "cr-12", "12"] {
            assert_eq!(parse_id(text).unwrap(), 12);
        }
        for text in ["", "CR-", "CR--1", "0", "12; drop", "CR-99999999999999999999"] {
            assert!(parse_id(text).is_err(), "{text}");
        }
    }
}
