//! SQL of what decisions are like.
use super::{Person, Sum};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// Sums of the votes since an instant: all, and by person, operation and week.
#[derive(Default)]
pub(super) struct Sums {
    pub all: Sum,
    pub people: HashMap<Uuid, Sum>,
    pub operations: Vec<(String, Sum)>,
    pub weeks: HashMap<NaiveDate, Sum>,
}

/// Since when it is known who opened what.
pub(super) async fn known_since(conn: &mut PgConnection) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!("select min(first_seen_at) from request_seen").fetch_one(conn).await
}

/// One pass over the votes. `watched` are those from the time when it is known who opened what.
pub(super) async fn sums(conn: &mut PgConnection, since: DateTime<Utc>, known: DateTime<Utc>) -> sqlx::Result<Sums> {
    let rows = sqlx::query!(
        r#"with voted as materialized (
             select v.voter_id, r.operation, date_trunc('week', v.at at time zone 'Asia/Seoul')::date as week, v.decision = 'approve' as approves,
               extract(epoch from v.at - r.created_at)::float8 as took, v.at >= $2 as watched,
               s.first_seen_at is null or v.at - s.first_seen_at < interval '5 seconds' as quick
             from vote v join request r on r.id = v.request_id
             left join request_seen s on s.request_id = v.request_id and s.operator_id = v.voter_id
             where v.at >= $1)
           select voter_id as "voter?", operation as "operation?", week as "week?", count(*) as "decisions!", count(*) filter (where approves) as "approvals!",
             count(*) filter (where watched) as "watched!", count(*) filter (where watched and quick) as "quick!",
             coalesce(percentile_disc(array[0.5, 0.9]) within group (order by took), '{0,0}') as "took!"
           from voted group by grouping sets ((), (voter_id), (operation), (week)) order by count(*) desc, operation"#,
        since,
        known
    )
    .fetch_all(conn)
    .await?;
    let mut sums = Sums::default();
    for r in rows {
        let at = |n: usize| r.took.get(n).copied().unwrap_or_default();
        let sum = Sum { decisions: r.decisions, approvals: r.approvals, watched: r.watched, quick: r.quick, median: at(0), p90: at(1) };
        match (r.voter, r.operation, r.week) {
            (Some(voter), ..) => drop(sums.people.insert(voter, sum)),
            (_, Some(operation), _) => sums.operations.push((operation, sum)),
            (.., Some(week)) => drop(sums.weeks.insert(week, sum)),
            _ => sums.all = sum,
        }
    }
    Ok(sums)
}

/// Those who decided or may decide, by name, with what waits for each, counted to 1,000.
pub(super) async fn people(conn: &mut PgConnection, roles: &[&str], sums: &HashMap<Uuid, Sum>) -> sqlx::Result<Vec<Person>> {
    let voted: Vec<Uuid> = sums.keys().copied().collect();
    let rows = sqlx::query!(
        r#"select o.id, o.name, o.email, decides as "decides!", case when decides then (select count(*) from (select from request r
               where r.state = 'pending' and r.expires_at > now() and (r.self_approval or r.requester_id <> o.id)
                 and r.waits_for && array(select role from operator_role where operator_id = o.id)
                 and not exists (select from vote v where v.request_id = r.id and v.voter_id = o.id) limit 1000) t) else 0 end as "waiting!"
           from operator o cross join lateral (select o.disabled_at is null and o.kind = 'person'
             and exists (select from operator_role where operator_id = o.id and role = any($1)) as decides) d
           where decides or o.id = any($2) order by o.name, o.id"#,
        roles as &[&str],
        &voted
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Person {
            id: r.id,
            name: r.name,
            email: r.email,
            waiting: r.decides.then_some(r.waiting),
            sum: sums.get(&r.id).cloned().unwrap_or_default(),
        })
        .collect())
}
