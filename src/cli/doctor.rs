//! `countersign doctor`: is this installation put together right? One line for each check; exit 1 if any fails.
use super::End;
use crate::{auth::Provider, config::Config, ledger::log, payments};
use anyhow::Context;
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, Row};

pub async fn run() -> anyhow::Result<End> {
    let mut failures = 0;
    let mut say = |name: &str, result: anyhow::Result<String>| match result {
        Ok(text) => println!("ok    {name}: {text}"),
        Err(error) => {
            failures += 1;
            println!("FAIL  {name}: {error:#}");
        }
    };
    let config = Config::load();
    match &config {
        Ok(config) => say("configuration", Ok(format!("listens on {}, reached at {}", config.listen, config.public_url))),
        Err(error) => say("configuration", Err(anyhow::anyhow!("{error}"))),
    }
    let Ok(config) = config else { anyhow::bail!("1 check failed") };
    match PgConnection::connect(config.database()).await {
        Err(error) => say("database", Err(error.into())),
        Ok(mut conn) => {
            say("database", version(&mut conn).await);
            say("migrations", migrations(&mut conn).await);
            say("role", role(&mut conn).await);
            say("clock", clock(&mut conn).await);
            say("time zones", zones(&mut conn).await);
        }
    }
    say("log", log(config.ledger.as_ref()).await);
    match &config.oidc {
        None => say("identity provider", Ok("not configured; only break-glass passwords work".into())),
        Some(oidc) => {
            let provider = Provider::new(oidc.clone(), config.public_url.join("/auth/callback")?.to_string())?;
            say("identity provider", provider.check().await.map(|()| format!("{} answers", oidc.issuer)));
        }
    }
    let providers = payments::Providers::new(&config.payments)?.check().await;
    if providers.is_empty() {
        say("payment providers", Ok("none configured; events of payments get 404".into()));
    }
    for (name, result) in providers {
        let from = config.public_url.join(&format!("/hooks/payments/{}", name.name()))?;
        say(name.called(), result.map(|text| format!("{text}; its events are expected at {from}")));
    }
    say(
        "approvals of tool calls",
        if config.tools.held {
            Ok(format!("on; a call that waits expires after {} s", config.tools.timeout))
        } else {
            Ok("OFF: APPROVAL_WORKFLOW_ENABLED is false, no call of a tool waits for anybody".into())
        },
    );
    let tls = config.secure() || config.listen.ip().is_loopback();
    say(
        "transport",
        if tls {
            Ok(config.public_url.scheme().to_owned())
        } else {
            Err(anyhow::anyhow!("COUNTERSIGN_PUBLIC_URL is not https, and the listener is not loopback: cookies would travel in clear"))
        },
    );
    anyhow::ensure!(failures == 0, "{failures} check(s) failed");
    Ok(End::Done)
}

/// The key is the log's, the sequencer gets in, and its checkpoints have a place to go to.
async fn log(settings: Option<&log::Settings>) -> anyhow::Result<String> {
    let settings = settings.context("COUNTERSIGN_LEDGER_KEY is not set, so nothing that is approved could run")?;
    let log = log::Log::new(settings)?;
    log.check().await?;
    log.close().await;
    let copy = std::fs::OpenOptions::new().append(true).create(true).open(&settings.copy);
    copy.with_context(|| format!("COUNTERSIGN_LEDGER_COPY: cannot write {}", settings.copy.display()))?;
    let signing = log.keys().iter().take(1 + usize::from(settings.next_key.is_some()));
    Ok(format!("{}, verified by {}", log.origin(), signing.map(ToString::to_string).collect::<Vec<_>>().join(" and by ")))
}

async fn version(conn: &mut PgConnection) -> anyhow::Result<String> {
    let number: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int").fetch_one(conn).await?;
    anyhow::ensure!(number >= 140_000, "PostgreSQL {} is too old; 14 is the oldest that works", number / 10_000);
    Ok(format!("PostgreSQL {}", number / 10_000))
}

async fn migrations(conn: &mut PgConnection) -> anyhow::Result<String> {
    let applied: i64 = sqlx::query_scalar("select coalesce(max(version), 0) from _sqlx_migrations").fetch_one(conn).await?;
    let known = crate::db::migrations::latest();
    anyhow::ensure!(applied >= known, "at {applied}, this binary needs {known}; run `countersign migrate`");
    Ok(format!("at {applied}"))
}

/// The application must not own its tables or be able to rewrite the ledger.
async fn role(conn: &mut PgConnection) -> anyhow::Result<String> {
    let row = sqlx::query(
        "select current_user::text as name, rolsuper, rolcreaterole, has_table_privilege('ledger.event', 'update') or has_table_privilege('ledger.event', 'delete') as rewrites,
           exists (select from pg_class where relowner = r.oid and relkind in ('r', 'p')) as owns from pg_roles r where rolname = current_user"
    ).fetch_one(conn).await?;
    let name: String = row.get("name");
    anyhow::ensure!(!row.get::<bool, _>("rolsuper"), "{name} is a superuser");
    anyhow::ensure!(!row.get::<bool, _>("rolcreaterole"), "{name} may create roles");
    anyhow::ensure!(!row.get::<bool, _>("rewrites"), "{name} may rewrite the ledger");
    anyhow::ensure!(!row.get::<bool, _>("owns"), "{name} owns tables; connect as countersign_app");
    Ok(name)
}

async fn clock(conn: &mut PgConnection) -> anyhow::Result<String> {
    let theirs: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()").fetch_one(conn).await?;
    let apart = (Utc::now() - theirs).num_milliseconds().abs();
    anyhow::ensure!(apart < 5_000, "{apart} ms apart from the database's; sign-in at the identity provider may fail");
    Ok(format!("{apart} ms apart from the database's"))
}

async fn zones(conn: &mut PgConnection) -> anyhow::Result<String> {
    let found: bool = sqlx::query_scalar("select exists (select from pg_timezone_names where name = 'Asia/Seoul')").fetch_one(conn).await?;
    anyhow::ensure!(found, "the database does not know Asia/Seoul");
    Ok("Asia/Seoul is known".into())
}
