//! SQL of waiting: how many requests stand, in one query.
use crate::requests::State;
use sqlx::PgConnection;
use std::collections::HashMap;

/// The states of these requests; those that do not exist are left out.
pub(super) async fn states(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<HashMap<i64, State>> {
    let rows = sqlx::query!("select id, state from request where id = any($1)", ids).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|r| (r.id, State::named(&r.state).expect("the column's check allows no other"))).collect())
}
