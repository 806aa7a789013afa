//! Settling unknown outcomes.
use super::Body;
use crate::{
    app::App,
    auth::{Operator, RequestsDecide},
    error::Error,
    requests::{
        State as Standing,
        findings::{self, Report},
        parse_id,
    },
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The body of `POST /api/requests/{id}/findings`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFinding {
    verdict: Verdict,
    /// What was looked at and where, in 10 to 2,000 characters.
    evidence: String,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Succeeded,
    Failed,
    Partial,
}

pub async fn report(
    operator: Operator<RequestsDecide>,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(new): Body<NewFinding>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let verdict = match new.verdict {
        Verdict::Succeeded => Standing::Succeeded,
        Verdict::Failed => Standing::Failed,
        Verdict::Partial => Standing::Partial,
    };
    findings::report(&app, &operator, id, &Report { verdict, evidence: new.evidence }).await?;
    super::requests::show(State(app), Path(id.to_string())).await
}

pub async fn read_back(operator: Operator<RequestsDecide>, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    findings::read_back(&app, &operator, id).await?;
    super::requests::show(State(app), Path(id.to_string())).await
}
