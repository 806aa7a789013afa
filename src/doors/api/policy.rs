//! The policy in force, and a draft of it on the past.
use super::Body;
use crate::{
    app::App,
    documents::{Fault, tidy},
    error::{Error, Problem},
    policy::{self, Version, simulator},
    requests::short_id,
};
use axum::{Json, extract::State};
use chrono::Utc;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// The body of `POST /api/policy/simulate`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDraft {
    /// The whole document, in TOML.
    document: String,
    /// How far to look back, 1 to 366; 90 by default.
    #[serde(default)]
    days: Option<u32>,
}

pub async fn show(State(app): State<App>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    let version: std::sync::Arc<Version> = policy::in_force(&app, &mut conn).await?;
    Ok(Json(policy::json::version(&version)))
}

/// Every fault at once, each with its line.
pub async fn simulate(State(app): State<App>, Body(draft): Body<NewDraft>) -> Result<Json<Value>, Error> {
    let problems = |faults: Vec<Fault>| faults.into_iter().map(|f| Problem::new("document", f.text)).collect();
    let policy = policy::check(&tidy(&draft.document)).map_err(|faults| Error::Invalid(problems(faults)))?;
    let days = draft.days.unwrap_or(simulator::DAYS).clamp(1, simulator::MOST_DAYS);
    let mut conn = app.db.read().await?;
    let report = simulator::replay(&mut conn, &policy, days, Utc::now()).await?;
    let lines: Vec<Value> = report
        .lines
        .iter()
        .map(|line| {
            let examples: Vec<_> = line.examples.iter().map(|id| short_id(*id)).collect();
            json!({"operation": line.operation, "rule": line.rule, "needs": line.needs, "sums": line.sums, "examples": examples})
        })
        .collect();
    Ok(Json(json!({"days": report.days, "capped": report.capped, "all": report.all, "lines": lines})))
}
