//! `static/verify.py`, which shares no code with us: what we prove it accepts, and what somebody changed it names.
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use countersign::ledger::{
    Entry, Outcome, leaf_hash,
    note::{Checkpoint, LogProof, Note, SigningKey},
    seal,
    tree::{Frontier, Hash, Tiles, grow, inclusion},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};
use uuid::Uuid;

const LEAVES: usize = 300;
const LOG: &str = "ledger.example/countersign";

/// A Python that has `cryptography`. Without one the verifier would be untested, so there must be one.
pub static PYTHON: LazyLock<&str> = LazyLock::new(|| {
    let mut found = ["python3", "/usr/bin/python3"].into_iter();
    let works = |python: &&str| Command::new(python).args(["-c", "import cryptography"]).output().is_ok_and(|it| it.status.success());
    found.find(works).expect("python3 with the package cryptography is needed: tests/install browser")
});

/// A folder with a ledger as it is exported.
struct Export {
    folder: PathBuf,
    key: SigningKey,
    rows: Vec<Value>,
    hashes: Vec<Hash>,
}

impl Drop for Export {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Export {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("countersign-verify-{}", Uuid::now_v7()));
        fs::create_dir_all(&folder).unwrap();
        let rows: Vec<_> = (0..LEAVES).map(row).collect();
        let hashes = rows.iter().map(|row| leaf_hash(row["leaf"].as_str().unwrap().as_bytes())).collect();
        let export = Self { folder, key: SigningKey::generate(LOG).unwrap(), rows, hashes };
        export.write("vkey", &export.key.verifying_key().to_string());
        export.write("checkpoint", &export.checkpoint(LEAVES));
        export.write("older", &[0, 1, 256].map(|size| export.checkpoint(size)).concat());
        export
    }

    fn checkpoint(&self, size: usize) -> String {
        let mut frontier = Frontier::default();
        self.hashes[..size].iter().for_each(|&hash| frontier.push(hash));
        let checkpoint = Checkpoint { origin: LOG.into(), size: size as u64, root: frontier.root() };
        Note::sign(&checkpoint.to_string(), &[&self.key]).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let verifier = Path::new(env!("CARGO_MANIFEST_DIR")).join("static/verify.py");
        let mut command = Command::new(*PYTHON);
        let ran = command.arg("-B").arg(verifier).args(arguments).args(["--key", "vkey"]).current_dir(&self.folder).output().unwrap();
        assert!(ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
        (ran.status.code().unwrap(), String::from_utf8(ran.stdout).unwrap())
    }

    fn verify(&self, rows: &[Value]) -> (i32, String) {
        self.write("events", &rows.iter().map(|row| format!("{row}\n")).collect::<String>());
        self.run(&["export", "events", "--checkpoint", "checkpoint", "--older", "older"])
    }

    #[track_caller]
    fn refuses(&self, change: impl FnOnce(&mut Vec<Value>), why: &str) {
        let mut rows = self.rows.clone();
        change(&mut rows);
        let (status, said) = self.verify(&rows);
        assert!(status == 1 && said.starts_with(&format!("WRONG {why}")), "{status} {said}, not {why}");
    }
}

fn row(index: usize) -> Value {
    let at: DateTime<Utc> = DateTime::from_timestamp_millis(1_790_000_000_000 + index as i64 * 777).unwrap();
    let mut entry = Entry::of("org.tier.fixed").with("rule", "r1").with("n", index);
    if !index.is_multiple_of(3) {
        entry = entry.request(index as i64).on("org", &format!("ORG-{index}"));
    }
    if !index.is_multiple_of(5) {
        // what canonical JSON is particular about
        let odd = json!({
            "\u{1f600}": 1.0, "\u{fb33}": 1e21, "é": [1e-7, 0.1, -0.0, 123_456_789_012_345_680_000.0, 5e-324, 1e300], "": null,
            "\u{7}\u{7f}\"\\/": true
        });
        entry = entry.because("고객이 전화로 요청했습니다 <&>").before(odd).after(json!({"half": index as f64 / 2.0}));
    }
    if index.is_multiple_of(7) {
        entry = entry.outcome(Outcome::Denied);
    }
    let event = seal(Uuid::from_u128(7), "web", index.is_multiple_of(2).then_some("requests:run"), at, 1, entry).unwrap();
    let target = event.target.map(|(kind, id)| json!({"type": kind, "id": id}));
    let columns = json!({
        "id": event.id, "kind": event.kind, "outcome": event.outcome, "actor": event.actor, "door": event.door, "target": target,
        "at": event.at.to_rfc3339_opts(SecondsFormat::Millis, true), "request": event.request.map(|it| format!("CR-{it}")),
    });
    let opening = event.opening.map(|(salt, detail)| json!({"salt": BASE64_STANDARD.encode(salt), "detail": detail}));
    json!({"index": index, "leaf": String::from_utf8(event.leaf).unwrap(), "event": columns, "opening": opening})
}

#[test]
fn a_whole_ledger_is_verified_and_every_change_is_named() {
    let export = Export::new();
    assert_eq!(export.verify(&export.rows), (0, format!("OK {LEAVES} events of {LOG} and 4 checkpoints agree\n")));
    let mut closed = export.rows.clone();
    closed.iter_mut().for_each(|row| row["opening"] = Value::Null);
    // the same instant in another spelling, and the number of a request alone
    closed[1]["event"]["at"] = json!(closed[1]["event"]["at"].as_str().unwrap().replace('Z', "000+00:00"));
    closed[1]["event"]["request"] = json!(1);
    assert_eq!(export.verify(&closed), (0, format!("OK {LEAVES} events of {LOG} and 4 checkpoints agree; 240 details are not opened\n")));

    for (column, value) in [
        ("id", json!(Uuid::nil())),
        ("kind", json!("org.tier.broken")),
        ("at", json!("2026-09-21T13:33:21.001Z")),
        ("at", json!("yesterday")),
        ("outcome", json!("failure")),
        ("actor", json!(Uuid::nil())),
        ("door", json!("api")),
        ("request", json!("CR-5")),
        ("request", Value::Null),
        ("target", json!({"type": "org", "id": "ORG-5"})),
        ("target", Value::Null),
        ("facts", json!({})),
    ] {
        export.refuses(|rows| rows[4]["event"][column] = value, &format!("index 4: column {column} says"));
    }
    export.refuses(|rows| rows[3]["event"]["request"] = json!("CR-3"), "index 3: column request says 'CR-3', the leaf None");
    export.refuses(|rows| rows[4]["event"] = json!([]), "index 4: column id says None");
    export.refuses(|rows| rows[4]["opening"]["detail"]["reason"] = json!("another"), "index 4: the detail is not the one");
    export.refuses(|rows| rows[4]["opening"]["salt"] = rows[6]["opening"]["salt"].clone(), "index 4: the detail is not the one");
    export.refuses(|rows| rows[4]["opening"]["salt"] = json!("AA"), "index 4: the salt is not base64");
    export.refuses(|rows| rows[5]["opening"] = rows[4]["opening"].clone(), "index 5: there is a detail, and the leaf commits to none");
    export.refuses(|rows| rows[4]["leaf"] = json!("{"), "index 4: the leaf is not JSON");
    let doubled = |leaf: &Value| json!(leaf.as_str().unwrap().replacen('{', r#"{"outcome":"denied","#, 1));
    export.refuses(|rows| rows[4]["leaf"] = doubled(&rows[4]["leaf"]), "index 4: the leaf is not an object of canonical JSON");
    export.refuses(|rows| drop(rows.remove(9)), "index 9: index 10 stands here");
    export.refuses(|rows| rows.swap(9, 10), "index 9: index 10 stands here");
    export.refuses(|rows| rows.truncate(299), "index 299: the export ends here, but checkpoint covers 300 events");
    let more = row(300);
    export.refuses(|rows| rows.push(more), "index 300: no checkpoint covers this event");
    export.refuses(|rows| rows[4] = json!({"index": 4}), "index 4: not a line of an export");
    // leaf and columns together: only the checkpoints know, and the older ones narrow it down
    for (index, among) in
        [(4, "index 1 to 255: one of these leaves is not what older, checkpoint 3 signs"), (270, "index 256 to 299: one of")]
    {
        export.refuses(
            |rows| {
                let leaf = rows[index]["leaf"].as_str().unwrap().replace("org.tier.fixed", "org.tier.broken");
                (rows[index]["leaf"], rows[index]["event"]["kind"]) = (json!(leaf), json!("org.tier.broken"));
            },
            among,
        );
    }
}

#[test]
fn checkpoints_are_believed_when_the_log_signed_them() {
    let export = Export::new();
    let good = export.checkpoint(LEAVES);
    let foreign = SigningKey::generate(LOG).unwrap();
    let text = good.split("\n\n").next().unwrap().to_owned() + "\n";
    let of_another_log = text.replace(LOG, "other.example");
    for (checkpoint, why) in [
        (good.replace("\n300\n", "\n299\n"), "checkpoint: the signature of ledger.example/countersign is not over this text"),
        (good.replace("\n300\n", "\n0300\n"), "checkpoint: the size is not a number without leading zeros"),
        (Note::sign(&text, &[&foreign]).unwrap(), "checkpoint: no given key has signed the checkpoint"),
        (Note::sign(&of_another_log, &[&export.key]).unwrap(), "checkpoint: no given key has signed the checkpoint of other.example"),
        (text, "checkpoint: not a file of checkpoints"),
        (export.checkpoint(200), "older, checkpoint 3: an older checkpoint has 256 events, the newest 200"),
    ] {
        export.write("checkpoint", &checkpoint);
        let (status, said) = export.verify(&export.rows);
        assert!(status == 1 && said.starts_with(&format!("WRONG {why}")), "{status} {said}, not {why}");
    }
    // lines of keys that were not given say nothing
    let text = good.split("\n\n").next().unwrap().to_owned() + "\n";
    export.write("checkpoint", &Note::sign(&text, &[&foreign, &export.key]).unwrap());
    assert_eq!(export.verify(&export.rows).0, 0);
}

#[test]
fn one_event_is_proven() {
    let export = Export::new();
    let tiles: Tiles = grow(0, &Tiles::default(), &export.hashes).unwrap().into_iter().map(|(id, data)| (id.level, id.n, data)).collect();
    for (index, size) in [(0, 1), (4, 257), (256, 257), (42, 300)] {
        let path = inclusion(index, size).unwrap().hashes(|node| tiles.node(node)).unwrap();
        let proof = LogProof { index, path, checkpoint: export.checkpoint(size as usize) }.to_string();
        let leaf = export.rows[index as usize]["leaf"].as_str().unwrap();
        let check = |proof: &str, leaf: &str| {
            export.write("proof", proof);
            export.write("leaf", leaf);
            export.run(&["proof", "proof", "leaf"])
        };
        let good = (0, format!("OK event {index} is in the ledger of {LOG}, which had {size} events\n"));
        assert_eq!(check(&proof, leaf), good);
        assert_eq!(check(&proof.replace("\nindex", "\nextra aGk=\nindex"), &format!("{leaf}\n")), good);
        let refuses = |proof: &str, leaf: &str, why: &str| {
            let (status, said) = check(proof, leaf);
            assert!(status == 1 && said.starts_with("WRONG ") && said.contains(why), "{status} {said}, not {why}");
        };
        refuses(&proof, &leaf.replace("web", "api"), &format!("index {index}: the path does not lead from this leaf"));
        refuses(&proof.replacen(&format!("index {index}\n"), &format!("index {size}\n"), 1), leaf, "covers");
        refuses(&proof.replacen("\n\n", &format!("\n{}=\n\n", "A".repeat(43)), 1), leaf, "the path is longer");
        refuses(&proof.replace("@v1", "@v2"), leaf, "not a c2sp.org/tlog-proof@v1");
        refuses(&proof.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 1), 1), leaf, "is not over this text");
        if size > 1 {
            let lines: Vec<_> = proof.split('\n').collect();
            refuses(&[&lines[..2], &lines[3..]].concat().join("\n"), leaf, "the path is shorter");
        }
    }
}
