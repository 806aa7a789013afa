//! What people say about a request.
use crate::support::{Desk, ORG, REASON};
use serde_json::json;

const QUESTION: &str = "계약 번호와 결제일을 알려 주세요.";
const ANSWER: &str = "계약 2026-118, 11월 3일에 결제했습니다.";

#[tokio::test]
async fn a_question_is_asked_and_answered_on_the_request_itself() {
    let desk = Desk::with(2, |_| {}).await;
    let (admin, approver) = (desk.sign_in("admin").await, desk.sign_in("approver").await.at(desk.base(1)));
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let path = format!("/requests/{id}/comments");
    let page = approver.get(&format!("/requests/{id}")).await;
    assert_eq!(approver.post_from(&page, &path, &[("text", QUESTION), ("kind", "question")]).await.status, 303);
    let asked = admin.get(&format!("/requests/{id}")).await;
    asked.sees("이서연 님이 요청자에게 정보를 요청했습니다").sees(QUESTION);
    assert_eq!(asked.count("#talk-ask"), 0, "nobody asks themselves");
    // somebody else's comment is no answer
    desk.token("ops").await.post(&format!("/api{path}"), &json!({"text": "저도 궁금합니다."})).await;
    assert_eq!(admin.get(&format!("/requests/{id}")).await.count("#open-question"), 1);
    assert_eq!(admin.post_from(&asked, &path, &[("text", ANSWER)]).await.status, 303);
    let answered = approver.get(&format!("/requests/{id}")).await;
    answered.sees(ANSWER);
    assert_eq!(answered.count("#open-question"), 0);
    assert_eq!(desk.story(&id).await, ["request.submitted", "request.questioned", "request.commented", "request.commented"]);
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
    // a comment voids nothing
    approver.vote(&id, "approve", "").await;
    admin.until(&id, "succeeded").await;
}

#[tokio::test]
async fn comments_that_are_refused_say_why_and_lose_nothing() {
    let desk = Desk::open().await;
    let (admin, approver) = (desk.sign_in("admin").await, desk.sign_in("approver").await);
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let (path, api) = (format!("/requests/{id}/comments"), format!("/api/requests/{id}/comments"));
    let page = approver.get(&format!("/requests/{id}")).await;
    let short = approver.post_from(&page, &path, &[("text", " 네 ")]).await;
    assert_eq!((short.status, short.find("#talk-text").as_deref()), (422, Some("네")));
    let long = "가".repeat(2001);
    let long_answer = approver.post_from(&page, &path, &[("text", &long)]).await;
    assert_eq!((long_answer.status, long_answer.find("#talk-text").as_deref()), (422, Some(long.as_str())));
    let own = admin.post_from(&admin.get(&format!("/requests/{id}")).await, &path, &[("text", QUESTION), ("kind", "question")]).await;
    assert_eq!((own.status, own.find("#talk-text").as_deref()), (403, Some(QUESTION)));
    let (auditor, ops) = (desk.token("auditor").await, desk.token("ops").await);
    assert_eq!(auditor.post(&api, &json!({"text": QUESTION})).await.0, 403);
    assert_eq!(ops.post(&api, &json!({"text": QUESTION, "asks": true})).await.0, 403, "only those who decide ask");
    assert_eq!(ops.post("/api/requests/CR-999999/comments", &json!({"text": QUESTION})).await.0, 404);
    approver.vote(&id, "reject", "계약을 확인할 수 없어 반려합니다.").await;
    let late = approver.post_from(&page, &path, &[("text", QUESTION), ("kind", "question")]).await;
    assert_eq!(late.status, 409);
    late.sees("이미 결정된 요청에는 정보를 요청할 수 없습니다");
    assert_eq!(ops.post(&api, &json!({"text": ANSWER})).await.0, 204, "a comment is never too late");
}
