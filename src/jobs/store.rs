//! SQL of the queue.
use super::Job;
use crate::db::Change;

pub(super) async fn remove(change: &mut Change, id: i64) -> sqlx::Result<()> {
    sqlx::query!("delete from job where id = $1", id).execute(&mut **change).await?;
    Ok(())
}

/// Takes a due job out of the queue; it is back if the change does not commit.
pub(super) async fn claim(change: &mut Change) -> sqlx::Result<Option<Job>> {
    sqlx::query_as!(
        Job,
        "delete from job where id = (select id from job where run_at <= now() order by run_at, id limit 1 for update skip locked)
         returning id, kind, payload"
    )
    .fetch_optional(&mut **change)
    .await
}
