//! The policy as the API shows it.
use super::{Condition, Policy, Ruling, Version};
use serde_json::{Value, json};

/// What the policy says about one request.
pub fn ruling(r: &Ruling) -> Value {
    json!({
        "rule": r.rule, "needs": r.needs, "self_approval": r.self_approval, "batch": r.batch, "slack": r.slack, "break_glass": r.break_glass,
        "review_minutes": r.review_minutes, "pending_seconds": r.pending().num_seconds(),
        "step_up_minutes": r.step_up_minutes, "reason_prompt": r.reason_prompt, "ticket": r.ticket, "cool_off_minutes": r.cool_off_minutes,
        "delegation": r.delegation, "remind_minutes": r.remind_minutes, "escalate_minutes": r.escalate_minutes, "escalate_to": r.escalate_to,
        "because": r.because, "version": r.policy_version, "hash": r.policy_hash,
    })
}

/// The version in force, as it was written and as it was understood.
pub fn version(v: &Version) -> Value {
    json!({"version": v.id, "hash": v.hash, "document": v.policy.document, "groups": v.policy.groups, "rules": rules(&v.policy)})
}

fn rules(policy: &Policy) -> Vec<Value> {
    let when = |conditions: &[Condition]| json!(conditions);
    policy.rules.iter().map(|r| json!({"name": r.name, "when": when(&r.when), "needs": r.needs})).collect()
}
