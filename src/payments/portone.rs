//! PortOne V2. Events are signed by Standard Webhooks and say `{"type", "timestamp", "data": {"paymentId", …}}` (version 2024-04-25; the
//! version before it has `payment_id` and `status`). `paymentId` is given by the shop and is its order number. A payment is
//! read with `GET /payments/{paymentId}` under `Authorization: PortOne <API secret>`; the API adds states, types and fields as it likes.
use super::{
    Name, State, http,
    provider::{Claims, Deaf, Delivery, Failure, Handle, Heard, METHOD, NAME, Outcome, Provider, Seen, WORD, id, is_unsound, kept, text},
    settle,
    signature::{self, Secrets},
};
use crate::personal::PersonName;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Settings {
    /// `COUNTERSIGN_PORTONE_API_URL`. Default `https://api.portone.io`.
    pub url: Url,
    /// `COUNTERSIGN_PORTONE_API_SECRET`: what the console calls the V2 API secret.
    pub secret: SecretString,
    /// `COUNTERSIGN_PORTONE_WEBHOOK_SECRET`: what signs the events; several while they are rotated, with blanks between.
    pub webhook: Secrets,
    /// `COUNTERSIGN_TEST_PAYMENTS`.
    pub tests_count: bool,
}

pub struct PortOne {
    settings: Settings,
    http: Client,
}

impl PortOne {
    pub fn new(settings: Settings) -> anyhow::Result<Self> {
        Ok(Self { settings, http: http::client()? })
    }
}

/// What we need of a payment. Whatever else there is, now or later, is not read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    id: String,
    status: String,
    amount: Option<Amount>,
    #[serde(default)]
    currency: String,
    updated_at: Option<DateTime<Utc>>,
    paid_at: Option<DateTime<Utc>>,
    #[serde(default)]
    channel: Value,
    #[serde(default)]
    customer: Value,
    #[serde(default)]
    method: Value,
}

#[derive(Deserialize)]
struct Amount {
    total: i64,
    #[serde(default)]
    cancelled: i64,
}

#[async_trait]
impl Provider for PortOne {
    fn name(&self) -> Name {
        Name::PortOne
    }

    fn hear(&self, delivery: &Delivery<'_>, now: DateTime<Utc>) -> Result<Heard, Deaf> {
        let signed = signature::verify(&self.settings.webhook, delivery.headers, delivery.body, now).map_err(Deaf::Unsigned)?;
        let body: Value = serde_json::from_slice(delivery.body).map_err(|error| Deaf::Malformed(error.to_string()))?;
        let payment = id(&body, "/data/paymentId").or_else(|| id(&body, "/payment_id"));
        let kind = text(&body, "/type", WORD).or_else(|| text(&body, "/status", WORD));
        Ok(Heard {
            id: signed.id,
            claims: Claims {
                // no event of theirs has these; one that has them claims something
                state: text(&body, "/data/status", WORD).or_else(|| text(&body, "/status", WORD)),
                means: kind.as_deref().and_then(claimed),
                amount: body.pointer("/data/amount/total").or_else(|| body.pointer("/data/amount")).and_then(Value::as_i64),
            },
            kind: kind.unwrap_or_default(),
            order_id: payment.clone(),
            about: payment.map(Handle::Payment),
            sent_at: Some(signed.sent_at),
            secret: None,
            unsound: is_unsound(&body, &["/data/paymentId", "/payment_id"]),
        })
    }

    async fn look(&self, at: &Handle) -> Result<Seen, Failure> {
        // the shop's number is theirs, too
        let (Handle::Payment(id) | Handle::Order(id)) = at;
        let request = self.http.get(http::below(&self.settings.url, &["payments", id]));
        let secret = format!("PortOne {}", self.settings.secret.expose_secret());
        read(http::ask(request.header("authorization", secret), &["PAYMENT_NOT_FOUND"]).await?)
    }

    fn counts_tests(&self) -> bool {
        self.settings.tests_count
    }
}

/// What the kind of an event says of its payment: `Transaction.Paid`, and in the version before it `Paid`.
fn claimed(kind: &str) -> Option<State> {
    Some(match kind.strip_prefix("Transaction.").unwrap_or(kind) {
        "Ready" => State::Ready,
        "PayPending" => State::Pending,
        "VirtualAccountIssued" => State::AwaitingDeposit,
        "Paid" => State::Paid,
        "PartialCancelled" => State::PartlyCancelled,
        "Cancelled" => State::Cancelled,
        "Failed" => State::Failed,
        _ => return None,
    })
}

fn read(value: Value) -> Result<Seen, Failure> {
    let wrong = |detail: String| Failure { status: Some(200), ..Failure::new(Outcome::Unreadable, detail) };
    let answer = Answer::deserialize(&value).map_err(|error| wrong(format!("the payment has another shape: {error}")))?;
    let amount = answer.amount.ok_or_else(|| wrong("the payment has no amount".into()))?;
    let state = match answer.status.as_str() {
        "READY" => State::Ready,
        "PAY_PENDING" => State::Pending,
        "VIRTUAL_ACCOUNT_ISSUED" => State::AwaitingDeposit,
        "PAID" => State::Paid,
        "PARTIAL_CANCELLED" => State::PartlyCancelled,
        "CANCELLED" => State::Cancelled,
        "FAILED" => State::Failed,
        _ => State::Unknown,
    };
    if amount.total < 0 || !(0..=amount.total).contains(&amount.cancelled) {
        return Err(wrong(format!("an amount of {} with {} cancelled", amount.total, amount.cancelled)));
    }
    // who sent the money, where it came by transfer; else who bought
    let payer = text(&value, "/method/remitterName", NAME).or_else(|| text(&answer.customer, "/name", NAME));
    Ok(Seen {
        order_id: answer.id.clone(),
        provider_id: answer.id,
        balance: if state.has_money() { amount.total - amount.cancelled } else { 0 },
        state,
        said_state: kept(&answer.status, WORD),
        amount: amount.total,
        currency: answer.currency,
        payer: PersonName::from(payer.unwrap_or_default()),
        method: kept(answer.method["type"].as_str().unwrap_or_default().trim_start_matches("PaymentMethod"), METHOD),
        paid_at: settle::kept(answer.paid_at),
        told_at: settle::kept(answer.updated_at),
        // of a payment for which nobody has chosen how to pay there is no channel yet
        live: answer.channel["type"].as_str().map(|kind| kind == "LIVE"),
        secret: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paid() -> Value {
        json!({
            "status": "PAID", "id": "order-1", "transactionId": "01900000", "storeId": "store-1", "version": "V2", "currency": "KRW",
            "channel": {"type": "LIVE", "pgProvider": "TOSSPAYMENTS", "pgMerchantId": "m"}, "orderName": "Pro",
            "amount": {"total": 3_158_546, "taxFree": 0, "vat": 287_140, "supply": 2_871_406, "discount": 0, "paid": 3_158_546, "cancelled": 0, "cancelledTaxFree": 0},
            "customer": {"name": "김하늘", "email": "kim@customer.example"}, "method": {"type": "PaymentMethodVirtualAccount", "remitterName": "주식회사 한빛"},
            "requestedAt": "2026-09-21T13:30:00Z", "updatedAt": "2026-09-21T13:33:20.123Z", "statusChangedAt": "2026-09-21T13:33:20.123Z", "paidAt": "2026-09-21T13:33:19Z",
            "somethingNew": [1, 2, 3],
        })
    }

    #[test]
    fn a_payment_is_read_and_what_is_new_is_left_alone() {
        let seen = read(paid()).unwrap();
        assert_eq!((seen.order_id.as_str(), seen.state, seen.amount, seen.balance), ("order-1", State::Paid, 3_158_546, 3_158_546));
        assert_eq!((seen.payer.to_string().as_str(), seen.method.as_str(), seen.live), ("주••", "VirtualAccount", Some(true)));
        let with = |pointer: &str, value: Value| {
            let mut answer = paid();
            *answer.pointer_mut(pointer).unwrap() = value;
            read(answer)
        };
        assert_eq!(with("/status", json!("PAID_BY_MOONLIGHT")).unwrap().state, State::Unknown);
        assert_eq!(with("/amount/cancelled", json!(1_000)).unwrap().balance, 3_157_546);
        assert_eq!(with("/status", json!("FAILED")).unwrap().balance, 0, "what failed holds no money");
        assert_eq!(with("/channel", json!({"type": "TEST"})).unwrap().live, Some(false));
        assert_eq!(with("/channel", json!({"type": "NEW"})).unwrap().live, Some(false), "what is not said to be live is not");
        for nothing in [json!({}), Value::Null] {
            assert_eq!(with("/channel", nothing).unwrap().live, None);
        }
        for (pointer, value) in [
            ("/amount", json!(5)),
            ("/amount/total", json!("3158546")),
            ("/amount/total", json!(-1)),
            ("/amount/total", json!(1.5)),
            ("/amount/cancelled", json!(3_158_547)),
            ("/id", json!(null)),
            ("/status", json!({})),
            ("/updatedAt", json!("yesterday")),
        ] {
            assert_eq!(with(pointer, value.clone()).unwrap_err().why, Outcome::Unreadable, "{pointer} {value}");
        }
        let fine = with("/paidAt", json!("2026-09-21T13:33:19.123456789+09:00")).unwrap();
        assert_eq!(fine.paid_at, "2026-09-21T04:33:19.123Z".parse().ok(), "as fine as it is kept");
        assert_eq!(read(json!([])).unwrap_err().why, Outcome::Unreadable);
    }
}
