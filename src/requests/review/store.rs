//! SQL of reviews after a broken glass.
use super::Review;
use crate::{db::Change, requests::Request};
use sqlx::PgConnection;
use uuid::Uuid;

pub async fn of(conn: &mut PgConnection, request: i64) -> sqlx::Result<Option<Review>> {
    sqlx::query_as!(
        Review,
        "select v.reviewer_id, o.name as reviewer, v.verdict, v.note, v.door, v.at
         from review v join operator o on o.id = v.reviewer_id where v.request_id = $1",
        request
    )
    .fetch_optional(conn)
    .await
}

pub(super) async fn add(change: &mut Change, r: &Request, reviewer: Uuid, verdict: &str, note: &str, door: &str) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "insert into review (request_id, reviewer_id, verdict, note, door, at, requester_id) values ($1, $2, $3, $4, $5, $6, $7)",
        r.id,
        reviewer,
        verdict,
        note,
        door,
        now,
        r.requester_id
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// Whether a review is overdue and that has not been said yet.
pub(super) async fn any_overdue(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from request r where r.broke_glass and r.review_overdue_at is null and r.review_due_at <= now()
             and not exists (select from review where request_id = r.id)) as "any!""#
    )
    .fetch_one(conn)
    .await
}

/// One of them that nobody else is working on, marked as said.
pub(super) async fn mark_overdue(change: &mut Change) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "update request set review_overdue_at = now() where id = (select r.id from request r
           where r.broke_glass and r.review_overdue_at is null and r.review_due_at <= now()
             and not exists (select from review where request_id = r.id) order by r.id limit 1 for update skip locked) returning id"
    )
    .fetch_optional(&mut **change)
    .await
}
