//! Carrying out what was approved: once, and only if it is still exactly what was approved. Here where the effect is in our own
//! database; `outside.rs` where it is in another system.
pub(super) mod outside;
mod store;

pub use store::{attempts, holder};

use super::{Request, State, expiry, store as requests, votes};
use crate::{
    app::App,
    crash,
    db::Change,
    error::{Error, Problem},
    i18n::Text,
    jobs::{self, Job},
    ledger::log::Gate,
    operations::{Guarantee, Preview, Proposal, Refusal},
};
use serde_json::{Value, json};
use std::time::Duration;

/// The kind of job that runs a request.
pub const JOB: &str = "request.execute";
/// How long a request waits before it looks again whether its target is free.
const BUSY: Duration = Duration::from_secs(3);

/// Puts the execution into the queue, in the transaction that approved.
pub(super) async fn enqueue(change: &mut Change, request: &Request) -> Result<(), Error> {
    let delay = request.runs_from().map_or(Duration::ZERO, |t| (t - change.now()).to_std().unwrap_or_default());
    jobs::enqueue(change, JOB, json!({"request": request.id}), delay).await
}

/// Runs the request of a claimed job. Job, attempt, effect, outcome and entries commit together or not at all.
pub async fn run(app: &App, mut change: Change, job: Job) -> Result<(), Error> {
    let id = job.payload["request"].as_i64().ok_or_else(|| anyhow::anyhow!("job {} names no request", job.id))?;
    let mut request =
        requests::lock(&mut change, id).await?.ok_or_else(|| anyhow::anyhow!("job {} names request {id}, which does not exist", job.id))?;
    crash::point("execution.claimed");
    let definition = app.registry.find(&request.operation);
    let elsewhere = definition.is_some_and(|d| d.guarantee() != Guarantee::Transactional);
    let begun = request.state == State::Executing;
    if !begun && request.state != State::Approved {
        // decided otherwise while the job waited: nothing to run, only the job to be done with
        let entry = request.entry("request.skipped").with("state", request.state.name());
        change.commit(entry).await?;
        return Ok(());
    }
    if !begun && expiry::is_due(&request, change.now()) {
        return expiry::expire(change, request).await;
    }
    let wait = if begun { None } else { request.runs_from() };
    if let Some(wait) = wait.and_then(|t| (t - change.now()).to_std().ok()).filter(|wait| !wait.is_zero()) {
        jobs::enqueue(&mut change, JOB, json!({"request": id}), wait).await?;
        let entry = request.entry("request.skipped").with("state", request.state.name());
        change.commit(entry).await?;
        return Ok(());
    }
    // where the log came back from its copy, the ledger may know that it ran, or was denied, when the row has forgotten
    if !request.is_as_told(&mut change).await? {
        return refuse(change, request, "told_otherwise").await;
    }
    match &app.log {
        Some(log) => match log.gate(&mut change, id, begun).await? {
            Gate::Open if is_as_approved(app, &mut change, &request).await? => {}
            Gate::Open => return refuse(change, request, "binding_broken").await,
            Gate::Waits => {
                // the job stays in the queue, and is claimed again
                drop(change);
                log.next().await;
                return Ok(());
            }
            Gate::Halted if definition.is_some_and(|d| d.while_halted()) => {}
            Gate::Halted => {
                drop(change);
                return app.db.hide_job(job.id, BUSY.as_secs_f64()).await;
            }
        },
        None => return Err(anyhow::anyhow!("nothing that was approved runs without a log: COUNTERSIGN_LEDGER_KEY is not set").into()),
    }
    // an effect of our own begins and ends in one transaction: one that has begun is elsewhere, whatever this replica knows of it
    if begun || elsewhere {
        // nobody holds a transaction open while another system answers
        drop(change);
        return outside::drive(app, job.id, id).await;
    }
    if store::holder(&mut change, id).await?.is_some() {
        drop(change);
        return app.db.hide_job(job.id, BUSY.as_secs_f64()).await;
    }
    match admissible(app, &mut change, &request, &Value::Null).await? {
        Ok((proposal, preview)) => run_here(app, change, request, &*proposal, &preview).await,
        Err(why) => {
            let entry = request.become_(&mut change, State::Stale, Some(why.clone())).await?.detail("outcome", why);
            change.commit(entry).await?;
            Ok(())
        }
    }
}

/// What is stored is not what the ledger says was approved: it does not begin, and what has begun is for people to look at.
async fn refuse(mut change: Change, mut request: Request, code: &str) -> Result<(), Error> {
    tracing::error!(request = request.id, code, "what is stored is not what the ledger tells");
    let why = json!({"code": code});
    let next = if request.state == State::Executing { State::Unknown } else { State::Stale };
    if let Some(last) = store::attempts(&mut change, request.id).await?.last() {
        store::end(&mut change, request.id, last.epoch, "unknown", &why).await?;
    }
    let entry = request.become_(&mut change, next, Some(why.clone())).await?.detail("outcome", why);
    change.commit(entry).await.map(|_| ())
}

/// Whether what is stored of it is what was approved, as the log has it: nobody can change that any more.
async fn is_as_approved(app: &App, change: &mut Change, request: &Request) -> Result<bool, Error> {
    match &app.log {
        Some(log) if request.computed_binding()?[..] == request.binding => {
            log.is_approved(change, request.id, &request.binding_hex()).await
        }
        _ => Ok(false),
    }
}

/// Whether what would happen is still what was approved, by people who may still approve it; if not, why.
async fn admissible(
    app: &App,
    change: &mut Change,
    request: &Request,
    seen: &Value,
) -> Result<Result<(Box<dyn Proposal>, Preview), Value>, Error> {
    let Some(definition) = app.registry.find(&request.operation).filter(|d| d.version() == request.operation_version) else {
        return Ok(Err(json!({"code": "operation_retired"})));
    };
    if request.computed_binding()?.as_slice() != request.binding {
        tracing::error!(request = request.id, "the stored request does not match its binding");
        return Ok(Err(json!({"code": "binding_broken"})));
    }
    if store::guarantee(change, request.id).await? != definition.guarantee().name() {
        // asked for where another system carries it out, or the other way round
        return Ok(Err(json!({"code": "system_changed"})));
    }
    let quorum = votes::quorum(app, change, request).await?;
    if !quorum.met {
        return Ok(Err(json!({"code": "quorum_lost", "approvals": quorum.have})));
    }
    let fields = request.fields.as_object().cloned().unwrap_or_default();
    let Ok(proposal) = definition.parse(&fields) else {
        return Ok(Err(json!({"code": "operation_retired"})));
    };
    match proposal.lock(change).await {
        Ok(()) => {}
        Err(Refusal::Failure(error)) => return Err(error),
        Err(Refusal::Rule(problem)) => return Ok(Err(moved(&problem.text))),
    }
    match proposal.preview(change, seen).await {
        Ok(now) if json!(now.before) == request.before && json!(now.after) == request.after => Ok(Ok((proposal, now))),
        // where the target is what it was, something else would come of it by now: a price list is another one, say
        Ok(now) if json!(now.before) == request.before => Ok(Err(json!({"code": "target_moved", "was": request.after, "is": now.after}))),
        Ok(now) => Ok(Err(json!({"code": "target_moved", "was": request.before, "is": now.before}))),
        Err(Refusal::Rule(problem)) => Ok(Err(moved(&problem.text))),
        Err(Refusal::Failure(error)) => Err(error),
    }
}

fn moved(text: &Text) -> Value {
    json!({"code": "target_moved", "refusal": text.id(), "with": text.args()})
}

/// The effect is in our own database: it commits with its outcome.
async fn run_here(app: &App, mut change: Change, mut request: Request, proposal: &dyn Proposal, preview: &Preview) -> Result<(), Error> {
    let epoch = store::begin(&mut change, request.id, &app.replica, None, None).await?;
    let started = request.become_(&mut change, State::Executing, None).await?.with("attempt", epoch);
    change.record(started).await?;
    change.on_behalf_of(request.id);
    change.mark().await?;
    crash::point("execution.started");
    let (state, outcome) = match proposal.apply(&mut change, preview).await {
        Ok(()) => (State::Succeeded, json!({"code": "done"})),
        Err(Refusal::Rule(problem)) => {
            let Problem { field, text } = problem;
            (State::Failed, json!({"code": "refused", "refusal": text.id(), "with": text.args(), "field": field}))
        }
        Err(Refusal::Failure(Error::Internal(cause))) if is_constraint(&cause) => {
            tracing::error!(request = request.id, %cause, "a constraint refused the effect");
            (State::Failed, json!({"code": "constraint"}))
        }
        // the database did not answer: nothing is committed, and the job comes again
        Err(Refusal::Failure(error)) => return Err(error),
    };
    if state == State::Failed {
        change.undo_to_mark().await?;
    }
    crash::point("execution.applied");
    store::end(&mut change, request.id, epoch, state.name(), &outcome).await?;
    let entry = request.become_(&mut change, state, Some(outcome.clone())).await?.with("attempt", epoch).detail("outcome", outcome);
    change.commit(entry).await?;
    crash::point("execution.recorded");
    Ok(())
}

/// SQLSTATE class 23: the database's rules say no, and will say so again.
fn is_constraint(error: &anyhow::Error) -> bool {
    error.downcast_ref::<sqlx::Error>().and_then(|e| e.as_database_error()?.code()).is_some_and(|code| code.starts_with("23"))
}
