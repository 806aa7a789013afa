//! Following a request that is not one's own: whoever watches it is told what becomes of it.
use super::store;
use crate::{
    app::App,
    auth::{Operator, RequestsRead},
    error::Error,
};

/// Watches, or stops watching; doing either twice changes nothing.
pub async fn watch(app: &App, operator: &Operator<RequestsRead>, id: i64, watching: bool) -> Result<(), Error> {
    let mut conn = app.db.read().await?;
    store::find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    drop(conn);
    app.db.watch(operator.id(), id, watching).await
}
