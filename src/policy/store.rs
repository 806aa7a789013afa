//! SQL of policy versions, of the people a policy can ask, and of the past it is tried on.
use super::Ruling;
use crate::db::Change;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use serde::Deserialize;
use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use std::collections::HashMap;
use uuid::Uuid;

/// The number of the version in force; none before the first start.
pub async fn newest(conn: &mut PgConnection) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!("select max(id) from policy_version").fetch_one(conn).await
}

pub(super) struct StoredVersion {
    pub document: String,
    pub hash: Vec<u8>,
}

pub(super) async fn version(conn: &mut PgConnection, id: i32) -> sqlx::Result<StoredVersion> {
    sqlx::query_as!(StoredVersion, "select document, hash from policy_version where id = $1", id).fetch_one(conn).await
}

/// One change of the policy at a time, until the transaction ends.
pub(super) async fn lock(change: &mut Change) -> sqlx::Result<()> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtext('policy_version')) as "locked!: ()""#).fetch_one(&mut **change).await.map(|_| ())
}

pub(super) async fn add(change: &mut Change, id: i32, document: &str, hash: &[u8], request: Option<i64>) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "insert into policy_version (id, document, hash, request_id, created_at) values ($1, $2, $3, $4, $5)",
        id,
        document,
        hash,
        request,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// A version as its list shows it.
pub(super) struct Past {
    pub id: i32,
    pub hash: Vec<u8>,
    pub request: Option<i64>,
    pub requester: Option<String>,
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
}

pub(super) async fn versions(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Past>> {
    sqlx::query_as!(
        Past,
        r#"select v.id, v.hash, v.request_id as request, o.name as "requester?", r.reason as "reason?", v.created_at
           from policy_version v left join request r on r.id = v.request_id left join operator o on o.id = r.requester_id
           order by v.id desc limit $1"#,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Somebody who is there and could be asked.
#[derive(Clone, Debug)]
pub struct Human {
    pub id: Uuid,
    /// The human behind the account: its owner, if it has one.
    pub human: Uuid,
    pub name: String,
    pub roles: Vec<String>,
    /// When they are back, if they are away.
    pub away_until: Option<DateTime<Utc>>,
    /// The absent people whose roles they may use meanwhile.
    pub stands_in: Json<Vec<StandIn>>,
}

/// Somebody absent, as the person who stands in for them sees it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct StandIn {
    pub id: Uuid,
    pub human: Uuid,
    pub name: String,
    pub roles: Vec<String>,
}

/// Everybody who is enabled, by name.
pub async fn people(conn: &mut PgConnection) -> sqlx::Result<Vec<Human>> {
    sqlx::query_as!(
        Human,
        r#"select o.id, coalesce(o.owner_id, o.id) as "human!", o.name, array(select role from operator_role where operator_id = o.id order by role) as "roles!",
             (select a.until_at from absence a where a.operator_id = o.id and not a.cancelled and a.from_at <= now() and a.until_at > now()) as away_until,
             coalesce((select jsonb_agg(jsonb_build_object('id', s.absent_id, 'human', s.absent_human, 'name', s.absent_name, 'roles', s.roles))
               from stand_in s where s.delegate_id = o.id), '[]') as "stands_in!: Json<Vec<StandIn>>"
           from operator o where o.disabled_at is null and o.kind = 'person' order by o.name, o.id"#
    )
    .fetch_all(conn)
    .await
}

/// A request of the past, as far as a policy looks at it.
pub(super) struct Asked {
    pub id: i64,
    pub operation: String,
    pub risk: String,
    pub requester_id: Uuid,
    pub requester_human: Uuid,
    pub requester_roles: Vec<String>,
    pub door: String,
    pub target_type: String,
    pub target_id: String,
    pub target_label: String,
    pub fields: Value,
    pub before: Value,
    pub after: Value,
    pub policy: Json<Ruling>,
    pub created_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
}

/// The newest requests since then.
pub(super) async fn asked(conn: &mut PgConnection, since: DateTime<Utc>, limit: i64) -> sqlx::Result<Vec<Asked>> {
    let mut rows = sqlx::query_as!(
        Asked,
        r#"select r.id, operation, risk, requester_id, requester_id as "requester_human!", '{}'::text[] as "requester_roles!", door, target_type,
             target_id, target_label, fields, before, after, policy as "policy: Json<Ruling>", created_at,
             case when state in ('pending', 'denied', 'expired', 'withdrawn') then null else decided_at end as decided_at
           from request r where created_at >= $1 order by created_at desc limit $2"#,
        since,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    let askers: HashMap<Uuid, (Uuid, Vec<String>)> = sqlx::query!(
        r#"select o.id, coalesce(o.owner_id, o.id) as "human!", array(select role from operator_role where operator_id = o.id) as "roles!" from operator o"#
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|o| (o.id, (o.human, o.roles)))
    .collect();
    for row in &mut rows {
        if let Some((human, roles)) = askers.get(&row.requester_id) {
            (row.requester_human, row.requester_roles) = (*human, roles.clone());
        }
    }
    Ok(rows)
}

/// When each human approved each request since then, in order.
pub(super) async fn approvals(conn: &mut PgConnection, since: DateTime<Utc>, limit: i64) -> sqlx::Result<HashMap<i64, Vec<DateTime<Utc>>>> {
    let rows = sqlx::query!(
        r#"select v.request_id, v.at from vote v
           join (select id from request where created_at >= $1 order by created_at desc limit $2) r on r.id = v.request_id
           where v.decision = 'approve' order by v.request_id, v.at"#,
        since,
        limit
    )
    .fetch_all(conn)
    .await?;
    let mut all: HashMap<i64, Vec<DateTime<Utc>>> = HashMap::new();
    rows.into_iter().for_each(|r| all.entry(r.request_id).or_default().push(r.at));
    Ok(all)
}

/// The requests that wait for votes, newest first.
pub(super) fn pending(conn: &mut PgConnection, limit: i64) -> BoxStream<'_, sqlx::Result<Asked>> {
    sqlx::query_as!(
        Asked,
        r#"select r.id, operation, risk, requester_id, coalesce(o.owner_id, o.id) as "requester_human!",
             array(select role from operator_role where operator_id = o.id) as "requester_roles!", door, target_type,
             target_id, target_label, fields, before, after, policy as "policy: Json<Ruling>", r.created_at, null::timestamptz as decided_at
           from request r join operator o on o.id = r.requester_id where state = 'pending' order by r.id desc limit $1"#,
        limit
    )
    .fetch(conn)
}
