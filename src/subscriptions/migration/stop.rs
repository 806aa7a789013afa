//! Stopping a migration on its way: whoever may ask for one leaves out all whose turn has not come, and says why. Those whose turn it is are
//! waited for, so each tenant is either moved or left out. The job finds nobody any more, and tells the end as it always does.
use super::store;
use crate::{
    app::App,
    auth::{Operator, SubscriptionsChange},
    error::{Error, Problem, check_reason},
    i18n::msg,
    ledger::Entry,
};
use serde_json::json;

pub async fn stop(app: &App, operator: &Operator<SubscriptionsChange>, request: i64, why: &str) -> Result<(), Error> {
    let why = why.trim();
    if let Some(text) = check_reason(why) {
        return Err(Error::Invalid(vec![Problem::new("reason", text)]));
    }
    let mut change = app.db.begin(operator).await?;
    let migration = store::lock(&mut change, request).await?.ok_or(Error::NotFound)?;
    let stopped = store::stop(&mut change, request, operator.id(), why).await?;
    if stopped == 0 {
        return Err(Error::Refused(msg::migration_nothing_to_stop()));
    }
    let counts = store::counts(&mut change, request).await?;
    change.announce("request", request, &counts.told(request)).await?;
    let entry = Entry::of("subscription.migration.stopped")
        .request(request)
        .on("plan", &migration.plan)
        .with("stopped", stopped)
        .with("all", json!({"moved": counts.moved, "skipped": counts.skipped}));
    change.commit(entry.because(why)).await.map(drop)
}
