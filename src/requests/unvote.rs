//! Taking one's own vote back, as long as nothing has followed from it.
use super::{Request, State, expiry, store, tally::Tally};
use crate::{
    app::App,
    auth::{Operator, RequestsDecide},
    error::Error,
    i18n::{Text, msg},
    notices::{self, Kind},
};

/// Takes the vote of this account back. What was decided by it stays decided: that is told and not undone.
pub async fn unvote(app: &App, voter: &Operator<RequestsDecide>, id: i64) -> Result<(), Error> {
    let mut change = app.db.begin(voter).await?;
    let request = store::lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    if expiry::is_due(&request, change.now()) {
        expiry::expire(change, request).await?;
        return Err(Error::Refused(msg::request_expired()));
    }
    if request.state != State::Pending {
        return Err(Error::Refused(too_late(&request)));
    }
    if !store::drop_vote(&mut change, id, voter.id()).await? {
        return Err(Error::Refused(msg::unvote_no_vote()));
    }
    let roles = Tally::of(app, &mut change, &request).await?.waits_for();
    store::save_turn(&mut change, id, &roles).await?;
    notices::tell_deciders(&mut change, &request, Kind::Asked, &roles).await?;
    change.announce("request", id, &serde_json::json!({"id": request.short_id(), "state": "pending"})).await?;
    // a rejection ends a request, so what can be taken back was an approval
    let entry = request.entry("request.vote_withdrawn").with("decision", "approve").with("binding", request.binding_hex());
    change.commit(entry).await?;
    Ok(())
}

/// Why a vote stays.
pub(super) fn too_late(request: &Request) -> Text {
    match request.state {
        State::Denied => msg::unvote_rejected(),
        State::Expired => msg::request_expired(),
        State::Withdrawn => msg::request_withdrawn(),
        State::Stale => msg::request_stale(),
        State::Approved => msg::unvote_approved(),
        _ => msg::unvote_executed(),
    }
}
