//! SQL of the ledger's first part.
use super::subjects::{Detail, Kept};
use crate::page::list::Slice;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// An event as lists show it.
pub struct Event {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub kind: String,
    pub outcome: String,
    pub actor: String,
    pub door: String,
    pub request: Option<i64>,
    pub target_type: Option<String>,
    pub target_id: Option<String>,
    /// The name of an operator who is the target.
    pub target_name: Option<String>,
}

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// An e-mail address or part of a name.
    pub actor: Option<String>,
    /// A kind or the beginning of one: `request.` or `org.tier.fixed`.
    pub kind: Option<String>,
    pub target: Option<String>,
    pub request: Option<i64>,
    pub outcome: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// A page of events, by `created` (their id, which begins with the time).
pub async fn list(conn: &mut PgConnection, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Event>> {
    let actors: Option<Vec<Uuid>> = match &f.actor {
        Some(actor) => Some(
            sqlx::query_scalar!("select id from operator where email = lower($1) or strpos(lower(name), lower($1)) > 0 limit 50", actor)
                .fetch_all(&mut *conn)
                .await?,
        ),
        None => None,
    };
    let kind = f.kind.as_ref().map(|kind| format!("{}%", kind.replace(['\\', '%', '_'], "")));
    let cursor = slice.at().1.and_then(|id| id.parse::<Uuid>().ok());
    // a range of time is a range of ids; the plain range lets Postgres skip partitions
    let mut events = sqlx::query_as!(
        Event,
        r#"select e.event_id as id, e.recorded_at as at, e.kind, e.outcome, coalesce(o.name, e.actor_id::text) as "actor!", e.door,
             e.request_id as request, e.target_type, e.target_id, t.name as "target_name?"
           from ledger.event e left join operator o on o.id = e.actor_id
             left join operator t on t.id = case when e.target_type = 'operator' and e.target_id ~ '^[0-9a-f-]{36}$' then e.target_id::uuid end
           where ($1::uuid[] is null or e.actor_id = any($1)) and ($2::text is null or e.kind like $2)
             and ($3::text is null or e.target_id = $3) and ($4::bigint is null or e.request_id = $4)
             and ($5::text is null or e.outcome = $5)
             and ($6::timestamptz is null or e.recorded_at >= $6) and ($7::timestamptz is null or e.recorded_at < $7)
             and ($8::uuid is null or ($9 and e.event_id > $8) or (not $9 and e.event_id < $8))
           order by case when $9 then e.event_id end asc, case when not $9 then e.event_id end desc limit $10"#,
        actors.as_deref(),
        kind,
        f.target,
        f.request,
        f.outcome,
        f.since,
        f.until,
        cursor,
        slice.up(),
        slice.limit
    )
    .fetch_all(conn)
    .await?;
    if slice.back() {
        events.reverse();
    }
    Ok(events)
}

/// All of one event: its list row, its leaf, and what the leaf commits to.
pub struct Whole {
    pub event: Event,
    pub leaf: Vec<u8>,
    pub detail: Detail,
}

pub async fn find(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Whole>> {
    // the time inside the id names the partition
    let Some((seconds, nanos)) = id.get_timestamp().map(|t| t.to_unix()) else { return Ok(None) };
    let at = DateTime::from_timestamp(seconds as i64, nanos);
    let row = sqlx::query!(
        r#"select e.event_id as "id!", e.recorded_at as "at!", e.kind as "kind!", e.outcome as "outcome!", coalesce(o.name, e.actor_id::text) as "actor!", e.door as "door!",
             e.request_id as request, e.target_type, e.target_id, t.name as "target_name?", e.leaf as "leaf!", d.salt, d.data, d.sealed, k.key as "key?"
           from ledger.event e left join operator o on o.id = e.actor_id
             left join ledger.detail d on d.event_id = e.event_id and d.recorded_at = e.recorded_at
             left join ledger.subject_key k on d.sealed is not null and k.subject = e.target_type || ':' || e.target_id
             left join operator t on t.id = case when e.target_type = 'operator' and e.target_id ~ '^[0-9a-f-]{36}$' then e.target_id::uuid end
           where e.event_id = $1 and e.recorded_at = $2"#, id, at
    ).fetch_optional(conn).await?;
    Ok(row.map(|r| Whole {
        event: Event {
            id: r.id,
            at: r.at,
            kind: r.kind,
            outcome: r.outcome,
            actor: r.actor,
            door: r.door,
            request: r.request,
            target_type: r.target_type,
            target_id: r.target_id,
            target_name: r.target_name,
        },
        leaf: r.leaf,
        detail: Kept { salt: r.salt, data: r.data, sealed: r.sealed, key: r.key }.open(r.id),
    }))
}

/// An event with what its leaf commits to.
pub struct Told {
    pub event: Event,
    pub actor_id: Uuid,
    pub detail: Detail,
}

/// The whole story of a request, oldest first.
pub async fn story(conn: &mut PgConnection, request: i64) -> sqlx::Result<Vec<Told>> {
    let rows = sqlx::query!(
        r#"select e.event_id as id, e.recorded_at as at, e.kind, e.outcome, e.actor_id, coalesce(o.name, e.actor_id::text) as "actor!", e.door,
             e.request_id as request, e.target_type, e.target_id, d.salt, d.data, d.sealed, k.key as "key?"
           from ledger.event e left join operator o on o.id = e.actor_id
             left join ledger.detail d on d.event_id = e.event_id and d.recorded_at = e.recorded_at
             left join ledger.subject_key k on d.sealed is not null and k.subject = e.target_type || ':' || e.target_id
           where e.request_id = $1 order by e.event_id limit 200"#,
        request
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
                actor: r.actor,
                door: r.door,
                request: r.request,
                target_type: r.target_type,
                target_id: r.target_id,
                target_name: None,
            },
            actor_id: r.actor_id,
            detail: Kept { salt: r.salt, data: r.data, sealed: r.sealed, key: r.key }.open(r.id),
        })
        .collect())
}
