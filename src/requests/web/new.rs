//! Asking: choose an operation, fill its form in, see before and after, send.
use crate::{
    app::App,
    auth::{Csrf, Operator, RequestsAsk, Submitted},
    error::{Error, Problem},
    i18n::Lang,
    operations::{Definition, Preview, Risk, form as schema},
    page::{self, DiffRow, Opt, RiskTag, Shell, Visit},
    requests::{
        hex, short_id,
        submit::{self, Ask},
    },
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::{Value, json};
use uuid::Uuid;

struct OperationRow {
    href: String,
    name: &'static str,
    title: String,
    description: String,
    risk: RiskTag,
}

impl OperationRow {
    fn new(l: Lang, d: &dyn Definition) -> Self {
        let risk: Risk = d.risk();
        Self {
            href: format!("/requests/new/{}", d.name()),
            name: d.name(),
            title: d.title(l),
            description: d.description(l),
            risk: RiskTag::new(l, risk.name()),
        }
    }
}

#[derive(Template)]
#[template(path = "requests/choose.html")]
struct Choose {
    shell: Shell,
    operations: Vec<OperationRow>,
}

pub(super) async fn choose(operator: Operator<RequestsAsk>, visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    let permitted = app.registry.all().filter(|d| operator.caller().may(d.scope()));
    let operations = permitted.map(|d| OperationRow::new(visit.l, d)).collect();
    page::html(&Choose { shell: visit.shell(&app).await?, operations })
}

#[derive(Template)]
#[template(path = "requests/new.html")]
struct New {
    shell: Shell,
    operation: OperationRow,
    fields: Vec<FieldView>,
    reason: String,
    reason_error: Option<String>,
    errors: Vec<ProblemView>,
    preview: Option<PreviewView>,
    idempotency_key: String,
    confirm: Option<String>,
}

struct FieldView {
    name: String,
    id: String,
    label: String,
    hint: String,
    kind: &'static str,
    required: bool,
    value: String,
    error: Option<String>,
    options: Vec<Opt>,
    lookup: Option<String>,
}

struct ProblemView {
    href: String,
    text: String,
}

struct PreviewView {
    target: String,
    diff: Vec<DiffRow>,
    policy: String,
}

/// Links may fill fields in: `/requests/new/org.tier.fix?org_id=…`.
pub(super) async fn form(
    operator: Operator<RequestsAsk>,
    visit: Visit,
    State(app): State<App>,
    Path(name): Path<String>,
    Query(given): Query<Submitted>,
) -> Result<Response, Error> {
    let definition = submit::permitted(&app, &operator, &name).await?;
    page_with(&app, &visit, definition, &given, &[], None, None, StatusCode::OK).await
}

/// First the check, which shows before and after; then, with `confirm`, the request itself.
pub(super) async fn ask(
    operator: Operator<RequestsAsk>,
    visit: Visit,
    State(app): State<App>,
    Path(name): Path<String>,
    Csrf(form): Csrf<Submitted>,
) -> Result<Response, Error> {
    let definition = submit::permitted(&app, &operator, &name).await?;
    let ask = Ask {
        operation: name,
        fields: schema::from_text(&definition.schema(), |field| form.get(field)),
        reason: form.get("reason").unwrap_or_default().to_owned(),
        not_before: None,
        idempotency_key: form.get("idempotency_key").map(str::to_owned),
    };
    let confirmed = form.get("confirm").filter(|c| !c.is_empty());
    match submit::preview(&app, &operator, &ask).await {
        Ok(preview) if confirmed == Some(&fingerprint(&preview)?) => match submit::submit(&app, &operator, ask).await {
            Ok(submitted) => {
                visit.say("success", visit.l.request_submitted_now(short_id(submitted.id))).await?;
                Ok(Redirect::to(&format!("/requests/{}", short_id(submitted.id))).into_response())
            }
            Err(Error::Invalid(problems)) => {
                page_with(&app, &visit, definition, &form, &problems, None, None, StatusCode::UNPROCESSABLE_ENTITY).await
            }
            Err(other) => Err(other),
        },
        Ok(preview) => {
            // confirmed something else: the target has changed since it was shown
            let (status, said) =
                if confirmed.is_some() { (StatusCode::CONFLICT, Some(visit.l.request_preview_changed())) } else { (StatusCode::OK, None) };
            page_with(&app, &visit, definition, &form, &[], Some(preview), said, status).await
        }
        Err(Error::Invalid(problems)) => {
            // the request this very form made is there already: a double click, or the back button
            if confirmed.is_some()
                && let Ok(submitted) = submit::submit(&app, &operator, ask).await
            {
                return Ok(Redirect::to(&format!("/requests/{}", short_id(submitted.id))).into_response());
            }
            page_with(&app, &visit, definition, &form, &problems, None, None, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other),
    }
}

/// What the confirmation is about: target, before and after.
fn fingerprint(preview: &Preview) -> Result<String, Error> {
    use sha2::{Digest, Sha256};
    let shown: Value = json!({"target": preview.target.id, "before": preview.before, "after": preview.after});
    Ok(hex(&Sha256::digest(crate::ledger::canonical(&shown)?)))
}

#[allow(clippy::too_many_arguments, reason = "one form in all its states")]
async fn page_with(
    app: &App,
    visit: &Visit,
    definition: &dyn Definition,
    typed: &Submitted,
    problems: &[Problem],
    preview: Option<Preview>,
    conflict: Option<String>,
    status: StatusCode,
) -> Result<Response, Error> {
    let l = visit.l;
    let problem = |name: &str| problems.iter().find(|p| p.field == name).map(|p| l.say(&p.text));
    let fields = schema::fields(&definition.schema())
        .into_iter()
        .map(|f| {
            let value = typed.get(&f.name).unwrap_or_default().to_owned();
            FieldView {
                id: format!("field-{}", f.name),
                label: definition.label(l, &f.name),
                hint: definition.text(l, &format!("field-{}-hint", f.name)),
                kind: f.kind.name(),
                required: f.required,
                error: problem(&f.name),
                // nothing is chosen until somebody chooses: a form must not change what nobody touched
                options: std::iter::once(Opt::any(if f.required { l.form_pick() } else { l.form_keep() }, &value))
                    .chain(f.options.iter().map(|o| Opt {
                        value: o.clone(),
                        label: l.find(&format!("value-{}-{o}", f.name)).unwrap_or_else(|| o.clone()),
                        selected: *o == value,
                    }))
                    .collect(),
                lookup: f.lookup,
                value,
                name: f.name,
            }
        })
        .collect();
    let mut errors: Vec<ProblemView> =
        problems.iter().map(|p| ProblemView { href: format!("#field-{}", p.field), text: l.say(&p.text) }).collect();
    errors.extend(conflict.map(|text| ProblemView { href: "#preview".into(), text }));
    let confirm = preview.as_ref().map(fingerprint).transpose()?;
    let ruling = app.policy.rule(definition);
    let risk = RiskTag::new(l, definition.risk().name()).label;
    let page = New {
        shell: visit.shell(app).await?,
        operation: OperationRow::new(l, definition),
        fields,
        reason: typed.get("reason").unwrap_or_default().to_owned(),
        reason_error: problem("reason"),
        errors,
        preview: preview.map(|p| PreviewView {
            target: p.target.label,
            diff: page::diff(&json!(p.before), &json!(p.after), |key| definition.label(l, key)),
            policy: match (ruling.approvals, ruling.self_approval) {
                (0, _) => l.request_policy_none(risk),
                (n, false) => l.request_policy_others(u32::from(n), risk),
                (n, true) => l.request_policy_self(u32::from(n), risk),
            },
        }),
        // a key that was used for something else would be refused for ever
        idempotency_key: typed
            .get("idempotency_key")
            .filter(|_| problem("idempotency_key").is_none())
            .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned),
        confirm,
    };
    let mut response = page::html(&page)?;
    *response.status_mut() = status;
    Ok(response)
}
