//! What is refused, by the form and by the database, and what went past the portal.
use super::*;

#[tokio::test]
async fn what_may_not_be_is_told_by_its_field() {
    let office = Office::open().await;
    let tenant = office.tenant("refused", 210_810_004).await;
    let (soon, later) = (today() + Days::new(5), today() + Days::new(9));
    let change = |tenant: &str, plan: &str, from: NaiveDate| json!({"tenant_id": tenant, "plan": plan, "from": from});
    let said = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    let refused = async |fields: Value| office.refused("subscription.change", fields).await;
    assert_eq!(refused(change("tnt_0000000000", "enterprise", soon)).await, said("tenant_id", "subscription-tenant-unknown"));
    assert_eq!(refused(change(&tenant, "enterprise", today() - Days::new(1))).await, said("from", "subscription-day-past"));
    for day in ["+262142-12-15", "-5000-01-01", "9999-12-31"] {
        let never = json!({"tenant_id": tenant, "plan": "enterprise", "from": day});
        assert_eq!(refused(never.clone()).await, said("from", "field-day-out-of-range"), "{day}");
        let (status, problem) = office.cs.post("/api/subscriptions/preview", &never).await;
        assert_eq!((status, problem["errors"][0]["field"].as_str()), (422, Some("from")), "{day}: {problem}");
        let page = office.desk.sign_in("cs").await;
        let planning = page.get(&format!("/tenants/{tenant}/subscription/change?plan=enterprise&from={}", day.replace('+', "%2B"))).await;
        planning.sees("2999-12-31까지의 날짜를");
        assert_eq!(planning.find("#field-from").as_deref(), Some(day), "what was typed is kept");
        let sold =
            json!({"kind": "plan", "code": "enterprise", "name": "enterprise", "starts": "2027-01-01", "ends": day, "prices": flat(1)});
        assert_eq!(office.refused("catalog.publish", sold).await, said("ends", "field-day-out-of-range"), "{day}");
    }
    assert_eq!(refused(change(&tenant, "enterprise", today() + Days::new(400))).await, said("from", "subscription-day-too-far"));
    assert_eq!(refused(change(&tenant, "enterprise", today())).await, said("from", "subscription-begins-then"));
    assert_eq!(refused(change(&tenant, "pro-v3", soon)).await, said("plan", "subscription-same-plan"));
    assert_eq!(refused(change(&tenant, "nothing", soon)).await, said("plan", "subscription-plan-not-sold"));
    let id = begun(&office.cs, "not-yet", 210_810_005).await;
    let (_, onboarding) = office.cs.get(&format!("/api/onboarding/{id}")).await;
    let provisioning = onboarding["tenant"]["id"].as_str().unwrap();
    assert_eq!(refused(change(provisioning, "enterprise", soon)).await, said("tenant_id", "subscription-tenant-not-active"));
    let gone = json!({"tenant_id": tenant, "from": soon});
    let nothing = office.refused("subscription.undo", json!({"tenant_id": tenant})).await;
    assert_eq!(nothing, said("tenant_id", "subscription-nothing-planned"));
    // one thing is planned at a time, and it is taken back before another
    assert_eq!(office.done("subscription.cancel", gone.clone()).await["state"], "succeeded");
    assert_eq!(refused(change(&tenant, "enterprise", soon - Days::new(1))).await, said("from", "subscription-planned-already"));
    assert_eq!(
        office.refused("subscription.cancel", json!({"tenant_id": tenant, "from": later})).await,
        said("tenant_id", "subscription-none-on")
    );
    // a reason, the right, and words in both languages
    let (status, problem) =
        office.billing.post("/api/requests", &json!({"operation": "subscription.cancel", "fields": gone, "reason": ""})).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("reason")));
    let sre = office.desk.token("sre").await;
    let (status, _) = sre.post("/api/requests", &json!({"operation": "subscription.cancel", "fields": gone, "reason": REASON})).await;
    assert_eq!(status, 403);
    for (lang, text) in [("ko", "지나간 날의 구독은 바꿀 수 없습니다."), ("en", "Days that have passed keep their subscription.")]
    {
        let page = office.desk.sign_in("cs").await.in_language(lang);
        let form = page.get(&format!("/tenants/{tenant}/subscription/change?plan=enterprise&from=2026-01-02")).await;
        assert_eq!((form.status, form.find("#field-from"), form.count("#ask")), (200, Some("2026-01-02".into()), 0));
        form.sees(text);
        let odd = page.get(&format!("/tenants/{tenant}/subscription/change?plan=%3Cx%3E&from=tomorrow")).await;
        assert_eq!((odd.status, odd.find("#field-from"), odd.count("#errors")), (200, Some("tomorrow".into()), 1));
        assert_eq!(page.get("/tenants/tnt_0000000000/subscription").await.status, 404);
    }
    let looks = office.desk.sign_in("auditor").await;
    let shown = looks.get(&format!("/tenants/{tenant}/subscription")).await;
    assert_eq!((shown.status, shown.count("#change, #cancel, #undo")), (200, 0));
    shown.sees("구독 변경을 요청할 권한이 없습니다.");
}

/// The SQLSTATE with which the database refused it.
async fn state_of(conn: &mut sqlx::PgConnection, sql: &str) -> Option<String> {
    let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut *conn).await.err()?;
    refused.as_database_error()?.code().map(|code| code.into_owned())
}

#[tokio::test]
async fn the_database_keeps_one_subscription_at_a_time_and_the_past() {
    use sqlx::Connection;
    let office = Office::open().await;
    office.tenant("guarded", 210_810_006).await;
    let mut owner = office.desk.owner().await;
    let copy = "insert into tenant_subscription (tenant_id, plan_code, plan_version, during, request_id, created_at)
        select tenant_id, 'enterprise', 1, daterange";
    for (sql, state) in [
        (format!("{copy}(lower(during) + 3, null), request_id, created_at from tenant_subscription"), "23P01"),
        (format!("{copy}(lower(during) - 9, lower(during) - 3), request_id, created_at from tenant_subscription"), "23514"),
        (
            format!("{copy}('empty'::daterange), request_id, created_at from tenant_subscription")
                .replace("daterange('empty'::daterange)", "'empty'::daterange"),
            "23514",
        ),
        ("update tenant_subscription set plan_version = 2".into(), "23514"),
        ("update tenant_subscription set during = daterange(lower(during) - 1, null)".into(), "23514"),
        ("update tenant_subscription set during = daterange(lower(during) - 9, lower(during) - 2), ended_in = request_id".into(), "23514"),
        ("update tenant_subscription set undone_in = request_id".into(), "23514"),
        ("update tenant_subscription set during = daterange(lower(during), lower(during) + 9)".into(), "23514"),
        ("delete from tenant_subscription".into(), "23514"),
        // what is right in itself still needs an event
        ("update tenant_subscription set during = daterange(lower(during), lower(during) + 9), ended_in = request_id".into(), "CS001"),
        ("update tenant_ai_service set token_quota = 1".into(), "CS001"),
    ] {
        assert_eq!(state_of(&mut owner, &sql).await.as_deref(), Some(state), "{sql}");
    }
    let mut app = sqlx::PgConnection::connect(&office.desk.app_url().await).await.unwrap();
    for sql in
        ["update tenant_subscription set plan_code = 'enterprise'", "delete from tenant_subscription", "delete from tenant_ai_service"]
    {
        assert_eq!(state_of(&mut app, sql).await.as_deref(), Some("42501"), "{sql}");
    }
    let overlap = office.desk.broken_invariants().await;
    assert_eq!((overlap, office.overwritten().await), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn what_was_changed_past_the_portal_is_noticed() {
    let office = Office::open().await;
    let tenant = office.tenant("quiet", 210_810_013).await;
    let begun = |now: &Value| now["current"]["request"].as_str().unwrap().to_owned();
    let id = begun(&office.of(&tenant).await);
    assert_eq!(office.overwritten().await, Vec::<String>::new());
    for (sql, back) in [
        (
            "update tenant_subscription set plan_version = 1, plan_code = 'enterprise'",
            "update tenant_subscription set plan_code = 'pro-v3'",
        ),
        (
            "update tenant_subscription set during = daterange(lower(during), lower(during) + 90), ended_in = request_id",
            "update tenant_subscription set during = daterange(lower(during), null), ended_in = null",
        ),
        ("update tenant_subscription set undone_in = request_id", "update tenant_subscription set undone_in = null"),
        ("update tenant_ai_service set token_quota = 900000000", "update tenant_ai_service set token_quota = 5000000"),
        ("update tenant_ai_service set state = 'stopped'", "update tenant_ai_service set state = 'active'"),
    ] {
        office.behind_the_scenes(sql).await;
        assert_eq!(office.overwritten().await, [&*id], "{sql}");
        office.behind_the_scenes(back).await;
        assert_eq!(office.overwritten().await, Vec::<String>::new(), "{back}");
    }
    // and one that no request brought: it has the number of another
    let sql = "insert into tenant_subscription (tenant_id, plan_code, plan_version, during, request_id, created_at)
        select id, 'enterprise', 1, daterange(current_date + 5, null), (select min(id) from request), now() from tenant where status = 'provisioning' limit 1";
    office.behind_the_scenes(sql).await;
    assert_eq!(office.overwritten().await.len(), 1);
}
