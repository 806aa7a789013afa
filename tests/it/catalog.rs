//! Plans and add-ons over HTTP: publishing, what a period costs, and everything that is refused.
use crate::support::{Desk, REASON, Token};
use serde_json::{Value, json};

const PRO: &str = include_str!("../../src/catalog/plan.toml");
const SEATS: &str = include_str!("../../src/catalog/addon.toml");

fn flat(won: i64) -> String {
    format!("[[charge]]\nkey = \"base\"\nmodel = \"flat\"\namount = {won}\n")
}

struct Shop {
    desk: Desk,
    /// Who changes prices, and who approves it.
    billing: Token,
    admin: Token,
}

impl Shop {
    async fn open() -> Self {
        let desk = Desk::open().await;
        let (billing, admin) = (desk.token("approver").await, desk.token("admin").await);
        Self { desk, billing, admin }
    }

    async fn ask(&self, operation: &str, fields: Value) -> (u16, Value) {
        self.billing.post("/api/requests", &json!({"operation": operation, "fields": fields, "reason": REASON})).await
    }

    /// Asked for, approved and done.
    async fn done(&self, operation: &str, fields: Value) -> String {
        let (status, request) = self.ask(operation, fields).await;
        assert_eq!(status, 201, "{request}");
        let id = request["id"].as_str().unwrap().to_owned();
        let (status, vote) = self.admin.vote(&id, "approve", None).await;
        assert_eq!(status, 200, "{vote}");
        let (status, request) = self.billing.get(&format!("/api/requests/{id}/wait?timeout=30")).await;
        assert_eq!((status, request["state"].as_str()), (200, Some("succeeded")), "{request}");
        id
    }

    async fn publish(&self, code: &str, starts: &str, ends: Option<&str>, prices: &str) -> String {
        self.done("catalog.publish", json!({"kind": "plan", "code": code, "name": code, "starts": starts, "ends": ends, "prices": prices}))
            .await
    }

    /// The one problem of what is asked for.
    async fn refused(&self, operation: &str, fields: Value) -> (String, String) {
        let (status, problem) = self.ask(operation, fields).await;
        assert_eq!(status, 422, "{problem}");
        let first = &problem["errors"][0];
        (first["field"].as_str().unwrap_or_default().to_owned(), first["message"].as_str().unwrap_or_default().to_owned())
    }

    async fn preview(&self, question: Value) -> Value {
        let (status, answer) = self.billing.post("/api/catalog/preview", &question).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

/// The SQLSTATE with which the database refused it.
fn refused_by(done: sqlx::Result<sqlx::postgres::PgQueryResult>) -> Option<String> {
    done.err()?.as_database_error()?.code().map(|code| code.into_owned())
}

/// Versions as `number standing first-day end`, newest first.
async fn versions(shop: &Shop, code: &str) -> Vec<String> {
    let (_, product) = shop.billing.get(&format!("/api/catalog/plans/{code}")).await;
    let told = |v: &Value| {
        format!(
            "{} {} {} {}",
            v["version"],
            v["standing"].as_str().unwrap(),
            v["starts"].as_str().unwrap(),
            v["ends"].as_str().unwrap_or("-")
        )
    };
    product["versions"].as_array().unwrap().iter().map(told).collect()
}

fn line<'a>(answer: &'a Value, key: &str) -> &'a Value {
    answer["invoice"]["lines"].as_array().unwrap().iter().find(|line| line["key"] == key).unwrap()
}

/// Case 2: the edges of tiers, each model on its own.
#[tokio::test]
async fn tiers_end_where_they_say() {
    let shop = Shop::open().await;
    let tiers = "tiers = [{ up_to = 30_000_000, price = 3.0 }, { up_to = 80_000_000, price = 2.4 }, { price = 1.8 }]";
    let list = |model: &str| format!("[[charge]]\nkey = \"overage\"\nmetric = \"tokens\"\nmodel = \"{model}\"\nper = 1_000\n{tiers}\n");
    let package = "[[charge]]\nkey = \"overage\"\nmetric = \"tokens\"\nmodel = \"package\"\nsize = 1_000_000\nprice = 2_800\n";
    for (prices, used, expected) in [
        (list("graduated"), 999, 3),
        (list("graduated"), 1_000, 3),
        (list("graduated"), 30_000_000, 90_000),
        (list("graduated"), 30_000_001, 90_000),
        (list("graduated"), 80_000_000, 210_000),
        (list("volume"), 30_000_000, 90_000),
        (list("volume"), 30_000_001, 72_000),
        (package.to_owned(), 30_000_001, 86_800),
    ] {
        let answer = shop.preview(json!({"prices": prices, "usage": {"tokens": used}})).await;
        assert_eq!(line(&answer, "overage")["amount"], expected, "{used} by {prices}");
        let warned = prices
            .contains("volume")
            .then(|| json!([{"charge": "overage", "costs_less_above": 30_000_000}, {"charge": "overage", "costs_less_above": 80_000_000}]));
        assert_eq!(answer["warnings"], warned.unwrap_or(json!([])));
    }
}

/// Case 8: which price holds on which day, and that no two hold on one.
#[tokio::test]
async fn a_price_holds_on_its_days_and_on_no_other() {
    let shop = Shop::open().await;
    shop.publish("pro", "2026-01-01", Some("2026-07-01"), &flat(1_200_000)).await;
    let next = |starts: &str, ends: Value, currency: &str| json!({"kind": "plan", "code": "pro", "starts": starts, "ends": ends, "currency": currency, "prices": flat(1_500_000)});
    let (field, message) = shop.refused("catalog.publish", next("2026-06-15", Value::Null, "KRW")).await;
    assert_eq!(field, "starts");
    assert!(message.contains("2026-01-01 ~ 2026-06-30"), "{message}");
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
async fn dollars_are_not_won() {
    let shop = Shop::open().await;
    let fields = json!({"kind": "plan", "code": "pro", "name": "Pro", "currency": "USD", "starts": "2026-01-01", "prices": flat(99_900)});
    shop.done("catalog.publish", fields).await;
    let today = countersign::catalog::today();
    shop.done("promotion.open", json!({"code": "WON", "name": "won", "won": 50_000, "on": "base", "starts": today})).await;
    let question = |change: Value| {
        let mut question = json!({"plan": "pro", "currency": "USD"});
        question.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        question
    };
    let answer = shop.preview(question(json!({}))).await;
    assert_eq!((answer["currency"].as_str(), answer["total"].as_str()), (Some("USD"), Some("$1,098.90")), "{answer}");
    let many: serde_json::Map<String, Value> = (0..60).map(|n| (format!("m{n}"), json!(1))).collect();
    for (change, status) in [
        (json!({"promotions": ["WON"]}), 422),
        (json!({"currency": "KRW"}), 404),
        (json!({"version": 1}), 400),
        (json!({"of": 31}), 400),
        (json!({"usage": many}), 422),
    ] {
        assert_eq!(shop.billing.post("/api/catalog/preview", &question(change.clone())).await.0, status, "{change}");
    }
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

/// Case 1: every number of September, and the same when VAT is rounded half up.
#[tokio::test]
async fn an_invoice_is_previewed_to_the_won() {
    let shop = Shop::open().await;
    shop.publish("pro", "2026-01-01", None, PRO).await;
    shop.done("catalog.publish", json!({"kind": "addon", "code": "seats", "name": "사용자 팩", "starts": "2026-01-01", "prices": SEATS}))
        .await;
    let today = countersign::catalog::today();
    let launch =
        json!({"code": "launch15", "name": "출시 기념", "percent": "15", "on": "plan", "plans": "pro", "starts": today, "most": 100});
    shop.done("promotion.open", launch).await;
    let question = |rounding: &str| {
        json!({"plan": "pro", "usage": {"tokens": 87_654_321, "processed": 48_123_672}, "addons": {"seats": 2}, "promotions": ["Launch15"],
            "vat_rounding": rounding})
    };
    let answer = shop.preview(question("floor")).await;
    let numbers = |key: &str| ["amount", "discount", "supply", "vat"].map(|name| line(&answer, key)[name].as_i64().unwrap());
    assert_eq!(numbers("base"), [1_500_000, 225_000, 1_275_000, 127_500]);
    assert_eq!(numbers("seats"), [240_000, 0, 240_000, 24_000]);
    assert_eq!(numbers("overage"), [180_370, 27_056, 153_314, 15_331]);
    assert_eq!(numbers("fee"), [1_203_092, 0, 1_203_092, 120_309]);
    assert_eq!([&answer["invoice"]["supply"], &answer["invoice"]["vat"], &answer["invoice"]["total"]], [2_871_406, 287_140, 3_158_546]);
    assert_eq!(shop.preview(question("half_up")).await["invoice"]["vat"], 287_141);
    let person = shop.desk.sign_in("cs").await;
    let page =
        person.get("/catalog/plans/pro?price=yes&use-tokens=87654321&use-processed=48123672&addon-seats=2&promotions=LAUNCH15").await;
    for number in ["₩180,370.3704", "₩252,055.5", "-₩27,056", "₩1,275,000", "₩287,140.6", "₩120,309", "₩2,871,406", "₩3,158,546"]
    {
        page.sees(number);
    }
}

#[tokio::test]
async fn a_promotion_keeps_its_terms_its_code_and_its_plans() {
    let shop = Shop::open().await;
    shop.publish("pro", "2026-01-01", None, PRO).await;
    shop.publish("starter", "2026-01-01", None, &flat(300_000)).await;
    let today = countersign::catalog::today();
    let offer = |change: Value| {
        let mut fields = json!({"code": "SPRING", "name": "봄", "won": 50_000, "on": "base", "plans": "pro", "starts": today});
        fields.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        fields
    };
    for (change, field) in [
        (json!({"code": "봄"}), "code"),
        (json!({"code": "A"}), "code"),
        (json!({"percent": "10"}), "percent"),
        (json!({"won": null}), "percent"),
        (json!({"won": null, "percent": "101"}), "percent"),
        (json!({"won": null, "percent": "-1"}), "percent"),
        (json!({"won": null, "percent": "9".repeat(20)}), "percent"),
        (json!({"won": -1}), "won"),
        (json!({"most": 0}), "most"),
        (json!({"plans": "pro, gold"}), "plans"),
        (json!({"ends": today}), "ends"),
        (json!({"on": "nothing"}), "on"),
    ] {
        assert_eq!(shop.refused("promotion.open", offer(change.clone())).await.0, field, "{change}");
    }
    shop.done("promotion.open", offer(json!({}))).await;
    assert_eq!(shop.refused("promotion.open", offer(json!({"code": "spring", "name": "또"}))).await.0, "code");
    let price = |plan: &str, codes: Value| json!({"plan": plan, "promotions": codes});
    assert_eq!(shop.preview(price("pro", json!(["spring"]))).await["invoice"]["supply"], 1_450_000);
    for (plan, codes) in [("starter", json!(["SPRING"])), ("pro", json!(["SPRING", "spring"])), ("pro", json!(["AUTUMN"]))] {
        let (status, problem) = shop.billing.post("/api/catalog/preview", &price(plan, codes)).await;
        assert_eq!((status, problem["errors"][0]["field"].as_str()), (422, Some("promotions")), "{problem}");
    }
    let mut owner = shop.desk.owner().await;
    for change in ["terms = '{}'", "most = 5", "valid = '[2026-01-01,)'", "code = 'OTHER'"] {
        let done = sqlx::query(sqlx::AssertSqlSafe(format!("update promotion set {change}"))).execute(&mut owner).await;
        assert_eq!(refused_by(done).as_deref(), Some("23514"), "{change}");
    }
    shop.done("promotion.close", json!({"code": "spring"})).await;
    assert_eq!(shop.refused("promotion.close", json!({"code": "SPRING"})).await.0, "code");
    assert_eq!(shop.refused("promotion.close", json!({"code": "NEVER"})).await.0, "code");
    let (status, _) = shop.billing.post("/api/catalog/preview", &price("pro", json!(["SPRING"]))).await;
    assert_eq!(status, 422);
    shop.desk.sign_in("cs").await.get("/catalog/promotions?standing=ended").await.sees("SPRING");
    assert_eq!(shop.desk.broken_invariants().await, [""; 0]);
}

#[tokio::test]
async fn the_page_calculates_what_the_api_does() {
    let shop = Shop::open().await;
    shop.publish("pro-v3", "2026-01-01", None, PRO).await;
    shop.done("catalog.publish", json!({"kind": "addon", "code": "seats", "name": "사용자 팩", "starts": "2026-01-01", "prices": SEATS}))
        .await;
    let question = json!({"plan": "pro-v3", "usage": {"tokens": 87_654_321, "processed": 48_123_672}, "addons": {"seats": 2}});
    let answer = shop.preview(question).await;
    let amounts: Vec<_> = ["base", "seats", "overage", "fee"].map(|key| line(&answer, key)["amount"].as_i64().unwrap()).into();
    assert_eq!(amounts, [1_500_000, 240_000, 180_370, 1_203_092]);
    assert_eq!(answer["invoice"]["supply"], 3_123_462);
    let person = shop.desk.sign_in("cs").await;
    let page = person.get("/catalog/plans/pro-v3?price=yes&use-tokens=87,654,321&use-processed=48123672&addon-seats=2").await;
    page.sees("₩180,370.3704").sees("₩180,370").sees("₩1,203,091.8").sees("₩3,123,462");
    let page = person.get("/catalog/plans/pro-v3?price=yes&use-tokens=-1").await;
    assert!(page.find("#bill-errors").is_some(), "{}", page.text());
    for (question, field) in [
        (json!({"plan": "pro-v3", "usage": {"gigabytes": 1}}), "usage"),
        (json!({"plan": "pro-v3", "addons": {"none": 1}}), "addons"),
        (json!({"plan": "pro-v3", "days": 32, "of": 31}), "days"),
    ] {
        let (status, problem) = shop.billing.post("/api/catalog/preview", &question).await;
        assert_eq!((status, problem["errors"][0]["field"].as_str()), (422, Some(field)), "{problem}");
    }
}
