//! Another revision: what of the one before it is carried over, and what is not any more.
use super::*;
use crate::support::REASON;

/// A revision whose four steps are passed and which is rejected all the same.
async fn rejected(desk: &Desk, cs: &Token, slug: &str, nine: u32) -> String {
    let id = begun(cs, slug, nine).await;
    passed(cs, &id, &["contract", "payment", "permission", "migration"]).await;
    let request = asked(cs, &id, "reject", WHY).await;
    assert_eq!(desk.token("approver").await.vote(&request, "approve", None).await.0, 200);
    assert_eq!(over(cs, &request).await["state"], "succeeded");
    id
}

async fn again(cs: &Token, id: &str, body: Value) -> Value {
    let (status, revision) = cs.post(&format!("/api/onboarding/{id}/again"), &body).await;
    assert_eq!(status, 201, "{revision}");
    revision
}

#[tokio::test]
async fn what_a_draft_carried_over_begins_anew_where_something_else_is_sold() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, page) = (desk.token("cs").await, desk.sign_in("cs").await);
    let first = rejected(&desk, &cs, "carried-draft", 220_810_001).await;
    let draft = again(&cs, &first, json!({"draft": true})).await;
    assert_eq!(states(&draft), ["passed", "passed", "passed", "passed"]);
    let id = draft["id"].as_str().unwrap();
    let amended = async |contract: &str, amount: &str| {
        let form = page.get(&format!("/onboarding/{id}/edit")).await;
        let owner = form.find("#new-owner option[selected]").unwrap();
        let fields = [
            ("plan", "pro-v3"),
            ("contract_number", contract),
            ("expected_amount", amount),
            ("contact_name", "김하늘"),
            ("contact_email", "sky@customer.example"),
            ("owner", &owner),
        ];
        let sent = send(&page, &form, &format!("/onboarding/{id}/edit"), &fields).await;
        assert_eq!(sent.status, 303, "{}", sent.text());
        cs.get(&format!("/api/onboarding/{id}")).await.1
    };
    assert_eq!(states(&amended("HB-2026-0001", "1,650,000").await), ["passed", "passed", "passed", "passed"], "nothing of it changed");
    let now = amended("HB-2026-0002", "1,650,000").await;
    assert_eq!(states(&now), ["pending", "passed", "passed", "passed"]);
    assert_eq!((&step(&now, "contract")["carried"], &step(&now, "contract")["evidence_hash"]), (&json!(false), &Value::Null));
    assert_eq!(states(&amended("HB-2026-0002", "110,000").await), ["pending", "pending", "passed", "passed"]);
    assert_eq!(cs.post(&format!("/api/onboarding/{id}/open"), &json!({})).await.0, 200);
    let (_, now) = cs.get(&format!("/api/onboarding/{id}")).await;
    let (status, refused) = cs.post(&format!("/api/onboarding/{id}/approve"), &json!({"content": now["content"], "reason": WHY})).await;
    assert_eq!((status, &refused["errors"][0]["code"]), (422, &json!("onboarding-step-missing")), "{refused}");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_order_that_is_another_tenants_by_now_is_not_carried_over() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let cs = desk.token("cs").await;
    let order = json!({"order_id": "ord-nine", "amount": 1_650_000, "reference": "국민 2026-11-20 1,650,000"});
    let one = begun(&cs, "had-it-first", 220_820_001).await;
    passed(&cs, &one, &["contract"]).await;
    assert_eq!(decided(&cs, &one, "payment", &order, "pass", "").await.0, 200);
    assert_eq!(cs.post(&format!("/api/onboarding/{one}/withdraw"), &json!({"reason": REASON})).await.0, 200);
    let two = begun(&cs, "has-it-now", 220_830_001).await;
    passed(&cs, &two, &["contract"]).await;
    assert_eq!(decided(&cs, &two, "payment", &order, "pass", "").await.0, 200);
    let back = again(&cs, &one, json!({})).await;
    assert_eq!(states(&back), ["passed", "pending", "pending", "pending"]);
    let (status, refused) = cs.post(&format!("/api/onboarding/{}/payment/evidence", back["id"].as_str().unwrap()), &order).await;
    assert_eq!((status, &refused["errors"][0]["code"]), (422, &json!("onboarding-order-is-anothers")), "{refused}");
}

#[tokio::test]
async fn a_template_that_is_not_the_newest_any_more_is_neither_confirmed_nor_carried_over() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, security, admin) = (desk.token("cs").await, desk.token("security").await, desk.token("admin").await);
    let waiting = begun(&cs, "waits-meanwhile", 220_840_001).await;
    passed(&cs, &waiting, &["contract", "payment"]).await;
    let (status, handed_in) = cs.post(&format!("/api/onboarding/{waiting}/permission/evidence"), &evidence("permission")).await;
    assert_eq!(status, 200, "{handed_in}");
    let before = rejected(&desk, &cs, "carried-template", 220_850_001).await;

    let document = "name = \"표준\"\n\n[roles.owner]\nname = \"소유자\"\nscopes = [\"members:manage\"]\n";
    let fields = json!({"code": "standard", "document": document});
    let (status, request) =
        security.post("/api/requests", &json!({"operation": "permissions.publish", "fields": fields, "reason": REASON})).await;
    assert_eq!(status, 201, "{request}");
    let id = request["id"].as_str().unwrap();
    assert_eq!(admin.vote(id, "approve", None).await.0, 200);
    assert_eq!(over(&security, id).await["state"], "succeeded");

    let pass = json!({"decision": "pass", "seen": step(&handed_in, "permission")["seen"], "reason": ""});
    let (status, refused) = cs.post(&format!("/api/onboarding/{waiting}/permission/decision"), &pass).await;
    assert_eq!((status, refused["code"].as_str()), (409, Some("onboarding-checks-failed")), "{refused}");
    let (_, now) = cs.get(&format!("/api/onboarding/{waiting}")).await;
    let newest = step(&now, "permission")["checks"].as_array().unwrap().iter().find(|check| check["code"] == "permission-newest").unwrap();
    assert_eq!(newest["ok"], false, "what is shown is what it was refused for");
    assert_eq!(states(&again(&cs, &before, json!({})).await), ["passed", "passed", "pending", "passed"]);
}

#[tokio::test]
async fn of_two_requests_for_one_approval_a_denied_one_leaves_the_other() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, approver) = (desk.token("cs").await, desk.token("approver").await);
    let id = begun(&cs, "asked-twice", 220_860_001).await;
    passed(&cs, &id, &["contract", "payment", "permission", "migration"]).await;
    let one = asked(&cs, &id, "approve", WHY).await;
    let (_, now) = cs.get(&format!("/api/onboarding/{id}")).await;
    let fields = json!({"onboarding_id": id, "content": now["content"]});
    let (status, two) = cs.post("/api/requests", &json!({"operation": "onboarding.approve", "fields": fields, "reason": WHY})).await;
    assert_eq!(status, 201, "{two}");
    assert_eq!(approver.vote(two["id"].as_str().unwrap(), "reject", Some("같은 요청이 이미 있어 이 요청은 반려합니다.")).await.0, 200);
    assert_eq!(state(&cs, &id).await, "open");
    assert_eq!(approver.vote(&one, "approve", None).await.0, 200);
    assert_eq!(over(&cs, &one).await["state"], "succeeded");
    assert_eq!(state(&cs, &id).await, "approved");
}

#[tokio::test]
async fn a_step_that_was_left_out_once_can_be_left_out_again() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let cs = desk.token("cs").await;
    let id = begun(&cs, "left-out-twice", 220_870_001).await;
    let decide = async |now: &Value, decision: &str| {
        let body = json!({"decision": decision, "seen": step(now, "contract")["seen"], "reason": REASON});
        let (status, now) = cs.post(&format!("/api/onboarding/{id}/contract/decision"), &body).await;
        assert_eq!(status, 200, "{now}");
        now
    };
    let (_, now) = cs.get(&format!("/api/onboarding/{id}")).await;
    assert_eq!(step(&decide(&now, "waive").await, "contract")["state"], "waived");
    let (status, now) = cs.post(&format!("/api/onboarding/{id}/contract/evidence"), &evidence("contract")).await;
    assert_eq!(status, 200, "{now}");
    let now = decide(&now, "fail").await;
    assert_eq!(step(&decide(&now, "waive").await, "contract")["state"], "waived");
}
