//! What the caller was told, and what they watch.
use super::{Body, Query};
use crate::{
    app::App,
    auth::{Operator, RequestsRead},
    error::Error,
    notices::{self, Told},
    page::list::{PAGE, told},
    requests::{parse_id, short_id, watching},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
pub struct Listing {
    #[serde(default)]
    unread: bool,
    cursor: Option<i64>,
}

pub async fn list(operator: Operator<RequestsRead>, State(app): State<App>, Query(asked): Query<Listing>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    let rows = notices::newest(&mut conn, operator.id(), asked.unread, asked.cursor, PAGE as i64 + 1).await?;
    let shown = |t: &Told| {
        json!({
            "id": t.id, "kind": t.kind, "request": t.request.map(short_id), "topic": t.topic, "key": t.key(operator.id()), "actor": t.actor, "at": t.at,
            "read_at": t.read_at,
        })
    };
    Ok(Json(told(rows, shown, |t| t.id.to_string())))
}

/// The body of `POST /api/notices/read`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadNotices {
    /// The newest that was read; it and all before it are marked.
    up_to: i64,
}

pub async fn read(operator: Operator<RequestsRead>, State(app): State<App>, Body(read): Body<ReadNotices>) -> Result<StatusCode, Error> {
    app.db.read_notices(operator.id(), None, Some(read.up_to)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The body of `POST /api/requests/{id}/watch`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watching {
    watching: bool,
}

pub async fn watch(
    operator: Operator<RequestsRead>,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(new): Body<Watching>,
) -> Result<StatusCode, Error> {
    watching::watch(&app, &operator, parse_id(&id)?, new.watching).await?;
    Ok(StatusCode::NO_CONTENT)
}
