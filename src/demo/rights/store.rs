//! SQL of the demo's templates, roles and redemptions: the tables as the operations would have left them.
use super::{CODE, PROMOTION, Redemption, VERSION};
use crate::{documents::tidy, permissions::document, requests::Request};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// What a publication left behind.
pub async fn publish(conn: &mut PgConnection, r: &Request, at: Option<DateTime<Utc>>) -> anyhow::Result<()> {
    sqlx::query!(
        "insert into permission_template_version (code, version, name, document, hash, request_id, published_at)
         values ($1, ($2::bigint)::int, $3, $4, sha256(convert_to($4, 'UTF8')), $5, $6)",
        r.target_id,
        r.after["version"].as_i64(),
        r.after["name"].as_str(),
        tidy(r.fields["document"].as_str().unwrap_or_default()),
        r.id,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// All that customers have by the demo's beginning.
pub async fn leave(conn: &mut PgConnection, redeemed: &[Redemption]) -> anyhow::Result<()> {
    grant(conn).await?;
    redeem(conn, redeemed).await
}

/// The roles of every tenant that is active: those of the template that all of them chose.
async fn grant(conn: &mut PgConnection) -> anyhow::Result<()> {
    let roles = document::read(super::NEWEST).map_err(|faults| anyhow::anyhow!("{faults:?}"))?.roles;
    for (place, role) in (0_i16..).zip(roles) {
        sqlx::query!(
            "insert into tenant_role (tenant_id, role, name, place, template, version, scopes, since)
             select id, $1, $2, $3, $4, $5, $6, activated_at from tenant where status = 'active'",
            role.key,
            role.name,
            place,
            CODE,
            VERSION,
            &role.scopes
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

async fn redeem(conn: &mut PgConnection, all: &[Redemption]) -> anyhow::Result<()> {
    for r in all {
        sqlx::query!(
            "insert into promo_redemption (code, tenant_id, plan, terms, hash, redeemed_at, redeemed_by, key)
             select code, $2, 'pro', terms, $3, $4, $5, 'demo-' || $2 from promotion where code = $1",
            PROMOTION,
            r.tenant,
            r.hash,
            r.at,
            r.by
        )
        .execute(&mut *conn)
        .await?;
        sqlx::query!("update promotion set redeemed = redeemed + 1 where code = $1", PROMOTION).execute(&mut *conn).await?;
    }
    Ok(())
}
