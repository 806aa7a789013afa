//! Who must countersign what. Here: by risk alone, with self-approval as an explicit option for named operations.
use crate::{
    auth::{RequestsDecide, Scope},
    ledger,
    operations::{Definition, Risk},
};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The rules in force, as read from the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Approvals for each risk. 0 means that it runs at once.
    approvals: BTreeMap<Risk, u8>,
    /// Operations whose requester may give one of the approvals.
    self_approval: Vec<String>,
    /// Minutes until a request that nobody decided expires.
    pending_minutes: u32,
    /// Minutes in which an approved request must run.
    execute_minutes: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            approvals: BTreeMap::from([(Risk::Low, 0), (Risk::Medium, 1), (Risk::High, 1), (Risk::Critical, 2)]),
            self_approval: Vec::new(),
            pending_minutes: 3 * 24 * 60,
            execute_minutes: 60,
        }
    }
}

/// What the policy says about one request; kept with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ruling {
    /// The name of the rule that matched.
    pub rule: String,
    pub approvals: u8,
    /// The scope a voter must hold.
    pub scope: String,
    pub self_approval: bool,
    pub pending_minutes: u32,
    pub execute_minutes: u32,
    /// Hex SHA-256 of the whole policy, so that a request names the rules it was made under.
    pub policy_hash: String,
}

impl Policy {
    /// Refuses what would never work or never hold.
    pub fn checked(mut self) -> Result<Self, String> {
        let defaults = Self::default();
        for risk in Risk::ALL {
            let approvals = *self.approvals.entry(risk).or_insert(defaults.approvals[&risk]);
            if approvals > 9 {
                return Err(format!("approvals.{} is {approvals}; 9 is the most", risk.name()));
            }
        }
        if self.pending_minutes == 0 || self.execute_minutes == 0 {
            return Err("pending_minutes and execute_minutes must be 1 or more".into());
        }
        Ok(self)
    }

    /// Refuses names of operations that do not exist: a misspelt exception is a hole or a surprise.
    pub fn check_names(&self, known: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        match self.self_approval.iter().find(|name| !known(name)) {
            Some(name) => anyhow::bail!("policy: self_approval names {name:?}, which is not an operation"),
            None => Ok(()),
        }
    }

    pub fn rule(&self, operation: &dyn Definition) -> Ruling {
        let risk = operation.risk();
        let hash = Sha256::digest(ledger::canonical(&json!(self)).unwrap_or_default());
        Ruling {
            rule: format!("risk-{}", risk.name()),
            approvals: self.approvals.get(&risk).copied().unwrap_or(1),
            scope: RequestsDecide::NAME.into(),
            self_approval: self.self_approval.iter().any(|name| name == operation.name()),
            pending_minutes: self.pending_minutes,
            execute_minutes: self.execute_minutes,
            policy_hash: hash.iter().fold(String::new(), |s, b| s + &format!("{b:02x}")),
        }
    }
}

impl Ruling {
    pub fn pending(&self) -> TimeDelta {
        TimeDelta::minutes(self.pending_minutes.into())
    }

    pub fn execute_within(&self) -> TimeDelta {
        TimeDelta::minutes(self.execute_minutes.into())
    }

    /// `needs` of the contract: how many of whom.
    pub fn needs(&self) -> Value {
        if self.approvals == 0 { json!([]) } else { json!([{"scope": self.scope, "count": self.approvals}]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_keeps_its_default_and_nonsense_is_refused() {
        let read = |text: &str| toml::from_str::<Policy>(text).map_err(|e| e.to_string()).and_then(Policy::checked);
        let policy = read("approvals = { high = 2 }").unwrap();
        assert_eq!((policy.approvals[&Risk::High], policy.approvals[&Risk::Critical]), (2, 2));
        assert!(read("approvals = { huge = 2 }").is_err());
        assert!(read("approvals = { high = 10 }").is_err());
        assert!(read("pending_minutes = 0").is_err());
        assert!(read("self_aproval = []").is_err());
    }
}
