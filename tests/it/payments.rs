//! Payments, against a till that is a real process and misbehaves in every way that providers do.
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

#[tokio::test]
async fn what_a_provider_tells_is_asked_for_and_then_believed() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-1", 3_158_546, "awaiting_deposit").await;
    assert_eq!(scene.tell("evt-1", "order-1").await, (200, json!({"received": true, "known": false})));
    let payment = scene.until_state("order-1", "awaiting_deposit").await;
    assert_eq!((payment["amount"].as_i64(), payment["balance"].as_i64()), (Some(3_158_546), Some(0)));
    scene.till.becomes("order-1", "paid").await;
    scene.tell("evt-2", "order-1").await;
    let payment = scene.until_state("order-1", "paid").await;
    assert_eq!((payment["amount"].as_i64(), payment["balance"].as_i64()), (Some(3_158_546), Some(3_158_546)));
    assert_eq!((payment["payer"].as_str(), payment["said_state"].as_str()), (Some("주식회사 한빛소프트"), Some("PAID")));
    let story = ["payment.event_received", "payment.seen", "payment.event_received", "payment.verified"];
    assert_eq!(scene.story(&payment).await, story);
    // names stand in the payment and nowhere else
    let (_, list) = scene.cs.get("/api/payments").await;
    assert_eq!(list["items"][0]["payer"], "주••");
    let told: i64 = sqlx::query_scalar("select count(*) from ledger.event e left join ledger.detail d using (event_id) where convert_from(e.leaf, 'UTF8') like '%한빛소프트%' or d.data::text like '%한빛소프트%' and e.kind like 'payment.%'")
        .fetch_one(&mut scene.desk.owner().await).await.unwrap();
    assert_eq!(told, 0);
    let page = scene.desk.sign_in("cs").await.get(&format!("/payments/{}", payment["id"].as_str().unwrap())).await;
    page.sees("결제 완료").sees("₩3,158,546").sees("주식회사 한빛소프트").sees("evt-2").sees("처음 조회했습니다").sees("바뀌었습니다");
    assert_eq!(scene.desk.broken_invariants().await, Vec::<String>::new());
    // as onboarding asks
    let found = |order: &'static str, expected| {
        let db = scene.desk.app().db.clone();
        async move { find(&mut db.read().await.unwrap(), order, expected).await.unwrap() }
    };
    assert!(
        matches!(found("order-1", Expected::Exactly(3_158_546)).await, Found::Paid(p) if p.amount == Some(3_158_546) && p.names_somebody())
    );
    assert!(matches!(found("order-1", Expected::AtLeast(3_158_547)).await, Found::Short(_)));
    assert!(matches!(found("order-1", Expected::Exactly(1)).await, Found::Over(_)));
    assert!(matches!(found("order-2", Expected::AtLeast(1)).await, Found::Nothing));
    let figures = measures::scrape(&scene.desk, 0).await;
    assert_eq!(figures[r#"countersign_payment_events_total{outcome="taken",provider="portone"}"#], 2.0);
    assert_eq!(figures[r#"countersign_payment_looks_total{outcome="seen",provider="portone"}"#], 1.0);
    assert_eq!(figures[r#"countersign_payment_look_seconds_count{provider="portone"}"#], 2.0);
    assert_eq!(figures["countersign_payment_trouble_oldest_seconds"], 0.0);
}

#[tokio::test]
async fn an_event_counts_once_however_often_and_wherever_it_comes() {
    let scene = Scene::open(2).await;
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    let bodies = about("order-1");
    let sent = (0..20).map(|n| scene.tell_at(scene.desk.base(n % 2), "evt-1", &bodies));
    let answers = futures::future::join_all(sent).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, body)| body["known"] == false).count(), 1, "{answers:?}");
    let payment = scene.until_state("order-1", "paid").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(scene.story(&payment).await, ["payment.event_received", "payment.seen", "payment.verified"]);
    assert_eq!((scene.rows("inbound_event").await, scene.rows("payment").await, scene.till.asked().await), (1, 1, 1));
    // many events at once about one payment are few questions: an answer to a later question is an answer to all before it
    let sent = (0..30).map(|n| {
        let (scene, bodies) = (&scene, &bodies);
        async move { scene.tell_at(scene.desk.base(n % 2), &format!("more-{n}"), bodies).await.0 }
    });
    assert_eq!(futures::future::join_all(sent).await, [200; 30]);
    let end = Instant::now() + Duration::from_secs(20);
    while scene.rows("job").await > 0 {
        assert!(Instant::now() < end, "jobs are left");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(scene.rows("inbound_event").await, 31);
    assert!(scene.till.asked().await < 31, "{} questions", scene.till.asked().await);
    assert_eq!(scene.desk.count("payment.verified").await, 1);
}

#[tokio::test]
async fn what_does_not_come_from_the_provider_is_refused_and_leaves_nothing() {
    let scene = Scene::open(1).await;
    let (base, now, body) = (scene.desk.base(0), chrono::Utc::now().timestamp(), about("order-1").to_string());
    let good = Webhook::new(WEBHOOK).unwrap().sign("evt", now, body.as_bytes()).unwrap();
    let client = reqwest::Client::new();
    let refused = [
        signed(base, OTHER, "evt", now, &body),
        posted(base, "evt", now, "", &body),
        posted(base, "evt", now, &good.replace("v1,", "v1a,"), &body),
        posted(base, "other", now, &good, &body),
        posted(base, "evt", now + 1, &good, &body),
        posted(base, "evt", now, &good, &body.replace("order-1", "order-2")),
        signed(base, WEBHOOK, "evt", now - 301, &body),
        signed(base, WEBHOOK, "evt", now + 330, &body),
        client.post(format!("{base}/hooks/payments/portone")).body(body.clone()),
        toss(base, "", "t", &json!({"data": {"paymentKey": "k"}})),
        toss(base, "?key=wrong-key-of-some-length", "t", &json!({"data": {"paymentKey": "k"}})),
    ];
    let count = refused.len();
    for (n, request) in refused.into_iter().enumerate() {
        let (status, problem) = answer(request).await;
        assert_eq!((status, problem["code"].as_str()), (401, Some("unsigned")), "{n}: {problem}");
    }
    // signed, and still no event
    let (status, problem) = answer(signed(base, WEBHOOK, "evt", now, "{\"half\":")).await;
    assert_eq!((status, problem["code"].as_str()), (400, Some("malformed")));
    let large = json!({"data": {"paymentId": "x"}, "padding": "가".repeat(7_000)}).to_string();
    assert_eq!(answer(signed(base, WEBHOOK, "evt", now, &large)).await.0, 413);
    let chunks = futures::stream::iter((0..30).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1_000])));
    let unsaid = client.post(format!("{base}/hooks/payments/portone")).body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(answer(unsaid).await.0, 413, "also where it does not say how long it is");
    for (method, path, expected) in
        [("POST", "/hooks/payments/stripe", 404), ("POST", "/hooks/payments/", 404), ("GET", "/hooks/payments/portone", 404)]
    {
        let request = client.request(method.parse().unwrap(), format!("{base}{path}")).body(body.clone());
        assert_eq!(answer(request).await.0, expected, "{method} {path}");
    }
    assert_eq!((scene.rows("payment").await, scene.rows("inbound_event").await, scene.till.asked().await), (0, 0, 0));
    let figures = measures::scrape(&scene.desk, 0).await;
    let of = |provider: &str, outcome: &str| {
        figures[&format!(r#"countersign_payment_events_total{{outcome="{outcome}",provider="{provider}"}}"#)]
    };
    assert_eq!(of("portone", "unsigned") + of("toss", "unsigned"), count as f64);
    assert_eq!((of("portone", "malformed"), of("portone", "oversize")), (1.0, 2.0));
    // what is not configured is not there
    let other = Desk::open().await;
    assert_eq!(answer(signed(other.base(0), WEBHOOK, "evt", now, &body)).await.0, 404);
    let page = other.sign_in("cs").await.get("/payments").await;
    page.sees("설정된 결제사가 없어");
    assert_eq!(page.count("#look-up-form"), 0);
}

#[tokio::test]
async fn secrets_can_be_rotated_from_either_side() {
    let mut desk = Desk::closed().await;
    let till = Till::start(&desk, &[]);
    let both = countersign::payments::signature::Secrets::read(&format!("{WEBHOOK} {OTHER}")).unwrap();
    let configure = till.configure();
    desk.start_replica(&|config| {
        configure(config);
        config.payments.portone.as_mut().unwrap().webhook = both.clone();
    })
    .await;
    let (now, body) = (chrono::Utc::now().timestamp(), about("order-1").to_string());
    for (n, secret) in [WEBHOOK, OTHER].into_iter().enumerate() {
        assert_eq!(answer(signed(desk.base(0), secret, &format!("evt-{n}"), now, &body)).await.0, 200);
    }
    let foreign = "whsec_c29tZWJvZHktZWxzZXMtc2VjcmV0LTAwMDE=";
    let sign = |secret: &str| Webhook::new(secret).unwrap().sign("evt-2", now, body.as_bytes()).unwrap();
    let two = format!("{} {}", sign(foreign), sign(OTHER));
    assert_eq!(answer(posted(desk.base(0), "evt-2", now, &two, &body)).await.0, 200);
    assert_eq!(answer(posted(desk.base(0), "evt-3", now, &sign(foreign), &body)).await.0, 401);
}

#[tokio::test]
async fn what_is_new_is_tolerated_and_what_is_not_understood_is_not_money() {
    let scene = Scene::open(1).await;
    // about no payment at all: written down, and nothing to do
    let other = json!({"type": "BillingKey.Issued", "timestamp": "2026-09-21T13:33:20Z", "data": {"storeId": "s", "billingKey": "b"}});
    assert_eq!(scene.tell_at(scene.desk.base(0), "evt-0", &other).await.0, 200);
    assert_eq!((scene.rows("inbound_event").await, scene.rows("payment").await, scene.rows("job").await), (1, 0, 0));
    // a kind of event that nobody has heard of
    scene.till.make("portone", "order-1", 5_000, "paid").await;
    scene.till.mode("new-state").await;
    let body = json!({"type": "Transaction.HeldForReview", "data": {"paymentId": "order-1", "score": {"deep": [{}]}}, "extension": 1});
    assert_eq!(scene.tell_at(scene.desk.base(0), "evt-1", &body).await.0, 200);
    let payment = scene.until_state("order-1", "unknown").await;
    assert_eq!((payment["said_state"].as_str(), payment["trouble"]["why"].as_str()), (Some("HELD_FOR_REVIEW"), Some("unknown_state")));
    let found = find(&mut scene.desk.app().db.read().await.unwrap(), "order-1", Expected::AtLeast(1)).await.unwrap();
    assert!(matches!(found, Found::NotPaid(_)));
    scene.till.mode("ok").await;
    scene.tell("evt-2", "order-1").await;
    let payment = scene.until_state("order-1", "paid").await;
    assert_eq!(payment["trouble"], Value::Null);
}

#[tokio::test]
async fn a_body_that_lies_about_the_amount_changes_nothing_and_is_shown() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    let mut body = about("order-1");
    body["data"]["amount"] = json!({"total": 999_000});
    assert_eq!(scene.tell_at(scene.desk.base(0), "evt-1", &body).await.0, 200);
    let payment = scene.until_state("order-1", "paid").await;
    assert_eq!((payment["amount"].as_i64(), payment["looks"][0]["remarks"][0].as_str()), (Some(1_000), Some("amount_differs")));
    assert_eq!(payment["events"][0]["claimed_amount"], 999_000);
    let page = scene.desk.sign_in("auditor").await.get(&format!("/payments/{}", payment["id"].as_str().unwrap())).await;
    page.sees("알림이 주장한 금액이 결제사의 답변과 다릅니다.").sees("알림의 주장: ₩999,000");
}

#[tokio::test]
async fn events_in_any_order_leave_what_is_so_and_an_old_answer_takes_nothing_back() {
    let scene = Scene::open(2).await;
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    scene.tell("evt-1", "order-1").await;
    scene.until_state("order-1", "paid").await;
    scene.till.becomes("order-1", "cancelled").await;
    // the cancellation is told first, the payment afterwards, and another time
    let cancelled = json!({"type": "Transaction.Cancelled", "data": {"paymentId": "order-1", "cancellationId": "c"}});
    scene.tell_at(scene.desk.base(1), "evt-3", &cancelled).await;
    scene.until_state("order-1", "cancelled").await;
    scene.tell("evt-2", "order-1").await;
    let payment = scene.until_looks("order-1", 3).await;
    assert_eq!((payment["state"].as_str(), payment["balance"].as_i64()), (Some("cancelled"), Some(0)));
    // a copy at the provider that is behind
    scene.till.mode("stale").await;
    scene.tell("evt-4", "order-1").await;
    let payment = scene.until_looks("order-1", 4).await;
    assert_eq!((payment["state"].as_str(), payment["looks"][0]["outcome"].as_str()), (Some("cancelled"), Some("older")));
    assert_eq!(payment["trouble"]["why"], "older");
    // it catches up, and so do we, without anybody telling us
    scene.till.mode("ok").await;
    let payment = scene.until("order-1", |payment| payment["trouble"].is_null()).await;
    assert_eq!(payment["state"], "cancelled");
    // Toss does not say when something changed last: what cannot have become of it is not taken
    scene.till.make("toss", "order-2", 2_000, "paid").await;
    let (_, made) = scene.cs.post("/api/payments", &json!({"provider": "toss", "order_id": "order-2"})).await;
    assert!(made["id"].as_str().unwrap().starts_with("PAY-"), "{made}");
    scene.until_state("order-2", "paid").await;
    scene.till.becomes("order-2", "cancelled").await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(scene.cs.post(&format!("/api/payments/{id}/check"), &json!({})).await.1["state"], "cancelled");
    scene.till.mode("stale").await;
    let (status, after) = scene.cs.post(&format!("/api/payments/{id}/check"), &json!({})).await;
    assert_eq!(
        (status, after["state"].as_str(), after["looks"][0]["outcome"].as_str()),
        (200, Some("cancelled"), Some("contradicts")),
        "{after:#}"
    );
    assert_eq!(scene.desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn every_way_of_not_answering_is_told_with_what_to_do_and_checking_again_mends_it() {
    let scene = Scene::open(1).await;
    let cs = scene.desk.sign_in("cs").await;
    let ways = [
        ("fail", "broken", "결제사에 장애가 있습니다", "out of order"),
        ("reset", "unreachable", "연결하지 못했습니다", "could not be reached"),
        ("cut", "unreachable", "연결하지 못했습니다", "could not be reached"),
        ("garbage", "unreadable", "답변을 읽을 수 없습니다", "cannot be read"),
        ("new-shape", "unreadable", "답변을 읽을 수 없습니다", "cannot be read"),
        ("refuse", "refused", "인증을 거부했습니다", "refused our key"),
        ("forget", "not_found", "결제사에 없는 결제입니다", "no such payment"),
        ("throttle", "throttled", "조회 한도를 넘었습니다", "asked too often"),
        ("redirect", "broken", "결제사에 장애가 있습니다", "out of order"),
        ("wrong-id", "wrong_id", "다른 결제에 대한 답변입니다", "about another payment"),
        ("wrong-currency", "wrong_currency", "원화 결제가 아닙니다", "not in won"),
        ("test", "test_payment", "테스트 결제입니다", "is a test"),
    ];
    for (mode, outcome, korean, english) in ways {
        let order = format!("order-{mode}");
        scene.till.make("portone", &order, 1_000, "paid").await;
        scene.till.mode(mode).await;
        scene.tell(&format!("evt-{mode}"), &order).await;
        let payment = scene.until(&order, |payment| !payment["trouble"].is_null()).await;
        assert_eq!((payment["state"].as_str(), payment["trouble"]["why"].as_str()), (Some("heard"), Some(outcome)), "{mode}: {payment:#}");
        assert_eq!(payment["amount"], Value::Null, "{mode}");
        let detail = payment["looks"][0]["detail"].as_str().unwrap();
        assert!(!detail.contains("127.0.0.1") && !detail.contains("secret") && !detail.contains("한빛"), "{mode}: {detail}");
        let path = format!("/payments/{}", payment["id"].as_str().unwrap());
        let page = cs.get(&path).await;
        page.sees(korean);
        assert!(page.count("#trouble") == 1 && !page.texts("#trouble p")[0].is_empty(), "{mode}");
        cs.at(&cs.base).in_language("en").get(&path).await.sees(english);
        scene.till.mode("ok").await;
        let checked = cs.post_from(&page, &format!("{path}/check"), &[]).await;
        assert_eq!((checked.status, checked.location.as_deref()), (303, Some(path.as_str())), "{mode}");
        let payment = scene.until_state(&order, "paid").await;
        assert_eq!(payment["trouble"], Value::Null, "{mode}");
        let story = scene.story(&payment).await;
        assert!(story.contains(&"payment.looked".into()) && story.contains(&"payment.check_asked".into()), "{mode}: {story:?}");
        assert_eq!(story.iter().filter(|kind| *kind == "payment.verified").count(), 1, "{mode}: {story:?}");
    }
    let (_, troubled) = scene.cs.get("/api/payments?trouble=yes").await;
    assert_eq!(troubled["items"].as_array().unwrap().len(), 0);
    assert_eq!(scene.cs.get("/api/payments?trouble=no").await.1["items"].as_array().unwrap().len(), ways.len());
}

#[tokio::test]
async fn a_provider_that_is_out_of_order_slow_or_gone_is_caught_up_with() {
    let mut scene = Scene::open(1).await;
    scene.till.make("portone", "order-500", 1_000, "paid").await;
    scene.till.mode("fail").await;
    scene.tell("evt-1", "order-500").await;
    let payment = scene.until_looks("order-500", 2).await;
    assert_eq!(payment["looks"][0]["http_status"], 500);
    let figures = measures::scrape(&scene.desk, 0).await;
    assert_eq!(figures[r#"countersign_payment_troubled{outcome="broken",provider="portone"}"#], 1.0);
    scene.till.mode("slow").await;
    let payment = scene.until_state("order-500", "paid").await;
    let took = |look: &Value| {
        let at = |name: &str| look[name].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        at("answered_at") - at("asked_at")
    };
    assert!(took(&payment["looks"][0]) >= chrono::TimeDelta::seconds(3), "{payment:#}");
    scene.till.mode("ok").await;
    scene.till.make("portone", "order-gone", 2_000, "paid").await;
    scene.till.stop();
    scene.tell("evt-2", "order-gone").await;
    let payment = scene.until_looks("order-gone", 2).await;
    assert_eq!(payment["trouble"]["why"], "unreachable");
    // meanwhile another replica takes the place of the first
    scene.desk.stop_all().await;
    scene.desk.start_replica(&scene.till.configure()).await;
    scene.cs.base = scene.desk.base(0).to_owned();
    scene.till.start_again();
    let payment = scene.until_state("order-gone", "paid").await;
    assert_eq!((payment["amount"].as_i64(), payment["events"].as_array().unwrap().len()), (Some(2_000), 1));
}

#[tokio::test]
async fn a_provider_that_hangs_does_not_hold_up_what_was_approved() {
    let scene = Scene::open(1).await;
    scene.till.mode("hang").await;
    for n in 0..8 {
        scene.till.make("portone", &format!("order-{n}"), 1_000, "paid").await;
        scene.tell(&format!("evt-{n}"), &format!("order-{n}")).await;
    }
    let end = Instant::now() + Duration::from_secs(10);
    while scene.till.asked().await < 2 {
        assert!(Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (ops, approver) = (scene.desk.token("ops").await, scene.desk.token("approver").await);
    let (_, request) = ops.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let id = request["id"].as_str().unwrap();
    let began = Instant::now();
    approver.vote(id, "approve", None).await;
    assert_eq!(ops.get(&format!("/api/requests/{id}/wait?timeout=10")).await.1["state"], "succeeded");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let payment = scene.until("order-0", |payment| payment["trouble"]["why"] == "timeout").await;
    assert_eq!(payment["state"], "heard");
}

#[tokio::test]
async fn toss_is_heard_with_the_key_of_our_own_and_asked_by_name_or_by_order() {
    let scene = Scene::open(1).await;
    let (base, key) = (scene.desk.base(0), format!("?key={KEY}"));
    scene.till.make("toss", "order-1", 13_200_000, "awaiting_deposit").await;
    let raw = reqwest::Client::new().get(format!("{}/v1/payments/orders/order-1", scene.till.url)).basic_auth("live_sk_secret", Some(""));
    let (_, theirs) = answer(raw).await;
    // a deposit of which nobody knows the name yet
    scene.till.becomes("order-1", "paid").await;
    let deposit = json!({"createdAt": "2026-09-21T22:33:20.000000", "secret": theirs["secret"], "orderId": "order-1", "status": "DONE", "transactionKey": "9FF1"});
    assert_eq!(answer(toss(base, &key, "whtrans-1", &deposit)).await.0, 200);
    let payment = scene.until_state("order-1", "paid").await;
    assert_eq!((payment["provider_id"].clone(), payment["said_state"].as_str()), (theirs["paymentKey"].clone(), Some("DONE")));
    assert_eq!(payment["looks"][0]["remarks"], json!([]));
    // the other event of the same, by name: the same payment
    let changed = json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-09-21T22:33:20.000000", "data": theirs});
    assert_eq!(answer(toss(base, &key, "whtrans-2", &changed)).await.0, 200);
    assert_eq!(answer(toss(base, &key, "whtrans-2", &changed)).await.1["known"], true);
    let payment = scene.until_looks("order-1", 2).await;
    assert_eq!((scene.rows("payment").await, payment["events"].as_array().unwrap().len()), (1, 2));
    // a deposit that bears a secret of somebody else's invention is no deposit, and the look says so
    let mut forged = deposit.clone();
    forged["secret"] = json!("ps_guessed");
    assert_eq!(answer(toss(base, &key, "whtrans-3", &forged)).await.0, 200);
    let payment = scene.until_looks("order-1", 3).await;
    assert_eq!(payment["looks"][0]["remarks"], json!(["secret_differs"]));
    // both events of a payment nobody knew, at once and in either order
    for (order, first) in [("order-2", 0), ("order-3", 1)] {
        scene.till.make("toss", order, 1_000, "paid").await;
        let raw =
            reqwest::Client::new().get(format!("{}/v1/payments/orders/{order}", scene.till.url)).basic_auth("live_sk_secret", Some(""));
        let (_, theirs) = answer(raw).await;
        let events = [
            json!({"createdAt": "2026-09-21T22:33:20.000", "secret": theirs["secret"], "orderId": order, "status": "DONE", "transactionKey": "9FF2"}),
            json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-09-21T22:33:20.000", "data": {"paymentKey": theirs["paymentKey"], "orderId": order, "status": "DONE"}}),
        ];
        for n in [first, 1 - first] {
            assert_eq!(answer(toss(base, &key, &format!("{order}-{n}"), &events[n])).await.0, 200);
        }
        scene.until_state(order, "paid").await;
    }
    assert_eq!(scene.rows("payment").await, 3);
    // the key is in no log and in no event
    let told: i64 = sqlx::query_scalar("select count(*) from ledger.event where convert_from(leaf, 'UTF8') like '%' || $1 || '%'")
        .bind(KEY)
        .fetch_one(&mut scene.desk.owner().await)
        .await
        .unwrap();
    assert_eq!(told, 0);
}

#[tokio::test]
async fn people_look_orders_up_and_check_again_if_they_may() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-untold", 990_000, "paid").await;
    let cs = scene.desk.sign_in("cs").await;
    for (order, korean, english) in [
        ("", "주문 번호를 입력하세요.", "Enter an order."),
        ("주문 1", "영문, 숫자와", "200 letters and digits at most"),
        ("../../etc", "영문, 숫자와", "200 letters and digits at most"),
    ] {
        for (lang, said) in [("ko", korean), ("en", english)] {
            let person = cs.at(&cs.base).in_language(lang);
            let page = person.get("/payments").await;
            let answer = person.post_from(&page, "/payments", &[("provider", "portone"), ("order", order)]).await;
            assert_eq!(answer.status, 422, "{order}");
            answer.sees(said);
            assert_eq!(answer.find("#look-up-order").as_deref(), Some(order), "what was typed is kept");
        }
    }
    let page = cs.get("/payments").await;
    assert_eq!(cs.post_from(&page, "/payments", &[("provider", "stripe"), ("order", "x")]).await.status, 422);
    let sent = cs.post_from(&page, "/payments", &[("provider", "portone"), ("order", "order-untold")]).await;
    assert_eq!(sent.status, 303);
    let payment = scene.until_state("order-untold", "paid").await;
    assert_eq!(payment["events"].as_array().unwrap().len(), 0, "nobody told us");
    assert_eq!(scene.story(&payment).await, ["payment.check_asked", "payment.seen", "payment.verified"]);
    let path = sent.location.unwrap();
    // found by the search, by number and by order
    for q in [payment["id"].as_str().unwrap(), "order-untold"] {
        assert!(cs.get(&format!("/search?q={q}")).await.body.contains(&path), "{q}");
    }
    // whoever may only read sees why, and is refused
    let auditor = scene.desk.sign_in("auditor").await;
    let page = auditor.get(&path).await;
    page.sees("payments:check");
    assert_eq!(page.count("#check"), 0);
    assert_eq!(auditor.post_from(&page, &format!("{path}/check"), &[]).await.status, 403);
    assert_eq!(scene.desk.sign_in("security").await.get(&path).await.status, 403);
    assert_eq!(cs.post(&format!("{path}/check"), &[("csrf", "forged")]).await.status, 403);
    let checker = scene.desk.token("cs").await;
    for id in ["PAY-99999", "PAY-0", "CR-1", "x"] {
        assert_eq!(cs.get(&format!("/payments/{id}")).await.status, 404, "{id}");
        assert_eq!(checker.get(&format!("/api/payments/{id}")).await.0, 404, "{id}");
        assert_eq!(checker.post(&format!("/api/payments/{id}/check"), &json!({})).await.0, 404, "{id}");
    }
    let (status, problem) = checker.post("/api/payments", &json!({"provider": "stripe", "order_id": "a b"})).await;
    assert_eq!((status, problem["errors"].as_array().unwrap().len()), (422, 2), "{problem}");
    assert_eq!(checker.get("/api/payments?state=rich").await.0, 400);
    // an order that the provider does not know is told as such, and given up after a while
    let (_, made) = checker.post("/api/payments", &json!({"provider": "portone", "order_id": "no-such-order"})).await;
    let payment = scene.until("no-such-order", |payment| payment["trouble"]["why"] == "not_found").await;
    assert_eq!(made["id"], payment["id"]);
    // taken away: who did that is written down, and names stay masked
    let file = cs.get("/payments.csv?state=paid").await;
    assert!(file.body.contains("order-untold") && file.body.contains("주••") && !file.body.contains("한빛소프트"), "{}", file.body);
    assert_eq!(scene.desk.count("list.exported").await, 1);
}

#[tokio::test]
async fn the_list_is_filtered_sorted_and_paged() {
    let scene = Scene::open(1).await;
    let mut owner = scene.desk.owner().await;
    sqlx::raw_sql(
        "alter table payment disable trigger is_recorded;
         insert into payment (provider, provider_id, order_id, state, said_state, amount, balance, asked_at, heard_at)
         select case when n % 2 = 0 then 'portone' else 'toss' end, 'key-' || n, 'order-' || n, case when n % 3 = 0 then 'paid' else 'ready' end, 'X',
           n / 4 * 1000, case when n % 3 = 0 then n / 4 * 1000 else 0 end, now(), now() from generate_series(1, 120) n;
         alter table payment enable trigger is_recorded;",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let cs = scene.desk.sign_in("cs").await;
    for sort in ["-created", "created", "amount", "-amount"] {
        let (mut seen, mut path) = (Vec::new(), format!("/payments?sort={sort}"));
        loop {
            let page = cs.get(&path).await;
            seen.extend(page.all("#rows tbody tr", "data-id"));
            match page.all("#next[href]", "href").first() {
                Some(next) => path = next.clone(),
                None => break,
            }
        }
        let distinct: std::collections::HashSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (120, 120), "{sort}");
    }
    let page = cs.get("/payments?provider=toss&state=paid").await;
    assert_eq!(page.count("#rows tbody tr"), 20);
    assert_eq!(cs.get("/payments?q=order-77").await.count("#rows tbody tr"), 1);
    cs.get("/payments?q=nothing-like-that").await.sees("조건에");
    let (_, first) = scene.cs.get("/api/payments").await;
    let (_, second) = scene.cs.get(&format!("/api/payments?cursor={}", first["next"].as_str().unwrap())).await;
    assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
    assert_eq!(second["items"].as_array().unwrap().len(), 50);
    assert_eq!(scene.cs.get("/api/payments?cursor=zzz").await.0, 400);
}

#[tokio::test]
async fn nobody_rewrites_what_was_told_or_said() {
    let scene = Scene::open(1).await;
    scene.till.make("portone", "order-1", 1_000, "paid").await;
    scene.tell("evt-1", "order-1").await;
    scene.until_state("order-1", "paid").await;
    let mut app = <sqlx::PgConnection as sqlx::Connection>::connect(&scene.desk.app_url().await).await.unwrap();
    let mut owner = scene.desk.owner().await;
    for (statement, as_app, as_owner) in [
        ("update payment_attempt set outcome = 'unchanged'", "42501", "55000"),
        ("delete from payment_attempt", "42501", "55000"),
        ("update inbound_event set kind = 'x'", "42501", "55000"),
        ("delete from inbound_event", "42501", "55000"),
        ("delete from payment", "42501", "23503"),
        ("update payment set heard_at = now()", "42501", "CS001"),
        ("update payment set amount = 2000, balance = 2000", "CS001", "CS001"),
        ("update payment set balance = 2000", "23514", "23514"),
        ("update payment set state = 'ready'", "23514", "23514"),
    ] {
        for (conn, expected) in [(&mut app, as_app), (&mut owner, as_owner)] {
            let refused = sqlx::query(statement).execute(conn).await.unwrap_err();
            assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some(expected), "{statement}: {refused}");
        }
    }
    let mut auditor = <sqlx::PgConnection as sqlx::Connection>::connect(&scene.desk.url_as("countersign_auditor").await).await.unwrap();
    assert!(sqlx::query("select payer from payment").fetch_all(&mut auditor).await.is_err(), "whoever looks with psql sees no names");
    assert!(sqlx::query("select amount from payment").fetch_all(&mut auditor).await.is_ok());
}

/// A replica is killed at each point between an event and what came of it; another one goes on.
#[cfg(feature = "failpoints")]
#[tokio::test]
async fn killed_anywhere_between_being_told_and_knowing() {
    for point in ["payments.receiving", "payments.received", "payments.hidden", "payments.answered", "payments.recorded"] {
        let mut desk = Desk::with(1, |_| {}).await;
        let cs = desk.token("cs").await;
        desk.stop_all().await;
        let till = Till::start(&desk, &[]);
        till.make("portone", "order-1", 1_000, "paid").await;
        let environment = [
            ("COUNTERSIGN_PORTONE_API_URL", till.url.as_str()),
            ("COUNTERSIGN_PORTONE_API_SECRET", "portone-secret"),
            ("COUNTERSIGN_PORTONE_WEBHOOK_SECRET", WEBHOOK),
        ];
        let trap = format!("{point}=return");
        let mut doomed = crate::process::Process::start(&desk, &[], &[&environment[..], &[("FAILPOINTS", trap.as_str())]].concat()).await;
        let body = about("order-1").to_string();
        let told = signed(&doomed.base, WEBHOOK, "evt-1", chrono::Utc::now().timestamp(), &body).send().await;
        assert_eq!(told.is_ok_and(|answer| answer.status() == 200), !point.starts_with("payments.receiv"), "{point}");
        assert!(doomed.ended(Duration::from_secs(20)).await.is_some(), "{point} was never reached");
        let other = crate::process::Process::start(&desk, &[], &environment).await;
        if point == "payments.receiving" {
            // nobody answered, so it is told again
            let again = signed(&other.base, WEBHOOK, "evt-1", chrono::Utc::now().timestamp(), &body).send().await.unwrap();
            assert_eq!(again.json::<Value>().await.unwrap(), json!({"received": true, "known": false}), "{point}");
        } else {
            let again = signed(&other.base, WEBHOOK, "evt-1", chrono::Utc::now().timestamp(), &body).send().await.unwrap();
            assert_eq!(again.json::<Value>().await.unwrap()["known"], true, "{point}");
        }
        let end = Instant::now() + Duration::from_secs(40);
        loop {
            let (_, list) = answer(cs.http.get(format!("{}/api/payments?q=order-1", other.base)).bearer_auth(&cs.secret)).await;
            if list["items"][0]["state"] == "paid" {
                break;
            }
            assert!(Instant::now() < end, "{point}: {list}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!((desk.count("payment.event_received").await, desk.count("payment.verified").await), (1, 1), "{point}");
        assert_eq!(desk.broken_invariants().await, Vec::<String>::new(), "{point}");
        drop(other);
    }
}

/// What the demo does: the till tells by itself, and tells again until it is taken.
#[tokio::test]
async fn the_till_tells_by_itself_until_it_is_heard() {
    let mut desk = Desk::closed().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let till = Till::start(&desk, &[&format!("http://127.0.0.1:{port}")]);
    let fields = [("provider", "toss"), ("order", "order-1"), ("amount", "528000"), ("payer", "김하늘"), ("state", "awaiting_deposit")];
    till.post("/make", &fields).await;
    // nobody listens yet
    tokio::time::sleep(Duration::from_millis(300)).await;
    desk.start_replica_on(port, &till.configure()).await;
    let cs = desk.token("cs").await;
    let scene = Scene { desk, till, cs };
    scene.until_state("order-1", "awaiting_deposit").await;
    scene.till.post("/set/order-1", &[("state", "paid")]).await;
    let payment = scene.until_state("order-1", "paid").await;
    assert_eq!(scene.rows("payment").await, 1, "{payment:#}");
    scene.till.post("/tell/order-1", &[("lies", "yes")]).await;
    scene.until("order-1", |payment| payment["looks"][0]["remarks"] == json!(["amount_differs"])).await;
}

#[test]
fn configuration_is_whole_or_refused() {
    let read = |pairs: &[(&str, &str)]| {
        let all: Vec<_> =
            [("DATABASE_URL", "postgres://x@y/z")].iter().chain(pairs).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::read(|name| all.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()), "")
    };
    let none = read(&[]).unwrap().payments;
    assert!(none.portone.is_none() && none.toss.is_none());
    let good = [("COUNTERSIGN_PORTONE_API_SECRET", "hunter2-hunter2"), ("COUNTERSIGN_PORTONE_WEBHOOK_SECRET", WEBHOOK)];
    let config = read(&good).unwrap();
    assert_eq!(config.payments.portone.as_ref().unwrap().url.as_str(), "https://api.portone.io/");
    assert!(!format!("{config:?}").contains("hunter2") && !format!("{config:?}").contains("Y291"));
    let toss = [("COUNTERSIGN_TOSS_API_SECRET", "live_sk_x"), ("COUNTERSIGN_TOSS_WEBHOOK_SECRET", KEY)];
    assert_eq!(read(&toss).unwrap().payments.toss.unwrap().url.as_str(), "https://api.tosspayments.com/");
    for (pairs, said) in [
        (vec![good[0]], "COUNTERSIGN_PORTONE_WEBHOOK_SECRET is not set"),
        (vec![good[1]], "COUNTERSIGN_PORTONE_API_SECRET is not"),
        (vec![good[0], ("COUNTERSIGN_PORTONE_WEBHOOK_SECRET", "whsec_hunter2!")], "is not base64"),
        (vec![good[0], good[1], ("COUNTERSIGN_PORTONE_API_URL", "http://api.example")], "must be https"),
        (vec![toss[0], ("COUNTERSIGN_TOSS_WEBHOOK_SECRET", "short")], "16 characters"),
        (vec![("COUNTERSIGN_TEST_PAYMENTS", "perhaps")], "COUNTERSIGN_TEST_PAYMENTS"),
    ] {
        let problems = read(&pairs).unwrap_err().to_string();
        assert!(problems.contains(said) && !problems.contains("hunter2"), "{said}: {problems}");
    }
}

/// Somebody who asks has what they ask for in their language; the browser's own tests look at the rest.
#[tokio::test]
async fn the_pages_say_the_same_in_both_languages() {
    let scene = Scene::open(1).await;
    let person: Person = scene.desk.sign_in("approver").await;
    for (lang, title, none) in [("ko", "결제", "아직 알려진 결제가 없습니다."), ("en", "Payments", "No payment is known yet.")]
    {
        let page = person.at(&person.base).in_language(lang).get("/payments").await;
        assert_eq!((page.status, page.find("h1").as_deref()), (200, Some(title)));
        page.sees(none);
    }
}

#[tokio::test]
async fn the_doctor_asks_each_provider_for_a_payment_that_there_is_not() {
    let desk = Desk::open().await;
    let mut till = Till::start(&desk, &[]);
    let ask = async |url: &str, secret: &str| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.arg("doctor").env("DATABASE_URL", desk.app_url().await).envs(desk.log().await);
        command
            .env("COUNTERSIGN_PORTONE_API_URL", url)
            .env("COUNTERSIGN_PORTONE_API_SECRET", secret)
            .env("COUNTERSIGN_PORTONE_WEBHOOK_SECRET", WEBHOOK);
        command
            .env("COUNTERSIGN_TOSS_API_URL", url)
            .env("COUNTERSIGN_TOSS_API_SECRET", "live_sk_secret")
            .env("COUNTERSIGN_TOSS_WEBHOOK_SECRET", KEY);
        let output = command.output().await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!said.contains(KEY) && !said.contains("live_sk"), "{said}");
        (output.status.success(), said)
    };
    let url = till.url.clone();
    let (well, said) = ask(&url, "portone-secret").await;
    assert!(well && said.contains("ok    PortOne: answers, and takes the secret") && said.contains("/hooks/payments/toss"), "{said}");
    let (well, said) = ask(&url, "another-secret").await;
    assert!(!well && said.contains("FAIL  PortOne: refused") && said.contains("ok    Toss Payments"), "{said}");
    till.stop();
    let (well, said) = ask(&url, "portone-secret").await;
    assert!(!well && said.contains("FAIL  PortOne: unreachable"), "{said}");
}
