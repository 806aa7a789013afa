//! SQL of subscriptions and of the AI services that come with them.
//!
//! A hundred thousand subscriptions, ten for each tenant: what a tenant has is found by `subscription_by_tenant`; lists walk an index on the
//! first day and stop after a page; who is on which version today reads what of a plan has not ended, by `subscription_by_end`, and nothing
//! of its past.
use crate::{catalog::Days, db::Change};
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

pub async fn find(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Subscription>> {
    let row = sqlx::query_as!(
        Row,
        r#"select s.id, s.tenant_id, t.slug, c.name as company, t.status as tenant_status, s.plan_code, p.name as plan_name, s.plan_version,
             lower(s.during) as "starts!", upper(s.during) as ends, s.anchor_day, s.request_id, s.created_at, s.ended_in, s.undone_in
           from tenant_subscription s join tenant t on t.id = s.tenant_id join company c on c.id = t.company_id
           join product p on p.kind = s.kind and p.code = s.plan_code where s.id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Subscription::from))
}

/// The subscription that a tenant has on a day.
pub async fn of(conn: &mut PgConnection, tenant: &str, day: NaiveDate) -> sqlx::Result<Option<Subscription>> {
    let row = sqlx::query_as!(
        Row,
        r#"select s.id, s.tenant_id, t.slug, c.name as company, t.status as tenant_status, s.plan_code, p.name as plan_name, s.plan_version,
             lower(s.during) as "starts!", upper(s.during) as ends, s.anchor_day, s.request_id, s.created_at, s.ended_in, s.undone_in
           from tenant_subscription s join tenant t on t.id = s.tenant_id join company c on c.id = t.company_id
           join product p on p.kind = s.kind and p.code = s.plan_code
           where s.tenant_id = $1 and s.undone_in is null and s.during @> $2::date"#,
        tenant,
        day
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Subscription::from))
}

/// The first subscription of a tenant that begins after a day.
pub async fn upcoming(conn: &mut PgConnection, tenant: &str, day: NaiveDate) -> sqlx::Result<Option<Subscription>> {
    let row = sqlx::query_as!(
        Row,
        r#"select s.id, s.tenant_id, t.slug, c.name as company, t.status as tenant_status, s.plan_code, p.name as plan_name, s.plan_version,
             lower(s.during) as "starts!", upper(s.during) as ends, s.anchor_day, s.request_id, s.created_at, s.ended_in, s.undone_in
           from tenant_subscription s join tenant t on t.id = s.tenant_id join company c on c.id = t.company_id
           join product p on p.kind = s.kind and p.code = s.plan_code
           where s.tenant_id = $1 and s.undone_in is null and lower(s.during) > $2::date order by lower(s.during) limit 1"#,
        tenant,
        day
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Subscription::from))
}

/// Everything a tenant was, is and will be subscribed to, what was taken back included; the newest first.
pub async fn history(conn: &mut PgConnection, tenant: &str, limit: i64) -> sqlx::Result<Vec<Subscription>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select s.id, s.tenant_id, t.slug, c.name as company, t.status as tenant_status, s.plan_code, p.name as plan_name, s.plan_version,
             lower(s.during) as "starts!", upper(s.during) as ends, s.anchor_day, s.request_id, s.created_at, s.ended_in, s.undone_in
           from tenant_subscription s join tenant t on t.id = s.tenant_id join company c on c.id = t.company_id
           join product p on p.kind = s.kind and p.code = s.plan_code
           where s.tenant_id = $1 order by lower(s.during) desc, s.id desc limit $2"#,
        tenant,
        limit
    )
    .fetch_all(conn)
    .await?;
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

pub(super) async fn add(change: &mut Change, tenant: &str, plan: &str, version: i32, from: NaiveDate) -> sqlx::Result<i64> {
    let (now, request) = (change.now(), change.request());
    sqlx::query_scalar!(
        "insert into tenant_subscription (tenant_id, plan_code, plan_version, during, request_id, created_at)
         values ($1, $2, $3, daterange($4::date, null), $5, $6) returning id",
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
