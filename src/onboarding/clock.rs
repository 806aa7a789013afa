//! The clock of onboardings: owners are told once that a step is late, and what nobody finished is over in the end.
use super::{Kind, State, find, lists, short_id, store};
use crate::{
    app::App,
    auth::{Operator, RequestsExecute, Service},
    error::Error,
    notices::{self, Kind as Notice},
};
use std::time::Duration;

/// Looks every few seconds, one transaction for each that is due, until the replica stops.
pub async fn follow(app: App) {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        loop {
            match next(&app).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "the clock of onboardings");
                    break;
                }
            }
        }
    }
}

/// Does one thing that is due; `false` if nothing is.
pub async fn next(app: &App) -> Result<bool, Error> {
    let mut conn = app.db.read().await?;
    if !lists::any_due(&mut conn).await? {
        return Ok(false);
    }
    drop(conn);
    let executor: Operator<RequestsExecute> = Service::Executor.operator();
    let mut change = app.db.begin(&executor).await?;
    if let Some(id) = lists::lock_expired(&mut change).await? {
        let Some(onboarding) = find(&mut change, id).await? else { return Ok(false) };
        store::close(&mut change, id, State::Expired, None, None).await?;
        let mut people = vec![onboarding.requester_id, onboarding.owner_id];
        people.dedup();
        for person in people {
            notices::tell_about(&mut change, person, Notice::Expired, &onboarding.short_id(), &onboarding.label()).await?;
        }
        change.commit(onboarding.entry("onboarding.expired")).await?;
        return Ok(true);
    }
    let Some(late) = lists::late_step(&mut change).await? else { return Ok(false) };
    let Some(onboarding) = find(&mut change, late.onboarding).await? else { return Ok(false) };
    lists::told_late(&mut change, late.task).await?;
    let topic = format!("{}/{}", short_id(late.onboarding), late.kind);
    notices::tell_about(&mut change, late.owner, Notice::StepOverdue, &topic, &onboarding.label()).await?;
    let kind = Kind::from(late.kind);
    change.commit(onboarding.entry("onboarding.step.overdue").with("step", kind.name())).await?;
    Ok(true)
}
