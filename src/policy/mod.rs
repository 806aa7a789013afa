//! Who must countersign what: a document of rules that is itself changed by a countersigned request. Each request keeps what
//! the policy said about it, and that and the policy in force must both be satisfied, when it is voted on and when it runs.
mod deadlock;
mod document;
pub mod json;
mod matching;
mod quorum;
pub mod replace;
mod ruling;
pub mod simulator;
mod store;
#[cfg(test)]
mod tests;
mod version;
pub mod web;
pub mod words;

pub use deadlock::{Shortage, present, shortage};
pub use document::{BUILT_IN, LONGEST, NOT_HELD, read};
pub use matching::{Case, Change, Condition, Reason, Test};
pub use quorum::{Filled, Holder, fill, may_decide};
pub use replace::ReplacePolicy;
pub use ruling::{Need, Ruling, Ticket};
pub use store::{Human, StandIn, people};
pub use version::{Cache, Version, adopt, adopt_later, check, hash_of, in_force, newest_id, numbered};

use crate::{
    auth::Role,
    operations::{Holding, Operation, Risk},
};
use std::collections::BTreeMap;

/// A whole policy, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Each group with the roles whose holders belong to it.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The first that matches decides; the last one always does.
    pub rules: Vec<Rule>,
    /// As it was written, comments and all.
    pub document: String,
}

/// One rule: when it applies, and what it asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub name: String,
    /// All of them must hold; none are asked of the last rule.
    pub when: Vec<Condition>,
    pub needs: Vec<Need>,
    pub terms: Terms,
}

/// What a rule says besides who must approve. What it leaves out follows from the risk, or is the usual.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    pub self_approval: Option<bool>,
    pub batch: Option<bool>,
    pub slack: Option<bool>,
    pub break_glass: Option<bool>,
    pub review_minutes: Option<u32>,
    pub step_up_minutes: Option<u32>,
    pub reason_prompt: Option<String>,
    pub ticket: Option<Ticket>,
    pub pending_minutes: Option<u32>,
    pub execute_minutes: Option<u32>,
    pub cool_off_minutes: Option<u32>,
    pub delegation: Option<bool>,
    pub remind_minutes: Option<u32>,
    pub escalate_minutes: Option<u32>,
    /// Groups that are told, and the roles that belong to them.
    pub escalate_to: Option<(Vec<String>, Vec<String>)>,
}

/// Minutes that a request waits for votes, unless its rule says otherwise.
const PENDING_MINUTES: u32 = 3 * 24 * 60;
/// Minutes in which an approved request must run.
const EXECUTE_MINUTES: u32 = 60;
/// Minutes after which those who have not voted are reminded, and after which others are told. None where it expires before.
const REMIND_MINUTES: u32 = 4 * 60;
const ESCALATE_MINUTES: u32 = 24 * 60;
/// Minutes in which somebody must have looked at a broken glass.
const REVIEW_MINUTES: u32 = 24 * 60;

impl Policy {
    /// What it says under a configuration that has a say in this operation, too.
    pub fn rule_held(&self, case: &Case, holding: Holding, version: i32, hash: &str) -> Ruling {
        let mut ruling = self.rule(case, version, hash);
        let about = |c: &Condition| matches!(c, Condition::Operation(names) if names.iter().any(|name| name == case.operation));
        let says = |rule: &&Rule| rule.name == ruling.rule && rule.terms.pending_minutes.is_some() && rule.when.iter().any(about);
        if self.rules.iter().find(says).is_none() {
            ruling.pending_seconds = holding.seconds;
        }
        if holding.off {
            ruling.let_through();
        }
        ruling
    }

    /// What the policy says about a case: the first rule whose conditions all hold, and why they do.
    pub fn rule(&self, case: &Case, version: i32, hash: &str) -> Ruling {
        let (rule, because) = self
            .rules
            .iter()
            .find_map(|rule| Some((rule, matching::reasons(&rule.when, case)?)))
            .expect("the last rule of a policy asks for nothing");
        let t = &rule.terms;
        let pending_minutes = t.pending_minutes.unwrap_or(PENDING_MINUTES);
        let in_time = |minutes: u32| (!rule.needs.is_empty() && minutes > 0 && minutes < pending_minutes).then_some(minutes);
        let escalate_minutes = in_time(t.escalate_minutes.unwrap_or(ESCALATE_MINUTES));
        let escalate_to = t.escalate_to.as_ref().map_or_else(|| vec![Role::Admin.name().to_owned()], |(_, roles)| roles.clone());
        // whatever a document says: nobody changes the rules alone
        let break_glass = t.break_glass == Some(true) && case.operation != <ReplacePolicy as Operation>::NAME;
        Ruling {
            rule: rule.name.clone(),
            approvals: rule.needs.iter().map(|n| n.count).sum(),
            needs: rule.needs.clone(),
            self_approval: t.self_approval.unwrap_or(false),
            batch: t.batch.unwrap_or(case.risk != Risk::Critical),
            slack: t.slack.unwrap_or(case.risk <= Risk::Medium),
            break_glass,
            review_minutes: break_glass.then(|| t.review_minutes.unwrap_or(REVIEW_MINUTES)),
            step_up_minutes: t.step_up_minutes,
            reason_prompt: t.reason_prompt.clone(),
            ticket: t.ticket.clone(),
            pending_minutes,
            pending_seconds: None,
            execute_minutes: t.execute_minutes.unwrap_or(EXECUTE_MINUTES),
            cool_off_minutes: t.cool_off_minutes.unwrap_or(0),
            delegation: t.delegation.unwrap_or(true),
            remind_minutes: in_time(t.remind_minutes.unwrap_or(REMIND_MINUTES)),
            escalate_minutes,
            escalate_to: escalate_minutes.map(|_| escalate_to).unwrap_or_default(),
            because,
            policy_version: version,
            policy_hash: hash.to_owned(),
            of_old: false,
        }
    }
}
