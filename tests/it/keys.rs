//! Another key for the log: with an overlap in which both sign, and found out when nobody agreed to it.
use crate::{
    log::{fix, history, tamper, verify, verify_with},
    support::Desk,
};
use countersign::ledger::note::{Checkpoint, Note, SigningKey, VerifyingKey};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

const NAME: &str = "test.countersign.example/ledger";

fn opens(note: &str, key: &VerifyingKey) -> bool {
    Checkpoint::open(note, std::slice::from_ref(key)).is_ok()
}

#[tokio::test]
async fn both_keys_sign_until_everybody_knows_the_next_one() {
    let mut desk = Desk::open().await;
    history(&desk, 1).await;
    let auditor = desk.sign_in("auditor").await;
    let old = SigningKey::parse(&desk.log().await[1].1).unwrap().verifying_key();
    let next = SigningKey::generate(NAME).unwrap();
    let (new, secret) = (next.verifying_key(), SecretString::from(next.secret().expose_secret().to_owned()));
    assert!(!opens(&auditor.get("/ledger/checkpoint").await.body, &new));

    desk.start_replica(&|config| config.ledger.as_mut().unwrap().next_key = Some(secret.clone())).await;
    // the replica without the next key is gone first: either may sign while both run
    desk.stop(0).await;
    history(&desk, 1).await;
    let both = desk.sign_in("auditor").await.get("/ledger/checkpoint").await.body;
    assert!(opens(&both, &old) && opens(&both, &new), "{both}");

    // one after the other: the first that signs with the next key alone finds what it knows, and so does the one before it
    desk.start_replica(&|config| {
        let log = config.ledger.as_mut().unwrap();
        (log.key, log.old_keys) = (secret.clone(), vec![old.to_string()]);
    })
    .await;
    history(&desk, 1).await;
    desk.stop(0).await;
    history(&desk, 1).await;
    let alone = desk.sign_in("auditor").await.get("/ledger/checkpoint").await.body;
    assert!(!opens(&alone, &old) && opens(&alone, &new), "{alone}");
    let (whole, said) = verify_with(&desk, &["--key", &old.to_string(), "--key", &new.to_string()]).await;
    assert!(whole, "{said}");
    let (whole, said) = verify_with(&desk, &["--key", &old.to_string()]).await;
    assert!(!whole && said.contains("no known key has signed it"), "{said}");
}

#[tokio::test]
async fn checkpoints_that_were_signed_again_with_another_key_are_named() {
    let desk = Desk::open().await;
    history(&desk, 2).await;
    let mut owner = desk.owner().await;
    let (size, note): (i64, String) =
        sqlx::query_as("select size, note from ledger.checkpoint order by size desc limit 1").fetch_one(&mut owner).await.unwrap();
    let other = SigningKey::generate(NAME).unwrap();
    let text = note.split("\n\n").next().unwrap().to_owned() + "\n";
    let forged = Note::sign(&text, &[&other]).unwrap();
    let write = |note: &str| format!("update ledger.checkpoint set note = '{note}' where size = {size}");
    tamper(&mut owner, "ledger.checkpoint", &write(&forged)).await;
    let (whole, said) = verify(&desk).await;
    assert!(!whole && said.contains(&format!("checkpoint {size}: no known key has signed it")), "{said}");
    tamper(&mut owner, "ledger.checkpoint", &write(&note)).await;
    assert!(verify(&desk).await.0);
}

#[tokio::test]
async fn a_wrong_key_signs_nothing_though_the_database_was_away_when_it_started() {
    let mut desk = Desk::open().await;
    history(&desk, 1).await;
    desk.stop_all().await;
    let before: i64 = sqlx::query_scalar("select max(size) from ledger.checkpoint").fetch_one(&mut desk.owner().await).await.unwrap();
    // the sequencer's way to the database does not exist yet
    let url = reqwest::Url::parse(&desk.url_as("countersign_sequencer").await).unwrap();
    let sockets = url.query_pairs().find(|(name, _)| name == "host").unwrap().1.into_owned();
    let way = std::env::temp_dir().join(format!("countersign-way-{}", std::process::id()));
    let _ = std::fs::remove_file(&way);
    let mut later = url.clone();
    later.query_pairs_mut().clear().append_pair("host", way.to_str().unwrap());
    let other = SigningKey::generate(NAME).unwrap().secret().expose_secret().to_owned();
    desk.start_replica(&|config| {
        let log = config.ledger.as_mut().unwrap();
        (log.key, log.database_url) = (SecretString::from(other.clone()), SecretString::from(later.to_string()));
    })
    .await;
    let (ops, approver) = (desk.token("ops").await, desk.token("approver").await);
    std::os::unix::fs::symlink(&sockets, &way).unwrap();
    let id = fix(&ops, 9_000).await;
    approver.vote(&id, "approve", None).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(ops.get(&format!("/api/requests/{id}")).await.1["state"], "approved");
    let after: i64 = sqlx::query_scalar("select max(size) from ledger.checkpoint").fetch_one(&mut desk.owner().await).await.unwrap();
    assert_eq!(after, before);
    // with the right key it goes on
    desk.stop_all().await;
    desk.start_replica(&|config| config.ledger.as_mut().unwrap().database_url = SecretString::from(later.to_string())).await;
    desk.sign_in("ops").await.until(&id, "succeeded").await;
    std::fs::remove_file(&way).unwrap();
}
