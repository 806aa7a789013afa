//! From a signed contract to an active tenant: the four steps in their order, a failure and a rejection on the way, another revision, the
//! approval, and everything that is refused.
mod again;
mod clock;
mod deciding;
mod forms;
mod import;
mod road;

use crate::support::{Desk, Page, Person, Token};
use countersign::tenants::registration;
use serde_json::{Value, json};

pub(crate) const WHY: &str = "네 단계를 모두 마쳤고 계약서와 입금 내역을 대조했습니다.";
const MISMATCH: &str = "입금자명 불일치";

/// What a form or the API is given for a tenant that nobody has yet.
pub(crate) fn sold(slug: &str, nine: u32) -> Value {
    json!({
        "biz_reg_no": registration::shown(&registration::completed(nine)), "company": format!("시험고객{nine}"), "slug": slug, "plan": "pro-v3",
        "ai_services": ["kms"], "contract_number": "HB-2026-0001", "expected_amount": 1_650_000, "contact_name": "김하늘",
        "contact_email": "sky@customer.example",
    })
}

pub(crate) async fn begun(who: &Token, slug: &str, nine: u32) -> String {
    let (status, onboarding) = who.post("/api/onboarding", &sold(slug, nine)).await;
    assert_eq!(status, 201, "{onboarding}");
    onboarding["id"].as_str().unwrap().to_owned()
}

fn evidence(step: &str) -> Value {
    match step {
        "contract" => json!({"contract_number": "HB-2026-0001", "sha256": format!("{:064x}", uuid::Uuid::now_v7().as_u128())}),
        "payment" => json!({"order_id": format!("ord-{}", uuid::Uuid::now_v7().simple()), "amount": 1_650_000}),
        "permission" => json!({"template": "standard", "version": 3}),
        _ => {
            json!({"datasets": [{"name": "문서", "source_rows": 10, "target_rows": 10, "source_checksum": "9f3a", "target_checksum": "9f3a"}]})
        }
    }
}

fn step<'a>(onboarding: &'a Value, kind: &str) -> &'a Value {
    onboarding["tasks"].as_array().unwrap().iter().find(|t| t["kind"] == kind).unwrap()
}

fn states(onboarding: &Value) -> Vec<&str> {
    onboarding["tasks"].as_array().unwrap().iter().map(|t| t["state"].as_str().unwrap()).collect()
}

/// Hands evidence in and decides on it.
async fn decided(who: &Token, id: &str, kind: &str, given: &Value, decision: &str, reason: &str) -> (u16, Value) {
    let (status, now) = who.post(&format!("/api/onboarding/{id}/{kind}/evidence"), given).await;
    assert_eq!(status, 200, "{now}");
    let body = json!({"decision": decision, "seen": step(&now, kind)["seen"], "reason": reason});
    who.post(&format!("/api/onboarding/{id}/{kind}/decision"), &body).await
}

pub(crate) async fn passed(who: &Token, id: &str, kinds: &[&str]) {
    for kind in kinds {
        let (status, now) = decided(who, id, kind, &evidence(kind), "pass", "").await;
        assert_eq!((status, &step(&now, kind)["state"]), (200, &json!("passed")), "{now}");
    }
}

/// Asks for approval or rejection as it is now; answers the request's id.
pub(crate) async fn asked(who: &Token, id: &str, what: &str, reason: &str) -> String {
    let (_, now) = who.get(&format!("/api/onboarding/{id}")).await;
    let (status, told) = who.post(&format!("/api/onboarding/{id}/{what}"), &json!({"content": now["content"], "reason": reason})).await;
    assert_eq!(status, 201, "{told}");
    told["request"].as_str().unwrap().to_owned()
}

/// What is sold to everybody here: an approval pins the version of the day.
pub(crate) async fn sells(desk: &Desk) {
    let (billing, admin) = (desk.token("approver").await, desk.token("admin").await);
    let prices = include_str!("../../../src/catalog/plan.toml");
    let fields = json!({"kind": "plan", "code": "pro-v3", "name": "프로", "starts": "2026-01-01", "prices": prices});
    let (status, request) = billing.post("/api/requests", &json!({"operation": "catalog.publish", "fields": fields, "reason": WHY})).await;
    assert_eq!(status, 201, "{request}");
    let id = request["id"].as_str().unwrap();
    assert_eq!(admin.vote(id, "approve", None).await.0, 200);
    assert_eq!(over(&billing, id).await["state"], "succeeded");
}

async fn over(who: &Token, request: &str) -> Value {
    who.get(&format!("/api/requests/{request}/wait?timeout=15")).await.1
}

async fn state(who: &Token, id: &str) -> String {
    who.get(&format!("/api/onboarding/{id}")).await.1["state"].as_str().unwrap().to_owned()
}

/// Kinds of what happened to an onboarding's tenant, oldest first.
async fn story(desk: &Desk, tenant: &str) -> Vec<String> {
    sqlx::query_scalar("select kind from ledger.event where target_type = 'tenant' and target_id = $1 order by event_id")
        .bind(tenant)
        .fetch_all(&mut desk.owner().await)
        .await
        .unwrap()
}

/// A form's own hidden fields with what is typed into it.
async fn send(who: &Person, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
    who.post_from(page, path, fields).await
}
