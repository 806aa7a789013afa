//! Saying something about a request.
use super::Body;
use crate::{
    app::App,
    auth::{Operator, RequestsAsk},
    error::Error,
    requests::{
        comments::{self, Remark},
        parse_id,
    },
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The body of `POST /api/requests/{id}/comments`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComment {
    /// 2 to 2,000 characters. It stays in the ledger.
    text: String,
    /// Whether the requester is asked to answer; for those who may decide.
    #[serde(default)]
    asks: bool,
}

pub async fn add(
    operator: Operator<RequestsAsk>,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(new): Body<NewComment>,
) -> Result<StatusCode, Error> {
    comments::add(&app, &operator, parse_id(&id)?, &Remark { text: new.text, asks: new.asks }).await?;
    Ok(StatusCode::NO_CONTENT)
}
