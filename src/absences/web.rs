//! The page of absences: one's own, everybody's, and the form for another.
use super::{Absence, Plan, add, around, end, mine};
use crate::{
    app::App,
    auth::{Csrf, Operator, RequestsDecide, RequestsRead, Scope, Submitted},
    error::{Error, Problem},
    i18n::msg,
    page::{self, Field, Link, Opt, Shell, Visit, When},
    policy,
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Asia::Seoul;
use uuid::Uuid;

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<RequestsRead, _, _>("/absences", index)
        .act::<RequestsDecide, _, _>("/absences", plan)
        .act::<RequestsDecide, _, _>("/absences/{id}/end", back)
}

#[derive(Template)]
#[template(path = "absences/index.html")]
struct Index {
    shell: Shell,
    mine: Vec<Row>,
    around: Vec<Row>,
    /// Nothing if the reader decides nothing, so that nobody waits for them.
    form: Option<Form>,
}

struct Row {
    id: Uuid,
    name: String,
    from: When,
    until: When,
    delegate: Option<String>,
    note: String,
    now: bool,
}

impl Row {
    fn new(visit: &Visit, a: Absence) -> Self {
        let when = |at| When::new(visit.l, at);
        Self { id: a.id, name: a.name, from: when(a.from_at), until: when(a.until_at), delegate: a.delegate, note: a.note, now: a.now }
    }
}

/// The form as it is shown, and what is wrong with it.
struct Form {
    fields: Vec<Field>,
    errors: Vec<Link>,
}

async fn index(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    draw(&app, &visit, &Submitted::default(), &[]).await
}

async fn draw(app: &App, visit: &Visit, typed: &Submitted, problems: &[Problem]) -> Result<Response, Error> {
    let caller = visit.caller()?;
    let mut conn = app.db.read().await?;
    let decides = caller.may(RequestsDecide::NAME);
    let form = if decides {
        let text = |name: &str| typed.get(name).unwrap_or_default().to_owned();
        let chosen = text("delegate");
        let mut delegates = vec![Opt::any(visit.l.absence_no_delegate(), &chosen)];
        let deciders = crate::auth::roles_with(RequestsDecide::NAME);
        let able = |p: &policy::Human| p.id != caller.id && p.roles.iter().any(|r| deciders.contains(&r.as_str()));
        delegates.extend(policy::people(&mut conn).await?.into_iter().filter(able).map(|p| {
            let id = p.id.to_string();
            Opt { selected: id == chosen, value: id, label: p.name }
        }));
        let l = visit.l;
        let field = |name: &'static str, kind, label, hint, options| Field {
            id: format!("absence-{name}"),
            name: name.to_owned(),
            label,
            hint,
            kind,
            value: text(name),
            options,
            required: name == "until",
            lookup: None,
            error: problems.iter().find(|p| p.field == name).map(|p| l.say(&p.text)),
        };
        let fields = vec![
            field("from", "datetime", l.absence_from(), l.absence_from_hint(), Vec::new()),
            field("until", "datetime", l.absence_until(), l.absence_until_hint(), Vec::new()),
            field("delegate", "choice", l.absence_delegate(), l.absence_delegate_hint(), delegates),
            field("note", "text", l.absence_note(), l.absence_note_hint(), Vec::new()),
        ];
        let errors = problems.iter().map(|p| Link { label: l.say(&p.text), href: format!("#absence-{}", p.field) }).collect();
        Some(Form { fields, errors })
    } else {
        None
    };
    let mine = if decides { mine(&mut conn, caller.id).await? } else { Vec::new() };
    let around = around(&mut conn).await?.into_iter().filter(|a| a.operator_id != caller.id);
    let around = around.map(|a| Row::new(visit, a)).collect();
    drop(conn);
    let mine = mine.into_iter().map(|a| Row::new(visit, a)).collect();
    let mut response = page::html(&Index { shell: visit.shell(app).await?, mine, around, form })?;
    if !problems.is_empty() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

async fn plan(
    operator: Operator<RequestsDecide>,
    mut visit: Visit,
    State(app): State<App>,
    Csrf(form): Csrf<Submitted>,
) -> Result<Response, Error> {
    visit.read_at("/absences");
    let text = |name: &str| form.get(name).unwrap_or_default().trim().to_owned();
    let mut problems = Vec::new();
    let from = local(&text("from"));
    if from.is_none() && !text("from").is_empty() {
        problems.push(Problem::new("from", msg::absence_not_a_time()));
    }
    let until = local(&text("until"));
    if until.is_none() {
        problems.push(Problem::new("until", if text("until").is_empty() { msg::field_required() } else { msg::absence_not_a_time() }));
    }
    let delegate = Some(text("delegate")).filter(|d| !d.is_empty());
    // an id that cannot be read is nobody's
    let delegate = delegate.map(|d| d.parse().unwrap_or_default());
    if !problems.is_empty() {
        return draw(&app, &visit, &form, &problems).await;
    }
    let plan = Plan { from, until: until.unwrap_or_default(), delegate, note: text("note") };
    match add(&app, &operator, &plan).await {
        Ok(_) => {
            visit.say("success", visit.l.absence_planned()).await?;
            Ok(Redirect::to("/absences").into_response())
        }
        Err(Error::Invalid(problems)) => draw(&app, &visit, &form, &problems).await,
        Err(other) => Err(other),
    }
}

async fn back(
    operator: Operator<RequestsDecide>,
    visit: Visit,
    State(app): State<App>,
    Path(id): Path<Uuid>,
    _: Csrf<Submitted>,
) -> Result<Response, Error> {
    end(&app, &operator, id).await?;
    visit.say("success", visit.l.absence_ended()).await?;
    Ok(Redirect::to("/absences").into_response())
}

/// What a browser's field for date and time sends, in Korean time.
fn local(text: &str) -> Option<DateTime<Utc>> {
    let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S"));
    at.ok()?.and_local_timezone(Seoul).earliest().map(|at| at.with_timezone(&Utc))
}
