//! Waiting for an outcome, asking twice, and approvals in their old shape.
use crate::support::{Desk, ORG, REASON, Token, answer};
use futures::future::join_all;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

async fn asked(token: &Token, tier: &str) -> String {
    let (status, request) = token.fix(json!({"org_id": ORG, "tier": tier})).await;
    assert_eq!(status, 201, "{request}");
    request["id"].as_str().unwrap().to_owned()
}

fn waiting(token: &Arc<Token>, id: &str, seconds: u64) -> tokio::task::JoinHandle<(u16, Value)> {
    let (token, path) = (token.clone(), format!("/api/requests/{id}/wait?timeout={seconds}"));
    tokio::spawn(async move { token.get(&path).await })
}

/// Until so many wait here.
async fn until_waiting(desk: &Desk, count: usize) {
    let end = Instant::now() + Duration::from_secs(10);
    while desk.app().waiters.count() != count {
        assert!(Instant::now() < end, "{} wait, not {count}", desk.app().waiters.count());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_decision_answers_those_who_wait_for_it_and_nobody_else() {
    let desk = Desk::open().await;
    let (ops, approver) = (Arc::new(desk.token("ops").await), desk.token("approver").await);
    let (mine, other) = (asked(&ops, "pro").await, asked(&ops, "starter").await);
    let crowd: Vec<_> = (0..150).map(|_| waiting(&ops, &mine, 30)).collect();
    let others: Vec<_> = (0..150).map(|_| waiting(&ops, &other, 30)).collect();
    until_waiting(&desk, 300).await;
    approver.vote(&mine, "reject", Some("계약서와 다릅니다. 다시 확인해 주세요.")).await;
    for answer in join_all(crowd).await {
        let (status, body) = answer.unwrap();
        assert_eq!((status, body["state"].as_str()), (403, Some("denied")));
        assert_eq!(body["votes"][0]["reason"], "계약서와 다릅니다. 다시 확인해 주세요.");
    }
    until_waiting(&desk, 150).await;
    assert!(others.iter().all(|other| !other.is_finished()), "a signal about one request woke another's waiters for good");
    approver.vote(&other, "approve", None).await;
    assert!(join_all(others).await.into_iter().all(|answer| answer.unwrap().0 == 200));
    until_waiting(&desk, 0).await;
}

#[tokio::test]
async fn a_wait_that_ends_first_tells_how_things_are_and_what_does_not_exist_is_not_waited_for() {
    let desk = Desk::open().await;
    let ops = Arc::new(desk.token("ops").await);
    let id = asked(&ops, "pro").await;
    let answers = join_all((0..200).map(|n| waiting(&ops, &id, n % 2))).await;
    assert!(answers.into_iter().map(Result::unwrap).all(|(status, body)| status == 202 && body["state"] == "pending" && body["id"] == id));
    let (status, problem) = ops.get("/api/requests/CR-999999999/wait?timeout=30").await;
    assert_eq!((status, problem["code"].as_str()), (404, Some("not-found")));
    assert_eq!(ops.get(&format!("/api/requests/{id}/wait?timeout=-1")).await.0, 400);
    sqlx::query("select ledger.prepare_partitions(current_date, 1)").execute(&mut desk.owner().await).await.unwrap();
    expire(&desk, &id).await;
    let (status, body) = ops.get(&format!("/api/requests/{id}/wait?timeout=30")).await;
    assert_eq!((status, body["state"].as_str()), (408, Some("expired")));
}

/// Makes a request's time run out; the sweep then expires it.
async fn expire(desk: &Desk, id: &str) {
    let number: i64 = id.trim_start_matches("CR-").parse().unwrap();
    let sql = format!(
        "begin; alter table request disable trigger is_recorded;
         update request set created_at = created_at - interval '2 days', expires_at = now() - interval '1 second' where id = {number};
         alter table request enable trigger is_recorded; commit"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut desk.owner().await).await.unwrap();
}

#[tokio::test]
async fn whoever_hangs_up_or_is_cut_short_by_a_stop_loses_nothing() {
    let desk = Desk::open().await;
    let (ops, approver) = (Arc::new(desk.token("ops").await), desk.token("approver").await);
    let id = asked(&ops, "pro").await;
    let gone = waiting(&ops, &id, 30);
    until_waiting(&desk, 1).await;
    gone.abort();
    until_waiting(&desk, 0).await;
    let cut = ops.http.get(format!("{}/api/requests/{id}/wait?timeout=30", ops.base)).bearer_auth(&ops.secret).send();
    let cut = tokio::spawn(cut);
    until_waiting(&desk, 1).await;
    desk.app().waiters.stop();
    let cut = cut.await.unwrap().unwrap();
    assert_eq!((cut.status().as_u16(), cut.headers()["retry-after"].to_str().unwrap()), (202, "2"));
    assert_eq!(cut.json::<Value>().await.unwrap()["state"], "pending");
    approver.vote(&id, "approve", None).await;
    let end = Instant::now() + Duration::from_secs(5);
    while ops.get(&format!("/api/requests/{id}")).await.1["state"] != "succeeded" {
        assert!(Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(ops.get(&format!("/api/requests/{id}/wait")).await.0, 200);
}

#[tokio::test]
async fn asking_needs_a_key_and_the_same_one_fifty_times_at_two_replicas_asks_once() {
    let desk = Desk::with(2, |_| {}).await;
    let ops = desk.token("ops").await;
    let body = |tier: &str| json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "tier": tier}, "reason": REASON});
    let send = |base: &str, keys: &[&str], tier: &str| {
        let request = ops.http.post(format!("{base}/api/requests")).bearer_auth(&ops.secret).json(&body(tier));
        keys.iter().fold(request, |request, key| request.header("idempotency-key", *key))
    };
    let before = desk.count("request.submitted").await;
    for keys in [&[][..], &["\"\""], &["\"unfinished"], &["one", "two"], &[&"k".repeat(256)]] {
        let (status, problem) = answer(send(desk.base(0), keys, "pro")).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some("malformed")), "{keys:?}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("Idempotency-Key"));
    }
    assert_eq!(desk.count("request.submitted").await, before);
    // quoted as a structured field and plain, it is the same key
    let answers =
        join_all((0..50).map(|n| send(desk.base(n % 2), &[if n % 3 == 0 { "\"night-1\"" } else { "night-1" }], "pro").send())).await;
    let (mut ids, mut first) = (std::collections::HashSet::new(), 0);
    for answer in answers.into_iter().map(Result::unwrap) {
        assert_eq!(answer.status(), 201);
        first += usize::from(!answer.headers().contains_key("idempotency-replayed"));
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(location, format!("/api/requests/{}", body["id"].as_str().unwrap()));
        ids.insert(location);
    }
    assert_eq!((ids.len(), first), (1, 1));
    assert_eq!(desk.count("request.submitted").await, before + 1);
    let (status, problem) = answer(send(desk.base(1), &["night-1"], "starter")).await;
    assert_eq!((status, problem["errors"][0]["code"].as_str()), (422, Some("idempotency-key-reused")));
    // somebody else's key is another one
    let other = desk.token("cs").await;
    let theirs = other.http.post(format!("{}/api/requests", other.base)).bearer_auth(&other.secret).header("idempotency-key", "night-1");
    assert_eq!(answer(theirs.json(&body("starter"))).await.0, 201);
    assert_eq!(desk.count("request.submitted").await, before + 2);
}

#[tokio::test]
async fn approvals_in_their_old_shape_are_votes_like_any_other() {
    let desk = Desk::open().await;
    let (ops, approver, admin) = (desk.token("ops").await, desk.token("approver").await, desk.token("admin").await);
    let (yes, no) = (asked(&ops, "pro").await, asked(&ops, "starter").await);
    let mut cursor = String::new();
    let item = loop {
        let (status, page) = approver.get(&format!("/api/approvals/pending{cursor}")).await;
        assert_eq!(status, 200);
        if let Some(item) = page["items"].as_array().unwrap().iter().find(|item| item["id"] == yes) {
            break item.clone();
        }
        cursor = format!("?cursor={}", page["next"].as_str().expect("it is among those that wait"));
    };
    assert_eq!(
        (item["tool"].as_str(), item["status"].as_str(), item["role"].as_str()),
        (Some("org.tier.fix"), Some("pending"), Some("ops"))
    );
    assert_eq!((item["requester"].as_str(), &item["arguments"]), (Some("오태경"), &json!({"org_id": ORG, "tier": "pro"})));
    assert!(item["requested_at"].is_string() && item["expires_at"].is_string());
    assert!(item["responder"].is_null() && item["responded_at"].is_null() && item["reason"].is_null());

    for path in ["/api/approvals/pending".to_owned(), format!("/api/approvals/{yes}/approve"), format!("/api/approvals/{yes}/reject")] {
        let (status, problem) =
            if path.ends_with("pending") { ops.get(&path).await } else { ops.post(&path, &json!({"reason": REASON})).await };
        assert_eq!((status, problem["code"].as_str()), (403, Some("forbidden")), "{path}");
    }
    // as the old clients send it: without a body
    let bare = approver.http.post(format!("{}/api/approvals/{yes}/approve", approver.base)).bearer_auth(&approver.secret);
    let (status, approved) = answer(bare).await;
    assert_eq!(
        (status, approved["status"].as_str(), approved["responder"].as_str()),
        (200, Some("approved"), Some("이서연")),
        "{approved}"
    );
    assert_eq!(ops.get(&format!("/api/requests/{yes}/wait")).await.1["state"], "succeeded");

    let reject = format!("/api/approvals/{no}/reject");
    assert_eq!(approver.post(&reject, &json!({})).await.0, 422);
    assert_eq!(approver.post(&reject, &json!({"reason": "짧음"})).await.0, 422);
    let (status, rejected) = approver.post(&reject, &json!({"reason": "계약서와 등급이 다릅니다."})).await;
    assert_eq!(
        (status, rejected["status"].as_str(), rejected["reason"].as_str()),
        (200, Some("rejected"), Some("계약서와 등급이 다릅니다."))
    );
    assert_eq!(admin.post(&format!("/api/approvals/{no}/approve"), &json!({})).await.0, 409);
    assert_eq!(admin.post("/api/approvals/CR-999999999/approve", &json!({})).await.0, 404);
    // nobody approves their own, whatever the shape
    let (_, own) = admin.fix(json!({"org_id": ORG, "tier": "enterprise"})).await;
    let (status, problem) = admin.post(&format!("/api/approvals/{}/approve", own["id"].as_str().unwrap()), &json!({})).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-own-request")));
}
