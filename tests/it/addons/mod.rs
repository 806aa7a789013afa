//! Add-ons over HTTP: asking, the invoice that an approval is bound to, what makes it stale, and everything that is refused.
mod asking;
mod invoices;

use crate::support::{Desk, Person, REASON, Token};
use countersign::tenants::registration;
use serde_json::{Value, json};
use sqlx::{PgConnection, Row};

const PRO: &str = include_str!("../../../src/catalog/plan.toml");
const SEATS: &str = include_str!("../../../src/catalog/addon.toml");

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
