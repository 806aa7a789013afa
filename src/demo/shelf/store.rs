//! SQL of what the demo company sells: the tables as the operations would have left them.
use super::DRAFT;
use crate::{documents::tidy, requests::Request};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

/// What a request that succeeded left behind.
pub async fn leave(conn: &mut PgConnection, r: &Request, at: Option<DateTime<Utc>>) -> anyhow::Result<()> {
    match r.operation.as_str() {
        "catalog.publish" => publish(conn, r, at).await,
        "subscription.change" => Ok(crate::demo::subscriptions::store::change(conn, r, at).await?),
        "subscription.migrate" => Ok(crate::demo::subscriptions::store::migrate(conn, r, at).await?),
        "addon.change" => Ok(crate::demo::addons::store::change(conn, r, at).await?),
        "permissions.publish" => crate::demo::rights::store::publish(conn, r, at).await,
        _ => open(conn, r, at).await,
    }
}

async fn publish(conn: &mut PgConnection, r: &Request, at: Option<DateTime<Utc>>) -> anyhow::Result<()> {
    sqlx::query!(
        "insert into product (kind, code, name, created_at) values ($1, $2, $3, $4) on conflict (kind, code) do nothing",
        r.target_type,
        r.target_id,
        r.after["name"].as_str(),
        at
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update product_version set valid = daterange(lower(valid), ($3::text)::date) where kind = $1 and code = $2 and upper_inf(valid)",
        r.target_type,
        r.target_id,
        r.fields["starts"].as_str()
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into product_version (kind, code, version, currency, valid, document, hash, request_id, published_at)
         values ($1, $2, (select coalesce(max(version), 0) + 1 from product_version where kind = $1 and code = $2), 'KRW',
           daterange(($3::text)::date, ($4::text)::date), $5, sha256(convert_to($5, 'UTF8')), $6, $7)",
        r.target_type,
        r.target_id,
        r.fields["starts"].as_str(),
        r.fields["ends"].as_str(),
        tidy(r.fields["prices"].as_str().unwrap_or_default()),
        r.id,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn open(conn: &mut PgConnection, r: &Request, at: Option<DateTime<Utc>>) -> anyhow::Result<()> {
    let terms = match r.fields["won"].as_i64() {
        Some(won) => json!({"off": {"won": won}, "on": ["base"]}),
        None => json!({"off": {"share": "0.15"}, "on": ["base", "usage"]}),
    };
    let plans: Vec<String> = r.fields["plans"].as_str().map(str::to_owned).into_iter().collect();
    sqlx::query!(
        "insert into promotion (code, name, terms, plans, valid, most, request_id, created_at)
         values ($1, $2, $3, $4, daterange(($5::text)::date, ($6::text)::date), ($7::bigint)::int, $8, $9)",
        r.target_id,
        r.fields["name"].as_str(),
        terms,
        &plans,
        r.fields["starts"].as_str(),
        r.fields["ends"].as_str(),
        r.fields["most"].as_i64(),
        r.id,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A next version that somebody is at work on.
pub async fn draft(conn: &mut PgConnection, by: Uuid) -> anyhow::Result<(&'static str, &'static str, i32)> {
    let (kind, code, version, document) = DRAFT;
    sqlx::query!(
        "insert into product_draft (kind, code, version, name, currency, starts, ends, document, saved_by, saved_at, revision)
         values ($1, $2, $3, '스타터', 'KRW', '', '', $4, $5, now(), 1)",
        kind,
        code,
        version,
        document,
        by
    )
    .execute(conn)
    .await?;
    Ok((kind, code, version))
}
