//! SQL of notices.
use super::Kind;
use crate::{
    auth::{RequestsDecide, Scope, roles_with},
    db::Change,
    requests::Request,
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A notice as its reader sees it.
pub struct Told {
    pub id: i64,
    pub kind: String,
    pub request: Option<i64>,
    /// What it is about where that is no request, as `ON-12/payment`, and what it is called.
    pub topic: Option<String>,
    pub label: Option<String>,
    pub operation: Option<String>,
    pub target: Option<String>,
    pub actor: Option<String>,
    pub at: DateTime<Utc>,
    pub read_at: Option<DateTime<Utc>>,
}

impl Told {
    /// What nobody is told twice before they have read it.
    pub fn key(&self, reader: Uuid) -> String {
        let about = self.request.map(crate::requests::short_id).or_else(|| self.topic.clone()).unwrap_or_default();
        format!("{about}:{}:{reader}", self.kind)
    }
}

pub(super) async fn tell_deciders(change: &mut Change, r: &Request, kind: &str, roles: &[String]) -> sqlx::Result<()> {
    let (actor, now) = (change.actor().id, change.now());
    sqlx::query!(
        "insert into notice (operator_id, kind, request_id, actor_id, at)
         select p.id, $2, $1, (select id from operator where id = $3 and kind = 'person'), $4 from operator p
         where p.kind = 'person' and p.disabled_at is null and p.id <> $3 and coalesce(p.owner_id, p.id) <> $5
           and ((exists (select from operator_role o where o.operator_id = p.id and o.role = any($6))
               and not exists (select from absence a where a.operator_id = p.id and not a.cancelled and a.from_at <= now() and a.until_at > now()))
             or ($7 and exists (select from stand_in s where s.delegate_id = p.id and s.roles && $6 and s.absent_human <> $5)
               and exists (select from operator_role o where o.operator_id = p.id and o.role = any($8))))
           and not exists (select from vote v where v.request_id = $1 and v.voter_id = p.id)
         on conflict do nothing",
        r.id,
        kind,
        actor,
        now,
        r.requester_human,
        roles,
        r.ruling.delegation,
        &roles_with(RequestsDecide::NAME) as &[&str]
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn tell_holders(change: &mut Change, r: &Request, kind: &str, roles: &[String]) -> sqlx::Result<()> {
    let (actor, now) = (change.actor().id, change.now());
    sqlx::query!(
        "insert into notice (operator_id, kind, request_id, actor_id, at)
         select p.id, $2, $1, (select id from operator where id = $3 and kind = 'person'), $4 from operator p
         where p.kind = 'person' and p.disabled_at is null and p.id <> $3
           and exists (select from operator_role o where o.operator_id = p.id and o.role = any($5))
         on conflict do nothing",
        r.id,
        kind,
        actor,
        now,
        roles
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn tell_people(change: &mut Change, r: &Request, kind: &str, people: &[Uuid]) -> sqlx::Result<()> {
    let (actor, now) = (change.actor().id, change.now());
    sqlx::query!(
        "insert into notice (operator_id, kind, request_id, actor_id, at)
         select p.id, $2, $1, (select id from operator where id = $3 and kind = 'person'), $4 from operator p
         where p.id = any($5) and p.kind = 'person' and p.disabled_at is null and p.id <> $3
         on conflict do nothing",
        r.id,
        kind,
        actor,
        now,
        people
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn tell(change: &mut Change, operator: Uuid, kind: &str, request: Option<i64>) -> sqlx::Result<()> {
    let (actor, now) = (change.actor().id, change.now());
    sqlx::query!(
        "insert into notice (operator_id, kind, request_id, actor_id, at) values ($1, $2, $3, $4, $5) on conflict do nothing",
        operator,
        kind,
        request,
        actor,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn tell_about(change: &mut Change, operator: Uuid, kind: &str, topic: &str, label: &str) -> sqlx::Result<()> {
    let (actor, now) = (change.actor().id, change.now());
    sqlx::query!(
        "insert into notice (operator_id, kind, topic, label, actor_id, at)
         select p.id, $2, $3, $4, (select id from operator where id = $5 and kind = 'person'), $6 from operator p
         where p.id = $1 and p.kind = 'person' and p.disabled_at is null and p.id <> $5 on conflict do nothing",
        operator,
        kind,
        topic,
        label,
        actor,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn watch(change: &mut Change, request: i64, operator: Uuid) -> sqlx::Result<()> {
    sqlx::query!("insert into watch (request_id, operator_id) values ($1, $2) on conflict do nothing", request, operator)
        .execute(&mut **change)
        .await
        .map(|_| ())
}

/// What somebody was told, newest first, from before the notice of this number.
pub async fn newest(
    conn: &mut PgConnection,
    operator: Uuid,
    only_unread: bool,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<Told>> {
    sqlx::query_as!(
        Told,
        r#"select n.id, n.kind, n.request_id as request, n.topic, n.label, r.operation as "operation?", r.target_label as "target?", a.name as "actor?", n.at,
             case when n.kind = any($5) and r.state <> 'pending' then coalesce(n.read_at, r.decided_at, r.closed_at) else n.read_at end as read_at
           from notice n left join request r on r.id = n.request_id left join operator a on a.id = n.actor_id
           where n.operator_id = $1 and ($2::bigint is null or n.id < $2)
             and (not $3 or (n.read_at is null and not (n.kind = any($5) and r.state <> 'pending')))
           order by n.id desc limit $4"#,
        operator,
        before,
        only_unread,
        limit,
        &Kind::PRESSING as &[&str]
    )
    .fetch_all(conn)
    .await
}

/// How many of them are not read and still say something, counted to 100 among the newest thousand: what others have settled
/// meanwhile is marked as read once an hour only, since marking it as it happens would cost each decision more than everything else.
pub async fn unread(conn: &mut PgConnection, operator: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select from (select kind, request_id from notice where operator_id = $1 and read_at is null order by id desc limit 1000) n
               left join request r on r.id = n.request_id
             where not (n.kind = any($2) and r.state <> 'pending') limit 100) t"#,
        operator,
        &Kind::PRESSING as &[&str]
    )
    .fetch_one(conn)
    .await
}
