//! Effects in other systems. A crash may come anywhere, so every step says in a transaction of its own what it is about to do:
//! claimed, dispatched, answered. The job stays in the queue, hidden for as long as the attempt is leased; whoever finds it
//! again goes on from what the attempts say, and by what the other system promises.
use super::{admissible, is_as_approved, store};
use crate::{
    app::App,
    auth::{Operator, RequestsExecute, Service},
    crash,
    db::Change,
    error::Error,
    jobs,
    ledger::Outcome,
    operations::{Answer, Guarantee, Outside, Preview, Proposal, Refusal},
    requests::{Attempt, Request, State, expiry, store as requests},
};
use serde_json::{Value, json};
use std::time::Duration;

/// After so many attempts, about two minutes with the usual lease, a question that is still open is for people.
const MOST_ATTEMPTS: usize = 7;
/// How long another system is expected to remember a key.
const KEY_REMEMBERED: chrono::TimeDelta = chrono::TimeDelta::hours(23);

/// Takes the request one attempt further, or finds that there is nothing left to do.
pub(super) async fn drive(app: &App, job: i64, id: i64) -> Result<(), Error> {
    let lease = app.lease.as_secs_f64();
    app.db.hide_job(job, lease + 0.5).await?;
    crash::point("outside.hidden");
    let mut conn = app.db.read().await?;
    let request = requests::find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    let attempts = store::attempts(&mut conn, id).await?;
    drop(conn);
    match request.state {
        State::Approved => begin(app, job, request).await,
        State::Executing => resume(app, job, request, &attempts).await,
        _ => {
            let change = executor(app).await?;
            settle_job(change, job, request.entry("request.skipped").with("state", request.state.name())).await
        }
    }
}

async fn executor(app: &App) -> Result<Change, Error> {
    let executor: Operator<RequestsExecute> = Service::Executor.operator();
    app.db.begin(&executor).await
}

async fn settle_job(mut change: Change, job: i64, entry: crate::ledger::Entry) -> Result<(), Error> {
    jobs::settle(&mut change, job).await?;
    change.commit(entry).await.map(|_| ())
}

fn proposal(app: &App, request: &Request) -> Option<Box<dyn Proposal>> {
    app.registry.find(&request.operation)?.parse(request.fields.as_object()?).ok()
}

/// The first attempt: looks at the target there, compares with what was approved, claims, asks.
async fn begin(app: &App, job: i64, request: Request) -> Result<(), Error> {
    let seen = match proposal(app, &request) {
        Some(proposal) => match look(app, &*proposal).await {
            Ok(seen) => seen,
            Err(Refusal::Rule(_)) => Value::Null,
            // not reached: nothing has begun, and it may be there again before the approval lapses
            Err(Refusal::Failure(error)) => {
                tracing::warn!(request = request.id, %error, "the other system cannot be read; trying again");
                app.db.hide_job(job, 5.0).await?;
                return lapse(app, job, request.id).await;
            }
        },
        None => Value::Null,
    };
    crash::point("outside.looked");
    let mut change = executor(app).await?;
    let mut request = requests::lock(&mut change, request.id).await?.ok_or(Error::NotFound)?;
    if request.state != State::Approved {
        return Ok(());
    }
    if expiry::is_due(&request, change.now()) {
        jobs::settle(&mut change, job).await?;
        return expiry::expire(change, request).await;
    }
    // the row may have been changed since the job was looked at
    let sound = is_as_approved(app, &mut change, &request).await?;
    let broken = json!({"code": "binding_broken"});
    let (proposal, preview) = match if sound { admissible(app, &mut change, &request, &seen).await? } else { Err(broken) } {
        Ok(found) => found,
        Err(why) => {
            let entry = request.become_(&mut change, State::Stale, Some(why.clone())).await?.detail("outcome", why);
            return settle_job(change, job, entry).await;
        }
    };
    if store::holder(&mut change, request.id).await?.is_some() {
        drop(change);
        return app.db.hide_job(job, super::BUSY.as_secs_f64()).await;
    }
    let key = format!("cs-{}", request.id);
    let epoch = store::begin(&mut change, request.id, &app.replica, Some(&key), Some(app.lease.as_secs_f64())).await?;
    let entry = request.become_(&mut change, State::Executing, None).await?.with("attempt", epoch);
    change.commit(entry).await?;
    crash::point("outside.claimed");
    ask(app, job, request, epoch, &*proposal, &preview).await
}

/// No neighbour takes longer than half a lease, however many questions it takes.
async fn look(app: &App, proposal: &dyn Proposal) -> Result<Value, Refusal> {
    let late = || Refusal::from(Error::Neighbour("the other system did not answer in time".into()));
    tokio::time::timeout(app.lease / 2, proposal.look()).await.unwrap_or_else(|_| Err(late()))
}

/// It was approved, and the other system was never reached: nothing happened.
async fn never_began(mut change: Change, job: i64, mut request: Request, code: &str) -> Result<(), Error> {
    let outcome = json!({"code": code});
    let entry = request.become_(&mut change, State::Failed, Some(outcome.clone())).await?.detail("outcome", outcome);
    settle_job(change, job, entry).await
}

/// Nobody may try for ever: what was approved must begin in its time.
async fn lapse(app: &App, job: i64, id: i64) -> Result<(), Error> {
    let mut change = executor(app).await?;
    match requests::lock(&mut change, id).await? {
        Some(request) if expiry::is_due(&request, change.now()) => {
            jobs::settle(&mut change, job).await?;
            expiry::expire(change, request).await
        }
        _ => Ok(()),
    }
}

/// An attempt was left behind, or asked to be tried again.
async fn resume(app: &App, job: i64, request: Request, attempts: &[Attempt]) -> Result<(), Error> {
    let Some(last) = attempts.last() else { return Err(anyhow::anyhow!("{} runs without an attempt", request.short_id()).into()) };
    let proposal = proposal(app, &request);
    // this replica may not know the system any more: then nobody is asked, and people have to look
    let outside = proposal.as_deref().and_then(|p| p.outside());
    let guarantee = outside.map_or(Guarantee::Opaque, |o| o.guarantee());
    let begun = attempts.iter().any(|a| a.dispatched_at.is_some() && !not_sent(a));
    let seen = match proposal.as_deref().filter(|_| !begun) {
        Some(proposal) => match look(app, proposal).await {
            Ok(seen) => seen,
            Err(Refusal::Rule(_)) => Value::Null,
            Err(Refusal::Failure(error)) => {
                tracing::warn!(request = request.id, %error, "the other system cannot be read; trying again");
                // when its time is over, it has never begun
                if request.execute_by.is_none_or(|t| chrono::Utc::now() < t) {
                    return app.db.hide_job(job, 5.0).await;
                }
                Value::Null
            }
        },
        None => Value::Null,
    };
    let mut change = executor(app).await?;
    let request = requests::lock(&mut change, request.id).await?.ok_or(Error::NotFound)?;
    let current = store::attempts(&mut change, request.id).await?;
    if request.state != State::Executing || current.last().map(|a| a.epoch) != Some(last.epoch) {
        return Ok(());
    }
    let left = store::lease_left(&mut change, request.id, last.epoch).await?;
    if left > 0.0 && last.ended_at.is_none() {
        drop(change);
        return app.db.hide_job(job, left + 0.5).await;
    }
    // nothing if it ended without an answer; otherwise it was left behind by a replica that died
    let lapsed = json!({"code": "lease_lapsed"});
    store::end(&mut change, request.id, last.epoch, if last.dispatched_at.is_some() { "unknown" } else { "failed" }, &lapsed).await?;
    let asked: Vec<_> = current.iter().filter_map(|a| a.dispatched_at).collect();
    let open = current.iter().any(|a| a.dispatched_at.is_some() && !not_sent(a));
    let may_ask_again = !open || (guarantee == Guarantee::Keyed && asked.first().is_some_and(|t| change.now() - *t < KEY_REMEMBERED));
    // what was changed since it was approved is not asked for again
    let may_ask_again = may_ask_again && is_as_approved(app, &mut change, &request).await?;
    let proposal = proposal.as_deref().filter(|_| may_ask_again && current.len() < MOST_ATTEMPTS && outside.is_some());
    let Some(proposal) = proposal else {
        if open {
            // recorded before reading back: a crash in between must leave the question open, not the attempt
            return give_up(app, change, job, request, last.epoch, outside).await;
        }
        return never_began(change, job, request, "unreachable").await;
    };
    if !open {
        // nothing has begun, and time may have passed: everything is looked at again, as before the first attempt
        let overdue = request.execute_by.is_some_and(|t| change.now() >= t);
        if overdue || admissible(app, &mut change, &request, &seen).await?.is_err() {
            return never_began(change, job, request, "lapsed").await;
        }
    }
    let key = last.key.clone().unwrap_or_else(|| format!("cs-{}", request.id));
    let epoch = store::begin(&mut change, request.id, &app.replica, Some(&key), Some(app.lease.as_secs_f64())).await?;
    change.announce("request", request.id, &json!({"id": request.short_id(), "state": "executing"})).await?;
    change.commit(request.entry("request.resumed").with("attempt", epoch).with("after", last.epoch)).await?;
    crash::point("outside.resumed");
    let preview = approved_preview(&request)?;
    ask(app, job, request, epoch, proposal, &preview).await
}

/// The attempt never reached the other system.
fn not_sent(attempt: &Attempt) -> bool {
    attempt.outcome.as_deref() == Some("failed")
}

/// What was approved, as it is stored: after the first attempt the target may have moved because of it.
pub(in crate::requests) fn approved_preview(request: &Request) -> Result<Preview, Error> {
    let map = |value: &Value| value.as_object().cloned().ok_or_else(|| anyhow::anyhow!("{} has no before and after", request.short_id()));
    let target = crate::operations::Target { kind: "", id: request.target_id.clone(), label: request.target_label.clone() };
    Ok(Preview { target, before: map(&request.before)?, after: map(&request.after)? })
}

/// Says that it asks, asks, and records the answer.
async fn ask(app: &App, job: i64, request: Request, epoch: i16, proposal: &dyn Proposal, preview: &Preview) -> Result<(), Error> {
    let Some(outside) = proposal.outside() else { return Err(anyhow::anyhow!("there is nobody to ask").into()) };
    app.db.hide_job(job, app.lease.as_secs_f64() + 1.0).await?;
    let mut change = executor(app).await?;
    let request = requests::lock(&mut change, request.id).await?.ok_or(Error::NotFound)?;
    if request.state != State::Executing || !store::dispatch(&mut change, request.id, epoch).await? {
        return Ok(());
    }
    change.commit(request.entry("request.dispatched").with("attempt", epoch).with("guarantee", outside.guarantee().name())).await?;
    crash::point("outside.dispatched");
    // all steps together end before the lease does
    let late = || Answer::Unsure(json!({"error": "not all steps were answered in time"}));
    let key = format!("cs-{}", request.id);
    let dispatch = outside.dispatch(&key, preview);
    let answer = tokio::time::timeout(app.lease.mul_f32(0.8), dispatch).await.unwrap_or_else(|_| late());
    crash::point("outside.answered");
    answered(app, job, request.id, epoch, proposal, preview, answer).await
}

/// Records what came back, if the attempt is still the one that counts.
async fn answered(
    app: &App,
    job: i64,
    id: i64,
    epoch: i16,
    proposal: &dyn Proposal,
    preview: &Preview,
    answer: Answer,
) -> Result<(), Error> {
    let mut change = executor(app).await?;
    let mut request = requests::lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    let receipt = answer.receipt().clone();
    let attempts = store::attempts(&mut change, id).await?;
    let newest = attempts.last().map(|a| a.epoch) == Some(epoch);
    // an earlier attempt may have done it: a refusal of this one does not tell
    let asked_before = attempts.iter().any(|a| a.epoch != epoch && a.dispatched_at.is_some() && !not_sent(a));
    let answer = match answer {
        Answer::Refused(receipt) | Answer::Partly(receipt) if asked_before => Answer::Unsure(receipt),
        other => other,
    };
    let (ended, state) = match &answer {
        Answer::Done(_) => ("succeeded", Some(State::Succeeded)),
        Answer::Partly(_) => ("partial", Some(State::Partial)),
        Answer::Refused(_) => ("failed", Some(State::Failed)),
        Answer::NotSent(_) => ("failed", None),
        Answer::Unsure(_) => ("unknown", None),
    };
    if request.state != State::Executing || !newest || !store::end(&mut change, id, epoch, ended, &receipt).await? {
        return orphan(change, &request, epoch, ended, receipt).await;
    }
    let Some(state) = state else {
        change.announce("request", id, &json!({"id": request.short_id(), "state": "executing"})).await?;
        let entry = request.entry("request.unanswered").outcome(Outcome::Unknown).with("attempt", epoch).detail("receipt", receipt);
        change.commit(entry).await?;
        let pause = (app.lease.as_secs_f64() / 30.0 * f64::from(1 << epoch.clamp(0, 6))).min(60.0);
        return app.db.hide_job(job, pause).await;
    };
    let followed = state == State::Succeeded && follows(&mut change, &request, proposal, preview).await?;
    let outcome = json!({"code": outcome_code(state), "receipt": receipt, "followed": followed});
    let entry = request.become_(&mut change, state, Some(outcome.clone())).await?.with("attempt", epoch).with("followed", followed);
    let entry = entry.detail("outcome", outcome);
    crash::point("outside.recording");
    settle_job(change, job, entry).await?;
    crash::point("outside.recorded");
    Ok(())
}

fn outcome_code(state: State) -> &'static str {
    match state {
        State::Succeeded => "done",
        State::Partial => "partly",
        _ => "refused_outside",
    }
}

/// An answer that comes after somebody else took over. It changes nothing; if it contradicts what is recorded, people look.
async fn orphan(change: Change, request: &Request, epoch: i16, ended: &str, receipt: Value) -> Result<(), Error> {
    let contradicts = !request.state.is_open() && request.state.name() != ended && ended != "unknown";
    if contradicts {
        tracing::error!(
            request = request.id,
            attempt = epoch,
            recorded = request.state.name(),
            answered = ended,
            "a late answer contradicts the outcome"
        );
    }
    let entry = request.entry("request.orphaned").outcome(if contradicts { Outcome::Failure } else { Outcome::Success });
    let entry = entry.with("attempt", epoch).with("answered", ended).with("contradicts", contradicts).detail("receipt", receipt);
    change.commit(entry).await.map(|_| ())
}

/// The question stays open: it is said so, and then, where the other system can be read, it is read.
async fn give_up(
    app: &App,
    mut change: Change,
    job: i64,
    mut request: Request,
    epoch: i16,
    outside: Option<&dyn Outside>,
) -> Result<(), Error> {
    let outcome = json!({"code": "unanswered"});
    let entry =
        request.become_(&mut change, State::Unknown, Some(outcome.clone())).await?.with("attempt", epoch).detail("outcome", outcome);
    settle_job(change, job, entry).await?;
    crash::point("outside.unknown");
    if let Some(outside) = outside.filter(|o| o.guarantee() != Guarantee::Opaque) {
        tokio::time::timeout(Duration::from_secs(15), read_back(app, request.id, outside)).await.unwrap_or(Ok(false))?;
    }
    Ok(())
}

/// Reads the target and settles the question if it is as it was to become. `true` if that settled it.
pub(in crate::requests) async fn read_back(app: &App, id: i64, outside: &dyn Outside) -> Result<bool, Error> {
    let mut conn = app.db.read().await?;
    let request = requests::find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    drop(conn);
    let preview = approved_preview(&request)?;
    let (seen, settled) = match outside.probe(&preview).await {
        Ok(found) => found,
        Err(Refusal::Failure(Error::Unavailable(why) | Error::Neighbour(why))) => (json!({"error": why}), false),
        Err(refusal) => return Err(refusal.into()),
    };
    let mut change = executor(app).await?;
    let mut request = requests::lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    if request.state != State::Unknown {
        return Ok(true);
    }
    let entry = request.entry("request.read-back").with("settles", settled).detail("seen", seen.clone());
    if !settled {
        change.announce("request", id, &json!({"id": request.short_id(), "state": "unknown"})).await?;
        change.commit(entry).await?;
        return Ok(false);
    }
    change.record(entry).await?;
    let followed = follow(app, &mut change, &request).await?;
    let outcome = json!({"code": "read_back", "seen": seen});
    let entry = request.become_(&mut change, State::Succeeded, Some(outcome.clone())).await?.with("by", "read-back");
    change.commit(entry.with("followed", followed).detail("outcome", outcome)).await?;
    Ok(true)
}

/// Writes into our own tables what is now known to be done in the other system; answers whether they could follow.
pub(in crate::requests) async fn follow(app: &App, change: &mut Change, request: &Request) -> Result<bool, Error> {
    let Some(proposal) = proposal(app, request) else { return Ok(false) };
    if !is_as_approved(app, change, request).await? || !request.is_as_told(change).await? {
        tracing::error!(request = request.id, "what is stored is not what was approved: our own tables do not follow");
        return Ok(false);
    }
    follows(change, request, &*proposal, &approved_preview(request)?).await
}

/// What is done there is done, whether or not our own tables can follow: that is told and does not undo the outcome.
async fn follows(change: &mut Change, request: &Request, proposal: &dyn Proposal, preview: &Preview) -> Result<bool, Error> {
    change.on_behalf_of(request.id);
    change.mark().await?;
    match proposal.apply(change, preview).await {
        Ok(()) => Ok(true),
        Err(refusal) => {
            let error = Error::from(refusal);
            tracing::error!(request = request.id, %error, "done in the other system, and our own tables do not follow");
            change.undo_to_mark().await?;
            Ok(false)
        }
    }
}

/// The other system of a request, if it has one, and what it promises.
pub(in crate::requests) async fn read_back_now(app: &App, request: &Request) -> Result<Option<bool>, Error> {
    let Some(proposal) = proposal(app, request) else { return Ok(None) };
    match proposal.outside() {
        Some(outside) if outside.guarantee() != Guarantee::Opaque => read_back(app, request.id, outside).await.map(Some),
        _ => Ok(None),
    }
}
