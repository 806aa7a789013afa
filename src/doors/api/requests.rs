//! Asking, looking, deciding, withdrawing and waiting.
use super::{Body, Key, Query};
use crate::{
    app::App,
    auth::{Operator, RequestsAsk, RequestsDecide},
    error::Error,
    page::list::{Cursor, PAGE, Slice, told},
    requests::{
        self, State as Standing,
        inbox::{self, Broken, Filter},
        json as shape, parse_id,
        review::{self, Verdict},
        submit::{self, Ask},
        votes::{self, Ballot, Cast},
        wait::{self, Seen},
    },
};
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

/// The body of `POST /api/requests`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// The name of the operation.
    operation: String,
    /// Its fields, as its schema says.
    fields: Map<String, Value>,
    /// Why, in 10 to 2,000 characters. Approvers and auditors read it.
    reason: String,
    /// Not to run before this time.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    not_before: Option<DateTime<Utc>>,
    /// In an emergency: run at once, without the approvals that the policy asks for, and be reviewed afterwards. Needs
    /// `requests:break-glass`, a policy that allows it, and `emergency`.
    #[serde(default)]
    break_glass: bool,
    /// With `break_glass`: why it cannot wait, in 20 to 2,000 characters.
    #[serde(default)]
    emergency: Option<String>,
}

/// The body of `POST /api/requests/{id}/review`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReview {
    verdict: NewVerdict,
    /// What was looked at and what follows from it, in 10 to 2,000 characters.
    note: String,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum NewVerdict {
    Justified,
    NotJustified,
}

/// The body of `POST /api/requests/{id}/votes`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVote {
    decision: Decision,
    /// The request's `binding` as the voter saw it.
    binding: String,
    /// Needed to reject, 10 characters or more.
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Decision {
    Approve,
    Reject,
}

pub async fn create(
    operator: Operator<RequestsAsk>,
    State(app): State<App>,
    Key(key): Key,
    Body(new): Body<NewRequest>,
) -> Result<Response, Error> {
    if new.emergency.is_some() && !new.break_glass {
        return Err(Error::Malformed("emergency is only for break_glass".into()));
    }
    let ask = Ask {
        operation: new.operation,
        fields: new.fields,
        reason: new.reason,
        not_before: new.not_before,
        break_glass: new.break_glass.then(|| new.emergency.unwrap_or_default()),
        again_from: None,
        idempotency_key: Some(key),
    };
    let submitted = submit::submit(&app, &operator, ask).await?;
    let mut seen = find(&app, submitted.id).await?;
    let request = &seen.request;
    if request.state == Standing::Approved && !request.is_decided_by_people() && request.not_before.is_none() {
        // nobody is waited for: answer with the result
        seen = wait::until_closed(&app, submitted.id, Duration::from_secs(5)).await?;
    }
    let mut response = answer(&app, StatusCode::CREATED, &seen);
    let location = format!("/api/requests/{}", seen.request.short_id());
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&location).map_err(anyhow::Error::from)?);
    if submitted.replayed {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

#[derive(Deserialize)]
pub struct Listing {
    state: Option<String>,
    operation: Option<String>,
    q: Option<String>,
    break_glass: Option<String>,
    cursor: Option<i64>,
}

pub async fn list(State(app): State<App>, Query(asked): Query<Listing>) -> Result<Json<Value>, Error> {
    let states = match asked.state.as_deref().filter(|s| !s.is_empty()) {
        None => None,
        Some(names) => Some(
            names
                .split(',')
                .map(|name| {
                    Standing::named(name).map(Standing::name).ok_or_else(|| Error::Malformed(format!("state {name:?} does not exist")))
                })
                .collect::<Result<_, _>>()?,
        ),
    };
    let text = |t: Option<String>| t.filter(|t| !t.trim().is_empty());
    let glass = match asked.break_glass.as_deref().filter(|which| !which.is_empty()) {
        None => None,
        Some(which) => Some(Broken::named(which).ok_or_else(|| Error::Malformed("break_glass must be all, due or reviewed".into()))?),
    };
    let filter = Filter { states, glass, operation: text(asked.operation), q: text(asked.q), ..Filter::default() };
    let mut conn = app.db.read().await?;
    let cursor = asked.cursor.map(|id| Cursor { value: String::new(), id: id.to_string(), back: false });
    let slice = Slice { cursor: cursor.as_ref(), ..Slice::newest(PAGE as i64 + 1) };
    let rows = inbox::list(&mut conn, &filter, slice).await?;
    Ok(Json(told(rows, |r| shape::listed(&app, r), |r| r.id.to_string())))
}

pub async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let seen = find(&app, parse_id(&id)?).await?;
    Ok(answer(&app, StatusCode::OK, &seen))
}

#[derive(Deserialize)]
pub struct Patience {
    timeout: Option<u64>,
}

/// Held open until the request is closed: 200 terminal, 403 rejected, 408 expired, 202 when the time is over first.
pub async fn wait(State(app): State<App>, Path(id): Path<String>, Query(patience): Query<Patience>) -> Result<Response, Error> {
    let seen = wait::until_closed(&app, parse_id(&id)?, Duration::from_secs(patience.timeout.unwrap_or(30))).await?;
    let status = match seen.request.state {
        Standing::Denied => StatusCode::FORBIDDEN,
        Standing::Expired => StatusCode::REQUEST_TIMEOUT,
        state if state.is_open() && state != Standing::Unknown => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    let mut response = answer(&app, status, &seen);
    if status == StatusCode::ACCEPTED && app.waiters.is_stopping() {
        // come back, but not here
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(2));
    }
    Ok(response)
}

pub async fn vote(
    operator: Operator<RequestsDecide>,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(new): Body<NewVote>,
) -> Result<Json<Value>, Error> {
    let id = parse_id(&id)?;
    let ballot = Ballot { approves: new.decision == Decision::Approve, binding: new.binding, reason: new.reason.unwrap_or_default() };
    let (mut body, vote) = match votes::cast(&app, &operator, id, &ballot).await? {
        // as the vote left it; before it is approved nothing is attempted
        Cast::Counted(counted) => (shape::whole(&app, &counted.request, &counted.votes, &[], None), "counted"),
        Cast::CountedBefore => (find(&app, id).await?.json(&app).clone(), "already_counted"),
        Cast::NotNeeded => (find(&app, id).await?.json(&app).clone(), "already_decided"),
    };
    body["vote"] = json!(vote);
    Ok(Json(body))
}

pub async fn unvote(operator: Operator<RequestsDecide>, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    requests::unvote::unvote(&app, &operator, id).await?;
    let seen = find(&app, id).await?;
    Ok(answer(&app, StatusCode::OK, &seen))
}

pub async fn withdraw(operator: Operator<RequestsAsk>, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    requests::withdraw::withdraw(&app, &operator, id).await?;
    let seen = find(&app, id).await?;
    Ok(answer(&app, StatusCode::OK, &seen))
}

pub async fn review(
    operator: Operator<RequestsDecide>,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(new): Body<NewReview>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let verdict = match new.verdict {
        NewVerdict::Justified => Verdict::Justified,
        NewVerdict::NotJustified => Verdict::NotJustified,
    };
    review::record(&app, &operator, id, verdict, &new.note).await?;
    let seen = find(&app, id).await?;
    Ok(answer(&app, StatusCode::OK, &seen))
}

async fn find(app: &App, id: i64) -> Result<Arc<Seen>, Error> {
    Seen::read(app, id).await?.map(Arc::new).ok_or(Error::NotFound)
}

fn answer(app: &App, status: StatusCode, seen: &Seen) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], Bytes::from_owner(seen.text(app))).into_response()
}
