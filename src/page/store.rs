//! SQL of saved views.
use sqlx::PgConnection;
use uuid::Uuid;

/// Name and state of somebody's views of a list.
pub(super) async fn views(conn: &mut PgConnection, operator: Uuid, list: &str) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!("select name, query from saved_view where operator_id = $1 and list = $2 order by name", operator, list);
    Ok(rows.fetch_all(conn).await?.into_iter().map(|r| (r.name, r.query)).collect())
}
