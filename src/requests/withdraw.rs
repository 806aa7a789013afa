//! Taking a request back, as long as it has not begun.
use super::{State, expiry, store};
use crate::{
    app::App,
    auth::{Operator, RequestsAsk},
    error::Error,
    i18n::msg,
    ledger::{Entry, Outcome},
};

/// Withdraws; withdrawing twice changes nothing.
pub async fn withdraw(app: &App, operator: &Operator<RequestsAsk>, id: i64) -> Result<(), Error> {
    let mut change = app.db.begin(operator).await?;
    let mut request = store::lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    if request.requester_id != operator.id() {
        drop(change);
        let entry = Entry::of("access.denied").outcome(Outcome::Denied).request(id).with("why", msg::withdraw_not_yours().id());
        app.db.record(operator.caller().into(), entry).await?;
        return Err(Error::NotPermitted(msg::withdraw_not_yours()));
    }
    if expiry::is_due(&request, change.now()) {
        expiry::expire(change, request).await?;
        return Err(Error::Refused(msg::request_expired()));
    }
    match request.state {
        State::Withdrawn => Ok(()),
        State::Pending | State::Approved => {
            let entry = request.become_(&mut change, State::Withdrawn, None).await?;
            change.commit(entry).await?;
            Ok(())
        }
        _ => Err(Error::Refused(msg::withdraw_too_late())),
    }
}
