//! Reading the ledger is written into the ledger: who asked for what, and who opened which entry. Once for each thing somebody asked
//! for; following pages, and pages that refresh themselves, are parts of it.
use super::{Entry, browse::Query};
use crate::{
    app::App,
    auth::{LedgerRead, Operator},
    error::Error,
};
use serde_json::json;
use uuid::Uuid;

/// Somebody looked for something. What they looked for may be a name, so it is no part of the leaf.
pub async fn asked(app: &App, operator: &Operator<LedgerRead>, query: &Query) -> Result<(), Error> {
    write(app, operator, Entry::of("ledger.read").on("list", "ledger").detail("query", json!(query.line()))).await
}

/// Somebody opened one entry, with its reason, before and after.
pub async fn opened(app: &App, operator: &Operator<LedgerRead>, event: Uuid) -> Result<(), Error> {
    write(app, operator, Entry::of("ledger.read").on("event", &event.to_string())).await
}

async fn write(app: &App, operator: &Operator<LedgerRead>, entry: Entry) -> Result<(), Error> {
    app.db.begin(operator).await?.commit(entry).await?;
    Ok(())
}
