//! What a policy asks of a request, and of those who decide on it.
use super::*;

#[tokio::test]
async fn a_policy_that_asks_for_nobody_runs_at_once_and_writes_the_same_events() {
    let mut desk = Desk::closed().await;
    let unchanged: fn(&mut Config) = |_| {};
    desk.start_replica_with(0, Registry::new().with(Box::new(Typed::<Note>::default())), &unchanged).await;
    let body = json!({"operation": "test.note", "fields": {"text": "good morning"}, "reason": REASON});
    let (status, request) = desk.token("ops").await.post("/api/requests", &body).await;
    assert_eq!((status, request["state"].as_str(), &request["policy"]["rule"]), (201, Some("succeeded"), &json!("risk-low")), "{request}");
    assert_eq!(
        desk.story(request["id"].as_str().unwrap()).await,
        ["request.submitted", "request.approved", "request.started", "note.taken", "request.succeeded"]
    );
}

#[tokio::test]
async fn two_needs_mean_two_humans_even_if_one_is_in_both_groups() {
    let desk = under(policy(LARGE)).await;
    let (ops, approver, admin) = (desk.sign_in("ops").await, desk.sign_in("approver").await, desk.sign_in("admin").await);
    let id = ops.ask("org.tier.fix", &[("org_id", ORG), ("credit", "120000"), ("reason", REASON)]).await;
    let page = approver.get(&format!("/requests/{id}")).await;
    page.sees("규칙 ‘credit-large’: 작업: 조직 등급·크레딧 정정, 크레딧 변화 0 → 120,000 (+120,000)이 100,000 이상")
        .sees("요청자가 아닌 승인 권한자 1명, 결제 담당자 1명의 승인이 필요합니다.")
        .sees("승인 · 추가 승인 대기");
    admin
        .at(&admin.base)
        .in_language("en")
        .get(&format!("/requests/{id}"))
        .await
        .sees("Credit change 0 → 120,000 (+120,000) is 100,000 or more");
    assert_eq!(approver.vote(&id, "approve", "").await.status, 303);
    ops.until(&id, "pending").await;
    let (_, request) = desk.token("ops").await.get(&format!("/api/requests/{id}")).await;
    // either seat suits the one who is in both groups, so that an approver or another from billing helps
    assert_eq!(request["waits_for"], json!(["admin", "approver", "billing"]));
    admin.get("/inbox?tab=mine").await.sees(&id);
    admin.vote(&id, "approve", "").await;
    ops.until(&id, "succeeded").await;
    assert_eq!(desk.org(ORG).await.1, 120_000);
    let small = ask(&desk, "ops", json!({"org_id": ORG, "credit": 130_000})).await;
    assert_eq!(desk.token("approver").await.vote(&small, "approve", None).await.1["state"], "approved");
}

#[tokio::test]
async fn only_those_who_are_needed_are_asked_and_others_are_refused() {
    let desk =
        under(policy("[[rule]]\nname = 'by-security'\nwhen = { operation = 'org.tier.fix' }\nneeds = [{ group = 'security' }]")).await;
    let (approver, security, sre) = (desk.sign_in("approver").await, desk.sign_in("security").await, desk.token("sre").await);
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    assert!(!approver.get("/inbox?tab=mine").await.text().contains(&id), "an approver has no part in it");
    security.get("/inbox?tab=mine").await.sees(&id);
    approver.get(&format!("/requests/{id}")).await.sees("승인 권한이 없습니다. 승인 가능: 정도윤");
    let (status, problem) = sre.vote(&id, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-not-eligible")));
    let (status, problem) = desk.token("approver").await.vote(&id, "reject", Some("수량이 계약서와 다릅니다.")).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-not-eligible")));
    assert_eq!(security.vote(&id, "approve", "").await.status, 303);
    security.until(&id, "succeeded").await;
}

#[tokio::test]
async fn tightening_reaches_requests_that_wait_and_loosening_does_not() {
    let desk = under(policy("")).await;
    let (approver, admin) = (desk.token("approver").await, desk.token("admin").await);
    let id = ask(&desk, "ops", json!({"org_id": ORG, "credit": 200_000})).await;
    desk.replace_policy(&policy(LARGE)).await;
    let (status, request) = admin.vote(&id, "approve", None).await;
    assert_eq!((status, &request["state"], &request["waits_for"]), (200, &json!("pending"), &json!(["billing"])), "{request}");
    desk.sign_in("approver").await.get(&format!("/requests/{id}")).await.sees("지금 시행 중인 정책이 요구");
    assert_eq!(approver.vote(&id, "approve", None).await.1["state"], "approved");

    let other = ask(&desk, "ops", json!({"org_id": "org_hanbit0001", "credit": 400_000})).await;
    desk.replace_policy(&policy("")).await;
    assert_eq!(admin.vote(&other, "approve", None).await.1["state"], "pending", "what it was made under still counts");
}

#[tokio::test]
async fn whose_turn_it_is_follows_the_policy_without_a_vote() {
    let desk = under(policy("")).await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    desk.replace_policy(&policy("[[rule]]\nname = 'by-security'\nwhen = { risk = 'high' }\nneeds = [{ group = 'security' }]")).await;
    let ops = desk.token("ops").await;
    for _ in 0..200 {
        if ops.get(&format!("/api/requests/{id}")).await.1["waits_for"] == json!(["admin", "approver", "security"]) {
            assert!(desk.story(&id).await.contains(&"request.waits".to_owned()));
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    panic!("the lists never learned of it");
}

#[tokio::test]
async fn a_reason_must_name_its_ticket_and_says_what_one_looks_like() {
    let desk = under(policy(&rule("ticket = { pattern = 'CS-[0-9]+', example = 'CS-1024' }\nreason_prompt = '어느 문의인가요?'"))).await;
    let ops = desk.sign_in("ops").await;
    let form = ops.get("/requests/new/org.tier.fix").await;
    form.sees("어느 문의인가요?");
    let draft = form.find("input[name=draft]").unwrap();
    let fields = [("org_id", ORG), ("tier", "pro"), ("reason", REASON), ("draft", draft.as_str())];
    let check = ops.check(&form, "/requests/new/org.tier.fix", &fields).await;
    assert_eq!(check.status, 422);
    assert_eq!(check.find("#reason-error").unwrap(), "정책에 따라 사유에 CS-1024 같은 티켓 번호를 적어야 합니다.");
    let (status, problem) = desk.token("ops").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    assert_eq!((status, problem["errors"][0]["code"].as_str()), (422, Some("reason-without-ticket")));
    ops.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", &format!("CS-77 {REASON}"))]).await;
}

#[tokio::test]
async fn what_the_policy_wants_looked_at_alone_is_not_decided_in_a_batch() {
    let desk = under(policy(&rule("batch = false"))).await;
    let approver = desk.sign_in("approver").await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    let inbox = approver.get("/inbox?tab=mine").await;
    let dry = approver.post_from(&inbox, "/requests/bulk", &[("id", &id)]).await;
    dry.sees("정책에 따라 따로 결정해야 하는 요청입니다.");
    let (_, request) = desk.token("approver").await.get(&format!("/api/requests/{id}")).await;
    let item = format!("{id}:{}", request["binding"].as_str().unwrap());
    let done = approver.post_from(&dry, "/requests/bulk/votes", &[("item", &item), ("decision", "approve")]).await;
    done.sees("정책에 따라 따로 결정해야 하는 요청입니다.");
    assert_eq!(approver.vote(&id, "approve", "").await.status, 303);
}

#[tokio::test]
async fn an_approval_may_ask_for_a_fresh_sign_in_which_no_token_is() {
    let desk = under(policy(&rule("step_up_minutes = 5"))).await;
    let approver = desk.sign_in("approver").await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    let (status, problem) = desk.token("approver").await.vote(&id, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-step-up-token")));
    sqlx::query("update session set created_at = now() - interval '6 minutes'").execute(&mut desk.owner().await).await.unwrap();
    let page = approver.get(&format!("/requests/{id}")).await;
    let again = page.all("#sign-in-again", "href");
    assert_eq!(again, [format!("/login?again=1&next=%2Frequests%2F{id}")]);
    let refused = approver.vote(&id, "approve", "").await;
    assert_eq!(refused.status, 403);
    refused.sees("최근 5분 안에 로그인한 사람만 승인할 수 있습니다.");
    let login = approver.get(&again[0]).await;
    assert_eq!(login.status, 200, "the form is there although somebody is signed in");
    let next = format!("/requests/{id}");
    let fields = [("email", "approver@hanbit.example"), ("password", countersign::demo::PASSWORD), ("next", next.as_str())];
    let back = approver.post_from(&login, "/login", &fields).await;
    assert_eq!((back.status, back.location.as_deref()), (303, Some(next.as_str())));
    assert_eq!(approver.vote(&id, "approve", "").await.status, 303);
    approver.until(&id, "succeeded").await;
}

#[tokio::test]
async fn during_a_cool_off_somebody_may_still_say_no() {
    let desk = under(policy(&rule("cool_off_minutes = 60"))).await;
    let (approver, admin) = (desk.token("approver").await, desk.token("admin").await);
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    let (_, request) = approver.vote(&id, "approve", None).await;
    let time = |key: &str| request[key].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!(request["state"], "approved");
    assert_eq!(time("run_after") - time("decided_at"), chrono::TimeDelta::minutes(60));
    assert_eq!(time("execute_by") - time("run_after"), chrono::TimeDelta::minutes(60));
    let (status, denied) = admin.vote(&id, "reject", Some("수량이 계약서와 다릅니다.")).await;
    assert_eq!((status, denied["state"].as_str()), (200, Some("denied")), "{denied}");
    assert_eq!(desk.org(ORG).await.0, "free");
}

#[tokio::test]
async fn an_agents_owner_is_its_human() {
    let desk = under(two_approvers()).await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    let mut owner = desk.owner().await;
    // the one who asked turns out to be an agent of the approver
    sqlx::raw_sql("alter table operator disable trigger is_recorded; update operator set kind = 'service',
        owner_id = (select id from operator where email = 'approver@hanbit.example') where email = 'ops@hanbit.example'; alter table operator enable trigger is_recorded")
        .execute(&mut owner).await.unwrap();
    let (status, problem) = desk.token("approver").await.vote(&id, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-own-request")));
    assert!(!desk.sign_in("approver").await.get("/inbox?tab=mine").await.text().contains(&id));
}

#[tokio::test]
async fn an_approval_by_somebody_who_lost_the_role_does_not_run() {
    let desk = under(policy(&rule("cool_off_minutes = 1"))).await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    desk.token("approver").await.vote(&id, "approve", None).await;
    operators::set_roles(
        &console(&desk).await,
        &Service::Console.operator(),
        "approver@hanbit.example",
        &[countersign::auth::Role::Billing],
    )
    .await
    .unwrap();
    let mut owner = desk.owner().await;
    sqlx::raw_sql("alter table request disable trigger is_recorded; update request set run_after = now() where state = 'approved'; alter table request enable trigger is_recorded; update job set run_at = now()")
        .execute(&mut owner).await.unwrap();
    let (_, ended) = desk.token("ops").await.get(&format!("/api/requests/{id}/wait?timeout=10")).await;
    assert_eq!((&ended["state"], &ended["outcome"]["code"]), (&json!("stale"), &json!("quorum_lost")), "{ended}");
}
