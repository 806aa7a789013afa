//! A log that is halted, and the two ways out of it.
use crate::{
    log::{fix, history, sealed, tamper, verify, verify_with},
    support::{Desk, ORG, REASON, Token, policy},
};
use axum::{Router, http::StatusCode, routing::post};
use countersign::{
    config::Config,
    ledger::note::{Checkpoint, SigningKey},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

/// What `/readyz` says when the log is halted, or when it no longer is.
async fn readyz(desk: &Desk, done: impl Fn(&str) -> bool) -> String {
    let mut said = String::new();
    for _ in 0..200 {
        said = reqwest::get(format!("{}/readyz", desk.base(0))).await.unwrap().text().await.unwrap();
        if done(&said) {
            return said;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{said}");
}

async fn resume(token: &Token, fields: Value) -> (u16, Value) {
    token
        .post(
            "/api/requests",
            &json!({"operation": "ledger.resume", "fields": fields, "reason": "복원한 백업이 공개된 기록보다 오래되었습니다."}),
        )
        .await
}

/// Asks for it, and has it approved by two.
async fn decide(desk: &Desk, fields: Value) {
    let (status, request) = resume(&desk.token("security").await, fields).await;
    assert_eq!(status, 201, "{request}");
    let id = request["id"].as_str().unwrap();
    for who in ["admin", "approver"] {
        assert_eq!(desk.token(who).await.vote(id, "approve", None).await.0, 200);
    }
    desk.sign_in("security").await.until(id, "succeeded").await;
}

/// A desk, stopped, and the backup that was made of it before its last changes, started: it is halted.
async fn restored() -> (Desk, Desk, PathBuf) {
    let mut desk = Desk::open().await;
    history(&desk, 1).await;
    desk.stop_all().await;
    let mut backup = desk.backup().await;
    desk.start_replica(&|_| {}).await;
    history(&desk, 2).await;
    desk.stop_all().await;
    let copy = desk.copy();
    std::fs::copy(&copy, backup.copy()).unwrap();
    backup.start_replica(&|_| {}).await;
    let said = readyz(&backup, |said| said.contains("halted")).await;
    assert!(said.contains("were published: it is older than its own checkpoints"), "{said}");
    (desk, backup, copy)
}

#[tokio::test]
async fn a_restored_backup_and_a_fork_are_named() {
    let (_desk, backup, _) = restored().await;
    let (whole, said) = verify(&backup).await;
    assert!(!whole && said.contains("published checkpoint") && said.contains("leaves only: its end was removed"), "{said}");

    // a copy that was never compared goes its own way: every leaf of it is right, and none of its checkpoints was published here
    let mut desk = Desk::open().await;
    history(&desk, 1).await;
    desk.stop_all().await;
    let mut fork = desk.backup().await;
    let beginning = std::fs::read(desk.copy()).unwrap();
    desk.start_replica(&|_| {}).await;
    history(&desk, 2).await;
    std::fs::write(fork.copy(), beginning).unwrap();
    fork.start_replica(&|_| {}).await;
    history(&fork, 4).await;
    assert!(verify(&fork).await.0, "by itself it is whole");
    let (whole, said) = verify_with(&fork, &["--copy", desk.copy().to_str().unwrap()]).await;
    assert!(!whole && said.contains("the leaves before it are not those that were published"), "{said}");
}

#[tokio::test]
async fn what_a_restored_backup_lacks_comes_back_from_the_copy() {
    let (desk, backup, _) = restored().await;
    let auditor = backup.sign_in("auditor").await;
    assert!(auditor.get("/ledger").await.text().contains("멈춰"));
    let (ops, approver) = (backup.token("ops").await, backup.token("approver").await);
    let held = fix(&ops, 5_000).await;
    approver.vote(&held, "approve", None).await;
    decide(&backup, json!({"way": "replay"})).await;
    readyz(&backup, |said| !said.contains("halted")).await;
    // what was approved meanwhile runs, and every leaf that was published is where it was
    backup.sign_in("ops").await.until(&held, "succeeded").await;
    sealed(&backup).await;
    let (mut here, mut there) = (backup.owner().await, desk.owner().await);
    let leaves = "select string_agg(encode(hash, 'hex'), '' order by leaf_index) from ledger.leaf where leaf_index < $1";
    let size: i64 = sqlx::query_scalar("select published_size from ledger.head").fetch_one(&mut there).await.unwrap();
    let (is, was): (String, String) = (
        sqlx::query_scalar(leaves).bind(size).fetch_one(&mut here).await.unwrap(),
        sqlx::query_scalar(leaves).bind(size).fetch_one(&mut there).await.unwrap(),
    );
    assert_eq!(is, was);
    let back: i64 = sqlx::query_scalar("select count(*) from ledger.event join ledger.leaf using (event_id) where leaf_index < $1")
        .bind(size)
        .fetch_one(&mut here)
        .await
        .unwrap();
    assert_eq!(back, size);
    let said = verify(&backup).await.1;
    assert!(!said.contains("published checkpoint") && said.contains("came back from the copy, without their details"), "{said}");
    assert!(!said.contains("BROKEN: leaf"), "{said}");
    // and no number was given to a second request
    let twice: i64 = sqlx::query_scalar(
        "select count(*) from (select request_id from ledger.event where kind = 'request.submitted' group by 1 having count(*) > 1) twice",
    )
    .fetch_one(&mut here)
    .await
    .unwrap();
    assert_eq!(twice, 0);
}

#[tokio::test]
async fn what_was_approved_before_a_backup_does_not_run_again_where_it_was_restored() {
    let mut desk = Desk::open().await;
    history(&desk, 1).await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    let later = chrono::Utc::now() + chrono::TimeDelta::seconds(6);
    let fields = json!({"org_id": ORG, "tier": "pro"});
    let (status, asked) =
        ops.post("/api/requests", &json!({"operation": "org.tier.fix", "fields": fields, "reason": REASON, "not_before": later})).await;
    assert_eq!(status, 201, "{asked}");
    let id = asked["id"].as_str().unwrap();
    assert_eq!(approver.vote(id, "approve", None).await.0, 200);
    let denied = fix(&ops, 6_001).await;
    sealed(&desk).await;
    desk.stop_all().await;
    let mut backup = desk.backup().await;
    desk.start_replica(&|_| {}).await;
    desk.sign_in("ops").await.until(id, "succeeded").await;
    let no = "금액이 계약서와 다릅니다. 확인하고 다시 요청하세요.";
    assert_eq!(desk.token("approver").await.vote(&denied, "reject", Some(no)).await.0, 200);
    sealed(&desk).await;
    desk.stop_all().await;
    std::fs::copy(desk.copy(), backup.copy()).unwrap();
    // its approval is under a published checkpoint, and it is due: only the copy tells that this was long ago
    backup.start_replica(&|_| {}).await;
    readyz(&backup, |said| said.contains("halted")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(backup.token("ops").await.get(&format!("/api/requests/{id}")).await.1["state"], "approved");
    // nor when the log has come back from the copy: the ledger knows that it ran, and that the other was denied
    decide(&backup, json!({"way": "replay"})).await;
    backup.sign_in("ops").await.until(id, "stale").await.sees("백업 이후에 처리된 것으로");
    let (status, said) = backup.token("approver").await.vote(&denied, "approve", None).await;
    assert_eq!((status, &said["code"]), (409, &json!("request-told-otherwise")), "{said}");
    sealed(&backup).await;
    let (whole, said) = verify(&backup).await;
    assert!(whole, "{said}");
}

#[tokio::test]
async fn a_copy_that_is_gone_halts_the_log_until_it_is_back() {
    let mut desk = Desk::open().await;
    history(&desk, 1).await;
    desk.stop_all().await;
    let (copy, away) = (desk.copy(), desk.copy().with_extension("away"));
    std::fs::rename(&copy, &away).unwrap();
    desk.start_replica(&|_| {}).await;
    let said = readyz(&desk, |said| said.contains("halted")).await;
    assert!(said.contains("has no checkpoint: it is not the file that was written"), "{said}");
    desk.sign_in("security").await.get("/ledger").await.sees("체크포인트가 없어").find("#resume").expect("what to do next");
    std::fs::rename(&away, &copy).unwrap();
    decide(&desk, json!({"way": "replay"})).await;
    readyz(&desk, |said| !said.contains("halted")).await;
    history(&desk, 1).await;
    assert!(verify(&desk).await.0);
}

#[tokio::test]
async fn a_copy_that_is_lost_for_good_is_begun_anew_under_another_name() {
    let mut desk = Desk::open().await;
    history(&desk, 1).await;
    desk.stop_all().await;
    std::fs::remove_file(desk.copy()).unwrap();
    desk.start_replica(&|_| {}).await;
    readyz(&desk, |said| said.contains("halted")).await;
    let name = "test.countersign.example/ledger/2";
    decide(&desk, json!({"way": "epoch", "origin": name})).await;
    let old = SigningKey::parse(&desk.log().await[1].1).unwrap().verifying_key().to_string();
    let key = SigningKey::generate(name).unwrap();
    let (new, secret) = (key.verifying_key().to_string(), key.secret().expose_secret().to_owned());
    desk.stop_all().await;
    let renamed = |config: &mut Config| {
        let log = config.ledger.as_mut().unwrap();
        (log.key, log.old_keys) = (SecretString::from(secret.clone()), vec![old.clone()]);
    };
    desk.start_replica(&renamed).await;
    history(&desk, 1).await;
    let keys = ["--key", &*new, "--key", &*old];
    let (whole, said) = verify_with(&desk, &keys).await;
    assert!(whole, "{said}");
    // from then on it must not be lost again
    desk.stop_all().await;
    std::fs::remove_file(desk.copy()).unwrap();
    let (whole, said) = verify_with(&desk, &keys).await;
    assert!(!whole && said.contains("and its checkpoints end with 0"), "{said}");
    desk.start_replica(&renamed).await;
    readyz(&desk, |said| said.contains("halted")).await;
}

#[tokio::test]
async fn a_broken_frontier_halts_the_log_and_is_made_again_from_its_leaves() {
    let desk = Desk::open().await;
    history(&desk, 1).await;
    let mut owner = desk.owner().await;
    tamper(&mut owner, "ledger.head", "update ledger.head set frontier = decode(repeat('58', octet_length(frontier)), 'hex')").await;
    fix(&desk.token("ops").await, 6_100).await;
    let said = readyz(&desk, |said| said.contains("halted")).await;
    assert!(said.contains("do not belong together"), "{said}");
    let (whole, said) = verify(&desk).await;
    assert!(!whole && said.contains("BROKEN: head"), "{said}");
    decide(&desk, json!({"way": "replay"})).await;
    readyz(&desk, |said| !said.contains("halted")).await;
    history(&desk, 1).await;
    let (whole, said) = verify(&desk).await;
    assert!(whole, "{said}");
}

#[tokio::test]
async fn a_copy_that_is_older_than_the_database_is_not_believed() {
    let desk = Desk::open().await;
    history(&desk, 1).await;
    let before = std::fs::read(desk.copy()).unwrap();
    history(&desk, 1).await;
    let whole = std::fs::read(desk.copy()).unwrap();
    // at a stroke: whoever read half of a file would say something else of it
    let older = desk.copy().with_extension("older");
    std::fs::write(&older, before).unwrap();
    std::fs::rename(older, desk.copy()).unwrap();
    fix(&desk.token("ops").await, 6_200).await;
    let said = readyz(&desk, |said| said.contains("halted")).await;
    assert!(said.contains("it is an older file"), "{said}");
    desk.sign_in("security").await.get("/ledger").await.sees("예전 파일입니다");
    std::fs::write(desk.copy(), &whole).unwrap();
    decide(&desk, json!({"way": "replay"})).await;
    readyz(&desk, |said| !said.contains("halted")).await;
    history(&desk, 1).await;
    let (whole, said) = verify(&desk).await;
    assert!(whole, "{said}");
}

#[tokio::test]
async fn nobody_ends_a_halt_alone_whatever_the_policy_says() {
    let (_desk, backup, _) = restored().await;
    backup.replace_policy(&policy("").replace("[default]\n", "[default]\nbreak_glass = true\n")).await;
    let admin = backup.token_at(0, "admin", &["requests:ask", "ledger:resume", "requests:break-glass"]).await;
    let body = json!({"operation": "ledger.resume", "fields": {"way": "replay"}, "reason": REASON, "break_glass": true,
        "emergency": "원장이 멈춰 아무것도 실행되지 않으며 승인할 사람이 없습니다."});
    let (status, answer) = admin.post("/api/requests", &body).await;
    assert!(status == 403 && answer.to_string().contains("glass-not-for-resume"), "{status} {answer}");
}

#[tokio::test]
async fn a_new_epoch_gives_up_what_is_gone_and_goes_on_under_another_name() {
    let (_desk, mut backup, copy) = restored().await;
    // leaves without which nothing can be replayed
    let kept: String =
        std::fs::read_to_string(&copy).unwrap().lines().filter(|line| line.contains("\"note\"")).map(|line| format!("{line}\n")).collect();
    std::fs::write(backup.copy(), kept).unwrap();
    decide(&backup, json!({"way": "replay"})).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    readyz(&backup, |said| said.contains("halted")).await;
    let name = "test.countersign.example/ledger/2";
    decide(&backup, json!({"way": "epoch", "origin": name})).await;
    let old = SigningKey::parse(&backup.log().await[1].1).unwrap().verifying_key().to_string();
    let key = SigningKey::generate(name).unwrap().secret().expose_secret().to_owned();
    backup.stop_all().await;
    backup
        .start_replica(&|config| {
            let log = config.ledger.as_mut().unwrap();
            log.key = SecretString::from(key.clone());
            log.old_keys = vec![old.clone()];
        })
        .await;
    readyz(&backup, |said| !said.contains("halted")).await;
    let (ops, approver) = (backup.token("ops").await, backup.token("approver").await);
    let id = fix(&ops, 5_000).await;
    approver.vote(&id, "approve", None).await;
    backup.sign_in("ops").await.until(&id, "succeeded").await;
    let newest = backup.sign_in("auditor").await.get("/ledger/checkpoint").await;
    assert!(newest.body.starts_with(&format!("{name}\n")), "{}", newest.body);
}

#[tokio::test]
async fn what_is_not_halted_is_not_resumed_and_other_names_are_refused() {
    let desk = Desk::open().await;
    history(&desk, 1).await;
    let security = desk.token("security").await;
    let (status, said) = resume(&security, json!({"way": "replay"})).await;
    assert_eq!((status, &said["errors"][0]["code"]), (422, &json!("ledger-not-halted")), "{said}");
    assert_eq!(resume(&desk.token("ops").await, json!({"way": "replay"})).await.0, 403);
    let (_old, backup, _) = restored().await;
    let security = backup.token("security").await;
    for (fields, code) in [
        (json!({"way": "epoch"}), "ledger-epoch-needs-name"),
        (json!({"way": "epoch", "origin": "test.countersign.example/ledger"}), "ledger-epoch-needs-name"),
        (json!({"way": "epoch", "origin": "a name"}), "ledger-epoch-needs-name"),
        (json!({"way": "replay", "origin": "other"}), "ledger-replay-keeps-name"),
    ] {
        let (status, said) = resume(&security, fields.clone()).await;
        assert_eq!((status, &said["errors"][0]["code"]), (422, &json!(code)), "{fields}: {said}");
    }
}

#[tokio::test]
async fn a_webhook_gets_every_newest_checkpoint_though_it_was_away() {
    let posted: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = posted.clone();
    // the first one is not taken
    let service = Router::new().route(
        "/checkpoints",
        post(move |note: String| async move {
            let mut seen = seen.lock().unwrap();
            seen.push(note);
            if seen.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/checkpoints", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    let desk = Desk::with(1, |config| config.ledger.as_mut().unwrap().webhook = Some(url.parse().unwrap())).await;
    history(&desk, 2).await;
    let key = SigningKey::parse(&desk.log().await[1].1).unwrap().verifying_key();
    let size: i64 = sqlx::query_scalar("select published_size from ledger.head").fetch_one(&mut desk.owner().await).await.unwrap();
    for _ in 0..200 {
        let posted = posted.lock().unwrap().clone();
        let newest = posted.iter().skip(1).map(|note| Checkpoint::open(note, std::slice::from_ref(&key)).unwrap().size).max();
        if newest.is_some_and(|newest| newest as i64 >= size) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} notes were posted, and not the newest", posted.lock().unwrap().len());
}
