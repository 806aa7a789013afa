//! Add-ons, and what an invoice would say.
use super::{Body, Query};
use crate::{
    addons::{Filter, api, period},
    app::App,
    catalog::pricing::{Rounding, Usage, Vat},
    error::{Error, Problem},
    i18n::msg,
};
use axum::{
    Json,
    extract::{Path, State},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub struct Listing {
    q: Option<String>,
    standing: Option<String>,
    addon: Option<String>,
    tenant: Option<String>,
    cursor: Option<String>,
}

pub async fn list(State(app): State<App>, Query(asked): Query<Listing>) -> Result<Json<Value>, Error> {
    let some = |text: Option<String>| text.map(|text| text.replace('\0', "")).filter(|text| !text.trim().is_empty());
    let filter = Filter { q: some(asked.q), standing: some(asked.standing), addon: some(asked.addon), tenant: some(asked.tenant) };
    Ok(Json(api::requests(&app, &filter, asked.cursor.as_deref()).await?))
}

pub async fn of_tenant(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    Ok(Json(api::of_tenant(&app, &id).await?))
}

/// The body of `POST /api/tenants/{id}/invoice-preview`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvoicePreview {
    /// The month in which the period begins: `2026-11`; the running one, if it is left out.
    #[serde(default)]
    month: Option<String>,
    /// What is used of each metric, as you estimate it; only what is fixed is charged, if it is left out.
    #[serde(default)]
    usage: Usage,
    /// Add-ons as they would be.
    #[serde(default)]
    changes: Vec<AddonChange>,
    /// Codes of promotions, to see what they would come to.
    #[serde(default)]
    promotions: Vec<String>,
    /// `floor`, `half_up` or `ceil`: how VAT becomes whole won.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    vat_rounding: Option<Rounding>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AddonChange {
    /// Its code.
    addon: String,
    quantity: u32,
    /// The first day; the period's own, if it is left out.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    from: Option<NaiveDate>,
}

pub async fn preview(State(app): State<App>, Path(id): Path<String>, Body(new): Body<NewInvoicePreview>) -> Result<Json<Value>, Error> {
    let month = match new.month.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => {
            let wrong = || Error::Invalid(vec![Problem::new("month", msg::sheet_month_malformed())]);
            Some(period::month(text).ok_or_else(wrong)?)
        }
    };
    let mut vat = Vat::default();
    vat.rounding = new.vat_rounding.unwrap_or(vat.rounding);
    let changes = new.changes.into_iter().map(|change| (change.addon, change.quantity, change.from)).collect();
    let question = api::Question { month, usage: new.usage, changes, promotions: new.promotions, vat };
    Ok(Json(api::preview(&app, &id, question).await?))
}
