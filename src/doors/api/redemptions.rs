//! Redeeming promotions, and who has.
use super::{
    Body, Key, Query,
    endpoints::{CURSOR, Endpoint, get, post},
};
use crate::{
    app::App,
    auth::{Operator, PromotionsRedeem},
    catalog::promotions::{self, spelt},
    error::Error,
    page::list::{Cursor, Order, PAGE, Slice, told},
    redemptions::{self, Filter, json as shown},
    tenants,
};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The body of `POST /api/promotions/{code}/redemptions`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRedemption {
    /// Its id, or its slug.
    tenant: String,
}

pub async fn redeem(
    operator: Operator<PromotionsRedeem>,
    State(app): State<App>,
    Path(code): Path<String>,
    Key(key): Key,
    Body(new): Body<NewRedemption>,
) -> Result<Response, Error> {
    let done = redemptions::redeem(&app, &operator, &code, &new.tenant, &key).await?;
    let mut response = (StatusCode::CREATED, Json(shown::whole(&done.redemption))).into_response();
    if done.replayed {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

#[derive(Deserialize)]
pub struct Listing {
    cursor: Option<String>,
}

pub async fn list(State(app): State<App>, Path(code): Path<String>, Query(asked): Query<Listing>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    let offer = promotions::find(&mut conn, &spelt(&code)).await?.ok_or(Error::NotFound)?;
    drop(conn);
    page(&app, Filter { code: Some(offer.code), ..Filter::default() }, asked.cursor).await
}

pub async fn of_tenant(State(app): State<App>, Path(id): Path<String>, Query(asked): Query<Listing>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    let tenant = tenants::tenant(&mut conn, &id).await?.ok_or(Error::NotFound)?;
    drop(conn);
    page(&app, Filter { tenant: Some(tenant.id), ..Filter::default() }, asked.cursor).await
}

async fn page(app: &App, filter: Filter, cursor: Option<String>) -> Result<Json<Value>, Error> {
    let cursor = match cursor.filter(|c| !c.is_empty()) {
        Some(id) if id.parse::<i64>().is_err() => return Err(Error::Malformed("cursor is not one of ours".into())),
        id => id.map(|id| Cursor { value: String::new(), id, back: false }),
    };
    let slice = Slice { order: Order { key: "id", down: true }, cursor: cursor.as_ref(), limit: PAGE as i64 + 1 };
    let mut conn = app.db.read().await?;
    let rows = redemptions::list(&mut conn, &filter, slice).await?;
    Ok(Json(told(rows, shown::whole, |r| r.id.to_string())))
}

const LIST: &[(u16, &str)] = &[(200, "`{items, next}`: pass `next` as `cursor` for more"), (404, "No such promotion or tenant")];

pub const ENDPOINTS: &[Endpoint] = &[
    get("/api/promotions/{code}/redemptions", "Who redeemed a promotion, newest first", &[CURSOR], LIST),
    post(
        "/api/promotions/{code}/redemptions",
        "Redeem a promotion for a tenant, which keeps its terms from then on",
        Some("NewRedemption"),
        &[("Idempotency-Key", "A key of your own, quoted or not. The same key gives the same redemption")],
        &[
            (201, "The redemption with the terms that were copied"),
            (404, "No such promotion"),
            (409, "`already_redeemed`: by this tenant; `exhausted`: by as many as may; or it is not for its plan, or not on this day"),
            (422, "There is no such tenant, it is closed, or the key was used for something else"),
        ],
    ),
    get("/api/tenants/{id}/promotions", "The promotions that a tenant redeemed, with the terms it keeps", &[CURSOR], LIST),
];
