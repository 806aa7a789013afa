//! Approvals in their old shape, for clients that know no bindings.
use super::{Body, Key, Query};
use crate::{
    app::App,
    auth::{Operator, RequestsAsk, RequestsDecide},
    error::Error,
    i18n::Lang,
    operations::TOOL_CALL,
    page::list::{PAGE, told},
    requests::{
        self, State as Standing,
        approvals::{self, Approval},
        parse_id,
        submit::{self, Ask},
        votes::{self, Ballot},
        wait,
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

#[derive(Deserialize)]
pub struct Listing {
    cursor: Option<i64>,
}

pub async fn pending(State(app): State<App>, Query(asked): Query<Listing>) -> Result<Json<Value>, Error> {
    let found = approvals::pending(&app, asked.cursor.unwrap_or(0), PAGE as i64 + 1).await?;
    Ok(Json(told(found, Approval::json, |approval| approval.id.to_string())))
}

/// The body of `POST /api/approvals`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCall {
    /// The server that has the tool.
    #[serde(default = "any_server")]
    server: String,
    tool: String,
    /// The role in which it is called.
    role: String,
    /// What the tool is given.
    arguments: Map<String, Value>,
    /// Why, in 10 to 2,000 characters. Approvers and auditors read it.
    #[serde(default)]
    reason: Option<String>,
}

fn any_server() -> String {
    "mcp".into()
}

/// Asks to call a tool: 200 when it may run, 201 while it waits; asked again with its key, 403 or 408 when it may not.
pub async fn create(
    operator: Operator<RequestsAsk>,
    State(app): State<App>,
    Key(key): Key,
    Body(new): Body<NewCall>,
) -> Result<Response, Error> {
    // in one language for all, since the same call must be the same when it is sent again
    let without = || Lang::default().tool_called_without_reason(&new.tool);
    let reason = new.reason.filter(|r| !r.trim().is_empty()).unwrap_or_else(without);
    let fields = json!({"server": new.server, "tool": new.tool, "role": new.role, "arguments": new.arguments});
    let Value::Object(fields) = fields else { return Err(anyhow::anyhow!("fields are an object").into()) };
    let ask = Ask {
        operation: TOOL_CALL.into(),
        fields,
        reason,
        not_before: None,
        again_from: None,
        break_glass: None,
        idempotency_key: Some(key),
    };
    let submitted = submit::submit(&app, &operator, ask).await?;
    let mut approval = approvals::find(&app, submitted.id).await?;
    if matches!(approval.state, Standing::Approved | Standing::Executing) {
        // nobody is asked: it runs as soon as it is its turn
        wait::until_closed(&app, submitted.id, Duration::from_secs(5)).await?;
        approval = approvals::find(&app, submitted.id).await?;
    }
    let status = match approval.state {
        Standing::Succeeded => StatusCode::OK,
        state if state.is_open() => StatusCode::CREATED,
        Standing::Expired => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::FORBIDDEN,
    };
    let id = requests::short_id(submitted.id);
    let url = |path: String| app.public_url.join(&path).map_or(path, |url| url.to_string());
    let mut body = approval.json();
    body["links"] = json!({"wait": url(format!("/api/requests/{id}/wait")), "self": url(format!("/api/requests/{id}")), "html": url(format!("/requests/{id}"))});
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&format!("/api/requests/{id}")).map_err(anyhow::Error::from)?);
    if submitted.replayed {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
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
