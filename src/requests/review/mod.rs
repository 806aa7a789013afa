//! Looking at a broken glass afterwards: somebody who could have approved the request says whether it was justified. Said once, within
//! the time that its rule gives; what is late is written down once and counted.
pub mod panel;
mod store;

pub use store::of;

use super::{Request, State, glass, store as requests};
use crate::{
    app::App,
    auth::{Operator, RequestsDecide, RequestsExecute, Service},
    error::{self, Error, Problem},
    i18n::msg,
    ledger::{Entry, Outcome},
    notices::{self, Kind},
};
use chrono::{DateTime, Utc};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

/// What somebody said about a broken glass.
#[derive(Clone, Debug)]
pub struct Review {
    pub reviewer_id: Uuid,
    pub reviewer: String,
    pub verdict: String,
    pub note: String,
    pub door: String,
    pub at: DateTime<Utc>,
}

/// Whether it had to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Justified,
    NotJustified,
}

impl Verdict {
    pub const ALL: [Verdict; 2] = [Verdict::Justified, Verdict::NotJustified];

    pub fn name(self) -> &'static str {
        match self {
            Verdict::Justified => "justified",
            Verdict::NotJustified => "not_justified",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// Its event, and the one that says that nobody has.
const REVIEWED: &str = "request.reviewed";
const OVERDUE: &str = "request.review_overdue";

/// Records it, once; the first commit wins. Refusals because of who the reviewer is are written down.
pub async fn record(app: &App, reviewer: &Operator<RequestsDecide>, id: i64, verdict: Verdict, note: &str) -> Result<(), Error> {
    let result = record_in(app, reviewer, id, verdict, note).await;
    if let Err(Error::NotPermitted(text)) = &result {
        let entry = Entry::of("access.denied").outcome(Outcome::Denied).request(id).with("why", text.id());
        app.db.record(reviewer.caller().into(), entry).await?;
    }
    result
}

async fn record_in(app: &App, reviewer: &Operator<RequestsDecide>, id: i64, verdict: Verdict, note: &str) -> Result<(), Error> {
    let mut change = app.db.begin(reviewer).await?;
    let request = requests::lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    if request.glass.is_none() {
        return Err(Error::Refused(msg::review_not_needed()));
    }
    let (human, _) = requests::standing(&mut change, reviewer.id()).await?;
    if human == request.requester_human {
        return Err(Error::NotPermitted(msg::review_own_request()));
    }
    if !glass::could_approve(&mut change, &request, reviewer.id()).await? {
        return Err(Error::NotPermitted(msg::review_not_eligible()));
    }
    if let Some(review) = store::of(&mut change, id).await? {
        return Err(Error::Refused(msg::review_done_already(review.reviewer)));
    }
    if is_too_early(&request) {
        return Err(Error::Refused(msg::review_too_early()));
    }
    if let Some(text) = error::check_reason(note) {
        return Err(Error::Invalid(vec![Problem::new("note", text)]));
    }
    let (note, door) = (note.trim(), reviewer.caller().door.name());
    store::add(&mut change, &request, reviewer.id(), verdict.name(), note, door).await?;
    change.announce("request", id, &json!({"id": request.short_id(), "state": request.state.name()})).await?;
    notices::tell_concerned(&mut change, &request, Kind::Reviewed).await?;
    change.commit(request.entry(REVIEWED).with("verdict", verdict.name()).because(note)).await?;
    Ok(())
}

/// What has not been carried out cannot be judged.
pub(super) fn is_too_early(request: &Request) -> bool {
    matches!(request.state, State::Pending | State::Approved | State::Executing)
}

/// Writes down what nobody has reviewed in time, one transaction each, until the replica stops.
pub async fn follow(app: App) {
    let mut every = tokio::time::interval(Duration::from_secs(2));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        loop {
            match tell_next(&app).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "telling of reviews that are overdue");
                    break;
                }
            }
        }
    }
}

async fn tell_next(app: &App) -> Result<bool, Error> {
    let mut conn = app.db.read().await?;
    if !store::any_overdue(&mut conn).await? {
        return Ok(false);
    }
    drop(conn);
    let executor: Operator<RequestsExecute> = Service::Executor.operator();
    let mut change = app.db.begin(&executor).await?;
    let Some(id) = store::mark_overdue(&mut change).await? else { return Ok(false) };
    let request = requests::find(&mut change, id).await?.ok_or(Error::NotFound)?;
    change.announce("request", id, &json!({"id": request.short_id(), "state": request.state.name()})).await?;
    glass::tell_skipped(&mut change, &request, Kind::ReviewOverdue).await?;
    change.commit(request.entry(OVERDUE).outcome(Outcome::Failure)).await?;
    Ok(true)
}
