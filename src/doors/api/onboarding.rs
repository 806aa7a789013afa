//! Onboardings, companies and tenants.
use super::{Body, Query};
use crate::{
    app::App,
    auth::{OnboardingWork, Operator, RequestsAsk},
    error::Error,
    onboarding::{
        self, Filter, Kind,
        approve::ApproveOnboarding,
        asking,
        begin::{self, NewSold, step_of},
        evidence::{self, Dataset, as_lines},
        json as shown, kpi, lists, parse_id, payment,
        reject::RejectOnboarding,
        short_id,
        steps::{self, Verdict},
    },
    operations::Operation,
    page::list::{Cursor, Order, PAGE, Slice, told},
    requests,
    tenants::{self, NewTenant},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

#[derive(Deserialize)]
pub struct Listing {
    state: Option<String>,
    step: Option<String>,
    late: Option<String>,
    q: Option<String>,
    cursor: Option<String>,
}

pub async fn list(State(app): State<App>, Query(asked): Query<Listing>) -> Result<Json<Value>, Error> {
    let filter = Filter { state: asked.state, step: asked.step, owner: None, late: asked.late.as_deref() == Some("yes"), q: asked.q };
    let cursor = match asked.cursor.filter(|c| !c.is_empty()) {
        Some(id) => Some(Cursor { value: String::new(), id: short_id(parse_id(&id)?), back: false }),
        None => None,
    };
    let slice = Slice { order: Order { key: "id", down: true }, cursor: cursor.as_ref(), limit: PAGE as i64 + 1 };
    let mut conn = app.db.read().await?;
    let rows = lists::list(&mut conn, &filter, slice).await?;
    Ok(Json(told(rows, shown::brief, |o| short_id(o.id))))
}

pub async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    whole(&app, parse_id(&id)?).await.map(Json)
}

async fn whole(app: &App, id: i64) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    let onboarding = onboarding::find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    let tasks = onboarding::current_tasks(&mut conn, &onboarding, payment::is_asked(app)).await?;
    let operations = [ApproveOnboarding::NAME, RejectOnboarding::NAME];
    let waiting = onboarding::under_way(&mut conn, &onboarding.tenant_id, &operations).await?;
    shown::whole(&onboarding, &tasks, waiting)
}

/// What was sold.
#[derive(Deserialize, JsonSchema)]
pub struct Sold {
    plan: String,
    #[serde(default)]
    ai_services: Vec<String>,
    contract_number: String,
    /// Whole won, with VAT.
    expected_amount: i64,
    contact_name: String,
    contact_email: String,
    #[serde(default)]
    note: String,
}

impl From<Sold> for NewSold {
    fn from(s: Sold) -> Self {
        Self {
            plan: s.plan,
            ai_services: s.ai_services.join(","),
            contract_number: s.contract_number,
            expected_amount: s.expected_amount.to_string(),
            contact_name: s.contact_name,
            contact_email: s.contact_email,
            note: s.note,
        }
    }
}

/// The body of `POST /api/onboarding`.
#[derive(Deserialize, JsonSchema)]
pub struct NewOnboarding {
    /// Ten digits; dashes and blanks do not matter.
    biz_reg_no: String,
    company: String,
    slug: String,
    /// `kr` if it is left out.
    #[serde(default)]
    region: String,
    /// `Asia/Seoul` if it is left out.
    #[serde(default)]
    time_zone: String,
    /// Whose steps these are; the caller's if it is left out.
    #[schemars(with = "Option<String>")]
    owner: Option<Uuid>,
    /// Written down, and not begun.
    #[serde(default)]
    draft: bool,
    #[serde(flatten)]
    sold: Sold,
}

pub async fn create(
    operator: Operator<OnboardingWork>,
    State(app): State<App>,
    Body(new): Body<NewOnboarding>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let tenant =
        NewTenant { biz_reg_no: new.biz_reg_no, company: new.company, slug: new.slug, region: new.region, time_zone: new.time_zone };
    let id = begin::begin(&app, &operator, &tenant, &new.sold.into(), new.owner, new.draft).await?;
    Ok((StatusCode::CREATED, Json(whole(&app, id).await?)))
}

pub async fn success(State(app): State<App>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    let all = kpi::success(&mut conn).await?;
    let mut value = json!(all);
    value["over"] = json!(all.over());
    value["percent"] = json!(all.percent());
    Ok(Json(value))
}

pub async fn open(operator: Operator<OnboardingWork>, State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    let id = parse_id(&id)?;
    begin::open(&app, &operator, id).await?;
    whole(&app, id).await.map(Json)
}

/// The body of `POST /api/onboarding/{id}/withdraw`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnboardingReason {
    #[serde(default)]
    reason: String,
}

pub async fn withdraw(
    operator: Operator<OnboardingWork>,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(why): Body<OnboardingReason>,
) -> Result<Json<Value>, Error> {
    let id = parse_id(&id)?;
    begin::withdraw(&app, &operator, id, &why.reason).await?;
    whole(&app, id).await.map(Json)
}

/// The body of `POST /api/onboarding/{id}/again`. What is left out is as it was.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRevision {
    plan: Option<String>,
    ai_services: Option<Vec<String>>,
    contract_number: Option<String>,
    expected_amount: Option<i64>,
    note: Option<String>,
    /// Steps to do again although nothing of them changed.
    #[serde(default)]
    redo: Vec<String>,
    #[serde(default)]
    draft: bool,
}

pub async fn again(
    operator: Operator<OnboardingWork>,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(new): Body<NewRevision>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let id = parse_id(&id)?;
    let mut conn = app.db.read().await?;
    let was = onboarding::find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    drop(conn);
    let sold = NewSold {
        plan: new.plan.unwrap_or(was.plan_code),
        ai_services: new.ai_services.unwrap_or(was.ai_services).join(","),
        contract_number: new.contract_number.unwrap_or(was.contract_number),
        expected_amount: new.expected_amount.unwrap_or(was.expected_amount).to_string(),
        contact_name: was.contact_name.exposed().to_owned(),
        contact_email: was.contact_email.exposed().to_owned(),
        note: new.note.unwrap_or(was.note),
    };
    let redo: Vec<Kind> = new.redo.iter().filter_map(|name| Kind::named(name)).collect();
    let again = begin::again(&app, &operator, id, &sold, &redo, new.draft).await?;
    Ok((StatusCode::CREATED, Json(whole(&app, again).await?)))
}

/// The body of `POST /api/onboarding/{id}/approve` and `/reject`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnboardingDecision {
    /// `content` of the onboarding as it was looked at.
    #[serde(default)]
    content: String,
    #[serde(default)]
    reason: String,
}

pub async fn approve(
    operator: Operator<RequestsAsk>,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(asked): Body<OnboardingDecision>,
) -> Result<(StatusCode, Json<Value>), Error> {
    ask(&app, &operator, ApproveOnboarding::NAME, &id, &asked).await
}

pub async fn reject(
    operator: Operator<RequestsAsk>,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(asked): Body<OnboardingDecision>,
) -> Result<(StatusCode, Json<Value>), Error> {
    ask(&app, &operator, RejectOnboarding::NAME, &id, &asked).await
}

async fn ask(
    app: &App,
    operator: &Operator<RequestsAsk>,
    operation: &'static str,
    id: &str,
    asked: &OnboardingDecision,
) -> Result<(StatusCode, Json<Value>), Error> {
    let request = asking::ask(app, operator, operation, parse_id(id)?, &asked.content, &asked.reason, None).await?;
    let id = requests::short_id(request);
    Ok((StatusCode::CREATED, Json(json!({"request": id, "href": format!("/requests/{id}")}))))
}

/// The body of `POST /api/onboarding/{id}/{step}/evidence`: the fields of that step's evidence. `datasets` of a migration is a list of
/// objects.
#[derive(Deserialize, JsonSchema)]
pub struct NewEvidence {
    #[serde(flatten)]
    fields: Map<String, Value>,
}

pub async fn submit(
    operator: Operator<OnboardingWork>,
    State(app): State<App>,
    Path((id, step)): Path<(String, String)>,
    Body(new): Body<NewEvidence>,
) -> Result<Json<Value>, Error> {
    let (id, kind) = step_of(&id, &step)?;
    let text = |field: &str| match new.fields.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(n)) => n.to_string(),
        Some(sets @ Value::Array(_)) => {
            serde_json::from_value::<Vec<Dataset>>(sets.clone()).map(|sets| as_lines(&sets)).unwrap_or_default()
        }
        _ => String::new(),
    };
    let given = evidence::read(kind, text).map_err(Error::Invalid)?;
    let asked = steps::submit(&app, &operator, id, kind, given).await?;
    payment::answered(&app, &asked).await?;
    whole(&app, id).await.map(Json)
}

/// The onboarding after payment providers were asked about its order, or as it is known if that takes longer than three seconds.
pub async fn ask_payment(
    operator: Operator<OnboardingWork>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let id = parse_id(&id)?;
    let asked = payment::ask_again(&app, &operator, id).await?;
    let status = if payment::answered(&app, &asked).await? { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(whole(&app, id).await?)))
}

/// The body of `POST /api/onboarding/{id}/{step}/decision`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepDecision {
    /// `pass`, `fail` or `waive`.
    decision: String,
    /// `seen` of the step as it was looked at.
    #[serde(default)]
    seen: String,
    #[serde(default)]
    reason: String,
}

pub async fn decide(
    operator: Operator<OnboardingWork>,
    State(app): State<App>,
    Path((id, step)): Path<(String, String)>,
    Body(new): Body<StepDecision>,
) -> Result<Json<Value>, Error> {
    let (id, kind) = step_of(&id, &step)?;
    let verdict = Verdict::named(&new.decision).ok_or_else(|| Error::Malformed("decision is pass, fail or waive".into()))?;
    steps::decide(&app, &operator, id, kind, verdict, &new.seen, &new.reason).await?;
    whole(&app, id).await.map(Json)
}

/// The body of `POST /api/onboarding/{id}/{step}/wait`; empty: it waits for nobody outside any more.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepWait {
    /// `customer`, `bank`, `sales` or `engineering`.
    #[serde(default)]
    waits_on: String,
    #[serde(default)]
    waits_for: String,
}

pub async fn wait(
    operator: Operator<OnboardingWork>,
    State(app): State<App>,
    Path((id, step)): Path<(String, String)>,
    Body(new): Body<StepWait>,
) -> Result<Json<Value>, Error> {
    let (id, kind) = step_of(&id, &step)?;
    steps::wait(&app, &operator, id, kind, &new.waits_on, &new.waits_for).await?;
    whole(&app, id).await.map(Json)
}

/// The body of `POST /api/onboarding/{id}/{step}/assign`. What is left out stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepOwner {
    #[schemars(with = "Option<String>")]
    owner: Option<Uuid>,
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    due: Option<DateTime<Utc>>,
}

pub async fn assign(
    operator: Operator<OnboardingWork>,
    State(app): State<App>,
    Path((id, step)): Path<(String, String)>,
    Body(new): Body<StepOwner>,
) -> Result<Json<Value>, Error> {
    let (id, kind) = step_of(&id, &step)?;
    steps::assign(&app, &operator, id, kind, new.owner, new.due).await?;
    whole(&app, id).await.map(Json)
}

#[derive(Deserialize)]
pub struct Sought {
    #[serde(default)]
    q: String,
}

pub async fn companies(State(app): State<App>, Query(asked): Query<Sought>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    let found = tenants::companies_like(&mut conn, asked.q.trim(), PAGE as i64).await?;
    Ok(Json(json!({"items": found, "next": null})))
}

pub async fn tenant(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    Ok(Json(json!(tenants::tenant(&mut conn, &id).await?.ok_or(Error::NotFound)?)))
}
