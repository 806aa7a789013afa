//! What is asked for in the demo, drawn by chance from its customers as they are at that time.
use super::{
    history::{TIERS, World},
    names,
};
use crate::personal::Email;
use rand::{RngExt, seq::IndexedRandom};
use serde_json::{Value, json};

/// What somebody asks for.
pub struct Matter {
    pub operation: &'static str,
    pub fields: Value,
    /// Its type, id and label.
    pub target: (&'static str, String, String),
    pub before: Value,
    pub after: Value,
    pub reason: String,
}

impl World {
    pub(super) fn fix(&mut self) -> Matter {
        // the first one keeps its problem
        let n = self.rng.random_range(1..self.orgs.len());
        let org = &self.orgs[n];
        let before = json!({"tier": org.tier, "credit": org.credit});
        let tier = TIERS[self.rng.random_range(0..4)];
        let credit = self.rng.random_range(0..300) * 1_000;
        let both = self.rng.random_bool(0.3);
        let (tier, credit) = if both {
            (Some(tier), Some(credit))
        } else if self.rng.random_bool(0.5) {
            (Some(tier), None)
        } else {
            (None, Some(credit))
        };
        let (tier, credit) = if tier.is_none_or(|t| t == org.tier) && credit.is_none_or(|c| c == org.credit) {
            (None, Some(org.credit + 10_000))
        } else {
            (tier, credit)
        };
        let mut fields = json!({"org_id": org.id});
        if let Some(tier) = tier {
            fields["tier"] = json!(tier);
        }
        if let Some(credit) = credit {
            fields["credit"] = json!(credit);
        }
        let after = json!({"tier": tier.unwrap_or(org.tier), "credit": credit.unwrap_or(org.credit)});
        let label = format!("{} · {}", self.companies[org.company].1, org.name);
        let reason = names::FIX_REASONS.choose(&mut self.rng).expect("not empty");
        let target = ("org", org.id.clone(), label);
        Matter { operation: "org.tier.fix", fields, target, before, after, reason: (*reason).into() }
    }

    pub(super) fn grant(&mut self) -> Matter {
        let n = self.rng.random_range(0..self.users.len());
        let user = &self.users[n];
        let plan = if user.plan == "pro" { "free" } else { "pro" };
        let fields = json!({"user_id": user.id, "plan": plan});
        let label = format!("{} · {}", user.name, Email::from(user.email.clone()));
        let reason = names::GRANT_REASONS.choose(&mut self.rng).expect("not empty");
        let (before, after) = (json!({"plan": user.plan, "until": null}), json!({"plan": plan, "until": null}));
        Matter { operation: "user.plan.grant", fields, target: ("user", user.id.clone(), label), before, after, reason: (*reason).into() }
    }
}
