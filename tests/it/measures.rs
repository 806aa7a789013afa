//! What is measured: `/metrics`, and the page of insights.
use crate::support::{Desk, ORG, Person, answer};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

pub const TOKEN: &str = "a-token-of-its-own";

/// A scrape, read as strictly as the text format is written: series with labels, and values.
pub async fn scrape(desk: &Desk, replica: usize) -> BTreeMap<String, f64> {
    let response = reqwest::Client::new().get(format!("{}/metrics", desk.base(replica))).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4");
    parse(&response.text().await.unwrap())
}

fn parse(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with('\n'), "the last line ends");
    let (mut series, mut families, mut helped) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let (mut family, mut kind) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, said) = help.split_once(' ').expect("a name and what it is");
            assert!(said.ends_with('.') && helped.insert(name.to_owned()), "{line}");
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, of) = typed.split_once(' ').unwrap();
            assert!(name.starts_with("countersign_") && helped.contains(name), "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&of), "{line}");
            assert!(families.insert(name.to_owned(), of.to_owned()).is_none(), "{name} comes twice");
            assert_eq!(of == "counter", name.ends_with("_total"), "{name} is a {of}");
            (family, kind) = (name.to_owned(), of.to_owned());
        } else {
            let (key, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?} is no sample"));
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line:?} has no value"));
            let name = key.split('{').next().unwrap();
            let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("{name} is not of {family}"));
            assert!(if kind == "histogram" { ["_bucket", "_sum", "_count"].contains(&suffix) } else { suffix.is_empty() }, "{line}");
            labels(key);
            assert!(!key.contains("quantile="), "{line}: that label is for summaries");
            assert!(value.is_finite() && value >= 0.0, "{line}");
            assert!(series.insert(key.to_owned(), value).is_none(), "{key} comes twice");
        }
    }
    for (key, count) in series.iter().filter(|(key, _)| key.contains("_bucket{") && key.contains("le=\"+Inf\"")) {
        let bare = key.replace("_bucket{", "_count{").replace(",le=\"+Inf\"", "");
        assert_eq!(series.get(&bare), Some(count), "{bare} is what all buckets hold");
    }
    series
}

/// `name` or `name{label="value",…}`.
fn labels(key: &str) {
    let Some((name, rest)) = key.split_once('{') else { return };
    assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{key}");
    let mut rest = rest.strip_suffix('}').unwrap_or_else(|| panic!("{key} does not end"));
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{key}"));
        assert!(label.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{key}");
        let end = after.find('"').unwrap_or_else(|| panic!("{key}"));
        rest = after[end + 1..].strip_prefix(',').unwrap_or(&after[end + 1..]);
    }
}

#[tokio::test]
async fn metrics_are_for_whoever_has_their_token_and_are_not_there_without_one() {
    let desk = Desk::open().await;
    assert_eq!(Person::new(desk.base(0)).get("/metrics").await.status, 404);
    let desk = Desk::with(1, |config| config.metrics_token = Some(TOKEN.to_owned().into())).await;
    let get = |secret: &str| reqwest::Client::new().get(format!("{}/metrics", desk.base(0))).bearer_auth(secret).send();
    for wrong in ["", "a-token-of-its-owm", "a-token-of-its-own-and-more"] {
        let refused = get(wrong).await.unwrap();
        assert_eq!((refused.status().as_u16(), refused.headers()["www-authenticate"].to_str().unwrap()), (401, "Bearer"));
        assert_eq!(refused.text().await.unwrap(), "");
    }
    let admin = desk.sign_in("admin").await;
    assert_eq!(admin.get("/metrics").await.status, 401, "a session is no token");
    assert_eq!(answer(admin.http.get(format!("{}/metrics", admin.base)).bearer_auth(desk.token("admin").await.secret)).await.0, 401);
    assert_eq!(get(TOKEN).await.unwrap().status(), 200);
}

#[tokio::test]
async fn each_replica_counts_what_it_did_and_all_see_the_same_database() {
    let desk = Desk::with(2, |config| config.metrics_token = Some(TOKEN.to_owned().into())).await;
    let (ops, approver) = (desk.token("ops").await, desk.token_at(1, "approver", &[]).await);
    let before = scrape(&desk, 0).await;
    assert_eq!(before["countersign_votes_total{decision=\"approve\"}"], 0.0);
    assert_eq!(before["countersign_execution_outcomes_total{operation=\"org.tier.fix\",outcome=\"unknown\"}"], 0.0);
    let (_, yes) = ops.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let (_, no) = ops.fix(json!({"org_id": ORG, "tier": "starter"})).await;
    let (yes, no) = (yes["id"].as_str().unwrap(), no["id"].as_str().unwrap());
    let pending = "countersign_requests{operation=\"org.tier.fix\",state=\"pending\"}";
    let (one, two) = (scrape(&desk, 0).await, scrape(&desk, 1).await);
    assert_eq!((one[pending], two[pending]), (before[pending] + 2.0, before[pending] + 2.0));
    approver.vote(yes, "approve", None).await;
    approver.vote(no, "reject", Some("계약서와 등급이 다릅니다.")).await;
    // a vote that is refused, and one that was cast before, count nothing
    approver.vote(no, "approve", None).await;
    approver.vote(yes, "approve", None).await;
    assert_eq!(ops.get(&format!("/api/requests/{yes}/wait?timeout=10")).await.0, 200);
    let waiter = {
        let (_, third) = ops.fix(json!({"org_id": ORG, "credit": 7})).await;
        let path = format!("{}/api/requests/{}/wait?timeout=20", ops.base, third["id"].as_str().unwrap());
        tokio::spawn(ops.http.get(path).bearer_auth(&ops.secret).send())
    };
    let end = Instant::now() + Duration::from_secs(5);
    while scrape(&desk, 0).await["countersign_waiters"] < 1.0 {
        assert!(Instant::now() < end, "the waiter is counted");
    }
    waiter.abort();
    let (one, two) = (scrape(&desk, 0).await, scrape(&desk, 1).await);
    for (series, count) in [
        ("countersign_votes_total{decision=\"approve\"}", 1.0),
        ("countersign_votes_total{decision=\"reject\"}", 1.0),
        ("countersign_decision_seconds_count{decision=\"approve\"}", 1.0),
        ("countersign_decision_seconds_count{decision=\"reject\"}", 1.0),
    ] {
        assert_eq!((one[series], two[series]), (0.0, count), "{series}");
    }
    // whichever replica's worker was faster
    for series in [
        "countersign_execution_attempts_total{operation=\"org.tier.fix\"}",
        "countersign_execution_outcomes_total{operation=\"org.tier.fix\",outcome=\"succeeded\"}",
    ] {
        assert_eq!(one[series] + two[series], 1.0, "{series}");
    }
    // the sequencer empties it
    assert!(one["countersign_ledger_pending"] < 100.0 && two["countersign_ledger_pending"] < 100.0);
    assert_eq!((one["countersign_jobs{state=\"ready\"}"], one["countersign_database_up"]), (0.0, 1.0));
    assert!(one.keys().any(|key| key.starts_with("countersign_database_connections{pool=\"read\"")));
    assert!(two["countersign_http_request_seconds_count{method=\"POST\",route=\"/api/requests/{id}/votes\",status=\"2xx\"}"] >= 2.0);
    // what strangers type makes no series
    for path in ["/nothing-1", "/nothing-2", "/requests/CR-1/x"] {
        Person::new(desk.base(0)).get(path).await;
    }
    let routes = scrape(&desk, 0).await;
    assert_eq!(routes["countersign_http_request_seconds_count{method=\"GET\",route=\"none\",status=\"4xx\"}"], 3.0);
    assert!(!routes.keys().any(|key| key.contains("nothing-")));
}

/// When somebody first opened a request, as the database has it.
async fn opened(desk: &Desk, id: &str, who: &str) -> Option<String> {
    let number: i64 = id.trim_start_matches("CR-").parse().unwrap();
    sqlx::query_scalar(
        "select first_seen_at::text from request_seen s join operator o on o.id = s.operator_id where s.request_id = $1 and o.email = $2",
    )
    .bind(number)
    .bind(format!("{who}@hanbit.example"))
    .fetch_optional(&mut desk.owner().await)
    .await
    .unwrap()
}

async fn until_opened(desk: &Desk, id: &str, who: &str) -> String {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        if let Some(at) = opened(desk, id, who).await {
            return at;
        }
        assert!(Instant::now() < end, "{who} never opened {id}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn opening_is_noted_once_for_those_who_may_decide_and_refreshes_do_not_count() {
    let desk = Desk::open().await;
    let ops = desk.token("ops").await;
    let mut ids = Vec::new();
    for tier in ["pro", "starter"] {
        ids.push(ops.fix(json!({"org_id": ORG, "tier": tier})).await.1["id"].as_str().unwrap().to_owned());
    }
    let (approver, admin, cs) = (desk.sign_in("approver").await, desk.sign_in("admin").await, desk.sign_in("cs").await);
    let follow = |person: &Person, path: String| person.http.get(format!("{}{path}", person.base)).header("x-follows", "1");
    assert_eq!(approver.send(follow(&approver, format!("/requests/{}", ids[0]))).await.status, 200);
    assert_eq!(cs.get(&format!("/requests/{}", ids[0])).await.status, 200);
    assert_eq!(admin.get(&format!("/inbox?tab=mine&selected={}", ids[1])).await.status, 200);
    until_opened(&desk, &ids[1], "admin").await;
    assert!(opened(&desk, &ids[0], "approver").await.is_none(), "a page that refreshes itself was opened before");
    assert!(opened(&desk, &ids[0], "cs").await.is_none(), "who decides nothing is not watched");
    approver.get(&format!("/requests/{}", ids[0])).await;
    let first = until_opened(&desk, &ids[0], "approver").await;
    approver.get(&format!("/requests/{}", ids[0])).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(until_opened(&desk, &ids[0], "approver").await, first, "the first time stays");
}

#[tokio::test]
async fn insights_tell_how_decisions_are_made() {
    let desk = Desk::open().await;
    let mut owner = desk.owner().await;
    // what the demo's history says, worked out in another way
    let (votes, approvals, unread): (i64, i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where decision = 'approve'),
           count(*) filter (where not exists (select from request_seen s where s.request_id = v.request_id and s.operator_id = v.voter_id
             and s.first_seen_at <= v.at - interval '5 seconds'))
         from vote v where at >= (date_trunc('day', now() at time zone 'Asia/Seoul') - interval '89 days') at time zone 'Asia/Seoul'",
    )
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert!(votes > 10 && unread > 0 && unread < votes, "{votes} votes, {unread} unread: the demo has something to show");
    let auditor = desk.sign_in("auditor").await.in_language("en");
    let page = auditor.get("/insights?days=90").await;
    assert_eq!(page.status, 200);
    let tiles = page.texts(".tile strong");
    assert_eq!(tiles[0].replace(',', ""), votes.to_string());
    assert_eq!(tiles[2], format!("{:.0}%", approvals as f64 / votes as f64 * 100.0));
    page.sees("not for rating or ranking people").sees("People who decide").sees("이서연").sees("Fix an organisation's tier or credit");
    assert_eq!((page.count("figure#weeks"), page.count("nav.views a[aria-current=page]")), (1, 1));
    assert!(page.count("#weeks-table tbody tr") >= 13);
    let csv = auditor.get("/insights.csv?days=90").await;
    assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    let decided: i64 = csv.body.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse::<i64>().unwrap()).sum();
    assert_eq!(decided, votes);
    let waits =
        |name: &str| csv.body.lines().find(|line| line.contains(name)).and_then(|line| line.trim().rsplit(',').next()).map(str::to_owned);
    assert_eq!(waits("박지훈").as_deref(), Some("0"), "nothing waits for somebody whose vote nothing needs");
    let mine = desk.sign_in("approver").await.get("/inbox").await.count("tr[data-id]");
    assert_eq!(waits("이서연"), Some(mine.to_string()));
    assert_eq!(desk.count("list.exported").await, 1);
    let korean = auditor.at(&auditor.base).in_language("ko").get("/insights?days=nonsense").await;
    assert!(korean.find("#weeks-finding").unwrap().contains("에 시작한 주로"));
    korean.sees("최근 30일").sees("순위를 매기는 데 쓰지 않습니다");
    let cs = desk.sign_in("cs").await;
    for path in ["/insights", "/insights.csv"] {
        let refused = cs.get(path).await;
        assert_eq!(refused.status, 403);
        refused.sees("insights:read");
    }
    assert_eq!(cs.get("/").await.count("a[href='/insights']"), 0);
}
