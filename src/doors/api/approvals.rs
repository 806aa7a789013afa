//! Approvals in their old shape, for clients that know no bindings.
use super::{Body, Query};
use crate::{
    app::App,
    auth::{Operator, RequestsDecide},
    error::Error,
    requests::{
        self,
        approvals::{self, Approval},
        parse_id,
        votes::{self, Ballot},
    },
};
use axum::{
    Json,
    extract::{Path, State},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

const PAGE: usize = 50;

#[derive(Deserialize)]
pub struct Listing {
    cursor: Option<i64>,
}

pub async fn pending(State(app): State<App>, Query(asked): Query<Listing>) -> Result<Json<Value>, Error> {
    let mut found = approvals::pending(&app, asked.cursor.unwrap_or(0), PAGE as i64 + 1).await?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more).map(|approval| approval.id.to_string());
    Ok(Json(json!({"items": found.iter().map(Approval::json).collect::<Vec<_>>(), "next": next})))
}

/// The body of `POST /api/approvals/{id}/reject`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// Why, in 10 characters or more. The requester reads it.
    #[serde(default)]
    reason: String,
}

pub async fn approve(operator: Operator<RequestsDecide>, State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    decide(&app, &operator, &id, true, String::new()).await
}

pub async fn reject(
    operator: Operator<RequestsDecide>,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(rejection): Body<Rejection>,
) -> Result<Json<Value>, Error> {
    decide(&app, &operator, &id, false, rejection.reason).await
}

/// The old shape quotes no binding, so the vote is on what the request is now and not on what its caller was shown.
async fn decide(app: &App, operator: &Operator<RequestsDecide>, id: &str, approves: bool, reason: String) -> Result<Json<Value>, Error> {
    let id = parse_id(id)?;
    let mut conn = app.db.read().await?;
    let binding = requests::find(&mut conn, id).await?.ok_or(Error::NotFound)?.binding_hex();
    drop(conn);
    votes::cast(app, operator, id, &Ballot { approves, binding, reason }).await?;
    Ok(Json(approvals::find(app, id).await?.json()))
}
