//! Forward-only migrations, applied as the owner role.
use sqlx::{Connection, PgConnection, migrate::Migrator};

static MIGRATOR: Migrator = sqlx::migrate!();

/// The newest migration this binary knows.
pub fn latest() -> i64 {
    MIGRATOR.iter().map(|m| m.version).max().unwrap_or(0)
}

/// Brings the database of `owner_url` up to date; creates the application, sequencer and auditor roles.
pub async fn run(owner_url: &str) -> anyhow::Result<()> {
    let mut conn = PgConnection::connect(owner_url).await?;
    MIGRATOR.run(&mut conn).await?;
    conn.close().await?;
    Ok(())
}
