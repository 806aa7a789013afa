//! One onboarding: what is to be done next, its four steps with their evidence, and what happened.
mod parts;

use super::{badge, called, form::workers};
use crate::{
    app::App,
    auth::Scope,
    auth::{Caller, LedgerRead, OnboardingApprove, OnboardingReject, OnboardingWork, PaymentsRead, Submitted},
    error::{Error, Problem},
    ledger::browse::{self, Filter as Events},
    onboarding::{
        Content, Kind, Onboarding, State as Standing, Task, approve::ApproveOnboarding, current, current_tasks, find, parse_id, payment,
        permission, reject::RejectOnboarding, store, under_way, waits,
    },
    operations::Operation,
    page::{self, Badge, Fact, Link, Shell, Visit, When, list::Slice, money, query},
    policy,
    requests::{self, view::Step as Past},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use parts::{StepView, Tools, history, step_view};
use sqlx::PgConnection;

/// What could not be done, shown where it was tried, with what was typed.
#[derive(Default)]
pub(super) struct Trouble {
    /// The step and the form of it, or the decision on all of it.
    pub step: Option<Kind>,
    pub form: &'static str,
    pub problems: Vec<Problem>,
    pub typed: Submitted,
    /// What is in the way, where that is no field.
    pub conflict: Option<String>,
}

#[derive(Template)]
#[template(path = "onboarding/show.html")]
struct Show {
    shell: Shell,
    id: String,
    title: String,
    state: Badge,
    revision: String,
    /// Other revisions, by number and address.
    revisions: Vec<Link>,
    tenant: Link,
    conflict: Option<String>,
    errors: Vec<Link>,
    next: waits::Next,
    /// The countersigned request that is under way, or that ended it.
    request: Option<Link>,
    reason: Option<String>,
    done: String,
    due: Option<When>,
    late: bool,
    steps: Vec<StepView>,
    facts: Vec<Fact>,
    history: Vec<Past>,
    all_history: Option<String>,
    decide: Option<Decide>,
    /// A draft is opened, amended or withdrawn.
    opens: bool,
    withdraws: Option<Withdraw>,
    repeats: bool,
}

/// The panel that asks for approval or rejection.
struct Decide {
    content: String,
    short: String,
    reason: String,
    error: Option<String>,
    approves: bool,
    /// Why approval cannot be asked for yet.
    why_not: Option<String>,
    rejects: bool,
}

struct Withdraw {
    reason: String,
    error: Option<String>,
    open: bool,
}

pub(super) async fn show(visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    draw(&app, &visit, parse_id(&id)?, Trouble::default(), StatusCode::OK).await
}

pub(super) async fn draw(app: &App, visit: &Visit, id: i64, trouble: Trouble, status: StatusCode) -> Result<Response, Error> {
    let (l, caller) = (visit.l, visit.caller()?);
    let mut conn = app.db.read().await?;
    let onboarding = find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    let asks = payment::is_asked(app);
    let tasks = current_tasks(&mut conn, &onboarding, asks).await?;
    let content = Content::of(&onboarding, &tasks)?;
    let open = onboarding.state == Standing::Open;
    let waiting =
        if open { under_way(&mut conn, &onboarding.tenant_id, &[ApproveOnboarding::NAME, RejectOnboarding::NAME]).await? } else { None };
    let deciders = match waiting {
        Some(request) => Some(deciders(&mut conn, request, &onboarding).await?),
        None => None,
    };
    let works = caller.may(OnboardingWork::NAME);
    let workers = if works { workers(&mut conn).await? } else { Vec::new() };
    let payments = caller.may(PaymentsRead::NAME);
    let templates = if works && open { permission::choices(&mut conn, l).await? } else { Vec::new() };
    let mut matrix = permission::matrix(&mut conn, l, &onboarding, &tasks).await?;
    let tools = Tools { l, trouble: &trouble, works: works && open, workers: &workers, templates: &templates, asks, payments };
    let view = |task: &Task| StepView {
        matrix: matrix.take_if(|_| task.kind == Kind::Permission),
        ..step_view(&tools, &onboarding, &tasks, task)
    };
    let steps: Vec<_> = tasks.iter().map(view).collect();
    let events = browse::list(&mut conn, &Events::of_target(&onboarding.tenant_id), Slice::newest(40)).await?;
    let ids: Vec<_> = events.iter().rev().map(|e| e.id).collect();
    let sees_ledger = caller.may(LedgerRead::NAME);
    let history = history(l, &browse::wholes(&mut conn, &ids).await?, sees_ledger);
    let revisions = store::revisions(&mut conn, &onboarding.tenant_id).await?;
    drop(conn);
    let now = chrono::Utc::now();
    let request = waiting.or(onboarding.decided_in).map(requests::short_id);
    let errors = trouble
        .problems
        .iter()
        .map(|p| Link { label: l.say(&p.text), href: format!("#{}{}", tools.prefix(trouble.step), p.field) })
        .collect();
    let mut shown = Show {
        title: format!("{} · {}", onboarding.company, onboarding.slug),
        state: badge(l, onboarding.state),
        revision: l.onboarding_revision_is(i64::from(onboarding.revision)),
        revisions: revisions
            .iter()
            .filter(|(other, ..)| *other != id)
            .map(|(other, revision, state)| Link {
                label: format!("{} · {}", l.onboarding_revision_is(i64::from(*revision)), badge(l, *state).label),
                href: format!("/onboarding/{}", crate::onboarding::short_id(*other)),
            })
            .collect(),
        tenant: Link { label: onboarding.tenant_id.clone(), href: format!("/tenants/{}", onboarding.tenant_id) },
        next: waits::next(l, &onboarding, &tasks, caller.id, deciders.as_deref()),
        request: request.map(|id| Link { href: format!("/requests/{id}"), label: id }),
        reason: onboarding.reason.clone(),
        done: l.onboarding_done(tasks.iter().filter(|t| t.state.is_done()).count()),
        due: onboarding.due_at.filter(|_| open).map(|at| When::new(l, at)),
        late: open && onboarding.due_at.is_some_and(|at| at < now),
        decide: decide(visit, caller, &onboarding, &tasks, &content, &trouble).filter(|_| open && waiting.is_none()),
        opens: works && onboarding.state == Standing::Draft,
        withdraws: withdraws(l, caller, &onboarding, &trouble).filter(|_| works),
        repeats: works && onboarding.state.may_be_repeated() && revisions.first().map(|r| r.0) == Some(id),
        all_history: sees_ledger.then(|| format!("/ledger{}", query(&[("target", &onboarding.tenant_id)]))),
        facts: facts(l, &onboarding),
        id: onboarding.short_id(),
        conflict: None,
        errors,
        steps,
        history,
        shell: visit.shell(app).await?,
    };
    shown.conflict = trouble.conflict;
    let mut response = page::html(&shown)?;
    *response.status_mut() = status;
    Ok(response)
}

fn facts(l: crate::i18n::Lang, o: &Onboarding) -> Vec<Fact> {
    let number = o.biz_reg_no.as_deref().map_or_else(|| l.company_no_number(), crate::tenants::registration::shown);
    let mut facts = vec![
        Fact::new(l.company_name(), o.company.clone()),
        Fact::new(l.company_biz_reg_no(), number),
        Fact::new(l.onboarding_plan(), o.plan_code.clone()),
        Fact::new(l.onboarding_services(), if o.ai_services.is_empty() { l.ui_none() } else { o.ai_services.join(", ") }),
        Fact::new(l.onboarding_contract(), o.contract_number.clone()),
        Fact::new(l.onboarding_amount(), money::full(o.expected_amount)),
        Fact::new(l.tenant_region(), called(l, "region", &o.region)),
        Fact::new(l.tenant_status(), called(l, "tenant", &o.tenant_status)),
        Fact::new(l.onboarding_contact(), format!("{} · {}", o.contact_name.exposed(), o.contact_email.exposed())),
        Fact::new(l.onboarding_requester(), o.requester.clone()),
        Fact::new(l.onboarding_owner(), o.owner.clone()),
        Fact::new(l.customers_since(), When::new(l, o.created_at).absolute),
    ];
    if let Some(at) = o.due_at {
        facts.push(Fact::new(l.onboarding_due(), When::new(l, at).absolute));
    }
    if !o.note.is_empty() {
        facts.push(Fact::new(l.onboarding_note(), o.note.clone()));
    }
    facts
}

/// Who can bring the request further now, by name.
async fn deciders(conn: &mut PgConnection, request: i64, o: &Onboarding) -> Result<Vec<String>, Error> {
    let Some(request) = requests::find(conn, request).await? else { return Ok(Vec::new()) };
    let people = policy::people(conn).await?;
    let able = |p: &&policy::Human| p.human != request.requester_human && p.roles.iter().any(|r| request.waits_for.contains(r));
    let names: Vec<String> = people.iter().filter(able).map(|p| p.name.clone()).take(8).collect();
    Ok(if names.is_empty() { vec![o.requester.clone()] } else { names })
}

fn decide(visit: &Visit, caller: &Caller, _: &Onboarding, tasks: &[Task], content: &Content, trouble: &Trouble) -> Option<Decide> {
    let (approves, rejects) = (caller.may(OnboardingApprove::NAME), caller.may(OnboardingReject::NAME));
    if !approves && !rejects {
        return None;
    }
    let here = trouble.form == "decide";
    Some(Decide {
        content: content.hex().to_owned(),
        short: content.short().to_owned(),
        reason: trouble.typed.get("reason").filter(|_| here).unwrap_or_default().to_owned(),
        error: trouble.problems.iter().find(|p| here && p.field == "reason").map(|p| visit.l.say(&p.text)),
        approves,
        why_not: current(tasks).map(|_| visit.l.onboarding_ask_not_yet()),
        rejects,
    })
}

fn withdraws(l: crate::i18n::Lang, caller: &Caller, o: &Onboarding, trouble: &Trouble) -> Option<Withdraw> {
    let here = trouble.form == "withdraw";
    let mine = [o.requester_id, o.owner_id].contains(&caller.id);
    (!o.state.is_over() && mine).then(|| Withdraw {
        reason: trouble.typed.get("reason").filter(|_| here).unwrap_or_default().to_owned(),
        error: trouble.problems.iter().find(|p| here && p.field == "reason").map(|p| l.say(&p.text)),
        open: here,
    })
}
