//! Asking, on the page as well, and everything that is refused.
use super::*;

#[tokio::test]
async fn another_number_of_an_addon_is_asked_for_approved_and_had() {
    let s = Scene::open().await;
    let tenant = s.tenant("hanbit-two", 124_810_002, "active", Some("2026-01-01")).await;
    let first = s
        .asked(
            &s.cs,
            "addon.change",
            json!({"tenant_id": tenant, "addon": "seats", "quantity": 2, "from": day(0), "estimate": "tokens 30,000,000"}),
        )
        .await;
    let (_, request) = s.cs.get(&format!("/api/requests/{first}")).await;
    let (before, after) = (&request["preview"]["before"], &request["preview"]["after"]);
    assert_eq!((&before["quantity"], &after["quantity"], &after["monthly"]), (&json!(0), &json!(2), &json!(240_000)));
    assert_eq!((&after["plan"], &after["estimate"]), (&json!("pro v3"), &json!("tokens 30,000,000")));
    assert_eq!(after["invoice"].as_str().map(str::len), Some(64));
    assert!(after["lines"].as_str().unwrap().contains("10,000,000 / 1,000 × ₩3 = ₩30,000"), "{after}");
    // it waits in the list, and is had when somebody else has approved it
    let (_, list) = s.cs.get("/api/addons?standing=waiting").await;
    assert_eq!((&list["items"][0]["request"], &list["items"][0]["monthly_difference"]), (&json!(first), &json!(240_000)));
    s.approved(&first, "succeeded").await;
    assert_eq!(
        s.desk.story(&first).await,
        ["request.submitted", "request.voted", "request.approved", "request.started", "addon.changed", "request.succeeded"]
    );
    assert_eq!(s.has(&tenant).await, [("seats v1".into(), 2, day(0), None, "active".into())]);
    // on the same day something else takes its place; later it ends, and another number begins
    s.over(&s.cs, "addon.change", seats(&tenant, 3, &day(0)), "succeeded").await;
    s.over(&s.cs, "addon.change", seats(&tenant, 5, &day(10)), "succeeded").await;
    s.over(&s.cs, "addon.change", seats(&tenant, 0, &day(20)), "succeeded").await;
    assert_eq!(
        s.has(&tenant).await,
        [
            ("seats v1".into(), 5, day(10), Some(day(20)), "scheduled".into()),
            ("seats v1".into(), 3, day(0), Some(day(10)), "active".into()),
            ("seats v1".into(), 2, day(0), None, "undone".into()),
        ]
    );
    // what is scheduled stands in the way of what would begin before it, and makes room on its own day
    let (field, text) = s.refused(seats(&tenant, 7, &day(5))).await;
    assert_eq!((field.as_str(), text.contains(&day(10))), ("from", true), "{text}");
    s.over(&s.cs, "addon.change", seats(&tenant, 4, &day(20)), "succeeded").await;
    let mut owner = s.desk.owner().await;
    for change in [
        "update tenant_addon set quantity = 9",
        "update tenant_addon set addon_version = 2 where undone_in is null",
        "update tenant_addon set during = daterange(lower(during) - 1, upper(during))",
        "update tenant_addon set undone_in = null",
        "delete from tenant_addon",
    ] {
        let error = sqlx::query(change).execute(&mut owner).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("23514"), "{change}");
    }
    assert_eq!(s.desk.broken_invariants().await, [""; 0]);
    // somebody changed it past the portal
    assert_eq!(overwritten(&s).await, ["CR-1"], "the subscription that the scene wrote, which no event tells of");
    unguarded(&mut owner, &["tenant_addon"], false).await;
    sqlx::query("update tenant_addon set quantity = 40 where upper_inf(during) and undone_in is null").execute(&mut owner).await.unwrap();
    unguarded(&mut owner, &["tenant_addon"], true).await;
    assert_eq!(overwritten(&s).await.len(), 2);

    let page = s.desk.sign_in("auditor").await.get(&format!("/tenants/{tenant}/addons")).await;
    page.sees("사용 중").sees("대체됨").sees("seats v1");
    assert_eq!(page.count("a[href^='/addons/new']"), 0, "an auditor asks for nothing");
}

async fn overwritten(s: &Scene) -> Vec<String> {
    let registry = countersign::operations::registry::Registry::new();
    countersign::requests::invariants::overwritten(&mut s.desk.owner().await, &registry).await.unwrap().requests
}

#[tokio::test]
async fn everything_that_makes_no_sense_is_refused_beside_its_field() {
    let s = Scene::open().await;
    let tenant = s.tenant("hanbit-five", 124_810_005, "active", Some(&day(-40))).await;
    let closed = s.tenant("hanbit-closed", 124_810_006, "closed", Some("2026-01-01")).await;
    let bare = s.tenant("hanbit-bare", 124_810_007, "active", None).await;
    s.publish("addon", "late", &day(30), None, &flat(1_000)).await;
    let with = |name: &str, value: Value| {
        let mut fields = seats(&tenant, 2, &day(1));
        fields[name] = value;
        fields
    };
    for (fields, field) in [
        (with("quantity", json!(-1)), "quantity"),
        (with("quantity", json!(1_000_001)), "quantity"),
        (with("quantity", json!(1.5)), "quantity"),
        (with("quantity", json!("두 개")), "quantity"),
        (with("quantity", json!(0)), "quantity"),
        (with("from", json!(day(-1))), "from"),
        (with("from", json!(day(1_000))), "from"),
        (with("from", json!("내일")), "from"),
        (with("addon", json!("late")), "addon"),
        (with("addon", json!("nothing")), "addon"),
        (with("addon", json!("pro")), "addon"),
        (with("addon", json!("se\0ats")), "addon"),
        (with("tenant_id", json!("tnt_nobody")), "tenant_id"),
        (with("tenant_id", json!(crate::support::ORG)), "tenant_id"),
        (with("tenant_id", json!("\0")), "tenant_id"),
        (with("tenant_id", json!(closed)), "tenant_id"),
        (with("tenant_id", json!(bare)), "tenant_id"),
        (with("estimate", json!("tokens many")), "estimate"),
        (with("estimate", json!("letters 5")), "estimate"),
        (with("estimate", json!("tokens 1; tokens 2")), "estimate"),
        // 200 kB of anything
        (with("tenant_id", json!("t".repeat(200_000))), "tenant_id"),
        (with("addon", json!("a".repeat(200_000))), "addon"),
        (with("estimate", json!("x".repeat(200_000))), "estimate"),
        (with("from", json!("2".repeat(200_000))), "from"),
        (with("colour", json!("red")), "colour"),
    ] {
        let (told, text) = s.refused(fields.clone()).await;
        assert_eq!(told, field, "{text}");
        assert!(text.len() < 2_000, "{} bytes", text.len());
    }
    // who may not ask
    let (status, _) = s.ask(&s.desk.token("sre").await, "addon.change", seats(&tenant, 1, &day(1))).await;
    assert_eq!(status, 403);
    // previews
    let path = format!("/api/tenants/{tenant}/invoice-preview");
    for (body, status) in [
        (json!({"month": "2026-13"}), 422),
        (json!({"month": "1999-01"}), 422),
        (json!({"usage": {"letters": 1}}), 422),
        (json!({"usage": {"tokens": -1}}), 400),
        (json!({"changes": [{"addon": "nothing", "quantity": 1}]}), 422),
        (json!({"changes": [{"addon": "seats", "quantity": 4_000_000}]}), 422),
        (json!({"promotions": ["NOBODY"]}), 422),
        (json!({"promotions": vec!["X"; 500]}), 422),
        (json!({"colour": "red"}), 400),
        (json!({"month": "9".repeat(200_000)}), 422),
    ] {
        let (told, answer) = s.cs.post(&path, &body).await;
        assert_eq!(told, status, "{answer}");
    }
    assert_eq!(s.cs.post("/api/tenants/tnt_nobody/invoice-preview", &json!({})).await.0, 404);
    let cs = s.desk.sign_in("cs").await;
    for (query, status) in
        [("?month=jetzt", 422), ("?use-tokens=many", 422), ("?use-letters=1", 422), ("?promotions=NOBODY", 422), ("", 200)]
    {
        assert_eq!(cs.get(&format!("/tenants/{tenant}/invoice-preview{query}")).await.status, status, "{query}");
    }
    assert_eq!(cs.get(&format!("/tenants/{bare}/invoice-preview")).await.status, 422);
    assert_eq!(cs.get("/tenants/tnt_nobody/invoice-preview").await.status, 404);
    assert_eq!(s.desk.broken_invariants().await, [""; 0]);
}

/// In the browser, without a script: a tenant is found, a mistake keeps what was typed, the invoice is seen, and the request made once.
#[tokio::test]
async fn cs_asks_in_the_browser_and_sees_the_invoice_first() {
    let s = Scene::open().await;
    let tenant = s.tenant("hanbit-six", 124_810_008, "active", Some("2026-01-01")).await;
    let cs: Person = s.desk.sign_in("cs").await;
    cs.get("/addons").await.sees("아직 부가서비스 요청이 없습니다.");
    let found = cs.get("/addons/new?q=hanbit-s").await;
    assert_eq!(found.all("#tenants-found a", "href"), [format!("/addons/new?tenant={tenant}")]);
    let form = cs.get(&format!("/addons/new?tenant={tenant}")).await;
    form.sees("pro v3").sees("(추정)");
    let key = form.find("input[name=key]").unwrap();
    let from = day(2);
    let typed = |quantity: &'static str| {
        [
            ("key", key.clone()),
            ("tenant", "hanbit-six".into()),
            ("addon", "seats".into()),
            ("quantity", quantity.into()),
            ("from", from.clone()),
            ("use-tokens", "21,000,000".into()),
            ("reason", REASON.into()),
        ]
    };
    async fn send(cs: &Person, page: &crate::support::Page, fields: &[(&str, String)], more: &[(&str, &str)]) -> crate::support::Page {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
        cs.post_from(page, "/addons/new", &fields).await
    }
    let wrong = send(&cs, &form, &typed("-3"), &[("do", "check")]).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(wrong.find("input[name=quantity]").as_deref(), Some("-3"));
    assert_eq!(wrong.find("input[name=use-tokens]").as_deref(), Some("21,000,000"));
    assert_eq!(wrong.find("#reason").as_deref(), Some(REASON));
    assert_eq!(wrong.count("#addon-quantity-error"), 1);
    let seen = send(&cs, &form, &typed("2"), &[("do", "check")]).await;
    assert_eq!(seen.status, 200);
    seen.sees("2 × ₩120,000");
    let hash = seen.find("input[name=seen]").unwrap();
    // what was seen is what is asked for
    let other = send(&cs, &form, &typed("3"), &[("do", "ask"), ("seen", &hash)]).await;
    assert_eq!((other.status, other.count("#moved")), (409, 1));
    let sent = send(&cs, &form, &typed("2"), &[("do", "ask"), ("seen", &hash)]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let again = send(&cs, &form, &typed("2"), &[("do", "ask"), ("seen", &hash)]).await;
    assert_eq!(again.location, sent.location);
    let id = sent.location.unwrap().rsplit('/').next().unwrap().to_owned();
    let admin = s.desk.sign_in("admin").await;
    admin.vote(&id, "approve", "").await;
    admin.until(&id, "succeeded").await.sees("부가서비스 변경");
    let list = cs.get("/addons?standing=done").await;
    list.sees(&id).sees("+₩240,000").sees("0 → 2");
    assert_eq!(cs.get("/addons?standing=waiting").await.count(&format!("#row-{id}")), 0);
    let csv = cs.get("/addons.csv").await.body;
    assert!(csv.contains("240000") && csv.contains(&tenant), "{csv}");
    // a gallery of what else can be typed there
    let auditor = s.desk.sign_in("auditor").await;
    auditor.get("/addons").await.sees("요청할 권한이 없습니다");
    assert_eq!(auditor.get("/addons/new").await.status, 403);
    let long = "x".repeat(200_000);
    let form = cs.get("/addons/new").await;
    let fields = [
        ("key", key),
        ("tenant", long.clone()),
        ("addon", long.clone()),
        ("quantity", "1".into()),
        ("from", from),
        ("reason", REASON.into()),
    ];
    assert_eq!(send(&cs, &form, &fields[..2], &[("do", "check")]).await.status, 422);
    let mut owner = s.desk.owner().await;
    let count: i64 =
        sqlx::query("select count(*) from request where operation = 'addon.change'").fetch_one(&mut owner).await.unwrap().get(0);
    assert_eq!(count, 1);
    assert_eq!(s.desk.broken_invariants().await, [""; 0]);
}

#[tokio::test]
async fn what_an_ended_subscription_left_behind_is_given_up() {
    let s = Scene::open().await;
    let tenant = s.tenant("left-behind", 124_810_019, "active", Some("2026-01-01")).await;
    s.over(&s.cs, "addon.change", seats(&tenant, 5, &day(0)), "succeeded").await;
    let cancelled = s.asked(&s.billing, "subscription.cancel", json!({"tenant_id": tenant, "from": day(3)})).await;
    s.desk.sign_in("admin").await.get(&format!("/requests/{cancelled}")).await.sees("부가서비스는 함께 끝나지 않습니다.");
    s.approved(&cancelled, "succeeded").await;
    assert_eq!(s.refused(seats(&tenant, 6, &day(3))).await.0, "tenant_id", "nothing is added to no subscription");
    s.over(&s.cs, "addon.change", seats(&tenant, 0, &day(3)), "succeeded").await;
    assert_eq!(s.has(&tenant).await, [("seats v1".into(), 5, day(0), Some(day(3)), "active".into())]);
    assert_eq!(s.desk.broken_invariants().await, [""; 0]);
}
