//! Taking the ledger away: whole, exact, harmless to spreadsheets, gone on with, and written down.
use crate::{
    log::sealed,
    support::{Desk, ORG, Token},
    verifier::PYTHON,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use countersign::ledger::{
    commitment, leaf_hash,
    note::{Checkpoint, SigningKey, VerifyingKey},
};
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

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/static/verify.py");

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

/// Something that began long ago and has not committed yet.
async fn late(desk: &Desk) -> (uuid::Uuid, PgConnection) {
    let (id, mut slow) = (uuid::Uuid::now_v7(), PgConnection::connect(&desk.app_url().await).await.unwrap());
    let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
    slow.execute("begin").await.unwrap();
    sqlx::query(
        "insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, leaf)
         values ($1, $2, 1, 'test.late', 'success', '00000000-0000-7000-8000-000000000003', 'console', '{}')",
    )
    .bind(id)
    .bind(chrono::DateTime::from_timestamp(seconds as i64, nanos))
    .execute(&mut slow)
    .await
    .unwrap();
    (id, slow)
}

#[tokio::test]
async fn exports_one_after_the_other_miss_nothing_while_others_write() {
    let desk = Desk::with(2, |_| {}).await;
    let (auditor, done) = (desk.token("auditor").await, Arc::new(AtomicBool::new(false)));
    let mut writers = Vec::new();
    for who in ["ops", "cs", "admin"] {
        let (done, token) = (done.clone(), desk.token(who).await);
        writers.push(tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                token.fix(json!({"org_id": ORG, "credit": rand::random_range(1..1000)})).await;
            }
        }));
    }
    let (mut next, mut all, mut refused, mut lates) = (0, Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        let (id, mut slow) = late(&desk).await;
        let began: String = sqlx::query_scalar("select event_id::text from ledger.event order by event_id desc limit 1")
            .fetch_one(&mut desk.owner().await)
            .await
            .unwrap();
        let commit = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            slow.execute("commit").await.unwrap();
        });
        let (exported, last) = events(&take(&auditor, &format!("from={next}")).await.1);
        let (some, same) = events(&take(&auditor, &format!("from={next}&action=request.submitted")).await.1);
        commit.await.unwrap();
        lates.push(id.to_string());
        let from = next;
        next = last["next"].as_i64().unwrap();
        let indexes: Vec<i64> = exported.iter().map(|event| event["index"].as_i64().unwrap()).collect();
        assert_eq!(indexes, (from..next).collect::<Vec<_>>(), "no gap, nothing twice, and the marker says how far");
        assert!(ids(&exported).contains(&began), "what was there when it began is in it");
        assert!(same["next"].as_i64().unwrap() >= next);
        all.extend(ids(&exported));
        refused.extend(some.into_iter().filter(|event| event["index"].as_i64().unwrap() < next));
    }
    done.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let (rest, last) = events(&take(&auditor, &format!("from={next}")).await.1);
    all.extend(ids(&rest));
    let size = last["next"].as_i64().unwrap();
    let log: Vec<(String, String)> = sqlx::query_as(
        "select l.event_id::text, e.kind from ledger.leaf l join ledger.event e using (event_id) where leaf_index < $1 order by leaf_index",
    )
    .bind(size)
    .fetch_all(&mut desk.owner().await)
    .await
    .unwrap();
    assert_eq!(all, log.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), "all of them, in the order of the log");
    assert!(lates.iter().all(|late| all.contains(late)), "those that committed late are in a later one");
    let submitted: Vec<&String> = log[..next as usize].iter().filter(|(_, kind)| kind == "request.submitted").map(|(id, _)| id).collect();
    assert_eq!(ids(&refused).iter().collect::<Vec<_>>(), submitted, "a filter, too");
    let (status, said) = take(&auditor, &format!("from={}", size + 1_000_000)).await;
    assert!(status == 422 && said.contains("from"), "somebody knows more than this database: {status} {said}");
    assert_eq!(take(&auditor, "from=-1").await.0, 400);
}

/// `countersign ledger verify --from`: with nothing of ours in the environment.
pub async fn verify_offline(file: &std::path::Path, key: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let ran = command.args(["ledger", "verify", "--from"]).arg(file).args(["--key", key]).args(more).env_clear().output().await.unwrap();
    (ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr))
}

#[tokio::test]
async fn an_export_verifies_without_us_and_every_byte_counts() {
    let desk = Desk::open().await;
    let auditor = desk.token("auditor").await;
    desk.token("ops").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let (_, text) = take(&auditor, "openings=yes").await;
    let key = desk.log().await.into_iter().find(|(name, _)| *name == "COUNTERSIGN_LEDGER_KEY").unwrap().1;
    let key = SigningKey::parse(&key).unwrap().verifying_key().to_string();
    let file = std::env::temp_dir().join(format!("countersign-offline-{}", std::process::id()));
    let verify = async |text: &[u8]| {
        std::fs::write(&file, text).unwrap();
        let ran = Command::new(*PYTHON).args(["-B", SCRIPT, "export", file.to_str().unwrap(), "--key", &key]).output().await.unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr))
    };
    let ours = async |text: &[u8], more: &[&str]| {
        std::fs::write(&file, text).unwrap();
        verify_offline(&file, &key, more).await
    };
    let (exported, last) = events(&text);
    let (status, said) = verify(text.as_bytes()).await;
    assert!(status == Some(0) && said.starts_with(&format!("OK {} events", exported.len())), "{said}");
    let (status, said) = ours(text.as_bytes(), &[]).await;
    assert!(status == Some(0) && said.contains(&format!("{} leaves, 1 checkpoints", exported.len())), "{said}");
    // a part of it, each event by its own proof, and a part in which there is nothing
    let (_, part) = take(&auditor, "openings=yes&proofs=yes&action=org.tier.fixed,request.denied").await;
    let (picked, end) = events(&part);
    assert!(end["part"] == true && picked.len() > 20 && picked.len() < exported.len(), "{end}");
    let (status, said) = verify(part.as_bytes()).await;
    assert!(status == Some(0) && said.starts_with(&format!("OK {} events are in the ledger", picked.len())), "{said}");
    let (status, said) = ours(part.as_bytes(), &[]).await;
    assert!(status == Some(0) && said.contains(&format!("{} events are in it, each by its own proof", picked.len())), "{said}");
    // and what came since: each by its own proof, and none between them is missing
    let (_, since) = take(&auditor, "from=5&proofs=yes").await;
    let count = events(&since).0.len();
    for (status, said) in [verify(since.as_bytes()).await, ours(since.as_bytes(), &[]).await] {
        assert!(status == Some(0) && said.contains(&format!("every event from 5 to {} is there", count + 4)), "{said}");
    }
    let gap: String = since.lines().enumerate().filter(|(n, _)| *n != 3).map(|(_, line)| format!("{line}\n")).collect();
    for (_, said) in [verify(gap.as_bytes()).await, ours(gap.as_bytes(), &[]).await] {
        assert!(!said.contains("every event"), "{said}");
    }
    let line = part.lines().nth(7).unwrap();
    for at in (0..line.len()).step_by(61) {
        let mut changed = part.clone().into_bytes();
        changed[part.lines().take(7).map(|line| line.len() + 1).sum::<usize>() + at] ^= 1;
        let (theirs, said) = verify(&changed).await;
        assert!(
            theirs == Some(1) && (said.contains(&format!("index {}:", picked[7]["index"])) || said.contains("line 8:") || at < 12),
            "{at}: {said}"
        );
        assert_eq!(ours(&changed, &[]).await.0, Some(1), "{at}");
    }
    let (_, unproven) = take(&auditor, "action=org.tier.fixed").await;
    assert!(verify(unproven.as_bytes()).await.1.contains("brings no proof along"));
    assert!(ours(unproven.as_bytes(), &[]).await.1.contains("brings no proof along"));
    let (_, nothing) = take(&auditor, "action=policy.replaced").await;
    assert_eq!((verify(nothing.as_bytes()).await.0, ours(nothing.as_bytes(), &[]).await.0), (Some(0), Some(0)), "{nothing}");
    let twice = part.replacen(line, &format!("{line}\n{line}"), 1);
    assert!(
        verify(twice.as_bytes()).await.1.contains("stands here twice") && ours(twice.as_bytes(), &[]).await.1.contains("stands here twice")
    );
    // one bit of an event, somewhere, one in each field
    for nth in [0, exported.len() / 2, exported.len() - 1] {
        let from = text.lines().take(nth).map(|line| line.len() + 1).sum::<usize>();
        let line = text.lines().nth(nth).unwrap();
        for at in (0..line.len()).step_by(97) {
            let mut changed = text.clone().into_bytes();
            changed[from + at] ^= 1;
            let (status, said) = verify(&changed).await;
            assert!(status == Some(1) && said.starts_with(&format!("WRONG index {nth}:")), "line {nth}, byte {at}: {said}");
            let (status, said) = ours(&changed, &[]).await;
            assert!(status == Some(1) && said.contains(&format!("leaf {nth}: ")), "line {nth}, byte {at}: {said}");
        }
    }
    // one proof, and the record that it is about
    let admin = desk.sign_in("auditor").await;
    let id = exported[exported.len() / 2]["event"]["id"].as_str().unwrap();
    let page = admin.get(&format!("/ledger/{id}")).await;
    let files: Vec<_> = ["#leaf-file", "#proof-file"].iter().map(|link| page.all(link, "href").remove(0)).collect();
    for (path, name) in files.iter().zip(["leaf", "proof"]) {
        let bytes = auditor.http.get(format!("{}{path}", auditor.base)).bearer_auth(&auditor.secret).send().await.unwrap();
        std::fs::write(file.with_extension(name), bytes.bytes().await.unwrap()).unwrap();
    }
    let (proof, leaf) = (file.with_extension("proof"), file.with_extension("leaf"));
    let arguments = ["proof", proof.to_str().unwrap(), leaf.to_str().unwrap(), "--key", &key];
    let ran = Command::new(*PYTHON).args(["-B", SCRIPT]).args(arguments).output().await.unwrap();
    assert!(String::from_utf8_lossy(&ran.stdout).starts_with(&format!("OK event {} is in the ledger", exported.len() / 2)));
    for file in [proof, leaf] {
        std::fs::remove_file(file).unwrap();
    }
    // the same two files, and a checkpoint, by the command line
    let folder = file.with_extension("proofs");
    std::fs::create_dir_all(&folder).unwrap();
    let cli = async |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.arg("ledger").args(arguments).env("COUNTERSIGN_URL", &auditor.base).env("COUNTERSIGN_TOKEN", &auditor.secret);
        let ran = command.output().await.unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr))
    };
    let (status, said) = cli(&["prove", id, "--out", folder.to_str().unwrap()]).await;
    assert_eq!(status, Some(0), "{said}");
    let [proof, leaf] = ["tlog-proof", "leaf"].map(|ending| folder.join(format!("{id}.{ending}")));
    let arguments = ["proof", proof.to_str().unwrap(), leaf.to_str().unwrap(), "--key", &key];
    let ran = Command::new(*PYTHON).args(["-B", SCRIPT]).args(arguments).output().await.unwrap();
    assert!(String::from_utf8_lossy(&ran.stdout).starts_with(&format!("OK event {} is in the ledger", exported.len() / 2)));
    assert_eq!(cli(&["prove", "01900000-0000-7000-8000-000000000000"]).await.0, Some(2), "there is no such event");
    let (status, note) = cli(&["checkpoint"]).await;
    let said = Checkpoint::open(&note, &[VerifyingKey::parse(&key).unwrap()]).unwrap();
    assert!(status == Some(0) && said.size >= exported.len() as u64, "{note}");
    std::fs::remove_dir_all(folder).unwrap();
    let cut = text.lines().take(exported.len()).map(|line| format!("{line}\n")).collect::<String>();
    assert!(verify(cut.as_bytes()).await.1.contains("cut off") && ours(cut.as_bytes(), &[]).await.1.contains("cut off"));
    let shorter = text.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>();
    assert!(verify(shorter.as_bytes()).await.1.starts_with("WRONG index 0"));
    assert!(ours(shorter.as_bytes(), &[]).await.1.contains("leaf 1: stands where leaf 0 should"));
    assert_eq!(verify_offline(&file, &SigningKey::generate("other").unwrap().verifying_key().to_string(), &[]).await.0, Some(1));
    assert_eq!(verify_offline(&file, "nonsense", &[]).await.0, Some(1), "that is no key");
    let forged = text.replace(&format!("\"next\":{}", last["next"]), "\"next\":1");
    assert_eq!(verify(forged.as_bytes()).await.0, Some(0), "only what is signed is believed");
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn a_line_of_ndjson_has_the_exact_leaf_and_what_opens_it() {
    let desk = Desk::open().await;
    let auditor = desk.token("auditor").await;
    desk.token("ops").await.fix(json!({"org_id": ORG, "tier": "pro"})).await;
    let (_, text) = take(&auditor, "openings=yes&action=request.submitted,request.denied,org.tier.fixed").await;
    let (exported, _) = events(&text);
    assert!(exported.len() > 100 && exported.iter().all(|event| event["index"].is_i64()));
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
    assert!(
        lines.starts_with("id,at,kind,outcome,actor_id,actor,door,request,target_type,target_id,index,reason,before,after,actor_email\n")
    );
    lines = lines.replace("\r\n", "\n");
    for cell in ["\"'=HYPERLINK(", "'@SUM(", "\"'+82-2-555-0100 으로 전화"] {
        assert!(lines.contains(cell), "{cell} in {lines}");
    }
    assert_eq!(lines.matches(",request.submitted,").count(), 3);
    let (_, bare) = take(&auditor, &format!("format=csv&target={ORG}")).await;
    assert!(!bare.contains("HYPERLINK") && !bare.contains("reason") && !bare.contains('@'), "{bare}");
    assert!(lines.contains("ops@hanbit.example"), "who may take reasons away may know whose they are");
}

#[tokio::test]
async fn ocsf_has_the_fields_of_its_version() {
    let desk = Desk::open().await;
    sealed(&desk).await;
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
        let proxy = cutting(desk.base(0), 3, 10_000).await;
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
