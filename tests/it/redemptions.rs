//! Redeeming promotions: never more than there are, each tenant once, everybody told the truth about why not, and the terms kept.
use crate::support::{Desk, REASON, Token, answer};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Barrier;

struct Shop {
    desk: Desk,
    billing: Token,
    admin: Token,
}

impl Shop {
    async fn open(replicas: usize) -> Self {
        let desk = Desk::with(replicas, |_| {}).await;
        let (billing, admin) = (desk.token("approver").await, desk.token("admin").await);
        Self { desk, billing, admin }
    }

    /// Asked for, approved and done.
    async fn done(&self, operation: &str, fields: Value) {
        let (status, request) =
            self.billing.post("/api/requests", &json!({"operation": operation, "fields": fields, "reason": REASON})).await;
        assert_eq!(status, 201, "{request}");
        let id = request["id"].as_str().unwrap();
        self.admin.vote(id, "approve", None).await;
        let (_, request) = self.billing.get(&format!("/api/requests/{id}/wait?timeout=30")).await;
        assert_eq!(request["state"], "succeeded", "{request}");
    }

    async fn plan(&self, code: &str) {
        let prices = "[[charge]]\nkey = \"base\"\nmodel = \"flat\"\namount = 1000000\n";
        self.done("catalog.publish", json!({"kind": "plan", "code": code, "name": code, "starts": "2026-01-01", "prices": prices})).await;
    }

    /// 15 % off, for so many.
    async fn promotion(&self, code: &str, change: Value) {
        let mut fields = json!({"code": code, "name": "출시 기념", "percent": "15", "on": "plan", "starts": countersign::catalog::today()});
        fields.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.done("promotion.open", fields).await;
    }

    /// So many tenants of a company of the demo; answers their slugs.
    async fn tenants(&self, n: i32) -> Vec<String> {
        let mut owner = self.desk.owner().await;
        sqlx::query("alter table tenant disable trigger is_recorded").execute(&mut owner).await.unwrap();
        sqlx::query(
            "insert into tenant (id, company_id, slug, region, time_zone, status, created_at, activated_at)
             select 'tnt_' || lpad(n::text, 10, '0'), (select min(id) from company), 'race-' || n, 'kr', 'Asia/Seoul', 'active', now(), now()
             from generate_series(1, $1) n",
        )
        .bind(n)
        .execute(&mut owner)
        .await
        .unwrap();
        sqlx::query("alter table tenant enable trigger is_recorded").execute(&mut owner).await.unwrap();
        (1..=n).map(|n| format!("race-{n}")).collect()
    }

    async fn redeem(&self, code: &str, tenant: &str) -> (u16, Value) {
        self.billing.post(&format!("/api/promotions/{code}/redemptions"), &json!({"tenant": tenant})).await
    }

    /// Many clients at once, each with a connection of its own, at both replicas in turn: who tried, and what they were told. Whoever is
    /// told to come again does, with the same key.
    async fn rush(&self, code: &str, tenants: Vec<String>) -> Vec<(String, String)> {
        let start = Arc::new(Barrier::new(tenants.len()));
        let tries = tenants.into_iter().enumerate().map(|(n, tenant)| {
            let (start, token) = (start.clone(), self.billing.secret.clone());
            let url = format!("{}/api/promotions/{code}/redemptions", self.desk.base(n % 2));
            tokio::spawn(async move {
                let (http, key) = (reqwest::Client::new(), uuid::Uuid::now_v7().to_string());
                start.wait().await;
                loop {
                    let request = http.post(&url).bearer_auth(&token).header("idempotency-key", &key).json(&json!({"tenant": tenant}));
                    let (status, told) = answer(request).await;
                    match status {
                        503 => tokio::time::sleep(Duration::from_millis(100)).await,
                        201 => return (tenant, "ok".to_owned()),
                        409 => return (tenant, told["code"].as_str().unwrap().to_owned()),
                        _ => panic!("{status}: {told}"),
                    }
                }
            })
        });
        futures::future::join_all(tries.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect()
    }

    /// The counter and the rows of a promotion.
    async fn counted(&self, code: &str) -> (i32, i64) {
        sqlx::query_as("select redeemed, (select count(*) from promo_redemption r where r.code = p.code) from promotion p where code = $1")
            .bind(code)
            .fetch_one(&mut self.desk.owner().await)
            .await
            .unwrap()
    }
}

/// How often each answer was given.
fn tally(told: &[(String, String)]) -> BTreeMap<&str, usize> {
    let mut tally = BTreeMap::new();
    for (_, what) in told {
        *tally.entry(what.as_str()).or_default() += 1;
    }
    tally
}

/// Case 7, with 200 clients at two replicas: three rushes, each on a code of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_at_once_never_redeem_more_than_there_is_and_each_hears_why() {
    let shop = Shop::open(2).await;
    for code in ["ONE-EACH", "TWENTY", "TWICE"] {
        shop.promotion(code, json!({"most": 100})).await;
    }
    let tenants = shop.tenants(200).await;

    let told = shop.rush("ONE-EACH", tenants.clone()).await;
    assert_eq!(tally(&told), BTreeMap::from([("exhausted", 100), ("ok", 100)]));
    assert_eq!(shop.counted("ONE-EACH").await, (100, 100));

    let told = shop.rush("TWENTY", (0..200).map(|n| tenants[n % 20].clone()).collect()).await;
    assert_eq!(tally(&told), BTreeMap::from([("already_redeemed", 180), ("ok", 20)]));
    assert_eq!(shop.counted("TWENTY").await, (20, 20));

    // 80 tenants try twice
    let told = shop.rush("TWICE", (0..200).map(|n| tenants[n % 120].clone()).collect()).await;
    let of = |what: &str| -> Vec<&String> {
        let mut who: Vec<_> = told.iter().filter(|(_, told)| told == what).map(|(tenant, _)| tenant).collect();
        who.sort();
        who.dedup();
        who
    };
    let (winners, late) = (of("ok"), of("exhausted"));
    assert_eq!((tally(&told)["ok"], winners.len(), late.len()), (100, 100, 20));
    assert!(winners.iter().all(|tenant| !late.contains(tenant)), "who has it is never told that nothing is left");
    assert_eq!(shop.counted("TWICE").await, (100, 100));
    assert_eq!(shop.desk.count("promotion.redeemed").await, 220);
    assert_eq!(shop.desk.broken_invariants().await, [""; 0]);
}

/// What case 7 would be with a counter that is read and then written: the same 200 clients sell 200 of 100. It proves that such a rush
/// finds what it looks for.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_naive_way_sells_two_hundred_of_a_hundred() {
    let desk = Desk::closed().await;
    let pool: PgPool = PgPoolOptions::new().max_connections(16).connect(&desk.owner_url().await).await.unwrap();
    for sql in ["create table naive (most int, redeemed int)", "insert into naive values (100, 0)", "create table naive_row (tenant int)"] {
        sqlx::query(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    }
    let (read, clients) = (Arc::new(Barrier::new(200)), 0..200);
    let tries = clients.map(|tenant: i32| {
        let (pool, read) = (pool.clone(), read.clone());
        tokio::spawn(async move {
            let left: bool = sqlx::query_scalar("select redeemed < most from naive").fetch_one(&pool).await.unwrap();
            read.wait().await;
            if left {
                sqlx::query("insert into naive_row values ($1)").bind(tenant).execute(&pool).await.unwrap();
                sqlx::query("update naive set redeemed = redeemed + 1").execute(&pool).await.unwrap();
            }
        })
    });
    futures::future::join_all(tries.collect::<Vec<_>>()).await.into_iter().for_each(Result::unwrap);
    let sold: (i64, i32) = sqlx::query_as("select (select count(*) from naive_row), redeemed from naive").fetch_one(&pool).await.unwrap();
    assert_eq!(sold, (200, 200));
    pool.close().await;
}

#[tokio::test]
async fn what_cannot_be_redeemed_is_told_by_field_or_by_code() {
    let shop = Shop::open(1).await;
    shop.plan("pro").await;
    shop.plan("starter").await;
    let slugs = shop.tenants(3).await;
    let today = countersign::catalog::today();
    shop.promotion("FOR-PRO", json!({"plans": "pro"})).await;
    shop.promotion("LATER", json!({"starts": today + chrono::Days::new(9)})).await;
    shop.promotion("OVER", json!({})).await;
    shop.done("promotion.close", json!({"code": "OVER"})).await;
    shop.promotion("ONE", json!({"most": 1})).await;

    // one that has a plan, from what was sold to it
    let cs = shop.desk.token("cs").await;
    let sold = |slug: &str, plan: &str, nine: u32| {
        json!({"biz_reg_no": countersign::tenants::registration::completed(nine), "company": format!("시험{nine}"), "slug": slug, "plan": plan,
            "ai_services": ["kms"], "contract_number": "HB-2026-0001", "expected_amount": 1, "contact_name": "김하늘", "contact_email": "a@b.example"})
    };
    for (slug, plan, nine) in [("has-pro", "pro", 123_820_001), ("has-starter", "starter", 123_820_002)] {
        assert_eq!(cs.post("/api/onboarding", &sold(slug, plan, nine)).await.0, 201);
    }

    let code = async |promotion: &str, tenant: &str| {
        let (status, told) = shop.redeem(promotion, tenant).await;
        (status, told["code"].as_str().unwrap_or_default().to_owned(), told["errors"][0]["field"].as_str().unwrap_or_default().to_owned())
    };
    let conflict = |code: &str| (409, code.to_owned(), String::new());
    let wrong = |field: &str| (422, "invalid".to_owned(), field.to_owned());
    assert_eq!(code("FOR-PRO", "has-starter").await, conflict("promotion-other-plans"));
    assert_eq!(code("FOR-PRO", &slugs[0]).await, conflict("redemption-no-plan"));
    assert_eq!(code("LATER", &slugs[0]).await, conflict("promotion-not-on"));
    assert_eq!(code("OVER", &slugs[0]).await, conflict("promotion-not-on"));
    assert_eq!(code("FOR-PRO", "nobody").await, wrong("tenant"));
    assert_eq!(code("FOR-PRO", " ").await, wrong("tenant"));
    assert_eq!(shop.redeem("NEVER", &slugs[0]).await.0, 404);
    // however it is typed, and by id as by slug
    let (status, told) = shop.redeem("%20for-Pro%20", " has-pro ").await;
    assert_eq!((status, &told["promotion"], &told["plan"]), (201, &json!("FOR-PRO"), &json!("pro")), "{told}");
    assert_eq!(code("ONE", "tnt_0000000001").await.0, 201);
    assert_eq!(code("ONE", &slugs[0]).await, conflict("already_redeemed"));
    assert_eq!(code("ONE", &slugs[1]).await, conflict("exhausted"));
    for (lang, text) in [("ko", "모두 사용되었습니다"), ("en", "as often as it may")] {
        let url = format!("{}/api/promotions/ONE/redemptions", shop.desk.base(0));
        let request = reqwest::Client::new().post(url).bearer_auth(&shop.billing.secret).header("idempotency-key", "x");
        let (_, told) = answer(request.header("accept-language", lang).json(&json!({"tenant": slugs[1]}))).await;
        assert!(told["detail"].as_str().unwrap().contains(text), "{told}");
    }
    let mut owner = shop.desk.owner().await;
    sqlx::query("alter table tenant disable trigger is_recorded").execute(&mut owner).await.unwrap();
    sqlx::query("update tenant set status = 'closed' where slug = $1").bind(&slugs[2]).execute(&mut owner).await.unwrap();
    sqlx::query("alter table tenant enable trigger is_recorded").execute(&mut owner).await.unwrap();
    shop.promotion("OPEN", json!({})).await;
    assert_eq!(code("OPEN", &slugs[2]).await, wrong("tenant"));
    // who may read may not redeem
    let auditor = shop.desk.token("auditor").await;
    assert_eq!(auditor.post("/api/promotions/OPEN/redemptions", &json!({"tenant": slugs[1]})).await.0, 403);
    assert_eq!(auditor.get("/api/promotions/ONE/redemptions").await.1["items"].as_array().unwrap().len(), 1);
    assert_eq!(auditor.get("/api/promotions/NEVER/redemptions").await.0, 404);
    assert_eq!(auditor.get("/api/promotions/ONE/redemptions?cursor=x").await.0, 400);
    assert_eq!(shop.desk.broken_invariants().await, [""; 0]);
}

#[tokio::test]
async fn the_same_key_redeems_once_and_for_one_thing() {
    let shop = Shop::open(1).await;
    let slugs = shop.tenants(2).await;
    shop.promotion("SPRING", json!({})).await;
    let post = async |tenant: &str, key: Option<&str>| {
        let url = format!("{}/api/promotions/spring/redemptions", shop.desk.base(0));
        let request = reqwest::Client::new().post(url).bearer_auth(&shop.billing.secret).json(&json!({"tenant": tenant}));
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        let response = request.send().await.unwrap();
        let replayed = response.headers().contains_key("idempotency-replayed");
        (response.status().as_u16(), replayed, response.json::<Value>().await.unwrap())
    };
    let (status, replayed, first) = post(&slugs[0], Some("k-1")).await;
    assert_eq!((status, replayed), (201, false), "{first}");
    let (status, replayed, again) = post("tnt_0000000001", Some("k-1")).await;
    assert_eq!((status, replayed), (201, true));
    assert_eq!(first, again);
    assert_eq!(post(&slugs[1], Some("k-1")).await.0, 422);
    assert_eq!(post(&slugs[1], None).await.0, 400);
    // twenty at once with one key are one
    let many = futures::future::join_all((0..20).map(|_| post(&slugs[1], Some("k-2")))).await;
    assert!(many.iter().all(|(status, ..)| *status == 201), "{many:?}");
    assert_eq!(many.iter().filter(|(_, replayed, _)| !replayed).count(), 1);
    assert_eq!(shop.counted("SPRING").await, (2, 2));
}

/// What was redeemed stays as it was: in the table, for the application as for the owner, and in what an invoice costs.
#[tokio::test]
async fn the_terms_are_copied_and_never_change() {
    let shop = Shop::open(1).await;
    shop.plan("pro").await;
    let slugs = shop.tenants(2).await;
    shop.promotion("KEPT", json!({"most": 9})).await;
    let (_, kept) = shop.redeem("KEPT", &slugs[0]).await;
    assert_eq!(kept["terms"], json!({"off": {"share": "0.15"}, "on": ["base", "usage"]}));
    let preview = async |change: Value| {
        let mut question = json!({"plan": "pro"});
        question.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        shop.billing.post("/api/catalog/preview", &question).await
    };
    shop.done("promotion.close", json!({"code": "KEPT"})).await;
    assert_eq!(preview(json!({"promotions": ["KEPT"]})).await.0, 422, "nobody gets it any more");
    let (_, answer) = preview(json!({"tenant": "tnt_0000000001"})).await;
    assert_eq!(answer["invoice"]["supply"], 850_000, "but who has it keeps it: {answer}");
    assert_eq!(preview(json!({"tenant": "tnt_0000000002"})).await.1["invoice"]["supply"], 1_000_000);
    assert_eq!(preview(json!({"tenant": "tnt_0000000001", "promotions": ["kept"]})).await.0, 422);
    let (_, own) = shop.billing.get("/api/tenants/tnt_0000000001/promotions").await;
    assert_eq!(own["items"][0], kept);

    let refused =
        |done: sqlx::Result<sqlx::postgres::PgQueryResult>| done.unwrap_err().as_database_error().unwrap().code().unwrap().into_owned();
    let mut owner = shop.desk.owner().await;
    for sql in [
        "update promo_redemption set terms = '{}'",
        "delete from promo_redemption",
        "insert into promo_redemption (code, tenant_id, terms, hash, redeemed_at, redeemed_by, key)
         select code, 'tnt_0000000002', '{\"off\": {\"share\": \"1\"}, \"on\": []}', hash, now(), redeemed_by, 'other' from promo_redemption",
    ] {
        assert_eq!(refused(sqlx::query(AssertSqlSafe(sql)).execute(&mut owner).await), "23514", "{sql}");
    }
    // a row without an event does not commit, and neither does a counter
    let twice = "insert into promo_redemption (code, tenant_id, terms, hash, redeemed_at, redeemed_by, key)
        select code, 'tnt_0000000002', terms, hash, now(), redeemed_by, 'other' from promo_redemption";
    assert!(sqlx::query(twice).execute(&mut owner).await.is_err());
    use sqlx::Connection;
    let mut app = sqlx::PgConnection::connect(&shop.desk.app_url().await).await.unwrap();
    for sql in ["update promo_redemption set key = 'x'", "delete from promo_redemption", "update promotion set most = null"] {
        assert_eq!(refused(sqlx::query(AssertSqlSafe(sql)).execute(&mut app).await), "42501", "{sql}");
    }
    assert_eq!(shop.desk.broken_invariants().await, [""; 0]);
    // a counter that somebody moved is found
    for sql in [
        "alter table promotion disable trigger is_recorded",
        "update promotion set redeemed = 2",
        "alter table promotion enable trigger is_recorded",
    ] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut owner).await.unwrap();
    }
    let broken = shop.desk.broken_invariants().await;
    assert!(broken.len() == 1 && broken[0].contains("counted"), "{broken:?}");
}

/// Without a script: by company, by the beginning of a slug, by id. Whoever is found stands in the form, which says who it is.
#[tokio::test]
async fn a_tenant_is_looked_up_in_front_of_the_form() {
    let shop = Shop::open(1).await;
    shop.tenants(3).await;
    shop.promotion("FIND", json!({})).await;
    let mut owner = shop.desk.owner().await;
    sqlx::raw_sql("alter table tenant disable trigger user; update tenant set status = 'closed' where slug = 'race-3'; alter table tenant enable trigger user")
        .execute(&mut owner).await.unwrap();
    let company: String =
        sqlx::query_scalar("select min(c.name) from company c join tenant t on t.company_id = c.id where t.slug = 'race-1'")
            .fetch_one(&mut owner)
            .await
            .unwrap();
    let cs = shop.desk.sign_in("cs").await;
    let path = "/catalog/promotions/FIND";
    let links = async |q: &str| cs.get(&format!("{path}?q={q}")).await.all("#tenants-found a", "href");
    let [one, two] = [1, 2].map(|n| format!("{path}?tenant=tnt_000000000{n}#redeem"));
    assert_eq!(links("").await, [""; 0], "nobody is listed before somebody looks");
    assert_eq!(links("RACE-").await, [&*one, &two], "but for who is closed");
    assert_eq!(links("tnt_0000000002").await, [two]);
    assert!(links(&company).await.contains(&one), "{company}");
    let form = cs.get(&one).await;
    form.sees(&format!("{company} · race-1"));
    let [tenant, key] = ["#redeem-tenant", "#redeem-form input[name=key]"].map(|field| form.find(field).unwrap());
    assert_eq!(tenant, "tnt_0000000001");
    let sent = cs.post_from(&form, &format!("{path}/redemptions"), &[("tenant", &tenant), ("key", &key)]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    for (lang, said) in [("ko", "찾는 테넌트가 없습니다."), ("en", "No such tenant was found.")] {
        let none = cs.at(&cs.base).in_language(lang).get(&format!("{path}?q=nobody-has-this")).await;
        none.sees(said);
        assert_eq!(none.find("#tenant-q").as_deref(), Some("nobody-has-this"));
    }
    let auditor = shop.desk.sign_in("auditor").await.get(&format!("{path}?q=race-")).await;
    assert_eq!((auditor.status, auditor.count("#tenant-search"), auditor.count("#tenants-found")), (200, 0, 0));
}

#[tokio::test]
async fn the_page_shows_what_is_left_and_keeps_what_was_typed() {
    let shop = Shop::open(1).await;
    let slugs = shop.tenants(3).await;
    shop.promotion("FEW", json!({"most": 2})).await;
    let cs = shop.desk.sign_in("cs").await;
    let page = cs.get("/catalog/promotions/few?tenant=race-1").await;
    page.sees("출시 기념").sees("15%").sees("2 중 0");
    assert_eq!(page.all("#redeem-tenant", "value"), ["race-1"]);
    let send = async |page: &crate::support::Page, tenant: &str| {
        let key = page.find("#redeem-form input[name=key]").unwrap();
        cs.post_from(page, "/catalog/promotions/FEW/redemptions", &[("tenant", tenant), ("key", &key)]).await
    };
    let wrong = send(&page, "no-such").await;
    assert_eq!((wrong.status, wrong.all("#redeem-tenant", "value")), (422, vec!["no-such".to_owned()]));
    assert_eq!(wrong.all("#errors a", "href"), ["#redeem-tenant"]);
    wrong.sees("no-such 테넌트가 없습니다.");
    assert_eq!(send(&page, &slugs[0]).await.status, 303);
    assert_eq!(send(&page, &slugs[0]).await.status, 303, "sent twice, redeemed once");
    let page = cs.get("/catalog/promotions/FEW").await;
    page.sees("2 중 1").sees("race-1");
    let again = send(&page, &slugs[0]).await;
    assert_eq!((again.status, again.all("#redeem-tenant", "value")), (409, vec!["race-1".to_owned()]));
    again.sees("이미 사용했습니다");
    assert_eq!(send(&page, &slugs[1]).await.status, 303);
    let late = send(&page, &slugs[2]).await;
    assert_eq!((late.status, late.all("#redeem-tenant", "value")), (409, vec!["race-3".to_owned()]));
    late.sees("정해진 수만큼 모두 사용되었습니다");
    let full = cs.get("/catalog/promotions/FEW").await;
    full.sees("한도").sees("모두 사용되었습니다");
    assert_eq!(full.count("#redeem-form"), 0);
    let english = cs.at(&cs.base).in_language("en").get("/catalog/redemptions?promotion=few").await;
    english.sees("Redemptions").sees("race-2");
    assert_eq!(cs.get("/catalog/redemptions?tenant=tnt_0000000001").await.count("tbody tr"), 1);
    let csv = cs.get("/catalog/redemptions.csv?promotion=FEW").await;
    assert!(csv.body.contains("race-1") && csv.body.contains("race-2") && !csv.body.contains("race-3"), "{}", csv.body);
    cs.get("/tenants/tnt_0000000001").await.sees("프로모션 보기");
    let auditor = shop.desk.sign_in("auditor").await.get("/catalog/promotions/FEW").await;
    assert_eq!((auditor.status, auditor.count("#redeem-form")), (200, 0));
    auditor.sees("promotions:redeem");
    assert_eq!(cs.get("/catalog/promotions/NEVER").await.status, 404);
}
