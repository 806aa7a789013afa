//! Who must countersign what: a document of rules that is itself changed by a countersigned request. Each request keeps what
//! the policy said about it, and that and the policy in force must both be satisfied, when it is voted on and when it runs.
mod deadlock;
mod document;
mod faults;
pub mod json;
mod matching;
mod quorum;
pub mod replace;
mod ruling;
pub mod simulator;
mod store;
#[cfg(test)]
mod tests;
mod values;
mod version;
pub mod web;
pub mod words;

pub use deadlock::{Shortage, shortage};
pub use document::{BUILT_IN, LONGEST, NOT_HELD, read};
pub use faults::Fault;
pub use matching::{Case, Change, Condition, Reason, Test};
pub use quorum::{Filled, Holder, fill};
pub use replace::ReplacePolicy;
pub use ruling::{Need, Ruling, Ticket};
pub use store::{Human, people};
pub use version::{Cache, Version, adopt, adopt_later, check, hash_of, in_force, newest_id, numbered};

use crate::operations::{Holding, Risk};
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
    pub step_up_minutes: Option<u32>,
    pub reason_prompt: Option<String>,
    pub ticket: Option<Ticket>,
    pub pending_minutes: Option<u32>,
    pub execute_minutes: Option<u32>,
    pub cool_off_minutes: Option<u32>,
}

/// Minutes that a request waits for votes, unless its rule says otherwise.
const PENDING_MINUTES: u32 = 3 * 24 * 60;
/// Minutes in which an approved request must run.
const EXECUTE_MINUTES: u32 = 60;

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
        Ruling {
            rule: rule.name.clone(),
            approvals: rule.needs.iter().map(|n| n.count).sum(),
            needs: rule.needs.clone(),
            self_approval: t.self_approval.unwrap_or(false),
            batch: t.batch.unwrap_or(case.risk != Risk::Critical),
            slack: t.slack.unwrap_or(case.risk <= Risk::Medium),
            break_glass: t.break_glass.unwrap_or(false),
            step_up_minutes: t.step_up_minutes,
            reason_prompt: t.reason_prompt.clone(),
            ticket: t.ticket.clone(),
            pending_minutes: t.pending_minutes.unwrap_or(PENDING_MINUTES),
            pending_seconds: None,
            execute_minutes: t.execute_minutes.unwrap_or(EXECUTE_MINUTES),
            cool_off_minutes: t.cool_off_minutes.unwrap_or(0),
            because,
            policy_version: version,
            policy_hash: hash.to_owned(),
            of_old: false,
        }
    }
}
