//! The private PostgreSQL of the demo: kept, killed, taken up again, and gone when its owner is gone.
use sqlx::{Connection, PgConnection};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

struct Demo {
    child: Child,
    base: String,
}

async fn start(data: &Path) -> Demo {
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["demo", "--port", "0", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let base = loop {
        let line = lines.next_line().await.unwrap().expect("the demo says when it is ready");
        if let Some(base) = line.strip_prefix("ready ") {
            break base.to_owned();
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Demo { child, base }
}

fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("countersign-demo-test-{}", std::process::id()))
}

/// Whose server runs on this data, if one does.
fn server_of(data: &Path) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let pid: u32 = std::fs::read_to_string(data.join("postgres/data/postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()?;
    Some((pid, std::fs::metadata(format!("/proc/{pid}")).ok()?.uid()))
}

#[tokio::test]
async fn a_killed_demo_takes_its_database_along_and_finds_its_data_again() {
    let data = folder();
    let _ = std::fs::remove_dir_all(&data);
    let mut demo = start(&data).await;
    let (_, uid) = server_of(&data).expect("a server runs");
    assert_ne!(uid, 0, "never as root");
    let person = crate::support::Person::new(&demo.base);
    let page = person.get("/login").await;
    let fields = [("email", "admin@hanbit.example"), ("password", countersign::demo::PASSWORD)];
    assert_eq!(person.post_from(&page, "/login", &fields).await.status, 303);
    let id = person.ask("org.tier.fix", &[("org_id", crate::support::ORG), ("tier", "pro"), ("reason", crate::support::REASON)]).await;
    demo.child.kill().await.unwrap();
    for _ in 0..100 {
        if server_of(&data).is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(server_of(&data).is_none(), "the server outlived its owner");
    let again = start(&data).await;
    // the session is in the database, so even that is still there
    person.at(&again.base).get(&format!("/requests/{id}")).await.sees(&id);
    assert_eq!(
        verified(&data, &person.at(&again.base)).await,
        "",
        "everything that the demo was filled with is as the product would have written it"
    );
    drop(again);
    let _ = std::fs::remove_dir_all(&data);
}

/// What `countersign ledger verify` finds wrong, by the key that the ledger's page gives.
async fn verified(data: &Path, person: &crate::support::Person) -> String {
    let page = person.get("/ledger").await.text();
    let key = page.split_whitespace().find(|word| word.matches('+').count() >= 2).expect("a key").to_owned();
    let socket = data.join("postgres").to_string_lossy().replace('/', "%2F");
    let url = format!("postgres://countersign_app@localhost/countersign?host={socket}");
    let mut conn = PgConnection::connect(&url).await.unwrap();
    for _ in 0..60 {
        let left = "select (select count(*) from ledger.event) - (select count(*) from ledger.leaf)";
        if sqlx::query_scalar::<_, i64>(left).fetch_one(&mut conn).await.unwrap() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["ledger", "verify", "--key", &key])
        .env("DATABASE_URL", url)
        .output()
        .await
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { String::new() } else { said }
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_before_anything_else_happens() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = std::env::temp_dir().join("countersign-never-made");
    let output =
        Command::new(env!("CARGO_BIN_EXE_countersign")).args(["demo", "--port", &port, "--data"]).arg(&data).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("choose another port"));
    assert!(!data.exists());
}
