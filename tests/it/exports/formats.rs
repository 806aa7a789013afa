//! What is in an export of each format, and that it verifies without us.
use super::*;

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
