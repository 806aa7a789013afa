//! SQL of the decisions that resemble a request.
use crate::requests::Request;
use sqlx::PgConnection;

/// The newest decisions of the operation that are looked at; more of them would say no more.
pub(super) const MOST: i64 = 300;

pub(super) struct Found {
    pub id: i64,
    pub state: String,
    pub target_label: String,
    pub requester: String,
    pub deciders: Vec<String>,
    pub seconds: f64,
    pub same_change: bool,
    pub same_after: bool,
    pub same_requester: bool,
    /// Of all that were looked at, the same in each row.
    pub decided: i64,
    pub approved: i64,
}

/// The closest decisions on other targets. The same change counts most, then the same outcome, then the same fields and the same
/// requester; among equals the newest. Ids grow with time, so the index of the operation ends where the days do.
pub(super) async fn closest(conn: &mut PgConnection, r: &Request, days: i64) -> sqlx::Result<Vec<Found>> {
    sqlx::query_as!(
        Found,
        r#"with recent as materialized (
             select id, state, target_type, target_id, target_label, requester_id, decided_at - created_at as took,
               before = $3 and after = $4 as same_change, after = $4 as same_after, requester_id = $5 as same_requester,
               (select count(*) from jsonb_object_keys(fields) k where not $6::jsonb ? k) = 0 and
               (select count(*) from jsonb_object_keys($6::jsonb) k where not fields ? k) = 0 as same_fields
             from request
             where operation = $1 and id <> $2 and decided_at is not null and approvals_needed > 0
               and id >= (select id from request where created_at >= now() - make_interval(days => $7::int) order by created_at limit 1)
             order by id desc limit $8)
           select r.id, r.state, r.target_label, o.name as requester, extract(epoch from r.took)::float8 as "seconds!",
             r.same_change as "same_change!", r.same_after as "same_after!", r.same_requester as "same_requester!",
             array(select v.name from vote join operator v on v.id = voter_id where request_id = r.id
               and decision = case r.state when 'denied' then 'reject' else 'approve' end order by at) as "deciders!",
             (select count(*) from recent) as "decided!", (select count(*) from recent where state <> 'denied') as "approved!"
           from recent r join operator o on o.id = r.requester_id
           where (r.target_type, r.target_id) <> ($9, $10)
           order by r.same_change::int * 4 + r.same_after::int * 2 + r.same_fields::int + r.same_requester::int desc, r.id desc limit 5"#,
        r.operation,
        r.id,
        r.before,
        r.after,
        r.requester_id,
        r.fields,
        days as i32,
        MOST,
        r.target_type,
        r.target_id
    )
    .fetch_all(conn)
    .await
}
