//! SQL of the add-ons that tenants have, and of the requests for them.
use crate::{catalog::Days, db::Change, page::list::Slice, requests::parse_id, tenants::Called};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// So many of an add-on that a tenant has for some days, at the price of one version.
#[derive(Clone, Debug)]
pub struct Held {
    pub id: i64,
    pub code: String,
    pub name: String,
    pub version: i32,
    pub quantity: i32,
    pub days: Days,
    pub request: i64,
    pub requester: String,
    pub created_at: DateTime<Utc>,
    /// The request that gave it its end.
    pub ended_in: Option<i64>,
    /// The request that took its place before it had been had for a day.
    pub undone_in: Option<i64>,
}

/// Everything a tenant had, has and will have, the newest first.
pub async fn of(conn: &mut PgConnection, tenant: &str, limit: i64) -> sqlx::Result<Vec<Held>> {
    let rows = sqlx::query!(
        r#"select a.id, a.addon_code, p.name, a.addon_version, a.quantity, lower(a.during) as "starts!", upper(a.during) as ends, a.request_id,
             o.name as requester, a.created_at, a.ended_in, a.undone_in
           from tenant_addon a join product p on p.kind = a.kind and p.code = a.addon_code
           join request r on r.id = a.request_id join operator o on o.id = r.requester_id
           where a.tenant_id = $1 order by lower(a.during) desc, a.id desc limit $2"#,
        tenant,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Held {
            id: r.id,
            code: r.addon_code,
            name: r.name,
            version: r.addon_version,
            quantity: r.quantity,
            days: Days { starts: r.starts, ends: r.ends },
            request: r.request_id,
            requester: r.requester,
            created_at: r.created_at,
            ended_in: r.ended_in,
            undone_in: r.undone_in,
        })
        .collect())
}

pub(super) struct New<'a> {
    pub tenant: &'a str,
    pub code: &'a str,
    pub version: i32,
    pub quantity: i32,
    pub from: NaiveDate,
}

pub(super) async fn add(change: &mut Change, new: &New<'_>) -> sqlx::Result<()> {
    let (now, request) = (change.now(), change.request());
    sqlx::query!(
        "insert into tenant_addon (tenant_id, addon_code, addon_version, quantity, during, request_id, created_at)
         values ($1, $2, $3, $4, daterange($5::date, null), $6, $7)",
        new.tenant,
        new.code,
        new.version,
        new.quantity,
        new.from,
        request,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn end(change: &mut Change, id: i64, ends: NaiveDate) -> sqlx::Result<()> {
    let request = change.request();
    sqlx::query!("update tenant_addon set during = daterange(lower(during), $2::date), ended_in = $3 where id = $1", id, ends, request)
        .execute(&mut **change)
        .await
        .map(|_| ())
}

pub(super) async fn undo(change: &mut Change, id: i64) -> sqlx::Result<()> {
    let request = change.request();
    sqlx::query!("update tenant_addon set undone_in = $2 where id = $1", id, request).execute(&mut **change).await.map(|_| ())
}

/// What is sold on a day, by code and name.
pub async fn sold(conn: &mut PgConnection, day: NaiveDate) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        "select p.code, p.name from product p where p.kind = 'addon' and exists (select from product_version v
           where v.kind = 'addon' and v.code = p.code and v.withdrawn_at is null and v.valid @> $1::date) order by p.name, p.code limit 200",
        day
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|r| (r.code, r.name)).collect())
}

pub(super) async fn name(conn: &mut PgConnection, code: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select name from product where kind = 'addon' and code = $1", code).fetch_optional(conn).await
}

/// The first few tenants whose id, address or company fits; those with a subscription on that day alone.
pub async fn candidates(conn: &mut PgConnection, q: &str, day: NaiveDate, limit: i64) -> sqlx::Result<Vec<Called>> {
    sqlx::query_as!(
        Called,
        "select t.id, t.slug, c.name as company from tenant t join company c on c.id = t.company_id
         where (t.id = $1 or starts_with(t.slug, lower($1)) or strpos(lower(c.name), lower($1)) > 0) and t.status = 'active'
           and exists (select from tenant_subscription s where s.tenant_id = t.id and s.undone_in is null and s.during @> $2::date)
         order by c.name, t.slug limit $3",
        q,
        day,
        limit
    )
    .fetch_all(conn)
    .await
}

/// A request for add-ons as lists show it.
pub struct Asked {
    pub id: i64,
    pub state: String,
    pub tenant_id: String,
    pub label: String,
    pub addon: String,
    pub before: Value,
    pub after: Value,
    pub requester: String,
    pub created_at: DateTime<Utc>,
}

impl Asked {
    /// What a month of it costs more, without VAT.
    pub fn difference(&self) -> i64 {
        let monthly = |side: &Value| side["monthly"].as_i64().unwrap_or_default();
        monthly(&self.after).saturating_sub(monthly(&self.before))
    }
}

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A request's id, or part of a tenant's name, address or id.
    pub q: Option<String>,
    /// `waiting`, `done`, or `not-done`: over, and nothing was changed.
    pub standing: Option<String>,
    pub addon: Option<String>,
    pub tenant: Option<String>,
}

/// Requests for add-ons, newest first. They are found by `request_by_operation`, which has them in this order.
pub async fn list(conn: &mut PgConnection, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Asked>> {
    let cursor = slice.at().1.and_then(|id| parse_id(id).ok());
    let by_id = f.q.as_deref().and_then(|q| parse_id(q).ok());
    let words = f.q.as_deref().filter(|_| by_id.is_none()).map(str::to_lowercase);
    let up = slice.up();
    let mut rows = sqlx::query_as!(
        Asked,
        r#"select r.id, r.state, r.target_id as tenant_id, r.target_label as label, r.fields ->> 'addon' as "addon!", r.before, r.after,
             o.name as requester, r.created_at
           from request r join operator o on o.id = r.requester_id
           where r.operation = 'addon.change' and ($1::bigint is null or r.id = $1)
             and ($2::text is null or strpos(lower(r.target_label), $2) > 0 or r.target_id = $2)
             and ($3::text is null or r.fields ->> 'addon' = $3)
             and case $4::text
               when 'waiting' then r.state in ('pending', 'approved', 'executing')
               when 'done' then r.state = 'succeeded'
               when 'not-done' then r.state not in ('pending', 'approved', 'executing', 'succeeded')
               else true end
             and ($8::text is null or (r.target_type = 'tenant' and r.target_id = $8))
             and ($5::bigint is null or case when $6 then r.id > $5 else r.id < $5 end)
           order by case when $6 then r.id end, r.id desc limit $7"#,
        by_id,
        words,
        f.addon,
        f.standing,
        cursor,
        up,
        slice.limit,
        f.tenant
    )
    .fetch_all(conn)
    .await?;
    if slice.back() {
        rows.reverse();
    }
    Ok(rows)
}

/// Requests that were the last to say how many of an add-on a tenant has, where it has another number of them now, and those that nothing
/// was told of.
pub(super) async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with told as (select e.event_id, e.request_id, e.target_id, convert_from(e.leaf, 'UTF8')::jsonb -> 'facts' as facts
             from ledger.event e where e.kind = 'addon.changed' and e.outcome = 'success'),
           last as (select distinct on (target_id, facts ->> 'addon') request_id, target_id, facts ->> 'addon' as addon,
               (facts ->> 'quantity')::bigint as quantity
             from told order by target_id, facts ->> 'addon', event_id desc)
           select distinct l.request_id as "id!" from last l where l.request_id is not null and coalesce((select sum(a.quantity) from tenant_addon a
             where a.tenant_id = l.target_id and a.addon_code = l.addon and a.undone_in is null and upper_inf(a.during)), 0) <> l.quantity
           union select a.request_id from tenant_addon a where not exists (select from told t where t.request_id = a.request_id and t.target_id = a.tenant_id)
           limit 100"#
    )
    .fetch_all(conn)
    .await
}
