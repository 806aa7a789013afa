//! SQL of subscriptions and of the AI services that come with them.
//!
//! A hundred thousand subscriptions, ten for each tenant: what a tenant has is found by `subscription_by_tenant`; lists walk an index on the
//! first day and stop after a page; who is on which version today reads what of a plan has not ended, by `subscription_by_end`, and nothing
//! of its past.
use crate::{catalog::Days, db::Change, page::list::Slice};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

/// One tenant's subscription to one version of a plan.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: i64,
    pub tenant_id: String,
    pub slug: String,
    pub company: String,
    pub tenant_status: String,
    pub plan: String,
    pub plan_name: String,
    pub version: i32,
    pub days: Days,
    /// The day of the month on which a period begins.
    pub anchor: u32,
    pub request: i64,
    pub created_at: DateTime<Utc>,
    /// The request that gave it its end.
    pub ended_in: Option<i64>,
    pub undone_in: Option<i64>,
}

/// As a row says it.
pub(super) struct Row {
    id: i64,
    tenant_id: String,
    slug: String,
    company: String,
    tenant_status: String,
    plan_code: String,
    plan_name: String,
    plan_version: i32,
    starts: NaiveDate,
    ends: Option<NaiveDate>,
    anchor_day: i16,
    request_id: i64,
    created_at: DateTime<Utc>,
    ended_in: Option<i64>,
    undone_in: Option<i64>,
}

impl From<Row> for Subscription {
    fn from(r: Row) -> Self {
        Subscription {
            id: r.id,
            tenant_id: r.tenant_id,
            slug: r.slug,
            company: r.company,
            tenant_status: r.tenant_status,
            plan: r.plan_code,
            plan_name: r.plan_name,
            version: r.plan_version,
            days: Days { starts: r.starts, ends: r.ends },
            anchor: u32::try_from(r.anchor_day).unwrap_or(1),
            request: r.request_id,
            created_at: r.created_at,
            ended_in: r.ended_in,
            undone_in: r.undone_in,
        }
    }
}

/// One AI service that a tenant may use.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Service {
    pub service: String,
    pub model: Option<String>,
    /// Tokens a period that the price includes, for all services together.
    pub token_quota: Option<i64>,
    pub state: String,
    pub request_id: i64,
    pub changed_at: DateTime<Utc>,
}

/// A query of subscriptions with their tenants and plans, from its conditions on.
macro_rules! subscriptions {
    ($rest:literal, $($value:expr),*) => {
        sqlx::query_as!(
            Row,
            r#"select s.id, s.tenant_id, t.slug, c.name as company, t.status as tenant_status, s.plan_code, p.name as plan_name, s.plan_version,
                 lower(s.during) as "starts!", upper(s.during) as ends, s.anchor_day, s.request_id, s.created_at, s.ended_in, s.undone_in
               from tenant_subscription s join tenant t on t.id = s.tenant_id join company c on c.id = t.company_id
               join product p on p.kind = s.kind and p.code = s.plan_code "# + $rest,
            $($value),*
        )
    };
}

pub async fn find(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Subscription>> {
    let row = subscriptions!("where s.id = $1", id).fetch_optional(conn).await?;
    Ok(row.map(Subscription::from))
}

/// The subscription that a tenant has on a day.
pub async fn of(conn: &mut PgConnection, tenant: &str, day: NaiveDate) -> sqlx::Result<Option<Subscription>> {
    let row =
        subscriptions!("where s.tenant_id = $1 and s.undone_in is null and s.during @> $2::date", tenant, day).fetch_optional(conn).await?;
    Ok(row.map(Subscription::from))
}

/// The first subscription of a tenant that begins after a day.
pub async fn upcoming(conn: &mut PgConnection, tenant: &str, day: NaiveDate) -> sqlx::Result<Option<Subscription>> {
    let row = subscriptions!(
        "where s.tenant_id = $1 and s.undone_in is null and lower(s.during) > $2::date order by lower(s.during) limit 1",
        tenant,
        day
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Subscription::from))
}

/// Everything a tenant was, is and will be subscribed to, what was taken back included; the newest first.
pub async fn history(conn: &mut PgConnection, tenant: &str, limit: i64) -> sqlx::Result<Vec<Subscription>> {
    let rows =
        subscriptions!("where s.tenant_id = $1 order by lower(s.during) desc, s.id desc limit $2", tenant, limit).fetch_all(conn).await?;
    Ok(rows.into_iter().map(Subscription::from).collect())
}

pub async fn services(conn: &mut PgConnection, tenant: &str) -> sqlx::Result<Vec<Service>> {
    sqlx::query_as!(
        Service,
        "select service, model, token_quota, state, request_id, changed_at from tenant_ai_service where tenant_id = $1 order by service",
        tenant
    )
    .fetch_all(conn)
    .await
}

/// Its period begins on the day of the month on which that of the one before did.
pub(super) async fn add(change: &mut Change, tenant: &str, plan: &str, version: i32, from: NaiveDate) -> sqlx::Result<i64> {
    let (now, request) = (change.now(), change.request());
    sqlx::query_scalar!(
        "insert into tenant_subscription (tenant_id, plan_code, plan_version, during, anchor_day, request_id, created_at)
         values ($1, $2, $3, daterange($4::date, null), coalesce((select s.anchor_day from tenant_subscription s
           where s.tenant_id = $1 and s.undone_in is null and upper(s.during) = $4::date), 1), $5, $6) returning id",
        tenant,
        plan,
        version,
        from,
        request,
        now
    )
    .fetch_one(&mut **change)
    .await
}

/// It ends before this day, or, without one, no more.
pub(super) async fn end(change: &mut Change, id: i64, ends: Option<NaiveDate>) -> sqlx::Result<()> {
    let request = change.request();
    sqlx::query!(
        "update tenant_subscription set during = daterange(lower(during), $2::date), ended_in = case when $2::date is not null then $3::bigint end where id = $1",
        id,
        ends,
        request
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// It never begins. Its place is free from here on.
pub(super) async fn undo(change: &mut Change, id: i64) -> sqlx::Result<()> {
    let request = change.request();
    sqlx::query!("update tenant_subscription set undone_in = $2 where id = $1", id, request).execute(&mut **change).await.map(|_| ())
}

pub(super) async fn add_services(
    change: &mut Change,
    tenant: &str,
    services: &[String],
    state: &str,
    quota: Option<i64>,
    request: i64,
) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "insert into tenant_ai_service (tenant_id, service, token_quota, state, request_id, changed_at)
         select $1, service, $3, $4, $5, $6 from unnest($2::text[]) service",
        tenant,
        services,
        quota,
        state,
        request,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// All of a tenant's services are in this state and include so much. Whether any was not.
pub(super) async fn set_services(change: &mut Change, tenant: &str, state: &str, quota: Option<i64>, request: i64) -> sqlx::Result<bool> {
    let now = change.now();
    let done = sqlx::query!(
        "update tenant_ai_service set state = $2, token_quota = $3, request_id = $4, changed_at = $5
         where tenant_id = $1 and (state, token_quota) is distinct from ($2, $3::bigint)",
        tenant,
        state,
        quota,
        request,
        now
    )
    .execute(&mut **change)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Requests whose subscription is another one now than the ledger tells, that the ledger does not tell of at all, or after which services
/// were given something else: past the portal, all of them.
pub(super) async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with told as (select distinct on (e.target_id) e.target_id, e.request_id, convert_from(e.leaf, 'UTF8')::jsonb -> 'facts' as facts
             from ledger.event e where e.kind like 'subscription.%' and e.target_type = 'tenant' and e.outcome = 'success'
             order by e.target_id, e.event_id desc),
           last as (select distinct on (s.tenant_id) s.tenant_id, s.plan_code, s.plan_version, s.during
             from tenant_subscription s where s.undone_in is null order by s.tenant_id, lower(s.during) desc),
           set_to as (select distinct on (e.target_id) e.target_id, convert_from(e.leaf, 'UTF8')::jsonb #> '{facts,services}' as services
             from ledger.event e where e.kind = 'tenant.services.set' and e.outcome = 'success' order by e.target_id, e.event_id desc),
           have as (select a.tenant_id, max(a.request_id) as request_id,
               jsonb_object_agg(a.service, jsonb_build_object('quota', a.token_quota, 'state', a.state)) as services
             from tenant_ai_service a group by a.tenant_id)
           select id as "id!" from (
             select t.request_id as id from told t left join last l on l.tenant_id = t.target_id
             where t.request_id is not null
               and (t.facts ->> 'plan', (t.facts ->> 'version')::int, (t.facts ->> 'from')::date, (t.facts ->> 'until')::date)
                 is distinct from (l.plan_code, l.plan_version, lower(l.during), upper(l.during))
             union select s.request_id from tenant_subscription s
             where not exists (select from ledger.event e where e.request_id = s.request_id and e.kind like 'subscription.%'
               and e.target_type = 'tenant' and e.target_id = s.tenant_id)
             union select h.request_id from have h left join set_to w on w.target_id = h.tenant_id where w.services is distinct from h.services
           ) wrong limit 100"#
    )
    .fetch_all(conn)
    .await
}

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// Part of a company's name, the beginning of a slug, or a tenant's id.
    pub q: Option<String>,
    pub plan: Option<String>,
    pub version: Option<i32>,
    /// `active`, `scheduled`, `ended` or `undone`; without one, all but what was undone.
    pub standing: Option<String>,
}

/// So many tenants that fit a search are few.
const FEW: usize = 200;

/// Tenants that fit a search, and one more than are few if there are so many.
async fn like(conn: &mut PgConnection, q: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select t.id as "id!" from tenant t join company c on c.id = t.company_id
           where t.id = $1 or starts_with(t.slug, lower($1)) or strpos(lower(c.name), lower($1)) > 0 limit $2"#,
        q,
        FEW as i64 + 1
    )
    .fetch_all(conn)
    .await
}

/// A page of them by their first day. Walks `subscription_by_start`, or `subscription_by_plan` where a plan is asked for, and stops when the
/// page is full. A search that fits few tenants reads theirs alone, by `subscription_by_tenant`; one that fits many walks on: among many, a
/// page is soon full. The reading pool plans each query with its values, so the order is an index's.
pub(super) async fn list(conn: &mut PgConnection, today: NaiveDate, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Subscription>> {
    let (day, id) = slice.at();
    let up = slice.up();
    let fit = match &f.q {
        Some(q) => Some(like(conn, q).await?),
        None => None,
    };
    let few = fit.filter(|fit| fit.len() <= FEW);
    let q = f.q.as_ref().filter(|_| few.is_none());
    let (day, id) = (day.and_then(|day| day.parse::<NaiveDate>().ok()), id.and_then(|id| id.parse::<i64>().ok()));
    let mut rows = subscriptions!(
        "where ($1::text is null or s.tenant_id in (select t.id from tenant t where t.id = $1 or starts_with(t.slug, lower($1))
               union select t.id from tenant t join company c on c.id = t.company_id where strpos(lower(c.name), lower($1)) > 0))
             and ($10::text[] is null or s.tenant_id = any($10)) and ($2::text is null or s.plan_code = $2) and ($3::int is null or s.plan_version = $3)
             and case $4::text
               when 'active' then s.undone_in is null and s.during @> $5::date
               when 'scheduled' then s.undone_in is null and lower(s.during) > $5::date
               when 'ended' then s.undone_in is null and upper(s.during) <= $5::date
               when 'undone' then s.undone_in is not null
               else s.undone_in is null end
             and ($6::bigint is null or $7::date is null or case when $8 then (lower(s.during), s.id) > ($7, $6) else (lower(s.during), s.id) < ($7, $6) end)
           order by case when $8 then lower(s.during) end, case when $8 then s.id end, lower(s.during) desc, s.id desc
           limit $9",
        q,
        f.plan,
        f.version,
        f.standing,
        today,
        id,
        day,
        up,
        slice.limit,
        few.as_deref()
    )
    .fetch_all(conn)
    .await?;
    if slice.back() {
        rows.reverse();
    }
    Ok(rows.into_iter().map(Subscription::from).collect())
}

/// How many subscriptions there are to one version of a plan.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Subscribers {
    pub version: i32,
    pub active: i64,
    /// Of those that are active: so many end on a day that is known.
    pub ending: i64,
    pub scheduled: i64,
}

/// Who is on which version of a plan, the newest version first. Reads what of the plan has not ended, by `subscription_by_end`.
pub async fn subscribers(conn: &mut PgConnection, plan: &str, today: NaiveDate) -> sqlx::Result<Vec<Subscribers>> {
    sqlx::query_as!(
        Subscribers,
        r#"select plan_version as version, count(*) filter (where lower(during) <= $2) as "active!",
             count(*) filter (where lower(during) <= $2 and not upper_inf(during)) as "ending!", count(*) filter (where lower(during) > $2) as "scheduled!"
           from tenant_subscription where plan_code = $1 and undone_in is null and coalesce(upper(during), 'infinity'::date) > $2
           group by plan_version order by plan_version desc"#,
        plan,
        today
    )
    .fetch_all(conn)
    .await
}

/// The plans that are sold for won on a day: code, name and version.
pub async fn sold(conn: &mut PgConnection, day: NaiveDate) -> sqlx::Result<Vec<(String, String, i32)>> {
    let rows = sqlx::query!(
        "select p.code, p.name, v.version from product p join product_version v on v.kind = p.kind and v.code = p.code
         where p.kind = 'plan' and v.currency = 'KRW' and v.withdrawn_at is null and v.valid @> $1::date order by p.name, p.code limit 500",
        day
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|r| (r.code, r.name, r.version)).collect())
}

/// All plans by name, for a filter.
pub(super) async fn plans(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!("select code, name from product where kind = 'plan' order by name, code limit 500").fetch_all(conn).await?;
    Ok(rows.into_iter().map(|r| (r.code, r.name)).collect())
}

pub(super) async fn plan_name(conn: &mut PgConnection, code: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select name from product where kind = 'plan' and code = $1", code).fetch_optional(conn).await
}
