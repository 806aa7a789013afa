//! The people around a request: who is away, who stands in, who is told.
use crate::support::{Desk, ORG, Person, Token, policy, policy_with};
use serde_json::{Value, json};
use std::time::Duration;

const FOREVER: &str = "2099-01-01T00:00:00Z";

async fn id_of(desk: &Desk, who: &str) -> String {
    let id: uuid::Uuid = sqlx::query_scalar("select id from operator where email = $1")
        .bind(format!("{who}@hanbit.example"))
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    id.to_string()
}

fn in_hours(hours: i64) -> String {
    (chrono::Utc::now() + chrono::TimeDelta::hours(hours)).to_rfc3339()
}

async fn away(who: &Token, until: &str) -> String {
    let (status, made) = who.post("/api/absences", &json!({"until": until})).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

/// Lends their roles to a delegate for some hours, which only somebody who has signed in can do.
async fn lends(desk: &Desk, who: &str, hours: i64, delegate: &str) -> String {
    let until = (chrono::Utc::now() + chrono::TimeDelta::hours(9 + hours)).format("%Y-%m-%dT%H:%M").to_string();
    let person = desk.sign_in(who).await;
    let page = person.get("/absences").await;
    let planned = person.post_from(&page, "/absences", &[("until", &until), ("delegate", &id_of(desk, delegate).await)]).await;
    assert_eq!(planned.status, 303, "{}", planned.text());
    let (_, all) = desk.token(who).await.get("/api/absences").await;
    let mine = id_of(desk, who).await;
    all["items"].as_array().unwrap().iter().find(|a| a["person"]["id"] == *mine).unwrap()["id"].as_str().unwrap().to_owned()
}

async fn notices(who: &Token) -> Vec<String> {
    let (_, told) = who.get("/api/notices?unread=true").await;
    told["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| format!("{} {}", n["request"].as_str().unwrap_or("-"), n["kind"].as_str().unwrap()))
        .collect()
}

async fn until_told(who: &Token, what: &str) {
    for _ in 0..100 {
        if notices(who).await.iter().any(|n| n == what) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never told {what}: {:?}", notices(who).await);
}

async fn ask(ops: &Token, credit: i64) -> String {
    let (status, request) = ops.fix(json!({"org_id": ORG, "credit": credit})).await;
    assert_eq!(status, 201, "{request}");
    request["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_delegate_votes_with_the_roles_of_whoever_is_away_and_says_so() {
    let desk = Desk::with(2, |_| {}).await;
    desk.replace_policy(&policy("[[rule]]\nname = 'money'\nwhen = { operation = 'org.tier.fix' }\nneeds = [{ group = 'security' }]")).await;
    let (ops, security, sre) = (desk.token("ops").await, desk.token("security").await, desk.token("sre").await);
    let id = ask(&ops, 500).await;
    let mine = |page: crate::support::Page| page.text().contains(&id);
    let lead = desk.sign_in("sre").await;
    assert_eq!(sre.vote(&id, "approve", None).await.0, 403, "not eligible");
    assert!(!mine(lead.get("/inbox").await));
    let absence = lends(&desk, "security", 24, "sre").await;
    assert_eq!(notices(&sre).await, ["- stands-in"]);
    let lead = lead.at(desk.base(1));
    assert!(mine(lead.get("/inbox").await), "it is their turn now");
    let page = lead.get(&format!("/requests/{id}")).await;
    page.sees("대리하며, 그 역할로도 결정합니다");
    let (status, done) = sre.vote(&id, "approve", None).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(done["votes"][0]["stands_for"][0]["id"], json!(id_of(&desk, "security").await));
    // back early: what was voted meanwhile stays
    assert_eq!(security.post(&format!("/api/absences/{absence}/end"), &json!({})).await.0, 204);
    lead.until(&id, "succeeded").await.sees("대리)");
    let next = ask(&ops, 501).await;
    assert_eq!(sre.vote(&next, "approve", None).await.0, 403, "it is over");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
    assert_eq!((desk.count("absence.planned").await, desk.count("absence.ended").await), (1, 1));
}

#[tokio::test]
async fn nobody_counts_twice_and_nobody_lends_their_roles_to_what_they_asked_for() {
    let desk = Desk::open().await;
    desk.replace_policy(&policy(
        "[[rule]]\nname = 'both'\nwhen = { operation = 'org.tier.fix' }\nneeds = [{ group = 'security' }, { group = 'approvers' }]",
    ))
    .await;
    let (ops, admin, approver) = (desk.token("ops").await, desk.token("admin").await, desk.token("approver").await);
    lends(&desk, "security", 24, "approver").await;
    let id = ask(&ops, 600).await;
    let (_, voted) = approver.vote(&id, "approve", None).await;
    assert_eq!(voted["state"], "pending", "one human, one place");
    let (status, voted) = admin.vote(&id, "approve", None).await;
    assert_eq!((status, voted["state"] == "pending"), (200, false), "they change places: {voted}");
    // whoever asked is nobody's authority, however it is lent
    desk.replace_policy(&policy("")).await;
    lends(&desk, "admin", 24, "sre").await;
    let own = ask(&admin, 601).await;
    let sre = desk.token("sre").await;
    assert_eq!(sre.vote(&own, "approve", None).await.0, 403);
    assert!(!desk.sign_in("sre").await.get("/inbox").await.text().contains(&own));
    let other = ask(&ops, 602).await;
    assert_eq!(sre.vote(&other, "approve", None).await.0, 200);
}

#[tokio::test]
async fn whoever_may_not_decide_any_more_stands_in_for_nobody() {
    let desk = Desk::open().await;
    let needs = "needs = [{ group = 'security' }, { group = 'approvers' }]";
    desk.replace_policy(&policy(&format!("[[rule]]\nname = 'both'\nwhen = {{ operation = 'org.tier.fix' }}\n{needs}"))).await;
    let (ops, admin, sre) = (desk.token("ops").await, desk.token("admin").await, desk.token("sre").await);
    lends(&desk, "security", 24, "sre").await;
    let id = ask(&ops, 650).await;
    assert_eq!(sre.vote(&id, "approve", None).await.1["state"], "pending");
    desk.moves("sre", "sre", "cs").await;
    assert_eq!(admin.vote(&id, "approve", None).await.1["state"], "pending", "the security team's place is empty again");
    assert_eq!(desk.sign_in("security").await.vote(&id, "approve", "").await.status, 303);
    desk.sign_in("ops").await.until(&id, "succeeded").await;
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_policy_can_forbid_it_and_reaches_requests_that_wait() {
    let desk = Desk::open().await;
    let rule = "[[rule]]\nname = 'money'\nwhen = { operation = 'org.tier.fix' }\nneeds = [{ group = 'security' }]\n";
    desk.replace_policy(&policy(rule)).await;
    let (security, sre) = (desk.token("security").await, desk.token("sre").await);
    lends(&desk, "security", 24, "sre").await;
    let id = ask(&desk.token("ops").await, 700).await;
    desk.replace_policy(&policy(&format!("{rule}delegation = false\n"))).await;
    assert_eq!(sre.vote(&id, "approve", None).await.0, 403);
    let sees = desk.sign_in("sre").await;
    let next = ask(&desk.token("ops").await, 701).await;
    assert!(!sees.get("/inbox").await.text().contains(&next), "it does not wait for a delegate");
    assert_eq!(security.vote(&id, "approve", None).await.0, 200, "whoever is away may still come and vote");
}

#[tokio::test]
async fn an_absence_that_cannot_be_is_refused_with_everything_that_is_wrong() {
    let desk = Desk::open().await;
    let (approver, ops) = (desk.token("approver").await, desk.token("ops").await);
    let me = id_of(&desk, "approver").await;
    let fields = |problem: &Value| -> Vec<String> {
        let mut all: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    let send = |body: Value| {
        let approver = &approver;
        async move { approver.post("/api/absences", &body).await }
    };
    let (status, problem) =
        send(json!({"from": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z", "delegate": me, "note": "가".repeat(201)})).await;
    assert_eq!((status, fields(&problem)), (422, ["delegate", "from", "note", "until"].map(str::to_owned).to_vec()), "{problem}");
    let (_, problem) = send(json!({"until": FOREVER, "delegate": id_of(&desk, "ops").await})).await;
    assert_eq!(fields(&problem), ["delegate", "until"]);
    let (_, problem) = send(json!({"until": in_hours(2), "delegate": uuid::Uuid::nil()})).await;
    assert_eq!(fields(&problem), ["delegate"]);
    away(&desk.token("sre").await, &in_hours(5)).await;
    let (_, problem) = send(json!({"until": in_hours(2), "delegate": id_of(&desk, "sre").await})).await;
    assert_eq!(fields(&problem), ["delegate"], "away at that time too");
    // lending one's roles takes a sign-in: a token can do less than who holds it, and would do more through somebody else
    let (status, problem) = send(json!({"until": in_hours(2), "delegate": id_of(&desk, "admin").await})).await;
    assert_eq!((status, problem["detail"].as_str().unwrap().contains("로그인")), (403, true), "{problem}");
    let id = away(&approver, &in_hours(3)).await;
    let (_, problem) = send(json!({"from": in_hours(2), "until": in_hours(9)})).await;
    assert_eq!(fields(&problem), ["from"], "overlaps");
    assert_eq!(ops.post("/api/absences", &json!({"until": in_hours(2)})).await.0, 403, "nobody waits for ops");
    assert_eq!(desk.token("sre").await.post(&format!("/api/absences/{id}/end"), &json!({})).await.0, 404, "somebody else's");
    assert_eq!(approver.post(&format!("/api/absences/{id}/end"), &json!({})).await.0, 204);
    assert_eq!(approver.post(&format!("/api/absences/{id}/end"), &json!({})).await.0, 204, "twice is once");
    // the page keeps what was typed
    let person = desk.sign_in("approver").await;
    let page = person.get("/absences").await;
    let bad = person.post_from(&page, "/absences", &[("from", "2026-11-25T09:00"), ("until", "어제"), ("note", "교육")]).await;
    assert_eq!(
        (bad.status, bad.find("#absence-from").as_deref(), bad.find("#absence-note").as_deref()),
        (422, Some("2026-11-25T09:00"), Some("교육"))
    );
    bad.sees("날짜와 시각을 입력하세요");
    let soon = (chrono::Utc::now() + chrono::TimeDelta::days(3)).format("%Y-%m-%dT%H:%M").to_string();
    let planned = person.post_from(&page, "/absences", &[("until", &soon), ("delegate", &id_of(&desk, "admin").await)]).await;
    assert_eq!(planned.status, 303, "{}", planned.text());
    person.get("/absences").await.sees("대리인");
    desk.sign_in("auditor").await.get("/absences").await.sees("이서연");
}

#[tokio::test]
async fn many_who_plan_the_same_absence_at_once_get_one() {
    let desk = Desk::with(2, |_| {}).await;
    let approver = desk.token("approver").await;
    let until = in_hours(24);
    let tries = (0..12).map(|n| {
        let at = Token { base: desk.base(n % 2).to_owned(), id: approver.id, secret: approver.secret.clone(), http: approver.http.clone() };
        let until = until.clone();
        async move { at.post("/api/absences", &json!({"until": until})).await.0 }
    });
    let answers = futures::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|s| **s == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|s| [201, 409, 422].contains(s)), "{answers:?}");
}

#[tokio::test]
async fn a_request_that_nobody_present_could_approve_is_refused_at_once() {
    let desk = Desk::open().await;
    desk.replace_policy(&policy(
        "[[rule]]\nname = 'money'\nwhen = { operation = 'org.tier.fix' }\nneeds = [{ group = 'security' }]\npending_minutes = 60",
    ))
    .await;
    let (security, ops) = (desk.token("security").await, desk.token("ops").await);
    let others: i64 =
        sqlx::query_scalar("select count(*) from operator_role where role = 'security'").fetch_one(&mut desk.owner().await).await.unwrap();
    assert_eq!(others, 1, "the demo has one of them");
    let absence = away(&security, &in_hours(2)).await;
    let (status, problem) = ops.fix(json!({"org_id": ORG, "credit": 800})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("request-stuck-away")), "{problem}");
    security.post(&format!("/api/absences/{absence}/end"), &json!({})).await;
    // back before it expires: it waits
    let absence = away(&security, &(chrono::Utc::now() + chrono::TimeDelta::minutes(30)).to_rfc3339()).await;
    let id = ask(&ops, 801).await;
    desk.sign_in("ops").await.get(&format!("/requests/{id}")).await.sees("복귀");
    security.post(&format!("/api/absences/{absence}/end"), &json!({})).await;
    // and with a delegate it does too
    lends(&desk, "security", 2, "sre").await;
    let id = ask(&ops, 802).await;
    assert_eq!(desk.token("sre").await.vote(&id, "approve", None).await.0, 200);
}

#[tokio::test]
async fn those_whom_it_concerns_are_told_and_nobody_else() {
    let desk = Desk::with(2, |_| {}).await;
    let (ops, approver, admin, sre, cs) =
        (desk.token("ops").await, desk.token("approver").await, desk.token("admin").await, desk.token("sre").await, desk.token("cs").await);
    away(&admin, &in_hours(24)).await;
    let id = ask(&ops, 900).await;
    assert_eq!(notices(&approver).await, [format!("{id} asked")]);
    assert!(notices(&admin).await.is_empty(), "away");
    assert!(notices(&sre).await.is_empty() && notices(&ops).await.is_empty(), "neither the requester nor those who cannot decide");
    assert_eq!(cs.post(&format!("/api/requests/{id}/watch"), &json!({"watching": true})).await.0, 204);
    assert_eq!(cs.post("/api/requests/CR-999999/watch", &json!({"watching": true})).await.0, 404);
    let ask_back = json!({"text": "언제 결제했나요?", "asks": true});
    assert_eq!(approver.post(&format!("/api/requests/{id}/comments"), &ask_back).await.0, 204);
    assert_eq!(notices(&ops).await, [format!("{id} questioned")]);
    ops.post(&format!("/api/requests/{id}/comments"), &json!({"text": "11월 3일입니다."})).await;
    assert_eq!(notices(&approver).await, [format!("{id} commented"), format!("{id} asked")]);
    // opening the request reads what is about it
    desk.sign_in("approver").await.get(&format!("/requests/{id}")).await;
    for _ in 0..50 {
        if notices(&approver).await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(notices(&approver).await.is_empty());
    approver.vote(&id, "approve", None).await;
    for who in [&ops, &cs, &approver] {
        until_told(who, &format!("{id} succeeded")).await;
    }
    let denied = ask(&ops, 901).await;
    approver.vote(&denied, "reject", Some("계약을 확인할 수 없어 반려합니다.")).await;
    assert!(notices(&ops).await.contains(&format!("{denied} denied")));
    assert!(!notices(&approver).await.contains(&format!("{denied} denied")), "who did it knows");
    assert!(!notices(&approver).await.contains(&format!("{denied} asked")), "nothing is to be decided any more");
    let page = desk.sign_in("ops").await;
    let shown = page.get("/notices").await;
    shown.sees("반려했습니다").sees("실행되었습니다");
    let unread = shown.find("#bell-count").unwrap();
    assert_eq!(unread.trim().parse::<usize>().unwrap(), notices(&ops).await.len());
    let up_to = shown.find("[name=up_to]").unwrap();
    assert_eq!(page.post_from(&shown, "/notices/read", &[("up_to", &up_to)]).await.status, 303);
    assert!(notices(&ops).await.is_empty());
    page.get("/notices?unread=true").await.sees("읽지 않은 알림이 없습니다");
    page.get("/notices?unread=maybe&before=x").await.sees("알림");
}

/// As if the reminder and the escalation were due.
async fn make_due(desk: &Desk, id: &str, column: &str) {
    let sql = format!("update request set {column} = now() - interval '1 second' where id = $1");
    let mut owner = desk.owner().await;
    sqlx::query("alter table request disable trigger user").execute(&mut owner).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id[3..].parse::<i64>().unwrap()).execute(&mut owner).await.unwrap();
    sqlx::query("alter table request enable trigger user").execute(&mut owner).await.unwrap();
}

#[tokio::test]
async fn who_has_not_voted_is_reminded_and_then_others_are_told_once() {
    let desk = Desk::with(2, |_| {}).await;
    desk.replace_policy(&policy_with(
        "",
        "needs = [{ group = 'approvers', count = 2 }]\nremind_minutes = 30\nescalate_minutes = 60\nescalate_to = 'security'",
    ))
    .await;
    let (ops, approver, security) = (desk.token("ops").await, desk.token("approver").await, desk.token("security").await);
    let id = ask(&ops, 1000).await;
    make_due(&desk, &id, "remind_at").await;
    until_told(&approver, &format!("{id} reminded")).await;
    assert!(notices(&security).await.is_empty());
    approver.vote(&id, "approve", None).await;
    make_due(&desk, &id, "escalate_at").await;
    until_told(&security, &format!("{id} escalated")).await;
    desk.sign_in("ops").await.get(&format!("/requests/{id}")).await.sees("에게도 알렸습니다");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((desk.count("request.reminded").await, desk.count("request.escalated").await), (1, 1), "once, with two replicas");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_policy_may_not_tell_unknown_groups_and_zero_means_never() {
    let desk = Desk::open().await;
    let ops = desk.token("ops").await;
    desk.replace_policy(&policy_with("", "needs = [{ group = 'approvers' }]\nremind_minutes = 0\nescalate_minutes = 0")).await;
    let id = ask(&ops, 1100).await;
    let (_, request) = ops.get(&format!("/api/requests/{id}")).await;
    assert_eq!((&request["policy"]["remind_minutes"], &request["policy"]["escalate_minutes"]), (&Value::Null, &Value::Null));
    let person: Person = desk.sign_in("admin").await;
    let page = person.get("/policy/simulate").await;
    let bad = policy_with("", "needs = [{ group = 'approvers' }]\nescalate_to = 'nobody'");
    let answer = person.post_from(&page, "/policy/simulate", &[("document", &bad), ("do", "check")]).await;
    assert_eq!(answer.status, 422);
    answer.sees("escalate_to");
}
