//! The invoice of a period, which an approval is bound to.
use super::*;

/// Case 1, through the API and on the page: the same plan, usage, add-ons and promotion come to the same won.
#[tokio::test]
async fn an_invoice_preview_says_what_the_acceptance_case_says() {
    let s = Scene::open().await;
    let open = json!({"code": "LAUNCH15", "name": "출시 기념", "percent": "15", "on": "plan", "starts": "2025-01-01"});
    s.over(&s.billing, "promotion.open", open, "succeeded").await;
    let tenant = s.tenant("hanbit-one", 124_810_001, "active", Some("2026-01-01")).await;
    let question = json!({
        "month": "2026-09", "usage": {"tokens": 87_654_321, "processed": 48_123_672}, "changes": [{"addon": "seats", "quantity": 2}],
        "promotions": ["launch15"],
    });
    let path = format!("/api/tenants/{tenant}/invoice-preview");
    let (status, told) = s.cs.post(&path, &question).await;
    assert_eq!(status, 200, "{told}");
    let lines = told["invoice"]["lines"].as_array().unwrap();
    let of = |key: &str| lines.iter().map(|line| line[key].as_i64().unwrap()).collect::<Vec<_>>();
    assert_eq!(of("amount"), [1_500_000, 240_000, 180_370, 1_203_092]);
    assert_eq!(of("discount"), [225_000, 0, 27_056, 0]);
    assert_eq!(of("supply"), [1_275_000, 240_000, 153_314, 1_203_092]);
    assert_eq!(of("vat"), [127_500, 24_000, 15_331, 120_309]);
    assert_eq!([&told["invoice"]["supply"], &told["invoice"]["vat"], &told["invoice"]["total"]], [2_871_406, 287_140, 3_158_546]);
    assert_eq!((told["period"]["starts"].as_str(), told["version"].as_i64()), (Some("2026-09-01"), Some(3)));
    // the same question has the same hash, and another one has another
    assert_eq!(s.cs.post(&path, &question).await.1["hash"], told["hash"]);
    let mut other = question.clone();
    other["usage"]["tokens"] = json!(87_654_322);
    assert_ne!(s.cs.post(&path, &other).await.1["hash"], told["hash"]);

    // what a tenant really has is on the page, next month
    let next = countersign::catalog::today() + chrono::Months::new(1);
    let (first, month) = (next.format("%Y-%m-01").to_string(), next.format("%Y-%m").to_string());
    s.over(&s.cs, "addon.change", seats(&tenant, 2, &first), "succeeded").await;
    let page = format!("/tenants/{tenant}/invoice-preview?month={month}&use-tokens=87,654,321&use-processed=48123672&promotions=LAUNCH15");
    for (lang, said) in [("ko", "공급자"), ("en", "Supplier")] {
        let person = s.desk.sign_in("cs").await.in_language(lang);
        let sheet = person.get(&page).await;
        sheet.sees(said).sees("₩3,158,546").sees("₩2,871,406").sees("₩287,140").sees("₩180,370.3704").sees("−₩225,000");
        assert_eq!(sheet.texts("#sheet-total td"), ["₩3,158,546"]);
        let again = s.cs.post(&path, &json!({"month": month, "usage": question["usage"], "promotions": ["LAUNCH15"]})).await.1;
        assert_eq!(sheet.find("#sheet-hash").as_deref(), again["hash"].as_str());
    }
    assert_eq!(s.desk.broken_invariants().await, [""; 0]);
}

/// Between approval and execution the subscription or the price list becomes another one: nothing is done, and what moved is shown.
#[tokio::test]
async fn what_comes_to_something_else_is_not_done_and_shows_which_lines_moved() {
    let s = Scene::open().await;
    let tenant = s.tenant("hanbit-three", 124_810_003, "active", Some("2026-01-01")).await;
    // the price of the add-on
    let id = s.asked(&s.cs, "addon.change", seats(&tenant, 2, &day(3))).await;
    s.publish("addon", "seats", &day(2), None, &flat(130_000)).await;
    let request = s.approved(&id, "stale").await;
    assert_eq!(request["outcome"]["code"], "target_moved", "{request}");
    let (was, is) = (&request["outcome"]["was"], &request["outcome"]["is"]);
    assert!(was["lines"].as_str().unwrap().contains("2 × ₩120,000") && is["lines"].as_str().unwrap().contains("2 × ₩130,000"), "{request}");
    assert_ne!(was["invoice"], is["invoice"]);
    let page = s.desk.sign_in("cs").await.get(&format!("/requests/{id}")).await;
    let moved = page.texts("#moved").concat();
    assert!(moved.contains("2 × ₩120,000") && moved.contains("2 × ₩130,000") && moved.contains("seats v1"), "{moved}");
    assert_eq!(s.has(&tenant).await, []);
    // the subscription: another version of the plan from today on
    let id = s.asked(&s.cs, "addon.change", seats(&tenant, 2, &day(0))).await;
    let mut owner = s.desk.owner().await;
    unguarded(&mut owner, &["tenant_subscription"], false).await;
    sqlx::query("update tenant_subscription set plan_version = 2 where tenant_id = $1").bind(&tenant).execute(&mut owner).await.unwrap();
    let request = s.approved(&id, "stale").await;
    let (was, is) = (&request["outcome"]["was"], &request["outcome"]["is"]);
    assert_eq!((&was["plan"], &is["plan"]), (&json!("pro v3"), &json!("pro v2")), "{request}");
    assert!(was["lines"].as_str().unwrap().contains("base") && is["lines"].as_str().unwrap().contains("price"), "{request}");
    // and none at all
    let id = s.asked(&s.cs, "addon.change", seats(&tenant, 2, &day(0))).await;
    sqlx::query(
        "update tenant_subscription set during = daterange(lower(during), current_date - 40), ended_in = request_id where tenant_id = $1",
    )
    .bind(&tenant)
    .execute(&mut owner)
    .await
    .unwrap();
    unguarded(&mut owner, &["tenant_subscription"], true).await;
    let request = s.approved(&id, "stale").await;
    assert_eq!(request["outcome"]["refusal"], "addon-no-subscription", "{request}");
    assert_eq!(s.desk.broken_invariants().await, [""; 0]);
}

#[tokio::test]
async fn whoever_has_an_addon_keeps_its_price_and_a_version_that_is_had_stays() {
    let s = Scene::open().await;
    let tenant = s.tenant("hanbit-four", 124_810_004, "active", Some("2026-01-01")).await;
    s.over(&s.cs, "addon.change", seats(&tenant, 2, &day(0)), "succeeded").await;
    s.publish("addon", "seats", &day(1), None, &flat(130_000)).await;
    let id = s.over(&s.cs, "addon.change", seats(&tenant, 3, &day(2)), "succeeded").await;
    let (_, request) = s.cs.get(&format!("/api/requests/{id}")).await;
    assert_eq!((&request["preview"]["after"]["addon"], &request["preview"]["after"]["monthly"]), (&json!("seats v1"), &json!(360_000)));
    // given up and had again, it is what is sold then
    s.over(&s.cs, "addon.change", seats(&tenant, 0, &day(5)), "succeeded").await;
    s.over(&s.cs, "addon.change", seats(&tenant, 1, &day(8)), "succeeded").await;
    assert_eq!(s.has(&tenant).await[0], ("seats v2".into(), 1, day(8), None, "scheduled".into()));
    // the version that begins tomorrow is had already, and cannot be withdrawn
    let fields = json!({"kind": "addon", "code": "seats", "version": 2});
    let id = s.over(&s.billing, "catalog.withdraw", fields, "failed").await;
    assert_eq!(s.cs.get(&format!("/api/requests/{id}")).await.1["outcome"]["refusal"], "catalog-addon-is-had");
    // what is had for a part of the period costs a part of it
    let (_, told) = s.cs.post(&format!("/api/tenants/{tenant}/invoice-preview"), &json!({"month": day(0)[..7]})).await;
    let parts = told["addons"].as_array().unwrap();
    let lines: Vec<_> = told["invoice"]["lines"].as_array().unwrap().iter().filter(|line| line["kind"] == "addon").collect();
    assert_eq!(lines.len(), parts.len(), "{told}");
    let days = told["share"]["of"].as_i64().unwrap();
    let first = lines.iter().find(|line| line["steps"][0]["quantity"] == 2).unwrap();
    let share = first["steps"][1]["share"]["days"].as_i64().unwrap();
    assert_eq!(first["amount"].as_i64().unwrap(), (240_000.0 * share as f64 / days as f64).round() as i64, "{first}");
    assert!(share <= 2, "{first}");
    assert_eq!(s.desk.broken_invariants().await, [""; 0]);
}
