//! An end is planned, taken back, and comes.
use super::*;

#[tokio::test]
async fn an_end_is_planned_taken_back_and_comes_and_a_plan_can_begin_anew() {
    let office = Office::open().await;
    let tenant = office.tenant("leaves", 210_810_011).await;
    let from = eighteenth();
    let told = office.preview(&tenant, None, from).await;
    assert_eq!((&told["credit"], &told["charge"], &told["after"]), (&json!(-406_452), &json!(0), &Value::Null));
    let page = office.desk.sign_in("cs").await;
    page.get(&format!("/tenants/{tenant}/subscription/cancel?from={from}")).await.sees("−₩406,452").sees("해지 요청");
    let cancel = json!({"tenant_id": tenant, "from": from});
    assert_eq!(office.done("subscription.cancel", cancel.clone()).await["state"], "succeeded");
    page.get(&format!("/tenants/{tenant}/subscription")).await.sees(&format!("{from}부터 구독이 없습니다.")).sees("예정 취소 요청");
    assert_eq!(office.done("subscription.undo", json!({"tenant_id": tenant})).await["state"], "succeeded");
    let now = office.of(&tenant).await;
    assert_eq!((&now["next"], &now["current"]["until"], &now["ai_services"][0]["state"]), (&Value::Null, &Value::Null, &json!("active")));
    // a change is taken back as well, and stays in the story
    assert_eq!(
        office.done("subscription.change", json!({"tenant_id": tenant, "plan": "enterprise", "from": from})).await["state"],
        "succeeded"
    );
    assert_eq!(office.done("subscription.undo", json!({"tenant_id": tenant})).await["state"], "succeeded");
    let states: Vec<_> = office.of(&tenant).await["history"].as_array().unwrap().iter().map(|s| s["state"].clone()).collect();
    assert_eq!(states, ["undone", "active"]);
    assert_eq!(office.overwritten().await, Vec::<String>::new());

    // it ends today: services stop with it
    office.behind_the_scenes("update tenant_subscription set during = '[2026-01-01,)' where undone_in is null").await;
    assert_eq!(office.done("subscription.cancel", json!({"tenant_id": tenant, "from": today()})).await["state"], "succeeded");
    let now = office.of(&tenant).await;
    assert_eq!(
        (&now["current"], &now["ai_services"][0]["state"], &now["ai_services"][0]["token_quota"]),
        (&Value::Null, &json!("stopped"), &json!(0))
    );
    // the tenant stays, and can have a plan again; taken back, it is as if nobody had asked
    let later = json!({"tenant_id": tenant, "plan": "enterprise", "from": today() + Days::new(2)});
    assert_eq!(office.done("subscription.change", later).await["state"], "succeeded");
    assert_eq!(office.done("subscription.undo", json!({"tenant_id": tenant})).await["state"], "succeeded");
    assert_eq!((&office.of(&tenant).await["current"], &office.of(&tenant).await["next"]), (&Value::Null, &Value::Null));
    assert_eq!(office.overwritten().await, Vec::<String>::new());
    let anew = office.done("subscription.change", json!({"tenant_id": tenant, "plan": "enterprise", "from": today()})).await;
    assert_eq!(anew["state"], "succeeded", "{anew}");
    let now = office.of(&tenant).await;
    assert_eq!(
        (&now["current"]["plan"], &now["ai_services"][0]["state"], &now["ai_services"][0]["token_quota"]),
        (&json!("enterprise"), &json!("active"), &json!(20_000_000))
    );
    assert_eq!(office.desk.count("subscription.begun").await, 3);
    assert_eq!(office.desk.broken_invariants().await, Vec::<String>::new());
    page.get(&format!("/ledger?target={tenant}")).await;
}
