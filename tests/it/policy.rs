//! Policy as data, over HTTP: who must countersign what, what may be proposed, and what a draft would have meant.
use crate::support::{Desk, ORG, REASON, policy, policy_with, two_approvers};
use async_trait::async_trait;
use countersign::{
    auth::{CustomersFix, Service, operators},
    config::Config,
    db::{Change, Db},
    ledger::Entry,
    live::Live,
    operations::{Operation, Preview, Refusal, Risk, Target, Typed, registry::Registry},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

/// Large changes of credit need an approver and somebody from billing.
const LARGE: &str = "[[rule]]\nname = 'credit-large'\nwhen = { operation = 'org.tier.fix', change = { credit = { by_at_least = 100_000 } } }\n\
    needs = [{ group = 'approvers' }, { group = 'billing' }]";
/// As in the policy that is built in: two people change the policy.
const GUARDED: &str = "[[rule]]\nname = 'policy'\nwhen = { operation = 'policy.replace' }\nneeds = [{ group = 'guardians', count = 2 }]";

fn rule(terms: &str) -> String {
    format!("[[rule]]\nname = 'fixes'\nwhen = {{ operation = 'org.tier.fix' }}\nneeds = [{{ group = 'approvers' }}]\n{terms}")
}

async fn under(document: String) -> Desk {
    Desk::with(1, move |config: &mut Config| config.policy.clone_from(&document)).await
}

async fn console(desk: &Desk) -> Db {
    Db::connect(&desk.owner_url().await, Live::new().0).await.unwrap()
}

async fn ask(desk: &Desk, who: &str, fields: Value) -> String {
    let (status, request) = desk.token(who).await.fix(fields).await;
    assert_eq!(status, 201, "{request}");
    request["id"].as_str().unwrap().to_owned()
}

/// Low risk, and nothing but a note in the ledger.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
struct Note {
    text: String,
}

#[async_trait]
impl Operation for Note {
    const NAME: &'static str = "test.note";
    const RISK: Risk = Risk::Low;
    type Asks = CustomersFix;

    async fn lock(&self, _: &mut Change) -> Result<(), Refusal> {
        Ok(())
    }

    async fn preview(&self, _: &mut PgConnection) -> Result<Preview, Refusal> {
        let state = |text: &str| Map::from_iter([("text".to_owned(), json!(text))]);
        Ok(Preview { target: Target { kind: "note", id: "1".into(), label: "note".into() }, before: state(""), after: state(&self.text) })
    }

    async fn apply(&self, change: &mut Change, _: &Preview) -> Result<(), Refusal> {
        change.record(Entry::of("note.taken").on("note", "1")).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_policy_that_asks_for_nobody_runs_at_once_and_writes_the_same_events() {
    let mut desk = Desk::closed().await;
    let unchanged: fn(&mut Config) = |_| {};
    desk.start_replica_with(0, Registry::new().with(Box::new(Typed::<Note>::default())), &unchanged).await;
    let body = json!({"operation": "test.note", "fields": {"text": "good morning"}, "reason": REASON});
    let (status, request) = desk.token("ops").await.post("/api/requests", &body).await;
    assert_eq!((status, request["state"].as_str(), &request["policy"]["rule"]), (201, Some("succeeded"), &json!("risk-low")), "{request}");
    assert_eq!(
        desk.story(request["id"].as_str().unwrap()).await,
        ["request.submitted", "request.approved", "request.started", "note.taken", "request.succeeded"]
    );
}

#[tokio::test]
async fn two_needs_mean_two_humans_even_if_one_is_in_both_groups() {
    let desk = under(policy(LARGE)).await;
    let (ops, approver, admin) = (desk.sign_in("ops").await, desk.sign_in("approver").await, desk.sign_in("admin").await);
    let id = ops.ask("org.tier.fix", &[("org_id", ORG), ("credit", "120000"), ("reason", REASON)]).await;
    let page = approver.get(&format!("/requests/{id}")).await;
    page.sees("규칙 ‘credit-large’: 작업: 조직 등급·크레딧 정정, 크레딧 변화 0 → 120,000 (+120,000)이 100,000 이상")
        .sees("요청자가 아닌 승인 권한자 1명, 결제 담당자 1명의 승인이 필요합니다.")
        .sees("승인 · 추가 승인 대기");
    admin
        .at(&admin.base)
        .in_language("en")
        .get(&format!("/requests/{id}"))
        .await
        .sees("Credit change 0 → 120,000 (+120,000) is 100,000 or more");
    assert_eq!(approver.vote(&id, "approve", "").await.status, 303);
    ops.until(&id, "pending").await;
    let (_, request) = desk.token("ops").await.get(&format!("/api/requests/{id}")).await;
    // either seat suits the one who is in both groups, so that an approver or another from billing helps
    assert_eq!(request["waits_for"], json!(["admin", "approver", "billing"]));
    admin.get("/inbox?tab=mine").await.sees(&id);
    admin.vote(&id, "approve", "").await;
    ops.until(&id, "succeeded").await;
    assert_eq!(desk.org(ORG).await.1, 120_000);
    let small = ask(&desk, "ops", json!({"org_id": ORG, "credit": 130_000})).await;
    assert_eq!(desk.token("approver").await.vote(&small, "approve", None).await.1["state"], "approved");
}

#[tokio::test]
async fn only_those_who_are_needed_are_asked_and_others_are_refused() {
    let desk =
        under(policy("[[rule]]\nname = 'by-security'\nwhen = { operation = 'org.tier.fix' }\nneeds = [{ group = 'security' }]")).await;
    let (approver, security, sre) = (desk.sign_in("approver").await, desk.sign_in("security").await, desk.token("sre").await);
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    assert!(!approver.get("/inbox?tab=mine").await.text().contains(&id), "an approver has no part in it");
    security.get("/inbox?tab=mine").await.sees(&id);
    approver.get(&format!("/requests/{id}")).await.sees("승인 권한이 없습니다. 승인 가능: 정도윤");
    let (status, problem) = sre.vote(&id, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-not-eligible")));
    let (status, problem) = desk.token("approver").await.vote(&id, "reject", Some("수량이 계약서와 다릅니다.")).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-not-eligible")));
    assert_eq!(security.vote(&id, "approve", "").await.status, 303);
    security.until(&id, "succeeded").await;
}

#[tokio::test]
async fn tightening_reaches_requests_that_wait_and_loosening_does_not() {
    let desk = under(policy("")).await;
    let (approver, admin) = (desk.token("approver").await, desk.token("admin").await);
    let id = ask(&desk, "ops", json!({"org_id": ORG, "credit": 200_000})).await;
    desk.replace_policy(&policy(LARGE)).await;
    let (status, request) = admin.vote(&id, "approve", None).await;
    assert_eq!((status, &request["state"], &request["waits_for"]), (200, &json!("pending"), &json!(["billing"])), "{request}");
    desk.sign_in("approver").await.get(&format!("/requests/{id}")).await.sees("지금 시행 중인 정책이 요구");
    assert_eq!(approver.vote(&id, "approve", None).await.1["state"], "approved");

    let other = ask(&desk, "ops", json!({"org_id": "org_hanbit0001", "credit": 400_000})).await;
    desk.replace_policy(&policy("")).await;
    assert_eq!(admin.vote(&other, "approve", None).await.1["state"], "pending", "what it was made under still counts");
}

#[tokio::test]
async fn whose_turn_it_is_follows_the_policy_without_a_vote() {
    let desk = under(policy("")).await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    desk.replace_policy(&policy("[[rule]]\nname = 'by-security'\nwhen = { risk = 'high' }\nneeds = [{ group = 'security' }]")).await;
    let ops = desk.token("ops").await;
    for _ in 0..200 {
        if ops.get(&format!("/api/requests/{id}")).await.1["waits_for"] == json!(["admin", "approver", "security"]) {
            assert!(desk.story(&id).await.contains(&"request.waits".to_owned()));
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    panic!("the lists never learned of it");
}

#[tokio::test]
async fn the_policy_is_replaced_by_two_people_and_every_replica_follows_at_once() {
    let desk = Desk::with(2, |_| {}).await;
    let (admin, approver, security) = (desk.sign_in("admin").await, desk.sign_in_at(1, "approver").await, desk.sign_in("security").await);
    assert_eq!(desk.count("policy.adopted").await, 1, "two replicas, one adoption");
    let document = policy(&format!("{GUARDED}\n\n{LARGE}"));
    let id = admin.ask("policy.replace", &[("document", &document), ("reason", REASON)]).await;
    admin.get(&format!("/requests/{id}")).await.sees("규칙 ‘policy’").sees("name = 'credit-large'");
    let (status, problem) = desk.token("admin").await.vote(&id, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-own-request")));
    approver.vote(&id, "approve", "").await;
    admin.until(&id, "pending").await;
    security.vote(&id, "approve", "").await;
    admin.until(&id, "succeeded").await;
    assert_eq!(desk.story(&id).await.iter().filter(|kind| *kind == "policy.replaced").count(), 1);
    for replica in 0..2 {
        let (_, now) = desk.token_at(replica, "ops", &[]).await.get("/api/policy").await;
        assert_eq!((&now["version"], &now["rules"][1]["name"]), (&json!(2), &json!("credit-large")), "replica {replica}");
        let body = json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "credit": 100_000 + replica}, "reason": REASON});
        let (_, request) = desk.token_at(replica, "ops", &[]).await.post("/api/requests", &body).await;
        assert_eq!((&request["policy"]["rule"], &request["policy"]["version"]), (&json!("credit-large"), &json!(2)));
    }
    let page = approver.get("/policy").await;
    page.sees("버전 2").sees("크레딧 변화: 100,000 이상").sees("홍서진").sees(&id);
}

#[tokio::test]
async fn of_two_proposals_the_second_is_stale() {
    let desk = Desk::open().await;
    let (admin, approver, security) = (desk.token("admin").await, desk.token("approver").await, desk.token("security").await);
    let mut ids = Vec::new();
    for rules in [GUARDED.to_owned(), format!("{GUARDED}\n\n{LARGE}")] {
        let body = json!({"operation": "policy.replace", "fields": {"document": policy(&rules)}, "reason": REASON});
        let (status, request) = admin.post("/api/requests", &body).await;
        assert_eq!(status, 201, "{request}");
        ids.push(request["id"].as_str().unwrap().to_owned());
    }
    approver.vote(&ids[0], "approve", None).await;
    approver.vote(&ids[1], "approve", None).await;
    security.vote(&ids[0], "approve", None).await;
    assert_eq!(admin.get(&format!("/api/requests/{}/wait?timeout=10", ids[0])).await.1["state"], "succeeded");
    security.vote(&ids[1], "approve", None).await;
    assert_eq!(admin.get(&format!("/api/requests/{}/wait?timeout=10", ids[1])).await.1["state"], "stale");
}

#[tokio::test]
async fn a_bad_document_is_refused_with_its_lines_and_what_was_typed_stays() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let bad = policy(
        "[[rule]]\nname = 'x'\nwhen = { risk = 'high' }\nneeds = []\n\n[[rule]]\nname = 'y'\nwhen = { operation = 'org.tier.fox' }\nneeds = [{ group = 'nobody' }]",
    );
    let form = admin.get("/policy/simulate").await;
    let page = admin.post_from(&form, "/policy/simulate", &[("document", &bad), ("days", "30"), ("do", "check")]).await;
    assert_eq!(page.status, 422);
    page.sees("10행: rule.x이(가) 아무의 승인도 요구하지 않습니다.".replace("x이(가)", "x가").as_str())
        .sees("14행")
        .sees("org.tier.fox")
        .sees("15행");
    assert!(page.body.contains("org.tier.fox"), "typed text is kept");
    assert_eq!(page.find("#days").unwrap(), "30");
    let fine = admin.post_from(&form, "/policy/simulate", &[("document", &policy(GUARDED)), ("do", "check")]).await;
    fine.sees("문서를 읽을 수 있습니다. 규칙 2개, 그룹 4개가 있습니다.");

    let token = desk.token("admin").await;
    let (status, problem) = token.post("/api/policy/simulate", &json!({"document": bad})).await;
    let codes: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect();
    assert_eq!((status, codes), (422, vec!["policy-fault-nobody", "document-fault-unknown-value", "document-fault-unknown-value"]));
    let propose = |document: String| json!({"operation": "policy.replace", "fields": {"document": document}, "reason": REASON});
    for (document, code) in [
        (bad, "policy-fault-nobody"),
        (countersign::policy::BUILT_IN.to_owned(), "policy-unchanged"),
        // two of billing, where there is one
        (policy_with("", "needs = [{ group = 'billing', count = 2 }]"), "policy-locks-out"),
    ] {
        let (status, problem) = token.post("/api/requests", &propose(document)).await;
        assert_eq!((status, problem["errors"][0]["code"].as_str()), (422, Some(code)), "{problem}");
    }
    let (status, problem) = desk.token("cs").await.post("/api/requests", &propose(policy(GUARDED))).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("forbidden")));
}

#[tokio::test]
async fn what_nobody_could_approve_is_refused_when_it_is_asked_for() {
    let desk =
        under(policy("[[rule]]\nname = 'money'\nwhen = { operation = 'org.tier.fix' }\nneeds = [{ group = 'billing', count = 2 }]")).await;
    let (status, problem) = desk.token("ops").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("request-stuck")));
    assert!(
        problem["detail"].as_str().unwrap().contains("billing × 1") && problem["detail"].as_str().unwrap().contains("홍서진"),
        "{problem}"
    );
    let ops = desk.sign_in("ops").await;
    let form = ops.get("/requests/new/org.tier.fix").await;
    let draft = form.find("input[name=draft]").unwrap();
    let fields = [("org_id", ORG), ("tier", "pro"), ("reason", REASON), ("draft", draft.as_str())];
    let check = ops.check(&form, "/requests/new/org.tier.fix", &fields).await;
    check.sees("승인할 수 있는 사람이 없어 제출할 수 없습니다. 규칙 ‘money’에 부족한 인원: billing × 1.");
    assert_eq!((check.status, check.count("#submit"), check.count("#stuck")), (200, 0, 1));
    // one person who approves their own requests is not enough either: the only other approver is gone
    let desk = under(policy("")).await;
    operators::disable(&console(&desk).await, &Service::Console.operator(), "approver@hanbit.example").await.unwrap();
    let (status, problem) = desk.token("admin").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("request-stuck")));
}

#[tokio::test]
async fn a_reason_must_name_its_ticket_and_says_what_one_looks_like() {
    let desk = under(policy(&rule("ticket = { pattern = 'CS-[0-9]+', example = 'CS-1024' }\nreason_prompt = '어느 문의인가요?'"))).await;
    let ops = desk.sign_in("ops").await;
    let form = ops.get("/requests/new/org.tier.fix").await;
    form.sees("어느 문의인가요?");
    let draft = form.find("input[name=draft]").unwrap();
    let fields = [("org_id", ORG), ("tier", "pro"), ("reason", REASON), ("draft", draft.as_str())];
    let check = ops.check(&form, "/requests/new/org.tier.fix", &fields).await;
    assert_eq!(check.status, 422);
    assert_eq!(check.find("#reason-error").unwrap(), "정책에 따라 사유에 CS-1024 같은 티켓 번호를 적어야 합니다.");
    let (status, problem) = desk.token("ops").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    assert_eq!((status, problem["errors"][0]["code"].as_str()), (422, Some("reason-without-ticket")));
    ops.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", &format!("CS-77 {REASON}"))]).await;
}

#[tokio::test]
async fn what_the_policy_wants_looked_at_alone_is_not_decided_in_a_batch() {
    let desk = under(policy(&rule("batch = false"))).await;
    let approver = desk.sign_in("approver").await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    let inbox = approver.get("/inbox?tab=mine").await;
    let dry = approver.post_from(&inbox, "/requests/bulk", &[("id", &id)]).await;
    dry.sees("정책에 따라 따로 결정해야 하는 요청입니다.");
    let (_, request) = desk.token("approver").await.get(&format!("/api/requests/{id}")).await;
    let item = format!("{id}:{}", request["binding"].as_str().unwrap());
    let done = approver.post_from(&dry, "/requests/bulk/votes", &[("item", &item), ("decision", "approve")]).await;
    done.sees("정책에 따라 따로 결정해야 하는 요청입니다.");
    assert_eq!(approver.vote(&id, "approve", "").await.status, 303);
}

#[tokio::test]
async fn an_approval_may_ask_for_a_fresh_sign_in_which_no_token_is() {
    let desk = under(policy(&rule("step_up_minutes = 5"))).await;
    let approver = desk.sign_in("approver").await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    let (status, problem) = desk.token("approver").await.vote(&id, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-step-up-token")));
    sqlx::query("update session set created_at = now() - interval '6 minutes'").execute(&mut desk.owner().await).await.unwrap();
    let page = approver.get(&format!("/requests/{id}")).await;
    let again = page.all("#sign-in-again", "href");
    assert_eq!(again, [format!("/login?again=1&next=%2Frequests%2F{id}")]);
    let refused = approver.vote(&id, "approve", "").await;
    assert_eq!(refused.status, 403);
    refused.sees("최근 5분 안에 로그인한 사람만 승인할 수 있습니다.");
    let login = approver.get(&again[0]).await;
    assert_eq!(login.status, 200, "the form is there although somebody is signed in");
    let next = format!("/requests/{id}");
    let fields = [("email", "approver@hanbit.example"), ("password", countersign::demo::PASSWORD), ("next", next.as_str())];
    let back = approver.post_from(&login, "/login", &fields).await;
    assert_eq!((back.status, back.location.as_deref()), (303, Some(next.as_str())));
    assert_eq!(approver.vote(&id, "approve", "").await.status, 303);
    approver.until(&id, "succeeded").await;
}

#[tokio::test]
async fn during_a_cool_off_somebody_may_still_say_no() {
    let desk = under(policy(&rule("cool_off_minutes = 60"))).await;
    let (approver, admin) = (desk.token("approver").await, desk.token("admin").await);
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    let (_, request) = approver.vote(&id, "approve", None).await;
    let time = |key: &str| request[key].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!(request["state"], "approved");
    assert_eq!(time("run_after") - time("decided_at"), chrono::TimeDelta::minutes(60));
    assert_eq!(time("execute_by") - time("run_after"), chrono::TimeDelta::minutes(60));
    let (status, denied) = admin.vote(&id, "reject", Some("수량이 계약서와 다릅니다.")).await;
    assert_eq!((status, denied["state"].as_str()), (200, Some("denied")), "{denied}");
    assert_eq!(desk.org(ORG).await.0, "free");
}

#[tokio::test]
async fn an_agents_owner_is_its_human() {
    let desk = under(two_approvers()).await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    let mut owner = desk.owner().await;
    // the one who asked turns out to be an agent of the approver
    sqlx::raw_sql("alter table operator disable trigger is_recorded; update operator set kind = 'service',
        owner_id = (select id from operator where email = 'approver@hanbit.example') where email = 'ops@hanbit.example'; alter table operator enable trigger is_recorded")
        .execute(&mut owner).await.unwrap();
    let (status, problem) = desk.token("approver").await.vote(&id, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-own-request")));
    assert!(!desk.sign_in("approver").await.get("/inbox?tab=mine").await.text().contains(&id));
}

#[tokio::test]
async fn an_approval_by_somebody_who_lost_the_role_does_not_run() {
    let desk = under(policy(&rule("cool_off_minutes = 1"))).await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    desk.token("approver").await.vote(&id, "approve", None).await;
    operators::set_roles(
        &console(&desk).await,
        &Service::Console.operator(),
        "approver@hanbit.example",
        &[countersign::auth::Role::Billing],
    )
    .await
    .unwrap();
    let mut owner = desk.owner().await;
    sqlx::raw_sql("alter table request disable trigger is_recorded; update request set run_after = now() where state = 'approved'; alter table request enable trigger is_recorded; update job set run_at = now()")
        .execute(&mut owner).await.unwrap();
    let (_, ended) = desk.token("ops").await.get(&format!("/api/requests/{id}/wait?timeout=10")).await;
    assert_eq!((&ended["state"], &ended["outcome"]["code"]), (&json!("stale"), &json!("quorum_lost")), "{ended}");
}

#[tokio::test]
async fn the_simulator_counts_a_known_past() {
    let desk = under(policy("")).await;
    let mut owner = desk.owner().await;
    // nothing of the demo's past
    sqlx::raw_sql(
        "alter table attempt disable trigger user; alter table vote disable trigger user; alter table request disable trigger user;
        alter table review disable trigger user; delete from review; delete from attempt; delete from vote; delete from request",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let (large, small) = (
        ask(&desk, "ops", json!({"org_id": ORG, "credit": 150_000})).await,
        ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await,
    );
    for id in [&large, &small] {
        approver.vote(id, "approve", None).await;
        ops.get(&format!("/api/requests/{id}/wait?timeout=10")).await;
    }
    ask(&desk, "admin", json!({"org_id": ORG, "credit": 400_000})).await;
    // as if it had taken ten minutes
    sqlx::raw_sql(
        "update request set decided_at = created_at + interval '10 minutes' where decided_at is not null;
        update vote set at = r.created_at + interval '10 minutes' from request r where r.id = vote.request_id",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let (status, report) = ops.post("/api/policy/simulate", &json!({"document": policy(LARGE)})).await;
    assert_eq!((status, &report["days"], &report["capped"]), (200, &json!(90), &json!(false)), "{report}");
    let expected = json!({"requests": 3, "more": 2, "fewer": 0, "others": 0, "at_once": 0, "nobody": 1, "waited": 600, "would_wait": 1200});
    assert_eq!(report["all"], expected);
    let line = &report["lines"][0];
    assert_eq!((&line["rule"], &line["sums"]["requests"], &line["sums"]["nobody"]), (&json!("credit-large"), &json!(2), &json!(1)));
    assert!(line["examples"].as_array().unwrap().contains(&json!(large)));
    let (_, same) = ops.post("/api/policy/simulate", &json!({"document": policy(""), "days": 1})).await;
    assert_eq!((&same["all"]["more"], &same["all"]["others"], &same["all"]["would_wait"]), (&json!(0), &json!(0), &json!(600)));
    let page = desk.sign_in("admin").await;
    let form = page.get("/policy/simulate").await;
    let shown = page.post_from(&form, "/policy/simulate", &[("document", &policy(LARGE)), ("days", "90"), ("do", "simulate")]).await;
    shown.sees("최근 90일의 요청 3건을").sees("승인할 사람이 없음").sees("10분 → 20분").sees(&large);
}

#[tokio::test]
async fn a_ruling_from_before_the_documents_is_understood_and_cannot_be_slipped_in() {
    let desk = under(policy("")).await;
    let id = ask(&desk, "ops", json!({"org_id": ORG, "tier": "pro"})).await;
    let number: i64 = id.trim_start_matches("CR-").parse().unwrap();
    let old = json!({"rule": "risk-high", "approvals": 1, "scope": "requests:decide", "self_approval": false, "pending_minutes": 4320,
        "execute_minutes": 60, "policy_hash": "00"});
    let mut owner = desk.owner().await;
    sqlx::query("alter table request disable trigger user").execute(&mut owner).await.unwrap();
    sqlx::query("update request set policy = $1 where id = $2").bind(&old).bind(number).execute(&mut owner).await.unwrap();
    let ops = desk.token("ops").await;
    let (status, request) = ops.get(&format!("/api/requests/{id}")).await;
    assert_eq!((status, &request["policy"]["needs"][0]["group"]), (200, &json!("approvers")), "{request}");
    // its binding was over another ruling: it is not run, and nothing worse happens
    desk.token("approver").await.vote(&id, "approve", None).await;
    let (_, ended) = ops.get(&format!("/api/requests/{id}/wait?timeout=10")).await;
    assert_eq!(ended["outcome"]["code"], "binding_broken");
}
