//! From a signed contract to an active tenant: the four steps in their order, a failure and a rejection on the way, another revision, the
//! approval, and everything that is refused.
use crate::support::{Desk, Page, Person, Token, answer};
use countersign::{
    auth::{Role, Service},
    tenants::registration,
};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

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
    let prices = include_str!("../../src/catalog/plan.toml");
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

#[tokio::test]
async fn cs_takes_a_tenant_through_four_steps_with_a_failure_and_a_rejection_and_an_admin_approves() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, admin) = (desk.sign_in("cs").await, desk.sign_in("admin").await);
    cs.get("/onboarding").await.sees("온보딩 시작").sees("데이터 이전 확인");
    let form = cs.get("/onboarding/new").await;
    let number = registration::completed(123_810_001);
    let typed = [
        ("biz_reg_no", number.as_str()),
        ("company", "새길소프트"),
        ("slug", "saegil"),
        ("region", "kr"),
        ("time_zone", "Asia/Seoul"),
        ("plan", "pro-v3"),
        ("ai_services", "kms, advisor"),
        ("contract_number", "HB-2026-0001"),
        ("expected_amount", "1,650,000"),
        ("contact_name", "김하늘"),
        ("contact_email", "sky@customer.example"),
        ("note", ""),
        ("as", "open"),
    ];
    let sent = send(&cs, &form, "/onboarding/new", &typed).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let href = sent.location.unwrap();
    let page = cs.get(&href).await;
    page.sees("진행 중").sees("계약 확인 단계의 증빙을 제출하세요.").sees("내 차례입니다").sees("앞 단계인 계약 확인이 끝나야");
    assert_eq!(page.count("#payment-evidence-form"), 0, "steps open one after the other");
    let tenant = page.all("#tenant", "href").remove(0).rsplit('/').next().unwrap().to_owned();

    // the contract's file is hashed and thrown away
    let file = reqwest::multipart::Part::bytes(b"%PDF-1.7 signed".to_vec()).file_name("contract.pdf");
    let csrf = page.find("input[name=csrf]").unwrap();
    let upload = reqwest::multipart::Form::new().text("csrf", csrf).text("contract_number", "HB-2026-0001").part("file", file);
    let sent = cs.send(cs.http.post(format!("{}{href}/contract/evidence", cs.base)).multipart(upload)).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let page = cs.get(&href).await;
    page.sees("contract.pdf").sees("계약번호가 등록된 계약과 같음").sees("결정을 기다립니다");
    let seen = |page: &Page, kind: &str| page.find(&format!("#{kind}-decision-form input[name=seen]")).unwrap();
    let sent =
        send(&cs, &page, &format!("{href}/contract/decision"), &[("decision", "pass"), ("seen", &seen(&page, "contract")), ("reason", "")])
            .await;
    assert_eq!(sent.status, 303, "{}", sent.text());

    // the payment fails its check: it is shown, nothing else is touched, and it is tried again
    let page = cs.get(&href).await;
    let sent = send(&cs, &page, &format!("{href}/payment/evidence"), &[("order_id", "ord-1"), ("amount", "1,540,000")]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let page = cs.get(&href).await;
    page.sees("불일치").sees("₩1,650,000").sees("₩1,540,000").sees("자동 확인에 실패했습니다.").sees("다른 단계에는 영향이 없습니다.");
    assert_eq!(page.count("#payment-pass"), 0, "what failed cannot be confirmed");
    let sent = send(&cs, &page, &format!("{href}/payment/decision"), &[("decision", "pass"), ("seen", &seen(&page, "payment"))]).await;
    assert_eq!(sent.status, 409);
    sent.sees("자동 확인에 실패한 증빙은 확인할 수 없습니다.");
    for (kind, given) in [
        ("payment", vec![("order_id", "ord-1"), ("amount", "1,650,000")]),
        ("permission", vec![("template", "standard"), ("version", "3")]),
        ("migration", vec![("datasets", "문서, 10, 10, 9f3a, 9f3a\n사용자, 2, 2, 77aa, 77aa")]),
    ] {
        let page = cs.get(&href).await;
        let sent = send(&cs, &page, &format!("{href}/{kind}/evidence"), &given).await;
        assert_eq!(sent.status, 303, "{kind}: {}", sent.text());
        let page = cs.get(&href).await;
        let sent =
            send(&cs, &page, &format!("{href}/{kind}/decision"), &[("decision", "pass"), ("seen", &seen(&page, kind)), ("reason", "")])
                .await;
        assert_eq!(sent.status, 303, "{kind}: {}", sent.text());
    }

    // asked for, and sent back in the inbox
    let ask = async |href: &str| {
        let page = cs.get(href).await;
        page.sees("네 단계를 모두 마쳤습니다. 승인을 요청하세요.");
        let content = page.find("#decide-form input[name=content]").unwrap();
        let short = send(&cs, &page, &format!("{href}/approve"), &[("content", &content), ("reason", "짧음")]).await;
        assert_eq!((short.status, short.find("#decide-reason")), (422, Some("짧음".into())), "what was typed is kept");
        let sent = send(&cs, &page, &format!("{href}/approve"), &[("content", &content), ("reason", WHY)]).await;
        assert_eq!(sent.status, 303, "{}", sent.text());
        let page = cs.get(href).await;
        page.sees("승인함에서 결정을 기다립니다.");
        page.find("#request").unwrap()
    };
    let first = ask(&href).await;
    admin.get(&format!("/requests/{first}")).await.sees("새길소프트 · saegil").sees("온보딩 승인").sees("첫 결제 ₩1,650,000");
    assert_eq!(admin.vote(&first, "reject", "입금 확인서를 첨부한 뒤 다시 요청해 주세요.").await.status, 303);
    let page = cs.get(&href).await;
    page.sees("반려됨").sees("입금 확인서를 첨부한 뒤 다시 요청해 주세요.").sees("고칠 내용을 확인하고 다시 요청하세요.");
    assert_eq!(cs.get(&format!("/requests/{first}")).await.all("#again", "href"), [href.as_str()], "asking again begins at the onboarding");

    // again: what did not change is carried over
    let form = cs.get(&format!("{href}/again")).await;
    let value = |name: &str| form.find(&format!("[name={name}]")).unwrap_or_default();
    let again = ["plan", "ai_services", "contract_number", "expected_amount", "contact_name", "contact_email", "note"]
        .map(|name| (name, value(name)));
    let mut fields: Vec<(&str, &str)> = again.iter().map(|(n, v)| (*n, v.as_str())).collect();
    fields[0].1 = "pro-v3";
    fields.extend([("redo", "payment"), ("as", "open")]);
    let sent = send(&cs, &form, &format!("{href}/again"), &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let second = sent.location.unwrap();
    let page = cs.get(&second).await;
    page.sees("2회차").sees("이전 회차의 증빙을 그대로 이어받았습니다.").sees("결제 확인 단계의 증빙을 제출하세요.");
    send(&cs, &page, &format!("{second}/payment/evidence"), &[("order_id", "ord-1"), ("amount", "1650000"), ("reference", "입금확인서 7")])
        .await;
    let page = cs.get(&second).await;
    send(&cs, &page, &format!("{second}/payment/decision"), &[("decision", "pass"), ("seen", &seen(&page, "payment"))]).await;
    let request = ask(&second).await;
    assert_eq!(admin.vote(&request, "approve", "").await.status, 303);
    cs.until(&request, "succeeded").await;
    cs.get(&second).await.sees("온보딩을 마쳤습니다. 테넌트를 사용할 수 있습니다.");
    cs.get(&format!("/tenants/{tenant}")).await.sees("사용 중");
    admin.get("/companies?q=새길소프트").await.sees(&registration::shown(&number));

    // the ledger tells it in order
    let evidence = ["onboarding.evidence.submitted", "onboarding.evidence.passed"];
    let request_road = |end: &[&'static str]| [&["request.submitted", "request.voted"], end].concat();
    let expected: Vec<&str> = [
        vec!["tenant.added", "onboarding.drafted", "onboarding.opened"],
        evidence.to_vec(),
        vec!["onboarding.evidence.submitted"],
        evidence.to_vec(),
        evidence.to_vec(),
        evidence.to_vec(),
        request_road(&["onboarding.returned", "request.denied"]),
        vec!["onboarding.drafted", "onboarding.opened"],
        evidence.to_vec(),
        request_road(&[
            "request.approved",
            "request.started",
            "tenant.activated",
            "subscription.begun",
            "tenant.services.set",
            "permissions.applied",
            "onboarding.approved",
            "request.succeeded",
        ]),
    ]
    .concat();
    assert_eq!(story(&desk, &tenant).await, expected);
    admin.get(&format!("/ledger?target={tenant}")).await.sees("증빙 확인").sees("테넌트 활성화").sees("온보딩 승인");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

/// Case 10 of the acceptance numbers.
#[tokio::test]
async fn a_re_request_carries_what_did_not_change_and_tells_six_people_once() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, approver, page) = (desk.token("cs").await, desk.token("approver").await, desk.sign_in("cs").await);
    let notices = async || -> Vec<String> {
        let mut all = Vec::new();
        for who in ["cs", "approver", "admin"] {
            let (_, told) = desk.token(who).await.get("/api/notices").await;
            all.extend(told["items"].as_array().unwrap().iter().map(|n| n["key"].as_str().unwrap().to_owned()));
        }
        all
    };
    let before: HashSet<String> = notices().await.into_iter().collect();
    let first = begun(&cs, "case-ten", 200_810_001).await;
    passed(&cs, &first, &["contract"]).await;
    // an empty reason, through both doors, with what was typed kept
    let (status, problem) = decided(&cs, &first, "payment", &evidence("payment"), "fail", "").await;
    assert_eq!((status, &problem["errors"][0]["field"], &problem["errors"][0]["code"]), (422, &json!("reason"), &json!("reason-missing")));
    let shown = page.get(&format!("/onboarding/{first}")).await;
    let seen = shown.find("#payment-decision-form input[name=seen]").unwrap();
    let path = format!("/onboarding/{first}/payment/decision");
    let short = send(&page, &shown, &path, &[("decision", "fail"), ("seen", &seen), ("reason", "불일치")]).await;
    assert_eq!((short.status, short.find("#payment-reason")), (422, Some("불일치".into())));
    short.sees("무엇이 맞지 않는지 5자 이상 입력하세요.");
    let sent = send(&page, &shown, &path, &[("decision", "fail"), ("seen", &seen), ("reason", MISMATCH)]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let (_, now) = cs.get(&format!("/api/onboarding/{first}")).await;
    assert_eq!(states(&now), ["passed", "failed", "pending", "pending"]);
    let contract = step(&now, "contract")["evidence_hash"].clone();

    let (status, problem) = cs.post(&format!("/api/onboarding/{first}/again"), &json!({})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("onboarding-open-as")), "it is open still");
    let request = asked(&cs, &first, "reject", WHY).await;
    assert_eq!(approver.vote(&request, "approve", None).await.0, 200);
    assert_eq!(over(&cs, &request).await["state"], "succeeded");
    assert_eq!(state(&cs, &first).await, "rejected");

    let (status, second) = cs.post(&format!("/api/onboarding/{first}/again"), &json!({})).await;
    assert_eq!(status, 201, "{second}");
    assert_eq!((&second["revision"], states(&second)), (&json!(2), vec!["passed", "pending", "pending", "pending"]));
    assert_eq!((&step(&second, "contract")["carried"], &step(&second, "contract")["evidence_hash"]), (&json!(true), &contract));
    let (status, problem) = cs.post(&format!("/api/onboarding/{first}/again"), &json!({})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("onboarding-open-as")));
    let id = second["id"].as_str().unwrap();
    passed(&cs, id, &["payment", "permission", "migration"]).await;
    let request = asked(&cs, id, "approve", WHY).await;
    assert_eq!(approver.vote(&request, "approve", None).await.0, 200);
    assert_eq!(over(&cs, &request).await["state"], "succeeded");
    let (_, done) = cs.get(&format!("/api/onboarding/{id}")).await;
    assert_eq!((done["state"].as_str(), done["tenant"]["status"].as_str()), (Some("approved"), Some("active")));

    let told: Vec<String> = notices().await.into_iter().filter(|key| !before.contains(key)).collect();
    assert_eq!((told.len(), told.iter().collect::<HashSet<_>>().len()), (6, 6), "{told:?}");
    let rows: i64 = sqlx::query_scalar(
        "select count(*) from notice where request_id is not null and kind <> 'reminded' and request_id in
          (select id from request where target_id = $1)",
    )
    .bind(done["tenant"]["id"].as_str().unwrap())
    .fetch_one(&mut desk.owner().await)
    .await
    .unwrap();
    assert_eq!(rows, 6);
    let counted: i64 = sqlx::query_scalar("select count(*) from tenant_onboarding_request where tenant_id = $1 and state = 'approved'")
        .bind(done["tenant"]["id"].as_str().unwrap())
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    assert_eq!(counted, 1, "it counts as one success");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

/// Case 11 of the acceptance numbers.
#[tokio::test]
async fn twenty_who_decide_at_once_make_one_decision_and_the_others_hear_of_it() {
    let desk = Desk::with(2, |_| {}).await;
    sells(&desk).await;
    let db = countersign::db::Db::connect(&desk.owner_url().await, countersign::live::Live::new().0).await.unwrap();
    for n in 0..20 {
        let email = format!("decider{n}@hanbit.example");
        let (console, name) = (Service::Console.operator(), format!("결정자{n}"));
        countersign::auth::operators::add(&db, &console, &email, &name, &[Role::Cs], "a-long-password".into()).await.unwrap();
    }
    let cs = desk.token("cs").await;
    let id = begun(&cs, "case-eleven", 200_810_002).await;
    let (_, now) = cs.post(&format!("/api/onboarding/{id}/contract/evidence"), &evidence("contract")).await;
    let seen = step(&now, "contract")["seen"].clone();
    let mut deciders = Vec::new();
    for n in 0..20 {
        deciders.push(desk.token_at(n % 2, &format!("decider{n}"), &[]).await);
    }
    let votes = deciders.iter().enumerate().map(|(n, who)| {
        let (decision, reason) = if n % 2 == 0 { ("pass", "") } else { ("fail", MISMATCH) };
        who.post_to(&id, json!({"decision": decision, "seen": seen, "reason": reason}))
    });
    let answers = futures::future::join_all(votes).await;
    let won: Vec<_> = answers.iter().enumerate().filter(|(_, (status, _))| *status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    let winner = format!("결정자{}", won[0].0);
    for (status, problem) in answers.iter().filter(|(status, _)| *status != 200) {
        assert_eq!((*status, problem["code"].as_str()), (409, Some("onboarding-decided-already")));
        let said = problem["detail"].as_str().unwrap();
        assert!(said.contains(&winner) && said.contains("20") && said.contains("한국 시간"), "{said}");
    }
    let rows: i64 = sqlx::query_scalar(
        "select count(*) from tenant_onboarding_decision d join tenant_onboarding_task t on t.id = d.task_id
          join tenant_onboarding_request r on r.id = t.onboarding_id join tenant n on n.id = r.tenant_id where n.slug = 'case-eleven'",
    )
    .fetch_one(&mut desk.owner().await)
    .await
    .unwrap();
    assert_eq!(rows, 1);
    let again = deciders[0].post_to(&id, json!({"decision": "fail", "seen": seen, "reason": MISMATCH})).await;
    assert_eq!(again.0, 409, "and later as well");

    // what was looked at has changed: through the API, and on the page with what was typed
    let page = desk.sign_in("cs").await;
    let id = begun(&cs, "case-eleven-b", 200_810_003).await;
    cs.post(&format!("/api/onboarding/{id}/contract/evidence"), &evidence("contract")).await;
    let shown = page.get(&format!("/onboarding/{id}")).await;
    let seen = shown.find("#contract-decision-form input[name=seen]").unwrap();
    let other = json!({"contract_number": "HB-2026-0001", "sha256": "b".repeat(64)});
    assert_eq!(cs.post(&format!("/api/onboarding/{id}/contract/evidence"), &other).await.0, 200);
    let (status, problem) = cs.post(&format!("/api/onboarding/{id}/contract/decision"), &json!({"decision": "pass", "seen": seen})).await;
    assert_eq!((status, problem["code"].as_str()), (412, Some("onboarding-evidence-moved")));
    let moved =
        send(&page, &shown, &format!("/onboarding/{id}/contract/decision"), &[("decision", "fail"), ("seen", &seen), ("reason", MISMATCH)])
            .await;
    assert_eq!((moved.status, moved.find("#contract-reason")), (412, Some(MISMATCH.into())));
    moved.sees("내용이 변경됨");

    // the same for the whole: content, and nobody approves what they asked for themselves
    let id = begun(&cs, "case-eleven-c", 200_810_004).await;
    passed(&cs, &id, &["contract", "payment", "permission", "migration"]).await;
    let (status, problem) = cs.post(&format!("/api/onboarding/{id}/approve"), &json!({"content": "0".repeat(64), "reason": WHY})).await;
    assert_eq!((status, problem["code"].as_str()), (412, Some("onboarding-content-moved")));
    let admin = desk.token("admin").await;
    let request = asked(&admin, &id, "approve", WHY).await;
    let (status, problem) = admin.vote(&request, "approve", None).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("vote-own-request")));
    let (status, problem) = cs.post(&format!("/api/onboarding/{id}/reject"), &json!({"content": "", "reason": WHY})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("onboarding-under-way")), "one decision at a time");
    // twenty who approve it at once: one vote, and whoever objects later hears whose. (A rejection that comes before it runs still stops it.)
    for n in 0..20 {
        countersign::auth::operators::set_roles(
            &db,
            &Service::Console.operator(),
            &format!("decider{n}@hanbit.example"),
            &[Role::Approver],
        )
        .await
        .unwrap();
    }
    let mut voters = Vec::new();
    for n in 0..20 {
        voters.push(desk.token_at(n % 2, &format!("decider{n}"), &[]).await);
    }
    let votes = voters.iter().map(|who| who.vote(&request, "approve", Some(MISMATCH)));
    let answers = futures::future::join_all(votes).await;
    let of = |vote: &str| answers.iter().filter(|(_, a)| a["vote"] == vote).count();
    assert_eq!((of("counted"), of("already_decided")), (1, 19));
    let won = answers.iter().position(|(_, a)| a["vote"] == "counted").unwrap();
    assert_eq!(over(&admin, &request).await["state"], "succeeded");
    let (status, problem) = voters[(won + 1) % 20].vote(&request, "reject", Some(MISMATCH)).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("request-decided-already")));
    assert!(problem["detail"].as_str().unwrap().contains(&format!("결정자{won} 님이 20")), "{problem}");
    let number: i64 = request.trim_start_matches("CR-").parse().unwrap();
    let votes: i64 = sqlx::query_scalar("select count(*) from vote where request_id = $1")
        .bind(number)
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    assert_eq!(votes, 1);
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
    db.close().await;
}

impl Token {
    /// Decides on the contract of an onboarding.
    async fn post_to(&self, id: &str, body: Value) -> (u16, Value) {
        self.post(&format!("/api/onboarding/{id}/contract/decision"), &body).await
    }
}

#[tokio::test]
async fn what_changes_after_approval_was_asked_for_makes_it_stale() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, approver) = (desk.token("cs").await, desk.token("approver").await);
    let id = begun(&cs, "stale-one", 200_810_005).await;
    passed(&cs, &id, &["contract", "payment", "permission", "migration"]).await;
    let request = asked(&cs, &id, "approve", WHY).await;
    let other = json!({"order_id": "ord-2", "amount": 1_650_000});
    let (status, now) = cs.post(&format!("/api/onboarding/{id}/payment/evidence"), &other).await;
    assert_eq!((status, states(&now)), (200, vec!["passed", "running", "passed", "passed"]), "new evidence is decided anew");
    approver.vote(&request, "approve", None).await;
    assert_eq!(over(&cs, &request).await["state"], "stale");
    assert_eq!(state(&cs, &id).await, "open");
    desk.sign_in("cs").await.get(&format!("/requests/{request}")).await.sees("요청 뒤에 대상이 바뀌어 실행하지 않았습니다.");
    let body = json!({"decision": "pass", "seen": step(&now, "payment")["seen"]});
    cs.post(&format!("/api/onboarding/{id}/payment/decision"), &body).await;
    // asked for through the general door, with the hash of another time
    let fields = json!({"onboarding_id": id, "content": now["content"]});
    let (status, problem) = cs.post("/api/requests", &json!({"operation": "onboarding.approve", "fields": fields, "reason": WHY})).await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("onboarding-content-moved")));
    let request = asked(&cs, &id, "approve", WHY).await;
    approver.vote(&request, "approve", None).await;
    assert_eq!(over(&cs, &request).await["state"], "succeeded");
    let (status, problem) = cs.post(&format!("/api/onboarding/{id}/payment/evidence"), &evidence("payment")).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("onboarding-is-over")));
}

#[tokio::test]
async fn what_makes_no_sense_is_told_field_by_field_and_what_was_typed_stays() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, page) = (desk.token("cs").await, desk.sign_in("cs").await);
    let mut wrong = sold("Not A Slug", 200_810_006);
    wrong["biz_reg_no"] = json!("124-81-00997");
    wrong["expected_amount"] = json!(-1);
    let (status, problem) = cs.post("/api/onboarding", &wrong).await;
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!((status, fields), (422, vec!["biz_reg_no", "slug", "expected_amount"]));
    let form = page.get("/onboarding/new").await;
    for (lang, said) in [("ko", "마지막 확인 숫자가 앞자리와 어긋납니다."), ("en", "its last digit does not follow from the others")]
    {
        let reader = page.at(&page.base).in_language(lang);
        let sent = send(
            &reader,
            &form,
            "/onboarding/new",
            &[("biz_reg_no", "124-81-00997"), ("company", "한빛"), ("expected_amount", &"9".repeat(40)), ("as", "open")],
        )
        .await;
        assert_eq!(
            (sent.status, sent.find("#new-biz_reg_no"), sent.find("#new-company")),
            (422, Some("124-81-00997".into()), Some("한빛".into()))
        );
        sent.sees(said);
        assert!(sent.count("#errors a") >= 5, "each problem leads to its field");
    }
    let id = begun(&cs, "taken-slug", 200_810_007).await;
    let (status, problem) = cs.post("/api/onboarding", &sold("taken-slug", 200_810_008)).await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("tenant-slug-taken")));
    let mut renamed = sold("other-slug", 200_810_007);
    renamed["company"] = json!("다른이름");
    assert_eq!(cs.post("/api/onboarding", &renamed).await.1["errors"][0]["code"], "company-is-called");

    let at = |path: &str| format!("/api/onboarding/{id}/{path}");
    let code = async |path: &str, body: Value| {
        let (status, problem) = cs.post(&at(path), &body).await;
        (status, problem["errors"][0]["code"].as_str().or(problem["code"].as_str()).unwrap_or_default().to_owned())
    };
    assert_eq!(code("payment/evidence", evidence("payment")).await, (409, "onboarding-out-of-order".into()));
    assert_eq!(
        code("contract/decision", json!({"decision": "pass", "seen": "0".repeat(64)})).await,
        (409, "onboarding-no-evidence".into())
    );
    assert_eq!(code("contract/evidence", json!({"contract_number": "x"})).await, (422, "field-required".into()));
    assert_eq!(code("nothing/evidence", json!({})).await.0, 404);
    assert_eq!(code("contract/decision", json!({"decision": "maybe"})).await.0, 400);
    // another contract's number, and another customer's file
    let (_, now) = cs.post(&at("contract/evidence"), &json!({"contract_number": "HB-9", "sha256": "c".repeat(64)})).await;
    assert_eq!(step(&now, "contract")["checks"][0]["ok"], false);
    let seen = step(&now, "contract")["seen"].clone();
    assert_eq!(code("contract/decision", json!({"decision": "pass", "seen": seen})).await, (409, "onboarding-checks-failed".into()));
    assert_eq!(code("contract/decision", json!({"decision": "fail", "seen": seen, "reason": MISMATCH})).await.0, 200);
    let same = json!({"contract_number": "HB-9", "sha256": "c".repeat(64)});
    assert_eq!(code("contract/evidence", same).await, (409, "onboarding-evidence-rejected-before".into()));
    let other = begun(&cs, "other-file", 200_810_009).await;
    cs.post(&format!("/api/onboarding/{other}/contract/evidence"), &json!({"contract_number": "HB-2026-0001", "sha256": "d".repeat(64)}))
        .await;
    let (_, now) = cs.post(&at("contract/evidence"), &json!({"contract_number": "HB-2026-0001", "sha256": "d".repeat(64)})).await;
    assert_eq!((&step(&now, "contract")["checks"][0]["ok"], &step(&now, "contract")["checks"][1]["ok"]), (&json!(true), &json!(false)));
    // left out for a reason, and the next step waits for somebody outside
    let seen = step(&now, "contract")["seen"].clone();
    assert_eq!(
        code("contract/decision", json!({"decision": "waive", "seen": seen, "reason": "짧음"})).await,
        (422, "reason-too-short".into())
    );
    assert_eq!(
        code("contract/decision", json!({"decision": "waive", "seen": seen, "reason": "원본은 법무팀이 보관하고 있습니다."})).await.0,
        200
    );
    assert_eq!(code("payment/wait", json!({"waits_on": "mars", "waits_for": "x"})).await, (422, "onboarding-waits-on-unknown".into()));
    assert_eq!(code("payment/wait", json!({"waits_on": "bank", "waits_for": "입금 확인서"})).await.0, 200);
    page.get(&format!("/onboarding/{id}")).await.sees("은행·결제사").sees("입금 확인서").sees("면제됨");
    page.get("/onboarding").await.sees("은행·결제사");
    let auditor = desk.token("auditor").await;
    assert_eq!(auditor.get(&at("")).await.0, 404);
    let approver: Value = json!({"owner": countersign::auth::Service::Console.id()});
    assert_eq!(code("payment/assign", approver).await, (422, "onboarding-owner-unknown".into()));
    assert_eq!(code("withdraw", json!({"reason": ""})).await, (422, "reason-missing".into()));
    let (status, problem) = desk.token("admin").await.post(&at("withdraw"), &json!({"reason": WHY})).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("onboarding-not-yours")));
    assert_eq!(code("withdraw", json!({"reason": WHY})).await.0, 200);
    assert_eq!(state(&cs, &id).await, "withdrawn");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn whoever_may_only_look_looks_and_drafts_are_amended_until_they_begin() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let cs = desk.token("cs").await;
    let mut draft = sold("a-draft", 200_810_010);
    draft["draft"] = json!(true);
    let (_, draft) = cs.post("/api/onboarding", &draft).await;
    let id = draft["id"].as_str().unwrap();
    assert_eq!((draft["state"].as_str(), &draft["due_at"]), (Some("draft"), &Value::Null));
    let (status, problem) = cs.post(&format!("/api/onboarding/{id}/contract/evidence"), &evidence("contract")).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("onboarding-is-a-draft")));
    let page = desk.sign_in("cs").await;
    let form = page.get(&format!("/onboarding/{id}/edit")).await;
    assert_eq!(form.find("#new-expected_amount").as_deref(), Some("1650000"));
    let owner = form.find("#new-owner option[selected]").unwrap();
    let fields = [
        ("plan", "pro-v3"),
        ("contract_number", "HB-2"),
        ("expected_amount", "2,200,000"),
        ("contact_name", "박하늘"),
        ("contact_email", "b@c.example"),
        ("owner", &owner),
    ];
    let sent = send(&page, &form, &format!("/onboarding/{id}/edit"), &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let sent = send(&page, &page.get(&format!("/onboarding/{id}")).await, &format!("/onboarding/{id}/open"), &[]).await;
    assert_eq!(sent.status, 303);
    page.get(&format!("/onboarding/{id}")).await.sees("₩2,200,000").sees("HB-2");
    assert_eq!(page.get(&format!("/onboarding/{id}/edit")).await.status, 303, "no draft any more");

    for who in ["auditor", "sre"] {
        let reader = desk.sign_in(who).await;
        let shown = reader.get(&format!("/onboarding/{id}")).await;
        assert_eq!((shown.status, shown.count("form[action*='/onboarding/']")), (200, 0), "{who} only looks");
        reader.get("/onboarding").await.sees("온보딩 작업 권한이 필요합니다");
        assert_eq!(reader.get("/onboarding/new").await.status, 403);
    }
    for lang in ["ko", "en"] {
        let reader = page.at(&page.base).in_language(lang);
        for path in [
            "/onboarding",
            "/onboarding?view=list",
            "/onboarding?view=list&state=expired",
            "/onboarding?late=yes",
            "/onboarding/new",
            "/onboarding/import",
            "/companies",
            "/companies?tenants=active&region=kr",
        ] {
            assert_eq!(reader.get(path).await.status, 200, "{path}");
        }
        assert_eq!(reader.get(&format!("/onboarding/{id}")).await.status, 200);
    }
    assert_eq!(page.get("/onboarding?view=list&q=nobody-has-this").await.count("#clear"), 1);
    let csv = page.get("/onboarding.csv?view=list").await;
    assert!(csv.status == 200 && csv.body.contains("a-draft"), "{}", csv.body);
    let (_, success) = cs.get("/api/onboarding/success").await;
    assert_eq!((&success["completed"], &success["expired"], success["percent"].as_str()), (&json!(2), &json!(1), Some("66.67%")));
    page.get("/onboarding").await.sees("66.67%");
}

#[tokio::test]
async fn the_clock_tells_of_what_is_late_once_and_ends_what_nobody_finished() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let cs = desk.token("cs").await;
    let id = begun(&cs, "late-one", 200_810_011).await;
    let number: i64 = id.trim_start_matches("ON-").parse().unwrap();
    let mut owner = desk.owner().await;
    let set = async |owner: &mut sqlx::PgConnection, table: &str, what: &str, key: &str| {
        let sql = [
            format!("alter table {table} disable trigger is_recorded"),
            format!("update {table} set {what} where {key} = {number}"),
            format!("alter table {table} enable trigger is_recorded"),
        ];
        for sql in sql {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *owner).await.unwrap();
        }
    };
    set(&mut owner, "tenant_onboarding_task", "due_at = now() - interval '1 minute'", "onboarding_id").await;
    let end = Instant::now() + Duration::from_secs(20);
    while desk.count("onboarding.step.overdue").await == 0 {
        assert!(Instant::now() < end, "nobody was told");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (_, told) = cs.get("/api/notices").await;
    let late =
        told["items"].as_array().unwrap().iter().filter(|n| n["kind"] == "step-overdue" && n["topic"] == format!("{id}/contract")).count();
    assert_eq!(late, 1, "of the step whose turn it is, and of no other: {told}");
    desk.sign_in("cs").await.get("/notices").await.sees("온보딩 단계의 기한이 지났습니다.");
    set(
        &mut owner,
        "tenant_onboarding_request",
        "opened_at = now() - interval '90 days', due_at = now() - interval '60 days', expires_at = now() - interval '1 second'",
        "id",
    )
    .await;
    while state(&cs, &id).await != "expired" {
        assert!(Instant::now() < end + Duration::from_secs(20), "it never expired");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(desk.count("onboarding.step.overdue").await, 1, "once");
    let (status, again) = cs.post(&format!("/api/onboarding/{id}/again"), &json!({"draft": true})).await;
    assert_eq!((status, again["revision"].as_i64()), (201, Some(2)), "{again}");
}

#[tokio::test]
async fn tenants_are_imported_row_by_row_after_a_look() {
    let desk = Desk::open().await;
    sells(&desk).await;
    let (cs, page) = (desk.token("cs").await, desk.sign_in("cs").await);
    begun(&cs, "there-already", 200_810_012).await;
    let good = |n: u32| registration::completed(210_810_000 + n);
    let head = "사업자등록번호,상호,주소 이름,요금제,계약번호,결제금액,담당자,이메일";
    let csv = format!(
        "{head}\r\n{},뷁나라,import-one,pro-v3,HB-1,\"1,650,000\",김하늘,a@b.example\r\n124-81-00997,틀린번호,import-two,pro-v3,HB-2,100,김하늘,a@b.example\r\n\
         {},같은주소,import-one,pro-v3,HB-3,100,김하늘,a@b.example\r\n{},있는주소,there-already,pro-v3,HB-4,100,김하늘,a@b.example\r\n\
         {},'=수식회사,import-five,pro-v3,HB-5,-5,김하늘,나쁜메일\r\n",
        good(1),
        good(2),
        good(3),
        good(4),
    );
    let (status, trial) = cs.post("/api/onboarding/import", &json!({"csv": csv, "dry_run": true})).await;
    let accepted: Vec<_> =
        trial["rows"].as_array().unwrap().iter().map(|r| (r["line"].as_i64().unwrap(), r["accepted"].as_bool().unwrap())).collect();
    assert_eq!((status, accepted), (200, vec![(2, true), (3, false), (4, false), (5, false), (6, false)]), "{trial}");
    let codes: Vec<_> = trial["rows"].as_array().unwrap().iter().map(|r| r["errors"][0]["code"].as_str().unwrap_or_default()).collect();
    assert_eq!(codes, ["", "biz-reg-no-wrong", "import-slug-twice", "tenant-slug-taken", "onboarding-amount-malformed"]);
    let there = async || -> i64 {
        sqlx::query_scalar("select count(*) from tenant where slug like 'import-%'").fetch_one(&mut desk.owner().await).await.unwrap()
    };
    assert_eq!(there().await, 0, "a look changes nothing");

    // a file as Korean Excel writes it, on the page: first a look, then for good
    let (cp949, _, lossy) = encoding_rs::EUC_KR.encode(&csv);
    assert!(!lossy);
    let form = page.get("/onboarding/import").await;
    let csrf = form.find("input[name=csrf]").unwrap();
    let upload = |part: reqwest::multipart::Form| page.send(page.http.post(format!("{}/onboarding/import", page.base)).multipart(part));
    let file = reqwest::multipart::Part::bytes(cp949.into_owned()).file_name("tenants.csv");
    let looked = upload(reqwest::multipart::Form::new().text("csrf", csrf.clone()).part("file", file)).await;
    assert_eq!(looked.status, 200, "{}", looked.text());
    looked.sees("1건 등록 가능, 4건 거부").sees("EUC-KR").sees("뷁나라").sees("2번째 줄에 같은 주소 이름이 있습니다.");
    assert_eq!((looked.all("tr[data-ok=false]", "data-line"), there().await), (vec!["3".into(), "4".into(), "5".into(), "6".into()], 0));
    let text = looked.find("#import-run-form input[name=text]").unwrap();
    let done = upload(reqwest::multipart::Form::new().text("csrf", csrf.clone()).text("text", text.clone())).await;
    assert_eq!(done.status, 200, "{}", done.text());
    done.sees("1건을 초안으로 등록했고 4건을 거부했습니다.");
    assert_eq!(there().await, 1);
    let twice = upload(reqwest::multipart::Form::new().text("csrf", csrf.clone()).text("text", text)).await;
    twice.sees("0건을 초안으로 등록했고 5건을 거부했습니다.");
    let half: i64 =
        sqlx::query_scalar("select count(*) from company where name in ('틀린번호', '같은주소', '있는주소', '수식회사', '=수식회사')")
            .fetch_one(&mut desk.owner().await)
            .await
            .unwrap();
    assert_eq!(half, 0, "of a row that is refused nothing is kept");
    for (name, body, said) in
        [("none.csv", Vec::new(), "필요한 열이 없습니다"), ("junk.csv", vec![0xff, 0x00, 0xff], "파일을 읽을 수 없습니다.")]
    {
        let file = reqwest::multipart::Part::bytes(body).file_name(name);
        let refused = upload(reqwest::multipart::Form::new().text("csrf", csrf.clone()).part("file", file)).await;
        assert_eq!(refused.status, 422, "{name}");
        refused.sees(said);
    }
    let large = reqwest::multipart::Part::bytes(vec![b'a'; 700_000]).file_name("large.csv");
    let refused = upload(reqwest::multipart::Form::new().text("csrf", csrf.clone()).part("file", large)).await;
    assert!([413, 422].contains(&refused.status), "{}", refused.text());
    let forged = reqwest::multipart::Part::bytes(csv.into_bytes()).file_name("tenants.csv");
    assert_eq!(upload(reqwest::multipart::Form::new().text("csrf", "no").part("file", forged)).await.status, 403);
    let template = page.get("/onboarding/import/template.csv").await;
    assert!(template.body.starts_with('\u{feff}') && template.body.contains("사업자등록번호"));
    let request = cs.http.post(format!("{}/api/onboarding/import", cs.base)).bearer_auth(&cs.secret).json(&json!({"csv": "x"}));
    let (status, problem) = answer(request).await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("import-columns-missing")));
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}
