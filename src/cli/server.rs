//! Commands that run something: demo, serve, migrate.
use super::End;
use crate::{
    app::App,
    config::Config,
    db::{
        Db,
        embedded::{Durability, Postgres},
        migrations,
    },
    demo::{self, Demo, PASSWORD, PEOPLE, PROBLEM_ORG, Scale},
    ledger::{
        log::{Log, audit},
        note::{SigningKey, VerifyingKey},
    },
    live::Live,
    operations::registry::{Registry, written_past},
    requests::invariants,
};
use anyhow::Context;
use secrecy::ExposeSecret;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Instant,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// Runs a replica until SIGINT or SIGTERM.
pub async fn serve(web: bool, worker: bool) -> anyhow::Result<End> {
    let began = Instant::now();
    raise_open_files();
    let config = Config::load()?;
    let listener = if web { Some(bind(config.listen).await?) } else { None };
    anyhow::ensure!(
        config.ledger.is_some(),
        "COUNTERSIGN_LEDGER_KEY is not set, so nothing that is approved could run; `countersign ledger key NAME` makes one"
    );
    let (app, born_here) = App::new(&config).await?;
    app.db.ready().await.context("the database is not ready; run `countersign migrate` first")?;
    let open = !config.listen.ip().is_loopback();
    anyhow::ensure!(
        !(open && app.db.is_demo().await?),
        "this is the demo's database, whose passwords everybody knows; it is served on this machine only"
    );
    if !config.tools.held {
        tracing::warn!(
            "APPROVAL_WORKFLOW_ENABLED is false: NO CALL OF A TOOL WAITS FOR APPROVAL, whatever its risk; the ledger says so for each"
        );
    }
    tracing::info!(listen = %config.listen, took = ?began.elapsed(), "ready");
    app.run(&config, listener, worker, born_here, interrupted()?).await?;
    Ok(End::Done)
}

/// Runs the demo until it is interrupted; then stops all of it.
pub async fn demo(port: u16, data: &Path, reset: bool, provider: Option<PathBuf>) -> anyhow::Result<End> {
    raise_open_files();
    // the port first: everything else would be for nothing
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    let listen = listener.local_addr()?;
    let stop = interrupted()?;
    let began = Instant::now();
    let demo = Demo::prepare(data, reset, listen, provider).await?;
    let (app, born_here) = App::new(&demo.config).await?;
    print_welcome(&demo, listen, began);
    app.run(&demo.config, Some(listener), true, born_here, stop).await?;
    eprintln!("Stopped. Your data is kept; `--reset` starts over.");
    Ok(End::Done)
}

fn print_welcome(demo: &Demo, listen: SocketAddr, began: Instant) {
    println!("\n  Countersign demo, ready in {:.1} s\n", began.elapsed().as_secs_f64());
    println!("  Sign in with any of these and the password {PASSWORD}");
    for person in PEOPLE {
        let roles: Vec<_> = person.roles.iter().map(|r| r.name()).collect();
        println!("    {:<28} {} ({})", person.email, person.name, roles.join(", "));
    }
    if demo.config.oidc.is_some() {
        println!("  or with the local identity provider, as the same people.");
    }
    println!("\n  Try first:");
    println!("    1. Sign in as admin@hanbit.example and open http://{listen}/orgs/{PROBLEM_ORG}");
    println!("       This customer pays for enterprise and 120,000 credits; neither was applied. Ask for the fix.");
    println!("    2. In another browser window, sign in as approver@hanbit.example and open http://{listen}/inbox");
    println!("       Read the difference, approve, and see it done in both windows.");
    if let Some(product) = &demo.config.admin_api {
        println!("    3. Ask for a person's plan at http://{listen}/users: the product's own admin API carries it out.");
        println!("       Break it while a request runs, at {} — and settle what nobody knows.", product.url);
    }
    if let Some(till) = &demo.till {
        println!("    4. Open http://{listen}/payments: customers pay at {till}. Break it, make a payment there, and mend it.");
    }
    println!(
        "    5. Sign in as cs@hanbit.example and open http://{listen}/onboarding: take a tenant from its contract through the four steps,"
    );
    println!("       ask for its approval, and countersign it as admin@hanbit.example: its plan begins.");
    println!("\n  Database: {}\n  Ctrl-C stops everything.\n", demo.database_url());
    // for scripts: the last lines, when everything can be used
    if let Some(product) = &demo.config.admin_api {
        println!("product {}", product.url);
    }
    if let Some(till) = &demo.till {
        println!("till {till}");
    }
    println!("ready http://{listen}");
}

pub async fn migrate() -> anyhow::Result<End> {
    migrations::run(&owner_url()?).await?;
    println!("The database is at migration {}.", migrations::latest());
    Ok(End::Done)
}

/// Makes a signing key for a log of this name.
pub fn ledger_key(name: &str) -> anyhow::Result<End> {
    let key = SigningKey::generate(name)?;
    println!("{}", key.secret().expose_secret());
    eprintln!("Keep this line secret and give it to every replica as COUNTERSIGN_LEDGER_KEY.");
    eprintln!("Whoever checks the ledger needs the verifying key, which is no secret:\n{}", key.verifying_key());
    Ok(End::Done)
}

/// Checks what must be true of all requests, in one snapshot of the database of DATABASE_URL.
pub async fn verify(json: bool, keys: &[String], copy: Option<PathBuf>) -> anyhow::Result<End> {
    let config = Config::load()?;
    let mut keys =
        keys.iter().map(|key| VerifyingKey::parse(key).with_context(|| format!("--key {key:?}"))).collect::<Result<Vec<_>, _>>()?;
    if let Some(ledger) = config.ledger.as_ref().filter(|_| keys.is_empty()) {
        keys.extend_from_slice(Log::new(ledger)?.keys());
    }
    anyhow::ensure!(!keys.is_empty(), "no key to check signatures with: give --key, or set COUNTERSIGN_LEDGER_KEY");
    let copy = copy.or_else(|| config.ledger.as_ref().map(|ledger| ledger.copy.clone()));
    let db = Db::connect(config.database(), Live::new().0).await?;
    let mut findings = invariants::check(&mut *db.read().await?).await?;
    findings.push(invariants::overwritten(&mut *db.read().await?, &Registry::new()).await?);
    findings.push(invariants::written_past(written_past(&mut *db.read().await?).await?));
    let log = audit::verify(&mut *db.read().await?, &keys, copy.as_deref()).await?;
    db.close().await;
    let broken = findings.iter().any(|finding| !finding.requests.is_empty()) || !log.faults.is_empty();
    if json {
        let all: Vec<_> = findings.iter().map(|f| serde_json::json!({"invariant": f.invariant, "broken_by": f.requests})).collect();
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({"invariants": all, "log": log}))?);
    } else {
        print_log(&log);
        for finding in &findings {
            let verdict = if finding.requests.is_empty() {
                "holds".into()
            } else {
                format!("BROKEN: {}: {}", finding.means, finding.requests.join(", "))
            };
            println!("{:<20} {verdict}", finding.invariant);
        }
    }
    Ok(if broken { End::Failed } else { End::Done })
}

/// What was looked at in the log, and each fault on a line.
pub(super) fn print_log(log: &audit::Report) {
    let audit::Report { leaves, checkpoints, published, given_up, retired, proven, without_gap, replayed, unopened, faults } = log;
    println!("{:<20} {leaves} leaves, {checkpoints} checkpoints, {published} published", "log");
    for (count, what) in [
        (proven, "events are in it, each by its own proof"),
        (retired, "went with retired months"),
        (replayed, "came back from the copy, without their details"),
        (unopened, "details are not opened"),
        (given_up, "published checkpoints were given up"),
    ] {
        if *count > 0 {
            println!("{:<20} {count} {what}", "");
        }
    }
    if let Some((first, last)) = without_gap {
        println!("{:<20} every event from {first} to {last} is there", "");
    }
    for fault in faults {
        println!("{:<20} BROKEN: {}: {}", "", fault.place, fault.what);
    }
}

/// A database of its own for tools: compile-time checked SQL, load tests.
pub async fn scratch_database(requests: usize, command: &[String]) -> anyhow::Result<End> {
    let folder = std::env::temp_dir().join(format!("countersign-scratch-{}", std::process::id()));
    let postgres = Postgres::start(&folder, Durability::Fast).await?;
    postgres.create("scratch", None).await?;
    let owner = postgres.owner_url("scratch");
    migrations::run(&owner).await?;
    if requests > 0 {
        demo::fill(&owner, Scale { requests, product: false, ..Scale::DEMO }).await?;
    }
    let log = demo::a_log(&postgres, "scratch", &folder)?;
    let status = tokio::process::Command::new(&command[0])
        .args(&command[1..])
        .env("DATABASE_URL", postgres.app_url("scratch"))
        .env("COUNTERSIGN_LEDGER_DATABASE_URL", log.database_url.expose_secret())
        .env("COUNTERSIGN_LEDGER_KEY", log.key.expose_secret())
        .env("COUNTERSIGN_LEDGER_COPY", log.copy)
        .env("DATABASE_OWNER_URL", &owner)
        .status()
        .await
        .with_context(|| format!("cannot run {}", command[0]));
    drop(postgres);
    let _ = std::fs::remove_dir_all(&folder);
    anyhow::ensure!(status?.success(), "{} failed", command.join(" "));
    Ok(End::Done)
}

/// The owner's URL, which a running replica never has.
pub fn owner_url() -> anyhow::Result<String> {
    std::env::var("DATABASE_OWNER_URL").context("DATABASE_OWNER_URL is not set; it is the database as the owner of its tables")
}

async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}; if something else runs there, choose another port"))
}

/// Each caller that waits is an open connection, and the usual soft limit of 1,024 files would be the end of it.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|soft| limit.maximum.is_some_and(|hard| soft >= hard)) {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::warn!(%error, soft = limit.current, "cannot raise the limit of open files");
    }
}

fn interrupted() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
