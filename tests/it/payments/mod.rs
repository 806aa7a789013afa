//! Payments, against a till that is a real process and misbehaves in every way that providers do.
mod asked;
mod behind;
mod orders;
mod people;
mod told;

use crate::{
    measures,
    support::{Desk, ORG, Person, Token, answer},
};
use countersign::{
    config::Config,
    demo::{self, till::Secrets},
    payments::{Expected, Found, find},
};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

const WEBHOOK: &str = "whsec_Y291bnRlcnNpZ24tdGVzdC1zZWNyZXQtMjRi";
const OTHER: &str = "whsec_bm90LXRoZS1zYW1lLXNlY3JldC1hdC1hbGw=";
const KEY: &str = "the-key-in-the-address";

fn secrets() -> Secrets {
    Secrets { portone: "portone-secret".into(), toss: "live_sk_secret".into(), webhook: WEBHOOK.into(), key: KEY.into() }
}

/// Where customers pay, as a process.
struct Till {
    child: std::process::Child,
    url: String,
    file: PathBuf,
    http: reqwest::Client,
}

impl Till {
    fn start(desk: &Desk, tells: &[&str]) -> Self {
        let file = std::env::temp_dir().join(format!("countersign-till-{}-{}.json", std::process::id(), desk.database));
        std::fs::write(&file, json!({"payments": {}}).to_string()).unwrap();
        let (child, url) = demo::start_till(env!("CARGO_BIN_EXE_countersign").as_ref(), &file, 0, &secrets(), tells).unwrap();
        Self { child, url, file, http: reqwest::Client::new() }
    }

    /// Gone, as after a power cut.
    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// There again, where it was and with what it had.
    fn start_again(&mut self) {
        let port = self.url.rsplit(':').next().unwrap().parse().unwrap();
        self.child = demo::start_till(env!("CARGO_BIN_EXE_countersign").as_ref(), &self.file, port, &secrets(), &[]).unwrap().0;
    }

    fn configure(&self) -> impl Fn(&mut Config) + use<> {
        let settings = demo::payments_at(&self.url.parse().unwrap(), &secrets()).unwrap();
        move |config| {
            config.payments = settings.clone();
            config.metrics_token = Some(measures::TOKEN.to_owned().into());
        }
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) {
        let status = self.http.post(format!("{}{path}", self.url)).form(fields).send().await.unwrap().status();
        assert!(status.is_success() || status.is_redirection(), "{path}: {status}");
    }

    async fn mode(&self, mode: &str) {
        self.post(&format!("/mode/{mode}"), &[]).await;
    }

    /// A payment of which nobody is told.
    async fn make(&self, provider: &str, order: &str, amount: i64, state: &str) {
        let amount = amount.to_string();
        let fields = [
            ("provider", provider),
            ("order", order),
            ("amount", amount.as_str()),
            ("payer", "주식회사 한빛소프트"),
            ("state", state),
            ("quiet", "yes"),
        ];
        self.post("/make", &fields).await;
    }

    async fn becomes(&self, order: &str, state: &str) {
        self.post(&format!("/set/{order}"), &[("state", state), ("quiet", "yes")]).await;
    }

    /// How often it was asked.
    async fn asked(&self) -> usize {
        let paths: Vec<String> = self.http.get(format!("{}/asked", self.url)).send().await.unwrap().json().await.unwrap();
        paths.len()
    }
}

impl Drop for Till {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_file(&self.file);
    }
}

struct Scene {
    desk: Desk,
    till: Till,
    cs: Token,
}

impl Scene {
    async fn open(replicas: usize) -> Self {
        let mut desk = Desk::closed().await;
        let till = Till::start(&desk, &[]);
        for _ in 0..replicas {
            desk.start_replica(&till.configure()).await;
        }
        let cs = desk.token("cs").await;
        Self { desk, till, cs }
    }

    /// An event of PortOne as its library would sign it now.
    async fn tell(&self, id: &str, order: &str) -> (u16, Value) {
        self.tell_at(self.desk.base(0), id, &about(order)).await
    }

    async fn tell_at(&self, base: &str, id: &str, body: &Value) -> (u16, Value) {
        answer(signed(base, WEBHOOK, id, chrono::Utc::now().timestamp(), &body.to_string())).await
    }

    async fn payment(&self, order: &str) -> Value {
        let (status, found) = self.cs.get(&format!("/api/payments?q={order}")).await;
        assert_eq!(status, 200, "{found}");
        let Some(id) = found["items"][0]["id"].as_str() else { return Value::Null };
        self.cs.get(&format!("/api/payments/{id}")).await.1
    }

    async fn until(&self, order: &str, what: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let payment = self.payment(order).await;
            if what(&payment) {
                return payment;
            }
            assert!(Instant::now() < end, "{order} never got there: {payment:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until_state(&self, order: &str, state: &str) -> Value {
        self.until(order, |payment| payment["state"] == state).await
    }

    /// Until so many looks were written down.
    async fn until_looks(&self, order: &str, looks: usize) -> Value {
        self.until(order, |payment| payment["looks"].as_array().is_some_and(|all| all.len() >= looks)).await
    }

    /// Kinds of the events of a payment, oldest first.
    async fn story(&self, payment: &Value) -> Vec<String> {
        sqlx::query_scalar("select kind from ledger.event where target_type = 'payment' and target_id = $1 order by event_id")
            .bind(payment["id"].as_str().unwrap())
            .fetch_all(&mut self.desk.owner().await)
            .await
            .unwrap()
    }

    async fn rows(&self, table: &str) -> i64 {
        let sql = format!("select count(*) from {table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut self.desk.owner().await).await.unwrap()
    }
}

fn about(order: &str) -> Value {
    json!({"type": "Transaction.Paid", "timestamp": "2026-09-21T13:33:20Z", "data": {"paymentId": order, "storeId": "s", "transactionId": "t", "new": [1]}, "more": null})
}

fn signed(base: &str, secret: &str, id: &str, at: i64, body: &str) -> reqwest::RequestBuilder {
    let signature = Webhook::new(secret).unwrap().sign(id, at, body.as_bytes()).unwrap();
    posted(base, id, at, &signature, body)
}

fn posted(base: &str, id: &str, at: i64, signature: &str, body: &str) -> reqwest::RequestBuilder {
    let request = reqwest::Client::new().post(format!("{base}/hooks/payments/portone")).header("content-type", "application/json");
    request
        .header("webhook-id", id)
        .header("webhook-timestamp", at.to_string())
        .header("webhook-signature", signature)
        .body(body.to_owned())
}

fn toss(base: &str, key: &str, transmission: &str, body: &Value) -> reqwest::RequestBuilder {
    let request = reqwest::Client::new().post(format!("{base}/hooks/payments/toss{key}"));
    request.header("tosspayments-webhook-transmission-id", transmission).json(body)
}
