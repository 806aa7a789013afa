//! Effects in another system, carried out by a real process that misbehaves: what is done once, what is settled by reading back,
//! and what only people can settle.
use crate::{
    process::Product,
    support::{Desk, NOW, ORG, REASON, Token},
};
use countersign::operations::Guarantee;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const EVIDENCE: &str = "제품 관리 화면에서 등급을 직접 확인했습니다.";

struct Scene {
    desk: Desk,
    product: Product,
    ops: Token,
    admin: Token,
    approver: Token,
}

impl Scene {
    async fn open(guarantee: Guarantee) -> Self {
        let mut desk = Desk::closed().await;
        let product = Product::start(&desk);
        for _ in 0..2 {
            desk.start_replica(&product.configure(guarantee)).await;
        }
        let (ops, admin, approver) = (desk.token("ops").await, desk.token_at(1, "admin", &[]).await, desk.token("approver").await);
        Self { desk, product, ops, admin, approver }
    }

    async fn ask(&self, fields: Value) -> String {
        let (status, request) = self.ops.fix(fields).await;
        assert_eq!(status, 201, "{request}");
        request["id"].as_str().unwrap().to_owned()
    }

    async fn run(&self, fields: Value) -> String {
        let id = self.ask(fields).await;
        assert_eq!(self.approver.vote(&id, "approve", None).await.0, 200);
        id
    }

    async fn until(&self, id: &str, state: &str) -> Value {
        let end = Instant::now() + Duration::from_secs(45);
        loop {
            let (_, request) = self.ops.get(&format!("/api/requests/{id}")).await;
            if request["state"] == state {
                return request;
            }
            assert!(Instant::now() < end, "{id} never became {state}: {request}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Until an attempt has got no answer.
    async fn unanswered(&self, id: &str) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.desk.story(id).await.iter().any(|kind| kind == "request.unanswered") {
            assert!(Instant::now() < end, "{id} got an answer: {:?}", self.desk.story(id).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn find(&self, who: &Token, id: &str, verdict: &str) -> (u16, Value) {
        who.post(&format!("/api/requests/{id}/findings"), &json!({"verdict": verdict, "evidence": EVIDENCE})).await
    }
}

#[tokio::test]
async fn a_change_is_made_there_once_and_followed_here() {
    let scene = Scene::open(Guarantee::Keyed).await;
    let id = scene.run(json!({"org_id": ORG, "tier": "pro", "credit": 500})).await;
    let request = scene.until(&id, "succeeded").await;
    assert_eq!(request["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(scene.product.effects().await.len(), 2, "tier and credit have an address each");
    assert_eq!(scene.desk.org(ORG).await, ("pro".into(), 500));
    assert_eq!(
        scene.desk.story(&id).await,
        [
            "request.submitted",
            "request.voted",
            "request.approved",
            "request.started",
            "request.dispatched",
            "org.tier.fixed",
            "request.succeeded"
        ]
    );
    let page = scene.desk.sign_in("auditor").await.get(&format!("/requests/{id}")).await;
    page.sees("대상 시스템은 같은 키의 변경을 한 번만 적용합니다").sees("시도 1");
}

#[tokio::test]
async fn a_keyed_change_is_asked_again_with_the_same_key_until_there_is_an_answer() {
    for mode in ["fail-after", "fail-before", "reset", "cut", "hang"] {
        let scene = Scene::open(Guarantee::Keyed).await;
        scene.product.mode(mode).await;
        let id = scene.run(json!({"org_id": ORG, "tier": "pro"})).await;
        if mode == "cut" {
            // a success is a success even where the rest of it was cut off
            scene.until(&id, "succeeded").await;
        } else {
            scene.unanswered(&id).await;
            scene.product.mode("ok").await;
            let request = scene.until(&id, "succeeded").await;
            assert!(request["attempts"].as_array().unwrap().len() >= 2, "{mode}: {request}");
            assert_eq!(request["attempts"][0]["key"], request["attempts"][1]["key"], "{mode}");
        }
        assert_eq!(scene.product.effects().await.len(), 1, "{mode}");
        assert_eq!(scene.product.tier().await, "pro", "{mode}");
        assert_eq!(scene.desk.org(ORG).await.0, "pro", "{mode}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_and_a_refusal_changes_nothing() {
    let scene = Scene::open(Guarantee::Keyed).await;
    scene.product.mode("refuse").await;
    let id = scene.run(json!({"org_id": ORG, "tier": "pro"})).await;
    let request = scene.until(&id, "failed").await;
    assert_eq!(request["outcome"]["code"], "refused_outside");
    assert_eq!(request["outcome"]["receipt"]["steps"][0]["status"], 422);
    assert!(scene.product.effects().await.is_empty());
    assert_ne!(scene.desk.org(ORG).await.0, "pro");
    scene.desk.sign_in("auditor").await.get(&format!("/requests/{id}")).await.sees("대상 시스템이 거절했습니다");
}

#[tokio::test]
async fn a_change_of_which_only_a_step_was_done_is_partial() {
    let scene = Scene::open(Guarantee::Keyed).await;
    scene.product.mode("half").await;
    let id = scene.run(json!({"org_id": ORG, "tier": "pro", "credit": 500})).await;
    let request = scene.until(&id, "partial").await;
    assert_eq!(request["outcome"]["receipt"]["of"], 2);
    assert_eq!(scene.product.effects().await.len(), 1);
    // asking again takes the state as it is now: only the credit is left
    let admin = scene.desk.sign_in("admin").await;
    let page = admin.get(&format!("/requests/{id}")).await;
    page.sees("일부만 적용되었습니다");
    let again = admin.get(&page.all("#again", "href")[0]).await;
    assert_eq!(again.find("[name=credit]").as_deref(), Some("500"));
}

#[tokio::test]
async fn without_a_key_it_is_asked_once_and_read_back() {
    let scene = Scene::open(Guarantee::Probeable).await;
    scene.product.mode("hang").await;
    let id = scene.run(json!({"org_id": ORG, "tier": "pro"})).await;
    let request = scene.until(&id, "succeeded").await;
    assert_eq!(request["outcome"]["code"], "read_back");
    assert_eq!(scene.product.effects().await.len(), 1);
    assert_eq!(scene.desk.org(ORG).await.0, "pro");
    let story = scene.desk.story(&id).await;
    assert!(
        story.ends_with(&["request.unknown".into(), "request.read-back".into(), "org.tier.fixed".into(), "request.succeeded".into()]),
        "{story:?}"
    );
}

#[tokio::test]
async fn an_unknown_outcome_holds_its_target_until_two_others_agree() {
    let scene = Scene::open(Guarantee::Probeable).await;
    scene.product.mode("hang-before").await;
    // the administrator asks, so they may not settle it
    let (status, request) = scene
        .admin
        .post("/api/requests", &json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "tier": "pro"}, "reason": REASON}))
        .await;
    assert_eq!(status, 201, "{request}");
    let id = request["id"].as_str().unwrap().to_owned();
    scene.approver.vote(&id, "approve", None).await;
    scene.until(&id, "unknown").await;
    scene.product.mode("ok").await;
    let next = scene.run(json!({"org_id": ORG, "credit": 9})).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(scene.until(&next, "approved").await["attempts"], json!([]), "the target is held");
    scene
        .desk
        .sign_in("auditor")
        .await
        .get(&format!("/requests/{next}"))
        .await
        .sees("같은 대상의 다른 변경이 끝나기를 기다립니다")
        .sees(&id);

    assert_eq!(scene.find(&scene.admin, &id, "failed").await.0, 403, "not the requester");
    assert_eq!(scene.find(&scene.ops, &id, "failed").await.0, 403, "not somebody who may not decide");
    let (status, _) =
        scene.approver.post(&format!("/api/requests/{id}/findings"), &json!({"verdict": "failed", "evidence": "몰라요"})).await;
    assert_eq!(status, 422, "not without evidence");
    let (status, open) = scene.find(&scene.approver, &id, "failed").await;
    assert_eq!((status, open["state"].as_str()), (200, Some("unknown")), "one is not enough");
    assert_eq!(scene.find(&scene.approver, &id, "failed").await.1["state"], "unknown", "the same person twice is one");
    assert_eq!(scene.approver.post(&format!("/api/requests/{id}/read-back"), &json!({})).await.1["state"], "unknown");

    // somebody else who may decide, through the page
    let promoted = format!(
        "with r as (insert into operator_role select id, 'approver' from operator where email = 'security@hanbit.example' returning 1), n as ({NOW})
         insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, leaf)
         select n.id, n.at, 1, 'operator.roles.set', 'success', '00000000-0000-7000-8000-000000000003', 'console', '{{}}' from r, n"
    );
    sqlx::query(sqlx::AssertSqlSafe(promoted)).execute(&mut scene.desk.owner().await).await.unwrap();
    let security = scene.desk.sign_in("security").await;
    let page = security.get(&format!("/requests/{id}")).await;
    page.sees("실행 결과를 알 수 없습니다").sees(EVIDENCE);
    let bad = security.post_from(&page, &format!("/requests/{id}/findings"), &[("evidence", EVIDENCE)]).await;
    assert_eq!(bad.status, 422);
    assert_eq!(bad.find("#finding-evidence").as_deref(), Some(EVIDENCE), "what was typed is still there");
    let sent = security.post_from(&page, &format!("/requests/{id}/findings"), &[("evidence", EVIDENCE), ("verdict", "failed")]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    security.get(&format!("/requests/{id}")).await.sees("적용되지 않은 것을 두 사람이 확인했습니다");
    assert_eq!(scene.find(&scene.approver, &id, "succeeded").await.0, 409, "it is settled");
    // and the target is free
    scene.until(&next, "succeeded").await;
    assert_eq!(scene.product.effects().await.len(), 1);
}

#[tokio::test]
async fn a_system_that_tells_nothing_is_asked_only_once() {
    let scene = Scene::open(Guarantee::Opaque).await;
    scene.product.mode("fail-after").await;
    let id = scene.run(json!({"org_id": ORG, "tier": "pro"})).await;
    scene.until(&id, "unknown").await;
    scene.product.mode("ok").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(scene.product.effects().await.len(), 1);
    assert_eq!(scene.until(&id, "unknown").await["attempts"].as_array().unwrap().len(), 1);
    // "it was done": two say so, and our own tables follow
    scene.find(&scene.approver, &id, "succeeded").await;
    let (_, settled) = scene.find(&scene.admin, &id, "succeeded").await;
    assert_eq!(settled["state"], "succeeded");
    assert_eq!(scene.desk.org(ORG).await.0, "pro");
    assert!(scene.desk.story(&id).await.ends_with(&["request.examined".into(), "org.tier.fixed".into(), "request.succeeded".into()]));
}

#[tokio::test]
async fn what_moved_there_makes_the_request_stale_and_it_can_be_asked_again() {
    let scene = Scene::open(Guarantee::Keyed).await;
    let first = scene.ask(json!({"org_id": ORG, "tier": "pro"})).await;
    let second = scene.ask(json!({"org_id": ORG, "credit": 70})).await;
    scene.approver.vote(&second, "approve", None).await;
    scene.until(&second, "succeeded").await;
    scene.approver.vote(&first, "approve", None).await;
    let request = scene.until(&first, "stale").await;
    assert_eq!(request["outcome"]["code"], "target_moved");
    assert_eq!(scene.product.effects().await.len(), 1);
    let admin = scene.desk.sign_in("admin").await;
    let page = admin.get(&format!("/requests/{first}")).await;
    page.sees("승인 뒤 바뀐 내용");
    let form = admin.get(&page.all("#again", "href")[0]).await;
    assert_eq!(form.find("#reason").as_deref(), Some(REASON));
    let path = "/requests/new/org.tier.fix";
    let draft = form.find("input[name=draft]").unwrap();
    let fields = [("org_id", ORG), ("tier", "pro"), ("reason", REASON), ("draft", &draft), ("again", &first)];
    let checked = admin.check(&form, path, &fields).await;
    let confirm = checked.find("[name=confirm]").unwrap();
    let sent = admin.post_from(&checked, path, &[&fields[..], &[("confirm", &confirm)]].concat()).await;
    let again = admin.get(&sent.location.unwrap()).await;
    again.sees("다시 요청한 원본").sees(&first);
}

#[tokio::test]
async fn a_product_that_cannot_be_reached_is_said_so_and_nothing_is_lost() {
    let scene = Scene::open(Guarantee::Keyed).await;
    let id = scene.ask(json!({"org_id": ORG, "tier": "pro"})).await;
    drop(scene.product);
    let (status, problem) = scene.ops.fix(json!({"org_id": ORG, "credit": 5})).await;
    assert_eq!(status, 503, "{problem}");
    scene.approver.vote(&id, "approve", None).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (_, request) = scene.ops.get(&format!("/api/requests/{id}")).await;
    assert_eq!((request["state"].as_str(), &request["attempts"]), (Some("approved"), &json!([])), "it waits, and has not begun");
}

#[tokio::test]
async fn a_refusal_after_an_open_question_settles_nothing() {
    let scene = Scene::open(Guarantee::Keyed).await;
    scene.product.mode("fail-after").await;
    let id = scene.run(json!({"org_id": ORG, "tier": "pro"})).await;
    scene.unanswered(&id).await;
    // it has been done, and from now on the product says no to everything new and old
    scene.product.mode("deny").await;
    let request = scene.until(&id, "unknown").await;
    assert!(request["attempts"].as_array().unwrap().len() > 1, "{request}");
    scene.product.mode("ok").await;
    // the product can be read: that settles it
    let (_, settled) = scene.approver.post(&format!("/api/requests/{id}/read-back"), &json!({})).await;
    assert_eq!(settled["state"], "succeeded", "{settled}");
    assert_eq!(scene.product.effects().await.len(), 1);
}

#[tokio::test]
async fn a_replica_that_does_not_know_the_other_system_runs_nothing_and_loses_nothing() {
    let mut scene = Scene::open(Guarantee::Opaque).await;
    let waiting = scene.ask(json!({"org_id": ORG, "tier": "pro"})).await;
    scene.desk.stop_all().await;
    scene.desk.start_replica(&|_| {}).await;
    let at =
        |token: &Token| Token { base: scene.desk.base(0).to_owned(), id: token.id, secret: token.secret.clone(), http: token.http.clone() };
    let (ops, approver) = (at(&scene.ops), at(&scene.approver));
    approver.vote(&waiting, "approve", None).await;
    let (_, stale) = ops.get(&format!("/api/requests/{waiting}/wait?timeout=10")).await;
    assert_eq!((stale["state"].as_str(), stale["outcome"]["code"].as_str()), (Some("stale"), Some("system_changed")), "{stale}");
    assert_ne!(scene.desk.org(ORG).await.0, "pro");
}
