//! SQL of onboardings, their steps and the decisions on them.
use super::{Kind, Progress, State, evidence::Check};
use crate::{
    db::Change,
    personal::{Email, PersonName},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// One revision, with whose tenant it is.
#[derive(Clone, Debug)]
pub struct Onboarding {
    pub id: i64,
    pub tenant_id: String,
    pub slug: String,
    pub region: String,
    pub tenant_status: String,
    pub company_id: String,
    pub company: String,
    pub biz_reg_no: Option<String>,
    pub revision: i16,
    pub parent_id: Option<i64>,
    pub state: State,
    pub plan_code: String,
    pub ai_services: Vec<String>,
    pub contract_number: String,
    /// Whole won.
    pub expected_amount: i64,
    pub contact_name: PersonName,
    pub contact_email: Email,
    pub note: String,
    pub requester_id: Uuid,
    pub requester: String,
    pub owner_id: Uuid,
    pub owner: String,
    pub created_at: DateTime<Utc>,
    pub opened_at: Option<DateTime<Utc>>,
    pub due_at: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    pub decided_in: Option<i64>,
}

impl From<String> for State {
    fn from(name: String) -> Self {
        Self::named(&name).expect("the database allows no other")
    }
}
impl From<String> for Kind {
    fn from(name: String) -> Self {
        Self::named(&name).expect("the database allows no other")
    }
}
impl From<String> for Progress {
    fn from(name: String) -> Self {
        Self::named(&name).expect("the database allows no other")
    }
}

/// One step.
#[derive(Clone, Debug)]
pub struct Task {
    pub id: i64,
    pub kind: Kind,
    pub state: Progress,
    pub owner_id: Uuid,
    pub owner: String,
    pub due_at: Option<DateTime<Utc>>,
    pub evidence: Option<Value>,
    pub checks: Json<Vec<Check>>,
    pub evidence_hash: Option<Vec<u8>>,
    pub submitted_by: Option<String>,
    pub submitted_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    pub carried_from: Option<i64>,
    pub waits_on: Option<String>,
    pub waits_for: Option<String>,
}

pub async fn find(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Onboarding>> {
    sqlx::query_as!(
        Onboarding,
        r#"select r.id, r.tenant_id, t.slug, t.region, t.status as tenant_status, t.company_id, c.name as company, c.biz_reg_no::text as biz_reg_no,
             r.revision, r.parent_id, r.state, r.plan_code, r.ai_services, r.contract_number, r.expected_amount, r.contact_name, r.contact_email, r.note,
             r.requester_id, q.name as requester, r.owner_id, o.name as owner, r.created_at, r.opened_at, r.due_at, r.expires_at, r.closed_at, r.reason,
             r.decided_in
           from tenant_onboarding_request r join tenant t on t.id = r.tenant_id join company c on c.id = t.company_id
           join operator q on q.id = r.requester_id join operator o on o.id = r.owner_id where r.id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

/// Locks one until the transaction ends; everything that touches its steps does this first.
pub(super) async fn lock(change: &mut Change, id: i64) -> sqlx::Result<Option<Onboarding>> {
    let locked =
        sqlx::query!("select id from tenant_onboarding_request where id = $1 for update", id).fetch_optional(&mut **change).await?;
    if locked.is_none() {
        return Ok(None);
    }
    find(change, id).await
}

pub async fn tasks(conn: &mut PgConnection, id: i64) -> sqlx::Result<Vec<Task>> {
    sqlx::query_as!(
        Task,
        r#"select t.id, t.kind, t.state, t.owner_id, o.name as owner, t.due_at, t.evidence, t.checks as "checks: Json<Vec<Check>>", t.evidence_hash,
             s.name as "submitted_by?", t.submitted_at, t.reason, d.name as "decided_by?", t.decided_at, t.carried_from, t.waits_on, t.waits_for
           from tenant_onboarding_task t join operator o on o.id = t.owner_id left join operator s on s.id = t.submitted_by
           left join operator d on d.id = t.decided_by where t.onboarding_id = $1 order by t.seq"#,
        id
    )
    .fetch_all(conn)
    .await
}

/// Every revision of a tenant, the newest first.
pub async fn revisions(conn: &mut PgConnection, tenant: &str) -> sqlx::Result<Vec<(i64, i16, State)>> {
    let rows =
        sqlx::query!("select id, revision, state from tenant_onboarding_request where tenant_id = $1 order by revision desc", tenant)
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().map(|r| (r.id, r.revision, r.state.into())).collect())
}

/// What a revision begins as.
pub(super) struct New<'a> {
    pub tenant: &'a str,
    pub revision: i16,
    pub parent: Option<i64>,
    pub sold: &'a super::begin::Sold,
    pub requester: Uuid,
    pub owner: Uuid,
}

/// Adds a draft. Nothing if the tenant has one that is open, or another one took its number.
pub(super) async fn insert(change: &mut Change, new: &New<'_>) -> sqlx::Result<Option<i64>> {
    let now = change.now();
    let s = new.sold;
    sqlx::query_scalar!(
        "insert into tenant_onboarding_request (tenant_id, revision, parent_id, state, plan_code, ai_services, contract_number, expected_amount, contact_name,
           contact_email, note, requester_id, owner_id, created_at)
         values ($1, $2, $3, 'draft', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing returning id",
        new.tenant,
        new.revision,
        new.parent,
        s.plan_code,
        &s.ai_services,
        s.contract_number,
        s.expected_amount,
        s.contact_name.exposed(),
        s.contact_email.exposed(),
        s.note,
        new.requester,
        new.owner,
        now
    )
    .fetch_optional(&mut **change)
    .await
}

pub(super) async fn insert_task(change: &mut Change, onboarding: i64, kind: Kind, owner: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into tenant_onboarding_task (onboarding_id, seq, kind, state, owner_id) values ($1, $2, $3, 'pending', $4)",
        onboarding,
        kind.seq(),
        kind.name(),
        owner
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn set_sold(change: &mut Change, id: i64, s: &super::begin::Sold, owner: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "update tenant_onboarding_request set plan_code = $2, ai_services = $3, contract_number = $4, expected_amount = $5, contact_name = $6,
           contact_email = $7, note = $8, owner_id = $9 where id = $1",
        id,
        s.plan_code,
        &s.ai_services,
        s.contract_number,
        s.expected_amount,
        s.contact_name.exposed(),
        s.contact_email.exposed(),
        s.note,
        owner
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn open(change: &mut Change, id: i64, due: DateTime<Utc>, expires: DateTime<Utc>) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "update tenant_onboarding_request set state = 'open', opened_at = $2, due_at = $3, expires_at = $4 where id = $1",
        id,
        now,
        due,
        expires
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn set_task_due(change: &mut Change, task: i64, due: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("update tenant_onboarding_task set due_at = $2, overdue_told = false where id = $1", task, due)
        .execute(&mut **change)
        .await
        .map(|_| ())
}

pub(super) async fn close(change: &mut Change, id: i64, state: State, reason: Option<&str>, request: Option<i64>) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "update tenant_onboarding_request set state = $2, closed_at = $3, reason = $4, decided_in = $5 where id = $1",
        id,
        state.name(),
        now,
        reason,
        request
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// New evidence: the step waits for a decision, whatever was decided before.
pub(super) async fn submit(change: &mut Change, task: i64, by: Uuid, evidence: &Value, checks: &[Check], hash: &[u8]) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "update tenant_onboarding_task set state = 'running', evidence = $2, checks = $3, evidence_hash = $4, submitted_by = $5, submitted_at = $6,
           reason = null, decided_by = null, decided_at = null, waits_on = null, waits_for = null where id = $1",
        task,
        evidence,
        Json(checks) as _,
        hash,
        by,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn decide(change: &mut Change, task: i64, by: Uuid, next: Progress, reason: Option<&str>) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "update tenant_onboarding_task set state = $2, reason = $3, decided_by = $4, decided_at = $5, waits_on = null, waits_for = null where id = $1",
        task,
        next.name(),
        reason,
        by,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// What was checked last, and what a decision rests on.
pub(super) async fn set_checks(change: &mut Change, task: i64, checks: &[Check]) -> sqlx::Result<()> {
    sqlx::query!("update tenant_onboarding_task set checks = $2 where id = $1", task, Json(checks) as _)
        .execute(&mut **change)
        .await
        .map(|_| ())
}

/// The one row of a decision; `false` if this evidence was decided on before.
pub(super) async fn add_decision(
    change: &mut Change,
    task: i64,
    hash: &[u8],
    decision: &str,
    reason: Option<&str>,
    by: Uuid,
) -> sqlx::Result<bool> {
    let now = change.now();
    sqlx::query!(
        "insert into tenant_onboarding_decision (task_id, evidence_hash, decision, reason, decided_by, at) values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        task,
        hash,
        decision,
        reason,
        by,
        now
    )
    .execute(&mut **change)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// What was decided on this very evidence, if anything was.
pub(super) async fn decided_before(conn: &mut PgConnection, task: i64, hash: &[u8]) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select decision from tenant_onboarding_decision where task_id = $1 and evidence_hash = $2", task, hash)
        .fetch_optional(conn)
        .await
}

pub(super) async fn set_wait(change: &mut Change, task: i64, on: Option<&str>, what: Option<&str>) -> sqlx::Result<()> {
    sqlx::query!("update tenant_onboarding_task set waits_on = $2, waits_for = $3 where id = $1", task, on, what)
        .execute(&mut **change)
        .await
        .map(|_| ())
}

pub(super) async fn assign(change: &mut Change, task: i64, owner: Uuid, due: Option<DateTime<Utc>>) -> sqlx::Result<()> {
    sqlx::query!(
        "update tenant_onboarding_task set owner_id = $2, due_at = coalesce($3, due_at), overdue_told = overdue_told and $3::timestamptz is null where id = $1",
        task,
        owner,
        due
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// Somebody who can own a step, if they are there and hold one of these roles.
pub(super) async fn worker(conn: &mut PgConnection, id: Uuid, roles: &[&str]) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select name from operator o where id = $1 and kind = 'person' and disabled_at is null
           and exists (select from operator_role where operator_id = o.id and role = any($2))",
        id,
        roles as &[&str]
    )
    .fetch_optional(conn)
    .await
}

/// The countersigned request that is under way for a tenant, of one of these operations.
pub async fn under_way(conn: &mut PgConnection, tenant: &str, operations: &[&str]) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "select id from request where target_type = 'tenant' and target_id = $1 and operation = any($2) and state in ('pending', 'approved', 'executing')
         order by id desc limit 1",
        tenant,
        operations as &[&str]
    )
    .fetch_optional(conn)
    .await
}

/// Whether a request of this operation is under way for this revision.
pub(super) async fn is_asked_for(change: &mut Change, id: i64, operation: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from request where target_type = 'tenant' and operation = $2 and state in ('pending', 'approved', 'executing')
             and target_id = (select tenant_id from tenant_onboarding_request where id = $1)
             and regexp_replace(fields ->> 'onboarding_id', '^(ON|on)-', '') = $1::text) as "asked!""#,
        id,
        operation
    )
    .fetch_one(&mut **change)
    .await
}

/// The plan of a tenant's newest revision that is open or was approved.
pub async fn plan_of(conn: &mut PgConnection, tenant: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select plan_code from tenant_onboarding_request where tenant_id = $1 and state in ('open', 'approved') order by revision desc limit 1",
        tenant
    )
    .fetch_optional(conn)
    .await
}

/// Requests that decided an onboarding which says something else now.
pub(super) async fn overwritten(conn: &mut PgConnection, kind: &str, state: State) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"select distinct e.request_id as "id!" from ledger.event e
           where e.kind = $1 and e.outcome = 'success' and e.request_id is not null
             and not exists (select from tenant_onboarding_request r where r.decided_in = e.request_id and r.state = $2) limit 100"#,
        kind,
        state.name()
    )
    .fetch_all(conn)
    .await
}

/// Why a countersigned request was made.
pub(super) async fn reason_of(conn: &mut PgConnection, request: i64) -> sqlx::Result<String> {
    sqlx::query_scalar!("select reason from request where id = $1", request).fetch_one(conn).await
}
