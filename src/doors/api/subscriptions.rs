//! Who is subscribed to what, and what a change would cost. Changes are asked for like everything else, at `/api/requests`.
use super::{Body, Language, Query};
use crate::{
    app::App,
    auth::{Operator, SubscriptionsChange},
    error::Error,
    requests::parse_id,
    subscriptions::{Wish, api, migration},
};
use axum::{
    Json,
    extract::{Path, State},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub async fn list(State(app): State<App>, Query(asked): Query<api::Asked>) -> Result<Json<Value>, Error> {
    Ok(Json(api::list(&app, &asked).await?))
}

pub async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    Ok(Json(api::of(&app, &id).await?))
}

pub async fn migration(
    State(app): State<App>,
    Language(l): Language,
    Path(request): Path<String>,
    Query(asked): Query<migration::api::Asked>,
) -> Result<Json<Value>, Error> {
    Ok(Json(migration::api::of(&app, l, &request, &asked).await?))
}

/// The body of `POST /api/subscriptions/migrations/{request}/stop`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrationStop {
    /// Why those who wait are not moved, 10 to 2,000 characters.
    reason: String,
}

/// The migration as it is from then on.
pub async fn stop(
    operator: Operator<SubscriptionsChange>,
    State(app): State<App>,
    Language(l): Language,
    Path(request): Path<String>,
    Body(said): Body<MigrationStop>,
) -> Result<Json<Value>, Error> {
    migration::stop::stop(&app, &operator, parse_id(&request)?, &said.reason).await?;
    Ok(Json(migration::api::of(&app, l, &request, &migration::api::Asked::default()).await?))
}

/// The body of `POST /api/subscriptions/preview`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscriptionPreview {
    tenant_id: String,
    /// The code of the plan it shall be; left out, the subscription ends.
    #[serde(default)]
    plan: Option<String>,
    /// The first day of it, in Korea: `2026-10-18`.
    #[schemars(with = "String", extend("format" = "date"))]
    from: NaiveDate,
}

pub async fn preview(State(app): State<App>, Language(l): Language, Body(new): Body<NewSubscriptionPreview>) -> Result<Json<Value>, Error> {
    let wish = Wish { tenant: &new.tenant_id, plan: new.plan.as_deref(), from: new.from };
    Ok(Json(api::preview(&app, l, &wish).await?))
}
