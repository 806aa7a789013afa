//! Requests as the API shows them.
use super::{Attempt, Request, Vote, hex, inbox::Listed, review::Review};
use crate::{app::App, policy};
use serde_json::{Value, json};

/// The whole request, as `docs/api.md` describes it.
pub fn whole(app: &App, r: &Request, votes: &[Vote], attempts: &[Attempt], review: Option<&Review>) -> Value {
    let url = |path: String| app.public_url.join(&path).map_or(path, |u| u.to_string());
    let id = r.short_id();
    json!({
        "id": id, "operation": r.operation, "fields": r.fields, "reason": r.reason, "state": r.state.name(), "binding": r.binding_hex(), "risk": r.risk,
        "requester": {"id": r.requester_id, "name": r.requester},
        "target": {"type": r.target_type, "id": r.target_id, "label": r.target_label},
        "preview": {"before": r.before, "after": r.after},
        "policy": policy::json::ruling(&r.ruling), "waits_for": r.waits_for, "escalated_at": r.escalated_at,
        "votes": votes.iter().map(|v| json!({
            "voter": {"id": v.voter_id, "name": v.voter}, "decision": if v.approves { "approve" } else { "reject" }, "binding": hex(&v.binding),
            "reason": v.reason, "door": v.door, "at": v.at,
            "stands_for": v.stands_for.iter().map(|s| json!({"id": s.id, "name": s.name})).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "attempts": attempts.iter().map(|a| json!({
            "epoch": a.epoch, "replica": a.replica, "started_at": a.started_at, "dispatched_at": a.dispatched_at, "key": a.key, "ended_at": a.ended_at, "outcome": a.outcome, "receipt": a.receipt,
        })).collect::<Vec<_>>(),
        "break_glass": r.glass.as_ref().map(|g| json!({
            "emergency": g.emergency, "review_due_at": g.review_due_at,
            "review": review.map(|v| json!({
                "verdict": v.verdict, "note": v.note, "reviewer": {"id": v.reviewer_id, "name": v.reviewer}, "door": v.door, "at": v.at,
            })),
        })),
        "outcome": r.outcome, "created_at": r.created_at, "expires_at": r.expires_at, "execute_by": r.execute_by, "not_before": r.not_before, "run_after": r.run_after,
        "decided_at": r.decided_at, "closed_at": r.closed_at,
        "links": {"self": url(format!("/api/requests/{id}")), "html": url(format!("/requests/{id}")), "ledger": url(format!("/ledger?request={id}"))},
    })
}

/// A request in a list.
pub fn listed(app: &App, r: &Listed) -> Value {
    let id = super::short_id(r.id);
    let url = app.public_url.join(&format!("/api/requests/{id}")).map_or(String::new(), |u| u.to_string());
    json!({
        "id": id, "operation": r.operation, "state": r.state.name(), "risk": r.risk, "requester": {"name": r.requester},
        "target": {"label": r.target_label}, "preview": {"before": r.before, "after": r.after},
        "break_glass": r.broke_glass, "created_at": r.created_at, "expires_at": r.expires_at, "links": {"self": url},
    })
}
