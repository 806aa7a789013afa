//! Payments, and asking their provider again.
use super::{
    Body, Query,
    endpoints::{CURSOR, Endpoint, LIST, get, post},
};
use crate::{
    app::App,
    auth::{Operator, PaymentsCheck},
    error::{Error, Problem},
    i18n::msg,
    payments::{self, Name, api, provider::Handle},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

const PAYMENTS: &[(&str, &str)] = &[
    ("q", "An order, what the provider calls it, or an id such as `PAY-12`, as a whole"),
    ("state", "heard, ready, pending, awaiting_deposit, paid, partly_cancelled, cancelled, failed, expired, unknown"),
    ("provider", "portone or toss"),
    ("trouble", "`yes`: those that people should look at; `no`: the others"),
    CURSOR,
];

/// The endpoints, for the document.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    get("/api/payments", "Payments, newest first", PAYMENTS, LIST),
    post(
        "/api/payments",
        "Have a provider asked about an order, also if it told nobody of it",
        Some("PaymentLookup"),
        &[],
        &[(202, "The payment's id; its provider is being asked"), (422, "No such provider, or no order number")],
    ),
    get("/api/payments/{id}", "One payment with every look and every event", &[], &[(200, "The payment"), (404, "No such payment")]),
    post(
        "/api/payments/{id}/check",
        "Have its provider asked now",
        None,
        &[],
        &[
            (200, "The payment after that"),
            (202, "The payment as it is known; the answer takes longer"),
            (404, "No such payment"),
            (409, "Not configured"),
        ],
    ),
    post(
        "/api/payments/{id}/acknowledge",
        "Say that its trouble is known: it is no longer among those that people should look at",
        Some("PaymentAcknowledgement"),
        &[],
        &[
            (200, "The payment"),
            (404, "No such payment"),
            (409, "Somebody said so before"),
            (412, "It has another trouble meanwhile, or none"),
            (422, "The reason is missing or too short"),
        ],
    ),
];

/// The body of `POST /api/payments/{id}/acknowledge`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentAcknowledgement {
    /// The `why` of the trouble that was seen.
    trouble: String,
    /// What is known of it, 10 to 2,000 characters.
    reason: String,
}

/// The body of `POST /api/payments`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentLookup {
    /// `portone` or `toss`.
    provider: String,
    /// What the shop calls it.
    order_id: String,
}

pub async fn list(State(app): State<App>, Query(asked): Query<api::Asked>) -> Result<Json<Value>, Error> {
    Ok(Json(api::list(&app, &asked).await?))
}

pub async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    Ok(Json(api::show(&app, &id).await?))
}

/// Answers the payment as soon as its provider is going to be asked.
pub async fn look_up(
    operator: Operator<PaymentsCheck>,
    State(app): State<App>,
    Body(wanted): Body<PaymentLookup>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let provider = Name::named(&wanted.provider).filter(|name| app.payments.get(*name).is_some());
    let order = wanted.order_id.trim();
    let mut problems = Vec::new();
    if provider.is_none() {
        problems.push(Problem::new("provider", msg::payment_provider_missing()));
    }
    if order.is_empty() {
        problems.push(Problem::new("order_id", msg::payment_order_missing()));
    } else if !Handle::is_sound(order) {
        problems.push(Problem::new("order_id", msg::payment_order_malformed()));
    }
    let Some(provider) = provider.filter(|_| problems.is_empty()) else { return Err(Error::Invalid(problems)) };
    let id = payments::check_order(&app, &operator, provider, order).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"id": payments::short_id(id)}))))
}

/// The payment as it is after its provider was asked, or as it is known if that takes longer than three seconds.
pub async fn check(
    operator: Operator<PaymentsCheck>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let number = payments::number(&id).ok_or(Error::NotFound)?;
    let since = payments::check(&app, &operator, number).await?;
    let status = if payments::answered(&app, number, since).await? { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(api::show(&app, &id).await?)))
}

pub async fn acknowledge(
    operator: Operator<PaymentsCheck>,
    State(app): State<App>,
    Path(id): Path<String>,
    Body(said): Body<PaymentAcknowledgement>,
) -> Result<Json<Value>, Error> {
    let number = payments::number(&id).ok_or(Error::NotFound)?;
    payments::acknowledge::acknowledge(&app, &operator, number, &said.trouble, &said.reason).await?;
    Ok(Json(api::show(&app, &id).await?))
}
