//! The log over the ledger: what is signed, what may run, and what is found when somebody changes the past.
use crate::support::{Desk, ORG, Token};
use countersign::{
    ledger::note::{LogProof, SigningKey},
    operations::form::grouped,
};
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::{PgConnection, Row};
use std::{
    process::Output,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    time::Duration,
};
use tokio::process::Command;

pub async fn fix(token: &Token, credit: i64) -> String {
    let (status, request) = token.fix(json!({"org_id": ORG, "credit": credit})).await;
    assert_eq!(status, 201, "{request}");
    request["id"].as_str().unwrap().to_owned()
}

/// As many as are asked for, approved and done.
pub async fn history(desk: &Desk, changes: i64) {
    let (ops, approver, watcher) = (desk.token("ops").await, desk.token("approver").await, desk.sign_in("ops").await);
    for _ in 0..changes {
        // never what it is already
        static CREDIT: AtomicI64 = AtomicI64::new(1_000);
        let id = fix(&ops, CREDIT.fetch_add(1, Relaxed)).await;
        assert_eq!(approver.vote(&id, "approve", None).await.0, 200);
        watcher.until(&id, "succeeded").await;
    }
    sealed(desk).await;
}

/// Until every event is under a published checkpoint.
pub async fn sealed(desk: &Desk) {
    let mut owner = desk.owner().await;
    for _ in 0..200 {
        let row =
            sqlx::query("select (select count(*) from ledger.pending) as pending, (select published_size = size from ledger.head) as done")
                .fetch_one(&mut owner)
                .await
                .unwrap();
        if row.get::<i64, _>("pending") == 0 && row.get::<Option<bool>, _>("done") == Some(true) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the sequencer does not come to an end");
}

pub async fn verify(desk: &Desk) -> (bool, String) {
    verify_with(desk, &[]).await
}

pub async fn verify_with(desk: &Desk, arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["ledger", "verify"])
        .args(arguments)
        .env("DATABASE_URL", desk.url_as("countersign_auditor").await)
        .envs(desk.log().await)
        .output()
        .await
        .unwrap();
    (status.success(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// Does to the database what only its owner can.
pub async fn tamper(owner: &mut PgConnection, table: &str, statement: &str) {
    for sql in
        [format!("alter table {table} disable trigger user"), statement.to_owned(), format!("alter table {table} enable trigger user")]
    {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *owner).await.unwrap();
    }
}

#[tokio::test]
async fn every_event_is_a_leaf_and_all_of_it_can_be_checked() {
    let desk = Desk::with(2, |_| {}).await;
    history(&desk, 6).await;
    let (whole, said) = verify(&desk).await;
    assert!(whole, "{said}");
    let mut owner = desk.owner().await;
    let (events, leaves): (i64, i64) = sqlx::query_as("select (select count(*) from ledger.event), (select count(*) from ledger.leaf)")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert!(events == leaves && said.contains(&format!("{leaves} leaves")), "{events} events, {leaves} leaves: {said}");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_that_is_approved_runs_before_its_approval_is_published() {
    let folder = std::env::temp_dir().join(format!("countersign-copy-{}", std::process::id()));
    let copy = folder.join("checkpoints.ndjson");
    let desk = Desk::with(1, |config| config.ledger.as_mut().unwrap().copy.clone_from(&copy)).await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let id = fix(&ops, 7_000).await;
    approver.vote(&id, "approve", None).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(ops.get(&format!("/api/requests/{id}")).await.1["state"], "approved", "the copy has no place to be written to");
    std::fs::create_dir(&folder).unwrap();
    desk.sign_in("ops").await.until(&id, "succeeded").await;
    assert!(std::fs::read_to_string(&copy).unwrap().contains("test.countersign.example/ledger"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn whoever_changes_the_past_is_found_out_and_named() {
    let desk = Desk::open().await;
    history(&desk, 3).await;
    let mut owner = desk.owner().await;
    let size: i64 = sqlx::query_scalar("select size from ledger.head").fetch_one(&mut owner).await.unwrap();
    let (index, event, partition, leaf): (i64, uuid::Uuid, String, String) = sqlx::query_as(
        "select l.leaf_index, e.event_id, e.tableoid::regclass::text, encode(e.leaf, 'hex') from ledger.leaf l join ledger.event e using (event_id)
         where e.kind = 'org.tier.fixed' order by 1 desc limit 1",
    )
    .fetch_one(&mut owner)
    .await
    .unwrap();
    let details = partition.replace("event_", "detail_");
    let here = format!("leaf {index} (event {event})");
    let (this, next) = (format!("event_id = '{event}'"), index + 1);
    let hash: String = sqlx::query_scalar("select encode(hash, 'hex') from ledger.leaf where leaf_index = $1")
        .bind(index)
        .fetch_one(&mut owner)
        .await
        .unwrap();
    // whole rows change places: each is right by itself
    let swapped = format!(
        "update ledger.leaf set leaf_index = 4000000000 where leaf_index = {index}; update ledger.leaf set leaf_index = {index} where leaf_index = {next};
         update ledger.leaf set leaf_index = {next} where leaf_index = 4000000000"
    );
    for (what, table, statement, undo, expected) in [
        (
            "a changed column",
            &*partition,
            format!("update {partition} set outcome = 'failure' where {this}"),
            format!("update {partition} set outcome = 'success' where {this}"),
            format!("{here}: its column outcome"),
        ),
        (
            "a changed leaf",
            &*partition,
            format!("update {partition} set leaf = overlay(leaf placing '\\x58' from 9 for 1) where {this}"),
            format!("update {partition} set leaf = '\\x{leaf}' where {this}"),
            format!("{here}: its leaf was changed"),
        ),
        (
            "words that hide it from those who look for it",
            &*details,
            format!("update {details} set words = reverse(words) where {this}"),
            format!("update {details} set words = reverse(words) where {this}"),
            format!("{here}: it is found by other words"),
        ),
        (
            "marks that hide it from those who look for its actor",
            &*details,
            format!("update {details} set marks[1] = reverse(marks[1]) where {this}"),
            format!("update {details} set marks[1] = reverse(marks[1]) where {this}"),
            format!("{here}: it is found by other words"),
        ),
        (
            "another reason",
            &*details,
            format!("update {details} set data = data || '{{\"reason\": \"아무 일도 없었습니다.\"}}' where {this}"),
            format!("select 1 from {details} limit 1"),
            format!("{here}: its reason, before or after"),
        ),
        (
            "swapped leaves",
            "ledger.leaf",
            format!("update ledger.leaf set hash = (select hash from ledger.leaf where leaf_index = {next}) where leaf_index = {index}"),
            format!("update ledger.leaf set hash = '\\x{hash}' where leaf_index = {index}"),
            format!("{here}: its leaf was changed"),
        ),
        (
            "a hash of which proofs are made",
            "ledger.tile",
            "update ledger.tile set hashes = overlay(hashes placing decode(repeat('58', 32), 'hex') from 33 for 32) where level = 0 and n = 0".into(),
            "update ledger.tile set hashes = overlay(hashes placing (select hash from ledger.leaf where leaf_index = 1) from 33 for 32) where level = 0 and n = 0"
                .into(),
            "tile 0/0: is not what the leaves below it make".into(),
        ),
        (
            "a leaf that no checkpoint will ever cover",
            "ledger.leaf",
            format!("insert into ledger.leaf select {size} + 1000, gen_random_uuid(), now(), sha256('x'::bytea)"),
            format!("delete from ledger.leaf where leaf_index > {size} + 999"),
            format!("leaf {}: stands behind the", size + 1_000),
        ),
        (
            "swapped rows",
            "ledger.leaf",
            swapped.clone(),
            swapped,
            format!("checkpoint {size}: the leaves before it are not those that were signed"),
        ),
        (
            "a removed event",
            &*partition,
            format!("delete from {partition} where {this}"),
            "select 1".to_owned(),
            format!("{here}: its event was removed"),
        ),
    ] {
        tamper(&mut owner, table, &statement).await;
        let (whole, said) = verify(&desk).await;
        assert!(!whole && said.contains(&expected), "{what}: {said}");
        tamper(&mut owner, table, &undo).await;
    }
    // the end of the log, with its checkpoints: only the copy outside knows of it
    let end = size - 2;
    for (table, statement) in [
        ("ledger.leaf", format!("delete from ledger.leaf where leaf_index >= {end}")),
        ("ledger.checkpoint", format!("delete from ledger.checkpoint where size > {end}")),
        ("ledger.head", format!("update ledger.head set published_size = {end}, size = {end}")),
    ] {
        tamper(&mut owner, table, &statement).await;
    }
    let (whole, said) = verify(&desk).await;
    assert!(!whole && said.contains(&format!("published checkpoint {size}: the log has {end} leaves only")), "{said}");
}

#[tokio::test]
async fn another_key_is_refused_when_checking_and_when_starting() {
    let mut desk = Desk::open().await;
    history(&desk, 1).await;
    let other = SigningKey::generate("test.countersign.example/ledger").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["ledger", "verify", "--key", &other.verifying_key().to_string()])
        .env("DATABASE_URL", desk.url_as("countersign_auditor").await)
        .output()
        .await
        .unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stdout).contains("no known key has signed it"));
    desk.stop_all().await;
    let start = |key: String| {
        let (url, log) = (desk.app_url(), desk.log());
        async move {
            let child = Command::new(env!("CARGO_BIN_EXE_countersign"))
                .arg("serve")
                .env("DATABASE_URL", url.await)
                .env("COUNTERSIGN_LISTEN", "127.0.0.1:0")
                .envs(log.await)
                .env("COUNTERSIGN_LEDGER_KEY", key)
                .kill_on_drop(true)
                .output();
            let output = tokio::time::timeout(Duration::from_secs(10), child).await.expect("it does not start");
            String::from_utf8_lossy(&output.unwrap().stderr).into_owned()
        }
    };
    let said = start(other.secret().expose_secret().to_owned()).await;
    assert!(said.contains("COUNTERSIGN_LEDGER_KEY") && said.contains("no known key has signed it"), "{said}");
    let elsewhere = SigningKey::generate("other.example/ledger").unwrap();
    assert!(start(elsewhere.secret().expose_secret().to_owned()).await.contains("is a key of other.example/ledger"));
    assert!(start("nonsense".into()).await.contains("COUNTERSIGN_LEDGER_KEY is no signing key"));
}

#[tokio::test]
async fn a_database_that_is_older_than_what_was_published_of_it_signs_nothing_and_says_why() {
    let desk = Desk::open().await;
    history(&desk, 2).await;
    let mut owner = desk.owner().await;
    // as a backup would be that was made before the last events
    let size: i64 = sqlx::query_scalar("select size from ledger.head").fetch_one(&mut owner).await.unwrap();
    let end: i64 = sqlx::query_scalar("select size from ledger.checkpoint where size < $1 order by size desc limit 1")
        .bind(size)
        .fetch_one(&mut owner)
        .await
        .unwrap();
    let root: Vec<u8> =
        sqlx::query_scalar("select root from ledger.checkpoint where size = $1").bind(end).fetch_one(&mut owner).await.unwrap();
    let root: String = root.iter().map(|b| format!("{b:02x}")).collect();
    for (table, statement) in [
        ("ledger.leaf", format!("delete from ledger.leaf where leaf_index >= {end}")),
        ("ledger.checkpoint", format!("delete from ledger.checkpoint where size > {end}")),
        ("ledger.head", format!("update ledger.head set published_size = {end}, size = {end}, root = '\\x{root}'")),
    ] {
        tamper(&mut owner, table, &statement).await;
    }
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let id = fix(&ops, 9_000).await;
    approver.vote(&id, "approve", None).await;
    let why = format!("the database has {end} leaves, and {size} were published");
    let halted = |text: String| text.contains(&why);
    for _ in 0..100 {
        if halted(reqwest::get(format!("{}/readyz", desk.base(0))).await.unwrap().text().await.unwrap()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let auditor = desk.sign_in("auditor").await;
    let page = auditor.get("/ledger").await;
    let told = format!("서명된 기록은 {}건인데 공개된 기록은 {}건이어서", grouped(end), grouped(size));
    page.sees(&told);
    assert!(page.find("#resume").is_none(), "an auditor cannot ask how it goes on");
    let security = desk.sign_in("security").await;
    security.get("/ledger").await.sees(&told).find("#resume").expect("what to do next");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(ops.get(&format!("/api/requests/{id}")).await.1["state"], "approved");
}

#[tokio::test]
async fn an_event_is_proved_step_by_step_and_as_a_file() {
    let desk = Desk::open().await;
    history(&desk, 2).await;
    let auditor = desk.sign_in("auditor").await;
    let (event, leaf): (uuid::Uuid, Vec<u8>) =
        sqlx::query_as("select event_id, leaf from ledger.event where kind = 'org.tier.fixed' order by event_id desc limit 1")
            .fetch_one(&mut desk.owner().await)
            .await
            .unwrap();
    let page = auditor.get(&format!("/ledger/{event}")).await;
    page.sees("증명됨");
    assert_eq!(page.count("#proof-steps li"), 3);
    let file = auditor.get(&format!("/ledger/{event}/proof")).await;
    let log = desk.log().await;
    let key = SigningKey::parse(&log[1].1).unwrap().verifying_key();
    let proof: LogProof = file.body.parse().unwrap();
    let checkpoint = proof.verify(&leaf, std::slice::from_ref(&key)).unwrap();
    let newest = auditor.get("/ledger/checkpoint").await;
    assert!(newest.body.contains(&format!("\n{}\n", checkpoint.size)) || newest.body.starts_with("test.countersign.example/ledger\n"));
    let mut other = leaf.clone();
    other[20] ^= 1;
    assert!(proof.verify(&other, &[key]).is_err());
    // the tiles are there for others, and nothing else is
    assert_eq!(auditor.get("/ledger/tile/0/000.p/5").await.status, 200);
    for missing in ["/ledger/tile/0/999", "/ledger/tile/9/000", "/ledger/tile/0/000.p/0", "/ledger/tile/nonsense"] {
        assert_eq!(auditor.get(missing).await.status, 404, "{missing}");
    }
    assert_eq!(desk.sign_in("cs").await.get("/ledger/checkpoint").await.status, 403);
}

#[tokio::test]
async fn the_application_cannot_touch_the_log() {
    let desk = Desk::open().await;
    history(&desk, 1).await;
    for (role, statements) in [
        (
            "countersign_app",
            vec![
                "insert into ledger.leaf values (999999, gen_random_uuid(), now(), '\\x00')",
                "update ledger.head set size = 1",
                "update ledger.tile set hashes = '\\x00'",
                "delete from ledger.checkpoint",
                "delete from ledger.pending",
                "truncate ledger.leaf",
                "alter table ledger.leaf disable trigger all",
                "update ledger.event set outcome = 'success'",
            ],
        ),
        (
            "countersign_sequencer",
            vec![
                "update ledger.leaf set leaf_index = leaf_index + 1",
                "delete from ledger.leaf",
                "update ledger.checkpoint set note = ''",
                "delete from ledger.tile",
                "update ledger.head set origin = 'other'",
                "update ledger.head set size = size - 1",
                "update ledger.tile set hashes = substr(hashes, 1, 32) where octet_length(hashes) > 32",
                "update request set state = 'succeeded'",
                "select * from operator",
                "insert into ledger.event select * from ledger.event limit 1",
            ],
        ),
    ] {
        let mut conn = <PgConnection as sqlx::Connection>::connect(&desk.url_as(role).await).await.unwrap();
        for statement in statements {
            let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut conn).await;
            assert!(refused.is_err(), "{role} could {statement}");
        }
    }
}
