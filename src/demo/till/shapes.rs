//! Payments and events as both providers show them.
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How it answers when it is asked.
pub(super) const MODES: [&str; 19] = [
    "ok",
    "slow",
    "hang",
    "fail",
    "reset",
    "cut",
    "garbage",
    "refuse",
    "forget",
    "throttle",
    "redirect",
    "wrong-id",
    "wrong-currency",
    "new-shape",
    "new-state",
    "stale",
    "test",
    "no-channel",
    "not-here",
];

/// Their words for the states that ours stand for.
pub(super) const STATES: [(&str, &str, &str); 8] = [
    ("ready", "READY", "READY"),
    ("pending", "PAY_PENDING", "IN_PROGRESS"),
    ("awaiting_deposit", "VIRTUAL_ACCOUNT_ISSUED", "WAITING_FOR_DEPOSIT"),
    ("paid", "PAID", "DONE"),
    ("partly_cancelled", "PARTIAL_CANCELLED", "PARTIAL_CANCELED"),
    ("cancelled", "CANCELLED", "CANCELED"),
    ("failed", "FAILED", "ABORTED"),
    ("expired", "FAILED", "EXPIRED"),
];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Payment {
    pub provider: String,
    pub order: String,
    /// What Toss calls it; PortOne calls it by its order.
    pub key: String,
    pub state: String,
    pub amount: i64,
    pub cancelled: i64,
    pub payer: String,
    pub at: DateTime<Utc>,
    pub paid_at: Option<DateTime<Utc>>,
    /// What an event of a deposit must bear.
    pub secret: String,
    /// Whether everybody knows of it as it is.
    #[serde(default)]
    pub told: bool,
}

/// An event of the payment as it is now, of a deposit if it shall be; one that lies claims ten times the amount.
pub(super) fn event(payment: &Payment, lies: bool, deposit: bool) -> Value {
    let mut claimed = payment.clone();
    if lies {
        claimed.amount *= 10;
    }
    let local = Utc::now().with_timezone(&chrono_tz::Asia::Seoul).format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
    if payment.provider == "toss" && deposit {
        let (order, status) = (&payment.order, word(payment, 2));
        return json!({"createdAt": local, "secret": payment.secret, "orderId": order, "status": status, "transactionKey": "9FF15E1A29D0E77C"});
    }
    if payment.provider == "toss" {
        return json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": local, "data": toss_payment(&claimed)});
    }
    let kind = match payment.state.as_str() {
        "awaiting_deposit" => "VirtualAccountIssued",
        "paid" => "Paid",
        "partly_cancelled" => "PartialCancelled",
        "cancelled" => "Cancelled",
        "pending" => "PayPending",
        "ready" => "Ready",
        _ => "Failed",
    };
    let mut body = json!({"type": format!("Transaction.{kind}"), "timestamp": payment.at, "data": {"paymentId": payment.order, "storeId": "store-demo", "transactionId": payment.key}});
    if lies {
        // no event of theirs has an amount; this one was made up
        body["data"]["amount"] = json!({"total": claimed.amount});
    }
    body
}

pub(super) fn sign(secret: &str, id: &str, timestamp: &str, body: &str) -> String {
    let key = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap_or_default();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("any length does");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

/// What a provider calls the state of a payment.
fn word(payment: &Payment, provider: usize) -> &'static str {
    let known = STATES.iter().find(|(ours, ..)| *ours == payment.state).copied().unwrap_or(STATES[0]);
    if provider == 1 { known.1 } else { known.2 }
}

pub(super) fn portone_payment(p: &Payment) -> Value {
    json!({
        "status": word(p, 1), "id": p.order, "transactionId": p.key, "merchantId": "merchant-demo", "storeId": "store-demo", "version": "V2",
        "channel": {"type": "LIVE", "pgProvider": "TOSSPAYMENTS", "pgMerchantId": "demo"}, "orderName": "Subscription", "currency": "KRW",
        "amount": {"total": p.amount, "taxFree": 0, "vat": p.amount / 11, "supply": p.amount - p.amount / 11, "discount": 0,
            "paid": if p.paid_at.is_some() { p.amount } else { 0 }, "cancelled": p.cancelled, "cancelledTaxFree": 0},
        "method": {"type": "PaymentMethodVirtualAccount", "accountNumber": "X37901090576", "remitterName": p.payer},
        "customer": {"name": p.payer}, "requestedAt": p.at, "updatedAt": p.at, "statusChangedAt": p.at, "paidAt": p.paid_at,
    })
}

pub(super) fn toss_payment(p: &Payment) -> Value {
    let seoul = |at: DateTime<Utc>| at.with_timezone(&chrono_tz::Asia::Seoul).format("%Y-%m-%dT%H:%M:%S%:z").to_string();
    json!({
        "mId": "tdemo", "version": "2022-11-16", "paymentKey": p.key, "orderId": p.order, "orderName": "Subscription", "type": "NORMAL",
        "currency": "KRW", "method": "가상계좌", "status": word(p, 2), "requestedAt": seoul(p.at), "approvedAt": p.paid_at.map(seoul),
        "virtualAccount": {"accountNumber": "X37901090576", "customerName": p.payer, "depositorName": p.payer, "expired": false},
        "secret": p.secret, "totalAmount": p.amount, "balanceAmount": p.amount - p.cancelled, "country": "KR", "isPartialCancelable": true,
    })
}
