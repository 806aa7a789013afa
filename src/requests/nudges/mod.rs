//! Requests that wait too long: first those who have not voted are reminded, later others are told. The policy says when. It
//! changes nothing about who may decide.
mod store;

use super::State;
use crate::{
    app::App,
    auth::{Operator, RequestsExecute, Service},
    error::Error,
    notices::{self, Kind},
};
use serde_json::json;
use std::time::Duration;

/// Reminds and escalates what is due, one transaction each, until the replica stops.
pub async fn follow(app: App) {
    let mut every = tokio::time::interval(Duration::from_secs(2));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        loop {
            match nudge_next(&app).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "reminding of requests");
                    break;
                }
            }
        }
    }
}

async fn nudge_next(app: &App) -> Result<bool, Error> {
    let mut conn = app.db.read().await?;
    if !store::any_due(&mut conn).await? {
        return Ok(false);
    }
    drop(conn);
    let executor: Operator<RequestsExecute> = Service::Executor.operator();
    let mut change = app.db.begin(&executor).await?;
    let Some((id, remind_at)) = store::lock_due(&mut change).await? else { return Ok(false) };
    let Some(request) = super::store::lock(&mut change, id).await?.filter(|r| r.state == State::Pending) else { return Ok(false) };
    change.announce("request", id, &json!({"id": request.short_id(), "state": "pending"})).await?;
    // the reminder comes first, however late both are
    let entry = if remind_at.is_some_and(|t| t <= change.now()) {
        store::reminded(&mut change, id).await?;
        notices::tell_deciders(&mut change, &request, Kind::Reminded, &request.waits_for).await?;
        request.entry("request.reminded").with("for", json!(request.waits_for))
    } else {
        store::escalated(&mut change, id).await?;
        notices::tell_holders(&mut change, &request, Kind::Escalated, &request.ruling.escalate_to).await?;
        request.entry("request.escalated").with("to", json!(request.ruling.escalate_to))
    };
    change.commit(entry).await?;
    Ok(true)
}
