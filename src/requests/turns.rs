//! Whose turn it is, kept right where nobody votes: after a change of the policy, and when voters lose what let them vote. What
//! counts is decided in the transaction that depends on it; this only makes the lists look right.
use super::{State, expiry, store, tally::Tally, votes};
use crate::{
    app::App,
    auth::{Operator, RequestsExecute, Service},
    error::Error,
    ledger::Entry,
    notices::{self, Kind},
    policy,
};
use std::time::{Duration, Instant};

const BUNCH: i64 = 200;

/// Looks for another policy every second, and at everything that waits every minute, until the replica stops.
pub async fn follow(app: App) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut known, mut looked) = (None, Instant::now());
    loop {
        every.tick().await;
        let newest = match app.db.read().await {
            Ok(mut conn) => policy::newest_id(&mut conn).await.ok(),
            Err(_) => None,
        };
        if newest.is_none() || (newest == known && looked.elapsed() < Duration::from_secs(60)) {
            continue;
        }
        match renew(&app).await {
            Ok(()) => (known, looked) = (newest, Instant::now()),
            Err(error) => tracing::warn!(%error, "whose turn it is"),
        }
    }
}

async fn renew(app: &App) -> Result<(), Error> {
    let mut last = 0;
    loop {
        let mut conn = app.db.read().await?;
        let ids = store::pending_after(&mut conn, last, BUNCH).await?;
        let mut stale = Vec::new();
        for id in &ids {
            let Some(request) = store::find(&mut conn, *id).await? else { continue };
            if Tally::of(app, &mut conn, &request).await?.waits_for() != request.waits_for {
                stale.push(*id);
            }
        }
        drop(conn);
        for id in stale {
            renew_one(app, id).await?;
        }
        match ids.last() {
            Some(id) if ids.len() as i64 == BUNCH => last = *id,
            _ => return Ok(()),
        }
    }
}

async fn renew_one(app: &App, id: i64) -> Result<(), Error> {
    let executor: Operator<RequestsExecute> = Service::Executor.operator();
    let mut change = app.db.begin(&executor).await?;
    let Some(mut request) = store::lock(&mut change, id).await?.filter(|r| r.state == State::Pending) else { return Ok(()) };
    if expiry::is_due(&request, change.now()) {
        return expiry::expire(change, request).await;
    }
    let tally = Tally::of(app, &mut change, &request).await?;
    if tally.met() {
        // the votes are there already: roles came back, or the policy asks for less again
        return votes::approve(change, &mut request, tally.have(), None).await;
    }
    let roles = tally.waits_for();
    if !store::save_turn(&mut change, id, &roles).await? {
        return Ok(());
    }
    change.announce("request", id, &serde_json::json!({"id": request.short_id(), "state": "pending"})).await?;
    notices::tell_deciders(&mut change, &request, Kind::Asked, &roles).await?;
    let version = policy::newest_id(&mut change).await?;
    change
        .commit(
            Entry::of("request.waits").request(id).on(&request.target_type, &request.target_id).with("for", roles).with("version", version),
        )
        .await?;
    Ok(())
}
