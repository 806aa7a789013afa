//! SQL of payments.
use super::{
    Name, Payment,
    provider::{Failure, Heard, Outcome, Seen},
};
use crate::{db::Change, page::list::Slice};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

pub(super) async fn now(conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(conn).await
}

pub(super) async fn find(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Payment>> {
    sqlx::query_as!(
        Payment,
        r#"select p.id, provider, provider_id, order_id, state, said_state, amount, balance, payer, method, paid_at, told_at, asked_at, heard_at,
             trouble, trouble_since, tries, once_paid, least_left, next_ask, acknowledged_at, o.name as "acknowledged_by?", acknowledged_why, version
           from payment p left join operator o on o.id = p.acknowledged_by where p.id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

/// Locks one until the transaction ends; from here on it is later than all that was written to it.
pub(super) async fn lock(change: &mut Change, id: i64) -> sqlx::Result<Option<Payment>> {
    let held = sqlx::query!(
        r#"with held as (select version from payment where id = $1 for update)
           select version, date_trunc('milliseconds', clock_timestamp()) as "had!" from held"#,
        id
    )
    .fetch_optional(&mut **change)
    .await?;
    let Some(held) = held else { return Ok(None) };
    change.had_lock(held.had, held.version);
    find(change, id).await
}

/// The newest few of an order; an order has rarely more than one.
pub(super) async fn of_order(conn: &mut PgConnection, order_id: &str) -> sqlx::Result<Vec<Payment>> {
    sqlx::query_as!(
        Payment,
        r#"select p.id, provider, provider_id, order_id, state, said_state, amount, balance, payer, method, paid_at, told_at, asked_at, heard_at,
             trouble, trouble_since, tries, once_paid, least_left, next_ask, acknowledged_at, o.name as "acknowledged_by?", acknowledged_why, version
           from payment p left join operator o on o.id = p.acknowledged_by where order_id = $1 order by p.id desc limit 100"#,
        order_id
    )
    .fetch_all(conn)
    .await
}

/// The payment of this name or order, made if nobody has told us of it. What one event knows by its order and another by its name is
/// the same payment; they wait for each other.
pub(super) async fn heard_of(change: &mut Change, provider: Name, id: Option<&str>, order: Option<&str>) -> sqlx::Result<i64> {
    let now = change.now();
    sqlx::query!(
        r#"select pg_advisory_xact_lock(hashtextextended('payment ' || $1 || ' ' || $2, 0)) as "locked!: ()""#,
        provider.name(),
        order.or(id)
    )
    .fetch_one(&mut **change)
    .await?;
    let known = sqlx::query!(
        r#"select id, provider_id is null as "nameless!" from payment where provider = $1 and (provider_id = $2
             or (order_id = $3 and ($2::text is null or provider_id is null)))
           order by provider_id = $2 desc nulls last, provider_id is null, id desc limit 1"#,
        provider.name(),
        id,
        order
    )
    .fetch_optional(&mut **change)
    .await?;
    if let Some(known) = known {
        if known.nameless && id.is_some() {
            sqlx::query!("update payment set provider_id = $2 where id = $1", known.id, id).execute(&mut **change).await?;
        }
        return Ok(known.id);
    }
    sqlx::query_scalar!(
        "insert into payment (provider, provider_id, order_id, heard_at) values ($1, $2, $3, $4) returning id",
        provider.name(),
        id,
        order,
        now
    )
    .fetch_one(&mut **change)
    .await
}

/// `false` if it is there already.
pub(super) async fn add_event(
    change: &mut Change,
    provider: Name,
    heard: &Heard,
    payment: Option<i64>,
    hash: &[u8; 32],
    size: usize,
) -> sqlx::Result<bool> {
    let now = change.now();
    let added = sqlx::query!(
        "insert into inbound_event (provider, event_id, payment_id, kind, claimed_state, claimed_amount, body_hash, body_size, sent_at, received_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (provider, event_id) do nothing",
        provider.name(),
        heard.id,
        payment,
        heard.kind,
        heard.claims.state,
        heard.claims.amount,
        &hash[..],
        size as i32,
        heard.sent_at,
        now
    );
    Ok(added.execute(&mut **change).await?.rows_affected() == 1)
}

/// Whether another payment has this name.
pub(super) async fn is_taken(conn: &mut PgConnection, provider: Name, provider_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from payment where provider = $1 and provider_id = $2) as "taken!""#,
        provider.name(),
        provider_id
    )
    .fetch_one(conn)
    .await
}

/// One look, as it is written down.
pub(super) struct Attempt<'a> {
    pub because: &'a str,
    pub event: Option<&'a str>,
    pub asked_at: DateTime<Utc>,
    pub answered_at: DateTime<Utc>,
    pub outcome: Outcome,
    pub remarks: &'a [&'a str],
}

pub(super) async fn add_attempt(
    change: &mut Change,
    payment: i64,
    attempt: &Attempt<'_>,
    answer: &Result<Seen, Failure>,
    replica: &str,
) -> sqlx::Result<()> {
    let seen = answer.as_ref().ok();
    let failure = answer.as_ref().err();
    sqlx::query!(
        "insert into payment_attempt (payment_id, because, event_id, asked_at, answered_at, outcome, http_status, said_state, amount, balance,
           told_at, remarks, detail, replica) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        payment,
        attempt.because,
        attempt.event,
        attempt.asked_at,
        attempt.answered_at,
        attempt.outcome.name(),
        failure.map_or(Some(200), |f| f.status.map(|s| s as i16)),
        seen.map_or("", |s| &s.said_state),
        seen.map(|s| s.amount),
        seen.map(|s| s.balance),
        seen.and_then(|s| s.told_at),
        attempt.remarks as &[&str],
        failure.map_or("", |f| &f.detail),
        replica
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// What becomes of a payment besides what its provider said.
pub(super) struct Standing {
    /// What people should look at, and since when.
    pub trouble: Option<(Outcome, DateTime<Utc>)>,
    pub once_paid: Option<i64>,
    pub least_left: Option<i64>,
    pub next_ask: Option<DateTime<Utc>>,
}

/// What the provider said now stands.
pub(super) async fn see(change: &mut Change, id: i64, seen: &Seen, asked_at: DateTime<Utc>, so: &Standing) -> sqlx::Result<()> {
    sqlx::query!(
        "update payment set provider_id = $2, order_id = $3, state = $4, said_state = $5, amount = $6, balance = $7, payer = $8, method = $9,
           paid_at = $10, told_at = $11, asked_at = $12, trouble = $13, trouble_since = $14, once_paid = $15, least_left = $16, next_ask = $17,
           acknowledged_at = case when trouble = $13 then acknowledged_at end, acknowledged_by = case when trouble = $13 then acknowledged_by end,
           acknowledged_why = case when trouble = $13 then acknowledged_why end, tries = 0, version = version + 1 where id = $1",
        id,
        seen.provider_id,
        seen.order_id,
        seen.state.name(),
        seen.said_state,
        seen.amount,
        seen.balance,
        seen.payer.exposed(),
        seen.method,
        seen.paid_at,
        seen.told_at,
        asked_at,
        so.trouble.map(|(why, _)| why.name()),
        so.trouble.map(|(_, since)| since),
        so.once_paid,
        so.least_left,
        so.next_ask
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// The look gave no answer that counts; what was known stands. What another job is going to ask stands, too.
pub(super) async fn fail(
    change: &mut Change,
    id: i64,
    why: Outcome,
    now: DateTime<Utc>,
    next_ask: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update payment set trouble = $2, trouble_since = coalesce(trouble_since, $3), tries = least(tries, 32000) + 1,
           next_ask = coalesce($4, case when next_ask > $3 then next_ask end),
           acknowledged_at = case when trouble = $2 then acknowledged_at end, acknowledged_by = case when trouble = $2 then acknowledged_by end,
           acknowledged_why = case when trouble = $2 then acknowledged_why end, version = version + 1 where id = $1",
        id,
        why.name(),
        now,
        next_ask
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// Somebody knows of the trouble.
pub(super) async fn acknowledge(change: &mut Change, id: i64, by: Uuid, why: &str) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "update payment set acknowledged_at = $2, acknowledged_by = $3, acknowledged_why = $4, version = version + 1 where id = $1",
        id,
        now,
        by,
        why
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// Payments that say something else than the last event about them, or money that no event tells of: somebody wrote them past the
/// portal. Reads all of them.
pub async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let found = sqlx::query_scalar!(
        r#"with last as (select distinct on (e.target_id) e.target_id, convert_from(e.leaf, 'UTF8')::jsonb -> 'facts' as facts
             from ledger.event e where e.target_type = 'payment' and e.kind in ('payment.seen', 'payment.verified', 'payment.changed')
             order by e.target_id, e.event_id desc)
           select p.id from payment p left join last l on l.target_id = 'PAY-' || p.id
           where case
             when l.facts is null then p.state <> 'heard' and p.asked_at >= ledger.kept_since()
             -- before this was written down, an event had no more than that it happened
             when not l.facts ? 'state' then false
             else (l.facts ->> 'state', l.facts ->> 'balance', l.facts ->> 'amount', l.facts ->> 'order')
               is distinct from (p.state, p.balance::text, p.amount::text, p.order_id) end
           order by p.id limit 100"#
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(super::short_id).collect())
}

pub(super) async fn looked_since(conn: &mut PgConnection, id: i64, since: DateTime<Utc>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from payment_attempt where payment_id = $1 and answered_at > $2) as "looked!""#, id, since)
        .fetch_one(conn)
        .await
}

/// A look as pages and the API show it.
pub struct Looked {
    pub because: String,
    pub event_id: Option<String>,
    pub asked_at: DateTime<Utc>,
    pub answered_at: DateTime<Utc>,
    pub outcome: String,
    pub http_status: Option<i16>,
    pub said_state: String,
    pub amount: Option<i64>,
    pub balance: Option<i64>,
    pub remarks: Vec<String>,
    pub detail: String,
}

/// The newest first.
pub(super) async fn looks(conn: &mut PgConnection, id: i64, limit: i64) -> sqlx::Result<Vec<Looked>> {
    sqlx::query_as!(
        Looked,
        "select because, event_id, asked_at, answered_at, outcome, http_status, said_state, amount, balance, remarks, detail
         from payment_attempt where payment_id = $1 order by id desc limit $2",
        id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// An event as pages and the API show it.
pub struct Told {
    pub event_id: String,
    pub kind: String,
    pub claimed_state: Option<String>,
    pub claimed_amount: Option<i64>,
    pub sent_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
}

/// The newest first.
pub(super) async fn events(conn: &mut PgConnection, id: i64, limit: i64) -> sqlx::Result<Vec<Told>> {
    sqlx::query_as!(
        Told,
        "select event_id, kind, claimed_state, claimed_amount, sent_at, received_at
         from inbound_event where payment_id = $1 order by received_at desc, event_id limit $2",
        id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// An order or what the provider calls a payment, as a whole; or a number.
    pub q: Option<String>,
    pub number: Option<i64>,
    pub state: Option<String>,
    pub provider: Option<String>,
    /// `yes`: those that people should look at; `no`: the others.
    pub trouble: Option<bool>,
}

/// A page of payments, by `created` or `amount`. The reading pool plans with the values: see `requests::store::list`.
pub(super) async fn list(conn: &mut PgConnection, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Payment>> {
    let (value, id) = slice.at();
    let (by_amount, up) = (slice.order.key == "amount", slice.up());
    let (amount, id) = (value.and_then(|v| v.parse::<i64>().ok()), id.and_then(|id| id.parse::<i64>().ok()));
    let mut rows = sqlx::query_as!(
        Payment,
        r#"select p.id, provider, provider_id, order_id, state, said_state, amount, balance, payer, method, paid_at, told_at, asked_at, heard_at,
             trouble, trouble_since, tries, once_paid, least_left, next_ask, acknowledged_at, o.name as "acknowledged_by?", acknowledged_why, version
           from payment p left join operator o on o.id = p.acknowledged_by
           where ($1::text is null or order_id = $1 or provider_id = $1 or p.id = $2)
             and ($3::text is null or state = $3) and ($4::text is null or provider = $4)
             and ($5::bool is null or (trouble is not null and acknowledged_at is null) = $5)
             and (not $6 or amount is not null)
             and ($7::bigint is null or case
               when $6 and $8 then (amount, p.id) > ($9::bigint, $7)
               when $6 then (amount, p.id) < ($9::bigint, $7)
               when $8 then p.id > $7 else p.id < $7 end)
           order by case when $6 and $8 then amount end asc, case when $6 and not $8 then amount end desc,
             case when $8 then p.id end asc, case when not $8 then p.id end desc limit $10"#,
        f.q,
        f.number,
        f.state,
        f.provider,
        f.trouble,
        by_amount,
        id,
        up,
        amount,
        slice.limit
    )
    .fetch_all(conn)
    .await?;
    if slice.back() {
        rows.reverse();
    }
    Ok(rows)
}
