//! The story of a request as its page tells it, and what is still to come.
use super::{Request, State};
use crate::{
    i18n::Lang,
    ledger::{self, browse::Told, subjects::Detail},
    page::When,
};

/// One step of the timeline; future steps are greyed.
pub struct Step {
    pub icon: &'static str,
    pub tone: &'static str,
    pub title: String,
    pub actor: String,
    pub at: Option<When>,
    pub reason: Option<String>,
    pub href: Option<String>,
    pub future: bool,
}

/// What has happened, each with its event for those who may read the ledger, and then what has not.
pub(super) fn timeline(l: Lang, request: &Request, story: &[Told], sees_ledger: bool, missing: usize) -> Vec<Step> {
    let told = story
        .iter()
        // each attempt has a line of its own, beside its receipt
        .filter(|told| !["request.dispatched", "request.resumed"].contains(&told.event.kind.as_str()))
        .map(|told| Step {
            icon: step_icon(&told.event.kind),
            tone: step_tone(&told.event.kind),
            title: ledger::web::kind_label(l, &told.event.kind),
            actor: told.event.actor.clone(),
            at: Some(When::new(l, told.event.at)),
            reason: match &told.detail {
                Detail::Gone => Some(l.erased()),
                detail => detail.value().and_then(|value| value["reason"].as_str()).map(str::to_owned),
            },
            href: sees_ledger.then(|| format!("/ledger/{}", told.event.id)),
            future: false,
        });
    told.chain(future(l, request, missing)).collect()
}

/// What is still to come, so that people see where a request stands on its way.
fn future(l: Lang, r: &Request, missing: usize) -> Vec<Step> {
    let step = |icon, title| Step { icon, tone: "future", title, actor: String::new(), at: None, reason: None, href: None, future: true };
    match r.state {
        State::Pending => {
            vec![step("check", l.request_future_approval(missing)), step("loader", l.request_future_execution())]
        }
        State::Approved | State::Executing => vec![step("loader", l.request_future_execution())],
        _ => Vec::new(),
    }
}

fn step_icon(kind: &str) -> &'static str {
    match kind {
        "request.submitted" => "plus",
        "request.waits" => "clock",
        "request.voted" => "user",
        "request.approved" => "check",
        "request.denied" => "x",
        "request.expired" => "clock-alert",
        "request.withdrawn" | "request.vote_withdrawn" => "undo-2",
        "request.started" => "loader",
        "request.succeeded" => "circle-check",
        "request.failed" => "octagon-x",
        "request.partial" => "triangle-alert",
        "request.unknown" | "request.unanswered" => "circle-help",
        "request.resumed" | "request.read-back" => "refresh-cw",
        "request.dispatched" => "plug",
        "request.examined" => "search",
        "request.commented" => "user",
        "request.questioned" => "circle-help",
        "request.reminded" | "request.escalated" => "bell",
        "request.orphaned" => "triangle-alert",
        "request.broke_glass" | "request.review_overdue" => "triangle-alert",
        "request.reviewed" => "shield-check",
        "request.stale" => "git-compare",
        "access.denied" => "lock",
        _ => "pencil",
    }
}

fn step_tone(kind: &str) -> &'static str {
    match kind {
        "request.succeeded" => "succeeded",
        "request.approved" => "approved",
        "request.denied" => "rejected",
        "request.failed" | "request.broke_glass" | "request.review_overdue" => "failed",
        "request.expired" | "request.stale" | "request.withdrawn" => "expired",
        _ => "neutral",
    }
}
