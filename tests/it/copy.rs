//! The file outside of the database: each byte of it counts, and nobody waits for it unnoticed.
use crate::{
    log::{fix, history, sealed, verify},
    measures,
    support::Desk,
};
use countersign::ledger::{log::audit, note::SigningKey};
use std::{path::Path, time::Duration};

#[tokio::test]
async fn every_byte_of_the_file_is_held_against_the_log() {
    let mut desk = Desk::open().await;
    history(&desk, 2).await;
    desk.stop_all().await;
    let mut owner = desk.owner().await;
    let keys = [SigningKey::parse(&desk.log().await[1].1).unwrap().verifying_key()];
    let whole = std::fs::read(desk.copy()).unwrap();
    let lines: Vec<usize> = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(n, _)| n).collect();
    assert!(lines.len() > 4, "leaves and checkpoints");
    // ends and beginnings of lines, where their form is, and what is between them here and there
    let ends = lines.iter().rev().take(4).flat_map(|end| end - 5..(end + 12).min(whole.len()));
    let places: Vec<usize> = ends.chain((0..24).map(|n| n * (whole.len() - 1) / 24)).collect();
    for (n, at) in places.into_iter().enumerate() {
        for other in [whole[at] ^ 1, if n % 2 == 0 { b' ' } else { b'\\' }, b'\n'].into_iter().filter(|other| *other != whole[at]) {
            let mut changed = whole.clone();
            changed[at] = other;
            std::fs::write(desk.copy(), changed).unwrap();
            let report = audit::verify(&mut owner, &keys, Some(&desk.copy())).await.unwrap();
            let line = String::from_utf8_lossy(&whole[at.saturating_sub(40)..(at + 20).min(whole.len())]).into_owned();
            let place = desk.copy().display().to_string();
            assert!(
                report.faults.iter().any(|fault| fault.place.contains(&place)),
                "byte {at} became {other}: {:?} in {line:?}",
                report.faults
            );
        }
    }
    // whoever takes the end of the file away is found out by what the database knows
    std::fs::write(desk.copy(), &whole[..lines[lines.len() - 3] + 1]).unwrap();
    let (is_whole, said) = verify(&desk).await;
    assert!(!is_whole && said.contains("were published, and its checkpoints end with"), "{said}");
    std::fs::write(desk.copy(), &whole).unwrap();
    assert!(verify(&desk).await.0);
}

#[tokio::test]
async fn what_waits_for_longer_than_five_seconds_sounds_the_alarm() {
    let folder = std::env::temp_dir().join(format!("countersign-late-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let (copy, file, away) = (folder.join("checkpoints.ndjson"), folder.join("file"), folder.join("away"));
    std::fs::create_dir_all(&away).unwrap();
    // changed at a stroke: a replica that looked between two steps would find no file, and halt
    let lead_to = |place: &Path| {
        let next = folder.join("next");
        std::os::unix::fs::symlink(place, &next).unwrap();
        std::fs::rename(next, &copy).unwrap();
    };
    lead_to(&file);
    let desk = Desk::with(1, |config| {
        config.ledger.as_mut().unwrap().copy.clone_from(&copy);
        config.metrics_token = Some(measures::TOKEN.to_owned().into());
    })
    .await;
    history(&desk, 1).await;
    let auditor = desk.sign_in("auditor").await;
    assert!(auditor.get("/ledger").await.find("#log-status").unwrap().contains("서명"));
    // it is signed, and cannot leave the database
    lead_to(&away);
    let asked = fix(&desk.token("ops").await, 8_000).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    auditor.get("/ledger").await.sees("초째 기다립니다");
    let measured = measures::scrape(&desk, 0).await;
    assert!(measured["countersign_ledger_pending_oldest_seconds"] > 5.0 && measured["countersign_ledger_halted"] == 0.0, "{measured:?}");
    lead_to(&file);
    desk.token("approver").await.vote(&asked, "approve", None).await;
    desk.sign_in("ops").await.until(&asked, "succeeded").await;
    assert!(!auditor.get("/ledger").await.text().contains("초째 기다립니다"));
    sealed(&desk).await;
    // another file in its place is not believed
    let other = folder.join("other");
    std::fs::write(&other, "{\"note\":\"of somebody else\"}\n").unwrap();
    lead_to(&other);
    fix(&desk.token("ops").await, 8_001).await;
    for _ in 0..100 {
        if measures::scrape(&desk, 0).await["countersign_ledger_halted"] == 1.0 {
            std::fs::remove_dir_all(&folder).unwrap();
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the log is not halted");
}
