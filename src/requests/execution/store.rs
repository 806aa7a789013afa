//! SQL of attempts.
use crate::{db::Change, requests::Attempt};
use serde_json::Value;
use sqlx::PgConnection;

pub async fn attempts(conn: &mut PgConnection, request: i64) -> sqlx::Result<Vec<Attempt>> {
    sqlx::query_as!(
        Attempt,
        "select epoch, replica, started_at, dispatched_at, lease_until, key, ended_at, outcome, receipt from attempt where request_id = $1 order by epoch",
        request
    )
    .fetch_all(conn)
    .await
}

/// Begins the next attempt; answers its number. With a lease it belongs to this replica for so many seconds.
pub(super) async fn begin(change: &mut Change, request: i64, replica: &str, key: Option<&str>, lease: Option<f64>) -> sqlx::Result<i16> {
    let now = change.now();
    sqlx::query_scalar!(
        "insert into attempt (request_id, epoch, replica, started_at, key, lease_until)
         select $1, coalesce(max(epoch), 0) + 1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5) from attempt where request_id = $1
         returning epoch",
        request,
        replica,
        now,
        key,
        lease
    )
    .fetch_one(&mut **change)
    .await
}

/// Says that the other system is about to be asked; `false` if the attempt is no longer its replica's.
pub(super) async fn dispatch(change: &mut Change, request: i64, epoch: i16) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update attempt set dispatched_at = clock_timestamp() where request_id = $1 and epoch = $2 and ended_at is null
           and lease_until > clock_timestamp() and epoch = (select max(epoch) from attempt where request_id = $1)",
        request,
        epoch
    )
    .execute(&mut **change)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends an attempt once; `false` if it has ended already.
pub(super) async fn end(change: &mut Change, request: i64, epoch: i16, outcome: &str, receipt: &Value) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update attempt set ended_at = clock_timestamp(), outcome = $3, receipt = $4 where request_id = $1 and epoch = $2 and ended_at is null",
        request,
        epoch,
        outcome,
        receipt
    )
    .execute(&mut **change)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What was promised about the effect when it was asked for.
pub(super) async fn guarantee(conn: &mut PgConnection, request: i64) -> sqlx::Result<String> {
    sqlx::query_scalar!("select guarantee from request where id = $1", request).fetch_one(conn).await
}

/// The request that holds this one's target: one that runs, or one of which nobody knows how it ended.
pub async fn holder(conn: &mut PgConnection, request: i64) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "select h.id from request h join request r on r.target_type = h.target_type and r.target_id = h.target_id
         where r.id = $1 and h.id <> $1 and h.state in ('executing', 'unknown') limit 1",
        request
    )
    .fetch_optional(conn)
    .await
}

/// Seconds until the lease is over, by the database clock; 0 or less if it is.
pub(super) async fn lease_left(conn: &mut PgConnection, request: i64, epoch: i16) -> sqlx::Result<f64> {
    sqlx::query_scalar!(
        r#"select coalesce(extract(epoch from lease_until - clock_timestamp())::float8, 0) as "left!" from attempt where request_id = $1 and epoch = $2"#,
        request,
        epoch
    )
    .fetch_one(conn)
    .await
}
