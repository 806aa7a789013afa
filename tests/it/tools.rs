//! Calls of tools that wait for approval: a test for each requirement, named after it.
use crate::support::{Desk, REASON, Token};
use countersign::{config::Config, tools::Risks};
use futures::{StreamExt, future::join_all};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::process::Command;

const RISKS: &str = "'github/get_*' = 'low'\n'github/comment' = 'medium'\n'github/delete_repo' = 'critical'\n\
    'db/query' = { risk = 'high', roles = { sre = 'medium' } }";
const NO: &str = "이 저장소는 아직 쓰고 있습니다.";

fn risks(config: &mut Config) {
    config.tools.risks = Risks::read(&RISKS.parse().unwrap()).unwrap();
}

async fn desk() -> Desk {
    Desk::with(1, risks).await
}

async fn call(token: &Token, server: &str, tool: &str, role: &str, arguments: Value) -> (u16, Value) {
    token.post("/api/approvals", &json!({"server": server, "tool": tool, "role": role, "arguments": arguments, "reason": REASON})).await
}

/// A call that has to wait.
async fn held(token: &Token, tool: &str) -> String {
    let (status, approval) = call(token, "github", tool, "ops", json!({"repo": "hanbit/billing"})).await;
    assert_eq!((status, approval["status"].as_str()), (201, Some("pending")), "{approval}");
    approval["id"].as_str().unwrap().to_owned()
}

fn waiting(token: &Arc<Token>, id: &str) -> tokio::task::JoinHandle<(u16, Value)> {
    let (token, path) = (token.clone(), format!("/api/requests/{id}/wait?timeout=30"));
    tokio::spawn(async move { token.get(&path).await })
}

async fn decide(token: &Token, id: &str, verdict: &str, reason: &str) -> (u16, Value) {
    token.post(&format!("/api/approvals/{id}/{verdict}"), &json!({"reason": reason})).await
}

#[tokio::test]
async fn ap_1_high_and_critical_wait_and_low_and_medium_run_by_tool_and_by_role() {
    let desk = desk().await;
    let (ops, sre, admin, approver) =
        (desk.token("ops").await, desk.token("sre").await, desk.token("admin").await, desk.token("approver").await);
    for (token, server, tool, role, risk, status) in [
        (&ops, "github", "get_file", "ops", "low", 200),
        (&ops, "github", "comment", "ops", "medium", 200),
        (&ops, "db", "query", "ops", "high", 201),
        (&sre, "db", "query", "sre", "medium", 200),
        (&ops, "mail", "send", "ops", "high", 201),
        (&ops, "github", "delete_repo", "ops", "critical", 201),
    ] {
        let (got, approval) = call(token, server, tool, role, json!({})).await;
        assert_eq!(got, status, "{server}/{tool} as {role}: {approval}");
        assert_eq!(approval["status"], if status == 200 { "approved" } else { "pending" });
        let (_, request) = ops.get(&format!("/api/requests/{}", approval["id"].as_str().unwrap())).await;
        assert_eq!(
            (request["risk"].as_str(), request["state"].as_str()),
            (Some(risk), Some(if status == 200 { "succeeded" } else { "pending" }))
        );
    }
    let (status, problem) = call(&ops, "db", "query", "sre", json!({})).await;
    assert_eq!((status, problem["errors"][0]["field"].as_str()), (422, Some("role")), "nobody acts in a role that they do not hold");
    // critical asks for two
    let id = held(&ops, "delete_repo").await;
    assert_eq!(decide(&admin, &id, "approve", "").await.1["status"], "pending");
    assert_eq!(decide(&approver, &id, "approve", "").await.1["status"], "approved");
    // other operations of medium risk wait as ever
    let (_, grant) = ops
        .post("/api/requests", &json!({"operation": "user.plan.grant", "fields": {"user_id": user(&ops).await, "plan": "pro", "until": "2100-01-01"}, "reason": REASON}))
        .await;
    assert_eq!(grant["state"], "pending", "{grant}");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn ap_1_a_role_that_is_lost_lowers_no_risk_any_more() {
    let desk = Desk::with(1, |config| {
        config.tools.risks = Risks::read(&"'db/query' = { risk = 'critical', roles = { sre = 'high' } }".parse().unwrap()).unwrap();
    })
    .await;
    let (sre, approver) = (desk.token("sre").await, desk.token("approver").await);
    let (status, approval) = call(&sre, "db", "query", "sre", json!({"sql": "select 1"})).await;
    assert_eq!(status, 201, "{approval}");
    let id = approval["id"].as_str().unwrap();
    desk.moves("sre", "sre", "ops").await;
    assert_eq!(decide(&approver, id, "approve", "").await.1["status"], "pending", "nobody acts in a role that they do not hold any more");
}

#[tokio::test]
async fn what_cannot_be_read_is_not_released() {
    let desk = desk().await;
    let ops = desk.token("ops").await;
    // eight thousand lines of a hundred levels are little to send and much to read
    let mut deep = json!((0..7_000).map(|n| n % 10).collect::<Vec<_>>());
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let (status, problem) = call(&ops, "mail", "send", "ops", json!({"deep": deep})).await;
    assert_eq!((status, problem["errors"][0]["field"].as_str()), (422, Some("arguments")), "{problem}");
    let (status, approval) = call(&ops, "mail", "send", "ops", json!({"to": "finance\u{202e}moc.elpmaxe@"})).await;
    assert_eq!(status, 201);
    let page = desk.sign_in("approver").await.get(&format!("/requests/{}", approval["id"].as_str().unwrap())).await;
    assert!(page.text().contains(r"finance\u202emoc.elpmaxe@") && !page.body.contains('\u{202e}'), "{}", page.text());
    // what is typed into the form and too long to be kept is given back
    let person = desk.sign_in("ops").await;
    let (path, long) = ("/requests/new/tool.call", format!("{{\"text\":{}\"x\"}}", " ".repeat(40_000)));
    let form = person.get(path).await;
    let draft = form.find("input[name=draft]").unwrap();
    let fields = [("server", "mail"), ("tool", "send"), ("role", "ops"), ("arguments", &*long), ("reason", REASON), ("draft", &draft)];
    let bad = person.post_from(&form, path, &fields).await;
    assert_eq!((bad.status, bad.find("#request-form [name=tool]").as_deref()), (422, Some("send")), "{}", bad.text());
    bad.sees("32768바이트까지");
}

async fn user(token: &Token) -> String {
    token.get("/api/admin/users").await.1["items"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn ap_2_an_approval_has_all_that_it_had_and_expires_after_the_configured_seconds() {
    let desk = desk().await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let arguments = json!({"sql": "가".repeat(3_000), "limits": [1, 2.5, -3], "deep": {"yes": true, "none": null}});
    let (_, asked) = call(&ops, "db", "query", "ops", arguments.clone()).await;
    let id = asked["id"].as_str().unwrap();
    let (_, pending) = approver.get("/api/approvals/pending").await;
    let shown = pending["items"].as_array().unwrap().iter().find(|a| a["id"] == id).unwrap();
    let keys: Vec<&String> = shown.as_object().unwrap().keys().collect();
    let old =
        ["arguments", "expires_at", "id", "reason", "requested_at", "requester", "responded_at", "responder", "role", "status", "tool"];
    assert_eq!(keys, old);
    assert_eq!((shown["tool"].as_str(), shown["role"].as_str(), &shown["arguments"]), (Some("db/query"), Some("ops"), &arguments));
    let time = |key: &str| chrono::DateTime::parse_from_rfc3339(shown[key].as_str().unwrap()).unwrap();
    assert_eq!((time("expires_at") - time("requested_at")).num_milliseconds(), 300_000);
    decide(&approver, id, "reject", NO).await;
    let (_, request) = ops.get(&format!("/api/requests/{id}")).await;
    assert_eq!((&request["fields"]["arguments"], request["policy"]["pending_seconds"].as_i64()), (&arguments, Some(300)));
    // voters see all of it
    let page = desk.sign_in("approver").await.get(&format!("/requests/{id}")).await;
    assert!(page.text().contains(&"가".repeat(3_000)));
    // what is not exact, or no name, is not asked for
    for (tool, arguments, field) in [
        ("query", json!({"n": 9_007_199_254_740_993_u64}), "arguments"),
        ("que*ry", json!({}), "tool"),
        ("query", json!({"x": "가".repeat(6_000)}), "arguments"),
    ] {
        let (status, problem) = call(&ops, "db", tool, "ops", arguments).await;
        assert_eq!((status, problem["errors"][0]["field"].as_str()), (422, Some(field)));
    }
}

#[tokio::test]
async fn ap_2_a_rule_about_calls_says_how_long_they_wait_and_others_do_not() {
    let rule = "[groups]\napprovers = ['admin', 'approver']\n[[rule]]\nname = 'mail'\nwhen = { operation = 'tool.call', target = { id = 'mail/send' } }\n\
        needs = [{ group = 'approvers' }]\npending_minutes = 10\n[default]\nneeds = [{ group = 'approvers' }]\npending_minutes = 99\n";
    let desk = Desk::with(1, |config| {
        config.policy = rule.to_owned();
        config.tools.timeout = 7;
    })
    .await;
    let ops = desk.token("ops").await;
    for (tool, seconds) in [("mail", 600), ("news", 7)] {
        let (_, asked) = call(&ops, tool, "send", "ops", json!({})).await;
        let (_, request) = ops.get(&format!("/api/requests/{}", asked["id"].as_str().unwrap())).await;
        assert_eq!(request["policy"]["pending_seconds"], seconds, "{request}");
    }
    let (_, fix) = ops.fix(json!({"org_id": crate::support::ORG, "tier": "pro"})).await;
    assert_eq!(fix["policy"]["pending_seconds"], 99 * 60);
}

#[tokio::test]
async fn ap_3_only_those_who_may_decide_see_and_answer_what_waits() {
    let desk = desk().await;
    let (ops, cs, approver) = (desk.token("ops").await, desk.token("cs").await, desk.token("approver").await);
    let (one, two) = (held(&ops, "push").await, held(&ops, "push").await);
    for token in [&ops, &cs] {
        assert_eq!(token.get("/api/approvals/pending").await.0, 403);
        assert_eq!(decide(token, &one, "approve", "").await.0, 403);
        assert_eq!(decide(token, &one, "reject", NO).await.0, 403);
    }
    assert_eq!(call(&cs, "github", "get_file", "cs", json!({})).await.0, 403, "not everybody may ask");
    assert_eq!(decide(&approver, &one, "approve", "").await.1["status"], "approved");
    let (status, rejected) = decide(&approver, &two, "reject", NO).await;
    assert_eq!((status, rejected["status"].as_str(), rejected["reason"].as_str()), (200, Some("rejected"), Some(NO)));
    let own = desk.token("admin").await;
    let (_, asked) = call(&own, "github", "push", "admin", json!({})).await;
    assert_eq!(decide(&own, asked["id"].as_str().unwrap(), "approve", "").await.0, 403, "nobody releases their own call");
    // a token calls tools only if it was given that
    let narrow = desk.token_at(0, "ops", &["requests:ask", "requests:read"]).await;
    assert_eq!(call(&narrow, "github", "get_file", "ops", json!({})).await.0, 403);
}

#[tokio::test]
async fn ap_4_approved_runs_rejected_is_403_with_the_reason_late_is_408_and_who_hangs_up_loses_nothing() {
    let desk = Desk::with(1, |config| {
        risks(config);
        config.tools.timeout = 2;
    })
    .await;
    let (ops, approver) = (Arc::new(desk.token("ops").await), desk.token("approver").await);
    let (yes, no, late) = (held(&ops, "push").await, held(&ops, "push").await, held(&ops, "push").await);
    let hung_up = waiting(&ops, &yes);
    let (rejected, expired) = (waiting(&ops, &no), waiting(&ops, &late));
    tokio::time::sleep(Duration::from_millis(100)).await;
    hung_up.abort();
    decide(&approver, &yes, "approve", "").await;
    decide(&approver, &no, "reject", NO).await;
    for _ in 0..2 {
        let (status, request) = waiting(&ops, &yes).await.unwrap();
        assert_eq!((status, request["state"].as_str()), (200, Some("succeeded")));
        assert_eq!(request["preview"]["after"]["release"], "released");
    }
    let (status, request) = rejected.await.unwrap();
    assert_eq!((status, request["votes"][0]["reason"].as_str()), (403, Some(NO)));
    let (status, request) = expired.await.unwrap();
    assert_eq!((status, request["state"].as_str()), (408, Some("expired")));
    assert_eq!(decide(&approver, &late, "approve", "").await.0, 409, "too late is too late");
    assert_eq!(desk.count("tool.released").await, 1);
}

#[tokio::test]
async fn ap_4_the_same_key_is_the_same_call_and_tells_how_it_stands() {
    let desk = desk().await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let send = async |arguments: Value| {
        let body = json!({"tool": "deploy", "role": "ops", "arguments": arguments});
        let request = ops.http.post(format!("{}/api/approvals", ops.base)).bearer_auth(&ops.secret).header("idempotency-key", "one-call");
        crate::support::answer(request.json(&body)).await
    };
    let (status, first) = send(json!({"to": "prod"})).await;
    assert_eq!((status, first["tool"].as_str()), (201, Some("mcp/deploy")));
    assert_eq!(send(json!({"to": "stage"})).await.0, 422, "other arguments are another call");
    decide(&approver, first["id"].as_str().unwrap(), "reject", NO).await;
    let (status, again) = send(json!({"to": "prod"})).await;
    assert_eq!((status, &again["id"], again["reason"].as_str()), (403, &first["id"], Some(NO)));
    let bare = ops
        .http
        .post(format!("{}/api/approvals", ops.base))
        .bearer_auth(&ops.secret)
        .json(&json!({"tool": "x", "role": "ops", "arguments": {}}));
    assert_eq!(crate::support::answer(bare).await.0, 400, "without a key a retry would ask twice");
}

async fn cli(desk: &Desk, token: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .env("COUNTERSIGN_URL", desk.base(0))
        .env("COUNTERSIGN_TOKEN", token)
        .output()
        .await
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn ap_5_the_command_line_asks_lists_shows_approves_rejects_and_watches() {
    let desk = desk().await;
    let (ops, approver) = (desk.token("ops").await.secret, desk.token("approver").await.secret);
    let mut watch = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["requests", "watch"])
        .env("COUNTERSIGN_URL", desk.base(0))
        .env("COUNTERSIGN_TOKEN", &approver)
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut watched = tokio::io::BufReader::new(watch.stdout.take().unwrap());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let given = ["--server", "github", "--tool", "push", "--role", "ops", "--arguments", r#"{"branch": "main"}"#, "--reason", REASON];
        let (code, asked) = cli(&desk, &ops, &[&["--json", "request", "submit", "tool.call"][..], &given].concat()).await;
        let request: Value = serde_json::from_str(&asked).unwrap();
        assert_eq!((code, &request["fields"]["arguments"]), (Some(0), &json!({"branch": "main"})));
        ids.push(request["id"].as_str().unwrap().to_owned());
    }
    let (_, listed) = cli(&desk, &approver, &["requests", "list", "--state", "pending", "--operation", "tool.call"]).await;
    assert!(ids.iter().all(|id| listed.contains(id)), "{listed}");
    assert!(cli(&desk, &approver, &["requests", "show", &ids[0]]).await.1.contains("branch"));
    assert_eq!(cli(&desk, &approver, &["requests", "approve", &ids[0]]).await.0, Some(0));
    assert_eq!(cli(&desk, &approver, &["requests", "reject", &ids[1], "--reason", NO]).await.0, Some(0));
    assert_eq!(cli(&desk, &ops, &["requests", "wait", &ids[0], "--timeout", "10"]).await.0, Some(0));
    assert_eq!(cli(&desk, &ops, &["requests", "wait", &ids[1], "--timeout", "10"]).await.0, Some(3));
    let mut line = String::new();
    tokio::time::timeout(Duration::from_secs(10), tokio::io::AsyncBufReadExt::read_line(&mut watched, &mut line)).await.unwrap().unwrap();
    assert!(line.contains("tool.call"), "{line}");
}

/// Ten thousand at once are measured by `make bench-waiting`; here it is that none of them minds the others.
#[tokio::test]
async fn ap_6_calls_that_wait_together_are_answered_each_for_itself() {
    let desk = desk().await;
    let (ops, approver) = (Arc::new(desk.token("ops").await), desk.token("approver").await);
    let ids = join_all((0..60).map(|_| held(&ops, "push"))).await;
    let waits: Vec<_> = ids.iter().map(|id| waiting(&ops, id)).collect();
    let answers = ids.iter().enumerate().map(|(n, id)| decide(&approver, id, if n % 2 == 0 { "approve" } else { "reject" }, NO));
    assert!(join_all(answers).await.into_iter().all(|(status, _)| status == 200));
    for (n, answer) in join_all(waits).await.into_iter().enumerate() {
        let (status, request) = answer.unwrap();
        assert_eq!((status, &request["id"]), (if n % 2 == 0 { 200 } else { 403 }, &json!(ids[n])));
    }
    assert_eq!(desk.count("tool.released").await, 30);
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn ap_7_switched_off_nothing_is_held_and_everything_is_written_down() {
    let desk = Desk::with(1, |config| {
        risks(config);
        config.tools.held = false;
    })
    .await;
    let (ops, admin) = (desk.token("ops").await, desk.sign_in("admin").await);
    let (status, approval) = call(&ops, "github", "delete_repo", "ops", json!({"repo": "hanbit/old"})).await;
    assert_eq!((status, approval["status"].as_str()), (200, Some("approved")), "{approval}");
    let id = approval["id"].as_str().unwrap();
    let (_, request) = ops.get(&format!("/api/requests/{id}")).await;
    assert_eq!((request["risk"].as_str(), request["policy"]["rule"].as_str()), (Some("critical"), Some("approval-workflow-disabled")));
    let story = ["request.submitted", "request.approved", "request.started", "tool.released", "request.succeeded"];
    assert_eq!(desk.story(id).await, story);
    let leaf: String =
        sqlx::query_scalar("select convert_from(leaf, 'UTF8') from ledger.event where kind = 'request.submitted' and request_id = $1")
            .bind(id.trim_start_matches("CR-").parse::<i64>().unwrap())
            .fetch_one(&mut desk.owner().await)
            .await
            .unwrap();
    assert!(leaf.contains("approval-workflow-disabled"));
    // said where somebody looks, and nothing else is let through
    admin.get("/policy").await.sees("APPROVAL_WORKFLOW_ENABLED");
    admin.get(&format!("/requests/{id}")).await.sees("APPROVAL_WORKFLOW_ENABLED");
    let (_, fix) = ops.fix(json!({"org_id": crate::support::ORG, "tier": "pro"})).await;
    assert_eq!(fix["state"], "pending");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn ap_8_every_call_and_answer_is_in_the_ledger_and_measured() {
    const SECRET: &str = "a-token-of-its-own-for-metrics";
    let desk = Desk::with(1, |config| {
        risks(config);
        config.metrics_token = Some(SECRET.to_owned().into());
    })
    .await;
    let (ops, approver) = (Arc::new(desk.token("ops").await), desk.token("approver").await);
    let (yes, no) = (held(&ops, "push").await, held(&ops, "push").await);
    decide(&approver, &yes, "approve", "").await;
    decide(&approver, &no, "reject", NO).await;
    waiting(&ops, &yes).await.unwrap();
    let approved = ["request.submitted", "request.voted", "request.approved", "request.started", "tool.released", "request.succeeded"];
    assert_eq!(desk.story(&yes).await, approved);
    assert_eq!(desk.story(&no).await, ["request.submitted", "request.voted", "request.denied"]);
    let metrics =
        reqwest::Client::new().get(format!("{}/metrics", desk.base(0))).bearer_auth(SECRET).send().await.unwrap().text().await.unwrap();
    for line in [
        "countersign_decision_seconds_count{decision=\"approve\"} 1",
        "countersign_decision_seconds_count{decision=\"reject\"} 1",
        "countersign_execution_outcomes_total{operation=\"tool.call\",outcome=\"succeeded\"} 1",
        "countersign_requests{operation=\"tool.call\",state=\"pending\"} 0",
        "countersign_waiters 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn ap_9_whoever_follows_is_told_at_once() {
    let desk = desk().await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let mut stream = ops.http.get(format!("{}/events", ops.base)).bearer_auth(&ops.secret).send().await.unwrap().bytes_stream();
    let id = held(&ops, "push").await;
    decide(&approver, &id, "reject", NO).await;
    let mut text = String::new();
    while text.matches(&format!("{{\"id\":\"{id}\"}}")).count() < 2 {
        let part = tokio::time::timeout(Duration::from_secs(5), stream.next()).await.expect("told within seconds").unwrap().unwrap();
        text.push_str(&String::from_utf8_lossy(&part));
    }
}
