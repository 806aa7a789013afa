//! Finding in the ledger: a line and a form that say the same, any combination, words, and who may read what.
use crate::support::{Desk, ORG, Page, REASON, Token};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The ids that a question finds, over all pages of the API.
async fn found(token: &Token, question: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = token.get(&format!("/api/ledger?{question}&cursor={cursor}")).await;
        assert_eq!(status, 200, "{question}: {page}");
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return ids,
        }
    }
}

fn line(text: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("line", text).finish()
}

#[tokio::test]
async fn every_filter_alone_combined_and_negated_finds_what_a_query_finds() {
    let desk = Desk::open().await;
    let auditor = desk.token("auditor").await;
    let ops = desk.token("ops").await;
    for tier in ["pro", "starter"] {
        ops.fix(json!({"org_id": ORG, "tier": tier})).await;
    }
    let some: i64 = sqlx::query_scalar("select max(request_id) from ledger.event").fetch_one(&mut desk.owner().await).await.unwrap();
    let ops_id = "(select id from operator where email = 'ops@hanbit.example')";
    let approver = "(select id from operator where email = 'approver@hanbit.example')";
    for (asked, sql) in [
        ("actor:ops@hanbit.example".to_owned(), format!("actor_id = {ops_id}")),
        ("-actor:ops@hanbit.example action:request.submitted".into(), format!("actor_id <> {ops_id} and kind = 'request.submitted'")),
        (
            "actor:ops@hanbit.example,approver@hanbit.example action:request.".into(),
            format!("actor_id in ({ops_id}, {approver}) and kind like 'request.%'"),
        ),
        ("action:request.denied,request.expired".into(), "kind in ('request.denied', 'request.expired')".into()),
        ("action:approve".into(), "kind in ('request.approved', 'onboarding.approved')".into()),
        (
            "action:request. -action:request.submitted,request.voted".into(),
            "kind like 'request.%' and kind not in ('request.submitted', 'request.voted')".into(),
        ),
        ("outcome:failure,denied".into(), "outcome in ('failure', 'denied')".into()),
        ("-outcome:success -action:access.".into(), "outcome <> 'success' and kind not like 'access.%'".into()),
        ("actor:approver@hanbit.example -outcome:success".into(), format!("actor_id = {approver} and outcome <> 'success'")),
        ("actor:approver@hanbit.example action:request.submitted outcome:failure".into(), "false".into()),
        (format!("target:{ORG}"), format!("target_id = '{ORG}'")),
        (format!("target:{ORG} action:request.submitted"), format!("target_id = '{ORG}' and kind = 'request.submitted'")),
        (format!("action:request.submitted -target:{ORG}"), format!("target_id <> '{ORG}' and kind = 'request.submitted'")),
        (format!("CR-{some}"), format!("request_id = {some}")),
        (format!("action:request.denied -request:CR-{some}"), format!("kind = 'request.denied' and request_id <> {some}")),
        (
            "since:90d until:30d action:request.submitted".into(),
            "kind = 'request.submitted' and recorded_at >= now() - interval '90 days' and recorded_at < now() - interval '30 days'".into(),
        ),
        ("action:no.such.kind".into(), "false".into()),
        ("actor:nobody-of-this-name".into(), "false".into()),
    ] {
        let sql = format!("select event_id::text from ledger.event where {sql} and kind not like 'ledger.%' order by event_id desc");
        let expected: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&mut desk.owner().await).await.unwrap();
        assert_eq!(found(&auditor, &line(&asked)).await, expected, "{asked}");
    }
}

#[tokio::test]
async fn words_are_found_in_reason_before_and_after_and_with_every_other_filter() {
    let desk = Desk::open().await;
    let (auditor, ops) = (desk.token("auditor").await, desk.token("ops").await);
    let ask = async |reason: &str| {
        let body = json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "tier": "pro"}, "reason": reason});
        let (status, request) = ops.post("/api/requests", &body).await;
        assert_eq!(status, 201, "{request}");
        request["id"].as_str().unwrap().to_owned()
    };
    let id = ask("월말에 이중환불이 있었습니다, CS-48213 참고 (100%_확인).").await;
    let one = |asked: &str| line(asked);
    for asked in [
        "이중환불",
        "이중환불이 참고",
        "\"이중환불이 있었습니다\"",
        "월말",
        "CS-48213",
        "cs-48213 action:request.submitted",
        "이중환불 actor:ops@hanbit.example",
        "이중환불 -outcome:denied since:1h",
        "\"100%_\" 확인",
    ] {
        assert_eq!(found(&auditor, &one(asked)).await.len(), 1, "{asked}");
    }
    for asked in
        ["이중환불 -action:request.submitted", "이중환불 actor:approver@hanbit.example", "이중환불 until:1h", "중환불이있", "말에", "참_고"]
    {
        assert!(found(&auditor, &one(asked)).await.is_empty(), "{asked}");
    }
    // words of many events, found by their own index: the same as reading them all
    for (word, sql) in [("결제", "%결제%"), ("pro", "%pro%"), ("계약", "%계약%")] {
        let sql = format!("select count(*) from ledger.detail where (data - 'query')::text ilike '{sql}'");
        let all: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut desk.owner().await).await.unwrap();
        let ids = found(&auditor, &one(word)).await;
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{word}: nothing twice");
        assert!(ids.is_sorted_by(|a, b| a > b), "{word}: newest first");
        // two letters are looked for where words begin
        assert!(ids.len() as i64 <= all && (ids.len() as i64 > all / 2), "{word}: {} of {all}", ids.len());
    }
    // and with what else is asked for, whether it is in the words' index or beside it
    let by = "e.actor_id = (select id from operator where email = 'approver@hanbit.example')";
    for (asked, sql) in [
        ("action:request.submitted", "e.kind = 'request.submitted'".to_owned()),
        ("-action:request.submitted", "e.kind <> 'request.submitted'".to_owned()),
        ("-outcome:success", "e.outcome <> 'success'".to_owned()),
        ("actor:approver@hanbit.example", by.to_owned()),
        ("-actor:approver@hanbit.example -outcome:success", format!("not {by} and e.outcome <> 'success'")),
        (
            "-target:org_hanbit0001 -action:request.denied",
            "e.target_id is distinct from 'org_hanbit0001' and e.kind <> 'request.denied'".to_owned(),
        ),
    ] {
        let sql = format!(
            "select e.event_id::text from ledger.detail d join ledger.event e using (event_id, recorded_at)
             where d.words like '% 계약%' and {sql} order by 1 desc"
        );
        let expected: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&mut desk.owner().await).await.unwrap();
        assert_eq!(found(&auditor, &one(&format!("계약 {asked}"))).await, expected, "{asked}");
    }
    let admin = desk.sign_in("admin").await;
    let page = admin.get(&format!("/ledger?{}", line(&id))).await;
    assert_eq!(page.location.as_deref(), Some(format!("/ledger?request={id}").as_str()), "a number says what it is");
}

#[tokio::test]
async fn line_and_form_say_the_same_and_stay_in_step() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let sent = admin.get(&format!("/ledger?cols=actor&{}", line("since:7d   -outcome:success actor:김,이 \"두 낱말\""))).await;
    assert_eq!(sent.status, 303);
    let there = sent.location.unwrap();
    let page = admin.get(&there).await;
    assert_eq!(page.find("#line").unwrap(), "actor:김,이 -outcome:success since:7d \"두 낱말\"");
    assert_eq!(page.find("#filter-actor").unwrap(), "김,이");
    assert_eq!(page.find("#filter-outcome option[selected]").unwrap(), "-success");
    assert_eq!((page.find("#filter-since").unwrap(), page.find("#filter-q").unwrap()), ("7d".into(), "\"두 낱말\"".into()));
    assert!(there.contains("cols=actor"), "the columns stay: {there}");
    assert_eq!(page.all("#line-form input[type=hidden]", "name"), ["cols"]);
    // an older link
    assert_eq!(admin.get("/ledger?kind=request.&outcome=denied").await.location.as_deref(), Some("/ledger?action=request.&outcome=denied"));
    // changed in the form, the line says so
    let page = admin.get("/ledger?actor=%EA%B9%80&action=request.&range=week").await;
    assert_eq!(page.find("#line").unwrap(), "actor:김 action:request. range:week");
    assert_eq!(admin.get("/ledger").await.find("#line").unwrap(), "");
}

#[tokio::test]
async fn a_mistake_is_told_with_its_place_in_both_languages_and_the_line_stays() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    for (typed, ko, en) in [
        (
            "actor:민수 acton:x",
            "10번째 글자: acton: 항목은 없습니다. 쓸 수 있는 항목: actor: action:",
            "Character 10: acton: is not known. Known: actor: action:",
        ),
        ("환불 \"두 번", "4번째 글자: 따옴표가 닫히지 않았습니다.", "Character 4: this quote is not closed."),
        (
            "outcome:failed",
            "9번째 글자: ‘failed’ 결과는 없습니다. 쓸 수 있는 값: success, failure",
            "Character 9: there is no outcome ‘failed’. Known: success, failure",
        ),
        ("since:언제", "7번째 글자: ‘언제’ 값은 시각이 아닙니다.", "Character 7: ‘언제’ is not a time."),
        ("request:무엇", "9번째 글자: ‘무엇’ 값은 요청 번호가 아닙니다.", "Character 9: ‘무엇’ is not a request."),
        ("-환불", "1번째 글자:", "Character 1:"),
    ] {
        for (lang, text) in [("ko", ko), ("en", en)] {
            let reader = admin.at(&admin.base).in_language(lang);
            let page = reader.get(&format!("/ledger?{}", line(typed))).await;
            assert_eq!(page.status, 200, "{typed}");
            assert!(page.find("#line-mistake").unwrap_or_default().contains(text), "{typed}: {:?}", page.find("#line-mistake"));
            assert_eq!(page.find("#line").unwrap(), typed, "the line stays as it was typed");
            assert_eq!(page.all("#line", "aria-describedby"), ["line-how line-mistake"]);
            assert_eq!(page.count("tbody tr"), 0);
        }
    }
    let page = admin.get("/ledger?request=%EB%AC%B4%EC%97%87").await;
    page.sees("요청 번호가 아닙니다");
    let (status, problem) = desk.token("auditor").await.get(&format!("/api/ledger?{}", line("acton:x"))).await;
    assert_eq!((status, problem["errors"][0]["field"].as_str()), (422, Some("line")), "{problem}");
}

#[tokio::test]
async fn an_entry_leads_to_the_whole_story_and_shows_its_json() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let id = admin.ask("org.tier.fix", &[("org_id", ORG), ("tier", "pro"), ("reason", REASON)]).await;
    let list = admin.get(&format!("/ledger?request={id}")).await;
    let event = list.all("tr[data-id]", "data-id").remove(0);
    let page = admin.get(&format!("/ledger/{event}")).await;
    assert_eq!(page.all("#stories a", "href"), [format!("/ledger?request={id}"), format!("/ledger?target={ORG}")]);
    let shown: Value = serde_json::from_str(&page.find("#json pre").unwrap()).unwrap();
    assert_eq!((shown["id"].as_str(), shown["opening"]["detail"]["reason"].as_str()), (Some(event.as_str()), Some(REASON)));
    assert!(page.all("[data-copy]", "data-copy").contains(&event));
    let (_, answer) = desk.token("auditor").await.get(&format!("/api/ledger/{event}")).await;
    assert_eq!(answer, shown, "the API says the same");
}

#[tokio::test]
async fn counts_are_exact_or_capped() {
    let desk = Desk::open().await;
    let admin = desk.sign_in("admin").await;
    let all: i64 = sqlx::query_scalar("select count(*) from ledger.event").fetch_one(&mut desk.owner().await).await.unwrap();
    let count =
        |page: &Page| -> i64 { page.find("#count").unwrap().chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap() };
    assert_eq!(count(&admin.get("/ledger").await), all);
    let denied: i64 = sqlx::query_scalar("select count(*) from ledger.event where kind = 'request.denied'")
        .fetch_one(&mut desk.owner().await)
        .await
        .unwrap();
    assert_eq!(count(&admin.get("/ledger?action=request.denied").await), denied);
    // more than a page of words, whatever the demo's history is
    sqlx::query(
        "with copy as (select (left(e.event_id::text, 24) || lpad(to_hex(n), 12, '0'))::uuid as copy_id, e.*, d.salt, d.data, d.words, d.marks
           from ledger.event e join ledger.detail d using (event_id, recorded_at), generate_series(1, 60) n where d.words like '%pro%' limit 60
         ), event as (insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, leaf)
           select copy_id, recorded_at, schema_v, kind, outcome, actor_id, door, leaf from copy)
         insert into ledger.detail (event_id, recorded_at, salt, data, words, marks) select copy_id, recorded_at, salt, data, words, marks from copy",
    )
    .execute(&mut desk.owner().await)
    .await
    .unwrap();
    assert!(admin.get("/ledger?q=pro").await.find("#count").is_none(), "nobody counts words");
}

#[tokio::test]
async fn reading_is_written_down_once_for_each_thing_that_is_asked_for() {
    let desk = Desk::open().await;
    let (admin, token) = (desk.sign_in("admin").await, desk.token("auditor").await);
    let reads = async || desk.count("ledger.read").await;
    let before = reads().await;
    admin.get("/ledger").await;
    admin.get("/ledger?sort=created").await;
    assert_eq!(reads().await, before, "where everybody begins");
    let page = admin.get("/ledger?action=request.").await;
    assert_eq!(reads().await, before + 1, "a filter");
    admin.get(&page.all("#next", "href").pop().unwrap()).await;
    admin.send(admin.http.get(format!("{}/ledger?action=request.", admin.base)).header("x-follows", "1")).await;
    admin.get(&format!("/ledger?{}", line("acton:x"))).await;
    assert_eq!(reads().await, before + 1, "a further page, a refresh, and what was not understood");
    let event = page.all("tr[data-id]", "data-id").remove(0);
    admin.get(&format!("/ledger/{event}")).await;
    assert_eq!(reads().await, before + 2, "an entry");
    token.get("/api/ledger").await;
    token.get(&format!("/api/ledger/{event}")).await;
    token.get("/api/v1/audit/logs").await;
    assert_eq!(reads().await, before + 5, "each page and entry of the API");
    // what was looked for is no part of the leaf, and looking for it does not find the question
    admin.get("/ledger?q=%EC%B0%BE%EB%8A%94%EC%82%AC%EB%9E%8C").await;
    let (leaf, query): (Vec<u8>, String) = sqlx::query_as(
        "select e.leaf, d.data ->> 'query' from ledger.event e join ledger.detail d using (event_id, recorded_at) where e.kind = 'ledger.read' order by event_id desc limit 1",
    )
    .fetch_one(&mut desk.owner().await)
    .await
    .unwrap();
    assert_eq!(query, "찾는사람");
    assert!(!String::from_utf8(leaf).unwrap().contains("찾는사람"));
    assert_eq!(admin.get("/ledger?q=%EC%B0%BE%EB%8A%94%EC%82%AC%EB%9E%8C").await.count("tbody tr"), 0);
}

#[tokio::test]
async fn the_audit_log_has_its_old_shape() {
    let desk = Desk::open().await;
    let (ops, auditor, reader) = (desk.token("ops").await, desk.token("auditor").await, desk.token("sre").await);
    ops.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let (status, body) = auditor.get(&format!("/api/v1/audit/logs?action=request.submitted&resource_id={ORG}")).await;
    assert_eq!((status, body["logs"].as_array().unwrap().len()), (200, 1), "{body}");
    let both = async |tenant: &str, resource: &str| {
        let path = format!("/api/v1/audit/logs?action=request.submitted&tenant_id={tenant}&resource_id={resource}");
        auditor.get(&path).await.1["logs"].as_array().unwrap().len()
    };
    assert_eq!((both(ORG, ORG).await, both(ORG, "org_hanbit0002").await), (1, 0), "each filter counts");
    let log = &body["logs"][0];
    let keys: BTreeSet<&str> = log.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = [
        "log_id",
        "user_id",
        "tenant_id",
        "action",
        "resource",
        "resource_id",
        "method",
        "path",
        "status_code",
        "request_body",
        "response_summary",
        "created_at",
    ];
    assert_eq!(keys, wanted.into_iter().collect());
    assert_eq!(
        (log["tenant_id"].as_str(), log["resource"].as_str(), log["request_body"]["reason"].as_str()),
        (Some(ORG), Some("org"), Some(REASON))
    );
    assert_eq!(log["response_summary"], "success");
    let (_, same) = auditor.get(&format!("/api/v1/audit/logs?user_id={}&action=request.submitted", log["user_id"].as_str().unwrap())).await;
    assert!(same["logs"].as_array().unwrap().iter().any(|other| other["log_id"] == log["log_id"]));
    let (_, read) = reader.get(&format!("/api/v1/audit/logs?action=request.submitted&resource_id={ORG}")).await;
    assert_eq!(read["logs"][0]["request_body"], Value::Null, "in bulk only with ledger:export");
    // something that was an HTTP request
    desk.token("cs").await.get("/api/ledger").await;
    let (_, denied) = auditor.get("/api/v1/audit/logs?action=access.denied").await;
    let log = &denied["logs"][0];
    assert_eq!((log["method"].as_str(), log["path"].as_str(), log["status_code"].as_i64()), (Some("GET"), Some("/api/ledger"), Some(403)));
    assert_eq!(auditor.get("/api/v1/audit/logs?action=update_trust_level").await.1["logs"], json!([]));
}
