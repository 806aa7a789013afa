//! Is this replica alive, is it of use, and the chores that keep it so.
use crate::{app::App, error::Error, ledger::log, surface::Surface};
use axum::extract::State;
use std::time::Duration;

pub fn routes(surface: Surface) -> Surface {
    surface.public_show("/healthz", alive).public_show("/readyz", ready)
}

/// The process answers.
async fn alive() -> &'static str {
    "ok\n"
}

/// The database answers and is migrated. A ledger that is halted is told, and no reason to take the portal away: people must see why.
async fn ready(State(app): State<App>) -> Result<String, Error> {
    app.db.ready().await?;
    let head = log::head(&mut *app.db.read().await?).await?;
    let halted = head.and_then(|head| head.why()).map(|why| format!("the ledger is halted: {why}\n"));
    Ok(format!("ready\n{}", halted.unwrap_or_default()))
}

/// Removes what is over and makes room for what comes, at start and then every hour.
pub async fn housekeeping(app: App) {
    let mut every = tokio::time::interval(Duration::from_secs(3600));
    loop {
        every.tick().await;
        if let Err(error) = app.db.prepare_partitions().await {
            tracing::error!(%error, "cannot prepare the ledger's partitions");
        }
        if let Err(error) = app.db.sweep().await {
            tracing::warn!(%error, "housekeeping");
        }
    }
}
