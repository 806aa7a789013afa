//! SQL of absences.
use crate::db::Change;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A stretch away, as pages and the API show it.
pub struct Absence {
    pub id: Uuid,
    pub operator_id: Uuid,
    pub name: String,
    pub from_at: DateTime<Utc>,
    pub until_at: DateTime<Utc>,
    pub delegate_id: Option<Uuid>,
    pub delegate: Option<String>,
    pub note: String,
    /// Whether it has begun.
    pub now: bool,
}

/// One's own that are not over.
pub async fn mine(conn: &mut PgConnection, operator: Uuid) -> sqlx::Result<Vec<Absence>> {
    sqlx::query_as!(
        Absence,
        r#"select a.id, a.operator_id, o.name, a.from_at, a.until_at, a.delegate_id, d.name as "delegate?", a.note, a.from_at <= now() as "now!"
           from absence a join operator o on o.id = a.operator_id left join operator d on d.id = a.delegate_id
           where a.operator_id = $1 and not a.cancelled and a.until_at > now() order by a.from_at"#,
        operator
    )
    .fetch_all(conn)
    .await
}

/// Everybody's that are not over and begin within two weeks.
pub async fn around(conn: &mut PgConnection) -> sqlx::Result<Vec<Absence>> {
    sqlx::query_as!(
        Absence,
        r#"select a.id, a.operator_id, o.name, a.from_at, a.until_at, a.delegate_id, d.name as "delegate?", a.note, a.from_at <= now() as "now!"
           from absence a join operator o on o.id = a.operator_id left join operator d on d.id = a.delegate_id
           where not a.cancelled and a.until_at > now() and a.from_at < now() + interval '14 days' and o.disabled_at is null
           order by a.from_at, o.name limit 200"#
    )
    .fetch_all(conn)
    .await
}

/// Somebody who was named as a delegate.
pub(super) struct Delegate {
    pub name: String,
    pub is_me: bool,
    pub decides: bool,
    /// Away themselves at some time of the stretch.
    pub away: bool,
}

pub(super) async fn delegate(
    conn: &mut PgConnection,
    delegate: Uuid,
    me: Uuid,
    roles: &[&str],
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<Option<Delegate>> {
    sqlx::query_as!(
        Delegate,
        r#"select d.name, coalesce(d.owner_id, d.id) = (select coalesce(owner_id, id) from operator where id = $2) as "is_me!",
             d.kind = 'person' and d.disabled_at is null and exists (select from operator_role where operator_id = d.id and role = any($3)) as "decides!",
             exists (select from absence a where a.operator_id = d.id and not a.cancelled and tstzrange(a.from_at, a.until_at) && tstzrange($4, $5)) as "away!"
           from operator d where d.id = $1"#,
        delegate,
        me,
        roles as &[&str],
        from,
        until
    )
    .fetch_optional(conn)
    .await
}

/// Makes one person's plans wait for each other, until the transaction ends.
pub(super) async fn one_at_a_time(change: &mut Change, operator: Uuid) -> sqlx::Result<()> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended('absence' || $1::text, 0)) as "locked!: ()""#, operator.to_string())
        .fetch_one(&mut **change)
        .await
        .map(|_| ())
}

pub(super) async fn overlaps(conn: &mut PgConnection, operator: Uuid, from: DateTime<Utc>, until: DateTime<Utc>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from absence where operator_id = $1 and not cancelled and tstzrange(from_at, until_at) && tstzrange($2, $3)) as "overlaps!""#,
        operator,
        from,
        until
    )
    .fetch_one(conn)
    .await
}

pub(super) async fn insert(
    change: &mut Change,
    operator: Uuid,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    delegate: Option<Uuid>,
    note: &str,
) -> sqlx::Result<Uuid> {
    let now = change.now();
    sqlx::query_scalar!(
        "insert into absence (operator_id, from_at, until_at, delegate_id, note, created_at) values ($1, $2, $3, $4, $5, $6) returning id",
        operator,
        from,
        until,
        delegate,
        note,
        now
    )
    .fetch_one(&mut **change)
    .await
}

pub(super) struct Held {
    pub operator_id: Uuid,
    pub from_at: DateTime<Utc>,
    pub until_at: DateTime<Utc>,
    pub cancelled: bool,
}

pub(super) async fn lock(change: &mut Change, id: Uuid) -> sqlx::Result<Option<Held>> {
    sqlx::query_as!(Held, "select operator_id, from_at, until_at, cancelled from absence where id = $1 for update", id)
        .fetch_optional(&mut **change)
        .await
}

/// Ends it now, or takes it back if it has not begun.
pub(super) async fn end(change: &mut Change, id: Uuid, cancel: bool) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "update absence set cancelled = $2, until_at = case when $2 then until_at else greatest($3, from_at) end where id = $1",
        id,
        cancel,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}
