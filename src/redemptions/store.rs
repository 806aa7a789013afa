//! SQL of redemptions.
use crate::{
    catalog::{pricing::Promotion, promotions::Terms},
    db::Change,
    page::list::Slice,
};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// A promotion that a tenant has redeemed.
#[derive(Clone, Debug)]
pub struct Redemption {
    pub id: i64,
    pub code: String,
    pub tenant_id: String,
    pub slug: String,
    pub company: String,
    /// What the tenant had then.
    pub plan: Option<String>,
    pub terms: Json<Terms>,
    pub hash: Vec<u8>,
    pub at: DateTime<Utc>,
    pub by: String,
}

/// One as it is added.
pub(super) struct New<'a> {
    pub code: &'a str,
    pub tenant: &'a str,
    pub plan: Option<&'a str>,
    pub terms: &'a Terms,
    pub hash: &'a [u8],
    pub key: &'a str,
}

/// Nothing if this tenant has redeemed this code, or the key was used. Whoever does either at this moment is waited for.
pub(super) async fn add(change: &mut Change, by: Uuid, new: &New<'_>) -> sqlx::Result<Option<i64>> {
    let now = change.now();
    sqlx::query_scalar!(
        "insert into promo_redemption (code, tenant_id, plan, terms, hash, redeemed_at, redeemed_by, key) values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict do nothing returning id",
        new.code,
        new.tenant,
        new.plan,
        Json(new.terms) as _,
        new.hash,
        now,
        by,
        new.key
    )
    .fetch_optional(&mut **change)
    .await
}

pub(super) async fn find(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Redemption>> {
    sqlx::query_as!(
        Redemption,
        r#"select r.id, r.code, r.tenant_id, t.slug, c.name as company, r.plan, r.terms as "terms: Json<Terms>", r.hash, r.redeemed_at as at, o.name as by
           from promo_redemption r join tenant t on t.id = r.tenant_id join company c on c.id = t.company_id join operator o on o.id = r.redeemed_by
           where r.id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

pub(super) async fn by_key(conn: &mut PgConnection, by: Uuid, key: &str) -> sqlx::Result<Option<Redemption>> {
    sqlx::query_as!(
        Redemption,
        r#"select r.id, r.code, r.tenant_id, t.slug, c.name as company, r.plan, r.terms as "terms: Json<Terms>", r.hash, r.redeemed_at as at, o.name as by
           from promo_redemption r join tenant t on t.id = r.tenant_id join company c on c.id = t.company_id join operator o on o.id = r.redeemed_by
           where r.redeemed_by = $1 and r.key = $2"#,
        by,
        key
    )
    .fetch_optional(conn)
    .await
}

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of a company's name, a slug or a code.
    pub q: Option<String>,
    pub code: Option<String>,
    /// A tenant by its id.
    pub tenant: Option<String>,
}

/// A page of them in the order in which they were redeemed.
pub async fn list(conn: &mut PgConnection, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Redemption>> {
    let (_, id) = slice.at();
    // what is no number is before all of them, or after
    let (id, up) = (id.map(|id| id.parse().unwrap_or(0_i64)), slice.up());
    let mut rows = sqlx::query_as!(
        Redemption,
        r#"select r.id, r.code, r.tenant_id, t.slug, c.name as company, r.plan, r.terms as "terms: Json<Terms>", r.hash, r.redeemed_at as at, o.name as by
           from promo_redemption r join tenant t on t.id = r.tenant_id join company c on c.id = t.company_id join operator o on o.id = r.redeemed_by
           where ($1::text is null or strpos(lower(c.name), lower($1)) > 0 or strpos(t.slug, lower($1)) > 0 or strpos(r.code, upper($1)) > 0)
             and ($2::text is null or r.code = $2) and ($3::text is null or r.tenant_id = $3)
             and ($4::bigint is null or case when $5 then r.id > $4 else r.id < $4 end)
           order by case when $5 then r.id end, r.id desc limit $6"#,
        f.q,
        f.code,
        f.tenant,
        id,
        up,
        slice.limit
    )
    .fetch_all(conn)
    .await?;
    if slice.back() {
        rows.reverse();
    }
    Ok(rows)
}

/// What makes a tenant's invoices cheaper: the terms as they were copied when they were redeemed, in that order.
pub async fn of(conn: &mut PgConnection, tenant: &str) -> sqlx::Result<Vec<Promotion>> {
    let rows = sqlx::query!(r#"select code, terms as "terms: Json<Terms>" from promo_redemption where tenant_id = $1 order by id"#, tenant)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|r| Promotion { code: r.code, off: r.terms.0.off, on: r.terms.0.on }).collect())
}
