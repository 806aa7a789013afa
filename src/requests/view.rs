//! Requests as pages show them.
use super::{
    Request, State, comments,
    deciding::{self, Seen},
    explain,
    fate::{self, Fate, Reported},
    inbox,
    review::panel::{self, Looked, Panel},
    similar::{self, Similar},
    store,
    timeline::timeline,
    unvote, web,
};
use crate::{
    app::App,
    auth::{Caller, RequestsAsk, RequestsDecide, Scope},
    error::Error,
    i18n::Lang,
    ledger,
    operations::{Definition, Proposal, legible},
    page::{self, Badge, Diff, Reader, RiskTag, Table, When, list::Slice},
    policy::words,
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::sync::Arc;

pub use super::deciding::{Decide, Need, decision};
pub use super::timeline::Step;

pub fn badge(l: Lang, state: State) -> Badge {
    let icon = match state {
        State::Pending => "clock",
        State::Approved => "check",
        State::Executing => "loader",
        State::Succeeded => "circle-check",
        State::Failed => "octagon-x",
        State::Partial => "triangle-alert",
        State::Unknown => "circle-help",
        State::Denied => "x",
        State::Expired => "clock-alert",
        State::Withdrawn => "undo-2",
        State::Stale => "git-compare",
    };
    Badge { key: state.name(), label: l.find(&format!("state-{}", state.name())).unwrap_or_default(), icon }
}

/// All of one request.
pub struct RequestView {
    pub id: String,
    pub href: String,
    pub title: String,
    pub state: Badge,
    pub risk: RiskTag,
    pub created: When,
    pub expires: Option<When>,
    pub not_before: Option<When>,
    pub requester: String,
    pub target_label: String,
    pub target_href: Option<String>,
    /// The page on which it was asked for, where that shows more than before and after.
    pub asked_at: Option<String>,
    /// Where what it began is followed, once it has begun.
    pub followed: Option<String>,
    pub reason: String,
    pub diff: Diff,
    pub raw: String,
    pub binding: String,
    pub binding_short: String,
    /// Which rule matched and why, and what it asks for.
    pub policy: Vec<String>,
    /// Where to sign in again, if that is what an approval lacks.
    pub sign_in_again: Option<String>,
    pub needs: Vec<Need>,
    pub votes: Vec<VoteRow>,
    pub timeline: Vec<Step>,
    pub outcome: Option<Told>,
    pub fate: Fate,
    pub glass: Option<Panel>,
    pub talk: Option<Talk>,
    /// What somebody who decides asked the requester, as long as it is not answered.
    pub open_question: Option<String>,
    /// Since when others know that it waits too long.
    pub escalated: Option<String>,
    pub watching: bool,
    pub decide: Decide,
    pub withdraw: Option<String>,
    /// Where the reader's own vote is taken back, and why it cannot be once it has led to something.
    pub unvote: Option<String>,
    pub unvote_why: Option<String>,
    /// The form, filled in with the values from before.
    pub reverse: Option<String>,
    /// What it touches, in sentences.
    pub impact: Vec<String>,
    pub similar: Option<Similar>,
    pub conflict: Option<String>,
    /// What else was asked for on the same target, newest first.
    pub related: Table,
}

pub struct VoteRow {
    pub name: String,
    pub decision: &'static str,
    pub decision_label: String,
    pub reason: String,
    pub at: When,
}

pub struct Told {
    pub kind: &'static str,
    pub text: String,
}

/// The form for a comment.
pub struct Talk {
    pub action: String,
    /// Whether the caller may ask for information.
    pub asks: bool,
    pub text: String,
    pub error: Option<String>,
}

/// What a voter typed and what was wrong with it, to be shown again.
#[derive(Default)]
pub struct Typed {
    pub reason: String,
    pub error: Option<String>,
    pub conflict: Option<String>,
    pub reported: Reported,
    pub looked: Looked,
    pub remark: String,
    pub remark_error: Option<String>,
}

/// Loads and words everything the request page shows.
pub async fn whole(
    app: &App,
    conn: &mut PgConnection,
    l: Lang,
    caller: &Arc<Caller>,
    request: &Request,
    typed: Typed,
) -> Result<RequestView, Error> {
    let definition = app.registry.find(&request.operation);
    let mut kept = app.db.look_up().await?;
    let seen = Seen::of(app, &mut kept, caller, request).await?;
    let story = ledger::browse::story(&mut kept, request.id, request.created_at).await?;
    drop(kept);
    let same_target = inbox::Filter { target: Some((request.target_type.clone(), request.target_id.clone())), ..Default::default() };
    let mut others = inbox::list(conn, &same_target, Slice::newest(6)).await?;
    others.retain(|other| other.id != request.id);
    others.truncate(5);
    let reader = Reader { app: app.clone(), l, caller: caller.clone() };
    let needs = seen.needs(l);
    let voted = seen.tally.votes.iter().any(|v| v.voter_id == caller.id);
    let missing = needs.iter().map(|n| n.want - n.have).sum();
    let href = format!("/requests/{}", request.short_id());
    let sees_ledger = caller.may(ledger_scope());
    let proposal = explain::proposal(definition, &request.fields);
    let open = matches!(request.state, State::Pending | State::Approved);
    let impact = if open { explain::impact(conn, l, proposal.as_deref()).await? } else { Vec::new() };
    let similar = if open { similar::of(conn, l, request).await? } else { None };
    Ok(RequestView {
        id: request.short_id(),
        title: definition.map_or_else(|| request.operation.clone(), |d| d.title(l)),
        state: badge(l, request.state),
        risk: RiskTag::new(l, &request.risk),
        created: When::new(l, request.created_at),
        expires: (request.state == State::Pending).then(|| When::new(l, request.expires_at)),
        not_before: request.runs_from().map(|t| When::new(l, t)),
        requester: request.requester.clone(),
        target_label: request.target_label.clone(),
        target_href: ledger::web::target_href(Some(&request.target_type), Some(&request.target_id)),
        asked_at: proposal.as_ref().and_then(|p| p.asked_at()),
        followed: proposal.as_ref().filter(|_| request.state == State::Succeeded).and_then(|p| p.followed_at(request.id)),
        reason: request.reason.clone(),
        diff: explain::diff(conn, l, definition, proposal.as_deref(), &request.before, &request.after).await?,
        raw: legible(&json!({
            "operation": request.operation, "version": request.operation_version, "fields": request.fields,
            "before": request.before, "after": request.after, "policy": request.ruling, "not_before": request.not_before, "expires_at": request.expires_at,
        })),
        binding: request.binding_hex(),
        binding_short: request.binding_hex()[..8].to_owned(),
        policy: words::ruling(l, &app.registry, &request.operation, &request.ruling),
        sign_in_again: seen.stale_sign_in.then(|| format!("/login{}", page::query(&[("again", "1"), ("next", &href)]))),
        needs,
        votes: seen
            .tally
            .votes
            .iter()
            .map(|v| VoteRow {
                name: match v.stands_for.first() {
                    Some(_) => l.request_voted_for(v.stands_for.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", "), &v.voter),
                    None => v.voter.clone(),
                },
                decision: if v.approves { "approve" } else { "reject" },
                decision_label: if v.approves { l.request_vote_approve() } else { l.request_vote_reject() },
                reason: v.reason.clone().unwrap_or_default(),
                at: When::new(l, v.at),
            })
            .collect(),
        timeline: timeline(l, request, &story, sees_ledger, missing),
        outcome: outcome(l, request, definition),
        talk: caller.may(RequestsAsk::NAME).then(|| Talk {
            action: format!("{href}/comments"),
            asks: caller.may(RequestsDecide::NAME) && request.state == State::Pending && request.requester_id != caller.id,
            text: typed.remark.clone(),
            error: typed.remark_error.clone(),
        }),
        open_question: comments::open_question(&story, request.requester_id)
            .filter(|_| request.state == State::Pending)
            .map(|told| l.question_open(&told.event.actor)),
        escalated: request.escalated_at.filter(|_| request.state == State::Pending).map(|at| {
            l.request_escalated(
                request.ruling.escalate_to.iter().map(|r| words::role(l, r)).collect::<Vec<_>>().join(", "),
                When::new(l, at).absolute,
            )
        }),
        watching: store::watches(conn, request.id, caller.id).await?,
        glass: panel::of(conn, l, caller, request, &typed.looked).await?,
        fate: fate::of(app, conn, l, caller, request, &typed.reported).await?,
        decide: deciding::decide(l, caller, request, definition, &seen, &typed),
        withdraw: (request.requester_id == caller.id
            && caller.may(RequestsAsk::NAME)
            && matches!(request.state, State::Pending | State::Approved))
        .then(|| format!("{href}/withdraw")),
        unvote: (request.state == State::Pending && voted && caller.may(RequestsDecide::NAME)).then(|| format!("{href}/votes/withdraw")),
        unvote_why: (request.state != State::Pending && voted).then(|| l.say(&unvote::too_late(request))),
        reverse: reverse(caller, request, definition, proposal.as_deref()),
        impact,
        similar,
        conflict: typed.conflict,
        related: Table::plain(
            &reader,
            l.request_related(),
            &web::columns(),
            &["request", "state", "requester", "created"],
            &others,
            web::place,
        ),
        href,
    })
}

fn ledger_scope() -> &'static str {
    crate::auth::LedgerRead::NAME
}

/// Where what was done can be asked to be undone, by those who may ask for it.
fn reverse(caller: &Caller, r: &Request, definition: Option<&dyn Definition>, proposal: Option<&dyn Proposal>) -> Option<String> {
    let may = r.state == State::Succeeded && definition.is_some_and(|d| caller.may(d.scope()));
    proposal.filter(|_| may)?.reverse(&r.before)?;
    Some(format!("/requests/new/{}?again={}&reverse=1", r.operation, r.short_id()))
}

fn outcome(l: Lang, r: &Request, definition: Option<&dyn Definition>) -> Option<Told> {
    // a rule that did not allow it any more says which, in the reader's language
    let rule = r.outcome.as_ref().and_then(|o| l.recall(o["refusal"].as_str()?, &o["with"]));
    let told = |kind, text| Some(Told { kind, text: [Some(text), rule].into_iter().flatten().collect::<Vec<_>>().join(" ") });
    let code = |value: &Option<Value>| value.as_ref().and_then(|v| v["code"].as_str()).unwrap_or_default().to_owned();
    match r.state {
        State::Succeeded => told("success", l.request_outcome_succeeded(definition.map_or_else(|| r.operation.clone(), |d| d.title(l)))),
        State::Failed => told(
            "error",
            l.find(&format!("request-outcome-failed-{}", code(&r.outcome).replace('_', "-"))).unwrap_or_else(|| l.request_outcome_failed()),
        ),
        State::Stale => told(
            "info",
            l.find(&format!("request-outcome-stale-{}", code(&r.outcome).replace('_', "-"))).unwrap_or_else(|| l.request_outcome_stale()),
        ),
        State::Partial => told("warning", l.request_outcome_partial()),
        State::Unknown => told("warning", l.request_outcome_unknown()),
        _ => None,
    }
}
