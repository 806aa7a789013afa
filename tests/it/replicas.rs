//! Two replicas on one database, and replicas that are killed.
use crate::{
    process::Process,
    support::{Desk, ORG, REASON},
};
use serde_json::json;
use sqlx::{Connection, Executor};
use std::time::{Duration, Instant};

#[tokio::test]
async fn signed_in_at_one_asked_at_one_approved_at_the_other() {
    let desk = Desk::with(2, |_| {}).await;
    let admin = desk.sign_in_at(0, "admin").await;
    let approver = desk.sign_in_at(0, "approver").await.at(desk.base(1));
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    approver.vote(&id, "approve", "").await;
    admin.until(&id, "succeeded").await;
    approver.until(&id, "succeeded").await;
    let attempts: i64 = sqlx::query_scalar("select count(*) from attempt where request_id = (select max(id) from request)")
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    assert_eq!(attempts, 1);
}

#[tokio::test]
async fn a_change_at_one_replica_is_told_at_the_other() {
    use futures::StreamExt;
    let desk = Desk::with(2, |_| {}).await;
    let approver = desk.sign_in_at(1, "approver").await;
    let mut stream = approver.http.get(format!("{}/events", approver.base)).send().await.unwrap().bytes_stream();
    stream.next().await.unwrap().unwrap();
    let began = Instant::now();
    desk.token_at(0, "ops", &[]).await.fix(json!({"org_id": ORG, "tier": "starter"})).await;
    tokio::time::timeout(Duration::from_secs(3), stream.next()).await.expect("told within a second").unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_lost_notification_costs_a_second_and_no_more() {
    let desk = Desk::with(2, |_| {}).await;
    let ops = desk.token_at(0, "ops", &[]).await;
    let approver = desk.token_at(1, "approver", &[]).await;
    let (_, request) = ops.fix(json!({"org_id": ORG, "tier": "starter"})).await;
    let id = request["id"].as_str().unwrap().to_owned();
    // a role of no importance may end its own kind of backends: every listener loses its connection
    let mut admin = sqlx::PgConnection::connect(&desk.url_as("postgres").await).await.unwrap();
    admin
        .execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen%'")
        .await
        .unwrap();
    let waiting = tokio::spawn(async move { ops.get(&format!("/api/requests/{id}/wait?timeout=20")).await });
    approver.vote(request["id"].as_str().unwrap(), "approve", None).await;
    let (status, _) = tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("found by polling").unwrap();
    assert_eq!(status, 200);
}

#[tokio::test]
async fn fifty_approvals_by_two_people_at_two_replicas_make_one_execution() {
    let desk = Desk::with(2, |_| {}).await;
    let ops = desk.token_at(0, "ops", &[]).await;
    let voters = [desk.token_at(0, "approver", &[]).await, desk.token_at(1, "admin", &[]).await];
    let (_, request) = ops.fix(json!({"org_id": ORG, "tier": "starter"})).await;
    let (id, binding) = (request["id"].as_str().unwrap().to_owned(), request["binding"].clone());
    let votes = (0..50).map(|n| {
        let (voter, base) = (&voters[n % 2], desk.base(n / 2 % 2).to_owned());
        let (id, body) = (id.clone(), json!({"decision": "approve", "binding": binding}));
        async move {
            let request = voter.http.post(format!("{base}/api/requests/{id}/votes")).bearer_auth(&voter.secret).json(&body);
            crate::support::answer(request).await
        }
    });
    let answers = futures::future::join_all(votes).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, body)| body["vote"] == "counted").count(), 1);
    assert_eq!(ops.get(&format!("/api/requests/{id}/wait?timeout=10")).await.0, 200);
    assert_eq!(
        desk.story(&id).await,
        ["request.submitted", "request.voted", "request.approved", "request.started", "org.tier.fixed", "request.succeeded"]
    );
    assert_eq!(desk.count("org.tier.fixed").await - history(&desk).await, 1);
}

/// How often the demo's history fixed an organisation.
async fn history(desk: &Desk) -> i64 {
    sqlx::query_scalar(
        "select count(*) from attempt a join request r on r.id = a.request_id where r.operation = 'org.tier.fix' and a.replica = 'demo'",
    )
    .fetch_one(&mut desk.owner().await)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_replica_killed_between_approval_and_execution_is_replaced_by_the_other() {
    let mut desk = Desk::with(1, |_| {}).await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    // the only replica that is up approves, and is killed before anybody works
    let doomed = Process::start(&desk, &["--no-worker"], &[]).await;
    desk.stop_all().await;
    let at = |token: &crate::support::Token| crate::support::Token {
        base: doomed.base.clone(),
        id: token.id,
        secret: token.secret.clone(),
        http: token.http.clone(),
    };
    let (_, request) = at(&ops).fix(json!({"org_id": ORG, "tier": "starter"})).await;
    let id = request["id"].as_str().unwrap().to_owned();
    assert_eq!(at(&approver).vote(&id, "approve", None).await.1["state"], "approved");
    doomed.kill().await;
    let began = Instant::now();
    let other = Process::start(&desk, &[], &[]).await;
    let ops = crate::support::Token { base: other.base.clone(), ..ops };
    let (status, body) = ops.get(&format!("/api/requests/{id}/wait?timeout=10")).await;
    assert_eq!((status, body["state"].as_str()), (200, Some("succeeded")));
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(body["attempts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_replica_killed_in_the_middle_of_an_execution_leaves_no_trace_and_the_other_does_it_once() {
    let mut desk = Desk::with(1, |_| {}).await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let doomed = Process::start(&desk, &[], &[]).await;
    desk.stop_all().await;
    let at = |token: &crate::support::Token, base: &str| crate::support::Token {
        base: base.to_owned(),
        id: token.id,
        secret: token.secret.clone(),
        http: token.http.clone(),
    };
    let (_, request) = at(&ops, &doomed.base).fix(json!({"org_id": ORG, "tier": "starter"})).await;
    let id = request["id"].as_str().unwrap().to_owned();
    // somebody holds the organisation, so the execution begins and cannot end
    let mut owner = desk.owner().await;
    let mut holding = owner.begin().await.unwrap();
    holding.execute("select 1 from admin_orgs where id = 'org_hanbit0001' for update").await.unwrap();
    at(&approver, &doomed.base).vote(&id, "approve", None).await;
    // only a superuser sees what others wait for
    let mut watcher = sqlx::PgConnection::connect(&desk.url_as("postgres").await).await.unwrap();
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        assert!(Instant::now() < end, "the execution never began");
        let blocked: bool = sqlx::query_scalar(
            "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')",
        )
        .fetch_one(&mut watcher)
        .await
        .unwrap();
        if blocked {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    doomed.kill().await;
    holding.rollback().await.unwrap();
    let other = Process::start(&desk, &[], &[]).await;
    let (status, body) = at(&ops, &other.base).get(&format!("/api/requests/{id}/wait?timeout=10")).await;
    assert_eq!((status, body["state"].as_str()), (200, Some("succeeded")), "{body}");
    assert_eq!(body["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(
        desk.story(&id).await,
        ["request.submitted", "request.voted", "request.approved", "request.started", "org.tier.fixed", "request.succeeded"]
    );
}
