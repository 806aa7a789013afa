//! Who is away, and who stands in for them. Whoever may decide says so for themselves; the delegate must be somebody who may decide
//! too, and uses the absent person's roles besides their own as long as it lasts. The policy can forbid it.
mod store;
pub mod web;

pub use store::{Absence, around, mine};

use crate::{
    app::App,
    auth::{Operator, RequestsDecide, Scope, roles_with},
    error::{Error, Problem},
    i18n::{Text, msg},
    ledger::Entry,
    notices::{self, Kind},
};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

/// The longest stretch; whoever is away longer should hand over their roles.
const LONGEST: TimeDelta = TimeDelta::days(180);
/// How far ahead one can be announced.
const AHEAD: TimeDelta = TimeDelta::days(366);

/// A stretch away, as it comes in through a door.
#[derive(Clone, Debug)]
pub struct Plan {
    /// From now on, if nothing is said.
    pub from: Option<DateTime<Utc>>,
    pub until: DateTime<Utc>,
    pub delegate: Option<Uuid>,
    pub note: String,
}

/// Writes it down, and tells the delegate. Tells everything that is wrong at once.
pub async fn add(app: &App, operator: &Operator<RequestsDecide>, plan: &Plan) -> Result<Uuid, Error> {
    let mut change = app.db.begin(operator).await?;
    let now = change.now();
    let from = plan.from.map_or(now, |t| t.trunc_subsecs(3).max(now));
    let until = plan.until.trunc_subsecs(3);
    let mut problems = Vec::new();
    let mut problem = |field: &str, text: Text| problems.push(Problem::new(field, text));
    if plan.from.is_some_and(|t| t < now - TimeDelta::hours(1) || t > now + AHEAD) {
        problem("from", msg::absence_from_out_of_range());
    }
    if until <= from {
        problem("until", msg::absence_until_before_from());
    } else if until - from > LONGEST {
        problem("until", msg::absence_too_long(LONGEST.num_days()));
    }
    if plan.note.trim().chars().count() > 200 {
        problem("note", msg::absence_note_too_long());
    }
    if let Some(delegate) = plan.delegate {
        match store::delegate(&mut change, delegate, operator.id(), &roles_with(RequestsDecide::NAME), from, until.max(from)).await? {
            None => problem("delegate", msg::absence_delegate_unknown()),
            Some(d) if d.is_me => problem("delegate", msg::absence_delegate_self()),
            Some(d) if !d.decides => problem("delegate", msg::absence_delegate_cannot_decide(d.name)),
            Some(d) if d.away => problem("delegate", msg::absence_delegate_away(d.name)),
            Some(_) => {}
        }
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    // a token cannot vote where the policy wants a recent sign-in, so it cannot have somebody else vote there either
    if plan.delegate.is_some() && operator.caller().token().is_some() {
        return Err(Error::NotPermitted(msg::absence_delegate_by_token()));
    }
    store::one_at_a_time(&mut change, operator.id()).await?;
    if store::overlaps(&mut change, operator.id(), from, until).await? {
        return Err(Error::Invalid(vec![Problem::new("from", msg::absence_overlaps())]));
    }
    let id = store::insert(&mut change, operator.id(), from, until, plan.delegate, plan.note.trim()).await?;
    let mut entry =
        Entry::of("absence.planned").on("operator", &operator.id().to_string()).with("from", json!(from)).with("until", json!(until));
    if let Some(delegate) = plan.delegate {
        notices::tell(&mut change, delegate, Kind::StandsIn, None).await?;
        entry = entry.with("delegate", json!(delegate));
    }
    change.commit(entry).await?;
    Ok(id)
}

/// Back early, or not away after all. What was voted meanwhile stays.
pub async fn end(app: &App, operator: &Operator<RequestsDecide>, id: Uuid) -> Result<(), Error> {
    let mut change = app.db.begin(operator).await?;
    let absence = store::lock(&mut change, id).await?.filter(|a| a.operator_id == operator.id()).ok_or(Error::NotFound)?;
    if absence.until_at <= change.now() || absence.cancelled {
        return Ok(());
    }
    let ahead = absence.from_at > change.now();
    store::end(&mut change, id, ahead).await?;
    change.commit(Entry::of("absence.ended").on("operator", &operator.id().to_string())).await.map(|_| ())
}
