//! SQL of exports. Every statement reads one batch.
use crate::ledger::{
    browse::Sought,
    subjects::{Detail, Kept},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// An event as it is taken away.
pub struct Row {
    pub index: i64,
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// The leaf's, as the log took it in.
    pub hash: Vec<u8>,
    pub kind: String,
    pub outcome: String,
    pub actor: Uuid,
    pub door: String,
    pub request: Option<i64>,
    pub target_type: Option<String>,
    pub target_id: Option<String>,
    pub leaf: Vec<u8>,
    /// What is kept of what it commits to, if that is wanted.
    pub salt: Option<Vec<u8>>,
    pub data: Option<Value>,
    pub sealed: Option<Vec<u8>>,
    pub key: Option<Vec<u8>>,
}

impl Row {
    /// Opened, as every reader does.
    pub fn detail(&mut self) -> Detail {
        let kept = Kept { salt: self.salt.take(), data: self.data.take(), sealed: self.sealed.take(), key: self.key.take() };
        kept.open(self.id)
    }
}

/// Where an event is in the log.
pub struct Place {
    pub index: i64,
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub hash: Vec<u8>,
}

pub async fn now(conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(conn).await
}

/// The newest transaction that waits for its place in the log.
pub async fn newest_pending(conn: &mut PgConnection) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(r#"select xid::text as "xid!" from ledger.pending order by xid desc limit 1"#).fetch_optional(conn).await
}

/// Whether nothing waits any more that was there with this transaction.
pub async fn is_placed(conn: &mut PgConnection, xid: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select not exists (select from ledger.pending where xid <= $1::text::xid8) as "placed!""#, xid)
        .fetch_one(conn)
        .await
}

/// Name and address of everybody who may be an actor.
pub async fn names(conn: &mut PgConnection) -> sqlx::Result<HashMap<Uuid, (String, String)>> {
    let rows = sqlx::query!("select id, name, email from operator").fetch_all(conn).await?;
    Ok(rows.into_iter().map(|r| (r.id, (r.name, r.email))).collect())
}

/// From one place in the log to before another.
pub async fn places(conn: &mut PgConnection, from: i64, until: i64) -> sqlx::Result<Vec<Place>> {
    sqlx::query_as!(
        Place,
        "select leaf_index as index, event_id as id, recorded_at as at, hash from ledger.leaf where leaf_index >= $1 and leaf_index < $2 order by leaf_index",
        from,
        until
    )
    .fetch_all(conn)
    .await
}

/// Where these are, in their order, if they are before a place.
pub async fn places_of(conn: &mut PgConnection, ids: &[Uuid], until: i64) -> sqlx::Result<Vec<Place>> {
    sqlx::query_as!(
        Place,
        r#"select l.leaf_index as "index!", l.event_id as "id!", l.recorded_at as "at!", l.hash as "hash!"
           from unnest($1::uuid[]) with ordinality x (id, place) join ledger.leaf l on l.event_id = x.id and l.leaf_index < $2 order by x.place"#,
        ids,
        until
    )
    .fetch_all(conn)
    .await
}

/// What is at these places, in their order, as far as it is what is sought.
///
/// Each by its key, however far apart they are: events of one filter lie among all others. The bounds let Postgres leave out
/// partitions before it looks.
pub async fn rows(conn: &mut PgConnection, places: &[Place], s: &Sought, words: &[String], openings: bool) -> sqlx::Result<Vec<Row>> {
    let ids: Vec<_> = places.iter().map(|place| place.id).collect();
    let at: Vec<_> = places.iter().map(|place| place.at).collect();
    sqlx::query_as!(
        Row,
        r#"select x.index as "index!", x.id as "id!", x.at as "at!", x.hash as "hash!", e.kind as "kind!", e.outcome as "outcome!: String", e.actor_id as "actor!",
             e.door as "door!", e.request_id as request, e.target_type, e.target_id, e.leaf as "leaf!: Vec<u8>",
             d.salt as "salt?: Vec<u8>", d.data as "data?", d.sealed as "sealed?: Vec<u8>", k.key as "key?: Vec<u8>"
           from unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::bytea[]) with ordinality x (index, id, at, hash, place)
             cross join lateral (
               select kind, outcome, actor_id, door, request_id, target_type, target_id, leaf from ledger.event e
               where e.event_id = x.id and e.recorded_at = x.at and e.recorded_at >= $5 and e.recorded_at <= $6
                 and ($9::uuid[] is null or e.actor_id = any($9))
                 and (not $10 or (e.kind, e.outcome) in (select * from unnest($11::text[], $12::text[])))
                 and ($13::text[] is null or e.target_id = any($13)) and ($14::bigint[] is null or e.request_id = any($14))
                 and (cardinality($15::text[]) = 0 or e.target_id is null or e.target_id <> all($15))
                 and (cardinality($16::bigint[]) = 0 or e.request_id is null or e.request_id <> all($16)) limit 1) e
             left join lateral (
               select salt, data, sealed, words from ledger.detail d
               where ($7 or cardinality($8::text[]) > 0) and d.event_id = x.id and d.recorded_at = x.at
                 and d.recorded_at >= $5 and d.recorded_at <= $6 limit 1) d on true
             left join ledger.subject_key k on d.sealed is not null and k.subject = e.target_type || ':' || e.target_id
           where cardinality($8) = 0 or d.words like all($8)
           order by x.place"#,
        &places.iter().map(|place| place.index).collect::<Vec<_>>(),
        &ids,
        &at,
        &places.iter().map(|place| place.hash.as_slice()).collect::<Vec<_>>() as _,
        at.iter().min(),
        at.iter().max(),
        openings,
        words,
        s.actors.as_deref(),
        s.by_kind,
        &s.kinds,
        &s.outcomes,
        s.targets.as_deref(),
        s.requests.as_deref(),
        &s.not_targets,
        &s.not_requests
    )
    .fetch_all(conn)
    .await
}
