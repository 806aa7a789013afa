//! SQL of months that go.
use crate::db::Change;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

/// An export takes as long as it takes.
pub(super) async fn take_time(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("set statement_timeout = 0").execute(conn).await.map(|_| ())
}

/// The months that are there, as `2026_01`, oldest first.
pub(super) async fn partitions(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select substr(c.relname, length('event_') + 1) as "month!" from pg_inherits i join pg_class c on c.oid = i.inhrelid
           where i.inhparent = 'ledger.event'::regclass order by 1"#
    )
    .fetch_all(conn)
    .await
}

/// The newest month that went; the older ones went before it.
pub(super) async fn newest(conn: &mut PgConnection) -> sqlx::Result<Option<NaiveDate>> {
    sqlx::query_scalar!("select max(month) from ledger.retirement").fetch_one(conn).await
}

/// A request from before this time that is not closed: what it did so far is still asked for.
pub(super) async fn open_request(conn: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "select id from request where created_at < $1 and state in ('pending', 'approved', 'executing', 'unknown') order by id limit 1",
        before
    )
    .fetch_optional(conn)
    .await
}

/// Whether an event of this time is here.
pub(super) async fn has_events(conn: &mut PgConnection, from: DateTime<Utc>, until: DateTime<Utc>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from ledger.event where recorded_at >= $1 and recorded_at < $2) as "is!""#, from, until)
        .fetch_one(conn)
        .await
}

pub(super) struct Count {
    pub events: i64,
    /// Those that are under a checkpoint which has left the database.
    pub published: i64,
}

pub(super) async fn count(conn: &mut PgConnection, from: DateTime<Utc>, until: DateTime<Utc>) -> sqlx::Result<Count> {
    sqlx::query_as!(
        Count,
        r#"select count(*) as "events!", count(*) filter (where l.leaf_index < (select published_size from ledger.head)) as "published!"
           from ledger.event e left join ledger.leaf l on l.event_id = e.event_id where e.recorded_at >= $1 and e.recorded_at < $2"#,
        from,
        until
    )
    .fetch_one(conn)
    .await
}

/// The first and the last leaf of a time.
pub(super) async fn range(conn: &mut PgConnection, from: DateTime<Utc>, until: DateTime<Utc>) -> sqlx::Result<(Option<i64>, Option<i64>)> {
    sqlx::query!(
        "select min(leaf_index) as first, max(leaf_index) as last from ledger.leaf where recorded_at >= $1 and recorded_at < $2",
        from,
        until
    )
    .fetch_one(conn)
    .await
    .map(|r| (r.first, r.last))
}

/// An event with all that is kept of it, as it is kept.
pub(super) struct Row {
    pub leaf_index: i64,
    pub event_id: Uuid,
    pub recorded_at: DateTime<Utc>,
    pub kind: String,
    pub outcome: String,
    pub actor_id: Uuid,
    pub door: String,
    pub request_id: Option<i64>,
    pub target_type: Option<String>,
    pub target_id: Option<String>,
    pub leaf: Vec<u8>,
    pub hash: Vec<u8>,
    pub salt: Option<Vec<u8>>,
    pub data: Option<Value>,
    pub sealed: Option<Vec<u8>>,
}

/// The next events of a time, from a leaf on.
pub(super) async fn events(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    from: i64,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"select l.leaf_index, l.event_id, l.recorded_at, e.kind, e.outcome as "outcome!", e.actor_id, e.door, e.request_id, e.target_type,
             e.target_id, e.leaf as "leaf!", l.hash, d.salt as "salt?", d.data as "data?", d.sealed as "sealed?"
           from ledger.leaf l join ledger.event e on e.event_id = l.event_id and e.recorded_at = l.recorded_at
             left join ledger.detail d on d.event_id = l.event_id and d.recorded_at = l.recorded_at
           where l.leaf_index >= $3 and l.recorded_at >= $1 and l.recorded_at < $2 and e.recorded_at >= $1 and e.recorded_at < $2
           order by l.leaf_index limit $4"#,
        since,
        until,
        from,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Nobody reads or writes events until the transaction ends; gives up rather than keep them waiting.
pub(super) async fn lock(change: &mut Change) -> sqlx::Result<()> {
    sqlx::query!("set local statement_timeout = 0").execute(&mut **change).await?;
    sqlx::query!("lock table ledger.event, ledger.detail in access exclusive mode").execute(&mut **change).await.map(|_| ())
}

pub(super) async fn drop_month(change: &mut Change, partition: &str) -> sqlx::Result<()> {
    let sql = format!("drop table ledger.event_{partition}, ledger.detail_{partition}");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut **change).await.map(|_| ())
}

/// A month that is gone, and the event that vouches for it: with the hash of its leaf, or waiting for one.
pub(super) struct Retirement {
    pub month: NaiveDate,
    pub event_id: Uuid,
    pub leaf: Vec<u8>,
    pub hash: Option<Vec<u8>>,
    pub waits: bool,
}

pub(super) async fn retirements(conn: &mut PgConnection) -> sqlx::Result<Vec<Retirement>> {
    sqlx::query_as!(
        Retirement,
        r#"select r.month, r.event_id, r.leaf, l.hash as "hash?", exists (select from ledger.pending p where p.event_id = r.event_id) as "waits!"
           from ledger.retirement r left join ledger.leaf l on l.event_id = r.event_id order by r.month"#
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn leaf(conn: &mut PgConnection, event: Uuid) -> sqlx::Result<Option<(i64, Vec<u8>, DateTime<Utc>)>> {
    sqlx::query!("select leaf_index, hash, recorded_at from ledger.leaf where event_id = $1", event)
        .fetch_optional(conn)
        .await
        .map(|row| row.map(|r| (r.leaf_index, r.hash, r.recorded_at)))
}
