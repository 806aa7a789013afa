//! The page of absences: one's own, everybody's, and the form for another.
use super::{Absence, Plan, add, around, end, mine};
use crate::{
    app::App,
    auth::{Csrf, Operator, RequestsDecide, RequestsRead, Scope, Submitted},
    error::{Error, Problem},
    i18n::msg,
    page::{self, Field, Fields, Link, Shell, Visit, When, typed_time},
    policy,
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
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
        let l = visit.l;
        let deciders = crate::auth::roles_with(RequestsDecide::NAME);
        let able = |p: &policy::Human| p.id != caller.id && p.roles.iter().any(|r| deciders.contains(&r.as_str()));
        let mut delegates = vec![(String::new(), l.absence_no_delegate())];
        delegates.extend(policy::people(&mut conn).await?.into_iter().filter(able).map(|p| (p.id.to_string(), p.name)));
        let f = Fields { l, prefix: "absence-", typed, problems };
        let fields = vec![
            f.of("from", "datetime", l.absence_from(), l.absence_from_hint(), "").optional(),
            f.of("until", "datetime", l.absence_until(), l.absence_until_hint(), ""),
            f.choice("delegate", l.absence_delegate(), l.absence_delegate_hint(), delegates, "").optional(),
            f.text("note", l.absence_note(), l.absence_note_hint(), "").optional(),
        ];
        let errors = f.links();
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
    let mut problems = Vec::new();
    let (from, until) = (typed_time(form.text("from")), typed_time(form.text("until")));
    if from.is_none() && form.some("from").is_some() {
        problems.push(Problem::new("from", msg::absence_not_a_time()));
    }
    if until.is_none() {
        let wrong = if form.some("until").is_some() { msg::absence_not_a_time() } else { msg::field_required() };
        problems.push(Problem::new("until", wrong));
    }
    // an id that cannot be read is nobody's
    let delegate = form.some("delegate").map(|d| d.parse().unwrap_or_default());
    if !problems.is_empty() {
        return draw(&app, &visit, &form, &problems).await;
    }
    let plan = Plan { from, until: until.unwrap_or_default(), delegate, note: form.text("note").to_owned() };
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
