//! Taking the ledger away: whole, exact, harmless to spreadsheets, gone on with, and written down.
use crate::support::{Desk, ORG, Token};
use base64::{Engine, prelude::BASE64_STANDARD};
use countersign::ledger::{commitment, leaf_hash};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
};

async fn take(token: &Token, query: &str) -> (u16, String) {
    let response = token.http.get(format!("{}/ledger/export?{query}", token.base)).bearer_auth(&token.secret).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// The events of an NDJSON export, and its last line.
fn events(text: &str) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.pop().unwrap();
    assert_eq!(last["complete"], true, "{last}");
    assert_eq!(last["events"], lines.len());
    (lines, last)
}

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["event"]["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_export_has_every_event_while_others_are_written() {
    let desk = Desk::open().await;
    let (auditor, done) = (desk.token("auditor").await, Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = ["ops", "cs", "admin"]
        .map(|who| {
            let done = done.clone();
            let desk = &desk;
            async move {
                let token = desk.token(who).await;
                tokio::spawn(async move {
                    while !done.load(Ordering::Relaxed) {
                        token.fix(json!({"org_id": ORG, "credit": rand::random_range(1..1000)})).await;
                    }
                })
            }
        })
        .into_iter()
        .collect();
    let writers = futures::future::join_all(writers).await;
    for _ in 0..5 {
        // somebody who began before the export and commits while it runs
        let mut slow = PgConnection::connect(&desk.app_url().await).await.unwrap();
        slow.execute("begin").await.unwrap();
        let late: uuid::Uuid = uuid::Uuid::now_v7();
        let (seconds, nanos) = late.get_timestamp().unwrap().to_unix();
        sqlx::query(
            "insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, leaf)
             values ($1, $2, 1, 'test.late', 'success', '00000000-0000-7000-8000-000000000003', 'console', '{}')",
        )
        .bind(late)
        .bind(chrono::DateTime::from_timestamp(seconds as i64, nanos))
        .execute(&mut slow)
        .await
        .unwrap();
        let commit = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(400)).await;
            slow.execute("commit").await.unwrap();
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (status, text) = take(&auditor, "format=ndjson").await;
        assert_eq!(status, 200);
        commit.await.unwrap();
        let (exported, last) = events(&text);
        let until = chrono::DateTime::parse_from_rfc3339(last["until"].as_str().unwrap()).unwrap();
        let there: Vec<String> = sqlx::query_scalar("select event_id::text from ledger.event where recorded_at < $1 order by event_id")
            .bind(until)
            .fetch_all(&mut desk.owner().await)
            .await
            .unwrap();
        assert_eq!(ids(&exported), there, "all of them, in order, once");
        assert!(there.contains(&late.to_string()), "also the late one");
    }
    done.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_line_of_ndjson_has_the_exact_leaf_and_what_opens_it() {
    let desk = Desk::open().await;
    let auditor = desk.token("auditor").await;
    desk.token("ops").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let (_, text) = take(&auditor, "openings=yes&action=request.submitted,request.denied,org.tier.fixed").await;
    let (exported, _) = events(&text);
    assert!(exported.len() > 100 && exported.iter().all(|event| event["index"].is_null()));
    for event in &exported {
        let leaf: Value = serde_json::from_str(event["leaf"].as_str().unwrap()).unwrap();
        for name in ["id", "at", "kind", "outcome", "actor", "door"] {
            assert_eq!(leaf[name], event["event"][name], "{name}");
        }
        assert_eq!((&leaf["request"], &leaf["target"]), (&event["event"]["request"], &event["event"]["target"]));
        if let Some(promised) = leaf["detail"].as_str() {
            let salt = BASE64_STANDARD.decode(event["opening"]["salt"].as_str().unwrap()).unwrap();
            assert_eq!(commitment(&salt.try_into().unwrap(), &event["opening"]["detail"]).unwrap(), promised);
        }
    }
    let last = exported.last().unwrap();
    let (_, one) = auditor.get(&format!("/api/ledger/{}", last["event"]["id"].as_str().unwrap())).await;
    let hash = countersign::requests::hex(&leaf_hash(last["leaf"].as_str().unwrap().as_bytes()));
    assert_eq!((&one["leaf"], one["leaf_hash"].as_str()), (&last["leaf"], Some(hash.as_str())));
}

#[tokio::test]
async fn nothing_in_the_csv_is_a_formula_and_every_filter_is_honoured() {
    let desk = Desk::open().await;
    let auditor = desk.token("auditor").await;
    for reason in
        ["=HYPERLINK(\"http://evil.example\",\"click me\")", "@SUM(1+1)*cmd|' /C calc'!A0", "+82-2-555-0100 으로 전화, \"확인\"\n=1+1"]
    {
        let body = json!({"operation": "org.tier.fix", "fields": {"org_id": ORG, "tier": "pro"}, "reason": reason});
        assert_eq!(desk.token("ops").await.post("/api/requests", &body).await.0, 201);
    }
    let (_, text) = take(&auditor, &format!("format=csv&openings=yes&action=request.submitted&target={ORG}")).await;
    assert!(text.starts_with('\u{feff}'));
    let mut lines = text.trim_start_matches('\u{feff}').to_owned();
    assert!(lines.starts_with("id,at,kind,outcome,actor_id,actor,actor_email,door,request,target_type,target_id,reason,before,after\n"));
    lines = lines.replace("\r\n", "\n");
    for cell in ["\"'=HYPERLINK(", "'@SUM(", "\"'+82-2-555-0100 으로 전화"] {
        assert!(lines.contains(cell), "{cell} in {lines}");
    }
    assert_eq!(lines.matches(",request.submitted,").count(), 3);
    let (_, bare) = take(&auditor, &format!("format=csv&target={ORG}")).await;
    assert!(!bare.contains("HYPERLINK") && !bare.contains("reason"));
}

#[tokio::test]
async fn ocsf_has_the_fields_of_its_version() {
    let desk = Desk::open().await;
    let (_, text) = take(&desk.token("auditor").await, "format=ocsf&action=request.,org.&openings=yes").await;
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(all.len() > 100);
    for event in &all {
        assert_eq!(
            (event["class_uid"].as_i64(), event["category_uid"].as_i64(), event["metadata"]["version"].as_str()),
            (Some(6003), Some(6), Some("1.6.0"))
        );
        assert_eq!(event["type_uid"].as_i64().unwrap(), 600_300 + event["activity_id"].as_i64().unwrap());
        for required in [&event["severity_id"], &event["time"], &event["status_id"]] {
            assert!(required.is_i64(), "{event}");
        }
        for required in [
            &event["actor"]["user"]["uid"],
            &event["api"]["operation"],
            &event["src_endpoint"]["name"],
            &event["metadata"]["product"]["name"],
        ] {
            assert!(required.is_string(), "{event}");
        }
    }
    let denied = all.iter().find(|event| event["api"]["operation"] == "request.denied").unwrap();
    assert_eq!((denied["status_id"].as_i64(), denied["status_detail"].as_str()), (Some(2), Some("denied")));
    assert!(denied["metadata"]["correlation_uid"].as_str().unwrap().starts_with("CR-"));
}

#[tokio::test]
async fn what_opens_leaves_needs_a_scope_of_its_own_and_exports_are_written_down() {
    let desk = Desk::open().await;
    for (who, reads, opens) in [
        ("auditor", true, true),
        ("admin", true, true),
        ("security", true, false),
        ("ops", true, false),
        ("approver", true, false),
        ("cs", false, false),
    ] {
        let token = desk.token(who).await;
        let (exported, denied) = (desk.count("ledger.exported").await, desk.count("access.denied").await);
        let (status, text) = take(&token, "action=request.submitted").await;
        assert_eq!(status, if reads { 200 } else { 403 }, "{who}");
        if reads {
            assert!(events(&text).0.iter().all(|event| event["opening"].is_null()), "{who}: not asked for");
        }
        let (status, _) = take(&token, "openings=yes&action=request.submitted").await;
        assert_eq!(status, if opens { 200 } else { 403 }, "{who}");
        let took = i64::from(reads) + i64::from(opens);
        assert_eq!((desk.count("ledger.exported").await - exported, desk.count("access.denied").await - denied), (took, 2 - took), "{who}");
    }
    // a token has no more than it was made for
    let narrow = desk.token_at(0, "auditor", &["ledger:read"]).await;
    assert_eq!((take(&narrow, "").await.0, take(&narrow, "openings=yes").await.0), (200, 403));
    assert_eq!(take(&narrow, "format=xls").await.0, 422);
    assert_eq!(take(&narrow, "acton=1&action=request.&outcome=bad").await.0, 422);
    let page = desk.sign_in("auditor").await.get("/ledger").await;
    assert_eq!(page.count("#export-openings"), 1);
    assert_eq!(desk.sign_in("sre").await.get("/ledger").await.count("#export-openings"), 0);
}

#[tokio::test]
async fn an_export_goes_on_after_any_event() {
    let desk = Desk::open().await;
    let auditor = desk.token("auditor").await;
    let all = ids(&events(&take(&auditor, "action=request.").await.1).0);
    for n in [0, 1, all.len() / 2, all.len() - 1] {
        let (rest, _) = events(&take(&auditor, &format!("action=request.&after={}", all[n])).await.1);
        assert_eq!(ids(&rest), all[n + 1..], "{n}");
    }
    assert_eq!(take(&auditor, "after=nothing").await.0, 400);
}

/// Passes everything on to a server, and hangs up on the first connections after so many bytes of the answer.
async fn cutting(base: &str, cuts: usize, after: usize) -> String {
    let (listener, base) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), base.trim_start_matches("http://").to_owned());
    let address = format!("http://{}", listener.local_addr().unwrap());
    let left = Arc::new(AtomicUsize::new(cuts));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (left, server) = (left.clone(), TcpStream::connect(&base).await.unwrap());
            tokio::spawn(async move {
                let cut = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
                let ((mut from_client, mut to_client), (mut from_server, mut to_server)) = (client.into_split(), server.into_split());
                let asking = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
                let (mut buffer, mut sent) = (vec![0; 4096], 0);
                while let Ok(n) = from_server.read(&mut buffer).await {
                    if n == 0 || (cut && sent > after) || to_client.write_all(&buffer[..n]).await.is_err() {
                        break;
                    }
                    sent += n;
                }
                asking.abort();
            });
        }
    });
    address
}

#[tokio::test]
async fn the_command_line_goes_on_where_the_stream_broke_off() {
    let desk = Desk::open().await;
    let auditor = desk.token("auditor").await;
    let file = std::env::temp_dir().join(format!("countersign-export-{}", std::process::id()));
    for format in ["ndjson", "csv", "ocsf"] {
        let filter = if format == "csv" { "--action=request.voted,request.submitted" } else { "--action=request." };
        let proxy = cutting(desk.base(0), 3, 20_000).await;
        let ended = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["ledger", "export", "--format", format, filter, "--openings", "--out", file.to_str().unwrap()])
            .env("COUNTERSIGN_URL", proxy)
            .env("COUNTERSIGN_TOKEN", &auditor.secret)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(0), "{format}: {said}");
        assert_eq!(said.matches("going on").count(), 3, "{format}: {said}");
        let written = std::fs::read_to_string(&file).unwrap();
        let (_, whole) = take(&auditor, &format!("format={format}&openings=yes&{}", filter.trim_start_matches("--"))).await;
        let lines =
            |text: &str| -> Vec<String> { text.lines().filter(|line| !line.starts_with("{\"complete\"")).map(str::to_owned).collect() };
        assert_eq!(lines(&written), lines(&whole), "{format}");
        if format == "ndjson" {
            events(&written);
        }
        let unique: BTreeSet<_> = lines(&written).into_iter().collect();
        assert_eq!(unique.len(), lines(&whole).len(), "{format}: nothing twice");
    }
    std::fs::remove_file(&file).unwrap();
    let wrong = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["ledger", "export", "acton:x"])
        .env("COUNTERSIGN_URL", desk.base(0))
        .env("COUNTERSIGN_TOKEN", &auditor.secret)
        .env("LANG", "en_US.UTF-8")
        .output()
        .await
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{}", String::from_utf8_lossy(&wrong.stderr));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("Character 1: acton: is not known"));
}
