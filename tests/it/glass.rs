//! Breaking the glass: rare, loud, and looked at afterwards.
use crate::support::{Desk, ORG, REASON, Token, answer, policy};
use countersign::config::Config;
use serde_json::{Value, json};
use sqlx::Connection;
use std::time::Duration;

const EMERGENCY: &str = "고객사의 실시간 서비스가 한도 초과로 멈춰 있어 기다릴 수 없습니다.";
const NOTE: &str = "서비스 중단 시각과 실행 시각이 일치하는 것을 확인했습니다.";
const SCOPES: [&str; 6] = ["portal:use", "requests:read", "requests:ask", "requests:decide", "customers:fix", "requests:break-glass"];

fn rule(terms: &str) -> String {
    let needs = "needs = [{ group = 'guardians', count = 2 }]";
    policy(&format!("[[rule]]\nname = 'fixes'\nwhen = {{ operation = 'org.tier.fix' }}\n{needs}\n{terms}"))
}

fn allowed() -> String {
    rule("break_glass = true")
}

async fn under(replicas: usize, document: String) -> Desk {
    Desk::with(replicas, move |config: &mut Config| {
        config.policy.clone_from(&document);
        config.metrics_token = Some("scrape".into());
    })
    .await
}

/// Somebody's token, made for breaking the glass as well.
async fn breaker(desk: &Desk, who: &str) -> Token {
    desk.token_at(0, who, &SCOPES).await
}

fn emergency(credit: i64) -> Value {
    json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "credit": credit}, "reason": REASON, "break_glass": true, "emergency": EMERGENCY})
}

async fn broken(desk: &Desk, credit: i64) -> String {
    let (status, request) = breaker(desk, "admin").await.post("/api/requests", &emergency(credit)).await;
    assert_eq!((status, &request["state"]), (201, &json!("succeeded")), "{request}");
    request["id"].as_str().unwrap().to_owned()
}

async fn review(who: &Token, id: &str, verdict: &str, note: &str) -> (u16, Value) {
    who.post(&format!("/api/requests/{id}/review"), &json!({"verdict": verdict, "note": note})).await
}

#[tokio::test]
async fn it_runs_at_once_says_so_for_good_and_is_reviewed_by_another() {
    let desk = under(2, rule("break_glass = true\nreview_minutes = 90\ncool_off_minutes = 30")).await;
    let id = broken(&desk, 55_000).await;
    assert_eq!(desk.org(ORG).await.1, 55_000);
    assert_eq!(
        desk.story(&id).await,
        ["request.submitted", "request.broke_glass", "request.approved", "request.started", "org.tier.fixed", "request.succeeded"]
    );
    let approver = desk.token_at(1, "approver", &[]).await;
    let (_, request) = approver.get(&format!("/api/requests/{id}")).await;
    let glass = &request["break_glass"];
    assert_eq!((&glass["emergency"], &glass["review"], &request["votes"]), (&json!(EMERGENCY), &Value::Null, &json!([])), "{request}");
    let time = |v: &Value| chrono::DateTime::parse_from_rfc3339(v.as_str().unwrap()).unwrap();
    assert_eq!(time(&glass["review_due_at"]) - time(&request["created_at"]), chrono::TimeDelta::minutes(90));
    let listed = |which: &'static str| {
        let approver = &approver;
        async move { approver.get(&format!("/api/requests?break_glass={which}&q={ORG}")).await.1["items"].clone() }
    };
    assert_eq!((listed("due").await[0]["break_glass"].clone(), listed("reviewed").await), (json!(true), json!([])));
    let (status, reviewed) = review(&approver, &id, "not_justified", NOTE).await;
    let said = &reviewed["break_glass"]["review"];
    assert_eq!(
        (status, &said["verdict"], &said["note"], &said["reviewer"]["name"]),
        (200, &json!("not_justified"), &json!(NOTE), &json!("이서연"))
    );
    assert_eq!((listed("due").await, listed("reviewed").await[0]["id"].clone()), (json!([]), json!(id)));
    assert_eq!(desk.story(&id).await.last().unwrap(), "request.reviewed");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn those_who_were_skipped_are_told_even_if_they_are_away() {
    let desk = under(1, allowed()).await;
    let approver = desk.token("approver").await;
    let until = (chrono::Utc::now() + chrono::TimeDelta::hours(5)).to_rfc3339();
    assert_eq!(approver.post("/api/absences", &json!({"until": until})).await.0, 201);
    let id = broken(&desk, 56_000).await;
    let (_, told) = approver.get("/api/notices?unread=true").await;
    let told: Vec<_> = told["items"].as_array().unwrap().iter().filter(|n| n["request"] == *id).map(|n| n["kind"].clone()).collect();
    assert_eq!(told, ["broke-glass"]);
}

#[tokio::test]
async fn whoever_may_not_is_told_why_and_it_is_written_down() {
    let desk = under(1, allowed()).await;
    let problem = |(status, body): (u16, Value)| (status, body["code"].as_str().unwrap_or_default().to_owned());
    let (admin, ops) = (breaker(&desk, "admin").await, desk.token("ops").await);
    let denied = desk.count("access.denied").await;
    assert_eq!(problem(ops.post("/api/requests", &emergency(1)).await), (403, "forbidden".into()));
    // a token has it only if it was made for it
    assert_eq!(problem(desk.token("admin").await.post("/api/requests", &emergency(1)).await), (403, "forbidden".into()));
    assert_eq!(desk.count("access.denied").await, denied + 2);
    let with = |name: &str, value: Value| {
        let mut body = emergency(1);
        body[name] = value;
        body
    };
    for (body, field, code) in [
        (with("emergency", json!("급합니다. 지금 당장요.")), "emergency", "glass-too-short"),
        (with("emergency", Value::Null), "emergency", "glass-too-short"),
        (with("emergency", json!("가".repeat(2001))), "emergency", "reason-too-long"),
        (with("not_before", json!(chrono::Utc::now() + chrono::TimeDelta::hours(1))), "not_before", "glass-not-later"),
    ] {
        let (status, answer) = admin.post("/api/requests", &body).await;
        let errors = answer["errors"].as_array().unwrap_or_else(|| panic!("{answer}"));
        assert!(status == 422 && errors.iter().any(|e| e["field"] == field && e["code"] == code), "{code}: {answer}");
    }
    assert_eq!(admin.post("/api/requests", &with("break_glass", json!(false))).await.0, 400, "an explanation of nothing");
    let document = |text: &str| json!({"operation": "policy.replace", "fields": {"document": text}, "reason": REASON, "break_glass": true, "emergency": EMERGENCY});
    let proposer = desk.token_at(0, "admin", &["requests:ask", "policy:propose", "requests:break-glass"]).await;
    // whatever a document of before says, the rules about the rules have no way round them
    desk.replace_policy(&policy("").replace("[default]\n", "[default]\nbreak_glass = true\n")).await;
    assert_eq!(problem(proposer.post("/api/requests", &document(&allowed())).await), (403, "glass-not-for-policy".into()));
    desk.replace_policy(&rule("")).await;
    assert_eq!(problem(admin.post("/api/requests", &emergency(1)).await), (403, "glass-not-allowed".into()));
    assert_eq!(desk.count("access.denied").await, denied + 4);
    desk.replace_policy(&rule("break_glass = true\nstep_up_minutes = 5")).await;
    assert_eq!(problem(admin.post("/api/requests", &emergency(1)).await), (403, "glass-step-up-token".into()));
    assert_eq!(desk.org(ORG).await, ("free".into(), 0));
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn no_document_lets_the_policy_itself_be_changed_alone() {
    let desk = under(1, allowed()).await;
    let security = desk.token("security").await;
    let propose = |document: String| {
        let body = json!({"operation": "policy.replace", "fields": {"document": document}, "reason": REASON});
        let security = &security;
        async move { security.post("/api/requests", &body).await }
    };
    let guarded = "[[rule]]\nname = 'policy'\nwhen = { operation = 'policy.replace' }\nneeds = [{ group = 'guardians', count = 2 }]\n";
    let open = policy("").replace("[default]\n", "[default]\nbreak_glass = true\n");
    let (status, problem) = propose(open.clone()).await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("policy-fault-glass")), "{problem}");
    let (status, _) = propose(open.replace("[default]", &format!("{guarded}\n[default]"))).await;
    assert_eq!(status, 201, "a rule for it stands before");
    let (status, problem) = propose(policy(&format!("{guarded}break_glass = true\n"))).await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("policy-fault-glass")));
}

#[tokio::test]
async fn a_policy_or_a_permission_that_is_gone_when_it_would_run_stops_it() {
    for tightens in [true, false] {
        let desk = under(2, allowed()).await;
        let mut owner = desk.owner().await;
        // something else holds the target meanwhile
        let (_, holder) = desk.token("ops").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
        let holder: i64 = holder["id"].as_str().unwrap().trim_start_matches("CR-").parse().unwrap();
        let mut hold = async |state: &str| {
            sqlx::query("alter table request disable trigger is_recorded").execute(&mut owner).await.unwrap();
            sqlx::query("update request set state = $2 where id = $1").bind(holder).bind(state).execute(&mut owner).await.unwrap();
            sqlx::query("alter table request enable trigger is_recorded").execute(&mut owner).await.unwrap();
        };
        hold("unknown").await;
        let (status, request) = breaker(&desk, "admin").await.post("/api/requests", &emergency(9_000)).await;
        assert_eq!((status, &request["state"]), (201, &json!("approved")), "{request}");
        if tightens {
            desk.replace_policy(&rule("")).await;
        } else {
            let mut owner = desk.owner().await;
            sqlx::query("alter table operator_role disable trigger is_recorded").execute(&mut owner).await.unwrap();
            sqlx::query("update operator_role set role = 'approver' where role = 'admin'").execute(&mut owner).await.unwrap();
        }
        hold("pending").await;
        let id = request["id"].as_str().unwrap();
        let (_, ended) = desk.token("ops").await.get(&format!("/api/requests/{id}/wait?timeout=20")).await;
        assert_eq!((&ended["state"], &ended["outcome"]["code"]), (&json!("stale"), &json!("quorum_lost")), "{ended}");
        assert_eq!(desk.org(ORG).await.1, 0);
        // what was broken is looked at, whatever came of it
        assert_eq!(review(&desk.token("security").await, id, "justified", NOTE).await.0, 200);
    }
}

#[tokio::test]
async fn twenty_at_once_with_one_key_break_one_glass() {
    let desk = under(2, allowed()).await;
    let (here, there) = (breaker(&desk, "admin").await, desk.base(1).to_owned());
    let send = |n: usize, body: Value| {
        let base = if n.is_multiple_of(2) { here.base.clone() } else { there.clone() };
        answer(here.http.post(format!("{base}/api/requests")).bearer_auth(&here.secret).header("idempotency-key", "one").json(&body))
    };
    let all = futures::future::join_all((0..20).map(|n| send(n, emergency(31_000)))).await;
    for (status, request) in &all {
        assert_eq!((*status, &request["id"]), (201, &all[0].1["id"]), "{request}");
    }
    let id = all[0].1["id"].as_str().unwrap();
    assert_eq!(desk.story(id).await.iter().filter(|kind| *kind == "request.broke_glass" || *kind == "org.tier.fixed").count(), 2);
    // the same key for the same thing without breaking anything, or for another reason to, is a mistake
    let mut quiet = emergency(31_000);
    (quiet["break_glass"], quiet["emergency"]) = (json!(false), Value::Null);
    let mut otherwise = emergency(31_000);
    otherwise["emergency"] = json!("다른 이유로도 기다릴 수 없는 긴급한 상황입니다.");
    for other in [quiet, otherwise] {
        let (status, problem) = send(0, other).await;
        assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("idempotency-key-reused")), "{problem}");
    }
    let (status, again) = send(1, emergency(31_000)).await;
    assert_eq!((status, &again["id"]), (201, &json!(id)));
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn one_review_counts_and_it_is_somebody_elses() {
    let desk = under(2, allowed()).await;
    let id = broken(&desk, 12_000).await;
    let code = |(status, body): (u16, Value)| (status, body["code"].as_str().unwrap_or_default().to_owned());
    let (admin, sre) = (desk.token("admin").await, desk.token("sre").await);
    let (approver, security) = (desk.token("approver").await, desk.token_at(1, "security", &[]).await);
    assert_eq!(code(review(&admin, &id, "justified", NOTE).await), (403, "review-own-request".into()));
    assert_eq!(code(review(&sre, &id, "justified", NOTE).await), (403, "review-not-eligible".into()));
    assert_eq!(code(review(&desk.token("cs").await, &id, "justified", NOTE).await), (403, "forbidden".into()));
    assert_eq!(review(&approver, &id, "justified", "짧음").await.1["errors"][0]["code"], "reason-too-short");
    assert_eq!(review(&approver, &id, "perhaps", NOTE).await.0, 400);
    assert_eq!(review(&approver, "CR-999999", "justified", NOTE).await.0, 404);
    let (_, usual) = desk.token("ops").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    assert_eq!(code(review(&approver, usual["id"].as_str().unwrap(), "justified", NOTE).await), (409, "review-not-needed".into()));
    for round in 0..8 {
        let id = if round == 0 { id.clone() } else { broken(&desk, 12_000 + round).await };
        let (one, two) = tokio::join!(review(&approver, &id, "justified", NOTE), review(&security, &id, "not_justified", NOTE));
        let (first, second) = if one.0 == 200 { (one, two) } else { (two, one) };
        let name = first.1["break_glass"]["review"]["reviewer"]["name"].as_str().unwrap_or_else(|| panic!("{first:?}"));
        assert_eq!((first.0, code(second.clone())), (200, (409, "review-done-already".into())));
        assert!(second.1["detail"].as_str().unwrap().contains(name), "the loser is told who was first: {}", second.1);
        assert_eq!(desk.story(&id).await.iter().filter(|kind| *kind == "request.reviewed").count(), 1);
    }
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_review_that_nobody_made_is_told_once_and_counted() {
    let desk = under(2, allowed()).await;
    let id = broken(&desk, 12_000).await;
    let number: i64 = id.trim_start_matches("CR-").parse().unwrap();
    let mut owner = desk.owner().await;
    sqlx::query("alter table request disable trigger is_recorded").execute(&mut owner).await.unwrap();
    sqlx::query("update request set review_due_at = now() - interval '1 minute' where id = $1")
        .bind(number)
        .execute(&mut owner)
        .await
        .unwrap();
    sqlx::query("alter table request enable trigger is_recorded").execute(&mut owner).await.unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while desk.count("request.review_overdue").await == 0 {
        assert!(std::time::Instant::now() < end, "nobody says that it is overdue");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(desk.count("request.review_overdue").await, 1, "both replicas look, one says it, once");
    let scrape = || async {
        let text = reqwest::Client::new()
            .get(format!("{}/metrics", desk.base(1)))
            .bearer_auth("scrape")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned)).unwrap();
        // one more is in the demo's history, and has time
        (value("countersign_reviews_due"), value("countersign_reviews_overdue"))
    };
    assert_eq!(scrape().await, ("2".into(), "1".into()));
    desk.sign_in("approver").await.get(&format!("/requests/{id}")).await.sees("사후 검토 기한 지남");
    assert_eq!(review(&desk.token("approver").await, &id, "justified", NOTE).await.0, 200, "late is better than never");
    assert_eq!(scrape().await, ("1".into(), "0".into()));
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_form_has_a_second_way_kept_apart_and_loses_nothing_that_was_typed() {
    let desk = under(1, allowed()).await;
    let (admin, ops) = (desk.sign_in("admin").await, desk.sign_in("ops").await);
    let path = "/requests/new/org.tier.fix";
    let fields = [("org_id", ORG), ("credit", "77000"), ("reason", REASON)];
    let form = ops.get(path).await;
    assert_eq!(ops.check(&form, path, &fields).await.count("#emergency-way"), 0, "not without the permission");
    let form = admin.get(path).await;
    let draft = form.find("input[name=draft]").unwrap();
    let check = admin.check(&form, path, &[&fields[..], &[("draft", &draft)]].concat()).await;
    check.sees("이서연").sees("정도윤").sees("그중 한 사람이 1일 안에 사후 검토를 합니다.");
    let confirm = check.find("#break-glass").unwrap();
    let send = async |more: &[(&str, &str)]| {
        let usual = [("draft", draft.as_str()), ("confirm", confirm.as_str()), ("break_glass", "1")];
        admin.post_from(&check, path, &[&fields[..], &usual, more].concat()).await
    };
    let short = send(&[("emergency", "급한 상황"), ("understood", "1")]).await;
    assert_eq!((short.status, short.find("#emergency")), (422, Some("급한 상황".into())), "{}", short.text());
    short.sees("기다릴 수 없는 이유: 승인을 기다릴 수 없는 이유를 20자 이상 입력하세요.");
    assert_eq!(short.count("#emergency-way[open] #break-glass"), 1);
    let unread = send(&[("emergency", EMERGENCY)]).await;
    assert_eq!((unread.status, unread.find("#emergency")), (422, Some(EMERGENCY.into())));
    unread.sees("내용을 확인했다는 항목에 표시하세요.");
    desk.replace_policy(&rule("")).await;
    let refused = send(&[("emergency", EMERGENCY), ("understood", "1")]).await;
    assert_eq!(refused.status, 403);
    refused.sees("‘fixes’ 규칙이 긴급 실행을 허용하지 않습니다.");
    desk.replace_policy(&allowed()).await;
    let sent = send(&[("emergency", EMERGENCY), ("understood", "1")]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let again = send(&[("emergency", EMERGENCY), ("understood", "1")]).await;
    assert_eq!(again.location, sent.location, "a double click breaks it once");
    let id = sent.location.unwrap().rsplit('/').next().unwrap().to_owned();
    let page = admin.until(&id, "succeeded").await;
    page.sees("긴급 실행").sees(EMERGENCY).sees("사후 검토를 기다립니다. 검토할 수 있는 사람: 이서연, 정도윤");
    assert_eq!((page.count(".glass"), page.count("#review-form")), (1, 0), "the badge is on the page, and its requester reviews nothing");

    let approver = desk.sign_in("approver").await;
    approver.get("/inbox?tab=review").await.sees(&id).sees("긴급 실행");
    let tab = ".views a[href='/inbox?tab=review']";
    assert_eq!((ops.get("/inbox").await.count(tab), approver.get("/inbox").await.count(tab)), (0, 1), "a tab for those who review");
    let page = approver.get(&format!("/requests/{id}")).await;
    let review = format!("/requests/{id}/review");
    let bad = approver.post_from(&page, &review, &[("verdict", "justified"), ("note", "짧음")]).await;
    assert_eq!((bad.status, bad.find("#review-note"), bad.count("[value=justified][checked]")), (422, Some("짧음".into()), 1));
    assert_eq!(approver.post_from(&page, &review, &[("note", NOTE)]).await.status, 422);
    assert_eq!(approver.post_from(&page, &review, &[("verdict", "justified"), ("note", NOTE)]).await.status, 303);
    let twice = approver.post_from(&page, &review, &[("verdict", "justified"), ("note", NOTE)]).await;
    assert_eq!(twice.status, 409);
    twice.sees("이서연 님이 이미 사후 검토를 기록했습니다.");
    admin.get(&format!("/requests/{id}")).await.sees("불가피했음").sees(NOTE);
    assert!(!approver.get("/inbox?tab=review").await.text().contains(&id));
    approver.get("/inbox?state=glass-reviewed").await.sees(&id);
    let csv = approver.get(&format!("/inbox.csv?tab=decided&cols=request,break_glass&q={id}")).await;
    assert!(csv.body.contains(&format!("{id},yes")), "{}", csv.body);
}

#[tokio::test]
async fn the_database_knows_it_too() {
    let desk = under(1, allowed()).await;
    let id = broken(&desk, 12_000).await;
    let mut app = sqlx::PgConnection::connect(&desk.app_url().await).await.unwrap();
    let code = |result: Result<sqlx::postgres::PgQueryResult, sqlx::Error>| {
        result.unwrap_err().as_database_error().and_then(|e| e.code().map(std::borrow::Cow::into_owned)).unwrap()
    };
    let quietly = "insert into request (operation, operation_version, fields, reason, risk, requester_id, door, target_type, target_id, target_label,
           before, after, policy, approvals_needed, self_approval, binding, created_at, expires_at, state, broke_glass, emergency, review_due_at)
         select operation, operation_version, fields, reason, risk, requester_id, door, target_type, target_id, target_label,
           before, after, policy, 1, self_approval, binding, created_at, expires_at, 'approved', true, ";
    let from = " from request order by id limit 1";
    for (columns, expected) in [
        ("repeat('e', 20), now()", "CS002"),
        ("repeat('e', 19), now()", "23514"),
        ("null, now()", "23514"),
        ("repeat('e', 20), null", "23514"),
    ] {
        let sql = sqlx::AssertSqlSafe(format!("{quietly}{columns}{from}"));
        assert_eq!(code(sqlx::query(sql).execute(&mut app).await), expected, "{columns}");
    }
    let number: i64 = id.trim_start_matches("CR-").parse().unwrap();
    for (sql, expected) in [
        ("update request set broke_glass = false, emergency = null, review_due_at = null where id = $1", "42501"),
        ("update request set review_due_at = now() + interval '1 year' where id = $1", "42501"),
        (
            "insert into review (request_id, reviewer_id, verdict, note, door, at, requester_id)
             select id, requester_id, 'justified', repeat('n', 10), 'api', now(), requester_id from request where id = $1",
            "23514",
        ),
        (
            "insert into review (request_id, reviewer_id, verdict, note, door, at, requester_id)
             select r.id, o.id, 'justified', repeat('n', 10), 'api', now(), r.requester_id from request r, operator o
             where r.id = $1 - 5 and o.id <> r.requester_id limit 1",
            "23503",
        ),
        (
            "insert into review (request_id, reviewer_id, verdict, note, door, at, requester_id)
             select r.id, o.id, 'justified', repeat('n', 10), 'api', now(), r.requester_id from request r, operator o
             where r.id = $1 and o.id <> r.requester_id limit 1",
            "CS001",
        ),
    ] {
        assert_eq!(code(sqlx::query(sql).bind(number).execute(&mut app).await), expected, "{sql}");
    }
    // somebody with the owner's rights hides what happened: it is noticed
    let mut owner = desk.owner().await;
    for sql in [
        "alter table request disable trigger is_recorded",
        "update request set broke_glass = false, emergency = null, review_due_at = null where id = (select max(id) from request)",
        "alter table request enable trigger is_recorded",
    ] {
        sqlx::query(sql).execute(&mut owner).await.unwrap();
    }
    let found = desk.broken_invariants().await.join("; ");
    assert!(found.contains("the ledger was not told") && found.contains("without the approvals") && found.contains(&id), "{found}");
}
