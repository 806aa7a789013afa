//! SQL of exports. Every statement reads one batch.
use crate::ledger::{browse::Bounds, store::at_of};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// An event as it is taken away.
pub struct Row {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub kind: String,
    pub outcome: String,
    pub actor: Uuid,
    pub door: String,
    pub request: Option<i64>,
    pub target_type: Option<String>,
    pub target_id: Option<String>,
    pub leaf: Vec<u8>,
}

/// Salt and value behind a commitment.
pub struct Opening {
    pub salt: Vec<u8>,
    pub detail: Value,
}

pub async fn now(conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(conn).await
}

/// Whatever is dated before this has been committed, or never will be.
pub async fn settled(conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(
        r#"select coalesce((select min(xact_start) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()),
             clock_timestamp()) as "settled!""#
    )
    .fetch_one(conn)
    .await
}

/// Name and address of everybody who may be an actor.
pub async fn names(conn: &mut PgConnection) -> sqlx::Result<HashMap<Uuid, (String, String)>> {
    let rows = sqlx::query!("select id, name, email from operator").fetch_all(conn).await?;
    Ok(rows.into_iter().map(|r| (r.id, (r.name, r.email))).collect())
}

pub async fn rows(conn: &mut PgConnection, b: &Bounds) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        "select event_id as id, recorded_at as at, kind, outcome, actor_id as actor, door, request_id as request, target_type, target_id, leaf
         from ledger.event
         where ($1::timestamptz is null or recorded_at >= $1) and ($2::timestamptz is null or recorded_at < $2) and ($3::uuid is null or event_id > $3)
         order by event_id limit $4",
        b.since,
        b.until,
        b.cursor,
        b.limit
    )
    .fetch_all(conn)
    .await
}

pub async fn rows_of(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Row>> {
    let at: Vec<_> = ids.iter().map(|id| at_of(*id).unwrap_or_default()).collect();
    sqlx::query_as!(
        Row,
        "select e.event_id as id, e.recorded_at as at, e.kind, e.outcome, e.actor_id as actor, e.door, e.request_id as request, e.target_type, e.target_id, e.leaf
         from unnest($1::uuid[], $2::timestamptz[]) x (id, at) join ledger.event e on e.event_id = x.id and e.recorded_at = x.at order by e.event_id",
        ids,
        &at
    )
    .fetch_all(conn)
    .await
}

/// Of all events from one to another.
pub async fn openings(
    conn: &mut PgConnection,
    first: (Uuid, DateTime<Utc>),
    last: (Uuid, DateTime<Utc>),
) -> sqlx::Result<HashMap<Uuid, Opening>> {
    let rows = sqlx::query!(
        "select event_id, salt, data from ledger.detail where event_id >= $1 and event_id <= $2 and recorded_at >= $3 and recorded_at <= $4",
        first.0,
        last.0,
        first.1,
        last.1
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|r| (r.event_id, Opening { salt: r.salt, detail: r.data })).collect())
}

pub async fn openings_of(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, Opening>> {
    let at: Vec<_> = ids.iter().map(|id| at_of(*id).unwrap_or_default()).collect();
    let rows = sqlx::query!(
        "select d.event_id, d.salt, d.data from unnest($1::uuid[], $2::timestamptz[]) x (id, at) join ledger.detail d on d.event_id = x.id and d.recorded_at = x.at",
        ids,
        &at
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|r| (r.event_id, Opening { salt: r.salt, detail: r.data })).collect())
}
