//! Requests that nobody decided, or that did not run in time. Every transaction that touches a request checks this itself;
//! the sweep only makes the list look right.
use super::{Request, State, store};
use crate::{
    app::App,
    auth::{Operator, RequestsExecute, Service},
    db::Change,
    error::Error,
};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Half-open: at `expires_at` it is over.
pub(super) fn is_due(request: &Request, now: DateTime<Utc>) -> bool {
    match request.state {
        State::Pending => now >= request.expires_at,
        State::Approved => request.execute_by.is_some_and(|t| now >= t),
        _ => false,
    }
}

pub(super) async fn expire(mut change: Change, mut request: Request) -> Result<(), Error> {
    let entry = request.become_(&mut change, State::Expired, None).await?;
    change.commit(entry).await?;
    Ok(())
}

/// Expires what is due, one transaction each, until the replica stops.
pub async fn sweep(app: App) {
    let mut every = tokio::time::interval(Duration::from_secs(2));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        loop {
            match expire_next(&app).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "expiring requests");
                    break;
                }
            }
        }
    }
}

async fn expire_next(app: &App) -> Result<bool, Error> {
    let mut conn = app.db.read().await?;
    if !store::any_due(&mut conn).await? {
        return Ok(false);
    }
    drop(conn);
    let executor: Operator<RequestsExecute> = Service::Executor.operator();
    let mut change = app.db.begin(&executor).await?;
    match store::lock_due(&mut change).await? {
        Some(request) if is_due(&request, change.now()) => expire(change, request).await.map(|()| true),
        _ => Ok(false),
    }
}
