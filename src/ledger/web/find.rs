//! One entry by its id.
use super::kind_label;
use crate::{
    auth::{LedgerRead, Scope},
    error::Error,
    ledger::browse,
    page::{Found, Reader, When},
};
use sqlx::PgConnection;
use uuid::Uuid;

pub async fn find(r: &Reader, conn: &mut PgConnection, q: &str) -> Result<Vec<Found>, Error> {
    let Ok(id) = q.parse::<Uuid>() else { return Ok(Vec::new()) };
    if !r.caller.may(LedgerRead::NAME) {
        return Ok(Vec::new());
    }
    let found = browse::find(conn, id).await?.map(|whole| {
        let e = whole.event;
        let detail = format!("{} · {} · {}", When::new(r.l, e.at).absolute, e.actor, e.kind);
        Found { group: r.l.ledger_title(), name: kind_label(r.l, &e.kind), detail, href: format!("/ledger/{}", e.id), icon: "history" }
    });
    Ok(found.into_iter().collect())
}
