//! SQL of reminders.
use crate::db::Change;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Whether anybody has to be reminded, or told.
pub(super) async fn any_due(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from request where state = 'pending' and least(remind_at, escalate_at) <= now() and expires_at > now()) as "any!""#
    )
    .fetch_one(conn)
    .await
}

/// A request about which somebody has to be reminded or told, locked, and when the reminder is due.
pub(super) async fn lock_due(change: &mut Change) -> sqlx::Result<Option<(i64, Option<DateTime<Utc>>)>> {
    let row = sqlx::query!(
        "select id, remind_at from request where state = 'pending' and least(remind_at, escalate_at) <= now() and expires_at > now()
         order by least(remind_at, escalate_at) limit 1 for update skip locked"
    )
    .fetch_optional(&mut **change)
    .await?;
    Ok(row.map(|r| (r.id, r.remind_at)))
}

pub(super) async fn reminded(change: &mut Change, id: i64) -> sqlx::Result<()> {
    sqlx::query!("update request set remind_at = null where id = $1", id).execute(&mut **change).await.map(|_| ())
}

pub(super) async fn escalated(change: &mut Change, id: i64) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!("update request set escalate_at = null, escalated_at = $2 where id = $1", id, now).execute(&mut **change).await.map(|_| ())
}
