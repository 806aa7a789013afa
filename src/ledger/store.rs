//! SQL of the ledger's first part.
use super::subjects::{Detail, Kept};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// An event as lists show it.
pub struct Event {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub kind: String,
    pub outcome: String,
    pub actor_id: Uuid,
    pub actor: String,
    pub door: String,
    pub request: Option<i64>,
    pub target_type: Option<String>,
    pub target_id: Option<String>,
    /// The name of an operator who is the target.
    pub target_name: Option<String>,
}

/// The time inside an event's id, which also names its partition; nothing for an id that is none of ours.
pub fn at_of(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp().filter(|_| id.get_version_num() == 7)?.to_unix();
    DateTime::from_timestamp(seconds as i64, nanos)
}

/// All of one event: its list row, its leaf, and what the leaf commits to.
pub struct Whole {
    pub event: Event,
    pub leaf: Vec<u8>,
    pub detail: Detail,
}

pub async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Whole>> {
    Ok(wholes(conn, &[id]).await?.pop())
}

/// All of these events, in this order.
pub async fn wholes(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Whole>> {
    let (ids, at): (Vec<_>, Vec<_>) = ids.iter().filter_map(|id| Some((*id, at_of(*id)?))).unzip();
    let rows = sqlx::query!(
        r#"select e.event_id as "id!", e.recorded_at as "at!", e.kind as "kind!", e.outcome as "outcome!", e.actor_id as "actor_id!",
             coalesce(o.name, e.actor_id::text) as "actor!", e.door as "door!", e.request_id as request, e.target_type, e.target_id,
             t.name as "target_name?", e.leaf as "leaf!", d.salt as "salt?", d.data as "data?", d.sealed as "sealed?", k.key as "key?"
           from unnest($1::uuid[], $2::timestamptz[]) with ordinality x (id, at, place)
             join ledger.event e on e.event_id = x.id and e.recorded_at = x.at
             left join operator o on o.id = e.actor_id
             left join ledger.detail d on d.event_id = x.id and d.recorded_at = x.at
             left join ledger.subject_key k on d.sealed is not null and k.subject = e.target_type || ':' || e.target_id
             left join operator t on t.id = case when e.target_type = 'operator' and e.target_id ~ '^[0-9a-f-]{36}$' then e.target_id::uuid end
           order by x.place"#,
        &ids,
        &at
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Whole {
            event: Event {
                id: r.id,
                at: r.at,
                kind: r.kind,
                outcome: r.outcome,
                actor_id: r.actor_id,
                actor: r.actor,
                door: r.door,
                request: r.request,
                target_type: r.target_type,
                target_id: r.target_id,
                target_name: r.target_name,
            },
            leaf: r.leaf,
            detail: Kept { salt: r.salt, data: r.data, sealed: r.sealed, key: r.key }.open(r.id),
        })
        .collect())
}

/// An event with what its leaf commits to.
pub struct Told {
    pub event: Event,
    pub detail: Detail,
}

/// The whole story of a request that was submitted at this time, oldest first. Months before are not looked into. What a request about a
/// plan did to each of its tenants, by the thousand, is not told here one by one, nor every twenty of them.
pub async fn story(conn: &mut PgConnection, request: i64, submitted: DateTime<Utc>) -> sqlx::Result<Vec<Told>> {
    let rows = sqlx::query!(
        r#"select e.event_id as id, e.recorded_at as at, e.kind, e.outcome, e.actor_id, coalesce(o.name, e.actor_id::text) as "actor!", e.door,
             e.request_id as request, e.target_type, e.target_id, d.salt as "salt?", d.data as "data?", d.sealed as "sealed?", k.key as "key?"
           from ledger.event e left join operator o on o.id = e.actor_id
             left join ledger.detail d on d.event_id = e.event_id and d.recorded_at = e.recorded_at and d.recorded_at >= $2
             left join ledger.subject_key k on d.sealed is not null and k.subject = e.target_type || ':' || e.target_id
           where e.request_id = $1 and e.recorded_at >= $2
             and e.kind <> 'subscription.migration.advanced'
             and not (e.target_type is not distinct from 'tenant' and exists (select from request r where r.id = $1 and r.target_type = 'plan'))
           order by e.event_id limit 200"#,
        request,
        // what is written in the same transaction is cut to the millisecond
        submitted - chrono::TimeDelta::seconds(1)
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Told {
            event: Event {
                id: r.id,
                at: r.at,
                kind: r.kind,
                outcome: r.outcome,
                actor_id: r.actor_id,
                actor: r.actor,
                door: r.door,
                request: r.request,
                target_type: r.target_type,
                target_id: r.target_id,
                target_name: None,
            },
            detail: Kept { salt: r.salt, data: r.data, sealed: r.sealed, key: r.key }.open(r.id),
        })
        .collect())
}
