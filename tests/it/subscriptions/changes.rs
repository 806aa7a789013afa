//! Changes are split to the won, and stale when what they come to has moved.
use super::*;

#[tokio::test]
async fn a_change_keeps_the_day_of_the_month_on_which_a_period_begins() {
    let office = Office::open().await;
    let tenant = office.tenant("on-the-fifteenth", 300_870_001).await;
    office.behind_the_scenes(&format!("update tenant_subscription set anchor_day = 15 where tenant_id = '{tenant}'")).await;
    let change = json!({"tenant_id": tenant, "plan": "enterprise", "from": today() + Days::new(1)});
    assert_eq!(office.done("subscription.change", change).await["state"], "succeeded");
    let told = office.of(&tenant).await;
    let history = told["history"].as_array().unwrap();
    assert_eq!(
        history.iter().map(|one| (&one["plan"], &one["anchor_day"])).collect::<Vec<_>>(),
        [(&json!("enterprise"), &json!(15)), (&json!("pro-v3"), &json!(15))]
    );
}

/// Case 3 of the acceptance numbers: through the API, on the page, and as it is asked for and carried out.
#[tokio::test]
async fn a_change_in_the_middle_of_a_period_is_split_to_the_won() {
    let office = Office::open().await;
    let tenant = office.tenant("case-three", 210_810_001).await;
    office.behind_the_scenes("update tenant_subscription set during = '[2026-01-01,)'").await;
    let told = office.preview(&tenant, Some("enterprise"), day("2026-10-18")).await;
    assert_eq!(
        [&told["credit"], &told["charge"], &told["net"], &told["vat"], &told["total"]],
        [&json!(-406_452), &json!(677_419), &json!(270_967), &json!(27_096), &json!(298_063)]
    );
    assert_eq!(told["period"], json!({"begins": "2026-10-01", "last": "2026-10-31", "days": 14, "of": 31}));
    assert_eq!((&told["before"]["base"], &told["after"]["base"]), (&json!(900_000), &json!(1_500_000)));
    assert!(told["lines"]["credit"][0]["exact"].as_str().unwrap().starts_with("-406451.61"), "{told}");
    assert_eq!(told["included"]["tokens"], 11_774_193, "floor(5M×17/31) + floor(20M×14/31)");
    let past = today() > day("2026-10-18");
    assert_eq!(told["refused"]["code"].as_str(), past.then_some("subscription-day-past"), "that it may not be is told beside it");

    let page = office.desk.sign_in("cs").await;
    let form = page.get(&format!("/tenants/{tenant}/subscription/change?plan=enterprise&from=2026-10-18")).await;
    form.sees("−₩406,452")
        .sees("₩677,419")
        .sees("₩270,967")
        .sees("31일 가운데 14일")
        .sees("11,774,193")
        .sees("정액 항목만 일할 계산합니다.");
    assert_eq!(form.count("#ask"), usize::from(!past));
    let english = page.at(&page.base).in_language("en");
    english
        .get(&format!("/tenants/{tenant}/subscription/change?plan=enterprise&from=2026-10-18"))
        .await
        .sees("14 of 31 days")
        .sees("₩270,967");

    // the same split in the next month that has as many days
    let from = eighteenth();
    let path = format!("/tenants/{tenant}/subscription/change?plan=enterprise&from={from}");
    let form = page.get(&path).await;
    form.sees("−₩406,452").sees("₩677,419").sees("₩270,967");
    let ask = form.all("#ask", "href").remove(0);
    page.get(&ask).await.sees("요금제 변경");
    let id = page
        .ask("subscription.change", &[("tenant_id", &tenant), ("plan", "enterprise"), ("from", &from.to_string()), ("reason", REASON)])
        .await;
    page.get(&format!("/requests/{id}")).await.sees("-406,452").sees("677,419").sees("270,967").sees("남은 14/31일");
    let done = office.approved(&id).await;
    assert_eq!(done["state"], "succeeded", "{done}");
    let after = &done["preview"]["after"];
    assert_eq!(
        (&after["credit"], &after["charge"], &after["net"], &after["days"]),
        (&json!(-406_452), &json!(677_419), &json!(270_967), &json!("14/31"))
    );
    let now = office.of(&tenant).await;
    assert_eq!((&now["current"]["plan"], &now["current"]["until"]), (&json!("pro-v3"), &json!(from)));
    assert_eq!(now["next"], json!({"what": "change", "on": from, "to": {"plan": "enterprise", "version": 1}}));
    assert_eq!(now["ai_services"][0]["token_quota"], 5_000_000, "until that day");
    page.get(&format!("/tenants/{tenant}/subscription"))
        .await
        .sees(&format!("{from}부터 enterprise v1 요금제를 이용합니다."))
        .sees("예정 취소 요청");
    assert!(office.desk.story(&id).await.contains(&"subscription.changed".to_owned()));
    assert_eq!(office.desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn another_price_by_then_makes_a_change_stale_and_shows_what_moved() {
    let office = Office::open().await;
    let tenant = office.tenant("stale", 210_810_007).await;
    let from = eighteenth();
    // as cheap as what the tenant redeemed makes them, both sides
    let off = json!({"code": "LAUNCH15", "name": "출시 기념", "percent": "15", "on": "plan", "starts": today()});
    assert_eq!(office.done("promotion.open", off).await["state"], "succeeded");
    let shop = office.tenant("redeemed", 210_810_018).await;
    assert_eq!(office.billing.post("/api/promotions/LAUNCH15/redemptions", &json!({"tenant": shop})).await.0, 201);
    let ends = office.preview(&shop, None, from).await;
    assert_eq!((&ends["credit"], &ends["net"], &ends["total"]), (&json!(-345_484), &json!(-345_484), &json!(-380_032)), "{ends}");
    assert_eq!((&ends["lines"]["credit"][0]["amount"], &ends["lines"]["credit"][0]["discount"]), (&json!(-406_452), &json!(-60_968)));

    let id = office.asked("subscription.change", json!({"tenant_id": tenant, "plan": "enterprise", "from": from})).await;
    office.publish("enterprise", &from.to_string(), &flat(1_800_000)).await;
    let over = office.approved(&id).await;
    assert_eq!((&over["state"], &over["outcome"]["code"]), (&json!("stale"), &json!("target_moved")), "{over}");
    assert_eq!((&over["outcome"]["was"]["version"], &over["outcome"]["is"]["version"]), (&json!(1), &json!(2)));
    assert_eq!((&over["outcome"]["was"]["charge"], &over["outcome"]["is"]["charge"]), (&json!(677_419), &json!(812_903)));
    office.desk.sign_in("cs").await.get(&format!("/requests/{id}")).await.sees("677,419").sees("812,903");
    assert_eq!(office.of(&tenant).await["next"], Value::Null);

    // the same of an onboarding: whoever approved one price does not activate another, nor a plan that is not sold any more
    let onboarding = begun(&office.cs, "stale-too", 210_810_008).await;
    passed(&office.cs, &onboarding, &["contract", "payment", "permission", "migration"]).await;
    let id = asked(&office.cs, &onboarding, "approve", WHY).await;
    let page = office.desk.sign_in("cs").await;
    page.get(&format!("/requests/{id}")).await.sees("요금제 버전").sees("900,000").sees("5,000,000");
    office.publish_today(&flat(950_000)).await;
    let over = office.approved(&id).await;
    assert_eq!(
        (&over["state"], &over["outcome"]["is"]["version"], &over["outcome"]["is"]["base"]),
        (&json!("stale"), &json!(2), &json!(950_000))
    );
    let mut unsold = office.cs.get(&format!("/api/onboarding/{onboarding}")).await.1;
    assert_eq!((unsold["state"].as_str(), unsold["tenant"]["status"].as_str()), (Some("open"), Some("provisioning")));
    sqlx::raw_sql("alter table product_version disable trigger user; update product_version set valid = daterange(lower(valid), current_date - 5) where code = 'pro-v3' and lower(valid) < current_date - 5;
        delete from product_version where code = 'pro-v3' and version = 2; alter table product_version enable trigger user").execute(&mut office.desk.owner().await).await.unwrap();
    let body = json!({"content": unsold["content"].take(), "reason": WHY});
    let (status, problem) = office.cs.post(&format!("/api/onboarding/{onboarding}/approve"), &body).await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("subscription-plan-not-sold")), "{problem}");
}

#[tokio::test]
async fn of_two_who_change_a_plan_at_once_one_does_and_the_other_is_stale() {
    let office = Office::open().await;
    office.publish("starter", "2026-01-01", &flat(300_000)).await;
    let tenant = office.tenant("twice", 210_810_010).await;
    let from = today() + Days::new(3);
    let mut ids = Vec::new();
    for plan in ["enterprise", "starter"] {
        ids.push(office.asked("subscription.change", json!({"tenant_id": tenant, "plan": plan, "from": from})).await);
    }
    futures::future::join_all(ids.iter().map(|id| office.admin.vote(id, "approve", None))).await;
    let mut ends = Vec::new();
    for id in &ids {
        ends.push(office.billing.get(&format!("/api/requests/{id}/wait?timeout=30")).await.1["state"].as_str().unwrap().to_owned());
    }
    ends.sort();
    assert_eq!(ends, ["stale", "succeeded"]);
    let rows: i64 = sqlx::query_scalar("select count(*) from tenant_subscription where tenant_id = $1")
        .bind(&tenant)
        .fetch_one(&mut office.desk.owner().await)
        .await
        .unwrap();
    assert_eq!((rows, office.desk.broken_invariants().await, office.overwritten().await), (2, Vec::new(), Vec::new()));
}

#[tokio::test]
async fn services_follow_a_planned_change_at_midnight() {
    let office = Office::open().await;
    let tenant = office.tenant("midnight", 210_810_012).await;
    let tomorrow = today() + Days::new(1);
    assert_eq!(
        office.done("subscription.change", json!({"tenant_id": tenant, "plan": "enterprise", "from": tomorrow})).await["state"],
        "succeeded"
    );
    let mut owner = office.desk.owner().await;
    let due: chrono::DateTime<Utc> =
        sqlx::query_scalar("select run_at from job where kind = 'subscription.follow'").fetch_one(&mut owner).await.unwrap();
    assert!(
        (due - tomorrow.and_hms_opt(0, 0, 0).unwrap().and_local_timezone(chrono_tz::Asia::Seoul).unwrap().to_utc()).num_seconds().abs() < 5,
        "{due}"
    );
    // it is tomorrow
    office.behind_the_scenes("update tenant_subscription set during = daterange('2026-01-01', lower(during)) where upper_inf(during) is false;
        update tenant_subscription set during = daterange('2026-01-01', (now() at time zone 'Asia/Seoul')::date) where not upper_inf(during);
        update tenant_subscription set during = daterange((now() at time zone 'Asia/Seoul')::date, null) where upper_inf(during)").await;
    sqlx::query("update job set run_at = now() where kind = 'subscription.follow'").execute(&mut owner).await.unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while office.of(&tenant).await["ai_services"][0]["token_quota"] != 20_000_000 {
        assert!(Instant::now() < end, "{}", office.of(&tenant).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((office.desk.count("tenant.services.followed").await, office.desk.broken_invariants().await), (1, Vec::new()));
}
