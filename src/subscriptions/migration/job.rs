//! The job that moves tenant after tenant: a few in each transaction, each behind a savepoint of its own, so that what one of them refuses
//! undoes nothing of the others. A transaction that does not commit leaves its tenants pending, and whoever takes the job up begins with them.
use super::{Migration, Why, store};
use crate::{
    app::App,
    catalog::today,
    crash,
    db::Change,
    error::Error,
    jobs::{self, Job},
    ledger::Entry,
    notices, requests,
    subscriptions::{begin, end, services},
    tenants,
};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The kind of job that goes on with a migration.
pub const JOB: &str = "subscriptions.migrate";
/// So many tenants commit together.
const BATCH: i64 = 20;

/// Runs a claimed job: the next few tenants, and then the next job or the end.
pub async fn run(_: &App, mut change: Change, job: Job) -> Result<(), Error> {
    let request = job.payload["request"].as_i64().ok_or_else(|| anyhow::anyhow!("job {} names no request", job.id))?;
    let migration = store::lock(&mut change, request).await?;
    let migration = migration.ok_or_else(|| anyhow::anyhow!("job {} names request {request}, which moves nobody", job.id))?;
    change.on_behalf_of(request);
    let (mut moved, mut skipped) = (0_usize, Map::new());
    for (tenant, had) in store::pending(&mut change, request, BATCH).await? {
        crash::point("migration.row");
        tenants::lock(&mut change, &tenant).await?;
        change.mark().await?;
        let became = match one(&mut change, &migration, &tenant, had).await {
            Ok(became) => became,
            // the database is away, or somebody else was in the way: all of these come again
            Err(error @ (Error::Unavailable(_) | Error::Neighbour(_))) => return Err(error),
            Err(error) => {
                tracing::error!(request, %tenant, %error, "a tenant was not moved");
                change.undo_to_mark().await?;
                Err(Why::Failed)
            }
        };
        store::done(&mut change, request, &tenant, became).await?;
        match became {
            Ok(_) => moved += 1,
            Err(why) => _ = skipped.insert(tenant, json!(why.name())),
        }
    }
    commit(change, &migration, moved, skipped).await
}

/// What was done is told, and what comes next is put into the queue.
async fn commit(mut change: Change, migration: &Migration, moved: usize, skipped: Map<String, Value>) -> Result<(), Error> {
    let counts = store::counts(&mut change, migration.request).await?;
    let over = counts.pending == 0;
    let kind = if over { "subscription.migration.finished" } else { "subscription.migration.advanced" };
    let mut entry = Entry::of(kind).on("plan", &migration.plan).with("moved", moved).with("skipped", skipped);
    if over {
        entry = entry.with("all", json!({"moved": counts.moved, "skipped": counts.skipped}));
        store::finish(&mut change, migration.request).await?;
        if let Some(request) = requests::find(&mut change, migration.request).await? {
            notices::tell_concerned(&mut change, &request, notices::Kind::Finished).await?;
        }
    } else {
        entry = entry.with("pending", counts.pending);
        jobs::enqueue(&mut change, JOB, json!({"request": migration.request}), Duration::ZERO).await?;
    }
    change.announce("request", migration.request, &counts.told(migration.request)).await?;
    crash::point("migration.committing");
    change.commit(entry).await.map(|_| ())
}

/// One tenant, which is locked: the subscription it has now, or why it stays as it is.
async fn one(change: &mut Change, m: &Migration, tenant: &str, had: i64) -> Result<Result<i64, Why>, Error> {
    let had = store::candidate(change, had).await?.ok_or(Error::NotFound)?;
    if let Some(why) = had.why_not(m.from) {
        return Ok(Err(why));
    }
    if m.from < today() {
        return Ok(Err(Why::Late));
    }
    end(change, had.id, Some(m.from)).await?;
    let new = begin(change, tenant, &m.plan, m.to_version, m.from).await?;
    services::follow_from(change, tenant, m.from).await?;
    let state = |version: i32| json!({"plan": m.plan, "version": version, "from": m.from.to_string()});
    let before = json!({"plan": m.plan, "version": m.from_version, "from": had.starts.to_string()});
    change.record(new.entry("subscription.migrated").before(before).after(state(m.to_version))).await?;
    Ok(Ok(new.id))
}
