//! Asking: the fields become a proposal, the proposal a preview, and both a request that cannot be changed any more.
use super::{Request, State, execution, glass, store};
use crate::{
    app::App,
    auth::{Caller, Operator, RequestsAsk, Role},
    crash,
    error::{self, Error, Problem},
    i18n::{Text, msg},
    ledger,
    notices::{self, Kind},
    operations::{Definition, Preview, Proposal},
    policy::{self, Case, Ruling},
};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

/// What somebody asks for, through any door.
#[derive(Clone, Debug)]
pub struct Ask {
    pub operation: String,
    pub fields: Map<String, Value>,
    pub reason: String,
    pub not_before: Option<DateTime<Utc>>,
    /// Why it cannot wait: then it runs at once, without the approvals that its policy asks for.
    pub break_glass: Option<String>,
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

/// What asking would lead to.
pub struct Prospect {
    pub preview: Preview,
    pub ruling: Ruling,
    /// Who is missing, if it could never be approved as things are.
    pub stuck: Option<Stuck>,
    /// What breaking the glass would mean, if the policy and the caller's permission allow it.
    pub glass: Option<glass::Way>,
}

/// Nobody can approve it, and whom to turn to.
pub struct Stuck {
    pub lacking: String,
    pub rule: String,
    /// Administrators, who can give roles and propose another policy.
    pub ask: String,
    /// Those who could approve, but are away until it would have expired.
    pub away: String,
}

impl Stuck {
    /// Who is missing, and what can be done.
    pub fn text(&self) -> Text {
        if self.away.is_empty() {
            msg::request_stuck(&self.ask, &self.lacking, &self.rule)
        } else {
            msg::request_stuck_away(&self.ask, &self.away, &self.lacking, &self.rule)
        }
    }
}

/// Checks the fields and computes before and after, without asking yet. Tells everything that is wrong at once.
pub async fn preview(app: &App, operator: &Operator<RequestsAsk>, ask: &Ask) -> Result<Prospect, Error> {
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
        Ok(preview) => {
            let mut conn = app.db.read().await?;
            let mut request = draft(definition, &*proposal, preview.clone(), operator, ask, Utc::now())?;
            rule(app, &mut conn, definition, operator, &mut request).await?;
            problems.extend(ticket_problem(&request));
            if !problems.is_empty() {
                return Err(Error::Invalid(problems));
            }
            let stuck = stuck(&mut conn, &request).await?;
            let glass = glass::way(&mut conn, operator.caller(), &request).await?;
            Ok(Prospect { preview, ruling: request.ruling, stuck, glass })
        }
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
    problems.extend(glass::problems(ask));
    problems
}

/// Makes the request. If the policy asks for nobody, it is approved and in the queue when this returns.
pub async fn submit(app: &App, operator: &Operator<RequestsAsk>, ask: Ask) -> Result<Submitted, Error> {
    let definition = permitted(app, operator, &ask.operation).await?;
    if ask.break_glass.is_some() {
        glass::permitted(app, operator.caller()).await?;
    }
    let mut asked = json!({
        "operation": ask.operation, "fields": ask.fields, "reason": ask.reason.trim(), "not_before": ask.not_before,
    });
    if let Some(from) = ask.again_from {
        asked["again_from"] = json!(from);
    }
    if let Some(emergency) = &ask.break_glass {
        asked["break_glass"] = json!(emergency.trim());
    }
    let fingerprint: [u8; 32] = Sha256::digest(ledger::canonical(&asked)?).into();
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
    let now = change.now();
    let mut request = draft(definition, &*proposal, preview, operator, &ask, now)?;
    rule(app, &mut change, definition, operator, &mut request).await?;
    if let Some(problem) = ticket_problem(&request) {
        return Err(Error::Invalid(vec![problem]));
    }
    if let Some(emergency) = &ask.break_glass {
        if let Err(error) = glass::break_(&mut change, operator.caller(), &mut request, emergency).await {
            drop(change);
            return Err(glass::refused(app, operator.caller(), &request, error).await?);
        }
    } else if let Some(stuck) = stuck(&mut change, &request).await? {
        return Err(Error::Refused(stuck.text()));
    }
    request.id = store::insert(&mut change, &request, ask.again_from, definition.guarantee().name()).await?;
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
        .with("version", request.ruling.policy_version)
        .because(&request.reason)
        .before(request.before.clone())
        .after(request.after.clone());
    if request.is_decided_by_people() {
        entry = entry.with("approvals", request.ruling.approvals);
    }
    if request.ruling.self_approval {
        entry = entry.with("self_approval", true);
    }
    if let Some(from) = ask.again_from {
        entry = entry.with("again", super::short_id(from));
    }
    if !request.is_decided_by_people() {
        change.record(entry).await?;
        if let Some(entry) = glass::broken(&request) {
            change.record(entry).await?;
            glass::tell_skipped(&mut change, &request, Kind::BrokeGlass).await?;
        }
        entry = request.become_(&mut change, State::Approved, None).await?.with("approvals", 0);
        execution::enqueue(&mut change, &request).await?;
    } else {
        notices::tell_deciders(&mut change, &request, Kind::Asked, &request.waits_for).await?;
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

/// What the policy in force says about it, and all that follows from that.
async fn rule(
    app: &App,
    conn: &mut PgConnection,
    definition: &dyn Definition,
    operator: &Operator<RequestsAsk>,
    request: &mut Request,
) -> Result<(), Error> {
    let roles: Vec<String> = operator.caller().roles.iter().map(|r| r.name().to_owned()).collect();
    (request.requester_human, _) = store::standing(conn, operator.id()).await?;
    if let Some(problem) = definition.objection(&request.fields, &roles) {
        return Err(Error::Invalid(vec![problem]));
    }
    request.judge(&*policy::in_force(app, conn).await?, definition, &roles);
    // nobody who reads the ledger, where the binding stays for good, can confirm a guess of what was asked
    request.binding_salt = Some(rand::random::<[u8; 32]>().to_vec());
    request.binding = request.computed_binding()?.to_vec();
    Ok(())
}

/// What the policy says about an operation before anything is known about the case: conditions on values do not hold yet.
pub async fn usual_ruling(app: &App, conn: &mut PgConnection, caller: &Caller, definition: &dyn Definition) -> Result<Ruling, Error> {
    let roles: Vec<String> = caller.roles.iter().map(|r| r.name().to_owned()).collect();
    let case = Case {
        operation: definition.name(),
        risk: definition.risk(),
        roles: &roles,
        fields: &Value::Null,
        before: &Value::Null,
        after: &Value::Null,
        target_type: "",
        target_id: "",
        target_label: "",
        at: Utc::now(),
        door: caller.door.name(),
    };
    Ok(policy::in_force(app, conn).await?.rule(&case))
}

fn ticket_problem(request: &Request) -> Option<Problem> {
    let ticket = request.ruling.ticket_missing(&request.reason)?;
    Some(Problem::new("reason", msg::reason_without_ticket(&ticket.example)))
}

/// A request that nobody could approve would wait until it expires; better said now.
async fn stuck(conn: &mut PgConnection, request: &Request) -> Result<Option<Stuck>, Error> {
    if request.ruling.needs.is_empty() {
        return Ok(None);
    }
    let people = policy::people(conn).await?;
    let there = policy::present(&people, &request.ruling, request.requester_human, request.expires_at);
    let Some(shortage) = policy::shortage(&request.ruling, request.requester_human, &there) else { return Ok(None) };
    // those who could, but will not be back in time
    let wanted = request.ruling.voter_roles();
    let away = people.iter().filter(|p| there.iter().all(|t| t.id != p.id) && p.roles.iter().any(|r| wanted.contains(r)));
    let away = away.map(|p| p.name.as_str()).take(5).collect::<Vec<_>>().join(", ");
    let admins = people.iter().filter(|p| p.roles.iter().any(|r| r == Role::Admin.name())).map(|p| p.name.as_str());
    Ok(Some(Stuck {
        lacking: shortage.told(),
        rule: request.ruling.rule.clone(),
        ask: admins.take(5).collect::<Vec<_>>().join(", "),
        away,
    }))
}

/// As it would be stored, but for what the policy says.
fn draft(
    definition: &dyn Definition,
    proposal: &dyn Proposal,
    preview: Preview,
    operator: &Operator<RequestsAsk>,
    ask: &Ask,
    now: DateTime<Utc>,
) -> Result<Request, Error> {
    Ok(Request {
        id: 0,
        operation: definition.name().into(),
        operation_version: definition.version(),
        fields: proposal.fields()?,
        reason: ask.reason.trim().into(),
        risk: definition.risk().name().into(),
        requester_id: operator.id(),
        requester: operator.caller().name.clone(),
        requester_human: operator.id(),
        door: operator.caller().door.name().into(),
        target_type: preview.target.kind.into(),
        target_id: preview.target.id,
        target_label: preview.target.label,
        before: Value::Object(preview.before),
        after: Value::Object(preview.after),
        ruling: Ruling::default(),
        binding: Vec::new(),
        binding_salt: None,
        created_at: now,
        expires_at: now,
        not_before: ask.not_before.map(|t| t.trunc_subsecs(3)),
        state: State::Pending,
        version: 1,
        execute_by: None,
        decided_at: None,
        closed_at: None,
        outcome: None,
        run_after: None,
        waits_for: Vec::new(),
        escalated_at: None,
        glass: None,
    })
}
