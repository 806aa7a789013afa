//! Requests as pages show them.
use super::{
    Request, State, comments,
    fate::{self, Fate, Reported},
    inbox,
    review::panel::{self, Looked, Panel},
    store,
    tally::{Standing, Tally},
    votes, web,
};
use crate::{
    app::App,
    auth::{Caller, RequestsAsk, RequestsDecide, Scope},
    error::Error,
    i18n::Lang,
    ledger,
    operations::Definition,
    page::{self, Badge, DiffRow, Reader, RiskTag, Table, When, list::Slice},
    policy::{self, Human, words},
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::sync::Arc;

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
    pub reason: String,
    pub diff: Vec<DiffRow>,
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
    pub decide: Decide,
    pub withdraw: Option<String>,
    pub conflict: Option<String>,
    /// What else was asked for on the same target, newest first.
    pub related: Table,
}

pub struct Need {
    pub label: String,
    pub have: usize,
    pub want: usize,
    /// Who may still fill it.
    pub who: Vec<String>,
    /// It was not asked for when the request was made.
    pub added: bool,
}

pub struct VoteRow {
    pub name: String,
    pub decision: &'static str,
    pub decision_label: String,
    pub reason: String,
    pub at: When,
}

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

pub struct Told {
    pub kind: &'static str,
    pub text: String,
}

pub enum Decide {
    Open { action: String, effect: String, reason: String, error: Option<String> },
    Closed { why: String },
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

/// Whether this person can decide the request as one of many, and what that would do.
pub async fn decision(app: &App, conn: &mut PgConnection, l: Lang, caller: &Caller, request: &Request) -> Result<Decide, Error> {
    let seen = Seen::of(app, conn, caller, request).await?;
    let decide = decide(l, caller, request, app.registry.find(&request.operation), &seen, &Typed::default());
    Ok(match decide {
        Decide::Open { .. } if !seen.tally.batch() => Decide::Closed { why: l.vote_not_in_batch() },
        other => other,
    })
}

/// What the panel of decisions looks at.
struct Seen {
    tally: Tally,
    people: Vec<Human>,
    /// The human behind the account that looks.
    me: uuid::Uuid,
    stale_sign_in: bool,
    /// The glass was broken: nobody is waited for.
    skipped: bool,
}

impl Seen {
    async fn of(app: &App, conn: &mut PgConnection, caller: &Caller, request: &Request) -> Result<Self, Error> {
        let tally = Tally::of(app, conn, request).await?;
        let (me, _) = store::standing(conn, caller.id).await?;
        let stale_sign_in = match tally.step_up_minutes() {
            Some(minutes) => !votes::is_fresh(conn, caller, minutes).await?,
            None => false,
        };
        let mut people = policy::people(conn).await?;
        let own = tally.self_approval();
        people.retain(|p| (own || p.human != request.requester_human) && !tally.votes.iter().any(|v| v.human == p.human && v.approves));
        Ok(Self { tally, people, me, stale_sign_in, skipped: request.glass.is_some() })
    }

    /// Names of a few who hold one of these roles.
    fn holders(&self, roles: &[String]) -> Vec<String> {
        self.people.iter().filter(|p| p.roles.iter().any(|r| roles.contains(r))).take(8).map(|p| p.name.clone()).collect()
    }

    fn eligible(&self) -> Vec<String> {
        self.holders(&self.tally.waits_for())
    }

    fn needs(&self, l: Lang) -> Vec<Need> {
        let (bound, added) = self.tally.standings();
        let need = |s: &Standing, added| Need {
            label: words::group(l, &s.need.group),
            have: s.have.into(),
            want: s.need.count.into(),
            who: if s.have < s.need.count && !self.skipped { self.holders(&s.need.roles) } else { Vec::new() },
            added,
        };
        bound.iter().map(|s| need(s, false)).chain(added.iter().map(|s| need(s, true))).collect()
    }
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
    let seen = Seen::of(app, conn, caller, request).await?;
    let story = ledger::browse::story(conn, request.id).await?;
    let same_target = inbox::Filter { target: Some((request.target_type.clone(), request.target_id.clone())), ..Default::default() };
    let mut others = inbox::list(conn, &same_target, Slice::newest(6)).await?;
    others.retain(|other| other.id != request.id);
    others.truncate(5);
    let reader = Reader { app: app.clone(), l, caller: caller.clone() };
    let label = |key: &str| definition.map_or_else(|| key.to_owned(), |d| d.label(l, key));
    let needs = seen.needs(l);
    let missing = needs.iter().map(|n| n.want - n.have).sum();
    let href = format!("/requests/{}", request.short_id());
    let sees_ledger = caller.may(ledger_scope());
    let mut timeline: Vec<Step> = story
        .iter()
        // each attempt has a line of its own, beside its receipt
        .filter(|told| !["request.dispatched", "request.resumed"].contains(&told.event.kind.as_str()))
        .map(|told| Step {
            icon: step_icon(&told.event.kind),
            tone: step_tone(&told.event.kind),
            title: ledger::web::kind_label(l, &told.event.kind),
            actor: told.event.actor.clone(),
            at: Some(When::new(l, told.event.at)),
            reason: told.reason.clone(),
            href: sees_ledger.then(|| format!("/ledger/{}", told.event.id)),
            future: false,
        })
        .collect();
    timeline.extend(future(l, request, missing));
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
        reason: request.reason.clone(),
        diff: page::diff(l, &request.before, &request.after, label),
        raw: serde_json::to_string_pretty(&json!({
            "operation": request.operation, "version": request.operation_version, "fields": request.fields,
            "before": request.before, "after": request.after, "policy": request.ruling, "not_before": request.not_before, "expires_at": request.expires_at,
        }))
        .map_err(anyhow::Error::from)?,
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
                name: v.voter.clone(),
                decision: if v.approves { "approve" } else { "reject" },
                decision_label: if v.approves { l.request_vote_approve() } else { l.request_vote_reject() },
                reason: v.reason.clone().unwrap_or_default(),
                at: When::new(l, v.at),
            })
            .collect(),
        timeline,
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
        glass: panel::of(conn, l, caller, request, &typed.looked).await?,
        fate: fate::of(app, conn, l, caller, request, &typed.reported).await?,
        decide: decide(l, caller, request, definition, &seen, &typed),
        withdraw: (request.requester_id == caller.id
            && caller.may(RequestsAsk::NAME)
            && matches!(request.state, State::Pending | State::Approved))
        .then(|| format!("{href}/withdraw")),
        conflict: typed.conflict,
        related: Table::plain(&reader, l.request_related(), &web::columns(), &["request", "state", "requester", "created"], &others, web::place),
        href,
    })
}

fn ledger_scope() -> &'static str {
    crate::auth::LedgerRead::NAME
}

fn decide(l: Lang, caller: &Caller, r: &Request, definition: Option<&dyn Definition>, seen: &Seen, typed: &Typed) -> Decide {
    let closed = |why| Decide::Closed { why };
    if r.state != State::Pending {
        return closed(l.find(&format!("request-closed-{}", r.state.name())).unwrap_or_default());
    }
    let eligible = seen.eligible();
    let roles: Vec<&str> = caller.roles.iter().map(|role| role.name()).collect();
    if !caller.may(RequestsDecide::NAME) || !seen.tally.eligible(&roles) {
        return closed(if eligible.is_empty() { l.request_nobody_eligible() } else { l.request_cannot_decide(eligible.join(", ")) });
    }
    if r.requester_human == seen.me && !seen.tally.self_approval() {
        return closed(if eligible.is_empty() { l.request_nobody_eligible() } else { l.request_cannot_decide_own(eligible.join(", ")) });
    }
    if seen.tally.votes.iter().any(|v| v.human == seen.me && v.approves) {
        return closed(l.request_voted_already());
    }
    let title = definition.map_or_else(|| r.operation.clone(), |d| d.title(l));
    let now = chrono::Utc::now();
    let later = r.not_before.max(r.ruling.cool_off().map(|wait| now + wait)).filter(|t| *t > now);
    let last = seen.tally.met_with(seen.me, roles.iter().map(|role| (*role).to_owned()).collect());
    let effect = if let (true, Some(at)) = (last, later) {
        l.request_approve_runs_later(When::new(l, at).absolute, title)
    } else if last {
        l.request_approve_runs_now(title)
    } else {
        l.request_approve_waits_for_more()
    };
    let action = format!("/requests/{}/votes", r.short_id());
    Decide::Open { action, effect, reason: typed.reason.clone(), error: typed.error.clone() }
}

fn outcome(l: Lang, r: &Request, definition: Option<&dyn Definition>) -> Option<Told> {
    let told = |kind, text| Some(Told { kind, text });
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
        "request.withdrawn" => "undo-2",
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
