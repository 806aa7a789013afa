//! Breaking the glass: in an emergency, somebody with a permission of its own has a request run without the approvals that its policy
//! asks for. Never quietly: it is explained, everybody who was skipped is told, it is marked for good, and reviewed.
use super::{Glass, Request, store, submit::Ask, votes};
use crate::{
    app::App,
    auth::{Caller, RequestsBreakGlass, Role, Scope},
    db::Change,
    error::{Error, Problem},
    i18n::{Text, msg},
    ledger::{Entry, Outcome, log::Resume, subjects::EraseSubject},
    notices::{self, Kind},
    operations::Operation,
    policy::{self, ReplacePolicy},
};
use sqlx::PgConnection;
use std::sync::Arc;
use uuid::Uuid;

/// Its event.
pub const BROKE: &str = "request.broke_glass";
/// As long as the explanation must be at least; more than a reason, since nobody else reads it before it happens.
pub const SHORTEST: usize = 20;

/// What breaking the glass would mean.
pub struct Way {
    /// Those who would be skipped, and told.
    pub told: Vec<String>,
    /// Minutes in which one of them must look at it.
    pub review_minutes: u32,
    /// The policy wants whoever does it to have signed in more recently than they have.
    pub stale_sign_in: bool,
}

/// What is wrong with asking for it.
pub(super) fn problems(ask: &Ask) -> Vec<Problem> {
    let Some(emergency) = &ask.break_glass else { return Vec::new() };
    let text = match emergency.trim().chars().count() {
        0..SHORTEST => Some(msg::glass_too_short(SHORTEST)),
        SHORTEST..=2000 => None,
        _ => Some(msg::reason_too_long()),
    };
    let later = ask.not_before.map(|_| Problem::new("not_before", msg::glass_not_later()));
    text.map(|text| Problem::new("emergency", text)).into_iter().chain(later).collect()
}

/// Whether the caller may at all; a refusal is written down.
pub(super) async fn permitted(app: &App, caller: &Arc<Caller>) -> Result<(), Error> {
    if caller.may(RequestsBreakGlass::NAME) {
        return Ok(());
    }
    let entry = Entry::of("access.denied").outcome(Outcome::Denied).with("scope", RequestsBreakGlass::NAME);
    app.db.record(caller.into(), entry).await?;
    Err(Error::Forbidden(RequestsBreakGlass::NAME))
}

/// Why this operation never runs without its approvals, whatever the policy says; the database refuses it as well.
fn never(operation: &str) -> Option<Text> {
    match operation {
        ReplacePolicy::NAME => Some(msg::glass_not_for_policy()),
        EraseSubject::NAME => Some(msg::glass_not_for_erasure()),
        Resume::NAME => Some(msg::glass_not_for_resume()),
        _ => None,
    }
}

/// Breaks it, as far as this request goes: what the policy in force says counts, and the permission until the end of the transaction.
pub(super) async fn break_(change: &mut Change, caller: &Caller, request: &mut Request, emergency: &str) -> Result<(), Error> {
    if let Some(why) = never(&request.operation) {
        return Err(Error::NotPermitted(why));
    }
    if request.ruling.approvals == 0 {
        return Err(Error::Refused(msg::glass_not_needed()));
    }
    if !request.ruling.break_glass {
        return Err(Error::NotPermitted(msg::glass_not_allowed(&request.ruling.rule)));
    }
    if let Some(minutes) = request.ruling.step_up_minutes
        && !votes::is_fresh(change, caller, minutes).await?
    {
        let by_token = caller.token().is_some();
        return Err(Error::NotPermitted(if by_token { msg::glass_step_up_token(minutes) } else { msg::glass_step_up(minutes) }));
    }
    change.require(RequestsBreakGlass::NAME).await?;
    request.glass = Some(Glass { emergency: emergency.trim().into(), review_due_at: request.created_at + request.ruling.review_within() });
    request.waits_for.clear();
    request.binding = request.computed_binding()?.to_vec();
    Ok(())
}

/// Writes a refusal down that is about the caller or the policy.
pub(super) async fn refused(app: &App, caller: &Arc<Caller>, request: &Request, error: Error) -> Result<Error, Error> {
    if let Error::NotPermitted(text) = &error {
        let entry = Entry::of("access.denied").outcome(Outcome::Denied).on(&request.target_type, &request.target_id);
        app.db.record(caller.into(), entry.with("scope", RequestsBreakGlass::NAME).with("why", text.id())).await?;
    }
    Ok(error)
}

/// The entry that says so: under which rule, and whom it passed over.
pub(super) fn broken(request: &Request) -> Option<Entry> {
    let glass = request.glass.as_ref()?;
    let skipped: Vec<String> = request.ruling.needs.iter().map(|need| format!("{} × {}", need.group, need.count)).collect();
    let entry = request.entry(BROKE).with("binding", request.binding_hex()).with("rule", &*request.ruling.rule).with("skipped", skipped);
    Some(entry.with("review_due_at", glass.review_due_at.to_rfc3339()).because(&glass.emergency))
}

/// What it would mean for this request; nothing where it is not allowed.
pub(super) async fn way(conn: &mut PgConnection, caller: &Caller, request: &Request) -> Result<Option<Way>, Error> {
    let ruling = &request.ruling;
    if !ruling.break_glass || ruling.approvals == 0 || never(&request.operation).is_some() || !caller.may(RequestsBreakGlass::NAME) {
        return Ok(None);
    }
    let stale_sign_in = match ruling.step_up_minutes {
        Some(minutes) => !votes::is_fresh(conn, caller, minutes).await?,
        None => false,
    };
    let told = skipped(conn, request).await?.into_iter().map(|(_, name)| name).collect();
    Ok(Some(Way { told, review_minutes: ruling.review_within().num_minutes() as u32, stale_sign_in }))
}

/// Everybody whose approval could have counted.
pub async fn skipped(conn: &mut PgConnection, request: &Request) -> Result<Vec<(Uuid, String)>, Error> {
    let roles = request.ruling.voter_roles();
    let could = |p: &policy::Human| p.human != request.requester_human && p.roles.iter().any(|r| roles.contains(r));
    Ok(policy::people(conn).await?.into_iter().filter(could).map(|p| (p.id, p.name)).collect())
}

/// Tells everybody whose approval could have counted, those who are away and those who stand in for them too; the administrators if
/// there is nobody.
pub(super) async fn tell_skipped(change: &mut Change, request: &Request, kind: Kind) -> Result<(), Error> {
    let skipped: Vec<Uuid> = skipped(change, request).await?.into_iter().map(|(id, _)| id).collect();
    if skipped.is_empty() {
        notices::tell_holders(change, request, kind, &[Role::Admin.name().to_owned()]).await?;
    }
    notices::tell_deciders(change, request, kind, &request.ruling.voter_roles()).await?;
    notices::tell_people(change, request, kind, &skipped).await
}

/// Whether somebody is among those who could have approved it.
pub(super) async fn could_approve(conn: &mut PgConnection, request: &Request, operator: Uuid) -> Result<bool, Error> {
    let (human, roles) = store::standing(conn, operator).await?;
    let voters = request.ruling.voter_roles();
    Ok(human != request.requester_human && roles.iter().any(|r| voters.contains(r)))
}
