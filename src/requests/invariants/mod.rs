//! What must be true of all requests at any moment, whatever crashed: one checker for tests after chaos and for operators.
mod agree;
mod store;
mod told;

pub use agree::agree;
pub use told::{Told, is_effect};

use super::{State, short_id, store as requests};
use crate::{error::Error, operations::registry::Registry};
use sqlx::PgConnection;
use std::collections::HashSet;

/// One invariant and the requests that break it.
#[derive(Debug)]
pub struct Finding {
    pub invariant: &'static str,
    /// In a sentence, for the person who has to look.
    pub means: &'static str,
    pub requests: Vec<String>,
}

/// Checks all of them, in one snapshot; those that hold have no requests.
pub async fn check(conn: &mut PgConnection) -> Result<Vec<Finding>, Error> {
    // of these the ledger alone knows how they went on
    let back: HashSet<i64> = store::came_back(conn).await?.into_iter().collect();
    let found = |invariant, means, ids: Vec<i64>| {
        let requests = ids.into_iter().filter(|id| !back.contains(id)).map(short_id).collect();
        Finding { invariant, means, requests }
    };
    let mut broken = Vec::new();
    for id in store::open(conn).await? {
        let Some(request) = requests::find(conn, id).await? else { continue };
        if request.computed_binding()?.as_slice() != request.binding {
            broken.push(id);
        }
    }
    Ok(vec![
        found("effect-once", "more than one attempt took effect", store::effects(conn).await?),
        found("state-is-told", "the state is not what the last transition in the ledger says", store::untold(conn).await?),
        found(
            "transition-is-told",
            "there are not as many transitions in the ledger as the request has made",
            store::uncounted(conn).await?,
        ),
        found(
            "quorum",
            "it ran without the approvals it needed, or with its requester's, and the glass was not broken",
            store::unapproved(conn).await?,
        ),
        found(
            "broken-glass-is-told",
            "it ran without approvals and the ledger was not told, or it was told of a glass that is whole",
            store::unbroken(conn).await?,
        ),
        found("reviewed-by-another", "its review is not in the ledger once, or not by somebody else", store::unreviewed(conn).await?),
        found("told-before-asked", "another system was asked and the ledger was not told first", store::undispatched(conn).await?),
        found("settled-by-two", "fewer than two others settled an unknown outcome", store::unsettled(conn).await?),
        found("work-is-queued", "it waits to be run and nobody will run it", store::forgotten(conn).await?),
        found(
            "vote-is-told",
            "a vote is not in the ledger, or the ledger tells of one that is not there",
            store::untold_votes(conn).await?,
        ),
        found("change-is-asked-for", "the ledger tells of a change that no request made", store::unasked(conn).await?),
        found(
            "erasure-is-asked-for",
            "an erasure is in the ledger without its request, or not at all",
            store::unasked_erasures(conn).await?,
        ),
        found(
            "redemptions-add-up",
            "its promotion is counted more or less often than it was redeemed, or the ledger tells otherwise",
            store::miscounted(conn).await?,
        ),
        found("binding", "what is stored is not what its approvers are shown", broken),
    ])
}

/// Whether what was set by requests is still what it was set to: the state of each target is the last that the ledger tells of.
pub async fn overwritten(conn: &mut PgConnection, registry: &Registry) -> Result<Finding, Error> {
    let back: HashSet<i64> = store::came_back(conn).await?.into_iter().collect();
    let mut requests = Vec::new();
    for definition in registry.all() {
        requests.extend(definition.overwritten(conn).await?.into_iter().filter(|id| !back.contains(id)).map(short_id));
    }
    Ok(Finding { invariant: "last-change-stands", means: "what it set is something else now, and no request changed it", requests })
}

/// The same of what no request changes, such as payments: `found` are those that say something else than the last event about them.
pub fn written_past(found: Vec<String>) -> Finding {
    Finding {
        invariant: "last-event-stands",
        means: "it says something else than the last event about it, or no event tells of it",
        requests: found,
    }
}

/// The kinds of events that are transitions, with the state they lead to.
fn transitions() -> (Vec<&'static str>, Vec<&'static str>) {
    State::ALL.into_iter().map(|state| (super::transition::event_kind(state), state.name())).unzip()
}
