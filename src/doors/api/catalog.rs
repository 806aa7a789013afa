//! Plans and add-ons, their drafts, and what a period would cost.
use super::{
    Body, Query,
    endpoints::{CURSOR, Endpoint, get, post},
};
use crate::{
    app::App,
    auth::{CatalogChange, Operator},
    catalog::{
        Currency, Kind,
        api::{self, Asked},
        drafts::{self, Draft},
        estimate::Question,
        pricing::{Rounding, Usage},
    },
    error::Error,
    redemptions,
};
use axum::{
    Json,
    extract::{Path, State},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Which kind of product a path is about.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shelf {
    Plans,
    Addons,
}

impl From<Shelf> for Kind {
    fn from(shelf: Shelf) -> Self {
        match shelf {
            Shelf::Plans => Kind::Plan,
            Shelf::Addons => Kind::Addon,
        }
    }
}

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    q: String,
    cursor: Option<String>,
    on: Option<NaiveDate>,
}

pub async fn list(State(app): State<App>, Path(shelf): Path<Shelf>, Query(wanted): Query<Wanted>) -> Result<Json<Value>, Error> {
    Ok(Json(api::list(&app, shelf.into(), &wanted.q, wanted.cursor.as_deref()).await?))
}

pub async fn show(
    State(app): State<App>,
    Path((shelf, code)): Path<(Shelf, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Error> {
    Ok(Json(api::show(&app, shelf.into(), &code, wanted.on).await?))
}

pub async fn version(State(app): State<App>, Path((shelf, code, number)): Path<(Shelf, String, i32)>) -> Result<Json<Value>, Error> {
    Ok(Json(api::whole(&app, shelf.into(), &code, number).await?))
}

/// The body of `POST /api/catalog/{shelf}/{code}/versions/{version}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrices {
    #[serde(default)]
    name: String,
    /// KRW, if it is left out.
    #[serde(default)]
    currency: Currency,
    /// The price list, in TOML; kept even if something is wrong with it.
    prices: String,
    /// The first day, if it is known: `2026-12-01`.
    #[serde(default)]
    starts: String,
    #[serde(default)]
    ends: String,
    /// How often the draft had been saved when it was read; 0 for the first time.
    #[serde(default)]
    revision: i32,
}

/// Saves the draft of a version that is not published. One that is never changes.
pub async fn draft(
    operator: Operator<CatalogChange>,
    State(app): State<App>,
    Path((shelf, code, version)): Path<(Shelf, String, i32)>,
    Body(new): Body<NewPrices>,
) -> Result<Json<Value>, Error> {
    let draft = Draft {
        version,
        name: new.name,
        currency: new.currency.code().into(),
        starts: new.starts,
        ends: new.ends,
        document: new.prices,
        revision: new.revision,
        ..Draft::default()
    };
    let revision = drafts::save(&app, &operator, shelf.into(), &code, &draft).await?;
    Ok(Json(json!({"version": version, "revision": revision})))
}

/// The body of `POST /api/catalog/preview`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEstimate {
    /// The code of a plan; or `prices` instead.
    #[serde(default)]
    plan: Option<String>,
    /// Which of its versions; the one in force, if it is left out.
    #[serde(default)]
    version: Option<i32>,
    /// A price list in TOML, to try it out.
    #[serde(default)]
    prices: Option<String>,
    /// KRW, if it is left out.
    #[serde(default)]
    #[schemars(with = "Option<Currency>")]
    currency: Option<Currency>,
    /// The day whose prices hold; today, if it is left out.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    on: Option<NaiveDate>,
    /// What was used of each metric.
    #[serde(default)]
    usage: Usage,
    /// How many of each add-on, by code.
    #[serde(default)]
    addons: BTreeMap<String, u32>,
    /// Codes of promotions.
    #[serde(default)]
    promotions: Vec<String>,
    /// A tenant's id: the promotions it redeemed are taken off too, on the terms it redeemed them on.
    #[serde(default)]
    tenant: Option<String>,
    /// So many days of the period are charged.
    #[serde(default)]
    days: Option<u32>,
    /// So many days the period has.
    #[serde(default)]
    of: Option<u32>,
    /// `floor`, `half_up` or `ceil`: how VAT becomes whole won.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    vat_rounding: Option<Rounding>,
}

pub async fn preview(State(app): State<App>, Body(new): Body<NewEstimate>) -> Result<Json<Value>, Error> {
    let (plan, currency) = (new.plan.clone(), new.currency.unwrap_or_default());
    let asked = match (new.plan, new.prices) {
        (Some(plan), None) if new.version.is_none() || new.currency.is_none() => {
            Asked::Published { plan, version: new.version, currency, on: new.on }
        }
        (None, Some(document)) if new.version.is_none() => Asked::Written { document, currency, on: new.on },
        _ => return Err(Error::Malformed("send plan, with version or currency, or prices, with currency".into())),
    };
    let mut question = Question { usage: new.usage, addons: new.addons, promotions: new.promotions, plan, ..Question::default() };
    if let Some(tenant) = &new.tenant {
        question.redeemed = redemptions::of(&mut *app.db.read().await?, tenant).await?;
    }
    question.days = match (new.days, new.of) {
        (None, None) => None,
        (Some(days), Some(of)) => Some((days, of)),
        _ => return Err(Error::Malformed("send days and of together".into())),
    };
    question.vat.rounding = new.vat_rounding.unwrap_or(question.vat.rounding);
    Ok(Json(api::preview(&app, asked, &question).await?))
}

pub const ENDPOINTS: &[Endpoint] = &[
    get(
        "/api/catalog/{shelf}",
        "What is sold: `plans` or `addons`",
        &[("q", "Part of a name or code"), CURSOR],
        &[(200, "`{items, next}`: pass `next` as `cursor` for more"), (404, "No such shelf")],
    ),
    get(
        "/api/catalog/{shelf}/{code}",
        "One plan or add-on with its versions",
        &[("on", "The day to look at, in Korea: `2026-07-01`; today by default")],
        &[(200, "The product, what is in force on that day, and all versions"), (404, "No such product")],
    ),
    get(
        "/api/catalog/{shelf}/{code}/versions/{version}",
        "One version with its price list",
        &[],
        &[(200, "The version"), (404, "No such version")],
    ),
    post(
        "/api/catalog/{shelf}/{code}/versions/{version}",
        "Save the draft of the next version; `catalog.publish` asks that it is sold",
        Some("NewPrices"),
        &[],
        &[
            (200, "Saved: send `revision` the next time"),
            (404, "Neither the next version nor one that was published"),
            (409, "This version is published and never changes, or somebody else saved the draft meanwhile"),
            (422, "Too long, or not a code"),
        ],
    ),
    post(
        "/api/catalog/preview",
        "What a period would cost, with the steps that lead to each number",
        Some("NewEstimate"),
        &[],
        &[(200, "The invoice"), (404, "No such plan or version"), (422, "The price list or the usage is not valid")],
    ),
];
