//! One request: reading, deciding, taking back.
use super::seen;
use crate::{
    app::App,
    auth::{Caller, Csrf, Operator, RequestsAsk, RequestsDecide, RequestsRead, Scope, Submitted},
    error::{self, Error},
    page::{
        Shell, Visit, html,
        list::{Cursor, Slice},
    },
    requests::{
        State as Standing, inbox, parse_id, short_id, store,
        view::{self, Decide, RequestView, Typed},
        votes::{self, Ballot, Cast},
    },
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use sqlx::PgConnection;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "requests/show.html")]
struct Show {
    shell: Shell,
    request: RequestView,
    /// The requests on both sides of this one that wait for the reader, newer and older.
    newer: Option<String>,
    older: Option<String>,
}

pub(super) async fn show(
    operator: Operator<RequestsRead>,
    visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    page(&app, &visit, operator.caller(), parse_id(&id)?, Typed::default(), StatusCode::OK).await
}

pub(super) async fn page(
    app: &App,
    visit: &Visit,
    caller: &Arc<Caller>,
    id: i64,
    typed: Typed,
    status: StatusCode,
) -> Result<Response, Error> {
    let request = store::find(&mut *app.db.look_up().await?, id).await?.ok_or(Error::NotFound)?;
    let mut conn = app.db.read().await?;
    seen::note(app, visit, caller, &request);
    let request = view::whole(app, &mut conn, visit.l, caller, &request, typed).await?;
    let (newer, older) = (waiting(&mut conn, caller, id, true).await?, waiting(&mut conn, caller, id, false).await?);
    drop(conn);
    let mut response = html(&Show { shell: visit.shell(app).await?, request, newer, older })?;
    *response.status_mut() = status;
    Ok(response)
}

/// The request as it is now, with why something could not be done, beside what was typed where that is wrong.
pub(super) async fn refused(
    app: &App,
    visit: &Visit,
    caller: &Arc<Caller>,
    id: i64,
    problem: Error,
    typed: impl FnOnce(Option<String>) -> Typed,
) -> Result<Response, Error> {
    let typed = match &problem {
        Error::Invalid(problems) => typed(problems.first().map(|p| visit.l.say(&p.text))),
        Error::Refused(_) | Error::NotPermitted(_) => Typed { conflict: Some(error::sentence(&problem, visit.l)), ..typed(None) },
        _ => return Err(problem),
    };
    page(app, visit, caller, id, typed, problem.status()).await
}

/// The next request that waits for the reader, so that many can be worked through without going back to the list.
async fn waiting(conn: &mut PgConnection, caller: &Arc<Caller>, id: i64, newer: bool) -> Result<Option<String>, Error> {
    if !caller.may(RequestsDecide::NAME) {
        return Ok(None);
    }
    let filter = inbox::Filter { waiting_for: Some(inbox::Turn::of(caller)), ..inbox::Filter::default() };
    let cursor = Cursor { value: String::new(), id: id.to_string(), back: newer };
    let found = inbox::list(conn, &filter, Slice { cursor: Some(&cursor), ..Slice::newest(1) }).await?;
    Ok(found.first().map(|row| format!("/requests/{}", short_id(row.id))))
}

#[derive(Deserialize)]
pub(super) struct VoteForm {
    #[serde(default)]
    decision: String,
    #[serde(default)]
    binding: String,
    #[serde(default)]
    reason: String,
    /// Where it was decided: whoever works through a list goes on there.
    #[serde(default)]
    back: String,
}

pub(super) async fn vote(
    operator: Operator<RequestsDecide>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(form): Csrf<VoteForm>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    visit.read_at(&format!("/requests/{}", short_id(id)));
    let approves = match form.decision.as_str() {
        "approve" => true,
        "reject" => false,
        other => return Err(Error::Malformed(format!("decision is {other:?}; it must be approve or reject"))),
    };
    let ballot = Ballot { approves, binding: form.binding, reason: form.reason };
    let (l, name) = (visit.l, short_id(id));
    match votes::cast(&app, &operator, id, &ballot).await {
        Ok(cast) => {
            let said = match cast.state() {
                Some(Standing::Approved) => l.vote_approved(&name),
                Some(Standing::Denied) => l.vote_denied(&name),
                Some(_) => l.vote_counted(&name),
                None if matches!(cast, Cast::NotNeeded) => l.vote_not_needed(&name),
                None => l.vote_counted_before(&name),
            };
            match cast {
                _ if cast.state() == Some(Standing::Pending) => {
                    visit.say_with_undo(said, format!("/requests/{name}/votes/withdraw")).await?
                }
                Cast::NotNeeded => visit.say("info", said).await?,
                _ => visit.say("success", said).await?,
            }
            let from_list = form.back.starts_with("/inbox");
            Ok(Redirect::to(&if from_list { form.back } else { format!("/requests/{name}") }).into_response())
        }
        Err(problem) => {
            let typed = |error| Typed { error, reason: ballot.reason, ..Typed::default() };
            refused(&app, &visit, operator.caller(), id, problem, typed).await
        }
    }
}

pub(super) async fn unvote(
    operator: Operator<RequestsDecide>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Csrf<Submitted>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    visit.read_at(&format!("/requests/{}", short_id(id)));
    let result = crate::requests::unvote::unvote(&app, &operator, id).await;
    taken_back(&app, &visit, operator.caller(), id, result, visit.l.unvoted_now(short_id(id))).await
}

/// Back at the request, with what happened or why nothing did.
async fn taken_back(
    app: &App,
    visit: &Visit,
    caller: &Arc<Caller>,
    id: i64,
    result: Result<(), Error>,
    said: String,
) -> Result<Response, Error> {
    match result {
        Ok(()) => {
            visit.say("success", said).await?;
            Ok(Redirect::to(&format!("/requests/{}", short_id(id))).into_response())
        }
        Err(problem) => refused(app, visit, caller, id, problem, |_| Typed::default()).await,
    }
}

pub(super) async fn withdraw(
    operator: Operator<RequestsAsk>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Csrf<Submitted>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    visit.read_at(&format!("/requests/{}", short_id(id)));
    let result = crate::requests::withdraw::withdraw(&app, &operator, id).await;
    taken_back(&app, &visit, operator.caller(), id, result, visit.l.request_withdrawn_now(short_id(id))).await
}
