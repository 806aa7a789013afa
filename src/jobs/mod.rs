//! The queue in Postgres and its worker. A job is put there by the transaction that needs it, and claimed by locking its
//! row inside the transaction that does the work: a worker that is killed gives it back at once, and work that has
//! committed is never seen again.
mod store;

use crate::{
    app::App,
    auth::{Operator, RequestsExecute, Service},
    db::Change,
    error::Error,
};
use serde_json::Value;
use std::time::Duration;

/// After so many failures a job waits five minutes between tries, and somebody should look.
const QUICK_TRIES: i16 = 5;
/// How many jobs a replica works on at a time.
pub const WORKERS: usize = 5;
const POLL: Duration = Duration::from_secs(1);

/// A claimed job. It is done when the change it was claimed in commits.
pub struct Job {
    pub id: i64,
    pub kind: String,
    pub payload: Value,
}

/// Puts a job into the queue, if and when the change commits.
pub async fn enqueue(change: &mut Change, kind: &'static str, payload: Value, delay: Duration) -> Result<(), Error> {
    change.enqueue(kind, payload, delay).await
}

/// Takes a job out of the queue for good, if and when the change commits: what it was for is settled.
pub async fn settle(change: &mut Change, job: i64) -> Result<(), Error> {
    Ok(store::remove(change, job).await?)
}

/// Puts a claimed job off, with what it learned, if and when the change commits. Not for a job that the change itself claimed.
pub async fn put_off(change: &mut Change, job: i64, payload: Value, pause: Duration) -> Result<(), Error> {
    Ok(store::put_off(change, job, payload, pause.as_secs_f64()).await?)
}

/// Runs due jobs until the replica stops.
pub async fn work(app: App) {
    loop {
        match run_next(&app).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the worker cannot reach its queue"),
        }
        tokio::select! {
            () = app.db.live().work() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Claims one due job and runs it; `false` if there is none.
async fn run_next(app: &App) -> Result<bool, Error> {
    let _in_hand = app.in_hand.read().await;
    let executor: Operator<RequestsExecute> = Service::Executor.operator();
    let mut change = app.db.begin(&executor).await?;
    let Some(job) = store::claim(&mut change, &(app.not_now)(app)).await? else { return Ok(false) };
    let (id, kind) = (job.id, job.kind.clone());
    // in a task of its own, so that a panic in one job does not end the worker
    let runner = app.clone();
    let done = tokio::spawn(async move { (runner.run_job)(runner.clone(), change, job).await }).await;
    let failure = match done {
        Ok(Ok(())) => return Ok(true),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic.to_string(),
    };
    tracing::error!(job = id, kind, %failure, "a job failed and will be tried again");
    app.db.postpone_job(id, &failure, QUICK_TRIES).await?;
    Ok(true)
}
