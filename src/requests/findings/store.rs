//! SQL of findings.
use super::Finding;
use crate::{
    auth::{RequestsDecide, Scope, roles_with},
    db::Change,
    requests::Request,
};
use sqlx::PgConnection;
use uuid::Uuid;

pub async fn all(conn: &mut PgConnection, request: i64) -> sqlx::Result<Vec<Finding>> {
    let roles = roles_with(RequestsDecide::NAME);
    sqlx::query_as!(
        Finding,
        r#"select f.operator_id, coalesce(o.owner_id, o.id) as "human!", o.name as operator, f.verdict, f.evidence, f.door, f.at,
             o.disabled_at is null and exists (select from operator_role where operator_id = o.id and role = any($2)) as "stands!"
           from finding f join operator o on o.id = f.operator_id where f.request_id = $1 order by f.at, f.operator_id"#,
        request,
        &roles as &[&str]
    )
    .fetch_all(conn)
    .await
}

/// Records a finding, or changes one's own.
pub(super) async fn save(
    change: &mut Change,
    request: &Request,
    operator: Uuid,
    verdict: &str,
    evidence: &str,
    door: &str,
) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "insert into finding (request_id, operator_id, verdict, evidence, door, at, requester_id) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (request_id, operator_id) do update set verdict = excluded.verdict, evidence = excluded.evidence, door = excluded.door, at = excluded.at",
        request.id,
        operator,
        verdict,
        evidence,
        door,
        now,
        request.requester_id
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}
