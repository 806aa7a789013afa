//! The binary as scripts use it: commands, JSON, exit codes.
use crate::support::{Desk, ORG, REASON};
use serde_json::Value;
use std::process::Output;
use tokio::process::Command;

async fn run(desk: &Desk, token: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .env("COUNTERSIGN_URL", desk.base(0))
        .env("COUNTERSIGN_TOKEN", token)
        .env("DATABASE_OWNER_URL", desk.owner_url().await)
        .env("DATABASE_URL", desk.app_url().await)
        .envs(desk.log().await)
        .env("LANG", "en_US.UTF-8")
        .output()
        .await
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn ask_approve_and_wait_from_a_script() {
    let desk = Desk::open().await;
    let (ops, approver) = (desk.token("ops").await.secret, desk.token("approver").await.secret);
    let listed = run(&desk, &ops, &["ops", "list"]).await;
    assert!(text(&listed.stdout).contains("org.tier.fix"));
    let asked = run(
        &desk,
        &ops,
        &["--json", "request", "submit", "org.tier.fix", "--org-id", ORG, "--tier=pro", "--credit", "12,000", "--reason", REASON],
    )
    .await;
    assert_eq!(asked.status.code(), Some(0), "{}", text(&asked.stderr));
    let request: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let id = request["id"].as_str().unwrap();
    assert_eq!(request["fields"]["credit"], 12_000);
    assert!(text(&run(&desk, &approver, &["requests", "list", "--state", "pending"]).await.stdout).contains(id));
    assert!(text(&run(&desk, &approver, &["requests", "show", id]).await.stdout).contains(REASON));
    assert_eq!(run(&desk, &approver, &["requests", "approve", id]).await.status.code(), Some(0));
    let waited = run(&desk, &ops, &["requests", "wait", id, "--timeout", "10"]).await;
    assert_eq!(waited.status.code(), Some(0));
    assert!(text(&waited.stdout).contains("succeeded"));
    assert_eq!(desk.org(ORG).await, ("pro".into(), 12_000));
    let late = run(&desk, &approver, &["requests", "unvote", id]).await;
    assert_eq!(late.status.code(), Some(3));
    assert!(text(&late.stderr).contains("the vote stays"), "{}", text(&late.stderr));
}

#[tokio::test]
async fn a_policy_is_printed_edited_and_tried_from_a_script() {
    let desk = Desk::open().await;
    let ops = desk.token("ops").await.secret;
    let shown = run(&desk, &ops, &["policy", "show"]).await;
    assert_eq!(text(&shown.stdout), countersign::policy::BUILT_IN);
    let file = std::env::temp_dir().join(format!("countersign-policy-{}.toml", std::process::id()));
    let path = file.to_str().unwrap();
    std::fs::write(&file, text(&shown.stdout).replace("count = 1", "count = 2")).unwrap();
    let tried = run(&desk, &ops, &["--json", "policy", "simulate", path, "--days", "366"]).await;
    let report: Value = serde_json::from_slice(&tried.stdout).unwrap();
    // much credit at once needs two already, though not the same
    let sum = |name: &str| report["all"][name].as_i64().unwrap();
    assert!(sum("more") > 0 && sum("more") + sum("others") == sum("requests"), "{report}");
    assert!(text(&run(&desk, &ops, &["policy", "simulate", path]).await.stdout).contains("org.tier.fix / default"));
    std::fs::write(&file, "[groups]\n").unwrap();
    let wrong = run(&desk, &ops, &["policy", "simulate", path]).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("Line 1: default is missing."), "{}", text(&wrong.stderr));
}

#[tokio::test]
async fn exit_codes_say_how_it_ended() {
    let desk = Desk::open().await;
    let (ops, approver) = (desk.token("ops").await.secret, desk.token("approver").await.secret);
    let wrong = run(&desk, &ops, &["request", "submit", "org.tier.fix", "--org_id", ORG, "--tier", "gold", "--reason", REASON]).await;
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("--tier: Choose one of"), "{}", text(&wrong.stderr));
    assert_eq!(run(&desk, &ops, &["request", "submit", "no.such.thing", "--reason", REASON]).await.status.code(), Some(2));
    let asked =
        run(&desk, &ops, &["--json", "request", "submit", "org.tier.fix", "--org_id", ORG, "--tier", "pro", "--reason", REASON]).await;
    let id = serde_json::from_slice::<Value>(&asked.stdout).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(run(&desk, &ops, &["requests", "approve", &id]).await.status.code(), Some(3), "may not decide");
    assert_eq!(run(&desk, &ops, &["requests", "wait", &id, "--timeout", "1"]).await.status.code(), Some(4));
    assert_eq!(run(&desk, &approver, &["requests", "reject", &id, "--reason", "short"]).await.status.code(), Some(2));
    assert_eq!(
        run(&desk, &approver, &["requests", "reject", &id, "--reason", "The quantity is not the contract's."]).await.status.code(),
        Some(0)
    );
    assert_eq!(run(&desk, &ops, &["requests", "wait", &id]).await.status.code(), Some(3));
    assert_eq!(run(&desk, "cst_wrong", &["requests", "list"]).await.status.code(), Some(3));
    assert_eq!(run(&desk, &ops, &["requests", "nothing"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn operators_and_tokens_are_kept_at_the_console_and_written_down() {
    let desk = Desk::open().await;
    let add = |password: &'static str, roles: &'static str| {
        let (desk, url) = (&desk, desk.owner_url());
        async move {
            let _ = desk;
            let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
                .args(["operators", "add", "new@hanbit.example", "--name", "새 사람", "--roles", roles])
                .env("DATABASE_OWNER_URL", url.await)
                .env_remove("DATABASE_URL")
                .stdin(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut child.stdin.take().unwrap(), format!("{password}\n").as_bytes()).await.unwrap();
            child.wait_with_output().await.unwrap()
        }
    };
    assert!(text(&add("short", "cs").await.stderr).contains("at least 15 characters"));
    assert!(text(&add("a long enough password", "emperor").await.stderr).contains("there is no role"));
    assert!(add("a long enough password", "cs").await.status.success());
    assert!(text(&add("a long enough password", "cs").await.stderr).contains("already"));
    let made = run(&desk, "", &["--json", "tokens", "create", "new@hanbit.example", "--name", "script", "--days", "7"]).await;
    let token: Value = serde_json::from_slice(&made.stdout).unwrap();
    let secret = token["token"].as_str().unwrap();
    assert_eq!(run(&desk, secret, &["requests", "list"]).await.status.code(), Some(0));
    let more = run(&desk, "", &["tokens", "create", "new@hanbit.example", "--name", "more", "--scopes", "requests:decide"]).await;
    assert!(text(&more.stderr).contains("do not hold requests:decide"), "{}", text(&more.stderr));
    assert!(run(&desk, "", &["tokens", "revoke", token["id"].as_str().unwrap()]).await.status.success());
    assert_eq!(run(&desk, secret, &["requests", "list"]).await.status.code(), Some(3));
    assert!(run(&desk, "", &["operators", "roles", "new@hanbit.example", "approver,billing"]).await.status.success());
    assert!(run(&desk, "", &["operators", "disable", "new@hanbit.example"]).await.status.success());
    for kind in ["token.created", "token.revoked", "operator.roles.set", "operator.disabled"] {
        assert_eq!(desk.count(kind).await, 1, "{kind}");
    }
}

#[tokio::test]
async fn the_doctor_finds_a_healthy_house_and_a_sick_one() {
    let desk = Desk::open().await;
    let healthy = run(&desk, "", &["doctor"]).await;
    assert!(healthy.status.success(), "{}{}", text(&healthy.stdout), text(&healthy.stderr));
    let sick =
        Command::new(env!("CARGO_BIN_EXE_countersign")).arg("doctor").env("DATABASE_URL", desk.owner_url().await).output().await.unwrap();
    assert_eq!(sick.status.code(), Some(1));
    assert!(text(&sick.stdout).contains("FAIL  role"), "{}", text(&sick.stdout));
}

#[tokio::test]
async fn configuration_errors_are_told_together() {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("serve")
        .env_remove("DATABASE_URL")
        .env("COUNTERSIGN_LISTEN", "nowhere")
        .env("COUNTERSIGN_POLICY_FILE", "/nowhere/policy.toml")
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    for part in ["DATABASE_URL is not set", "COUNTERSIGN_LISTEN", "COUNTERSIGN_POLICY_FILE"] {
        assert!(said.contains(part), "{said}");
    }
}
