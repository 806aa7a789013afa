//! SQL of companies and tenants.
use super::Checked;
use crate::{db::Change, page::list::Slice};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A customer's company.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Company {
    pub id: String,
    pub name: String,
    /// Ten digits; those that were there before numbers were kept have none.
    pub biz_reg_no: Option<String>,
    pub status: String,
    pub tenants: i64,
    pub orgs: i64,
    pub created_at: DateTime<Utc>,
}

/// What a company uses of ours, under an address of its own.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Tenant {
    pub id: String,
    pub company_id: String,
    pub company: String,
    pub biz_reg_no: Option<String>,
    pub slug: String,
    pub region: String,
    pub time_zone: String,
    pub status: String,
    pub created_at: DateTime<Utc>,
    pub activated_at: Option<DateTime<Utc>>,
}

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of a name, the beginning of a registration number, a slug, or an id.
    pub q: Option<String>,
    /// How one of its tenants stands; `none`: it has no tenant.
    pub tenants: Option<String>,
    /// Where one of its tenants is.
    pub region: Option<String>,
}

/// A page of companies, by `name` or `created`.
pub(super) async fn companies(conn: &mut PgConnection, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Company>> {
    let (value, id) = slice.at();
    let (by_time, up) = (slice.order.key == "created", slice.up());
    let at = value.and_then(|v| v.parse::<DateTime<Utc>>().ok());
    let number = f.q.as_ref().map(|q| q.chars().filter(char::is_ascii_digit).collect::<String>()).filter(|d| d.len() >= 3);
    let mut rows = sqlx::query_as!(
        Company,
        r#"select c.id, c.name, c.biz_reg_no::text as biz_reg_no, c.status, (select count(*) from tenant where company_id = c.id) as "tenants!",
             (select count(*) from admin_orgs where company_id = c.id) as "orgs!", c.created_at
           from company c
           where ($1::text is null or strpos(lower(c.name), lower($1)) > 0 or c.id = $1 or starts_with(c.biz_reg_no, $2)
               or exists (select from tenant t where t.company_id = c.id and starts_with(t.slug, lower($1))))
             and ($3::text is null or case $3 when 'none' then not exists (select from tenant t where t.company_id = c.id)
               else exists (select from tenant t where t.company_id = c.id and t.status = $3) end)
             and ($4::text is null or exists (select from tenant t where t.company_id = c.id and t.region = $4))
             and ($5::text is null or case
               when $6 and $7 then (c.created_at, c.id) > ($8::timestamptz, $5)
               when $6 then (c.created_at, c.id) < ($8::timestamptz, $5)
               when $7 then (c.name, c.id) > ($9::text, $5) else (c.name, c.id) < ($9::text, $5) end)
           order by case when $6 and $7 then c.created_at end asc, case when $6 and not $7 then c.created_at end desc,
             case when not $6 and $7 then c.name end asc, case when not $6 and not $7 then c.name end desc,
             case when $7 then c.id end asc, case when not $7 then c.id end desc limit $10"#,
        f.q,
        number,
        f.tenants,
        f.region,
        id,
        by_time,
        up,
        at,
        value,
        slice.limit
    )
    .fetch_all(conn)
    .await?;
    if slice.back() {
        rows.reverse();
    }
    Ok(rows)
}

pub async fn tenant(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<Tenant>> {
    sqlx::query_as!(
        Tenant,
        "select t.id, t.company_id, c.name as company, c.biz_reg_no::text as biz_reg_no, t.slug, t.region, t.time_zone, t.status, t.created_at, t.activated_at
         from tenant t join company c on c.id = t.company_id where t.id = $1",
        id
    )
    .fetch_optional(conn)
    .await
}

/// By its id or its slug.
pub async fn named(conn: &mut PgConnection, name: &str) -> sqlx::Result<Option<Tenant>> {
    sqlx::query_as!(
        Tenant,
        "select t.id, t.company_id, c.name as company, c.biz_reg_no::text as biz_reg_no, t.slug, t.region, t.time_zone, t.status, t.created_at, t.activated_at
         from tenant t join company c on c.id = t.company_id where t.id = $1 or t.slug = $1",
        name
    )
    .fetch_optional(conn)
    .await
}

/// A tenant as people tell it from others.
pub struct Called {
    pub id: String,
    pub slug: String,
    pub company: String,
}

impl Called {
    pub fn label(&self) -> String {
        format!("{} · {}", self.company, self.slug)
    }
}

/// The first few that are not closed and whose id, slug or company fits.
pub async fn like(conn: &mut PgConnection, q: &str, limit: i64) -> sqlx::Result<Vec<Called>> {
    sqlx::query_as!(
        Called,
        "select t.id, t.slug, c.name as company from tenant t join company c on c.id = t.company_id
         where (t.id = $1 or starts_with(t.slug, lower($1)) or strpos(lower(c.name), lower($1)) > 0) and t.status <> 'closed'
         order by c.name, t.slug limit $2",
        q,
        limit
    )
    .fetch_all(conn)
    .await
}

pub async fn tenants_of(conn: &mut PgConnection, company: &str) -> sqlx::Result<Vec<Tenant>> {
    sqlx::query_as!(
        Tenant,
        "select t.id, t.company_id, c.name as company, c.biz_reg_no::text as biz_reg_no, t.slug, t.region, t.time_zone, t.status, t.created_at, t.activated_at
         from tenant t join company c on c.id = t.company_id where t.company_id = $1 order by t.slug limit 200",
        company
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn company(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<Company>> {
    sqlx::query_as!(
        Company,
        r#"select c.id, c.name, c.biz_reg_no::text as biz_reg_no, c.status, (select count(*) from tenant where company_id = c.id) as "tenants!",
             (select count(*) from admin_orgs where company_id = c.id) as "orgs!", c.created_at from company c where c.id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

pub async fn company_by_number(conn: &mut PgConnection, digits: &str) -> sqlx::Result<Option<Company>> {
    sqlx::query_as!(
        Company,
        r#"select id, name, biz_reg_no::text as biz_reg_no, status, 0::bigint as "tenants!", 0::bigint as "orgs!", created_at from company where biz_reg_no = $1::text::char(10)"#,
        digits
    )
    .fetch_optional(conn)
    .await
}

/// For a search: the first few by name.
pub async fn companies_like(conn: &mut PgConnection, q: &str, limit: i64) -> sqlx::Result<Vec<Company>> {
    let filter = Filter { q: Some(q.to_owned()), ..Filter::default() };
    let order = crate::page::list::Order { key: "name", down: false };
    companies(conn, &filter, Slice { order, cursor: None, limit }).await
}

pub async fn slug_is_taken(conn: &mut PgConnection, slug: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from tenant where slug = $1) as "taken!""#, slug).fetch_one(conn).await
}

pub(super) async fn one_at_a_time(change: &mut Change, digits: &str) -> sqlx::Result<()> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended('company' || $1::text, 0)) as "locked!: ()""#, digits)
        .fetch_one(&mut **change)
        .await
        .map(|_| ())
}

pub(super) async fn add_company(change: &mut Change, id: &str, new: &Checked) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "insert into company (id, name, biz_reg_no, created_at) values ($1, $2, $3, $4)",
        id,
        new.company,
        new.biz_reg_no.digits(),
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// `false` if somebody took the slug meanwhile.
pub(super) async fn add_tenant(change: &mut Change, id: &str, company: &str, new: &Checked) -> sqlx::Result<bool> {
    let now = change.now();
    sqlx::query!(
        "insert into tenant (id, company_id, slug, region, time_zone, created_at) values ($1, $2, $3, $4, $5, $6) on conflict (slug) do nothing",
        id,
        company,
        new.slug,
        new.region,
        new.time_zone,
        now
    )
    .execute(&mut **change)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// Locks a tenant until the transaction ends.
pub async fn lock(change: &mut Change, id: &str) -> sqlx::Result<()> {
    sqlx::query!("select id from tenant where id = $1 for update", id).fetch_optional(&mut **change).await.map(|_| ())
}

/// The id of a tenant that is named by its id or slug. How it stands does not change until the transaction ends, and nobody else who only
/// holds it is kept waiting.
pub async fn hold(change: &mut Change, name: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select id from tenant where id = $1 or slug = $1 for share", name).fetch_optional(&mut **change).await
}

pub(super) async fn activate(change: &mut Change, id: &str) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!("update tenant set status = 'active', activated_at = $2 where id = $1", id, now).execute(&mut **change).await.map(|_| ())
}

/// Requests that activated a tenant which is not active any more, or was never: nothing in the portal takes that back yet.
pub async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"select distinct e.request_id as "id!" from ledger.event e join tenant t on t.id = e.target_id
           where e.kind = 'tenant.activated' and e.outcome = 'success' and e.request_id is not null and t.status = 'provisioning' limit 100"#
    )
    .fetch_all(conn)
    .await
}
