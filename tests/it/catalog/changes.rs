//! What a change of prices tells those who approve it, what it leaves alone, and what is found that was never asked for.
use super::*;
use countersign::{operations::registry::Registry, requests::invariants};

fn list(currency: &str, starts: &str, ends: Value, amount: i64) -> Value {
    json!({"kind": "plan", "code": "pro", "name": "Pro", "currency": currency, "starts": starts, "ends": ends, "prices": flat(amount)})
}

async fn ended(shop: &Shop, request: &Value) -> Value {
    let id = request["id"].as_str().unwrap();
    assert_eq!(shop.admin.vote(id, "approve", None).await.0, 200);
    shop.billing.get(&format!("/api/requests/{id}/wait?timeout=30")).await.1
}

/// The name that a product has.
async fn called(shop: &Shop) -> String {
    shop.billing.get("/api/catalog/plans/pro").await.1["name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn lists_in_two_currencies_that_are_asked_for_together_are_both_published() {
    let shop = Shop::open().await;
    let (_, won) = shop.ask("catalog.publish", list("KRW", "2026-01-01", Value::Null, 1_200_000)).await;
    let (_, dollars) = shop.ask("catalog.publish", list("USD", "2026-01-01", Value::Null, 99_900)).await;
    for request in [&won, &dollars] {
        assert_eq!(ended(&shop, request).await["state"], "succeeded");
    }
    let (_, won) = shop.ask("catalog.publish", list("KRW", "2999-01-01", Value::Null, 1_300_000)).await;
    let (_, dollars) = shop.ask("catalog.publish", list("USD", "2999-01-01", Value::Null, 109_900)).await;
    for request in [&dollars, &won] {
        assert_eq!(ended(&shop, request).await["state"], "succeeded");
    }
    assert_eq!(
        versions(&shop, "pro").await,
        ["4 scheduled 2999-01-01 -", "3 scheduled 2999-01-01 -", "2 active 2026-01-01 2999-01-01", "1 active 2026-01-01 2999-01-01"]
    );
    // the list as a file says which currency its amounts are in
    let file = shop.desk.sign_in("admin").await.get("/catalog/plans.csv").await.body;
    assert!(file.contains("KRW"), "{file}");
}

#[tokio::test]
async fn todays_price_stands_until_midnight() {
    let shop = Shop::open().await;
    shop.publish("pro", "2026-01-01", None, &flat(1_000)).await;
    let today = countersign::catalog::today();
    let (field, message) = shop.refused("catalog.publish", list("KRW", &today.to_string(), Value::Null, 2_000)).await;
    let tomorrow = today.succ_opt().unwrap().to_string();
    assert!(field == "starts" && message.contains(&tomorrow), "{field}: {message}");
    shop.done("catalog.publish", list("KRW", &tomorrow, Value::Null, 2_000)).await;
    assert_eq!(versions(&shop, "pro").await[1], format!("1 active 2026-01-01 {tomorrow}"));
    let shown = shop.desk.sign_in("admin").await.get("/catalog/plans/pro").await;
    shown.sees("버전 2이 시작되어 일찍 끝납니다.");
    // the database holds it, too
    let mut owner = shop.desk.owner().await;
    let change = format!("update product_version set valid = '[2026-01-01,{today})' where version = 1");
    assert_eq!(refused_by(sqlx::query(sqlx::AssertSqlSafe(change)).execute(&mut owner).await).as_deref(), Some("23514"));
}

#[tokio::test]
async fn whoever_approves_is_told_of_days_without_a_price_and_of_another_name() {
    let shop = Shop::open().await;
    shop.publish("pro", "2026-01-01", Some("2998-01-01"), &flat(1_000)).await;
    let mut fields = list("KRW", "2998-03-01", json!("2998-06-01"), 2_000);
    fields["name"] = json!("프로 플러스");
    let (_, request) = shop.ask("catalog.publish", fields).await;
    let page = shop.desk.sign_in("admin").await.get(&format!("/requests/{}", request["id"].as_str().unwrap())).await;
    page.sees("2998-01-01 ~ 2998-02-28에는 이 통화로 판매되는 버전이 없습니다.");
    page.sees("2998-06-01부터는 판매되는 버전이 없습니다.").sees("상품 이름이 바뀝니다: ‘pro’ → ‘프로 플러스’");
    assert_eq!(ended(&shop, &request).await["state"], "succeeded");
    assert_eq!(called(&shop).await, "프로 플러스");
    // what came with it goes with it
    let withdraw = json!({"kind": "plan", "code": "pro", "version": 2});
    shop.done("catalog.withdraw", withdraw).await;
    assert_eq!(called(&shop).await, "pro");
    // a name that somebody gave since stays
    let named = |name: &str, starts: &str| {
        let mut fields = list("KRW", starts, Value::Null, 3_000);
        fields["name"] = json!(name);
        fields
    };
    shop.done("catalog.publish", named("하나", "2999-01-01")).await;
    shop.done("catalog.publish", named("둘", "2999-06-01")).await;
    shop.done("catalog.withdraw", json!({"kind": "plan", "code": "pro", "version": 3})).await;
    assert_eq!(called(&shop).await, "둘");
}

#[tokio::test]
async fn what_is_wrong_in_the_editor_is_said_at_its_field_and_a_draft_is_kept_in_the_browser() {
    let shop = Shop::open().await;
    let person = shop.desk.sign_in("admin").await;
    let form = person.get("/catalog/plans/new").await;
    assert_eq!(form.all("#editor-form", "data-draft"), ["catalog:plan:new"]);
    let sent = person
        .post_from(
            &form,
            "/catalog/plans/draft",
            &[("do", "save"), ("code", "Nicht gut"), ("name", "x"), ("currency", "KRW"), ("prices", "[[charge")],
        )
        .await;
    assert_eq!(
        (sent.status, sent.count("#code-error"), sent.count("#prices-error"), sent.count("#name-error")),
        (422, 1, 0, 0),
        "{}",
        sent.text()
    );
    assert_eq!(sent.find("#field-code").as_deref(), Some("Nicht gut"));
    let checked = person
        .post_from(&form, "/catalog/plans/draft", &[("do", "check"), ("code", "gold"), ("currency", "KRW"), ("prices", "[[charge")])
        .await;
    assert_eq!((checked.status, checked.count("#code-error"), checked.count("#prices-error")), (422, 0, 1), "{}", checked.text());
    // aloud only the total
    shop.publish("pro", "2026-01-01", None, PRO).await;
    let page = person.get("/catalog/plans/pro?price=yes").await;
    assert_eq!((page.count("#bill[aria-live]"), page.count("#bill-said[role=status]")), (0, 1));
    assert!(page.texts("#bill-said")[0].contains('₩'), "{:?}", page.texts("#bill-said"));
}

/// Somebody with the application's own rights writes past the portal, and tells the ledger something or other.
#[tokio::test]
async fn a_version_or_a_promotion_that_nobody_asked_for_is_found() {
    let shop = Shop::open().await;
    let first = shop.publish("pro", "2026-01-01", None, &flat(1_000)).await;
    let second = shop.publish("pro", "2999-01-01", None, &flat(2_000)).await;
    let today = countersign::catalog::today();
    let opened = shop.done("promotion.open", json!({"code": "WON", "name": "won", "won": 50_000, "on": "base", "starts": today})).await;
    let found = async || {
        let mut found = invariants::overwritten(&mut shop.desk.owner().await, &Registry::new()).await.unwrap().requests;
        found.sort();
        found
    };
    assert_eq!(found().await, [""; 0]);
    let mut owner = shop.desk.owner().await;
    let past = async |owner: &mut sqlx::PgConnection, table: &str, what: &str| {
        let sql = format!("alter table {table} disable trigger user; {what}; alter table {table} enable trigger user");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(owner).await
    };
    // the hash is the document's, or the row is none
    let swapped = past(&mut owner, "product_version", "update product_version set document = 'x' where version = 1").await;
    assert_eq!(refused_by(swapped).as_deref(), Some("23514"));
    past(
        &mut owner,
        "product_version",
        "update product_version set document = 'x', hash = pg_catalog.sha256(convert_to('x', 'UTF8')) where version = 1",
    )
    .await
    .unwrap();
    assert_eq!(found().await, std::slice::from_ref(&first));
    past(&mut owner, "product_version", "update product_version set withdrawn_at = now() where version = 2").await.unwrap();
    let mut both = vec![first.clone(), second.clone()];
    both.sort();
    assert_eq!(found().await, both);
    past(&mut owner, "promotion", "update promotion set terms = '{\"off\": {\"won\": 900000}, \"on\": [\"base\"]}'").await.unwrap();
    let mut all = vec![first, second, opened];
    all.sort();
    assert_eq!(found().await, all);
}
