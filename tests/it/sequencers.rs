//! Sequencers are killed, and once the database itself, while many write: every acknowledged event gets its leaf, exactly one.
use crate::support::Desk;
use countersign::{
    db::{
        embedded::{Durability, Postgres},
        migrations,
    },
    ledger::{
        Entry,
        log::audit,
        note::{SigningKey, VerifyingKey},
        seal,
    },
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};
use std::{
    collections::HashSet,
    path::Path,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::process::{Child, Command};
use uuid::Uuid;

const KILLS: usize = 20;
const WRITERS: usize = 24;
const ORIGIN: &str = "chaos.example/ledger";

/// A replica that works and sequences, and serves nobody.
fn sequencer(postgres: &Postgres, key: &str, copy: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["serve", "--worker-only"])
        .env("DATABASE_URL", postgres.app_url("log"))
        .env("COUNTERSIGN_LEDGER_DATABASE_URL", postgres.url("countersign_sequencer", "log"))
        .env("COUNTERSIGN_LEDGER_KEY", key)
        .env("COUNTERSIGN_LEDGER_COPY", copy)
        .env("COUNTERSIGN_LEDGER_MILLISECONDS", "20")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_together_sign_once_a_second() {
    let desk = Desk::with(2, |config| config.ledger.as_mut().unwrap().every = Duration::from_secs(1)).await;
    let mut owner = desk.owner().await;
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        desk.token("ops").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let times: Vec<chrono::DateTime<chrono::Utc>> =
        sqlx::query_scalar("select signed_at from ledger.checkpoint order by size").fetch_all(&mut owner).await.unwrap();
    assert!(times.len() >= 3, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= chrono::TimeDelta::seconds(1)), "{times:?}");
}

/// Writes one event as the application does; rolls some back, and takes its time over others. Answers the event if its commit was
/// acknowledged.
async fn write(conn: &mut PgConnection, random: &mut StdRng) -> sqlx::Result<Option<Uuid>> {
    let mut tx = conn.begin().await?;
    let (actor, at): (Uuid, chrono::DateTime<chrono::Utc>) =
        sqlx::query_as("select '00000000-0000-7000-8000-000000000003'::uuid, date_trunc('milliseconds', clock_timestamp())")
            .fetch_one(&mut *tx)
            .await?;
    let sealed =
        seal(actor, "console", None, at, random.random_range(0..4000), Entry::of("chaos.written")).expect("an entry can be sealed");
    sqlx::query(
        "insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, leaf) values ($1, $2, 1, $3, $4, $5, $6, $7)",
    )
    .bind(sealed.id)
    .bind(sealed.at)
    .bind(sealed.kind)
    .bind(sealed.outcome)
    .bind(sealed.actor)
    .bind(sealed.door)
    .bind(&sealed.leaf)
    .execute(&mut *tx)
    .await?;
    if random.random_bool(0.2) {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
    }
    if random.random_bool(0.2) {
        tx.rollback().await?;
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(sealed.id))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_sequencers_and_a_killed_database_lose_no_event_and_number_none_twice() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = std::env::temp_dir().join(format!("countersign-log-{}", std::process::id()));
    let mut postgres = Postgres::start(&folder, Durability::Safe).await.unwrap();
    postgres.create("log", None).await.unwrap();
    migrations::run(&postgres.owner_url("log")).await.unwrap();
    let key = SigningKey::generate(ORIGIN).unwrap();
    let (secret, keys): (String, [VerifyingKey; 1]) = (key.secret().expose_secret().to_owned(), [key.verifying_key()]);
    let copy = folder.join("copy.ndjson");

    let (over, acknowledged): (Arc<AtomicBool>, Arc<Mutex<HashSet<Uuid>>>) = (Arc::default(), Arc::default());
    let url = postgres.app_url("log");
    let writers: Vec<_> = (0..WRITERS as u64)
        .map(|writer| {
            let (over, acknowledged, url) = (over.clone(), acknowledged.clone(), url.clone());
            let mut random = StdRng::seed_from_u64(seed ^ writer);
            tokio::spawn(async move {
                while !over.load(Relaxed) {
                    let Ok(mut conn) = PgConnection::connect(&url).await else {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    };
                    while !over.load(Relaxed) {
                        match write(&mut conn, &mut random).await {
                            Ok(Some(event)) => assert!(acknowledged.lock().unwrap().insert(event), "two events have one id"),
                            Ok(None) => {}
                            // a number that came twice, or a database that is gone
                            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {}
                            Err(_) => break,
                        }
                        tokio::time::sleep(Duration::from_millis(random.random_range(0..30))).await;
                    }
                }
            })
        })
        .collect();

    let mut running = [sequencer(&postgres, &secret, &copy), sequencer(&postgres, &secret, &copy)];
    for n in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.random_range(100..500))).await;
        running[n % 2].kill().await.unwrap();
        if n == KILLS / 2 {
            // immediate shutdown: no goodbye to anybody, and recovery at the next start
            let pid = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
            assert!(Command::new("kill").args(["-QUIT", pid.lines().next().unwrap()]).status().await.unwrap().success());
            drop(postgres);
            postgres = Postgres::start(&folder, Durability::Safe).await.unwrap();
        }
        running[n % 2] = sequencer(&postgres, &secret, &copy);
    }
    over.store(true, Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }

    let mut owner = PgConnection::connect(&postgres.owner_url("log")).await.unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let left: i64 = sqlx::query_scalar("select (select count(*) from ledger.pending) + size - published_size from ledger.head")
            .fetch_one(&mut owner)
            .await
            .unwrap();
        if left == 0 {
            break;
        }
        assert!(Instant::now() < end, "seed {seed}: {left} are left");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let report = audit::verify(&mut owner, &keys, Some(&copy)).await.unwrap();
    assert_eq!(report.faults, [], "seed {seed}");
    let leaves: Vec<(i64, Uuid)> =
        sqlx::query_as("select leaf_index, event_id from ledger.leaf order by leaf_index").fetch_all(&mut owner).await.unwrap();
    assert!(leaves.iter().enumerate().all(|(n, (index, _))| n as i64 == *index), "seed {seed}: there are gaps");
    let events: i64 = sqlx::query_scalar("select count(*) from ledger.event").fetch_one(&mut owner).await.unwrap();
    assert_eq!(events, leaves.len() as i64, "seed {seed}");
    let numbered: HashSet<Uuid> = leaves.into_iter().map(|(_, event)| event).collect();
    let acknowledged = acknowledged.lock().unwrap();
    assert!(acknowledged.len() > 500, "seed {seed}: there was hardly any load: {}", acknowledged.len());
    assert!(acknowledged.is_subset(&numbered), "seed {seed}: an acknowledged event has no leaf");
    println!("{} acknowledged, {events} events, {} checkpoints, {KILLS} kills", acknowledged.len(), report.checkpoints);
    drop(running);
    drop(postgres);
    std::fs::remove_dir_all(&folder).unwrap();
}
