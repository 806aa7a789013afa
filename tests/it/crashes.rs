//! A replica is killed at each point between asking and the recorded outcome; another takes over, and what was asked for happens
//! once or is shown as unknown. Needs `--features failpoints`.
use crate::{
    process::{Process, Product},
    support::{Desk, ORG, REASON},
};
use countersign::operations::Guarantee;
use serde_json::{Value, json};
use std::{
    os::unix::process::ExitStatusExt,
    time::{Duration, Instant},
};

const LEASE: Duration = Duration::from_secs(2);

struct Client {
    base: String,
    secret: String,
    http: reqwest::Client,
}

impl Client {
    /// `None` if nobody answered.
    async fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.secret).json(body);
        let answer = request.header("idempotency-key", "\"the-only-one\"").timeout(Duration::from_secs(8)).send().await.ok()?;
        answer.json().await.ok()
    }

    async fn get(&self, path: &str) -> Option<Value> {
        self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.secret).send().await.ok()?.json().await.ok()
    }
}

/// Asks and approves at a replica that dies at `point`, then does the same again at one that lives: what clients do that got
/// no answer. Answers the request as it is in the end, and how long that took.
async fn survive(point: &str, guarantee: Option<Guarantee>, mode: &str) -> (Desk, Option<Product>, Value) {
    let mut desk = Desk::with(1, |_| {}).await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    desk.stop_all().await;
    let product = guarantee.map(|_| Product::start(&desk));
    if let Some(product) = &product {
        product.mode(mode).await;
    }
    let environment: Vec<(&str, String)> = product.iter().flat_map(|p| p.environment(guarantee.unwrap())).collect();
    let ordinary: Vec<(&str, &str)> = environment.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let spare = Process::start(&desk, &["--no-worker"], &ordinary).await;
    let trap = format!("{point}=return");
    let armed = [&ordinary[..], &[("FAILPOINTS", trap.as_str())]].concat();
    let mut doomed = Process::start(&desk, &[], &armed).await;
    let client =
        |token: &crate::support::Token, base: &str| Client { base: base.into(), secret: token.secret.clone(), http: token.http.clone() };
    let ask = json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "tier": "starter"}, "reason": REASON});
    let mut id = None;
    for base in [doomed.base.clone(), spare.base.clone()] {
        if let Some(request) = client(&ops, &base).post("/api/requests", &ask).await {
            id = Some(request["id"].as_str().unwrap_or_else(|| panic!("{point}: {request}")).to_owned());
            break;
        }
    }
    let id = id.expect("somebody took the request");
    let whole = client(&ops, &spare.base).get(&format!("/api/requests/{id}")).await.unwrap();
    let vote = json!({"decision": "approve", "binding": whole["binding"]});
    for base in [doomed.base.clone(), spare.base.clone()] {
        if client(&approver, &base).post(&format!("/api/requests/{id}/votes"), &vote).await.is_some() {
            break;
        }
    }
    let status = doomed.ended(Duration::from_secs(20)).await.unwrap_or_else(|| panic!("{point} was never reached"));
    assert_eq!(status.signal(), Some(9), "{point}: {status:?}");
    // from here on there is a worker again
    let began = Instant::now();
    let other = Process::start(&desk, &[], &ordinary).await;
    let reader = client(&ops, &other.base);
    loop {
        let request = reader.get(&format!("/api/requests/{id}")).await.unwrap();
        if !["pending", "approved", "executing"].contains(&request["state"].as_str().unwrap()) {
            // where the other system stays broken, the attempts that follow take their time
            let longest = LEASE + Duration::from_secs(if mode == "fail-before" { 25 } else { 5 });
            assert!(began.elapsed() < longest, "{point}: it took {:?}", began.elapsed());
            assert_eq!(desk.broken_invariants().await, Vec::<String>::new(), "{point}");
            drop((spare, other));
            return (desk, product, request);
        }
        assert!(began.elapsed() < Duration::from_secs(40), "{point}: {request}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn killed_anywhere_on_the_way_to_an_effect_of_our_own() {
    for point in [
        "submit.recording",
        "submit.recorded",
        "vote.recording",
        "vote.recorded",
        "execution.claimed",
        "execution.started",
        "execution.applied",
        "execution.recorded",
    ] {
        let (desk, _, request) = survive(point, None, "ok").await;
        assert_eq!(request["state"], "succeeded", "{point}: {request}");
        assert_eq!(request["attempts"].as_array().unwrap().len(), 1, "{point}");
        assert_eq!(desk.org(ORG).await.0, "starter", "{point}");
        assert_eq!(
            desk.story(request["id"].as_str().unwrap()).await,
            ["request.submitted", "request.voted", "request.approved", "request.started", "org.tier.fixed", "request.succeeded"],
            "{point}"
        );
    }
}

#[tokio::test]
async fn killed_anywhere_on_the_way_to_an_effect_elsewhere() {
    for point in [
        "outside.hidden",
        "outside.looked",
        "outside.claimed",
        "outside.dispatched",
        "outside.answered",
        "outside.recording",
        "outside.recorded",
    ] {
        let (desk, product, request) = survive(point, Some(Guarantee::Keyed), "ok").await;
        assert_eq!(request["state"], "succeeded", "{point}: {request}");
        assert_eq!(product.unwrap().effects().await.len(), 1, "{point}");
        assert_eq!(desk.org(ORG).await.0, "starter", "{point}");
        assert_eq!(desk.story(request["id"].as_str().unwrap()).await.iter().filter(|kind| *kind == "org.tier.fixed").count(), 1, "{point}");
    }
}

#[tokio::test]
async fn killed_while_nobody_knows_how_it_ended() {
    // asked again after a refused answer, and killed before the second one
    let (_, product, request) = survive("outside.resumed", Some(Guarantee::Keyed), "fail-before").await;
    assert_eq!(request["state"], "unknown", "nobody mended it: {request}");
    assert!(product.unwrap().effects().await.is_empty());
    // what tells nothing is never asked twice, wherever its replica died
    for point in ["outside.dispatched", "outside.answered"] {
        let (desk, product, request) = survive(point, Some(Guarantee::Opaque), "ok").await;
        assert_eq!(request["state"], "unknown", "{point}: {request}");
        assert_eq!(product.unwrap().effects().await.len(), usize::from(point == "outside.answered"), "{point}");
        assert_ne!(desk.org(ORG).await.0, "starter", "{point}: nobody knows yet");
    }
    // the open question was recorded, and is still read back by hand
    let (desk, product, request) = survive("outside.unknown", Some(Guarantee::Probeable), "hang").await;
    assert_eq!(request["state"], "unknown", "{request}");
    let product = product.unwrap();
    let mut desk = desk;
    desk.start_replica(&product.configure(Guarantee::Probeable)).await;
    let approver = desk.token("approver").await;
    let id = request["id"].as_str().unwrap();
    let (_, settled) = approver.post(&format!("/api/requests/{id}/read-back"), &json!({})).await;
    assert_eq!(settled["state"], "succeeded", "{settled}");
    assert_eq!(product.effects().await.len(), 1);
}
