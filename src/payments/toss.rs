//! Toss Payments, core API v1. It signs nothing of what is said about payments (only payouts and sellers are signed), so an event proves
//! nothing: `PAYMENT_STATUS_CHANGED` has `{"eventType", "createdAt", "data": {payment}}` and `DEPOSIT_CALLBACK`, for virtual accounts,
//! `{"createdAt", "secret", "orderId", "status", "transactionKey"}`. What we have instead: a secret of our own in the address that is
//! registered there, the payment's own `secret` that a deposit must bear, and above all that we ask. A payment is read with
//! `GET /v1/payments/{paymentKey}` or `GET /v1/payments/orders/{orderId}` under basic authentication, the secret key being the name. Only
//! 200 counts as taken there; anything else is sent again, seven times in four days.
use super::{
    Name, State, http,
    provider::{
        Claims, Deaf, Delivery, Failure, Handle, Heard, LARGE, METHOD, NAME, Outcome, Provider, SMALL, Seen, WORD, id, is_unsound, kept,
        text,
    },
    settle,
    signature::LONGEST_ID,
};
use crate::personal::PersonName;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Asia::Seoul;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

#[derive(Clone, Debug)]
pub struct Settings {
    /// `COUNTERSIGN_TOSS_API_URL`. Default `https://api.tosspayments.com`.
    pub url: Url,
    /// `COUNTERSIGN_TOSS_API_SECRET`: the secret key; one that begins with `test_` sees payments without money.
    pub secret: SecretString,
    /// `COUNTERSIGN_TOSS_WEBHOOK_SECRET`: what the address that is registered there ends in, as `?key=…`.
    pub webhook: SecretString,
    /// `COUNTERSIGN_TEST_PAYMENTS`.
    pub tests_count: bool,
}

pub struct Toss {
    settings: Settings,
    http: Client,
}

impl Toss {
    pub fn new(settings: Settings) -> anyhow::Result<Self> {
        Ok(Self { settings, http: http::client()? })
    }

    /// Whether this is the address that was registered there.
    fn knows_key(&self, query: &str) -> bool {
        let given = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "key").map(|(_, key)| key);
        // hashed first: neither content nor length of the key is told by how long this takes
        given.is_some_and(|key| hash(key.as_bytes()).ct_eq(&hash(self.settings.webhook.expose_secret().as_bytes())).into())
    }
}

/// What we need of a payment. Whatever else there is, now or later, is not read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    payment_key: String,
    order_id: String,
    status: String,
    total_amount: i64,
    balance_amount: i64,
    #[serde(default)]
    currency: String,
    approved_at: Option<DateTime<Utc>>,
    method: Option<String>,
}

#[async_trait]
impl Provider for Toss {
    fn name(&self) -> Name {
        Name::Toss
    }

    /// Its events have the whole payment in them, with every part that was given back.
    fn most(&self, query: &str) -> usize {
        if self.knows_key(query) { LARGE } else { SMALL }
    }

    fn hear(&self, delivery: &Delivery<'_>, _: DateTime<Utc>) -> Result<Heard, Deaf> {
        if !self.knows_key(delivery.query) {
            return Err(Deaf::Unsigned("the address has no key, or another one"));
        }
        let body: Value = serde_json::from_slice(delivery.body).map_err(|error| Deaf::Malformed(error.to_string()))?;
        let transmission =
            delivery.headers.get("tosspayments-webhook-transmission-id").and_then(|value| value.to_str().ok()).map(str::trim);
        // without a number of its own, the same text is the same event: when it was made is part of it
        let own = || format!("sha256-{}", crate::requests::hex(&hash(delivery.body)));
        let order_id = id(&body, "/data/orderId").or_else(|| id(&body, "/orderId"));
        let about = id(&body, "/data/paymentKey").map(Handle::Payment).or_else(|| order_id.clone().map(Handle::Order));
        let kind = text(&body, "/eventType", WORD);
        let status = text(&body, "/data/status", WORD).or_else(|| text(&body, "/status", WORD));
        Ok(Heard {
            id: transmission.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID).map_or_else(own, str::to_owned),
            // this one does not say what it is
            kind: kind.or_else(|| body.get("transactionKey").map(|_| "DEPOSIT_CALLBACK".to_owned())).unwrap_or_default(),
            about,
            order_id,
            claims: Claims {
                means: status.as_deref().map(state).filter(|state| *state != State::Unknown),
                state: status,
                amount: body.pointer("/data/totalAmount").and_then(Value::as_i64),
            },
            sent_at: text(&body, "/createdAt", 40).and_then(|at| in_korea(&at)),
            secret: body["secret"].as_str().or_else(|| body.pointer("/data/secret")?.as_str()).map(|secret| hash(secret.as_bytes())),
            unsound: is_unsound(&body, &["/data/paymentKey", "/data/orderId", "/orderId"]),
        })
    }

    async fn look(&self, at: &Handle) -> Result<Seen, Failure> {
        let url = match at {
            Handle::Payment(key) => http::below(&self.settings.url, &["v1", "payments", key]),
            Handle::Order(order) => http::below(&self.settings.url, &["v1", "payments", "orders", order]),
        };
        let secret = self.settings.secret.expose_secret();
        let request = self.http.get(url).basic_auth(secret, Some(""));
        read(http::ask(request, &["NOT_FOUND_PAYMENT", "NOT_FOUND"]).await?, secret.starts_with("live_"))
    }

    fn counts_tests(&self) -> bool {
        self.settings.tests_count
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// `2022-05-12T00:00:00.000000`: they leave the zone out.
fn in_korea(at: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(at) {
        return Some(at.to_utc());
    }
    let at = NaiveDateTime::parse_from_str(at, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    at.and_local_timezone(Seoul).earliest().map(|at| at.to_utc())
}

/// What its word for a state means.
fn state(word: &str) -> State {
    match word {
        "READY" => State::Ready,
        "IN_PROGRESS" => State::Pending,
        "WAITING_FOR_DEPOSIT" => State::AwaitingDeposit,
        "DONE" => State::Paid,
        "PARTIAL_CANCELED" => State::PartlyCancelled,
        "CANCELED" => State::Cancelled,
        "ABORTED" => State::Failed,
        "EXPIRED" => State::Expired,
        _ => State::Unknown,
    }
}

fn read(value: Value, live: bool) -> Result<Seen, Failure> {
    let wrong = |detail: String| Failure { status: Some(200), ..Failure::new(Outcome::Unreadable, detail) };
    let answer = Answer::deserialize(&value).map_err(|error| wrong(format!("the payment has another shape: {error}")))?;
    let state = state(&answer.status);
    let (total, balance) = (answer.total_amount, answer.balance_amount);
    if total < 0 || !(0..=total).contains(&balance) {
        return Err(wrong(format!("an amount of {total} of which {balance} is left")));
    }
    // who sent the money, where that is said; else who was to send it
    let payer = ["/virtualAccount/depositorName", "/virtualAccount/customerName", "/customerName"];
    let payer = payer.iter().find_map(|pointer| text(&value, pointer, NAME));
    Ok(Seen {
        provider_id: answer.payment_key,
        order_id: answer.order_id,
        balance: if state.has_money() { balance } else { 0 },
        state,
        said_state: kept(&answer.status, WORD),
        amount: total,
        currency: answer.currency,
        payer: PersonName::from(payer.unwrap_or_default()),
        method: kept(&answer.method.unwrap_or_default(), METHOD),
        paid_at: settle::kept(answer.approved_at),
        // it says when it was approved and when something was given back, and not when it last changed
        told_at: None,
        live: Some(live),
        secret: value["secret"].as_str().map(|secret| hash(secret.as_bytes())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn done() -> Value {
        json!({
            "mId": "tosspayments", "version": "2022-11-16", "paymentKey": "5zJ4xY7m0kODnyRpQWGrN2", "orderId": "a4CWyWY5m89PNh7xJwhk1", "orderName": "Pro",
            "currency": "KRW", "method": "가상계좌", "status": "DONE", "requestedAt": "2026-09-21T22:30:00+09:00", "approvedAt": "2026-09-21T22:33:19+09:00",
            "virtualAccount": {"customerName": "한빛소프트", "depositorName": null}, "secret": "ps_Qbgg", "totalAmount": 15_000, "balanceAmount": 15_000,
            "isPartialCancelable": true, "newInNextVersion": {},
        })
    }

    fn toss() -> Toss {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = "https://api.example".parse().unwrap();
        Toss::new(Settings {
            url,
            secret: "live_sk_1".to_owned().into(),
            webhook: "a-key-of-ours-0001".to_owned().into(),
            tests_count: false,
        })
        .unwrap()
    }

    fn hear(query: &str, body: &Value, transmission: Option<&str>) -> Result<Heard, Deaf> {
        let mut headers = http_headers();
        if let Some(id) = transmission {
            headers.insert("tosspayments-webhook-transmission-id", id.parse().unwrap());
        }
        toss().hear(&Delivery { headers: &headers, query, body: body.to_string().as_bytes() }, Utc::now())
    }

    fn http_headers() -> ::http::HeaderMap {
        ::http::HeaderMap::new()
    }

    #[test]
    fn a_payment_is_read_and_what_is_new_is_left_alone() {
        let seen = read(done(), true).unwrap();
        assert_eq!((seen.state, seen.amount, seen.balance, seen.payer.to_string()), (State::Paid, 15_000, 15_000, "한••".into()));
        assert_eq!(seen.paid_at, "2026-09-21T13:33:19Z".parse().ok());
        assert_eq!(seen.secret, Some(hash(b"ps_Qbgg")));
        let with = |pointer: &str, value: Value| {
            let mut answer = done();
            *answer.pointer_mut(pointer).unwrap() = value;
            read(answer, true)
        };
        assert_eq!(with("/status", json!("HELD_FOR_REVIEW")).unwrap().state, State::Unknown);
        let waits = with("/status", json!("WAITING_FOR_DEPOSIT")).unwrap();
        assert_eq!((waits.state, waits.balance), (State::AwaitingDeposit, 0), "it calls what is still to come a balance");
        for (pointer, value) in
            [("/totalAmount", json!("15000")), ("/totalAmount", json!(-1)), ("/balanceAmount", json!(15_001)), ("/paymentKey", json!(null))]
        {
            assert_eq!(with(pointer, value.clone()).unwrap_err().why, Outcome::Unreadable, "{pointer} {value}");
        }
    }

    #[test]
    fn events_lead_to_a_payment_or_to_an_order_and_without_the_key_to_nothing() {
        let key = "key=a-key-of-ours-0001";
        let changed = json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-09-21T22:33:20.000000", "data": done()});
        let heard = hear(key, &changed, Some("whtrans_1")).unwrap();
        assert_eq!((heard.id.as_str(), heard.about), ("whtrans_1", Some(Handle::Payment("5zJ4xY7m0kODnyRpQWGrN2".into()))));
        assert_eq!(heard.claims, Claims { state: Some("DONE".into()), means: Some(State::Paid), amount: Some(15_000) });
        assert_eq!(heard.sent_at, "2026-09-21T13:33:20Z".parse().ok());
        let deposit = json!({"createdAt": "2026-09-21T22:33:20.000", "secret": "ps_Qbgg", "orderId": "a4CWyWY5m89PNh7xJwhk1", "status": "DONE", "transactionKey": "9FF1"});
        let heard = hear(key, &deposit, None).unwrap();
        assert!(heard.id.starts_with("sha256-") && heard.kind == "DEPOSIT_CALLBACK", "{heard:?}");
        assert_eq!(heard.about, Some(Handle::Order("a4CWyWY5m89PNh7xJwhk1".into())));
        assert_eq!(heard.secret, Some(hash(b"ps_Qbgg")));
        assert_eq!(hear(key, &deposit, None).unwrap().id, heard.id);
        let other = json!({"eventType": "CUSTOMER_STATUS_CHANGED", "data": {"customerKey": "x", "paymentKey": "../../v1/x"}});
        assert_eq!(hear(key, &other, Some("t")).unwrap().about, None);
        for query in ["", "key=", "key=a-key-of-ours-0002", "KEY=a-key-of-ours-0001", "other=a-key-of-ours-0001"] {
            assert!(matches!(hear(query, &changed, Some("t")), Err(Deaf::Unsigned(_))), "{query}");
        }
    }
}
