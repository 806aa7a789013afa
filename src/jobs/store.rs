//! SQL of the queue.
use super::Job;
use crate::db::Change;
use serde_json::Value;

pub(super) async fn remove(change: &mut Change, id: i64) -> sqlx::Result<()> {
    sqlx::query!("delete from job where id = $1", id).execute(&mut **change).await?;
    Ok(())
}

pub(super) async fn put_off(change: &mut Change, id: i64, payload: Value, seconds: f64) -> sqlx::Result<()> {
    sqlx::query!("update job set payload = $2, run_at = now() + make_interval(secs => $3) where id = $1", id, payload, seconds)
        .execute(&mut **change)
        .await
        .map(|_| ())
}

/// Takes a due job out of the queue, of any but these kinds; it is back if the change does not commit.
pub(super) async fn claim(change: &mut Change, but: &[&str]) -> sqlx::Result<Option<Job>> {
    sqlx::query_as!(
        Job,
        "delete from job where id = (select id from job where run_at <= now() and kind <> all($1)
           order by run_at, id limit 1 for update skip locked) returning id, kind, payload",
        but as &[&str]
    )
    .fetch_optional(&mut **change)
    .await
}
