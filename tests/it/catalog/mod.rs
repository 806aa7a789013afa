//! Plans and add-ons over HTTP: publishing, what a period costs, and everything that is refused.
mod changes;
mod mistakes;
mod sums;
mod versions;

use crate::support::{Desk, REASON, Token};
use serde_json::{Value, json};

const PRO: &str = include_str!("../../../src/catalog/plan.toml");
const SEATS: &str = include_str!("../../../src/catalog/addon.toml");

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
