//! Onboardings as clients see them.
use super::{Content, Listed, Onboarding, Task, short_id, steps};
use crate::{error::Error, requests, requests::hex};
use serde_json::{Value, json};

/// One of a list.
pub fn brief(o: &Listed) -> Value {
    json!({
        "id": short_id(o.id), "revision": o.revision, "state": o.state.name(), "company": o.company, "slug": o.slug, "plan": o.plan_code, "owner": o.owner,
        "created_at": o.created_at, "due_at": o.due_at, "done": o.done, "step": o.step, "step_state": o.progress, "waits_on": o.waits_on, "late": o.late,
    })
}

/// One, with its steps and the hash that a decision on it must quote. The contact's address is whole: somebody has to write to it.
pub fn whole(o: &Onboarding, tasks: &[Task], under_way: Option<i64>) -> Result<Value, Error> {
    Ok(json!({
        "id": o.short_id(), "revision": o.revision, "state": o.state.name(), "parent": o.parent_id.map(short_id),
        "tenant": {"id": o.tenant_id, "slug": o.slug, "region": o.region, "status": o.tenant_status},
        "company": {"id": o.company_id, "name": o.company, "biz_reg_no": o.biz_reg_no},
        "plan": o.plan_code, "ai_services": o.ai_services, "contract_number": o.contract_number, "expected_amount": o.expected_amount,
        "contact": {"name": o.contact_name.exposed(), "email": o.contact_email.exposed()}, "note": o.note,
        "requester": {"id": o.requester_id, "name": o.requester}, "owner": {"id": o.owner_id, "name": o.owner},
        "created_at": o.created_at, "opened_at": o.opened_at, "due_at": o.due_at, "expires_at": o.expires_at, "closed_at": o.closed_at,
        "reason": o.reason, "decided_in": o.decided_in.map(requests::short_id), "under_way": under_way.map(requests::short_id),
        "content": Content::of(o, tasks)?.hex(), "tasks": tasks.iter().map(task).collect::<Vec<_>>(),
    }))
}

fn task(t: &Task) -> Value {
    json!({
        "kind": t.kind.name(), "state": t.state.name(), "owner": {"id": t.owner_id, "name": t.owner}, "due_at": t.due_at, "evidence": t.evidence,
        "evidence_hash": t.evidence_hash.as_deref().map(hex), "seen": steps::seen(t), "checks": t.checks.0, "submitted_by": t.submitted_by,
        "submitted_at": t.submitted_at, "reason": t.reason, "decided_by": t.decided_by, "decided_at": t.decided_at, "carried": t.carried_from.is_some(),
        "waits_on": t.waits_on, "waits_for": t.waits_for,
    })
}
