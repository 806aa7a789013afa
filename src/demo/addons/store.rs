//! SQL of the demo's add-ons: the table as the operation would have left it.
use crate::requests::Request;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// What a change that was carried out left behind.
pub async fn change(conn: &mut PgConnection, r: &Request, at: Option<DateTime<Utc>>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into tenant_addon (tenant_id, addon_code, addon_version, quantity, during, request_id, created_at)
         values ($1, $2, (substring($3 from ' v([0-9]+)$'))::int, ($4::bigint)::int, daterange(($5::text)::date, null), $6, $7)",
        r.target_id,
        r.fields["addon"].as_str(),
        r.after["addon"].as_str(),
        r.fields["quantity"].as_i64(),
        r.fields["from"].as_str(),
        r.id,
        at
    )
    .execute(conn)
    .await
    .map(|_| ())
}
