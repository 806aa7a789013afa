//! SQL of requests, votes and attempts.
use super::{Request, State, Vote, policy::Ruling};
use crate::{auth::roles_with, db::Change, page::list::Slice};
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
    target_type: String,
    target_id: String,
    target_label: String,
    before: Value,
    after: Value,
    policy: Json<Ruling>,
    binding: Vec<u8>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    not_before: Option<DateTime<Utc>>,
    state: String,
    version: i32,
    execute_by: Option<DateTime<Utc>>,
    decided_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    outcome: Option<Value>,
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
            target_type: r.target_type,
            target_id: r.target_id,
            target_label: r.target_label,
            before: r.before,
            after: r.after,
            ruling: r.policy.0,
            binding: r.binding,
            created_at: r.created_at,
            expires_at: r.expires_at,
            not_before: r.not_before,
            state: State::named(&r.state).expect("the column's check allows no other"),
            version: r.version,
            execute_by: r.execute_by,
            decided_at: r.decided_at,
            closed_at: r.closed_at,
            outcome: r.outcome,
        }
    }
}

pub(super) async fn insert(change: &mut Change, r: &Request, door: &str, again_from: Option<i64>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "insert into request (operation, operation_version, fields, reason, risk, requester_id, door, target_type, target_id, target_label,
           before, after, policy, approvals_needed, self_approval, binding, created_at, expires_at, not_before, state, again_from)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, (select id from request where id = $21)) returning id",
        r.operation,
        r.operation_version,
        r.fields,
        r.reason,
        r.risk,
        r.requester_id,
        door,
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
        again_from
    )
    .fetch_one(&mut **change)
    .await
}

pub async fn find(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Request>> {
    let row = sqlx::query_as!(
        Row,
        r#"select r.id, operation, operation_version, fields, reason, risk, requester_id, o.name as requester, target_type, target_id, target_label,
             before, after, policy as "policy: Json<Ruling>", binding, r.created_at, expires_at, not_before, state, version, execute_by,
             decided_at, closed_at, outcome
           from request r join operator o on o.id = r.requester_id where r.id = $1"#, id
    ).fetch_optional(conn).await?;
    Ok(row.map(Request::from))
}

/// What a request was made again from.
pub async fn again_from(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("select again_from from request where id = $1", id).fetch_one(conn).await
}

/// The request, locked until the transaction ends; the change's time is then the time at which it had the lock.
pub(super) async fn lock(change: &mut Change, id: i64) -> sqlx::Result<Option<Request>> {
    let had = sqlx::query_scalar!(
        r#"with held as materialized (select from request where id = $1 for update)
           select date_trunc('milliseconds', clock_timestamp()) as "had!" from held"#,
        id
    )
    .fetch_optional(&mut **change)
    .await?;
    let request = find(change, id).await?;
    if let (Some(had), Some(request)) = (had, &request) {
        change.had_lock(had, request.version);
    }
    Ok(request)
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

/// Writes the new state if nobody else has; `false` if somebody has.
pub(super) async fn save_state(change: &mut Change, r: &Request) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update request set state = $3, version = version + 1, execute_by = $4, decided_at = $5, closed_at = $6, outcome = $7 where id = $1 and version = $2",
        r.id, r.version, r.state.name(), r.execute_by, r.decided_at, r.closed_at, r.outcome
    ).execute(&mut **change).await?;
    Ok(done.rows_affected() == 1)
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
    let roles = roles_with(&request.ruling.scope);
    sqlx::query_as!(
        Vote,
        r#"select v.voter_id, o.name as voter, v.decision = 'approve' as "approves!", v.binding, v.reason, v.door, v.at,
             o.disabled_at is null and exists (select from operator_role where operator_id = o.id and role = any($2)) as "stands!"
           from vote v join operator o on o.id = v.voter_id where v.request_id = $1 order by v.at, v.voter_id"#,
        request.id,
        &roles as &[&str]
    )
    .fetch_all(conn)
    .await
}

/// Casts a vote, or changes one's own while the request is pending.
pub(super) async fn save_vote(
    change: &mut Change,
    r: &Request,
    voter: Uuid,
    door: &str,
    approves: bool,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "insert into vote (request_id, voter_id, decision, binding, reason, door, at, requester_id, self_approval) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (request_id, voter_id) do update set decision = excluded.decision, binding = excluded.binding, reason = excluded.reason, door = excluded.door, at = excluded.at",
        r.id, voter, if approves { "approve" } else { "reject" }, r.binding, reason, door, now, r.requester_id, r.ruling.self_approval
    ).execute(&mut **change).await.map(|_| ())
}

/// Names of up to `limit` people who could decide this request.
pub async fn eligible(conn: &mut PgConnection, r: &Request, limit: i64) -> sqlx::Result<Vec<String>> {
    let roles = roles_with(&r.ruling.scope);
    sqlx::query_scalar!(
        "select o.name from operator o where o.disabled_at is null and o.kind = 'person' and ($2 or o.id <> $3)
           and exists (select from operator_role where operator_id = o.id and role = any($1)) order by o.name limit $4",
        &roles as &[&str],
        r.ruling.self_approval,
        r.requester_id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub states: Option<Vec<&'static str>>,
    pub operation: Option<String>,
    pub risk: Option<String>,
    pub requester: Option<Uuid>,
    /// Only those this person may still decide.
    pub waiting_for: Option<Uuid>,
    /// Only those that expire before this time.
    pub expires_before: Option<DateTime<Utc>>,
    pub target: Option<(String, String)>,
    /// A request's id, a target's id, or words.
    pub q: Option<String>,
}

/// A request as lists show it.
pub struct Listed {
    pub id: i64,
    pub operation: String,
    pub target_id: String,
    pub target_label: String,
    pub requester: String,
    pub reason: String,
    pub before: Value,
    pub after: Value,
    pub state: State,
    pub risk: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
}

/// A page of requests, by `created` (their id) or `expires`. The reading pool plans each query with its values, so every
/// `case` below is settled before the plan is made and the order is an index's.
pub async fn list(conn: &mut PgConnection, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Listed>> {
    let states: Option<Vec<String>> = f.states.as_ref().map(|s| s.iter().map(|n| (*n).to_owned()).collect());
    let by_id = f.q.as_deref().and_then(|q| super::parse_id(q).ok());
    let words =
        f.q.as_deref()
            .filter(|_| by_id.is_none())
            .map(|q| format!("%{}%", q.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")));
    let (target_type, target_id) = f.target.as_ref().map(|(t, i)| (t.as_str(), i.as_str())).unzip();
    let (value, id) = slice.at();
    let (by_expiry, up) = (slice.order.key == "expires", slice.up());
    let cursor = id.and_then(|id| super::parse_id(id).ok());
    let expiry = value.and_then(|v| v.parse::<DateTime<Utc>>().ok());
    let mut rows: Vec<Listed> = sqlx::query!(
        r#"select r.id, r.operation, r.target_id, r.target_label, o.name as requester, r.reason, r.before, r.after, r.state, r.risk, r.created_at,
             r.expires_at, r.closed_at
           from request r join operator o on o.id = r.requester_id
           where ($1::text[] is null or r.state = any($1)) and ($2::text is null or r.operation = $2) and ($3::uuid is null or r.requester_id = $3)
             and ($4::uuid is null or (r.state = 'pending' and (r.self_approval or r.requester_id <> $4)
               and not exists (select from vote v where v.request_id = r.id and v.voter_id = $4)))
             and ($5::text is null or (r.target_type = $5 and r.target_id = $6))
             and ($7::bigint is null or r.id = $7) and ($8::text is null or r.search like $8) and ($9::text is null or r.risk = $9)
             and ($10::timestamptz is null or r.expires_at < $10)
             and ($11::bigint is null or case
               when $12 and $13 then (r.expires_at, r.id) > ($14::timestamptz, $11)
               when $12 then (r.expires_at, r.id) < ($14::timestamptz, $11)
               when $13 then r.id > $11 else r.id < $11 end)
           order by case when $12 and $13 then r.expires_at end asc, case when $12 and not $13 then r.expires_at end desc,
             case when $13 then r.id end asc, case when not $13 then r.id end desc limit $15"#,
        states.as_deref(), f.operation, f.requester, f.waiting_for, target_type, target_id, by_id, words, f.risk, f.expires_before, cursor,
        by_expiry, up, expiry, slice.limit
    ).fetch_all(conn).await?.into_iter().map(|r| Listed {
        id: r.id, operation: r.operation, target_id: r.target_id, target_label: r.target_label, requester: r.requester, reason: r.reason,
        before: r.before, after: r.after, state: State::named(&r.state).expect("the column's check allows no other"), risk: r.risk,
        created_at: r.created_at, expires_at: r.expires_at, closed_at: r.closed_at,
    }).collect();
    if slice.back() {
        rows.reverse();
    }
    Ok(rows)
}

/// How many there are, counted to 100 and no further.
pub struct Counts {
    pub mine: i64,
    pub open: i64,
    pub asked: i64,
    pub unknown: i64,
    pub expiring: i64,
}

/// The numbers on the inbox tabs for one person.
pub async fn counts(conn: &mut PgConnection, operator: Uuid, decides: bool) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"select
             (select count(*) from (select from request r where $2 and r.state = 'pending' and (r.self_approval or r.requester_id <> $1)
               and not exists (select from vote v where v.request_id = r.id and v.voter_id = $1) limit 100) t) as "mine!",
             (select count(*) from (select from request where state in ('pending', 'approved', 'executing', 'unknown') limit 100) t) as "open!",
             (select count(*) from (select from request where requester_id = $1 and state in ('pending', 'approved', 'executing', 'unknown') limit 100) t) as "asked!",
             (select count(*) from (select from request where state = 'unknown' limit 100) t) as "unknown!",
             (select count(*) from (select from request where state = 'pending' and expires_at < now() + interval '4 hours' limit 100) t) as "expiring!""#,
        operator, decides
    ).fetch_one(conn).await
}

/// How many requests were asked for on a day, and how many ended on it, however they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayCount {
    pub asked: i64,
    pub closed: i64,
}

/// Counts of the 24 hours from each of these instants, in their order. Counted from the indexes alone, day by day: grouping by the
/// day of each row would work out a time zone for every one of them.
pub async fn per_day(conn: &mut PgConnection, from: &[DateTime<Utc>]) -> sqlx::Result<Vec<DayCount>> {
    sqlx::query_as!(
        DayCount,
        r#"select
             (select count(*) from request where created_at >= d.day and created_at < d.day + interval '24 hours') as "asked!",
             (select count(*) from request where closed_at >= d.day and closed_at < d.day + interval '24 hours') as "closed!"
           from unnest($1::timestamptz[]) with ordinality as d(day, n) order by n"#,
        from
    )
    .fetch_all(conn)
    .await
}
