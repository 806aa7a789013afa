//! Who is on which version: an activation that begins it, changes that are split to the won, ends, what is taken back, and everything that
//! is refused.
use crate::{
    onboarding::{WHY, asked, begun, passed, sells, sold},
    support::{Desk, REASON, Token},
};
use chrono::{Datelike, Days, NaiveDate, Utc};
use countersign::{catalog::today, demo::Scale, operations::registry::Registry, requests::invariants};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) fn flat(won: i64) -> String {
    let tokens = "[[charge]]\nkey = \"overage\"\nmetric = \"tokens\"\nincluded = 5_000_000\nmodel = \"per_unit\"\nprice = 0.003\n";
    format!("[[charge]]\nkey = \"base\"\nmodel = \"flat\"\namount = {won}\n\n{tokens}")
}

pub(crate) struct Office {
    pub(crate) desk: Desk,
    pub(crate) cs: Token,
    pub(crate) billing: Token,
    pub(crate) admin: Token,
}

impl Office {
    /// Two plans are sold: ₩900,000 as `pro-v3`, and ₩1,500,000 as `enterprise`.
    pub(crate) async fn open() -> Self {
        Self::at(Desk::open().await).await
    }

    pub(crate) async fn at(desk: Desk) -> Self {
        let (cs, billing, admin) = (desk.token("cs").await, desk.token("approver").await, desk.token("admin").await);
        let office = Self { desk, cs, billing, admin };
        office.publish("pro-v3", "2026-01-01", &flat(900_000)).await;
        office.publish("enterprise", "2026-01-01", include_str!("../../src/catalog/plan.toml")).await;
        office
    }

    pub(crate) async fn publish(&self, code: &str, starts: &str, prices: &str) {
        let fields = json!({"kind": "plan", "code": code, "name": code, "starts": starts, "prices": prices});
        assert_eq!(self.done("catalog.publish", fields).await["state"], "succeeded");
    }

    /// Another price list of `pro-v3`, as if it had been published yesterday: what is charged today stands until midnight.
    pub(crate) async fn publish_today(&self, prices: &str) {
        let (today, tomorrow) = (today(), today() + Days::new(1));
        self.publish("pro-v3", &tomorrow.to_string(), prices).await;
        let past = format!(
            "alter table product_version disable trigger user; alter table request disable trigger user;
             update product_version set valid = daterange(lower(valid), '{today}') where code = 'pro-v3' and upper(valid) = '{tomorrow}';
             update product_version set valid = daterange('{today}', null) where code = 'pro-v3' and lower(valid) = '{tomorrow}';
             update request set fields = jsonb_set(fields, '{{starts}}', to_jsonb('{today}'::text)) where fields ->> 'starts' = '{tomorrow}';
             alter table product_version enable trigger user; alter table request enable trigger user"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(past)).execute(&mut self.desk.owner().await).await.unwrap();
    }

    pub(crate) async fn ask(&self, operation: &str, fields: Value) -> (u16, Value) {
        self.billing.post("/api/requests", &json!({"operation": operation, "fields": fields, "reason": REASON})).await
    }

    pub(crate) async fn asked(&self, operation: &str, fields: Value) -> String {
        let (status, request) = self.ask(operation, fields).await;
        assert_eq!(status, 201, "{request}");
        request["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn approved(&self, id: &str) -> Value {
        assert_eq!(self.admin.vote(id, "approve", None).await.0, 200);
        self.billing.get(&format!("/api/requests/{id}/wait?timeout=30")).await.1
    }

    /// Asked for, approved, and over.
    pub(crate) async fn done(&self, operation: &str, fields: Value) -> Value {
        let id = self.asked(operation, fields).await;
        self.approved(&id).await
    }

    /// The code of the one thing that is wrong, with its field.
    pub(crate) async fn refused(&self, operation: &str, fields: Value) -> (String, String) {
        let (status, problem) = self.ask(operation, fields).await;
        assert_eq!(status, 422, "{problem}");
        let first = &problem["errors"][0];
        (first["field"].as_str().unwrap().to_owned(), first["code"].as_str().unwrap().to_owned())
    }

    /// A tenant that was onboarded to `pro-v3` today.
    pub(crate) async fn tenant(&self, slug: &str, nine: u32) -> String {
        let id = begun(&self.cs, slug, nine).await;
        passed(&self.cs, &id, &["contract", "payment", "permission", "migration"]).await;
        let request = asked(&self.cs, &id, "approve", WHY).await;
        assert_eq!(self.approved(&request).await["state"], "succeeded");
        let (_, now) = self.cs.get(&format!("/api/onboarding/{id}")).await;
        now["tenant"]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn of(&self, tenant: &str) -> Value {
        let (status, told) = self.cs.get(&format!("/api/tenants/{tenant}/subscription")).await;
        assert_eq!(status, 200, "{told}");
        told
    }

    pub(crate) async fn preview(&self, tenant: &str, plan: Option<&str>, from: NaiveDate) -> Value {
        let (status, told) = self.cs.post("/api/subscriptions/preview", &json!({"tenant_id": tenant, "plan": plan, "from": from})).await;
        assert_eq!(status, 200, "{told}");
        told
    }

    /// Past every trigger, as only the owner could: the test needs days that have passed.
    pub(crate) async fn behind_the_scenes(&self, sql: &str) {
        let mut owner = self.desk.owner().await;
        let all = format!(
            "alter table tenant_subscription disable trigger user; alter table tenant_ai_service disable trigger user; {sql};
             alter table tenant_subscription enable trigger user; alter table tenant_ai_service enable trigger user"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(all)).execute(&mut owner).await.unwrap();
    }

    pub(crate) async fn overwritten(&self) -> Vec<String> {
        invariants::overwritten(&mut self.desk.owner().await, &Registry::new()).await.unwrap().requests
    }
}

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

/// The next 18th, from tomorrow on, of a month with 31 days.
fn eighteenth() -> NaiveDate {
    let mut day = today() + Days::new(1);
    while day.day() != 18 || (day + Days::new(13)).day() != 31 {
        day = day + Days::new(1);
    }
    day
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
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
async fn what_may_not_be_is_told_by_its_field() {
    let office = Office::open().await;
    let tenant = office.tenant("refused", 210_810_004).await;
    let (soon, later) = (today() + Days::new(5), today() + Days::new(9));
    let change = |tenant: &str, plan: &str, from: NaiveDate| json!({"tenant_id": tenant, "plan": plan, "from": from});
    let said = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    let refused = async |fields: Value| office.refused("subscription.change", fields).await;
    assert_eq!(refused(change("tnt_0000000000", "enterprise", soon)).await, said("tenant_id", "subscription-tenant-unknown"));
    assert_eq!(refused(change(&tenant, "enterprise", today() - Days::new(1))).await, said("from", "subscription-day-past"));
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
async fn another_price_by_then_makes_a_change_stale_and_shows_what_moved() {
    let office = Office::open().await;
    let tenant = office.tenant("stale", 210_810_007).await;
    let from = eighteenth();
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
