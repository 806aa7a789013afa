//! SQL of the invariants: each query answers the requests that break one.
use super::{told::EFFECTS, transitions};
use sqlx::PgConnection;
use uuid::Uuid;

/// How many are told of; one is enough to look.
const MOST: i64 = 100;

pub(super) async fn open(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!("select id from request where state in ('pending', 'approved', 'executing', 'unknown') order by id desc limit 1000")
        .fetch_all(conn)
        .await
}

pub(super) async fn effects(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "select request_id from attempt where outcome in ('succeeded', 'partial') group by request_id having count(*) > 1 limit $1",
        MOST
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn untold(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    let (kinds, states) = transitions();
    sqlx::query_scalar!(
        r#"with step as (select kind, state from unnest($1::text[], $2::text[]) t (kind, state)),
             last as (select distinct on (e.request_id) e.request_id, s.state from ledger.event e join step s on s.kind = e.kind
               order by e.request_id, e.event_id desc)
           select r.id from request r left join last l on l.request_id = r.id where l.state is distinct from r.state
             and r.created_at >= ledger.kept_since() limit $3"#,
        &kinds as &[&str],
        &states as &[&str],
        MOST
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn uncounted(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    let (kinds, _) = transitions();
    sqlx::query_scalar!(
        r#"with told as (select request_id, count(*) as n from ledger.event where kind = any($1) group by request_id)
           select r.id from request r left join told t on t.request_id = r.id where coalesce(t.n, 0) <> r.version
             and r.created_at >= ledger.kept_since() limit $2"#,
        &kinds as &[&str],
        MOST
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn unapproved(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "select r.id from request r where r.state in ('executing', 'succeeded', 'failed', 'partial', 'unknown') and not r.broke_glass
           and (select count(*) from vote v where v.request_id = r.id and v.decision = 'approve' and v.binding = r.binding
             and (r.self_approval or v.voter_id <> r.requester_id)) < r.approvals_needed limit $1",
        MOST
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn unbroken(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with told as (select request_id, count(*) as n from ledger.event where kind = 'request.broke_glass' group by request_id)
           select coalesce(r.id, t.request_id) as "id!" from (select id, created_at from request where broke_glass) r full join told t on t.request_id = r.id
           where (r.id is null or t.n is distinct from 1) and coalesce(r.created_at, now()) >= ledger.kept_since() limit $1"#,
        MOST
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn unreviewed(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with told as (select request_id, count(*) as n from ledger.event where kind = 'request.reviewed' group by request_id)
           select coalesce(v.request_id, t.request_id) as "id!" from review v full join told t on t.request_id = v.request_id
             left join operator o on o.id = v.reviewer_id left join operator q on q.id = v.requester_id
           where v.request_id is null or (t.n is distinct from 1 and v.at >= ledger.kept_since())
             or coalesce(o.owner_id, o.id) = coalesce(q.owner_id, q.id) limit $1"#,
        MOST
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn undispatched(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"select a.request_id as "id!" from attempt a join request r on r.id = a.request_id
           where a.dispatched_at is not null and r.created_at >= ledger.kept_since() group by a.request_id
           having count(*) <> (select count(*) from ledger.event e where e.request_id = a.request_id and e.kind = 'request.dispatched') limit $1"#,
        MOST
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn unsettled(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "select r.id from request r where r.outcome ->> 'code' = 'examined' and (select count(*) from finding f
           where f.request_id = r.id and f.verdict = r.state and f.operator_id <> r.requester_id) < 2 limit $1",
        MOST
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn forgotten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "select r.id from request r where r.state in ('approved', 'executing') and not exists (select from job j
           where j.kind = 'request.execute' and (j.payload ->> 'request')::bigint = r.id) limit $1",
        MOST
    )
    .fetch_all(conn)
    .await
}

/// Erasures that nobody asked for, and requests for one that did none.
pub(super) async fn unasked_erasures(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"select coalesce(r.id, e.request_id, 0) as "id!"
           from (select id, target_id, created_at from request where operation = 'subject.erase' and state = 'succeeded') r
             full join (select request_id, target_id from ledger.event where kind = 'subject.erased') e
               on e.request_id = r.id and e.target_id = r.target_id
           where (r.id is null or e.request_id is null) and coalesce(r.created_at, now()) >= ledger.kept_since() limit $1"#,
        MOST
    )
    .fetch_all(conn)
    .await
}

/// Votes that the ledger does not tell of, and votes that it tells of and that are not there.
pub(super) async fn untold_votes(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with last as (select distinct on (request_id, actor_id) request_id, actor_id, kind from ledger.event
             where kind in ('request.voted', 'request.vote_withdrawn') and outcome = 'success' order by request_id, actor_id, event_id desc),
             told as (select request_id, actor_id from last where kind = 'request.voted')
           select r.id from vote v full join told t on t.request_id = v.request_id and t.actor_id = v.voter_id
             join request r on r.id = coalesce(v.request_id, t.request_id)
           where (v.request_id is null or t.request_id is null) and r.created_at >= ledger.kept_since() limit $1"#,
        MOST
    )
    .fetch_all(conn)
    .await
}

/// Changes that only a request can make, and that none made; 0 where the event names none. What came back from the log's copy tells of
/// requests that the database has lost.
pub(super) async fn unasked(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    let kinds = EFFECTS.map(|kind| format!("{kind}%"));
    sqlx::query_scalar!(
        r#"with back as (
             select (facts ->> 'leaves')::bigint as first, (facts ->> 'outside')::bigint as behind
             from (select convert_from(leaf, 'UTF8')::jsonb -> 'facts' as facts from ledger.event where kind = 'ledger.resumed') resumed
             where facts ->> 'way' = 'replay' and facts ? 'outside'
           )
           select coalesce(e.request_id, 0) as "id!" from ledger.event e left join request r on r.id = e.request_id
             left join ledger.leaf l on l.event_id = e.event_id
           where e.kind like any($1) and e.outcome = 'success'
             and (r.id is null or r.state not in ('executing', 'succeeded', 'partial', 'unknown'))
             and not (r.id is null and exists (select from back where l.leaf_index >= first and l.leaf_index < behind)) limit $2"#,
        &kinds[..],
        MOST
    )
    .fetch_all(conn)
    .await
}

/// A vote as it is kept.
pub(super) struct Stored {
    pub request: i64,
    pub voter: Uuid,
    pub approves: bool,
    pub binding: Vec<u8>,
    pub reason: Option<String>,
}

pub(super) async fn votes(conn: &mut PgConnection, requests: &[i64]) -> sqlx::Result<Vec<Stored>> {
    sqlx::query_as!(
        Stored,
        r#"select request_id as request, voter_id as voter, decision = 'approve' as "approves!", binding, reason from vote where request_id = any($1)"#,
        requests
    )
    .fetch_all(conn)
    .await
}

/// Requests that opened a promotion whose counter is not the number of its redemptions, or whose redemptions are not those that the
/// ledger tells of.
pub(super) async fn miscounted(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with told as (select convert_from(leaf, 'UTF8')::jsonb #>> '{facts,promotion}' as code, count(*) as n
             from ledger.event where kind = 'promotion.redeemed' and outcome = 'success' group by 1),
           had as (select code, count(*) as n, count(*) filter (where redeemed_at >= ledger.kept_since()) as kept from promo_redemption group by code)
           select p.request_id from promotion p left join had h on h.code = p.code left join told t on t.code = p.code
           where p.redeemed <> coalesce(h.n, 0) or coalesce(h.kept, 0) <> coalesce(t.n, 0) limit $1"#,
        MOST
    )
    .fetch_all(conn)
    .await
}

/// Requests some of whose events came back from the log's copy: the database has lost what went with them.
pub(super) async fn came_back(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with back as (
             select (facts ->> 'leaves')::bigint as first, (facts ->> 'outside')::bigint as behind
             from (select convert_from(leaf, 'UTF8')::jsonb -> 'facts' as facts from ledger.event where kind = 'ledger.resumed' and outcome = 'success') resumed
             where facts ->> 'way' = 'replay' and facts ? 'outside'
           )
           select distinct e.request_id as "id!" from back join ledger.leaf l on l.leaf_index >= first and l.leaf_index < behind
             join ledger.event e on e.event_id = l.event_id and e.recorded_at = l.recorded_at where e.request_id is not null"#
    )
    .fetch_all(conn)
    .await
}
