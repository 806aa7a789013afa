//! Who may take what, that nothing is missed, and how it goes on after it broke off.
use super::*;

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
