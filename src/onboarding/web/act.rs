//! What is done on an onboarding's page. Whatever cannot be done comes back to the page, with the reason and what was typed.
use super::{
    form::Form,
    show::{Trouble, draw},
};
use crate::{
    app::App,
    auth::{Csrf, OnboardingWork, Operator, RequestsAsk, Submitted},
    error::{self, Error, Problem},
    i18n::msg,
    onboarding::{
        Kind,
        approve::ApproveOnboarding,
        asking,
        begin::{self, step_of},
        current_tasks, evidence, find, parse_id, payment, permission,
        reject::RejectOnboarding,
        short_id,
        steps::{self, Verdict},
    },
    operations::Operation,
    page::{Visit, typed_time},
    requests::hex,
};
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use sha2::{Digest, Sha256};

/// Where something was tried.
struct Place {
    id: i64,
    step: Option<Kind>,
    form: &'static str,
}

/// Back at the page: with a sentence, or with what is in the way.
async fn back(app: &App, visit: &mut Visit, at: Place, typed: Submitted, done: Result<String, Error>) -> Result<Response, Error> {
    let href = format!("/onboarding/{}", short_id(at.id));
    visit.read_at(&href);
    let error = match done {
        Ok(said) => {
            visit.say("success", said).await?;
            let anchor = at.step.map(|kind| format!("#{}", kind.name())).unwrap_or_default();
            return Ok(Redirect::to(&format!("{href}{anchor}")).into_response());
        }
        Err(error) => error,
    };
    let status = error.status();
    let mut trouble = Trouble { step: at.step, form: at.form, typed, ..Trouble::default() };
    match error {
        Error::Invalid(problems) => trouble.problems = problems,
        known @ (Error::Refused(_) | Error::Moved(_) | Error::NotPermitted(_)) => trouble.conflict = Some(error::sentence(&known, visit.l)),
        other => return Err(other),
    }
    draw(app, visit, at.id, trouble, status).await
}

pub(super) async fn open(
    operator: Operator<OnboardingWork>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let done = begin::open(&app, &operator, id).await.map(|()| visit.l.onboarding_opened_now(short_id(id)));
    back(&app, &mut visit, Place { id, step: None, form: "open" }, typed, done).await
}

pub(super) async fn withdraw(
    operator: Operator<OnboardingWork>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let done = begin::withdraw(&app, &operator, id, typed.text("reason")).await;
    let done = done.map(|()| visit.l.onboarding_withdrawn_now(short_id(id)));
    back(&app, &mut visit, Place { id, step: None, form: "withdraw" }, typed, done).await
}

pub(super) async fn approve(
    operator: Operator<RequestsAsk>,
    visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    ask(&app, &operator, visit, ApproveOnboarding::NAME, &id, typed).await
}

pub(super) async fn reject(
    operator: Operator<RequestsAsk>,
    visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    ask(&app, &operator, visit, RejectOnboarding::NAME, &id, typed).await
}

async fn ask(
    app: &App,
    operator: &Operator<RequestsAsk>,
    mut visit: Visit,
    operation: &'static str,
    id: &str,
    typed: Submitted,
) -> Result<Response, Error> {
    let id = parse_id(id)?;
    let asked = asking::ask(app, operator, operation, id, typed.text("content"), typed.text("reason"), None).await;
    let done = asked.map(|request| visit.l.onboarding_asked_now(crate::requests::short_id(request)));
    back(app, &mut visit, Place { id, step: None, form: "decide" }, typed, done).await
}

pub(super) async fn submit(
    operator: Operator<OnboardingWork>,
    mut visit: Visit,
    State(app): State<App>,
    Path((id, step)): Path<(String, String)>,
    form: Result<Form, Error>,
) -> Result<Response, Error> {
    let (id, kind) = step_of(&id, &step)?;
    let Form { mut typed, file } = form?;
    if let Some(file) = file.filter(|_| kind == Kind::Contract) {
        typed.0.retain(|(name, _)| name != "sha256");
        typed.0.push(("sha256".into(), hex(&Sha256::digest(&file.bytes))));
        if typed.get("file_name").is_none_or(str::is_empty) {
            typed.0.push(("file_name".into(), file.name));
        }
    }
    let at = Place { id, step: Some(kind), form: "evidence" };
    let given = evidence::read(kind, |field| match (kind, typed.text(field)) {
        // a template is chosen together with its version
        (Kind::Permission, "") => permission::chosen(typed.text("template"), field).to_owned(),
        (Kind::Permission, text) => permission::chosen(text, "template").to_owned(),
        (_, text) => text.to_owned(),
    });
    let done = match given {
        Err(problems) => Err(Error::Invalid(problems)),
        Ok(given) => steps::submit(&app, &operator, id, kind, given).await,
    };
    let done = match done {
        Err(error) => Err(error),
        Ok(asked) => {
            payment::answered(&app, &asked).await?;
            let mut conn = app.db.read().await?;
            let onboarding = find(&mut conn, id).await?.ok_or(Error::NotFound)?;
            let all = current_tasks(&mut conn, &onboarding, payment::is_asked(&app)).await?;
            let task = all.into_iter().find(|t| t.kind == kind).ok_or(Error::NotFound)?;
            let failed = task.checks.iter().any(|c| !c.ok);
            Ok(if failed { visit.l.onboarding_submitted_failed() } else { visit.l.onboarding_submitted_now() })
        }
    };
    back(&app, &mut visit, at, typed, done).await
}

/// What do providers say now?
pub(super) async fn ask_payment(
    operator: Operator<OnboardingWork>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let done = match payment::ask_again(&app, &operator, id).await {
        Err(error) => Err(error),
        Ok(asked) => {
            let answered = payment::answered(&app, &asked).await?;
            Ok(if answered { visit.l.onboarding_payment_asked_now() } else { visit.l.onboarding_payment_being_asked() })
        }
    };
    back(&app, &mut visit, Place { id, step: Some(Kind::Payment), form: "ask" }, typed, done).await
}

pub(super) async fn decide(
    operator: Operator<OnboardingWork>,
    mut visit: Visit,
    State(app): State<App>,
    Path((id, step)): Path<(String, String)>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    let (id, kind) = step_of(&id, &step)?;
    let verdict = Verdict::named(typed.text("decision")).ok_or_else(|| Error::Malformed("decision is pass, fail or waive".into()))?;
    let done = steps::decide(&app, &operator, id, kind, verdict, typed.text("seen"), typed.text("reason")).await;
    let name = crate::onboarding::waits::step(visit.l, kind.name());
    let done = done.map(|()| match verdict {
        Verdict::Pass => visit.l.onboarding_passed_now(name),
        Verdict::Fail => visit.l.onboarding_failed_now(name),
        Verdict::Waive => visit.l.onboarding_waived_now(name),
    });
    back(&app, &mut visit, Place { id, step: Some(kind), form: "decision" }, typed, done).await
}

pub(super) async fn wait(
    operator: Operator<OnboardingWork>,
    mut visit: Visit,
    State(app): State<App>,
    Path((id, step)): Path<(String, String)>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    let (id, kind) = step_of(&id, &step)?;
    let done = steps::wait(&app, &operator, id, kind, typed.text("waits_on"), typed.text("waits_for")).await;
    let done = done.map(|()| visit.l.onboarding_waits_now());
    back(&app, &mut visit, Place { id, step: Some(kind), form: "wait" }, typed, done).await
}

pub(super) async fn assign(
    operator: Operator<OnboardingWork>,
    mut visit: Visit,
    State(app): State<App>,
    Path((id, step)): Path<(String, String)>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    let (id, kind) = step_of(&id, &step)?;
    let due = typed_time(typed.text("due"));
    let done = if due.is_none() && typed.some("due").is_some() {
        Err(Error::Invalid(vec![Problem::new("due", msg::absence_not_a_time())]))
    } else {
        // an id that cannot be read is nobody's
        let owner = typed.some("owner").map(|id| id.parse().unwrap_or_default());
        steps::assign(&app, &operator, id, kind, owner, due).await.map(|()| visit.l.onboarding_assigned_now())
    };
    back(&app, &mut visit, Place { id, step: Some(kind), form: "assign" }, typed, done).await
}
