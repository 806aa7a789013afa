//! Price lists in versions: which holds when, what stays, and what is refused.
use super::*;

/// Case 8: which price holds on which day, and that no two hold on one.
#[tokio::test]
async fn a_price_holds_on_its_days_and_on_no_other() {
    let shop = Shop::open().await;
    shop.publish("pro", "2026-01-01", Some("2026-07-01"), &flat(1_200_000)).await;
    let next = |starts: &str, ends: Value, currency: &str| json!({"kind": "plan", "code": "pro", "starts": starts, "ends": ends, "currency": currency, "prices": flat(1_500_000)});
    let (field, message) = shop.refused("catalog.publish", next("2026-06-15", Value::Null, "KRW")).await;
    assert_eq!(field, "starts");
    assert!(message.contains("2026-01-01 ~ 2026-06-30"), "{message}");
    // on the page it is said beside the day that was typed
    let person = shop.desk.sign_in("approver").await;
    for lang in ["ko", "en"] {
        let person = person.at(&person.base).in_language(lang);
        let (editor, prices) = (person.get("/catalog/plans/pro/next").await, flat(1_600_000));
        let mut fields = vec![("kind", "plan"), ("code", "pro"), ("name", "Pro"), ("currency", "KRW"), ("reason", REASON)];
        fields.extend([("starts", "2026-06-15"), ("ends", ""), ("prices", prices.as_str())]);
        let sent = person.check(&editor, "/requests/new/catalog.publish", &fields).await;
        assert_eq!((sent.status, sent.find("[name=starts]").as_deref()), (422, Some("2026-06-15")), "{}", sent.text());
        sent.sees("2026-01-01 ~ 2026-06-30");
    }
    let (field, _) = shop.refused("catalog.publish", next("2026-08-01", json!("2026-08-01"), "KRW")).await;
    assert_eq!(field, "ends");
    shop.done("catalog.publish", next("2026-07-01", Value::Null, "KRW")).await;
    // dollars are another price list
    shop.done("catalog.publish", next("2026-06-15", Value::Null, "USD")).await;
    for (on, version, expected) in [("2026-06-30", 1, 1_200_000), ("2026-07-01", 2, 1_500_000)] {
        let answer = shop.preview(json!({"plan": "pro", "on": on})).await;
        assert_eq!(answer["invoice"]["supply"], expected, "{on}");
        let (_, product) = shop.billing.get(&format!("/api/catalog/plans/pro?on={on}")).await;
        let in_force: Vec<_> =
            product["in_force"].as_array().unwrap().iter().map(|v| (v["version"].as_i64(), v["currency"].as_str())).collect();
        assert_eq!(in_force, [(Some(3), Some("USD")), (Some(version), Some("KRW"))]);
    }
    let (status, _) = shop.billing.post("/api/catalog/preview", &json!({"plan": "pro", "on": "2025-12-31"})).await;
    assert_eq!(status, 404);
    // the same on the page
    for (version, days, expected) in [(1, "2026-01-01 ~ 2026-06-30", "₩1,200,000"), (2, "2026-07-01 ~", "₩1,500,000")] {
        let page = person.get(&format!("/catalog/plans/pro?version={version}&price=yes")).await;
        page.sees(days);
        assert_eq!(page.texts("#bill tbody td")[0], expected);
    }
    // the database holds it, too
    let mut owner = shop.desk.owner().await;
    let twice = sqlx::query(
        "insert into product_version (kind, code, version, currency, valid, document, hash, request_id, published_at)
         select kind, code, 9, currency, '[2026-06-15,)', document, hash, (select min(id) from request), published_at from product_version where version = 1",
    );
    let error = twice.execute(&mut owner).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("23P01"));
}

#[tokio::test]
async fn a_published_version_is_never_changed() {
    let shop = Shop::open().await;
    let id = shop.publish("pro", "2026-01-01", None, PRO).await;
    let told = shop.desk.story(&id).await;
    assert_eq!(
        told,
        ["request.submitted", "request.voted", "request.approved", "request.started", "catalog.published", "request.succeeded"]
    );
    let draft = |revision: i32| json!({"prices": flat(1), "revision": revision});
    let (status, problem) = shop.billing.post("/api/catalog/plans/pro/versions/1", &draft(0)).await;
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains('2'), "{problem}");
    // the next one is drafted, however wrong it is, and not over somebody else's
    let (status, saved) = shop.billing.post("/api/catalog/plans/pro/versions/2", &json!({"prices": "[[charge"})).await;
    assert_eq!((status, &saved["revision"]), (200, &json!(1)), "{saved}");
    assert_eq!(shop.admin.post("/api/catalog/plans/pro/versions/2", &draft(0)).await.0, 409);
    assert_eq!(shop.admin.post("/api/catalog/plans/pro/versions/2", &draft(1)).await.0, 200);
    assert_eq!(shop.billing.post("/api/catalog/plans/pro/versions/3", &draft(0)).await.0, 404);
    let mut owner = shop.desk.owner().await;
    for change in [
        "update product_version set document = 'x'",
        "update product_version set valid = '[2026-02-01,)'",
        "update product_version set valid = '[2026-01-01,2026-03-01)'",
        "update product_version set withdrawn_at = now()",
        "update product_version set request_id = 1",
        "delete from product_version",
    ] {
        assert_eq!(refused_by(sqlx::query(change).execute(&mut owner).await).as_deref(), Some("23514"), "{change}");
    }
    assert_eq!(shop.desk.broken_invariants().await, [""; 0]);
}

#[tokio::test]
async fn what_is_scheduled_can_be_withdrawn_and_the_version_before_it_goes_on() {
    let shop = Shop::open().await;
    shop.publish("pro", "2026-01-01", None, &flat(1_200_000)).await;
    shop.publish("pro", "2999-01-01", None, &flat(1_500_000)).await;
    assert_eq!(versions(&shop, "pro").await, ["2 scheduled 2999-01-01 -", "1 active 2026-01-01 2999-01-01"]);
    let withdraw = |version: i32| json!({"kind": "plan", "code": "pro", "version": version});
    assert_eq!(shop.refused("catalog.withdraw", withdraw(1)).await.0, "version");
    assert_eq!(shop.refused("catalog.withdraw", withdraw(7)).await.0, "version");
    assert_eq!(shop.refused("catalog.withdraw", json!({"kind": "addon", "code": "pro", "version": 1})).await.0, "code");
    shop.done("catalog.withdraw", withdraw(2)).await;
    assert_eq!(versions(&shop, "pro").await, ["2 withdrawn 2999-01-01 -", "1 active 2026-01-01 -"]);
    assert_eq!(shop.refused("catalog.withdraw", withdraw(2)).await.0, "version");
    // its number is not used again
    shop.publish("pro", "2999-06-01", None, &flat(1_400_000)).await;
    assert_eq!(versions(&shop, "pro").await, ["3 scheduled 2999-06-01 -", "2 withdrawn 2999-01-01 -", "1 active 2026-01-01 2999-06-01"]);
    assert_eq!(shop.desk.broken_invariants().await, [""; 0]);
}

/// What ended early because of a version goes on without it as it was meant to.
#[tokio::test]
async fn a_withdrawal_leaves_every_end_as_it_was_meant() {
    let shop = Shop::open().await;
    let withdraw = |version: i32| json!({"kind": "plan", "code": "pro", "version": version});
    shop.publish("pro", "2999-01-01", None, &flat(1_000)).await;
    // an early launch, before the first version begins
    shop.publish("pro", "2998-06-01", Some("2999-01-01"), &flat(900)).await;
    assert_eq!(versions(&shop, "pro").await, ["2 scheduled 2998-06-01 2999-01-01", "1 scheduled 2999-01-01 -"]);
    // a version with an end cuts the open one; withdrawn, that is open again
    shop.publish("pro", "2999-05-01", Some("2999-06-01"), &flat(1_100)).await;
    assert_eq!(versions(&shop, "pro").await[2], "1 scheduled 2999-01-01 2999-05-01");
    shop.done("catalog.withdraw", withdraw(3)).await;
    assert_eq!(versions(&shop, "pro").await[2], "1 scheduled 2999-01-01 -");
    // an end that somebody meant stays
    shop.publish("pro", "2998-01-01", Some("2998-06-01"), &flat(800)).await;
    shop.done("catalog.withdraw", withdraw(2)).await;
    assert_eq!(versions(&shop, "pro").await[0], "4 scheduled 2998-01-01 2998-06-01");
    assert_eq!(shop.desk.broken_invariants().await, [""; 0]);
}

#[tokio::test]
async fn a_draft_that_somebody_went_on_with_outlives_a_publication() {
    let shop = Shop::open().await;
    shop.publish("pro", "2026-01-01", None, &flat(1_000)).await;
    let save = |text: String, revision: i32| json!({"name": "pro", "prices": text, "revision": revision});
    shop.billing.post("/api/catalog/plans/pro/versions/2", &save(flat(2_000), 0)).await;
    let fields = json!({"kind": "plan", "code": "pro", "starts": "2999-01-01", "prices": flat(2_000)});
    let (_, request) = shop.ask("catalog.publish", fields).await;
    shop.admin.post("/api/catalog/plans/pro/versions/2", &save(flat(3_000), 1)).await;
    let id = request["id"].as_str().unwrap();
    shop.admin.vote(id, "approve", None).await;
    shop.billing.get(&format!("/api/requests/{id}/wait?timeout=30")).await;
    let person = shop.desk.sign_in("admin").await;
    person.get("/catalog/plans/pro/next").await.sees("amount = 3000");
    let (status, saved) = shop.admin.post("/api/catalog/plans/pro/versions/3", &save(flat(3_100), 2)).await;
    assert_eq!((status, &saved["revision"]), (200, &json!(3)), "{saved}");
    // a product that was never published is found by its draft
    shop.billing.post("/api/catalog/plans/gold/versions/1", &save("[".into(), 0)).await;
    let list = person.get("/catalog/plans?standing=draft").await;
    list.sees("gold");
    for (body, expected) in
        [(save(flat(1), -5), 400), (save(flat(1), i32::MAX), 400), (json!({"prices": "", "starts": "x".repeat(11)}), 400)]
    {
        assert_eq!(shop.billing.post("/api/catalog/plans/silver/versions/1", &body).await.0, expected, "{body}");
    }
    assert_eq!(shop.billing.post("/api/catalog/plans/silver/versions/1", &save(flat(1), 7)).await.0, 409);
}

#[tokio::test]
async fn a_version_that_came_in_between_makes_an_approval_stale() {
    let shop = Shop::open().await;
    shop.publish("pro", "2026-01-01", None, &flat(1_200_000)).await;
    let fields = |won: i64, starts: &str| json!({"kind": "plan", "code": "pro", "starts": starts, "prices": flat(won)});
    let (_, first) = shop.ask("catalog.publish", fields(1_300_000, "2999-01-01")).await;
    shop.done("catalog.publish", fields(1_500_000, "2999-06-01")).await;
    let id = first["id"].as_str().unwrap();
    shop.admin.vote(id, "approve", None).await;
    let (_, request) = shop.billing.get(&format!("/api/requests/{id}/wait?timeout=30")).await;
    assert_eq!(request["state"], "stale", "{request}");
}

#[tokio::test]
async fn what_is_wrong_is_told_at_its_field_and_the_typed_text_stays() {
    let shop = Shop::open().await;
    let fields = |change: Value| {
        let mut fields = json!({"kind": "plan", "code": "pro", "name": "Pro", "starts": "2026-12-01", "prices": PRO});
        fields.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        fields
    };
    for (change, field) in [
        (json!({"code": "Pro v3"}), "code"),
        (json!({"code": "new"}), "code"),
        (json!({"name": "가".repeat(81)}), "name"),
        (json!({"name": null}), "name"),
        (json!({"currency": "EUR"}), "currency"),
        (json!({"starts": "2026-02-30"}), "starts"),
        (json!({"ends": "2026-11-30"}), "ends"),
        (json!({"prices": flat(-1)}), "prices"),
        (json!({"prices": format!("[[charge]]\nkey = 'a'\nmodel = 'flat'\namount = {}\n", "9".repeat(40))}), "prices"),
        (json!({"kind": "addon"}), "prices"),
    ] {
        assert_eq!(shop.refused("catalog.publish", fields(change.clone())).await.0, field, "{change}");
    }
    // an auditor reads and does not write
    let auditor = shop.desk.token("auditor").await;
    assert_eq!(auditor.get("/api/catalog/plans").await.0, 200);
    assert_eq!(auditor.post("/api/catalog/plans/pro/versions/1", &json!({"prices": ""})).await.0, 403);
    let billing = shop.desk.sign_in("approver").await;
    let form = billing.get("/catalog/plans/new").await;
    let typed = [
        ("do", "check"),
        ("version", "1"),
        ("code", "pro"),
        ("name", "프로 요금제"),
        ("prices", "[[charge]]\nkey = 'mine'\nmodel = 'flat'\namount = -5\n"),
    ];
    let page = billing.post_from(&form, "/catalog/plans/draft", &typed).await;
    assert_eq!(page.status, 422);
    page.sees("1행").sees("amount = -5");
    assert_eq!(page.all("#field-name", "value"), ["프로 요금제"]);
    let typed = [("do", "save"), ("version", "1"), ("code", "pro"), ("name", "프로 요금제"), ("prices", "not yet")];
    assert_eq!(billing.post_from(&form, "/catalog/plans/draft", &typed).await.status, 303);
    // somebody else saves with the same beginning
    let page =
        billing.post_from(&form, "/catalog/plans/draft", &[("do", "save"), ("version", "1"), ("code", "pro"), ("prices", "mine")]).await;
    assert_eq!(page.status, 409);
    page.sees("이서연").sees("mine");
    billing.get("/catalog/plans/pro/next").await.sees("not yet");
    assert_eq!(
        billing.post_from(&form, "/catalog/plans/draft", &[("do", "discard"), ("code", "pro")]).await.status,
        409,
        "not the one that was seen"
    );
    let typed = [("do", "discard"), ("code", "pro"), ("revision", "1")];
    assert_eq!(billing.post_from(&form, "/catalog/plans/draft", &typed).await.status, 303);
    assert_eq!(billing.get("/catalog/plans/pro").await.status, 404);
}
