//! The pages of requests: inbox, one request, asking, deciding, withdrawing.
use super::{
    State as Standing, parse_id, short_id,
    store::{self, Filter},
    submit::{self, Ask},
    view::{self, Decide, RequestRow, RequestView, Typed},
    votes::{self, Ballot, Cast},
    withdraw,
};
use crate::{
    app::App,
    auth::{Csrf, Operator, RequestsAsk, RequestsDecide, RequestsRead, Scope, Submitted},
    error::{self, Error, Problem},
    i18n::Lang,
    operations::{Definition, Preview, Risk, form},
    page::{self, Chip, DiffRow, Opt, RiskTag, Shell, Visit, capped, query},
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

const PAGE: usize = 50;

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<RequestsRead, _, _>("/inbox", inbox)
        .show::<RequestsAsk, _, _>("/requests/new", choose)
        .show::<RequestsAsk, _, _>("/requests/new/{operation}", form_page)
        .act::<RequestsAsk, _, _>("/requests/new/{operation}", ask)
        .show::<RequestsRead, _, _>("/requests/{id}", show)
        .act::<RequestsDecide, _, _>("/requests/{id}/votes", vote)
        .act::<RequestsAsk, _, _>("/requests/{id}/withdraw", take_back)
}

#[derive(Template)]
#[template(path = "requests/inbox.html")]
struct Inbox {
    shell: Shell,
    tabs: Vec<Tab>,
    tab: String,
    rows: Vec<RequestRow>,
    q: String,
    operation_options: Vec<Opt>,
    state_options: Vec<Opt>,
    chips: Vec<Chip>,
    clear_href: String,
    next: Option<String>,
    previous: Option<String>,
    selected: Option<RequestView>,
    empty: String,
    filtered: bool,
    here: String,
}

struct Tab {
    label: String,
    href: String,
    count: Option<String>,
    current: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    tab: String,
    q: String,
    operation: String,
    state: String,
    before: Option<i64>,
    after: Option<i64>,
    selected: String,
}

impl Asked {
    fn pairs(&self) -> [(&'static str, &str); 4] {
        [("tab", &self.tab), ("q", &self.q), ("operation", &self.operation), ("state", &self.state)]
    }

    fn with(&self, extra: &[(&'static str, &str)]) -> String {
        let kept = self.pairs().into_iter().filter(|(name, _)| extra.iter().all(|(n, _)| n != name));
        format!("/inbox{}", query(&kept.chain(extra.iter().copied()).collect::<Vec<_>>()))
    }

    fn filter(&self, operator: Uuid) -> Filter {
        let text = |s: &str| Some(s.trim().to_owned()).filter(|s| !s.is_empty());
        let names = |states: &[Standing]| Some(states.iter().map(|s| s.name()).collect());
        let mut filter = Filter { operation: text(&self.operation), q: text(&self.q), ..Filter::default() };
        match self.tab.as_str() {
            "mine" => filter.waiting_for = Some(operator),
            "asked" => filter.requester = Some(operator),
            "decided" => filter.states = names(&Standing::ALL.into_iter().filter(|s| !s.is_open()).collect::<Vec<_>>()),
            "unknown" => filter.states = names(&[Standing::Unknown]),
            _ => filter.states = names(&Standing::OPEN),
        }
        if let Some(state) = Standing::named(&self.state) {
            filter.states = names(&[state]);
        }
        filter
    }
}

async fn inbox(operator: Operator<RequestsRead>, visit: Visit, State(app): State<App>, Query(mut asked): Query<Asked>) -> Result<Response, Error> {
    let l = visit.l;
    let decides = operator.caller().may(RequestsDecide::NAME);
    if !["mine", "open", "asked", "decided", "unknown"].contains(&asked.tab.as_str()) {
        asked.tab = if decides { "mine" } else { "asked" }.into();
    }
    let mut conn = app.db.read().await?;
    let back = asked.after.is_some();
    let mut rows = store::list(&mut conn, &asked.filter(operator.id()), asked.after.or(asked.before), back, PAGE as i64 + 1).await?;
    let counts = store::counts(&mut conn, operator.id(), decides).await?;
    let more = rows.len() > PAGE;
    if more {
        if back { rows.remove(0); } else { rows.truncate(PAGE); }
    }
    let selected = match parse_id(&asked.selected) {
        Ok(id) => match store::find(&mut conn, id).await? {
            Some(request) => Some(view::whole(&app, &mut conn, l, operator.caller(), &request, Typed::default()).await?),
            None => None,
        },
        Err(_) => None,
    };
    drop(conn);
    let (first, last) = (rows.first().map(|r| r.id.to_string()), rows.last().map(|r| r.id.to_string()));
    let tabs = [("mine", l.inbox_tab_mine(), counts.mine), ("open", l.inbox_tab_open(), counts.open), ("asked", l.inbox_tab_asked(), counts.asked),
        ("decided", l.inbox_tab_decided(), 0), ("unknown", l.inbox_tab_unknown(), counts.unknown)];
    let mut chips = Vec::new();
    for (name, value, label) in [("q", asked.q.clone(), asked.q.clone()),
        ("operation", asked.operation.clone(), app.registry.find(&asked.operation).map_or_else(|| asked.operation.clone(), |d| d.title(l))),
        ("state", asked.state.clone(), l.find(&format!("state-{}", asked.state)).unwrap_or_else(|| asked.state.clone()))] {
        if !value.is_empty() {
            chips.push(Chip { label, href: asked.with(&[(name, "")]) });
        }
    }
    let page = Inbox {
        shell: visit.shell(&app).await?,
        tabs: tabs.into_iter().filter(|(name, ..)| *name != "mine" || decides).map(|(name, label, count)| Tab {
            label, href: format!("/inbox?tab={name}"), count: (count > 0).then(|| capped(count)), current: asked.tab == name,
        }).collect(),
        rows: rows.iter().map(|r| {
            let mut row = RequestRow::new(&app, l, r);
            row.current = row.id == asked.selected;
            row
        }).collect(),
        operation_options: std::iter::once(Opt::any(l.filter_any_operation(), &asked.operation))
            .chain(app.registry.all().map(|d| Opt { value: d.name().into(), label: d.title(l), selected: d.name() == asked.operation })).collect(),
        state_options: std::iter::once(Opt::any(l.filter_any_state(), &asked.state))
            .chain(Standing::ALL.into_iter().map(|s| Opt { value: s.name().into(), label: view::badge(l, s).label, selected: s.name() == asked.state })).collect(),
        filtered: !chips.is_empty(),
        empty: if chips.is_empty() { l.find(&format!("inbox-empty-{}", asked.tab)).unwrap_or_default() } else { l.inbox_filtered_empty() },
        chips,
        clear_href: format!("/inbox?tab={}", asked.tab),
        next: last.filter(|_| back || more).map(|id| asked.with(&[("before", &id)])),
        previous: first.filter(|_| if back { more } else { asked.before.is_some() }).map(|id| asked.with(&[("after", &id)])),
        here: visit.path().to_owned(),
        selected,
        q: asked.q, tab: asked.tab,
    };
    page::html(&page)
}

#[derive(Template)]
#[template(path = "requests/show.html")]
struct Show {
    shell: Shell,
    request: RequestView,
}

async fn show(operator: Operator<RequestsRead>, visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    show_page(&app, &visit, operator.caller(), parse_id(&id)?, Typed::default(), StatusCode::OK).await
}

async fn show_page(app: &App, visit: &Visit, caller: &crate::auth::Caller, id: i64, typed: Typed, status: StatusCode) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let request = store::find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    let request = view::whole(app, &mut conn, visit.l, caller, &request, typed).await?;
    drop(conn);
    let mut response = page::html(&Show { shell: visit.shell(app).await?, request })?;
    *response.status_mut() = status;
    Ok(response)
}

#[derive(Deserialize)]
struct VoteForm {
    #[serde(default)]
    decision: String,
    #[serde(default)]
    binding: String,
    #[serde(default)]
    reason: String,
}

async fn vote(operator: Operator<RequestsDecide>, visit: Visit, State(app): State<App>, Path(id): Path<String>, Csrf(form): Csrf<VoteForm>) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let approves = match form.decision.as_str() {
        "approve" => true,
        "reject" => false,
        other => return Err(Error::Malformed(format!("decision is {other:?}; it must be approve or reject"))),
    };
    let ballot = Ballot { approves, binding: form.binding, reason: form.reason };
    let (l, name) = (visit.l, short_id(id));
    match votes::cast(&app, &operator, id, &ballot).await {
        Ok(cast) => {
            let said = match cast {
                Cast::Counted(Standing::Approved) => l.vote_approved(&name),
                Cast::Counted(Standing::Denied) => l.vote_denied(&name),
                Cast::Counted(_) => l.vote_counted(&name),
                Cast::CountedBefore => l.vote_counted_before(&name),
                Cast::NotNeeded => l.vote_not_needed(&name),
            };
            visit.say(if cast == Cast::NotNeeded { "info" } else { "success" }, said).await?;
            Ok(Redirect::to(&format!("/requests/{name}")).into_response())
        }
        // shown on the request itself, as it is now, with what was typed
        Err(problem @ (Error::Refused(_) | Error::NotPermitted(_) | Error::Invalid(_))) => {
            let typed = match &problem {
                Error::Invalid(problems) => Typed { error: problems.first().map(|p| l.say(&p.text)), reason: ballot.reason, conflict: None },
                other => Typed { conflict: Some(error::sentence(other, l)), reason: ballot.reason, error: None },
            };
            show_page(&app, &visit, operator.caller(), id, typed, problem.status()).await
        }
        Err(other) => Err(other),
    }
}

async fn take_back(operator: Operator<RequestsAsk>, visit: Visit, State(app): State<App>, Path(id): Path<String>, Csrf(()): Csrf<()>) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    match withdraw::withdraw(&app, &operator, id).await {
        Ok(()) => {
            visit.say("success", visit.l.request_withdrawn_now(short_id(id))).await?;
            Ok(Redirect::to(&format!("/requests/{}", short_id(id))).into_response())
        }
        Err(problem @ (Error::Refused(_) | Error::NotPermitted(_))) => {
            let typed = Typed { conflict: Some(error::sentence(&problem, visit.l)), ..Typed::default() };
            show_page(&app, &visit, operator.caller(), id, typed, problem.status()).await
        }
        Err(other) => Err(other),
    }
}

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
        Self { href: format!("/requests/new/{}", d.name()), name: d.name(), title: d.title(l), description: d.description(l), risk: RiskTag::new(l, risk.name()) }
    }
}

#[derive(Template)]
#[template(path = "requests/choose.html")]
struct Choose {
    shell: Shell,
    operations: Vec<OperationRow>,
}

async fn choose(operator: Operator<RequestsAsk>, visit: Visit, State(app): State<App>) -> Result<Response, Error> {
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
    min: Option<i64>,
    max: Option<i64>,
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
async fn form_page(operator: Operator<RequestsAsk>, visit: Visit, State(app): State<App>, Path(name): Path<String>, Query(given): Query<Submitted>) -> Result<Response, Error> {
    let definition = submit::permitted(&app, &operator, &name)?;
    form_with(&app, &visit, definition, &given, &[], None, None, StatusCode::OK).await
}

/// First the check, which shows before and after; then, with `confirm`, the request itself.
async fn ask(operator: Operator<RequestsAsk>, visit: Visit, State(app): State<App>, Path(name): Path<String>, Csrf(form): Csrf<Submitted>) -> Result<Response, Error> {
    let definition = submit::permitted(&app, &operator, &name)?;
    let ask = Ask {
        operation: name,
        fields: form::from_text(&definition.schema(), |field| form.get(field)),
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
            Err(Error::Invalid(problems)) => form_with(&app, &visit, definition, &form, &problems, None, None, StatusCode::UNPROCESSABLE_ENTITY).await,
            Err(other) => Err(other),
        },
        Ok(preview) => {
            // confirmed something else: the target has changed since it was shown
            let (status, said) = if confirmed.is_some() { (StatusCode::CONFLICT, Some(visit.l.request_preview_changed())) } else { (StatusCode::OK, None) };
            form_with(&app, &visit, definition, &form, &[], Some(preview), said, status).await
        }
        Err(Error::Invalid(problems)) => {
            // the request this very form made is there already: a double click, or the back button
            if confirmed.is_some() && let Ok(submitted) = submit::submit(&app, &operator, ask).await {
                return Ok(Redirect::to(&format!("/requests/{}", short_id(submitted.id))).into_response());
            }
            form_with(&app, &visit, definition, &form, &problems, None, None, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other),
    }
}

/// What the confirmation is about: target, before and after.
fn fingerprint(preview: &Preview) -> Result<String, Error> {
    use sha2::{Digest, Sha256};
    let shown: Value = json!({"target": preview.target.id, "before": preview.before, "after": preview.after});
    Ok(super::hex(&Sha256::digest(crate::ledger::canonical(&shown)?)))
}

#[allow(clippy::too_many_arguments, reason = "one form in all its states")]
async fn form_with(app: &App, visit: &Visit, definition: &dyn Definition, typed: &Submitted, problems: &[Problem], preview: Option<Preview>, conflict: Option<String>, status: StatusCode) -> Result<Response, Error> {
    let l = visit.l;
    let problem = |name: &str| problems.iter().find(|p| p.field == name).map(|p| l.say(&p.text));
    let fields = form::fields(&definition.schema()).into_iter().map(|f| {
        let value = typed.get(&f.name).unwrap_or_default().to_owned();
        FieldView {
            id: format!("field-{}", f.name),
            label: definition.label(l, &f.name),
            hint: definition.text(l, &format!("field-{}-hint", f.name)),
            kind: f.kind.name(),
            required: f.required,
            error: problem(&f.name),
            options: f.options.iter().map(|o| Opt { value: o.clone(), label: l.find(&format!("value-{}-{o}", f.name)).unwrap_or_else(|| o.clone()), selected: *o == value }).collect(),
            lookup: f.lookup, min: f.min, max: f.max, value, name: f.name,
        }
    }).collect();
    let mut errors: Vec<ProblemView> = problems.iter().map(|p| ProblemView { href: format!("#field-{}", p.field), text: l.say(&p.text) }).collect();
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
        idempotency_key: typed.get("idempotency_key").map_or_else(|| Uuid::now_v7().to_string(), str::to_owned),
        confirm,
    };
    let mut response = page::html(&page)?;
    *response.status_mut() = status;
    Ok(response)
}
