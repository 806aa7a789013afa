//! What an activation begins, as a whole or not at all, and that a version stays with whoever has it.
use super::*;

/// The rest of case 3: what is subscribed to is not edited, and its next version changes nothing for whoever is there.
#[tokio::test]
async fn a_version_that_somebody_has_stays_theirs() {
    let office = Office::open().await;
    let tenant = office.tenant("pinned", 210_810_002).await;
    let edit = json!({"name": "pro-v3", "prices": flat(1)});
    let (status, problem) = office.billing.post("/api/catalog/plans/pro-v3/versions/1", &edit).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("catalog-version-stands")), "{problem}");
    office.publish_today(&flat(1_200_000)).await;
    let now = office.of(&tenant).await;
    assert_eq!((&now["current"]["version"], &now["current"]["price"]["base"]), (&json!(1), &json!(900_000)));
    let page = office.desk.sign_in("cs").await;
    page.get(&format!("/tenants/{tenant}/subscription")).await.sees("pro-v3 v1").sees("₩900,000");
    // who comes now has the new one
    let other = office.tenant("newcomer", 210_810_003).await;
    assert_eq!(office.of(&other).await["current"]["version"], 2);
    let shown = page.get("/subscriptions/plans/pro-v3").await;
    assert_eq!((shown.find("#version-1 td a"), shown.find("#version-2 td a")), (Some("1".into()), Some("1".into())));
    let (_, listed) = office.cs.get("/api/subscriptions?plan=pro-v3&version=1&state=active").await;
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["tenant"]["slug"]), (1, &json!("pinned")));
    page.get("/subscriptions?plan=pro-v3&version=v1&state=active").await.sees("pinned").sees("pro-v3 · pro-v3");
    let csv = page.get("/subscriptions.csv?plan=pro-v3").await;
    assert!(csv.body.contains("pinned") && csv.body.contains("newcomer") && csv.body.lines().count() == 3, "{}", csv.body);
    page.get("/catalog/plans/pro-v3").await.sees("버전별 구독");
    page.get(&format!("/tenants/{tenant}")).await.sees("구독 보기");
    assert_eq!(office.cs.get("/api/subscriptions?state=none").await.0, 400);
    assert_eq!(office.cs.get("/api/subscriptions?cursor=x").await.0, 400);
    // a version that has not begun, and that somebody shall have, is not withdrawn any more
    let later = today() + Days::new(40);
    office.publish("enterprise", &later.to_string(), &flat(2_000_000)).await;
    let change = json!({"tenant_id": tenant, "plan": "enterprise", "from": later});
    assert_eq!(office.done("subscription.change", change).await["state"], "succeeded");
    let withdrawn = office.done("catalog.withdraw", json!({"kind": "plan", "code": "enterprise", "version": 2})).await;
    assert_eq!((&withdrawn["state"], &withdrawn["outcome"]["refusal"]), (&json!("failed"), &json!("catalog-subscribed-to")), "{withdrawn}");
}

#[tokio::test]
async fn an_activation_happens_as_a_whole_or_not_at_all() {
    let office = Office::open().await;
    let before = begun(&office.cs, "all-or-none", 210_810_009).await;
    passed(&office.cs, &before, &["contract", "payment", "permission", "migration"]).await;
    let refuse = |table: &str| {
        format!("create or replace function refuse() returns trigger language plpgsql as $$ begin raise exception 'no' using errcode = '23514'; end $$;
            create trigger refuse before insert on {table} for each row execute function refuse()")
    };
    let active = office.desk.count("tenant.activated").await;
    let mut owner = office.desk.owner().await;
    for table in ["tenant_ai_service", "tenant_subscription"] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(refuse(table))).execute(&mut owner).await.unwrap();
        let id = asked(&office.cs, &before, "approve", WHY).await;
        let over = office.approved(&id).await;
        assert_eq!((&over["state"], &over["outcome"]["code"]), (&json!("failed"), &json!("constraint")), "{table}: {over}");
        let left: (i64, i64, String) = sqlx::query_as(
            "select (select count(*) from tenant_subscription), (select count(*) from tenant_ai_service), status from tenant where slug = 'all-or-none'",
        )
        .fetch_one(&mut owner)
        .await
        .unwrap();
        assert_eq!(left, (0, 0, "provisioning".into()), "{table}");
        assert_eq!((office.desk.count("tenant.activated").await, office.desk.count("subscription.begun").await), (active, 0));
        let (_, now) = office.cs.get(&format!("/api/onboarding/{before}")).await;
        assert_eq!(now["state"], "open", "it can be asked for again");
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("drop trigger refuse on {table}"))).execute(&mut owner).await.unwrap();
    }
    let id = asked(&office.cs, &before, "approve", WHY).await;
    assert_eq!(office.approved(&id).await["state"], "succeeded");
    let tenant: String = sqlx::query_scalar("select id from tenant where slug = 'all-or-none'").fetch_one(&mut owner).await.unwrap();
    let now = office.of(&tenant).await;
    assert_eq!(
        (&now["current"]["plan"], &now["current"]["version"], &now["current"]["from"]),
        (&json!("pro-v3"), &json!(1), &json!(today()))
    );
    let service = &now["ai_services"][0];
    assert_eq!((&service["service"], &service["token_quota"], &service["state"]), (&json!("kms"), &json!(5_000_000), &json!("active")));
    // whoever asked for the onboarding and owns it hears of it
    let (_, notices) = office.cs.get("/api/notices").await;
    assert!(notices["items"].as_array().unwrap().iter().any(|n| n["kind"] == "succeeded" && n["request"] == id), "{notices}");
    assert_eq!((office.desk.broken_invariants().await, office.overwritten().await), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn nothing_is_sold_where_no_plan_is() {
    let desk = Desk::open().await;
    let (cs, page) = (desk.token("cs").await, desk.sign_in("cs").await);
    page.get("/subscriptions").await.sees("아직 구독이 없습니다.");
    let (status, problem) = cs.post("/api/onboarding", &sold("early", 210_810_014)).await;
    let first = &problem["errors"][0];
    assert_eq!((status, &first["field"], &first["code"]), (422, &json!("plan"), &json!("subscription-plan-not-sold")), "{problem}");
    sells(&desk).await;
    let id = begun(&cs, "early", 210_810_014).await;
    let (_, now) = cs.get(&format!("/api/onboarding/{id}")).await;
    let tenant = now["tenant"]["id"].as_str().unwrap();
    page.get(&format!("/tenants/{tenant}/subscription")).await.sees("오늘 유효한 구독이 없습니다.").sees("구독한 적이 없습니다.");
}

/// The demo as somebody sees it who has just started it: what its tenants are subscribed to is what its ledger tells.
#[tokio::test]
async fn the_demo_has_subscriptions_and_one_that_changes_next_month() {
    let mut desk = Desk::filled(Scale { catalog: true, ..Scale::TEST }).await;
    desk.start_replica(&|_| {}).await;
    let page = desk.sign_in("cs").await;
    page.get("/subscriptions").await.sees("하늘바이오 · haneul-bio").sees("다산로보틱스 · dasan-robotics").sees("예정");
    page.get("/tenants/tnt_demoonb001/subscription").await.sees("엔터프라이즈 v1 요금제를 이용합니다.").sees("프로 v3").sees("20,000,000");
    page.get("/subscriptions/plans/pro").await.sees("v3");
    let found = invariants::overwritten(&mut desk.owner().await, &Registry::new()).await.unwrap().requests;
    assert_eq!((found, desk.broken_invariants().await), (Vec::new(), Vec::new()));
}

/// A replica dies between the parts of an activation: nothing of it is left, and another one does all of it, once.
#[cfg(feature = "failpoints")]
#[tokio::test]
async fn killed_between_the_parts_of_an_activation() {
    use crate::process::Process;
    let mut office = Office::open().await;
    let points = ["activation.active", "activation.subscribed", "activation.granted"];
    let mut waiting = Vec::new();
    for (point, nine) in points.into_iter().zip(210_820_001..) {
        let slug = point.replace('.', "-");
        let id = begun(&office.cs, &slug, nine).await;
        passed(&office.cs, &id, &["contract", "payment", "permission", "migration"]).await;
        waiting.push((point, slug, asked(&office.cs, &id, "approve", WHY).await));
    }
    office.desk.stop_all().await;
    let mut owner = office.desk.owner().await;
    for (point, slug, request) in waiting {
        let trap = format!("{point}=return");
        let mut doomed = Process::start(&office.desk, &[], &[("FAILPOINTS", &trap)]).await;
        office.admin.base.clone_from(&doomed.base);
        // the answer may be lost with the replica, the vote is not: it was cast before the work began
        let (_, whole) = office.admin.get(&format!("/api/requests/{request}")).await;
        let vote = office.admin.http.post(format!("{}/api/requests/{request}/votes", doomed.base)).bearer_auth(&office.admin.secret);
        let _ = vote.json(&json!({"decision": "approve", "binding": whole["binding"]})).send().await;
        doomed.ended(Duration::from_secs(20)).await.unwrap_or_else(|| panic!("{point} was never reached"));
        let left = "select t.status, (select count(*) from tenant_subscription s where s.tenant_id = t.id), (select count(*) from tenant_ai_service a where a.tenant_id = t.id)
            from tenant t where slug = $1";
        let read = async |owner: &mut sqlx::PgConnection| -> (String, i64, i64) {
            sqlx::query_as(left).bind(&slug).fetch_one(owner).await.unwrap()
        };
        assert_eq!(read(&mut owner).await, ("provisioning".into(), 0, 0), "{point}");
        let other = Process::start(&office.desk, &[], &[]).await;
        office.billing.base.clone_from(&other.base);
        let over = office.billing.get(&format!("/api/requests/{request}/wait?timeout=30")).await.1;
        assert_eq!(over["state"], "succeeded", "{point}: {over}");
        assert_eq!(read(&mut owner).await, ("active".into(), 1, 1), "{point}");
        other.kill().await;
    }
    assert_eq!((office.desk.broken_invariants().await, office.overwritten().await), (Vec::new(), Vec::new()));
}
