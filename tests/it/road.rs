//! The whole road: ask, countersign, run once, see it in the ledger.
use crate::support::{Desk, ORG, REASON, policy, two_approvers};
use serde_json::json;
use std::time::Duration;

/// Whoever asks for a fix may approve it.
const SELF_APPROVAL: &str =
    "[[rule]]\nname = 'fixes'\nwhen = { operation = 'org.tier.fix' }\nneeds = [{ group = 'approvers' }]\nself_approval = true";

#[tokio::test]
async fn an_organisations_tier_and_credit_are_asked_for_countersigned_done_once_and_written_down() {
    let desk = Desk::open().await;
    let (admin, approver) = (desk.sign_in("admin").await, desk.sign_in("approver").await);
    let org = admin.get(&format!("/orgs/{ORG}")).await;
    org.sees("조직 등급·크레딧 정정");
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "enterprise"), ("credit", "120,000"), ("reason", REASON)]).await;
    assert_eq!(desk.org(ORG).await, ("free".into(), 0), "nothing happens before it is countersigned");

    approver.get("/inbox?tab=mine").await.sees(&id);
    approver.get(&format!("/requests/{id}")).await.sees("enterprise").sees("120,000").sees(REASON);
    let voted = approver.vote(&id, "approve", "").await;
    assert_eq!(voted.status, 303, "{}", voted.text());
    approver.until(&id, "succeeded").await;
    admin.until(&id, "succeeded").await;

    assert_eq!(desk.org(ORG).await, ("enterprise".into(), 120_000));
    assert_eq!(
        desk.story(&id).await,
        ["request.submitted", "request.voted", "request.approved", "request.started", "org.tier.fixed", "request.succeeded"]
    );
    let history = admin.get(&format!("/orgs/{ORG}")).await;
    history.sees("등급·크레딧 정정").sees("120,000");
    let ledger = admin.get(&format!("/ledger?request={id}")).await;
    ledger.sees("실행 성공").sees("승인 확정");
    let entry = ledger.body.split("href=\"/ledger/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    admin.get(&format!("/ledger/{entry}")).await.sees(&id);
}

#[tokio::test]
async fn a_persons_plan_is_granted_until_a_day() {
    let desk = Desk::open().await;
    let (cs, approver) = (desk.sign_in("cs").await, desk.sign_in("approver").await);
    let (user, plan): (String, String) =
        sqlx::query_as("select id, plan from admin_users order by id limit 1").fetch_one(&mut desk.owner().await).await.unwrap();
    let other = if plan == "pro" { "free" } else { "pro" };
    let until = if other == "pro" { "2099-12-31" } else { "" };
    let id = cs.ask("user.plan.grant", &[("user_id", &user), ("plan", other), ("until", until), ("reason", REASON)]).await;
    approver.vote(&id, "approve", "").await;
    cs.until(&id, "succeeded").await;
    let now: (String, Option<chrono::NaiveDate>) = sqlx::query_as("select plan, plan_until from admin_users where id = $1")
        .bind(&user)
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    assert_eq!(now.0, other);
    assert_eq!(now.1.is_some(), other == "pro");
}

#[tokio::test]
async fn a_rejection_needs_a_reason_and_stops_it_for_good() {
    let desk = Desk::open().await;
    let (admin, approver) = (desk.sign_in("admin").await, desk.sign_in("approver").await);
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let bare = approver.vote(&id, "reject", "아니오").await;
    assert_eq!(bare.status, 422);
    bare.sees("사유를 10자 이상 입력하세요.");
    assert_eq!(bare.find("textarea[name=reason]").unwrap(), "아니오", "what was typed is kept");
    assert_eq!(approver.vote(&id, "reject", "계약서의 수량과 다릅니다. 다시 확인하세요.").await.status, 303);
    admin.until(&id, "denied").await.sees("계약서의 수량과 다릅니다.");
    assert_eq!(desk.org(ORG).await, ("free".into(), 0));
    assert_eq!(desk.story(&id).await, ["request.submitted", "request.voted", "request.denied"]);
}

#[tokio::test]
async fn a_requester_takes_a_request_back() {
    let desk = Desk::open().await;
    let (admin, approver) = (desk.sign_in("admin").await, desk.sign_in("approver").await);
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let page = admin.get(&format!("/requests/{id}")).await;
    assert_eq!(admin.post_from(&page, &format!("/requests/{id}/withdraw"), &[]).await.status, 303);
    admin.until(&id, "withdrawn").await;
    let late = approver.vote(&id, "approve", "").await;
    assert_eq!(late.status, 409);
    assert_eq!(desk.story(&id).await, ["request.submitted", "request.withdrawn"]);
}

#[tokio::test]
async fn a_target_that_moved_is_not_touched() {
    let desk = Desk::open().await;
    let (admin, approver) = (desk.sign_in("admin").await, desk.sign_in("approver").await);
    let first = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let second = admin.ask("org.tier.fix", &[("org_id", ORG), ("credit", "500"), ("reason", REASON)]).await;
    approver.vote(&first, "approve", "").await;
    admin.until(&first, "succeeded").await;
    approver.vote(&second, "approve", "").await;
    admin.until(&second, "stale").await.sees("요청 뒤에 대상이 바뀌어 실행하지 않았습니다.");
    assert_eq!(desk.org(ORG).await, ("pro".into(), 0));
}

#[tokio::test]
async fn self_approval_works_only_where_the_policy_names_it() {
    let desk = Desk::with(1, |config| config.policy = policy(SELF_APPROVAL)).await;
    let admin = desk.sign_in("admin").await;
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "starter"), ("reason", REASON)]).await;
    assert_eq!(admin.vote(&id, "approve", "").await.status, 303);
    admin.until(&id, "succeeded").await;
}

#[tokio::test]
async fn two_approvals_mean_two_people() {
    let desk = Desk::with(1, |config| config.policy = two_approvers()).await;
    let (cs, approver, admin) = (desk.sign_in("cs").await, desk.sign_in("approver").await, desk.sign_in("admin").await);
    let id = cs.ask("org.tier.fix", &[("org_id", ORG), ("tier", "starter"), ("reason", REASON)]).await;
    approver.vote(&id, "approve", "").await;
    let again = desk.token("approver").await.vote(&id, "approve", None).await;
    assert_eq!((again.0, again.1["vote"].as_str(), again.1["state"].as_str()), (200, Some("already_counted"), Some("pending")));
    admin.vote(&id, "approve", "").await;
    cs.until(&id, "succeeded").await;
    assert_eq!(desk.story(&id).await.iter().filter(|k| *k == "request.voted").count(), 2);
}

#[tokio::test]
async fn an_approver_may_change_a_vote_while_it_is_pending() {
    let desk = Desk::with(1, |config| config.policy = two_approvers()).await;
    let (cs, approver) = (desk.sign_in("cs").await, desk.token("approver").await);
    let id = cs.ask("org.tier.fix", &[("org_id", ORG), ("tier", "starter"), ("reason", REASON)]).await;
    assert_eq!(approver.vote(&id, "approve", None).await.0, 200);
    let (status, request) = approver.vote(&id, "reject", Some("다시 보니 수량이 다릅니다.")).await;
    assert_eq!((status, request["state"].as_str()), (200, Some("denied")));
}

#[tokio::test]
async fn an_approver_who_is_disabled_after_voting_does_not_count() {
    let desk = Desk::with(1, |config| config.policy = two_approvers()).await;
    let (cs, approver, admin) = (desk.sign_in("cs").await, desk.sign_in("approver").await, desk.sign_in("admin").await);
    let id = cs.ask("org.tier.fix", &[("org_id", ORG), ("tier", "starter"), ("reason", REASON)]).await;
    approver.vote(&id, "approve", "").await;
    let db = countersign::db::Db::connect(&desk.owner_url().await, countersign::live::Live::new().0).await.unwrap();
    countersign::auth::operators::disable(&db, &countersign::auth::Service::Console.operator(), "approver@hanbit.example").await.unwrap();
    assert_eq!(approver.get("/inbox").await.status, 303, "the session has ended");
    admin.vote(&id, "approve", "").await;
    cs.until(&id, "pending").await;
    assert_eq!(desk.org(ORG).await.0, "free");
}

#[tokio::test]
async fn waiting_ends_with_the_outcome_and_not_before() {
    let desk = Desk::open().await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let (_, request) = ops.fix(json!({"org_id": ORG, "tier": "starter"})).await;
    let id = request["id"].as_str().unwrap().to_owned();
    assert_eq!(ops.get(&format!("/api/requests/{id}/wait?timeout=0")).await.0, 202);
    let wait = tokio::spawn(async move { (ops.get(&format!("/api/requests/{id}/wait?timeout=20")).await, id) });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!wait.is_finished());
    approver.vote(request["id"].as_str().unwrap(), "approve", None).await;
    let ((status, body), _) = wait.await.unwrap();
    assert_eq!((status, body["state"].as_str()), (200, Some("succeeded")));
}

#[tokio::test]
async fn a_rejected_wait_is_403_and_an_expired_one_408() {
    let desk = Desk::open().await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let (_, request) = ops.fix(json!({"org_id": ORG, "tier": "starter"})).await;
    let id = request["id"].as_str().unwrap();
    approver.vote(id, "reject", Some("수량이 계약서와 다릅니다.")).await;
    assert_eq!(ops.get(&format!("/api/requests/{id}/wait?timeout=5")).await.0, 403);
    let (_, request) = ops.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let id = request["id"].as_str().unwrap();
    expire(&desk, id).await;
    assert_eq!(ops.get(&format!("/api/requests/{id}/wait?timeout=10")).await.0, 408);
    assert_eq!(desk.story(id).await, ["request.submitted", "request.expired"]);
}

/// Moves a request's end into the past, as time would; with an event, since the database asks for one.
pub async fn expire(desk: &Desk, id: &str) {
    let mut owner = desk.owner().await;
    let number: i64 = id.trim_start_matches("CR-").parse().unwrap();
    sqlx::query("alter table request disable trigger is_recorded").execute(&mut owner).await.unwrap();
    sqlx::query("update request set created_at = now() - interval '2 hours', expires_at = now() - interval '1 second' where id = $1")
        .bind(number)
        .execute(&mut owner)
        .await
        .unwrap();
    sqlx::query("alter table request enable trigger is_recorded").execute(&mut owner).await.unwrap();
}

#[tokio::test]
async fn live_pages_are_told_that_something_changed_and_no_more() {
    use futures::StreamExt;
    let desk = Desk::open().await;
    let approver = desk.sign_in("approver").await;
    let mut stream = approver.http.get(format!("{}/events", approver.base)).send().await.unwrap().bytes_stream();
    stream.next().await.unwrap().unwrap();
    let (_, request) = desk.token("ops").await.fix(json!({"org_id": ORG, "tier": "starter"})).await;
    let chunk = tokio::time::timeout(Duration::from_secs(3), stream.next()).await.unwrap().unwrap().unwrap();
    let said = String::from_utf8(chunk.to_vec()).unwrap();
    assert_eq!(said.trim(), format!("event: request\ndata: {{\"id\":\"{}\"}}", request["id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_request_for_later_says_when_and_does_not_run_before() {
    let desk = Desk::open().await;
    let (ops, approver) = (desk.token("ops").await, desk.sign_in("approver").await);
    let later = chrono::Utc::now() + chrono::TimeDelta::seconds(3);
    let body = json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "tier": "pro"}, "reason": REASON, "not_before": later});
    let (status, request) = ops.post("/api/requests", &body).await;
    assert_eq!(status, 201, "{request}");
    let id = request["id"].as_str().unwrap();
    approver.get(&format!("/requests/{id}")).await.sees("실행 예정").sees("에 실행: 조직 등급·크레딧 정정");
    approver.vote(id, "approve", "").await;
    assert_eq!(ops.get(&format!("/api/requests/{id}")).await.1["state"], "approved");
    assert_eq!(desk.org(ORG).await.0, "free");
    let (status, done) = ops.get(&format!("/api/requests/{id}/wait?timeout=15")).await;
    assert_eq!((status, done["state"].as_str()), (200, Some("succeeded")));
    let ended: chrono::DateTime<chrono::Utc> = done["closed_at"].as_str().unwrap().parse().unwrap();
    assert!(ended >= later - chrono::TimeDelta::milliseconds(1));
}

#[tokio::test]
async fn closing_the_self_approval_exception_reaches_requests_that_wait() {
    let allowed = |config: &mut countersign::config::Config| config.policy = policy(SELF_APPROVAL);
    let desk = Desk::with(1, allowed).await;
    let id = desk.sign_in("admin").await.ask("org.tier.fix", &[("org_id", ORG), ("tier", "starter"), ("reason", REASON)]).await;
    desk.replace_policy(&policy("")).await;
    let token = desk.token("admin").await;
    let (status, problem) = token.vote(&id, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-own-request")));
}
