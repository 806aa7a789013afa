//! Asking: the fields become a proposal, the proposal a preview, and both a request that cannot be changed any more.
use super::{Request, State, execution, store};
use crate::{
    app::App,
    auth::{Operator, RequestsAsk},
    crash,
    db::Change,
    error::{self, Error, Problem},
    i18n::msg,
    ledger,
    operations::{Definition, Preview, Proposal},
};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// What somebody asks for, through any door.
#[derive(Clone, Debug)]
pub struct Ask {
    pub operation: String,
    pub fields: Map<String, Value>,
    pub reason: String,
    pub not_before: Option<DateTime<Utc>>,
    /// The request that this one is made again from.
    pub again_from: Option<i64>,
    /// Given by the caller; the same key gives the same request, however often it is sent.
    pub idempotency_key: Option<String>,
}

/// What came of it.
pub struct Submitted {
    pub id: i64,
    /// The request was there already, under the same idempotency key.
    pub replayed: bool,
}

/// Checks the fields and computes before and after, without asking yet. Tells everything that is wrong at once.
pub async fn preview(app: &App, operator: &Operator<RequestsAsk>, ask: &Ask) -> Result<Preview, Error> {
    let definition = permitted(app, operator, &ask.operation).await?;
    let mut problems = reason_problems(ask);
    let proposal = match definition.parse(&ask.fields) {
        Ok(proposal) => proposal,
        Err(mut found) => {
            found.append(&mut problems);
            return Err(Error::Invalid(found));
        }
    };
    let preview = match proposal.look().await {
        Ok(seen) => {
            let mut conn = app.db.read().await?;
            proposal.preview(&mut conn, &seen).await
        }
        Err(refusal) => Err(refusal),
    };
    match preview.map_err(Error::from) {
        Ok(preview) if problems.is_empty() => Ok(preview),
        Ok(_) => Err(Error::Invalid(problems)),
        Err(Error::Invalid(mut found)) => {
            found.append(&mut problems);
            Err(Error::Invalid(found))
        }
        Err(other) => Err(other),
    }
}

/// The operation, if there is one of this name and the operator may ask for it; a refusal is written down.
pub async fn permitted<'a>(app: &'a App, operator: &Operator<RequestsAsk>, name: &str) -> Result<&'a dyn Definition, Error> {
    let definition = app.registry.find(name).ok_or(Error::NotFound)?;
    if operator.caller().may(definition.scope()) {
        return Ok(definition);
    }
    let entry = ledger::Entry::of("access.denied").outcome(ledger::Outcome::Denied).on("operation", name).with("scope", definition.scope());
    app.db.record(operator.caller().into(), entry).await?;
    Err(Error::Forbidden(definition.scope()))
}

fn reason_problems(ask: &Ask) -> Vec<Problem> {
    let mut problems: Vec<_> = error::check_reason(&ask.reason).map(|text| Problem::new("reason", text)).into_iter().collect();
    if ask.not_before.is_some_and(|t| t < Utc::now() - TimeDelta::minutes(1) || t > Utc::now() + TimeDelta::days(90)) {
        problems.push(Problem::new("not_before", msg::not_before_out_of_range()));
    }
    problems
}

/// Makes the request. If the policy asks for nobody, it is approved and in the queue when this returns.
pub async fn submit(app: &App, operator: &Operator<RequestsAsk>, ask: Ask) -> Result<Submitted, Error> {
    let definition = permitted(app, operator, &ask.operation).await?;
    let fingerprint: [u8; 32] = Sha256::digest(ledger::canonical(&json!({
        "operation": ask.operation, "fields": ask.fields, "reason": ask.reason.trim(), "not_before": ask.not_before, "again_from": ask.again_from,
    }))?)
    .into();
    if let Some(key) = &ask.idempotency_key {
        if key.is_empty() || key.len() > 255 {
            return Err(Error::Malformed("Idempotency-Key must have 1 to 255 characters".into()));
        }
        let mut conn = app.db.read().await?;
        if let Some(found) = store::by_key(&mut conn, operator.id(), key).await? {
            return replay(found, fingerprint);
        }
    }
    let problems = reason_problems(&ask);
    let proposal = definition.parse(&ask.fields).map_err(|found| Error::Invalid(found.into_iter().chain(problems.clone()).collect()))?;
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    let seen = proposal.look().await?;
    let mut change = app.db.begin(operator).await?;
    change.require(definition.scope()).await?;
    let preview = proposal.preview(&mut change, &seen).await?;
    let mut request = draft(app, &change, definition, &*proposal, preview, operator, &ask)?;
    request.id = store::insert(&mut change, &request, operator.caller().door.name(), ask.again_from).await?;
    if let Some(key) = &ask.idempotency_key
        && !store::claim_key(&mut change, operator.id(), key, &fingerprint, request.id).await?
    {
        // somebody was faster with this key: undo, and answer what they got
        drop(change);
        let mut conn = app.db.read().await?;
        let found = store::by_key(&mut conn, operator.id(), key).await?.ok_or(Error::Refused(msg::request_changed_meanwhile()))?;
        return replay(found, fingerprint);
    }
    change.announce("request", request.id, &json!({"id": request.short_id(), "state": "pending"})).await?;
    let mut entry = request
        .entry("request.submitted")
        .with("operation", definition.name())
        .with("binding", request.binding_hex())
        .with("rule", &*request.ruling.rule)
        .with("policy", &*request.ruling.policy_hash)
        .because(&request.reason)
        .before(request.before.clone())
        .after(request.after.clone());
    if let Some(from) = ask.again_from {
        entry = entry.with("again", super::short_id(from));
    }
    if request.ruling.approvals == 0 {
        change.record(entry).await?;
        entry = request.become_(&mut change, State::Approved, None).await?.with("approvals", 0);
        execution::enqueue(&mut change, &request).await?;
    }
    crash::point("submit.recording");
    change.commit(entry).await?;
    crash::point("submit.recorded");
    Ok(Submitted { id: request.id, replayed: false })
}

fn replay((id, known): (i64, Vec<u8>), fingerprint: [u8; 32]) -> Result<Submitted, Error> {
    if known != fingerprint {
        return Err(Error::Invalid(vec![Problem::new("idempotency_key", msg::idempotency_key_reused())]));
    }
    Ok(Submitted { id, replayed: true })
}

fn draft(
    app: &App,
    change: &Change,
    definition: &dyn Definition,
    proposal: &dyn Proposal,
    preview: Preview,
    operator: &Operator<RequestsAsk>,
    ask: &Ask,
) -> Result<Request, Error> {
    let ruling = app.policy.rule(definition);
    let (now, not_before) = (change.now(), ask.not_before.map(|t| t.trunc_subsecs(3)));
    let mut request = Request {
        id: 0,
        operation: definition.name().into(),
        operation_version: definition.version(),
        fields: proposal.fields()?,
        reason: ask.reason.trim().into(),
        risk: definition.risk().name().into(),
        requester_id: operator.id(),
        requester: operator.caller().name.clone(),
        target_type: preview.target.kind.into(),
        target_id: preview.target.id,
        target_label: preview.target.label,
        before: Value::Object(preview.before),
        after: Value::Object(preview.after),
        binding: Vec::new(),
        created_at: now,
        expires_at: now + ruling.pending(),
        not_before,
        ruling,
        state: State::Pending,
        version: 1,
        execute_by: None,
        decided_at: None,
        closed_at: None,
        outcome: None,
    };
    request.binding = request.computed_binding()?.to_vec();
    Ok(request)
}
