//! SQL of all that votes are counted by.
use crate::{
    policy::StandIn,
    requests::{Request, Vote},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// Those who have a say in a request, and what they said.
pub(in crate::requests) struct Standings {
    pub votes: Vec<Vote>,
    pub requester: (Uuid, Vec<String>),
    /// If one was named.
    pub voter: Option<Voter>,
    /// The number of the policy in force.
    pub policy: Option<i32>,
}

/// Somebody who wants to vote.
pub(in crate::requests) struct Voter {
    /// The human behind the account.
    pub human: Uuid,
    pub roles: Vec<String>,
    /// The absent people for whom they stand in now.
    pub stands_in: Vec<StandIn>,
}

/// All that a vote is counted by, as it is now: the votes, the roles of everybody concerned, and which policy is in force.
pub(in crate::requests) async fn standings(conn: &mut PgConnection, request: &Request, voter: Option<Uuid>) -> sqlx::Result<Standings> {
    let rows = sqlx::query!(
        r#"select asker.human as "asker!", asker.roles as "asker_roles!", me.human as "me?", me.roles as "my_roles?",
             (select max(id) from policy_version) as policy,
             v.voter_id as "voter_id?", coalesce(o.owner_id, o.id) as human, o.name as "voter?", v.decision as "decision?", v.binding as "binding?",
             v.reason, v.door as "door?", v.at as "at?",
             array(select role from operator_role where operator_id = o.id and o.disabled_at is null) as "roles!",
              coalesce((select jsonb_agg(jsonb_build_object('id', a.id, 'human', coalesce(a.owner_id, a.id), 'name', a.name,
                'roles', array(select role from operator_role where operator_id = a.id and a.disabled_at is null)))
                from operator a where a.id = any(v.stands_for)), '[]') as "stands_for!: Json<Vec<StandIn>>",
              me.stands_in as "my_stands_in?: Json<Vec<StandIn>>"
           from (select coalesce(owner_id, id) as human, array(select role from operator_role where operator_id = a.id) as roles
                 from operator a where a.id = $2) asker
           left join (select coalesce(owner_id, id) as human, array(select role from operator_role where operator_id = m.id) as roles,
                    coalesce((select jsonb_agg(jsonb_build_object('id', s.absent_id, 'human', s.absent_human, 'name', s.absent_name, 'roles', s.roles))
                      from stand_in s where s.delegate_id = m.id), '[]') as stands_in
                 from operator m where m.id = $3) me on true
           left join (vote v join operator o on o.id = v.voter_id) on v.request_id = $1
           order by v.at, v.voter_id"#,
        request.id,
        request.requester_id,
        voter
    )
    .fetch_all(conn)
    .await?;
    let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let requester = (first.asker, first.asker_roles.clone());
    let me = first.me.zip(first.my_roles.clone()).zip(first.my_stands_in.clone());
    let voter = me.map(|((human, roles), stands_in)| Voter { human, roles, stands_in: stands_in.0 });
    let policy = first.policy;
    let votes = rows.into_iter().filter_map(|r| {
        Some(Vote {
            voter_id: r.voter_id?,
            human: r.human?,
            voter: r.voter?,
            approves: r.decision? == "approve",
            binding: r.binding?,
            reason: r.reason,
            door: r.door?,
            at: r.at?,
            roles: r.roles,
            stands_for: r.stands_for,
        })
    });
    Ok(Standings { votes: votes.collect(), requester, voter, policy })
}
