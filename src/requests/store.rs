//! SQL of requests, votes and attempts.
use super::{Glass, Request, Ruling, State, Vote};
use crate::{db::Change, policy::StandIn};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

struct Row {
    id: i64,
    operation: String,
    operation_version: i16,
    fields: Value,
    reason: String,
    risk: String,
    requester_id: Uuid,
    requester: String,
    requester_human: Uuid,
    door: String,
    target_type: String,
    target_id: String,
    target_label: String,
    before: Value,
    after: Value,
    policy: Json<Ruling>,
    binding: Vec<u8>,
    binding_salt: Option<Vec<u8>>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    not_before: Option<DateTime<Utc>>,
    state: String,
    version: i32,
    execute_by: Option<DateTime<Utc>>,
    decided_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    outcome: Option<Value>,
    run_after: Option<DateTime<Utc>>,
    waits_for: Vec<String>,
    escalated_at: Option<DateTime<Utc>>,
    /// When the lock was had, if it was asked for.
    had: Option<DateTime<Utc>>,
    emergency: Option<String>,
    review_due_at: Option<DateTime<Utc>>,
}

impl From<Row> for Request {
    fn from(r: Row) -> Self {
        Request {
            id: r.id,
            operation: r.operation,
            operation_version: r.operation_version,
            fields: r.fields,
            reason: r.reason,
            risk: r.risk,
            requester_id: r.requester_id,
            requester: r.requester,
            requester_human: r.requester_human,
            door: r.door,
            target_type: r.target_type,
            target_id: r.target_id,
            target_label: r.target_label,
            before: r.before,
            after: r.after,
            ruling: r.policy.0,
            binding: r.binding,
            binding_salt: r.binding_salt,
            created_at: r.created_at,
            expires_at: r.expires_at,
            not_before: r.not_before,
            state: State::named(&r.state).expect("the column's check allows no other"),
            version: r.version,
            execute_by: r.execute_by,
            decided_at: r.decided_at,
            closed_at: r.closed_at,
            outcome: r.outcome,
            run_after: r.run_after,
            waits_for: r.waits_for,
            escalated_at: r.escalated_at,
            glass: r.emergency.zip(r.review_due_at).map(|(emergency, review_due_at)| Glass { emergency, review_due_at }),
        }
    }
}

pub(super) async fn insert(change: &mut Change, r: &Request, again_from: Option<i64>, guarantee: &str) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "insert into request (operation, operation_version, fields, reason, risk, requester_id, door, target_type, target_id, target_label,
           before, after, policy, approvals_needed, self_approval, binding, created_at, expires_at, not_before, state,
           voter_roles, waits_for, again_from, guarantee, remind_at, escalate_at, broke_glass, emergency, review_due_at, binding_salt)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
           (select id from request where id = $23), $24, $25, $26, $27::text is not null, $27, $28, $29) returning id",
        r.operation,
        r.operation_version,
        r.fields,
        r.reason,
        r.risk,
        r.requester_id,
        r.door,
        r.target_type,
        r.target_id,
        r.target_label,
        r.before,
        r.after,
        Json(&r.ruling) as _,
        i16::from(r.ruling.approvals),
        r.ruling.self_approval,
        r.binding,
        r.created_at,
        r.expires_at,
        r.not_before,
        r.state.name(),
        &r.ruling.voter_roles(),
        &r.waits_for,
        again_from,
        guarantee,
        r.after_minutes(r.ruling.remind_minutes),
        r.after_minutes(r.ruling.escalate_minutes),
        r.glass.as_ref().map(|g| &*g.emergency),
        r.glass.as_ref().map(|g| g.review_due_at),
        r.binding_salt
    )
    .fetch_one(&mut **change)
    .await
}

pub async fn find(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Request>> {
    Ok(bunch(conn, id - 1, 1).await?.pop().filter(|request| request.id == id))
}

/// The next requests after one, by number.
pub(super) async fn bunch(conn: &mut PgConnection, after: i64, limit: i64) -> sqlx::Result<Vec<Request>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select r.id, operation, operation_version, fields, reason, risk, requester_id, o.name as requester,
             coalesce(o.owner_id, o.id) as "requester_human!", door, target_type, target_id, target_label,
             before, after, policy as "policy: Json<Ruling>", binding, binding_salt, r.created_at, expires_at, not_before, state, version, execute_by,
             decided_at, closed_at, outcome, run_after, waits_for, escalated_at, emergency, review_due_at, null::timestamptz as had
           from request r join operator o on o.id = r.requester_id where r.id > $1 order by r.id limit $2"#,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Request::from).collect())
}

/// Whether the ledger tells of so many transitions of a request, one of which led to where it stands, and of the votes that are there.
pub(super) async fn is_told(conn: &mut PgConnection, id: i64, steps: i32, last: &str, transitions: &[&str]) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"with told as (select event_id, kind, actor_id, outcome from ledger.event where request_id = $1),
             voted as (select distinct on (actor_id) actor_id, kind from told where kind in ('request.voted', 'request.vote_withdrawn')
               and outcome = 'success' order by actor_id, event_id desc)
           select (select count(*) filter (where kind = any($4)) = $2 and coalesce(bool_or(kind = $3), false) from told)
             and not exists (select from (select voter_id from vote where request_id = $1) v
               full join (select actor_id from voted where kind = 'request.voted') t on t.actor_id = v.voter_id
               where v.voter_id is null or t.actor_id is null) as "is!""#,
        id,
        i64::from(steps),
        last,
        transitions as &[&str]
    )
    .fetch_one(conn)
    .await
}

/// What a request was made again from, and whether it takes back what was done there: everything that was changed there, on the
/// same target, would be as it was before.
pub async fn again_from(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<(i64, bool)>> {
    let row = sqlx::query!(
        r#"select old.id, old.state = 'succeeded' and (old.target_type, old.target_id) = (r.target_type, r.target_id)
               and old.before <> old.after and not exists (select from jsonb_each(old.before) was (key, value)
                 where old.after -> was.key <> was.value and r.after -> was.key is distinct from was.value) as "reverses!"
           from request r join request old on old.id = r.again_from and old.operation = r.operation where r.id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|r| (r.id, r.reverses)))
}

/// The request, locked until the transaction ends; the change's time is then the time at which it had the lock. It is as the last who
/// held it left it, but what is joined to it is as it was before the wait: votes and roles are read after this, by [`standings`](super::tally).
pub(super) async fn lock(change: &mut Change, id: i64) -> sqlx::Result<Option<Request>> {
    // the clock is read outside of what takes the lock, and so after it
    let row = sqlx::query_as!(
        Row,
        r#"with held as materialized (
             select id, operation, operation_version, fields, reason, risk, requester_id, door, target_type, target_id, target_label, before, after,
               policy, binding, binding_salt, created_at, expires_at, not_before, state, version, execute_by, decided_at, closed_at, outcome, run_after, waits_for,
               escalated_at, emergency, review_due_at
             from request where id = $1 for update
           )
           select r.id, operation, operation_version, fields, reason, risk, requester_id, o.name as requester,
             coalesce(o.owner_id, o.id) as "requester_human!", door, target_type, target_id, target_label,
             before, after, policy as "policy: Json<Ruling>", binding, binding_salt, r.created_at, expires_at, not_before, state, version, execute_by,
             decided_at, closed_at, outcome, run_after, waits_for, escalated_at, emergency, review_due_at, date_trunc('milliseconds', clock_timestamp()) as had
           from held r join operator o on o.id = r.requester_id"#,
        id
    )
    .fetch_optional(&mut **change)
    .await?;
    let Some(row) = row else { return Ok(None) };
    change.had_lock(row.had.unwrap_or_default(), row.version);
    Ok(Some(row.into()))
}

/// Whether anything has to be expired.
pub(super) async fn any_due(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from request where state = 'pending' and expires_at <= now())
             or exists (select from request where state = 'approved' and execute_by <= now()) as "any!""#
    )
    .fetch_one(conn)
    .await
}

/// One request that is due and that nobody else is working on, locked.
pub(super) async fn lock_due(change: &mut Change) -> sqlx::Result<Option<Request>> {
    let pending = sqlx::query_scalar!(
        "select id from request where state = 'pending' and expires_at <= now() order by expires_at limit 1 for update skip locked"
    )
    .fetch_optional(&mut **change)
    .await?;
    let id =
        match pending {
            Some(id) => Some(id),
            None => sqlx::query_scalar!(
                "select id from request where state = 'approved' and execute_by <= now() order by execute_by limit 1 for update skip locked"
            )
            .fetch_optional(&mut **change)
            .await?,
        };
    match id {
        Some(id) => lock(change, id).await,
        None => Ok(None),
    }
}

/// Whether somebody watches a request.
pub(super) async fn watches(conn: &mut PgConnection, id: i64, operator: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from watch where request_id = $1 and operator_id = $2) as "watches!""#, id, operator)
        .fetch_one(conn)
        .await
}

/// Writes the new state if nobody else has; `false` if somebody has.
/// With the vote that did it, if one did: both in one statement. `false` if the request was changed meanwhile.
pub(super) async fn save_state(change: &mut Change, r: &Request, vote: Option<&Vote>) -> sqlx::Result<bool> {
    let lent = vote.map(stands_for);
    let done = sqlx::query!(
        "with voted as (
           insert into vote (request_id, voter_id, decision, binding, reason, door, at, requester_id, self_approval, stands_for)
           select $1, $10, $11, $12, $13, $14, $15, $16, $17, $18 where $10::uuid is not null
           on conflict (request_id, voter_id) do update set decision = excluded.decision, binding = excluded.binding,
             reason = excluded.reason, door = excluded.door, at = excluded.at, stands_for = excluded.stands_for
         )
         update request set state = $3, version = version + 1, execute_by = $4, decided_at = $5, closed_at = $6, outcome = $7,
           run_after = $8, waits_for = $9 where id = $1 and version = $2",
        r.id,
        r.version,
        r.state.name(),
        r.execute_by,
        r.decided_at,
        r.closed_at,
        r.outcome,
        r.run_after,
        &r.waits_for,
        vote.map(|v| v.voter_id),
        vote.map(decision),
        vote.map(|v| v.binding.as_slice()),
        vote.and_then(|v| v.reason.as_deref()),
        vote.map(|v| v.door.as_str()),
        vote.map(|v| v.at),
        r.requester_id,
        r.ruling.self_approval,
        lent.as_deref()
    )
    .execute(&mut **change)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn decision(vote: &Vote) -> &'static str {
    if vote.approves { "approve" } else { "reject" }
}

fn stands_for(vote: &Vote) -> Vec<Uuid> {
    vote.stands_for.iter().map(|s| s.id).collect()
}

pub(super) async fn by_key(conn: &mut PgConnection, operator: Uuid, key: &str) -> sqlx::Result<Option<(i64, Vec<u8>)>> {
    let row = sqlx::query!("select request_id, fingerprint from idempotency_key where operator_id = $1 and key = $2", operator, key)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|r| (r.request_id, r.fingerprint)))
}

/// Claims the key for this request; waits for a transaction that is claiming it now, and is `false` if that one commits.
pub(super) async fn claim_key(change: &mut Change, operator: Uuid, key: &str, fingerprint: &[u8], request: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into idempotency_key (operator_id, key, fingerprint, request_id) values ($1, $2, $3, $4) on conflict do nothing",
        operator,
        key,
        fingerprint,
        request
    )
    .execute(&mut **change)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn votes(conn: &mut PgConnection, request: &Request) -> sqlx::Result<Vec<Vote>> {
    sqlx::query_as!(
        Vote,
        r#"select v.voter_id, coalesce(o.owner_id, o.id) as "human!", o.name as voter, v.decision = 'approve' as "approves!", v.binding, v.reason, v.door, v.at,
             array(select role from operator_role where operator_id = o.id and o.disabled_at is null) as "roles!",
             coalesce((select jsonb_agg(jsonb_build_object('id', a.id, 'human', coalesce(a.owner_id, a.id), 'name', a.name,
               'roles', array(select role from operator_role where operator_id = a.id and a.disabled_at is null)))
               from operator a where a.id = any(v.stands_for)), '[]') as "stands_for!: Json<Vec<StandIn>>"
           from vote v join operator o on o.id = v.voter_id where v.request_id = $1 order by v.at, v.voter_id"#,
        request.id
    )
    .fetch_all(conn)
    .await
}

/// The roles of somebody as they are now, and the human behind the account.
pub(super) async fn standing(conn: &mut PgConnection, operator: Uuid) -> sqlx::Result<(Uuid, Vec<String>)> {
    sqlx::query!(
        r#"select coalesce(owner_id, id) as "human!", array(select role from operator_role where operator_id = o.id) as "roles!" from operator o where id = $1"#,
        operator
    )
    .fetch_one(conn)
    .await
    .map(|r| (r.human, r.roles))
}

/// Whether somebody is enabled and holds one of these roles.
pub(super) async fn holds_one_of(conn: &mut PgConnection, operator: Uuid, roles: &[&str]) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from operator_role r join operator o on o.id = r.operator_id
             where o.id = $1 and o.disabled_at is null and r.role = any($2)) as "holds!""#,
        operator,
        roles as &[&str]
    )
    .fetch_one(conn)
    .await
}

/// Notes whose vote would bring a pending request further; `false` if that was known.
pub(super) async fn save_turn(change: &mut Change, id: i64, roles: &[String]) -> sqlx::Result<bool> {
    let done = sqlx::query!("update request set waits_for = $2 where id = $1 and state = 'pending' and waits_for <> $2", id, roles)
        .execute(&mut **change)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Pending requests with a number above this one, lowest first.
pub(super) async fn pending_after(conn: &mut PgConnection, id: i64, limit: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!("select id from request where state = 'pending' and id > $1 order by id limit $2", id, limit).fetch_all(conn).await
}

/// How many minutes ago somebody signed in with this session.
pub(super) async fn session_age(conn: &mut PgConnection, session: &[u8]) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        r#"select (extract(epoch from clock_timestamp() - created_at) / 60)::bigint as "minutes!" from session where id_hash = $1"#,
        session
    )
    .fetch_optional(conn)
    .await
}

/// Casts a vote, or changes one's own while the request is pending.
pub(super) async fn save_vote(change: &mut Change, r: &Request, vote: &Vote) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into vote (request_id, voter_id, decision, binding, reason, door, at, requester_id, self_approval, stands_for)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (request_id, voter_id) do update set decision = excluded.decision, binding = excluded.binding, reason = excluded.reason, door = excluded.door, at = excluded.at,
           stands_for = excluded.stands_for",
        r.id,
        vote.voter_id,
        decision(vote),
        vote.binding,
        vote.reason,
        vote.door,
        vote.at,
        r.requester_id,
        r.ruling.self_approval,
        &stands_for(vote)
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// Takes a vote back; `false` if there is none.
pub(super) async fn drop_vote(change: &mut Change, request: i64, voter: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from vote where request_id = $1 and voter_id = $2", request, voter).execute(&mut **change).await?;
    Ok(done.rows_affected() == 1)
}
