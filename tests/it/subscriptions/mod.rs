//! Who is on which version: an activation that begins it, changes that are split to the won, ends, what is taken back, and everything that
//! is refused.
mod begins;
mod changes;
mod ends;
mod refusals;

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
        office.publish("enterprise", "2026-01-01", include_str!("../../../src/catalog/plan.toml")).await;
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
