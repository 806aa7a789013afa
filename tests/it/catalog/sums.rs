//! What a period costs: through the API and on the page, with promotions.
use super::*;

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
    // the same on the page
    for (code, prices) in [("graduated", list("graduated")), ("by-volume", list("volume")), ("package", package.to_owned())] {
        shop.publish(code, "2026-01-01", None, &prices).await;
    }
    let person = shop.desk.sign_in("cs").await;
    for (code, used, expected) in [
        ("graduated", 999, "₩3"),
        ("graduated", 1_000, "₩3"),
        ("graduated", 30_000_000, "₩90,000"),
        ("graduated", 30_000_001, "₩90,000"),
        ("graduated", 80_000_000, "₩210,000"),
        ("by-volume", 30_000_000, "₩90,000"),
        ("by-volume", 30_000_001, "₩72,000"),
        ("package", 30_000_001, "₩86,800"),
    ] {
        let page = person.get(&format!("/catalog/plans/{code}?price=yes&use-tokens={used}")).await;
        assert_eq!(page.texts("#bill tbody td")[0], expected, "{used} of {code}");
        let warned = page.texts(".note[data-kind=warning]").concat();
        assert_eq!(warned.contains("30,000,000"), code == "by-volume", "{code}: {warned}");
    }
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
    for number in ["₩180,370.3704", "₩252,055.5", "−₩27,056", "₩1,275,000", "₩287,140.6", "₩120,309", "₩2,871,406", "₩3,158,546"]
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

/// Case 6: VAT is that of each invoice, with parts of a won dropped; four invoices of one line each.
#[tokio::test]
async fn value_added_tax_is_rounded_once_for_each_invoice() {
    let shop = Shop::open().await;
    let person = shop.desk.sign_in("cs").await;
    let mut all = 0;
    for (name, supply, vat, shown) in [
        ("one", 70_187_870, 7_018_787, "₩7,018,787"),
        ("two", 4_962_020, 496_202, "₩496,202"),
        ("three", 1_389_360, 138_936, "₩138,936"),
        ("four", 900_000, 90_000, "₩90,000"),
    ] {
        shop.publish(name, "2026-01-01", None, &flat(supply)).await;
        let answer = shop.preview(json!({"plan": name})).await;
        assert_eq!([&answer["invoice"]["supply"], &answer["invoice"]["vat"]], [supply, vat]);
        person.get(&format!("/catalog/plans/{name}?price=yes")).await.sees(shown);
        all += vat;
    }
    assert_eq!(all, 7_743_925);
}
