//! Many who decide at once, and what was approved changing under an approval.
use super::*;
use countersign::auth::{Role, Service};

/// Case 11 of the acceptance numbers.
#[tokio::test]
async fn twenty_who_decide_at_once_make_one_decision_and_the_others_hear_of_it() {
    let desk = Desk::with(2, |_| {}).await;
    sells(&desk).await;
    let db = countersign::db::Db::connect(&desk.owner_url().await, countersign::live::Live::new().0).await.unwrap();
    for n in 0..20 {
        let email = format!("decider{n}@hanbit.example");
        let (console, name) = (Service::Console.operator(), format!("결정자{n}"));
        countersign::auth::operators::add(&db, &console, &email, &name, &[Role::Cs], "a-long-password".into()).await.unwrap();
    }
    let cs = desk.token("cs").await;
    let id = begun(&cs, "case-eleven", 200_810_002).await;
    let (_, now) = cs.post(&format!("/api/onboarding/{id}/contract/evidence"), &evidence("contract")).await;
    let seen = step(&now, "contract")["seen"].clone();
    let mut deciders = Vec::new();
    for n in 0..20 {
        deciders.push(desk.token_at(n % 2, &format!("decider{n}"), &[]).await);
    }
    let votes = deciders.iter().enumerate().map(|(n, who)| {
        let (decision, reason) = if n % 2 == 0 { ("pass", "") } else { ("fail", MISMATCH) };
        who.post_to(&id, json!({"decision": decision, "seen": seen, "reason": reason}))
    });
    let answers = futures::future::join_all(votes).await;
    let won: Vec<_> = answers.iter().enumerate().filter(|(_, (status, _))| *status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    let winner = format!("결정자{}", won[0].0);
    for (status, problem) in answers.iter().filter(|(status, _)| *status != 200) {
        assert_eq!((*status, problem["code"].as_str()), (409, Some("onboarding-decided-already")));
        let said = problem["detail"].as_str().unwrap();
        assert!(said.contains(&winner) && said.contains("20") && said.contains("한국 시간"), "{said}");
    }
    let rows: i64 = sqlx::query_scalar(
        "select count(*) from tenant_onboarding_decision d join tenant_onboarding_task t on t.id = d.task_id
          join tenant_onboarding_request r on r.id = t.onboarding_id join tenant n on n.id = r.tenant_id where n.slug = 'case-eleven'",
    )
    .fetch_one(&mut desk.owner().await)
    .await
    .unwrap();
    assert_eq!(rows, 1);
    let again = deciders[0].post_to(&id, json!({"decision": "fail", "seen": seen, "reason": MISMATCH})).await;
    assert_eq!(again.0, 409, "and later as well");

    // what was looked at has changed: through the API, and on the page with what was typed
    let page = desk.sign_in("cs").await;
    let id = begun(&cs, "case-eleven-b", 200_810_003).await;
    cs.post(&format!("/api/onboarding/{id}/contract/evidence"), &evidence("contract")).await;
    let shown = page.get(&format!("/onboarding/{id}")).await;
    let seen = shown.find("#contract-decision-form input[name=seen]").unwrap();
    let other = json!({"contract_number": "HB-2026-0001", "sha256": "b".repeat(64)});
    assert_eq!(cs.post(&format!("/api/onboarding/{id}/contract/evidence"), &other).await.0, 200);
    let (status, problem) = cs.post(&format!("/api/onboarding/{id}/contract/decision"), &json!({"decision": "pass", "seen": seen})).await;
    assert_eq!((status, problem["code"].as_str()), (412, Some("onboarding-evidence-moved")));
    let moved =
        send(&page, &shown, &format!("/onboarding/{id}/contract/decision"), &[("decision", "fail"), ("seen", &seen), ("reason", MISMATCH)])
            .await;
    assert_eq!((moved.status, moved.find("#contract-reason")), (412, Some(MISMATCH.into())));
    moved.sees("내용이 변경됨");

    // the same for the whole: content, and nobody approves what they asked for themselves
    let id = begun(&cs, "case-eleven-c", 200_810_004).await;
    passed(&cs, &id, &["contract", "payment", "permission", "migration"]).await;
    let (status, problem) = cs.post(&format!("/api/onboarding/{id}/approve"), &json!({"content": "0".repeat(64), "reason": WHY})).await;
    assert_eq!((status, problem["code"].as_str()), (412, Some("onboarding-content-moved")));
    let admin = desk.token("admin").await;
    let request = asked(&admin, &id, "approve", WHY).await;
    let (status, problem) = admin.vote(&request, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-own-request")));
    let (status, problem) = cs.post(&format!("/api/onboarding/{id}/reject"), &json!({"content": "", "reason": WHY})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("onboarding-under-way")), "one decision at a time");
    // twenty who approve it at once: one vote, and whoever objects later hears whose. (A rejection that comes before it runs still stops it.)
    for n in 0..20 {
        countersign::auth::operators::set_roles(
            &db,
            &Service::Console.operator(),
            &format!("decider{n}@hanbit.example"),
            &[Role::Approver],
        )
        .await
        .unwrap();
    }
    let mut voters = Vec::new();
    for n in 0..20 {
        voters.push(desk.token_at(n % 2, &format!("decider{n}"), &[]).await);
    }
    let votes = voters.iter().map(|who| who.vote(&request, "approve", Some(MISMATCH)));
    let answers = futures::future::join_all(votes).await;
    let of = |vote: &str| answers.iter().filter(|(_, a)| a["vote"] == vote).count();
    assert_eq!((of("counted"), of("already_decided")), (1, 19));
    let won = answers.iter().position(|(_, a)| a["vote"] == "counted").unwrap();
    assert_eq!(over(&admin, &request).await["state"], "succeeded");
    let (status, problem) = voters[(won + 1) % 20].vote(&request, "reject", Some(MISMATCH)).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("request-decided-already")));
    assert!(problem["detail"].as_str().unwrap().contains(&format!("결정자{won} 님이 20")), "{problem}");
    let number: i64 = request.trim_start_matches("CR-").parse().unwrap();
    let votes: i64 = sqlx::query_scalar("select count(*) from vote where request_id = $1")
        .bind(number)
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    assert_eq!(votes, 1);
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
    db.close().await;
}

impl Token {
    /// Decides on the contract of an onboarding.
    async fn post_to(&self, id: &str, body: Value) -> (u16, Value) {
        self.post(&format!("/api/onboarding/{id}/contract/decision"), &body).await
    }
}

#[tokio::test]
async fn what_changes_after_approval_was_asked_for_makes_it_stale() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, approver) = (desk.token("cs").await, desk.token("approver").await);
    let id = begun(&cs, "stale-one", 200_810_005).await;
    passed(&cs, &id, &["contract", "payment", "permission", "migration"]).await;
    let request = asked(&cs, &id, "approve", WHY).await;
    let other = json!({"order_id": "ord-2", "amount": 1_650_000});
    let (status, now) = cs.post(&format!("/api/onboarding/{id}/payment/evidence"), &other).await;
    assert_eq!((status, states(&now)), (200, vec!["passed", "running", "passed", "passed"]), "new evidence is decided anew");
    approver.vote(&request, "approve", None).await;
    assert_eq!(over(&cs, &request).await["state"], "stale");
    assert_eq!(state(&cs, &id).await, "open");
    desk.sign_in("cs").await.get(&format!("/requests/{request}")).await.sees("요청 뒤에 대상이 바뀌어 실행하지 않았습니다.");
    let body = json!({"decision": "pass", "seen": step(&now, "payment")["seen"]});
    cs.post(&format!("/api/onboarding/{id}/payment/decision"), &body).await;
    // asked for through the general door, with the hash of another time
    let fields = json!({"onboarding_id": id, "content": now["content"]});
    let (status, problem) = cs.post("/api/requests", &json!({"operation": "onboarding.approve", "fields": fields, "reason": WHY})).await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("onboarding-content-moved")));
    let request = asked(&cs, &id, "approve", WHY).await;
    approver.vote(&request, "approve", None).await;
    assert_eq!(over(&cs, &request).await["state"], "succeeded");
    let (status, problem) = cs.post(&format!("/api/onboarding/{id}/payment/evidence"), &evidence("payment")).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("onboarding-is-over")));
}
