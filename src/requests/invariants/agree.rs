//! What pages show of requests and votes against what the log told of them.
use super::{
    store,
    told::{Asked, Opened, Told, Voted},
};
use crate::{
    error::Error,
    requests::{Request, short_id, store as requests},
};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use std::collections::HashMap;

/// Requests that are read at once.
const BUNCH: i64 = 1_000;

/// Every request, and what is wrong with it. Of those from before `since` the log may know nothing any more.
pub async fn agree(conn: &mut PgConnection, told: Told, since: DateTime<Utc>) -> Result<Vec<(String, String)>, Error> {
    let (mut left, mut faults, mut after) = (told.requests, Vec::new(), 0);
    loop {
        let bunch = requests::bunch(conn, after, BUNCH).await?;
        let Some(last) = bunch.last() else { break };
        after = last.id;
        let mut votes: HashMap<i64, Vec<store::Stored>> = HashMap::new();
        for vote in store::votes(conn, &bunch.iter().map(|request| request.id).collect::<Vec<_>>()).await? {
            votes.entry(vote.request).or_default().push(vote);
        }
        for request in &bunch {
            let mut fault = |what: String| faults.push((request.short_id(), what));
            match left.remove(&request.id) {
                None if request.created_at >= since => fault("the ledger knows nothing of it".into()),
                // what came back from the copy has lost what went with it
                Some(asked) if !asked.came_back => {
                    differences(request, &asked)?.into_iter().for_each(&mut fault);
                    untold(votes.remove(&request.id).unwrap_or_default(), &asked, request).into_iter().for_each(&mut fault);
                }
                _ => {}
            }
        }
    }
    let gone = left.into_iter().filter(|(_, asked)| !asked.came_back).map(|(id, _)| id);
    faults.extend(gone.map(|id| (short_id(id), "the ledger tells of it, and it is not there".into())));
    Ok(faults)
}

fn differences(request: &Request, asked: &Asked) -> Result<Vec<String>, Error> {
    let mut differ = Vec::new();
    if request.state != asked.state || request.version != asked.steps {
        let (shown, told) = (request.state.name(), asked.state.name());
        differ.push(format!("it is {shown} after {} steps, and the ledger tells {told} after {}", request.version, asked.steps));
    }
    // of whom was erased, what was bound is erased as well
    let nothing = json!({});
    let is_bound = match asked.reason {
        Opened::Erased => [&request.fields, &request.before, &request.after].into_iter().all(|kept| *kept == nothing),
        _ => request.computed_binding()?[..] == request.binding,
    };
    if !is_bound || request.binding_hex() != *asked.binding {
        differ.push("what it asks for is not what the ledger says was asked for".into());
    }
    let emergency = request.glass.as_ref().map(|glass| &*glass.emergency);
    if !asked.reason.may_be(Some(&request.reason)) || !asked.emergency.may_be(emergency) {
        differ.push("its reason is not the one in the ledger".into());
    }
    Ok(differ)
}

fn untold(votes: Vec<store::Stored>, asked: &Asked, request: &Request) -> Vec<String> {
    let same = |vote: &store::Stored, voted: &Voted| vote.voter.to_string() == *voted.voter;
    let differs = |vote: &&store::Stored| {
        let voted = asked.votes.iter().find(|voted| same(vote, voted));
        !voted.is_some_and(|voted| {
            voted.approves == vote.approves && voted.reason.may_be(vote.reason.as_deref()) && vote.binding == request.binding
        })
    };
    let shown = votes.iter().filter(differs).map(|vote| format!("the vote of {} is not the one in the ledger", vote.voter));
    let gone = asked.votes.iter().filter(|voted| !votes.iter().any(|vote| same(vote, voted)));
    shown.chain(gone.map(|voted| format!("the ledger tells of a vote of {}, and it is not there", voted.voter))).collect()
}
