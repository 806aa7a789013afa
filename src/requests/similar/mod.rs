//! How requests like this one were decided: what a decider would otherwise ask a colleague.
mod store;

use super::{Request, State, short_id, view};
use crate::{
    error::Error,
    i18n::Lang,
    page::{Badge, duration},
};
use sqlx::PgConnection;

/// Days that are looked back on.
pub const DAYS: i64 = 90;

/// What was decided about the same operation, summed up and with the closest cases.
pub struct Similar {
    pub sentence: String,
    pub cases: Vec<Case>,
}

/// One decision of the past.
pub struct Case {
    pub id: String,
    pub href: String,
    pub state: Badge,
    pub target: String,
    pub requester: String,
    /// Who decided, and how long after it was asked for.
    pub decided: String,
    /// What it has in common with the request that is looked at.
    pub why: String,
}

/// None if nothing of the kind was decided lately.
pub(super) async fn of(conn: &mut PgConnection, l: Lang, request: &Request) -> Result<Option<Similar>, Error> {
    let found = store::closest(conn, request, DAYS).await?;
    let Some(first) = found.first() else { return Ok(None) };
    let (days, all, approved) = (DAYS, first.decided, first.approved);
    let sentence = if all < store::MOST { l.similar_summary(all, approved, days) } else { l.similar_summary_newest(all, approved) };
    let case = |found: &store::Found| Case {
        id: short_id(found.id),
        href: format!("/requests/{}", short_id(found.id)),
        state: view::badge(l, State::named(&found.state).unwrap_or(State::Pending)),
        target: found.target_label.clone(),
        requester: found.requester.clone(),
        decided: l.similar_decided(found.deciders.join(", "), duration(l, found.seconds)),
        why: match (found.same_change, found.same_after, found.same_requester) {
            (true, ..) => l.similar_same_change(),
            (_, true, _) => l.similar_same_after(),
            (.., true) => l.similar_same_requester(),
            _ => l.similar_same_fields(),
        },
    };
    Ok(Some(Similar { sentence, cases: found.iter().map(case).collect() }))
}
