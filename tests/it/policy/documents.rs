//! The document itself: replaced, refused, simulated, and the one before there were documents.
use super::*;

#[tokio::test]
async fn the_policy_is_replaced_by_two_people_and_every_replica_follows_at_once() {
    let desk = Desk::with(2, |_| {}).await;
    let (admin, approver, security) = (desk.sign_in("admin").await, desk.sign_in_at(1, "approver").await, desk.sign_in("security").await);
    assert_eq!(desk.count("policy.adopted").await, 1, "two replicas, one adoption");
    let document = policy(&format!("{GUARDED}\n\n{LARGE}"));
    let id = admin.ask("policy.replace", &[("document", &document), ("reason", REASON)]).await;
    admin.get(&format!("/requests/{id}")).await.sees("규칙 ‘policy’").sees("name = 'credit-large'");
    let (status, problem) = desk.token("admin").await.vote(&id, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-own-request")));
    approver.vote(&id, "approve", "").await;
    admin.until(&id, "pending").await;
    security.vote(&id, "approve", "").await;
    admin.until(&id, "succeeded").await;
    assert_eq!(desk.story(&id).await.iter().filter(|kind| *kind == "policy.replaced").count(), 1);
    for replica in 0..2 {
        let (_, now) = desk.token_at(replica, "ops", &[]).await.get("/api/policy").await;
        assert_eq!((&now["version"], &now["rules"][1]["name"]), (&json!(2), &json!("credit-large")), "replica {replica}");
        let body = json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "credit": 100_000 + replica}, "reason": REASON});
        let (_, request) = desk.token_at(replica, "ops", &[]).await.post("/api/requests", &body).await;
        assert_eq!((&request["policy"]["rule"], &request["policy"]["version"]), (&json!("credit-large"), &json!(2)));
    }
    let page = approver.get("/policy").await;
    page.sees("버전 2").sees("크레딧 변화: 100,000 이상").sees("홍서진").sees(&id);
}

#[tokio::test]
async fn of_two_proposals_the_second_is_stale() {
    let desk = Desk::open().await;
    let (admin, approver, security) = (desk.token("admin").await, desk.token("approver").await, desk.token("security").await);
    let mut ids = Vec::new();
    for rules in [GUARDED.to_owned(), format!("{GUARDED}\n\n{LARGE}")] {
        let body = json!({"operation": "policy.replace", "fields": {"document": policy(&rules)}, "reason": REASON});
        let (status, request) = admin.post("/api/requests", &body).await;
        assert_eq!(status, 201, "{request}");
        ids.push(request["id"].as_str().unwrap().to_owned());
    }
    approver.vote(&ids[0], "approve", None).await;
    approver.vote(&ids[1], "approve", None).await;
    security.vote(&ids[0], "approve", None).await;
    assert_eq!(admin.get(&format!("/api/requests/{}/wait?timeout=10", ids[0])).await.1["state"], "succeeded");
    security.vote(&ids[1], "approve", None).await;
    assert_eq!(admin.get(&format!("/api/requests/{}/wait?timeout=10", ids[1])).await.1["state"], "stale");
}

#[tokio::test]
async fn a_bad_document_is_refused_with_its_lines_and_what_was_typed_stays() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let bad = policy(
        "[[rule]]\nname = 'x'\nwhen = { risk = 'high' }\nneeds = []\n\n[[rule]]\nname = 'y'\nwhen = { operation = 'org.tier.fox' }\nneeds = [{ group = 'nobody' }]",
    );
    let form = admin.get("/policy/simulate").await;
    let page = admin.post_from(&form, "/policy/simulate", &[("document", &bad), ("days", "30"), ("do", "check")]).await;
    assert_eq!(page.status, 422);
    page.sees("10행: rule.x이(가) 아무의 승인도 요구하지 않습니다.".replace("x이(가)", "x가").as_str())
        .sees("14행")
        .sees("org.tier.fox")
        .sees("15행");
    assert!(page.body.contains("org.tier.fox"), "typed text is kept");
    assert_eq!(page.find("#days").unwrap(), "30");
    let fine = admin.post_from(&form, "/policy/simulate", &[("document", &policy(GUARDED)), ("do", "check")]).await;
    fine.sees("문서를 읽을 수 있습니다. 규칙 2개, 그룹 4개가 있습니다.");

    let token = desk.token("admin").await;
    let (status, problem) = token.post("/api/policy/simulate", &json!({"document": bad})).await;
    let codes: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect();
    assert_eq!((status, codes), (422, vec!["policy-fault-nobody", "document-fault-unknown-value", "document-fault-unknown-value"]));
    let propose = |document: String| json!({"operation": "policy.replace", "fields": {"document": document}, "reason": REASON});
    for (document, code) in [
        (bad, "policy-fault-nobody"),
        (countersign::policy::BUILT_IN.to_owned(), "policy-unchanged"),
        // two of billing, where there is one
        (policy_with("", "needs = [{ group = 'billing', count = 2 }]"), "policy-locks-out"),
    ] {
        let (status, problem) = token.post("/api/requests", &propose(document)).await;
        assert_eq!((status, problem["errors"][0]["code"].as_str()), (422, Some(code)), "{problem}");
    }
    let (status, problem) = desk.token("cs").await.post("/api/requests", &propose(policy(GUARDED))).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("forbidden")));
}

#[tokio::test]
async fn what_nobody_could_approve_is_refused_when_it_is_asked_for() {
    let desk =
        under(policy("[[rule]]\nname = 'money'\nwhen = { operation = 'org.tier.fix' }\nneeds = [{ group = 'billing', count = 2 }]")).await;
    let (status, problem) = desk.token("ops").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("request-stuck")));
    assert!(
        problem["detail"].as_str().unwrap().contains("billing × 1") && problem["detail"].as_str().unwrap().contains("홍서진"),
        "{problem}"
    );
    let ops = desk.sign_in("ops").await;
    let form = ops.get("/requests/new/org.tier.fix").await;
    let draft = form.find("input[name=draft]").unwrap();
    let fields = [("org_id", ORG), ("tier", "pro"), ("reason", REASON), ("draft", draft.as_str())];
    let check = ops.check(&form, "/requests/new/org.tier.fix", &fields).await;
    check.sees("승인할 수 있는 사람이 없어 제출할 수 없습니다. 규칙 ‘money’에 부족한 인원: billing × 1.");
    assert_eq!((check.status, check.count("#submit"), check.count("#stuck")), (200, 0, 1));
    // one person who approves their own requests is not enough either: the only other approver is gone
    let desk = under(policy("")).await;
    operators::disable(&console(&desk).await, &Service::Console.operator(), "approver@hanbit.example").await.unwrap();
    let (status, problem) = desk.token("admin").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("request-stuck")));
}

#[tokio::test]
async fn the_simulator_counts_a_known_past() {
    let desk = under(policy("")).await;
    let mut owner = desk.owner().await;
    // nothing of the demo's past
    sqlx::raw_sql(
        "alter table attempt disable trigger user; alter table vote disable trigger user; alter table request disable trigger user;
        alter table review disable trigger user; alter table permission_template_version disable trigger user;
        alter table tenant_onboarding_request disable trigger user; update tenant_onboarding_request set decided_in = null;
        delete from permission_template_version; delete from review; delete from attempt; delete from vote; delete from request",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let (large, small) = (
        ask(&desk, "ops", json!({"org_id": ORG, "credit": 150_000})).await,
        ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await,
    );
    for id in [&large, &small] {
        approver.vote(id, "approve", None).await;
        ops.get(&format!("/api/requests/{id}/wait?timeout=10")).await;
    }
    ask(&desk, "admin", json!({"org_id": ORG, "credit": 400_000})).await;
    // as if it had taken ten minutes
    sqlx::raw_sql(
        "update request set decided_at = created_at + interval '10 minutes' where decided_at is not null;
        update vote set at = r.created_at + interval '10 minutes' from request r where r.id = vote.request_id",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let (status, report) = ops.post("/api/policy/simulate", &json!({"document": policy(LARGE)})).await;
    assert_eq!((status, &report["days"], &report["capped"]), (200, &json!(90), &json!(false)), "{report}");
    let expected = json!({"requests": 3, "more": 2, "fewer": 0, "others": 0, "at_once": 0, "nobody": 1, "waited": 600, "would_wait": 1200});
    assert_eq!(report["all"], expected);
    let line = &report["lines"][0];
    assert_eq!((&line["rule"], &line["sums"]["requests"], &line["sums"]["nobody"]), (&json!("credit-large"), &json!(2), &json!(1)));
    assert!(line["examples"].as_array().unwrap().contains(&json!(large)));
    let (_, same) = ops.post("/api/policy/simulate", &json!({"document": policy(""), "days": 1})).await;
    assert_eq!((&same["all"]["more"], &same["all"]["others"], &same["all"]["would_wait"]), (&json!(0), &json!(0), &json!(600)));
    let page = desk.sign_in("admin").await;
    let form = page.get("/policy/simulate").await;
    let shown = page.post_from(&form, "/policy/simulate", &[("document", &policy(LARGE)), ("days", "90"), ("do", "simulate")]).await;
    shown.sees("최근 90일의 요청 3건을").sees("승인할 사람이 없음").sees("10분 → 20분").sees(&large);
}

#[tokio::test]
async fn a_ruling_from_before_the_documents_is_understood_and_cannot_be_slipped_in() {
    let desk = under(policy("")).await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    let number: i64 = id.trim_start_matches("CR-").parse().unwrap();
    let old = json!({"rule": "risk-high", "approvals": 1, "scope": "requests:decide", "self_approval": false, "pending_minutes": 4320,
        "execute_minutes": 60, "policy_hash": "00"});
    let mut owner = desk.owner().await;
    sqlx::query("alter table request disable trigger user").execute(&mut owner).await.unwrap();
    sqlx::query("update request set policy = $1 where id = $2").bind(&old).bind(number).execute(&mut owner).await.unwrap();
    let ops = desk.token("ops").await;
    let (status, request) = ops.get(&format!("/api/requests/{id}")).await;
    assert_eq!((status, &request["policy"]["needs"][0]["group"]), (200, &json!("approvers")), "{request}");
    // its binding was over another ruling: it is not run, and nothing worse happens
    desk.token("approver").await.vote(&id, "approve", None).await;
    let (_, ended) = ops.get(&format!("/api/requests/{id}/wait?timeout=10")).await;
    assert_eq!(ended["outcome"]["code"], "binding_broken");
}
