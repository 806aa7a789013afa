//! Asking the provider what is so, as a job. The job stays in the queue, hidden, while the provider is asked: whoever is killed in
//! between leaves it to somebody else. Nobody holds a transaction open meanwhile.
use super::{
    Payment, State,
    provider::{Failure, Handle, Outcome, Patience, Seen},
    settle::{self, Tries},
    short_id, store,
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
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Instant;

/// Whether jobs of this kind look at payments. Each provider has a kind of its own, see [`super::Name::job`].
pub fn is_look(kind: &str) -> bool {
    kind.starts_with("payment.look")
}

/// Longer than [`super::http::PATIENCE`], and than what it takes to write the answer down.
const HIDDEN: f64 = 15.0;
/// How long a job is left to others that nobody here can do.
const LEFT: f64 = 5.0;

/// Why somebody looks, and how far the job has come with it: other jobs of the same payment have their own patience.
#[derive(Serialize, Deserialize)]
struct Reason {
    payment: i64,
    because: String,
    since: DateTime<Utc>,
    event: Option<String>,
    /// How to ask, where that was said; else as it is known best.
    handle: Option<Handle>,
    /// The amount that the event claimed.
    claimed: Option<i64>,
    /// The name of the state that it claimed.
    claims: Option<String>,
    /// SHA-256 of the secret that came with the event, in hex.
    secret: Option<String>,
    #[serde(default)]
    tries: Tries,
}

impl Reason {
    /// Whether a payment in this state is behind what the event claimed.
    fn is_ahead_of(&self, state: State) -> bool {
        self.claims.as_deref().and_then(State::named).is_some_and(|claimed| state.is_behind(claimed))
    }
}

/// Looks at the payment of a claimed job, once.
pub async fn run(app: &App, mut change: Change, job: Job) -> Result<(), Error> {
    let reason: Reason = serde_json::from_value(job.payload.clone()).map_err(anyhow::Error::from)?;
    let payment = store::find(&mut change, reason.payment).await?.ok_or_else(|| anyhow::anyhow!("job {} names no payment", job.id))?;
    let Some(provider) = app.payments.get(payment.provider) else {
        drop(change);
        return app.db.take_job(job.id, LEFT).await.map(drop);
    };
    // whoever asked after this was told has the answer to it, unless that is behind what was told
    let is_known = payment.trouble.is_none() && payment.asked_at.is_some_and(|at| at > reason.since) && !reason.is_ahead_of(payment.state);
    if is_known {
        let entry = Entry::of("payment.look_skipped").on("payment", &payment.short_id()).with("why", "known");
        // the claim took the job out of the queue
        return change.commit(entry).await.map(drop);
    }
    drop(change);
    let handle = reason.handle.clone().or_else(|| payment.handle());
    let handle = handle.ok_or_else(|| anyhow::anyhow!("{} cannot be asked for", payment.short_id()))?;
    let Some(_one_of_few) = app.payments.may_look(payment.provider) else {
        // it was free when this was claimed; if somebody else has it meanwhile, it is theirs
        let soon = rand::rng().random_range(0.2..0.6);
        return app.db.take_job(job.id, soon).await.map(drop);
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
    let look = Look { asked_at, handle, answer, job: job.id };
    let outcome = record(app, reason, &look, provider.counts_tests()).await?;
    crash::point("payments.recorded");
    app.db.metrics().payment_look(payment.provider.name(), outcome.name(), took);
    Ok(())
}

/// A question and its answer.
struct Look {
    asked_at: DateTime<Utc>,
    handle: Handle,
    answer: Result<Seen, Failure>,
    job: i64,
}

/// Writes down what was said, and what follows from it: the job asks again later, or is done.
async fn record(app: &App, mut reason: Reason, look: &Look, tests_count: bool) -> Result<Outcome, Error> {
    let writer: Operator<PaymentsKeep> = Service::Executor.operator();
    let mut change = app.db.begin(&writer).await?;
    let subject = subject(&mut change, &reason, look).await?;
    let known = store::lock(&mut change, subject).await?.ok_or(Error::NotFound)?;
    let mut outcome = settle::outcome(&known, look.asked_at, &look.answer, tests_count);
    let answered_at = store::now(&mut change).await?;
    if let (true, None, Ok(seen)) = (outcome.counts(), &known.provider_id, &look.answer)
        && store::is_taken(&mut change, known.provider, &seen.provider_id).await?
    {
        outcome = Outcome::Elsewhere;
    }
    let now = look.answer.as_ref().ok().filter(|_| outcome.counts()).map_or(known.state, |seen| seen.state);
    let lags = (outcome.counts() || outcome == Outcome::Late) && reason.is_ahead_of(now);
    let patience = if lags { Some(Patience::Minutes) } else { outcome.is_worth_another_try() };
    let pause = patience.and_then(|patience| reason.tries.again(patience, answered_at));
    let next_ask = pause.map(|pause| answered_at + pause);
    let remarks = remarks(&reason, &look.answer, lags);
    let attempt = store::Attempt {
        because: &reason.because,
        event: reason.event.as_deref(),
        asked_at: look.asked_at,
        answered_at,
        outcome,
        remarks: &remarks,
    };
    store::add_attempt(&mut change, known.id, &attempt, &look.answer, &app.replica).await?;
    if outcome.counts()
        && let Ok(seen) = &look.answer
    {
        let trouble = (outcome == Outcome::UnknownState).then_some((outcome, known.trouble_since.unwrap_or(answered_at)));
        let (once_paid, least_left) = settle::peak(&known, seen);
        let so = store::Standing { trouble, once_paid, least_left, next_ask };
        store::see(&mut change, known.id, seen, look.asked_at, &so).await?;
    } else if outcome != Outcome::Late {
        store::fail(&mut change, known.id, outcome, answered_at, next_ask).await?;
    }
    match pause {
        Some(pause) => {
            let payload = serde_json::to_value(&reason).map_err(anyhow::Error::from)?;
            jobs::put_off(&mut change, look.job, payload, pause).await?;
        }
        None => jobs::settle(&mut change, look.job).await?,
    }
    tell(change, &known, &look.answer, outcome, &remarks).await?;
    Ok(outcome)
}

/// Which payment the answer is about. Somebody who tries again to pay an order makes another payment at one of the providers: asked
/// for the order, it describes the last one.
async fn subject(change: &mut Change, reason: &Reason, look: &Look) -> Result<i64, Error> {
    let known = store::find(change, reason.payment).await?.ok_or(Error::NotFound)?;
    let (Handle::Order(order), Ok(seen)) = (&look.handle, &look.answer) else { return Ok(known.id) };
    let is_another = known.provider_id.as_ref().is_some_and(|id| *id != seen.provider_id) && seen.order_id == *order;
    if !is_another || !Handle::is_sound(&seen.provider_id) {
        return Ok(known.id);
    }
    Ok(store::heard_of(change, known.provider, Some(&seen.provider_id), Some(order)).await?)
}

/// What is odd about the event, held against the answer. Nothing follows from it: the answer counts either way.
fn remarks(reason: &Reason, answer: &Result<Seen, Failure>, lags: bool) -> Vec<&'static str> {
    let Ok(seen) = answer else { return Vec::new() };
    let mut remarks = Vec::new();
    if lags {
        remarks.push("state_behind");
    }
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
    // in the leaf, which lasts: what the payment must still say when somebody checks it
    let entry = |kind| {
        let entry = entry(kind).with("state", seen.state.name()).with("amount", seen.amount).with("balance", seen.balance);
        entry.with("order", seen.order_id.as_str())
    };
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
        _ if is_paid => entry("payment.verified").before(before).after(after),
        Outcome::Unchanged => entry("payment.looked"),
        _ => entry("payment.changed").before(before).after(after),
    };
    change.commit(last).await.map(drop)
}
