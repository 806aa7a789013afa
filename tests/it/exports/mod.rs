//! Taking the ledger away: whole, exact, harmless to spreadsheets, gone on with, and written down.
mod formats;
mod stream;

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

/// `countersign ledger verify --from`: with nothing of ours in the environment.
pub async fn verify_offline(file: &std::path::Path, key: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let ran = command.args(["ledger", "verify", "--from"]).arg(file).args(["--key", key]).args(more).env_clear().output().await.unwrap();
    (ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr))
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
