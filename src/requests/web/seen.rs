//! That somebody who may decide has opened a request: what tells later whether a decision was read first.
use crate::{
    app::App,
    auth::{Caller, RequestsDecide, Scope},
    page::Visit,
    requests::{Request, State},
};

/// Notes it beside the page, which neither waits for it nor fails with it. A page that refreshes itself has been opened before.
pub(super) fn note(app: &App, visit: &Visit, caller: &Caller, request: &Request) {
    if !visit.follows {
        let (db, id, person) = (app.db.clone(), request.id, caller.id);
        tokio::spawn(async move {
            if let Err(error) = db.read_notices(person, Some(id), None).await {
                tracing::warn!(%error, request = id, "cannot note that notices were read");
            }
        });
    }
    let decides = caller.may(RequestsDecide::NAME) && (request.requester_id != caller.id || request.ruling.self_approval);
    if visit.follows || request.state != State::Pending || !decides {
        return;
    }
    let (db, id, person) = (app.db.clone(), request.id, caller.id);
    tokio::spawn(async move {
        if let Err(error) = db.note_seen(id, person).await {
            tracing::warn!(%error, request = id, "cannot note that a request was opened");
        }
    });
}
