//! SQL of approvals in their old shape.
use super::Approval;
use crate::requests::State;
use sqlx::PgConnection;

/// One request, or those that are pending and come after `after`, oldest first.
pub(super) async fn read(conn: &mut PgConnection, one: Option<i64>, after: i64, limit: i64) -> sqlx::Result<Vec<Approval>> {
    let rows = sqlx::query!(
        r#"select r.id, r.operation, r.target_id as target, o.name as requester, array(select role from operator_role where operator_id = o.id order by role) as "roles!",
             r.fields, r.state, r.created_at, r.expires_at, v.at as "at?", voter.name as "voter?", v.reason as "reason?"
           from request r join operator o on o.id = r.requester_id
           left join lateral (select at, voter_id, reason from vote where request_id = r.id order by at desc limit 1) v on true
           left join operator voter on voter.id = v.voter_id
           where case when $1::bigint is null then r.state = 'pending' and r.expires_at > now() and r.id > $2 else r.id = $1 end
           order by r.id limit $3"#,
        one,
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Approval {
            id: r.id,
            operation: r.operation,
            target: r.target,
            requester: r.requester,
            roles: r.roles,
            fields: r.fields,
            state: State::named(&r.state).expect("the column's check allows no other"),
            requested_at: r.created_at,
            expires_at: r.expires_at,
            responded_at: r.at,
            responder: r.voter,
            reason: r.reason,
        })
        .collect())
}
