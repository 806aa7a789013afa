//! How a request fared when it was carried out, as its page shows it: attempts, open questions, and the way on.
use super::{
    Attempt, Request, State, execution, explain,
    findings::{self, AGREEING, Finding, Report},
    short_id,
    store::{self as requests},
    view,
};
use crate::{
    app::App,
    auth::{Caller, RequestsDecide, Scope},
    error::Error,
    i18n::Lang,
    operations::{Guarantee, legible, text_id},
    page::{Badge, Diff, Link, Opt, When},
};
use sqlx::PgConnection;

/// What became of a request after it was approved.
#[derive(Default)]
pub struct Fate {
    /// What is promised about the effect, in words.
    pub guarantee: String,
    pub attempts: Vec<AttemptRow>,
    /// The idempotency key that the other system was given with each of them.
    pub key: Option<String>,
    pub question: Option<Question>,
    /// What had moved when the request became stale.
    pub moved: Diff,
    /// The form, filled in with what was asked for here.
    pub again: Option<String>,
    /// What this request was made again from.
    pub again_from: Option<Link>,
    /// It takes back what was done there.
    pub reverses: bool,
    /// The request that holds the target, while this one waits for it.
    pub waits_for: Option<Link>,
}

pub struct AttemptRow {
    pub number: i32,
    pub state: Badge,
    pub replica: String,
    pub started: When,
    pub receipt: Option<String>,
}

/// An unknown outcome: what is known, who has looked, and the form for those who may say what they found.
pub struct Question {
    pub findings: Vec<FindingRow>,
    pub want: usize,
    pub action: Option<String>,
    /// Where the other system can be read.
    pub read_back: Option<String>,
    pub verdicts: Vec<Opt>,
    pub evidence: String,
    pub error: Option<String>,
    pub why_not: String,
}

pub struct FindingRow {
    pub name: String,
    pub state: Badge,
    pub evidence: String,
    pub at: When,
}

/// What a finder typed and what was wrong with it.
#[derive(Default)]
pub struct Reported {
    pub verdict: String,
    pub evidence: String,
    pub error: Option<String>,
}

pub async fn of(app: &App, conn: &mut PgConnection, l: Lang, caller: &Caller, request: &Request, typed: &Reported) -> Result<Fate, Error> {
    let definition = app.registry.find(&request.operation);
    let guarantee = definition.map_or(Guarantee::Transactional, |d| d.guarantee());
    let href = format!("/requests/{}", request.short_id());
    let attempts = execution::attempts(conn, request.id).await?;
    let link = |id: i64| Link { label: short_id(id), href: format!("/requests/{}", short_id(id)) };
    let holder = if request.state == State::Approved { execution::holder(conn, request.id).await? } else { None };
    let question = match request.state {
        State::Unknown => Some(question(conn, l, caller, request, guarantee, typed, &href).await?),
        _ => None,
    };
    let ended = matches!(request.state, State::Stale | State::Failed | State::Partial | State::Expired | State::Denied | State::Withdrawn);
    let may_ask = definition.is_some_and(|d| caller.may(d.scope()));
    let label = |key: &str| definition.map_or_else(|| key.to_owned(), |d| d.label(l, key));
    let moved = request.outcome.as_ref().filter(|o| request.state == State::Stale && o["is"].is_object());
    // of an onboarding another revision may be what is needed
    let asked_at = explain::proposal(definition, &request.fields).and_then(|proposal| proposal.asked_at());
    let again_from = requests::again_from(conn, request.id).await?;
    Ok(Fate {
        // an operation whose effect is less than its name may say so itself
        guarantee: l
            .find(&text_id(&request.operation, "guarantee"))
            .or_else(|| l.find(&format!("request-guarantee-{}", guarantee.name())))
            .unwrap_or_default(),
        // an effect of our own has one attempt, which the timeline shows
        attempts: if guarantee == Guarantee::Transactional && attempts.iter().all(|a| a.lease_until.is_none()) {
            Vec::new()
        } else {
            attempts.iter().map(|a| attempt(l, a)).collect()
        },
        key: attempts.last().and_then(|a| a.key.clone()),
        question,
        moved: moved.map(|o| Diff::new(l, &o["was"], &o["is"], label)).unwrap_or_default(),
        again: (ended && may_ask)
            .then(|| asked_at.unwrap_or_else(|| format!("/requests/new/{}?again={}", request.operation, request.short_id()))),
        reverses: again_from.is_some_and(|(_, reverses)| reverses),
        again_from: again_from.map(|(id, _)| link(id)),
        waits_for: holder.map(link),
    })
}

fn attempt(l: Lang, a: &Attempt) -> AttemptRow {
    let state = match (a.outcome.as_deref().and_then(State::named), a.dispatched_at) {
        (Some(state), _) => state,
        (None, _) => State::Executing,
    };
    let mut badge = view::badge(l, state);
    if a.outcome.as_deref() == Some("unknown") {
        badge.label = l.attempt_unanswered();
    } else if state == State::Failed && a.receipt.as_ref().is_some_and(|r| r["code"] == "lease_lapsed") {
        badge.label = l.attempt_left_behind();
    }
    AttemptRow {
        number: a.epoch.into(),
        state: badge,
        replica: a.replica.clone(),
        started: When::new(l, a.dispatched_at.unwrap_or(a.started_at)),
        receipt: a.receipt.as_ref().map(legible),
    }
}

async fn question(
    conn: &mut PgConnection,
    l: Lang,
    caller: &Caller,
    request: &Request,
    guarantee: Guarantee,
    typed: &Reported,
    href: &str,
) -> Result<Question, Error> {
    let found = findings::all(conn, request.id).await?;
    let mine: Option<&Finding> = found.iter().find(|f| f.operator_id == caller.id);
    let (decides, own) = (caller.may(RequestsDecide::NAME), request.requester_id == caller.id);
    let chosen = if typed.verdict.is_empty() { mine.map_or("", |f| &f.verdict) } else { &typed.verdict };
    let options = Report::VERDICTS.into_iter().map(|state| Opt {
        value: state.name().into(),
        label: l.find(&format!("finding-{}", state.name())).unwrap_or_default(),
        selected: chosen == state.name(),
    });
    Ok(Question {
        findings: found
            .iter()
            .map(|f| FindingRow {
                name: f.operator.clone(),
                state: view::badge(l, State::named(&f.verdict).unwrap_or(State::Unknown)),
                evidence: f.evidence.clone(),
                at: When::new(l, f.at),
            })
            .collect(),
        want: AGREEING,
        action: (decides && !own).then(|| format!("{href}/findings")),
        read_back: (decides && guarantee != Guarantee::Opaque).then(|| format!("{href}/read-back")),
        verdicts: options.collect(),
        evidence: if typed.evidence.is_empty() { mine.map(|f| f.evidence.clone()).unwrap_or_default() } else { typed.evidence.clone() },
        error: typed.error.clone(),
        why_not: if own { l.finding_not_own() } else { l.finding_not_yours() },
    })
}
