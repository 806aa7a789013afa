//! Asking the provider what is so, as a job. The job stays in the queue, hidden, while the provider is asked: whoever is killed in
//! between leaves it to somebody else. Nobody holds a transaction open meanwhile.
use super::{
    Payment, State,
    provider::{Failure, Outcome, Seen},
    settle, short_id, store,
};
use crate::{
    app::App,
    auth::{Operator, PaymentsKeep, Service},
    crash,
    db::Change,
    error::Error,
    jobs::{self, Job},
    ledger::{self, Entry},
    requests::hex,
};
use chrono::{DateTime, Utc};
use rand::RngExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Instant;

/// The kind of job that looks at a payment.
pub const JOB: &str = "payment.look";
/// Longer than [`super::http::PATIENCE`], and than what it takes to write the answer down.
const HIDDEN: f64 = 15.0;

/// Why somebody looks.
#[derive(Deserialize)]
struct Reason {
    payment: i64,
    because: String,
    since: DateTime<Utc>,
    event: Option<String>,
    /// The amount that the event claimed.
    claimed: Option<i64>,
    /// SHA-256 of the secret that came with the event, in hex.
    secret: Option<String>,
}

/// Looks at the payment of a claimed job, once.
pub async fn run(app: &App, mut change: Change, job: Job) -> Result<(), Error> {
    let reason: Reason = serde_json::from_value(job.payload.clone()).map_err(anyhow::Error::from)?;
    let payment = store::find(&mut change, reason.payment).await?.ok_or_else(|| anyhow::anyhow!("job {} names no payment", job.id))?;
    // whoever asked after this was told has the answer to it
    let is_known = payment.trouble.is_none() && payment.asked_at.is_some_and(|at| at > reason.since);
    let handle = payment.handle().ok_or_else(|| anyhow::anyhow!("{} cannot be asked for", payment.short_id()))?;
    let Some(provider) = app.payments.get(payment.provider).filter(|_| !is_known) else {
        let why = if is_known { "known" } else { "provider_off" };
        let entry = Entry::of("payment.look_skipped").on("payment", &payment.short_id()).with("why", why);
        // the claim took the job out of the queue
        return change.commit(entry).await.map(drop);
    };
    drop(change);
    let Ok(_one_of_few) = app.payments.looks.try_acquire() else {
        // the other workers are for what was approved
        let soon = rand::rng().random_range(0.5..1.5);
        return app.db.hide_job(job.id, soon).await;
    };
    if !app.db.take_job(job.id, HIDDEN).await? {
        return Ok(());
    }
    crash::point("payments.hidden");
    let asked_at = store::now(&mut *app.db.read().await?).await?;
    let began = Instant::now();
    let answer = provider.look(&handle).await;
    let took = began.elapsed();
    crash::point("payments.answered");
    let (outcome, pause) = record(app, &reason, asked_at, &answer, provider.counts_tests(), job.id).await?;
    crash::point("payments.recorded");
    app.db.metrics().payment_look(payment.provider.name(), outcome.name(), took);
    match pause {
        Some(pause) => app.db.hide_job(job.id, pause.as_secs_f64()).await,
        None => Ok(()),
    }
}

/// Writes down what was said, and what follows from it. Answers when to ask again; otherwise the job is done.
async fn record(
    app: &App,
    reason: &Reason,
    asked_at: DateTime<Utc>,
    answer: &Result<Seen, Failure>,
    tests_count: bool,
    job: i64,
) -> Result<(Outcome, Option<std::time::Duration>), Error> {
    let writer: Operator<PaymentsKeep> = Service::Executor.operator();
    let mut change = app.db.begin(&writer).await?;
    let known = store::lock(&mut change, reason.payment).await?.ok_or(Error::NotFound)?;
    let mut outcome = settle::outcome(&known, asked_at, answer, tests_count);
    let answered_at = store::now(&mut change).await?;
    if let (true, None, Ok(seen)) = (outcome.counts(), &known.provider_id, answer)
        && store::is_taken(&mut change, known.provider, &seen.provider_id).await?
    {
        outcome = Outcome::Elsewhere;
    }
    let remarks = remarks(reason, answer);
    let attempt =
        store::Attempt { because: &reason.because, event: reason.event.as_deref(), asked_at, answered_at, outcome, remarks: &remarks };
    store::add_attempt(&mut change, known.id, &attempt, answer, &app.replica).await?;
    let (tries, since) = (known.tries.saturating_add(1), known.trouble_since.unwrap_or(answered_at));
    let mut pause = None;
    if outcome.counts()
        && let Ok(seen) = answer
    {
        let trouble = (outcome == Outcome::UnknownState).then_some((outcome, since));
        store::see(&mut change, known.id, seen, asked_at, trouble).await?;
    } else if outcome != Outcome::Late {
        pause = settle::again(outcome, tries, since, answered_at);
        store::fail(&mut change, known.id, outcome, since, tries).await?;
    }
    if pause.is_none() {
        jobs::settle(&mut change, job).await?;
    }
    tell(change, &known, answer, outcome, &remarks).await?;
    Ok((outcome, pause))
}

/// What is odd about the event, held against the answer. Nothing follows from it: the answer counts either way.
fn remarks(reason: &Reason, answer: &Result<Seen, Failure>) -> Vec<&'static str> {
    let Ok(seen) = answer else { return Vec::new() };
    let mut remarks = Vec::new();
    if reason.claimed.is_some_and(|claimed| claimed != seen.amount) {
        remarks.push("amount_differs");
    }
    if reason.secret.as_ref().is_some_and(|given| seen.secret.is_none_or(|own| *given != hex(&own))) {
        remarks.push("secret_differs");
    }
    remarks
}

/// The ledger's part. No names: whoever paid is in the payment alone.
async fn tell(
    mut change: Change,
    known: &Payment,
    answer: &Result<Seen, Failure>,
    outcome: Outcome,
    remarks: &[&str],
) -> Result<(), Error> {
    let entry = |kind| {
        let entry = Entry::of(kind).on("payment", &short_id(known.id)).with("provider", known.provider.name()).with("look", outcome.name());
        if remarks.is_empty() { entry } else { entry.with("remarks", json!(remarks)) }
    };
    let before = json!({"state": known.state.name(), "amount": known.amount, "balance": known.balance});
    let Some(seen) = answer.as_ref().ok().filter(|_| outcome.counts()) else {
        let failed = if outcome == Outcome::Late { ledger::Outcome::Success } else { ledger::Outcome::Failure };
        return change.commit(entry("payment.looked").outcome(failed)).await.map(drop);
    };
    let after: Value = json!({"state": seen.state.name(), "amount": seen.amount, "balance": seen.balance});
    let is_new = known.state == State::Heard;
    let is_paid = seen.state == State::Paid && known.state != State::Paid;
    if is_new {
        let seen = entry("payment.seen").before(before.clone()).after(after.clone());
        if !is_paid {
            return change.commit(seen).await.map(drop);
        }
        change.record(seen).await?;
    }
    let last = match outcome {
        _ if is_paid => entry("payment.verified").with("amount", seen.amount).before(before).after(after),
        Outcome::Unchanged => entry("payment.looked"),
        _ => entry("payment.changed").before(before).after(after),
    };
    change.commit(last).await.map(drop)
}
