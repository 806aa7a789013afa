//! Months that go: exported, vouched for, dropped, and everything that proves them still there.
use crate::{
    exports::verify_offline,
    log::{sealed, tamper},
    personal::verified,
    support::{Desk, ORG, REASON, write_in_clear},
    verifier::PYTHON,
};
use countersign::{
    auth::Service,
    ledger::{Entry, commitment, leaf_hash, note::SigningKey, seal},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Row};
use std::{path::PathBuf, process::Output};
use tokio::process::Command;
use uuid::Uuid;

/// So many events in each old month.
const EVENTS: u32 = 40;

/// Events as they were written so long ago, waiting for the sequencer; answers the first.
async fn long_ago(owner: &mut PgConnection, month: &str) -> Uuid {
    let start: chrono::DateTime<chrono::Utc> = format!("{month}-03T09:00:00Z").parse().unwrap();
    let mut first = None;
    for n in 0..EVENTS {
        let entry = Entry::of("session.opened").on("org", ORG).with("n", n).because(REASON);
        let e = seal(Service::Console.id(), "console", None, start + chrono::TimeDelta::hours(n.into()), 1, entry).unwrap();
        write_in_clear(owner, &e).await;
        first.get_or_insert(e.id);
    }
    first.unwrap()
}

struct Retirement<'a> {
    desk: &'a Desk,
    folder: PathBuf,
}

impl Retirement<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    async fn retire(&self, month: &str, name: &str) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["--json", "ledger", "retire", month, "--export"])
            .arg(self.file(name))
            .env("DATABASE_OWNER_URL", self.desk.owner_url().await)
            .output()
            .await
            .unwrap();
        (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
    }

    async fn refused(&self, month: &str, why: &str) {
        let (code, said) = self.retire(month, "refused.ndjson").await;
        assert!(code == Some(3) && said.contains(why), "{month}: {code:?} {said}");
        assert!(!self.file("refused.ndjson").exists(), "{month}: nothing is written where it is refused");
    }
}

#[tokio::test]
async fn a_month_is_exported_and_dropped_and_all_of_it_can_still_be_proved() {
    let mut desk = Desk::closed().await;
    let folder = std::env::temp_dir().join(format!("countersign-it-{}-retired", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let mut owner = desk.owner().await;
    sqlx::query("select ledger.prepare_partitions('2024-01-01', 0)").execute(&mut owner).await.unwrap();
    let first = long_ago(&mut owner, "2024-01").await;
    let second = long_ago(&mut owner, "2024-02").await;
    {
        let r = Retirement { desk: &desk, folder: folder.clone() };
        r.refused("2024-01", "are not under a published checkpoint").await;
    }
    desk.start_replica(&|_| {}).await;
    sealed(&desk).await;
    let r = Retirement { desk: &desk, folder };
    let now = chrono::Utc::now();
    for month in [now, now - chrono::TimeDelta::days(31), now - chrono::TimeDelta::days(360)] {
        r.refused(&month.format("%Y-%m").to_string(), "cannot be retired yet").await;
    }
    r.refused("2030-01", "cannot be retired yet").await;
    r.refused("2023-12", "There are no events of 2023-12").await;
    r.refused("2024-02", "Events of 2024-01 are still here").await;
    for nonsense in ["2024", "2024-1", "2024-01-01", "../../x"] {
        assert_eq!(r.retire(nonsense, "refused.ndjson").await.0, Some(2), "{nonsense}");
    }
    let open: i64 = sqlx::query_scalar("select max(id) from request where state = 'pending'").fetch_one(&mut owner).await.unwrap();
    let backdate = |at: &str| format!("update request set created_at = {at} where id = {open}");
    tamper(&mut owner, "request", &backdate("'2024-01-15'")).await;
    r.refused("2024-01", &format!("CR-{open} was submitted before the end of that month")).await;
    tamper(&mut owner, "request", &backdate("now()")).await;
    std::fs::write(r.file("there.ndjson"), "mine").unwrap();
    assert_eq!(r.retire("2024-01", "there.ndjson").await.0, Some(3), "nothing is overwritten");
    assert_eq!(std::fs::read(r.file("there.ndjson")).unwrap(), b"mine");

    // dropped, an altered event would look as if it had always been so
    let alter = |from: &str, to: &str| {
        format!(
            "update ledger.event_2024_01 set leaf = replace(convert_from(leaf, 'UTF8'), '{from}', '{to}')::bytea where event_id = '{first}'"
        )
    };
    tamper(&mut owner, "ledger.event_2024_01", &alter("session.opened", "session.closed")).await;
    r.refused("2024-01", &first.to_string()).await;
    tamper(&mut owner, "ledger.event_2024_01", &alter("session.closed", "session.opened")).await;

    let auditor = desk.sign_in("auditor").await;
    let before = auditor.get(&format!("/ledger/{first}/proof")).await.body;
    let (code, said) = r.retire("2024-01", "2024-01.ndjson").await;
    assert_eq!(code, Some(0), "{said}");
    let said: Value = serde_json::from_str(&said).unwrap();
    let file = std::fs::read(r.file("2024-01.ndjson")).unwrap();
    assert_eq!(said["sha256"], countersign::requests::hex(&Sha256::digest(&file)));
    let lines: Vec<Value> = file.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect();
    assert!(lines.len() as u32 == EVENTS && said["events"] == EVENTS);
    for line in &lines {
        let hash: Vec<u8> = sqlx::query_scalar("select hash from ledger.leaf where leaf_index = $1")
            .bind(line["index"].as_i64())
            .fetch_one(&mut owner)
            .await
            .unwrap();
        let leaf = line["leaf"].as_str().unwrap();
        assert_eq!(leaf_hash(leaf.as_bytes())[..], hash);
        let salt = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, line["opening"]["salt"].as_str().unwrap()).unwrap();
        let leaf: Value = serde_json::from_str(leaf).unwrap();
        assert_eq!(leaf["detail"], json!(commitment(&salt.try_into().unwrap(), &line["opening"]["detail"]).unwrap()));
    }
    auditor.get("/ledger").await.sees("2024-01까지의 기록은").find("#retired a").unwrap();
    assert_eq!(auditor.get("/ledger?action=ledger.retired").await.count("#rows tbody tr"), 1);
    let gone: bool =
        sqlx::query_scalar("select to_regclass('ledger.event_2024_01') is null and to_regclass('ledger.detail_2024_01') is null")
            .fetch_one(&mut owner)
            .await
            .unwrap();
    assert!(gone);
    let (whole, told) = verified(&desk).await;
    assert!(whole, "{told}");
    assert_eq!(desk.broken_invariants().await, Vec::<String>::new());

    // an export says of each what is left of it, and both verifiers go on from there
    let token = desk.token("auditor").await;
    let exported = token.http.get(format!("{}/ledger/export?openings=yes", token.base)).bearer_auth(&token.secret).send().await.unwrap();
    let exported = exported.text().await.unwrap();
    assert_eq!(exported.lines().filter(|line| line.contains(r#""retired":"2024-01""#)).count() as u32, EVENTS);
    std::fs::write(r.file("now.ndjson"), &exported).unwrap();
    let key = desk.log().await.into_iter().find(|(name, _)| *name == "COUNTERSIGN_LEDGER_KEY").unwrap().1;
    let key = SigningKey::parse(&key).unwrap().verifying_key().to_string();
    let (status, told) = verify_offline(&r.file("now.ndjson"), &key, &[]).await;
    assert!(status == Some(0) && told.contains(&format!("{EVENTS} went with retired months")), "{told}");
    let verify_py = async |month: &str| {
        let mut command = Command::new(*PYTHON);
        command.args(["-B", concat!(env!("CARGO_MANIFEST_DIR"), "/static/verify.py"), "export"]).arg(r.file("now.ndjson"));
        let ran = command.arg("--retired").arg(r.file(month)).args(["--key", &key]).output().await.unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr))
    };
    let (status, told) = verify_py("2024-01.ndjson").await;
    assert!(status == Some(0) && told.contains(&format!("of {EVENTS} events that were retired only the hashes are here")), "{told}");
    std::fs::write(r.file("forged.ndjson"), String::from_utf8_lossy(&file).replace("session.opened", "session.closed")).unwrap();
    let (status, told) = verify_py("forged.ndjson").await;
    assert!(status == Some(1) && told.contains("the file of its month has another leaf"), "{told}");
    // and nobody hides another event behind a month that was retired
    let mut one = false;
    let mut hides = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let leaf = line["leaf"].as_str().filter(|leaf| leaf.contains("request.approved") && !std::mem::replace(&mut one, true))?;
        let hash = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, leaf_hash(leaf.as_bytes()));
        Some(json!({"index": line["index"], "hash": hash, "retired": "2024-01"}).to_string())
    };
    let hidden = exported.lines().map(|line| hides(line).unwrap_or_else(|| line.to_owned()) + "\n").collect::<String>();
    std::fs::write(r.file("now.ndjson"), hidden).unwrap();
    let (status, told) = verify_offline(&r.file("now.ndjson"), &key, &[]).await;
    assert!(status == Some(1) && told.contains("retired month 2024-01"), "{told}");
    let (status, told) = verify_py("2024-01.ndjson").await;
    assert!(status == Some(1) && told.contains("retired month 2024-01"), "{told}");
    // whoever says of an event that it was retired, and has not its hash, is found out
    let shorter = exported.lines().filter(|line| !line.contains(r#""retired""#)).map(|line| format!("{line}\n")).collect::<String>();
    std::fs::write(r.file("now.ndjson"), shorter).unwrap();
    assert!(verify_offline(&r.file("now.ndjson"), &key, &[]).await.1.contains("stands where leaf"), "nothing goes without a word");

    // its page says where it went, and its proof is the one it always was
    let page = auditor.get(&format!("/ledger/{first}")).await;
    page.sees("2024-01").sees("2024-01.ndjson").sees(said["sha256"].as_str().unwrap());
    let by = auditor.get(&page.all("#vouched", "href")[0]).await;
    by.sees("지난 달 기록 반출").sees("증명됨").sees(said["sha256"].as_str().unwrap());
    let after = auditor.get(&format!("/ledger/{first}/proof")).await;
    assert_eq!(before.lines().nth(1), after.body.lines().nth(1));
    assert_eq!(auditor.get(&format!("/ledger/{second}")).await.status, 200);
    assert_eq!(auditor.get(&format!("/ledger/{}", Uuid::now_v7())).await.status, 404);
    r.refused("2024-01", "There are no events of 2024-01").await;

    // a month that went without being vouched for is noticed, and so is an event that vouches for something else
    let row = sqlx::query("select event_id, leaf from ledger.retirement").fetch_one(&mut owner).await.unwrap();
    tamper(
        &mut owner,
        "ledger.retirement",
        "update ledger.retirement set leaf = replace(convert_from(leaf, 'UTF8'), '\"events\":40', '\"events\":41')::bytea",
    )
    .await;
    let (whole, told) = verified(&desk).await;
    assert!(!whole && told.contains("retired month 2024-01: the event that vouches for it is not the one in the log"), "{told}");
    let leaf = countersign::requests::hex(row.get::<&[u8], _>("leaf"));
    tamper(&mut owner, "ledger.retirement", &format!("update ledger.retirement set leaf = '\\x{leaf}'")).await;
    sqlx::raw_sql("drop table ledger.event_2024_02, ledger.detail_2024_02").execute(&mut owner).await.unwrap();
    let (whole, told) = verified(&desk).await;
    assert!(!whole && told.contains(&format!("(event {second}): its event was removed")), "{told}");
    assert!(!told.contains("BROKEN: retired month"), "{told}");
    std::fs::remove_dir_all(&r.folder).unwrap();
}

#[tokio::test]
async fn a_running_replica_makes_the_next_months_by_itself() {
    let mut desk = Desk::closed().await;
    let mut owner = desk.owner().await;
    let ahead: Vec<String> = sqlx::query_scalar("select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'ledger.event'::regclass order by 1 desc limit 2")
        .fetch_all(&mut owner).await.unwrap();
    for name in &ahead {
        let sql = format!("drop table ledger.{name}, ledger.{}", name.replace("event", "detail"));
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut owner).await.unwrap();
    }
    desk.start_replica(&|_| {}).await;
    for _ in 0..100 {
        let there: i64 =
            sqlx::query_scalar("select count(*) from unnest($1::text[]) name where to_regclass('ledger.' || name) is not null")
                .bind(&ahead)
                .fetch_one(&mut owner)
                .await
                .unwrap();
        if there == 2 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{ahead:?} are not made");
}
