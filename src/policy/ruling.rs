//! What the policy says about one request; kept with it, and part of its binding.
use super::{NOT_HELD, Reason};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// So many of this group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Need {
    pub group: String,
    /// Who belonged to the group when the ruling was made: any holder of one of these roles.
    pub roles: Vec<String>,
    pub count: u8,
}

/// What a reason must contain: a pattern for us, and an example for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    pub pattern: String,
    pub example: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Ruling {
    /// The name of the rule that matched.
    pub rule: String,
    /// How many people in all.
    pub approvals: u8,
    /// Each of them by other people.
    pub needs: Vec<Need>,
    pub self_approval: bool,
    pub batch: bool,
    pub slack: bool,
    pub break_glass: bool,
    /// How long the review after a broken glass may take; only where breaking it is allowed.
    pub review_minutes: Option<u32>,
    /// An approver must have signed in within so many minutes.
    pub step_up_minutes: Option<u32>,
    pub reason_prompt: Option<String>,
    pub ticket: Option<Ticket>,
    pub pending_minutes: u32,
    /// Said by the configuration instead of the minutes.
    pub pending_seconds: Option<u32>,
    pub execute_minutes: u32,
    /// Between approval and execution, so that somebody may still say no.
    pub cool_off_minutes: u32,
    /// Whether somebody who stands in for an absent person may use that person's roles.
    pub delegation: bool,
    /// Minutes after which those who have not voted are reminded.
    pub remind_minutes: Option<u32>,
    /// Minutes after which the holders of `escalate_to` are told too.
    pub escalate_minutes: Option<u32>,
    pub escalate_to: Vec<String>,
    /// Why the rule matched: each of its conditions with what was found.
    pub because: Vec<Reason>,
    pub policy_version: i32,
    /// Hex SHA-256 of the document.
    pub policy_hash: String,
    /// Made before policies were documents; written back as it was, since the binding covers it.
    pub(super) of_old: bool,
}

impl Ruling {
    pub fn pending(&self) -> TimeDelta {
        self.pending_seconds.map_or(TimeDelta::minutes(self.pending_minutes.into()), |n| TimeDelta::seconds(n.into()))
    }

    /// Lets it through, because the configuration holds nothing back.
    pub fn let_through(&mut self) {
        *self = Self {
            rule: NOT_HELD.into(),
            pending_minutes: self.pending_minutes,
            pending_seconds: self.pending_seconds,
            execute_minutes: self.execute_minutes,
            policy_version: self.policy_version,
            policy_hash: std::mem::take(&mut self.policy_hash),
            ..Self::default()
        };
    }

    pub fn execute_within(&self) -> TimeDelta {
        TimeDelta::minutes(self.execute_minutes.into())
    }

    pub fn cool_off(&self) -> Option<TimeDelta> {
        (self.cool_off_minutes > 0).then(|| TimeDelta::minutes(self.cool_off_minutes.into()))
    }

    /// How long after the glass was broken somebody must have looked at it.
    pub fn review_within(&self) -> TimeDelta {
        TimeDelta::minutes(self.review_minutes.unwrap_or(super::REVIEW_MINUTES).into())
    }

    /// The roles that can vote at all.
    pub fn voter_roles(&self) -> Vec<String> {
        self.needs.iter().flat_map(|n| n.roles.iter().cloned()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether a reason has what the rule wants to see in it.
    pub fn ticket_missing(&self, reason: &str) -> Option<&Ticket> {
        // a pattern was compiled when the policy was read; one that does not compile any more lets nothing through
        self.ticket.as_ref().filter(|t| !regex::Regex::new(&t.pattern).is_ok_and(|p| p.is_match(reason)))
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Ruling(Now),
    Old(Old),
}

#[derive(Clone, Serialize, Deserialize)]
struct Now {
    rule: String,
    approvals: u8,
    needs: Vec<Need>,
    self_approval: bool,
    batch: bool,
    slack: bool,
    break_glass: bool,
    // not there in rulings without it: the binding covers what is stored
    #[serde(default, skip_serializing_if = "Option::is_none")]
    review_minutes: Option<u32>,
    step_up_minutes: Option<u32>,
    reason_prompt: Option<String>,
    ticket: Option<Ticket>,
    pending_minutes: u32,
    // left out where it is not said, as it was before there was such a thing: bindings cover it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending_seconds: Option<u32>,
    execute_minutes: u32,
    cool_off_minutes: u32,
    // what follows is left out where it says nothing, so that rulings from before it are written back as they were
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    delegation: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remind_minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    escalate_minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    escalate_to: Vec<String>,
    because: Vec<Reason>,
    policy_version: i32,
    policy_hash: String,
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

/// A number for each risk, of those who held one scope.
#[derive(Clone, Serialize, Deserialize)]
struct Old {
    rule: String,
    approvals: u8,
    scope: String,
    self_approval: bool,
    pending_minutes: u32,
    execute_minutes: u32,
    policy_hash: String,
}

const OLD_SCOPE: &str = "requests:decide";

impl From<Stored> for Ruling {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Ruling(r) => Ruling {
                rule: r.rule,
                approvals: r.approvals,
                needs: r.needs,
                self_approval: r.self_approval,
                batch: r.batch,
                slack: r.slack,
                break_glass: r.break_glass,
                review_minutes: r.review_minutes,
                step_up_minutes: r.step_up_minutes,
                reason_prompt: r.reason_prompt,
                ticket: r.ticket,
                pending_minutes: r.pending_minutes,
                pending_seconds: r.pending_seconds,
                execute_minutes: r.execute_minutes,
                cool_off_minutes: r.cool_off_minutes,
                delegation: r.delegation,
                remind_minutes: r.remind_minutes,
                escalate_minutes: r.escalate_minutes,
                escalate_to: r.escalate_to,
                because: r.because,
                policy_version: r.policy_version,
                policy_hash: r.policy_hash,
                of_old: false,
            },
            Stored::Old(r) => Ruling {
                rule: r.rule,
                approvals: r.approvals,
                needs: (r.approvals > 0)
                    .then(|| Need { group: "approvers".into(), roles: vec!["admin".into(), "approver".into()], count: r.approvals })
                    .into_iter()
                    .collect(),
                self_approval: r.self_approval,
                batch: true,
                slack: false,
                break_glass: false,
                review_minutes: None,
                step_up_minutes: None,
                reason_prompt: None,
                ticket: None,
                pending_minutes: r.pending_minutes,
                pending_seconds: None,
                execute_minutes: r.execute_minutes,
                cool_off_minutes: 0,
                delegation: false,
                remind_minutes: None,
                escalate_minutes: None,
                escalate_to: Vec::new(),
                because: Vec::new(),
                policy_version: 0,
                policy_hash: r.policy_hash,
                of_old: true,
            },
        }
    }
}

impl From<Ruling> for Stored {
    fn from(r: Ruling) -> Self {
        if r.of_old {
            return Stored::Old(Old {
                rule: r.rule,
                approvals: r.approvals,
                scope: OLD_SCOPE.into(),
                self_approval: r.self_approval,
                pending_minutes: r.pending_minutes,
                execute_minutes: r.execute_minutes,
                policy_hash: r.policy_hash,
            });
        }
        Stored::Ruling(Now {
            rule: r.rule,
            approvals: r.approvals,
            needs: r.needs,
            self_approval: r.self_approval,
            batch: r.batch,
            slack: r.slack,
            break_glass: r.break_glass,
            review_minutes: r.review_minutes,
            step_up_minutes: r.step_up_minutes,
            reason_prompt: r.reason_prompt,
            ticket: r.ticket,
            pending_minutes: r.pending_minutes,
            pending_seconds: r.pending_seconds,
            execute_minutes: r.execute_minutes,
            cool_off_minutes: r.cool_off_minutes,
            delegation: r.delegation,
            remind_minutes: r.remind_minutes,
            escalate_minutes: r.escalate_minutes,
            escalate_to: r.escalate_to,
            because: r.because,
            policy_version: r.policy_version,
            policy_hash: r.policy_hash,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_ruling_of_old_is_understood_and_written_back_as_it_was() {
        let old = json!({"rule": "risk-critical", "approvals": 2, "scope": "requests:decide", "self_approval": true,
            "pending_minutes": 4320, "execute_minutes": 60, "policy_hash": "ab"});
        let ruling: Ruling = serde_json::from_value(old.clone()).unwrap();
        assert_eq!((ruling.needs[0].count, ruling.voter_roles()), (2, vec!["admin".to_owned(), "approver".to_owned()]));
        assert!(ruling.self_approval && ruling.batch);
        assert_eq!(json!(ruling), old);
    }
}
