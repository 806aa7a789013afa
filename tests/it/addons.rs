//! Add-ons over HTTP: asking, the invoice that an approval is bound to, what makes it stale, and everything that is refused.
use crate::support::{Desk, Person, REASON, Token};
use countersign::tenants::registration;
use serde_json::{Value, json};
use sqlx::{PgConnection, Row};

const PRO: &str = include_str!("../../src/catalog/plan.toml");
const SEATS: &str = include_str!("../../src/catalog/addon.toml");

fn flat(won: i64) -> String {
    format!("[[charge]]\nkey = \"price\"\nmodel = \"flat\"\namount = {won}\n")
}

/// The day it is in Korea, so many days from now.
fn day(days: i64) -> String {
    (countersign::catalog::today() + chrono::TimeDelta::days(days)).to_string()
}

struct Scene {
    desk: Desk,
    /// Who asks for add-ons, who changes prices, and who approves.
    cs: Token,
    billing: Token,
    admin: Token,
}

impl Scene {
    /// The catalog of the acceptance cases: Pro is sold in its third version.
    async fn open() -> Self {
        let desk = Desk::open().await;
        let (cs, billing, admin) = (desk.token("cs").await, desk.token("approver").await, desk.token("admin").await);
        let scene = Self { desk, cs, billing, admin };
        for (starts, ends, prices) in
            [("2024-01-01", Some("2024-07-01"), flat(900_000)), ("2024-07-01", Some("2025-01-01"), flat(1_200_000))]
        {
            scene.publish("plan", "pro", starts, ends, &prices).await;
        }
        scene.publish("plan", "pro", "2025-01-01", None, PRO).await;
        scene.publish("addon", "seats", "2025-01-01", None, SEATS).await;
        scene
    }

    async fn publish(&self, kind: &str, code: &str, starts: &str, ends: Option<&str>, prices: &str) {
        let fields = json!({"kind": kind, "code": code, "name": code, "starts": starts, "ends": ends, "prices": prices});
        self.over(&self.billing, "catalog.publish", fields, "succeeded").await;
    }

    async fn ask(&self, who: &Token, operation: &str, fields: Value) -> (u16, Value) {
        who.post("/api/requests", &json!({"operation": operation, "fields": fields, "reason": REASON})).await
    }

    async fn asked(&self, who: &Token, operation: &str, fields: Value) -> String {
        let (status, request) = self.ask(who, operation, fields).await;
        assert_eq!(status, 201, "{request}");
        request["id"].as_str().unwrap().to_owned()
    }

    async fn approved(&self, id: &str, state: &str) -> Value {
        let (status, vote) = self.admin.vote(id, "approve", None).await;
        assert_eq!(status, 200, "{vote}");
        let (_, request) = self.billing.get(&format!("/api/requests/{id}/wait?timeout=30")).await;
        assert_eq!(request["state"], state, "{request}");
        request
    }

    async fn over(&self, who: &Token, operation: &str, fields: Value, state: &str) -> String {
        let id = self.asked(who, operation, fields).await;
        self.approved(&id, state).await;
        id
    }

    /// The field and the text of the one problem.
    async fn refused(&self, fields: Value) -> (String, String) {
        let (status, problem) = self.ask(&self.cs, "addon.change", fields).await;
        assert_eq!(status, 422, "{problem}");
        let first = &problem["errors"][0];
        (first["field"].as_str().unwrap_or_default().to_owned(), first["message"].as_str().unwrap_or_default().to_owned())
    }

    /// An active tenant with a subscription to Pro v3 since then, written as the owner of the tables.
    async fn tenant(&self, slug: &str, nine: u32, status: &str, since: Option<&str>) -> String {
        let mut owner = self.desk.owner().await;
        unguarded(&mut owner, &["company", "tenant", "tenant_subscription"], false).await;
        let plain = format!("t{nine}");
        let id = format!("tnt_{plain}");
        sqlx::query("insert into company (id, name, biz_reg_no, created_at) values ($1, $2, $3, now())")
            .bind(format!("cmp_{plain}"))
            .bind(format!("시험 {slug}"))
            .bind(registration::completed(nine))
            .execute(&mut owner)
            .await
            .unwrap();
        sqlx::query("insert into tenant (id, company_id, slug, region, time_zone, status, created_at, activated_at) values ($1, $2, $3, 'kr', 'Asia/Seoul', $4, now(), now())")
            .bind(&id)
            .bind(format!("cmp_{plain}"))
            .bind(slug)
            .bind(status)
            .execute(&mut owner)
            .await
            .unwrap();
        if let Some(since) = since {
            subscribe(&mut owner, &id, 3, since).await;
        }
        unguarded(&mut owner, &["company", "tenant", "tenant_subscription"], true).await;
        id
    }

    async fn has(&self, tenant: &str) -> Vec<(String, i64, String, Option<String>, String)> {
        let (status, all) = self.cs.get(&format!("/api/tenants/{tenant}/addons")).await;
        assert_eq!(status, 200, "{all}");
        let told = |v: &Value| {
            (
                format!("{} v{}", v["addon"].as_str().unwrap(), v["version"]),
                v["quantity"].as_i64().unwrap(),
                v["from"].as_str().unwrap().to_owned(),
                v["until"].as_str().map(str::to_owned),
                v["standing"].as_str().unwrap().to_owned(),
            )
        };
        all["history"].as_array().unwrap().iter().map(told).collect()
    }
}

async fn subscribe(owner: &mut PgConnection, tenant: &str, version: i32, since: &str) {
    sqlx::query(
        "insert into tenant_subscription (tenant_id, plan_code, plan_version, during, request_id, created_at)
         values ($1, 'pro', $2, daterange($3::date, null), (select min(id) from request), now())",
    )
    .bind(tenant)
    .bind(version)
    .bind(since)
    .execute(owner)
    .await
    .unwrap();
}

/// Without the triggers that keep these tables, and with them again.
async fn unguarded(owner: &mut PgConnection, tables: &[&str], kept: bool) {
    let what = if kept { "enable" } else { "disable" };
    for table in tables {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("alter table {table} {what} trigger user"))).execute(&mut *owner).await.unwrap();
    }
}

fn seats(tenant: &str, quantity: i64, from: &str) -> Value {
    json!({"tenant_id": tenant, "addon": "seats", "quantity": quantity, "from": from})
}

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
