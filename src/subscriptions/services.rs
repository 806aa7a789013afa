//! The AI services that come with a subscription. What they include follows the version that is in force for the tenant: at once where
//! that changes today, and otherwise by a job at midnight in Korea.
use super::{quote, store};
use crate::{
    app::App,
    catalog::today,
    db::Change,
    error::Error,
    jobs::{self, Job},
    ledger::Entry,
    tenants,
};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Asia::Seoul;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The kind of job that brings a tenant's services in line with its subscription.
pub const JOB: &str = "subscription.follow";

#[derive(Deserialize)]
struct Due {
    tenant: String,
    day: NaiveDate,
}

/// The tenant may use these from here on, so far as its subscription of today includes.
pub async fn grant(change: &mut Change, tenant: &str, services: &[String]) -> Result<(), Error> {
    let day = today();
    let (state, quota, request) = wanted(change, tenant, day).await?;
    store::add_services(change, tenant, services, state, quota, request.unwrap_or_default()).await?;
    tell(change, tenant, day).await
}

/// Has them follow what holds from this day on: now, if it has come.
pub(super) async fn follow_from(change: &mut Change, tenant: &str, day: NaiveDate) -> Result<(), Error> {
    if day <= today() {
        return follow(change, tenant, day).await.map(|_| ());
    }
    let delay = (midnight(day) - change.now()).to_std().unwrap_or_default();
    jobs::enqueue(change, JOB, json!({"tenant": tenant, "day": day}), delay).await
}

/// Runs a claimed job.
pub async fn run(_: &App, mut change: Change, job: Job) -> Result<(), Error> {
    let due: Due = serde_json::from_value(job.payload).map_err(anyhow::Error::from)?;
    tenants::lock(&mut change, &due.tenant).await?;
    // our clock may be behind the one by which the job was due
    let moved = follow(&mut change, &due.tenant, due.day.max(today())).await?;
    let entry = Entry::of("tenant.services.followed").on("tenant", &due.tenant).with("day", due.day.to_string()).with("moved", moved);
    change.commit(entry).await.map(|_| ())
}

/// Whether anything was not as the subscription of that day says.
async fn follow(change: &mut Change, tenant: &str, day: NaiveDate) -> Result<bool, Error> {
    let (state, quota, request) = wanted(change, tenant, day).await?;
    // without a subscription ever there is nothing to follow
    let Some(request) = request else { return Ok(false) };
    let moved = store::set_services(change, tenant, state, quota, request).await?;
    if moved {
        tell(change, tenant, day).await?;
    }
    Ok(moved)
}

/// What holds on a day, and the request that brought it.
async fn wanted(change: &mut Change, tenant: &str, day: NaiveDate) -> Result<(&'static str, Option<i64>, Option<i64>), Error> {
    match store::of(change, tenant, day).await? {
        Some(subscription) => {
            let tokens = quote::pinned(change, &subscription).await.map_err(Error::from)?.tokens();
            Ok(("active", tokens, Some(subscription.request)))
        }
        None => {
            let last = store::history(change, tenant, 1).await?.pop();
            Ok(("stopped", Some(0), last.map(|s| s.undone_in.or(s.ended_in).unwrap_or(s.request))))
        }
    }
}

async fn tell(change: &mut Change, tenant: &str, day: NaiveDate) -> Result<(), Error> {
    let services = store::services(change, tenant).await?;
    let facts: Map<String, Value> = services.into_iter().map(|s| (s.service, json!({"quota": s.token_quota, "state": s.state}))).collect();
    let entry = Entry::of("tenant.services.set").on("tenant", tenant).with("day", day.to_string()).with("services", facts);
    change.record(entry).await.map(|_| ())
}

/// When a day begins in Korea.
fn midnight(day: NaiveDate) -> DateTime<Utc> {
    Seoul.from_local_datetime(&day.and_time(NaiveTime::MIN)).earliest().map_or_else(Utc::now, |at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_korea() {
        assert_eq!(midnight("2026-10-18".parse().unwrap()).to_rfc3339(), "2026-10-17T15:00:00+00:00");
    }
}
