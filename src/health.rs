//! Is this replica alive, is it of use, and the chores that keep it so.
use crate::{app::App, error::Error, surface::Surface};
use axum::extract::State;
use std::time::Duration;

pub fn routes(surface: Surface) -> Surface {
    surface.public_show("/healthz", alive).public_show("/readyz", ready)
}

/// The process answers.
async fn alive() -> &'static str {
    "ok\n"
}

/// The database answers and is migrated. The sequencer joins with the ledger's second part.
async fn ready(State(app): State<App>) -> Result<&'static str, Error> {
    app.db.ready().await?;
    Ok("ready\n")
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
