//! SQL of customers.
use super::{Org, User};
use crate::{db::Change, page::list::Slice};
use chrono::NaiveDate;
use sqlx::PgConnection;

pub(super) async fn org(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<Org>> {
    sqlx::query_as!(
        Org,
        r#"select o.id, o.name, c.name as company, o.tier, o.credit, (select count(*) from admin_user_orgs where org_id = o.id) as "members!", o.created_at
           from admin_orgs o join company c on c.id = o.company_id where o.id = $1"#, id
    ).fetch_optional(conn).await
}

pub(super) async fn user(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<User>> {
    sqlx::query_as!(
        User,
        r#"select id, name, email, plan, plan_until, (select count(*) from admin_user_orgs where user_id = u.id) as "orgs!", created_at
           from admin_users u where id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// Part of a name, of the company's name or an address, or an id.
    pub q: Option<String>,
    /// The tier of organisations, the plan of people.
    pub paying: Option<String>,
}

/// A page of organisations, by `name` or `credit`. The reading pool plans with the values: see `requests::store::list`.
pub(super) async fn orgs(conn: &mut PgConnection, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Org>> {
    let (value, id) = slice.at();
    let (by_credit, up) = (slice.order.key == "credit", slice.up());
    let credit = value.and_then(|v| v.parse::<i64>().ok());
    let mut rows = sqlx::query_as!(
        Org,
        r#"select o.id, o.name, c.name as company, o.tier, o.credit, (select count(*) from admin_user_orgs where org_id = o.id) as "members!", o.created_at
           from admin_orgs o join company c on c.id = o.company_id
           where ($1::text is null or strpos(lower(o.name), lower($1)) > 0 or strpos(lower(c.name), lower($1)) > 0 or o.id = $1)
             and ($2::text is null or o.tier = $2)
             and ($3::text is null or case
               when $4 and $5 then (o.credit, o.id) > ($6::bigint, $3)
               when $4 then (o.credit, o.id) < ($6::bigint, $3)
               when $5 then (o.name, o.id) > ($7::text, $3) else (o.name, o.id) < ($7::text, $3) end)
           order by case when $4 and $5 then o.credit end asc, case when $4 and not $5 then o.credit end desc,
             case when not $4 and $5 then o.name end asc, case when not $4 and not $5 then o.name end desc,
             case when $5 then o.id end asc, case when not $5 then o.id end desc limit $8"#,
        f.q, f.paying, id, by_credit, up, credit, value, slice.limit
    ).fetch_all(conn).await?;
    if slice.back() {
        rows.reverse();
    }
    Ok(rows)
}

/// A page of people, by `name` or `email`. The cursor is an id, and what it stands at is looked up: see [`crate::personal`].
pub(super) async fn users(conn: &mut PgConnection, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<User>> {
    let (_, id) = slice.at();
    let (by_email, up) = (slice.order.key == "email", slice.up());
    let mut rows = sqlx::query_as!(
        User,
        r#"select id, name, email, plan, plan_until, (select count(*) from admin_user_orgs where user_id = u.id) as "orgs!", created_at
           from admin_users u
           where ($1::text is null or strpos(lower(name || ' ' || email), lower($1)) > 0 or id = $1) and ($2::text is null or plan = $2)
             and ($3::text is null or case
               when $4 and $5 then (email, id) > ((select email from admin_users where id = $3), $3)
               when $4 then (email, id) < ((select email from admin_users where id = $3), $3)
               when $5 then (name, id) > ((select name from admin_users where id = $3), $3)
               else (name, id) < ((select name from admin_users where id = $3), $3) end)
           order by case when $4 and $5 then email end asc, case when $4 and not $5 then email end desc,
             case when not $4 and $5 then name end asc, case when not $4 and not $5 then name end desc,
             case when $5 then id end asc, case when not $5 then id end desc limit $6"#,
        f.q,
        f.paying,
        id,
        by_email,
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

pub(super) async fn members(conn: &mut PgConnection, org: &str, limit: i64) -> sqlx::Result<Vec<User>> {
    sqlx::query_as!(
        User,
        r#"select u.id, u.name, u.email, u.plan, u.plan_until, (select count(*) from admin_user_orgs where user_id = u.id) as "orgs!", u.created_at
           from admin_user_orgs m join admin_users u on u.id = m.user_id where m.org_id = $1 order by u.name, u.id limit $2"#, org, limit
    ).fetch_all(conn).await
}

pub(super) async fn orgs_of(conn: &mut PgConnection, user: &str, limit: i64) -> sqlx::Result<Vec<Org>> {
    sqlx::query_as!(
        Org,
        r#"select o.id, o.name, c.name as company, o.tier, o.credit, (select count(*) from admin_user_orgs where org_id = o.id) as "members!", o.created_at
           from admin_user_orgs m join admin_orgs o on o.id = m.org_id join company c on c.id = o.company_id
           where m.user_id = $1 order by o.name, o.id limit $2"#, user, limit
    ).fetch_all(conn).await
}

pub(super) async fn today_in_korea(conn: &mut PgConnection) -> sqlx::Result<NaiveDate> {
    sqlx::query_scalar!(r#"select (now() at time zone 'Asia/Seoul')::date as "today!""#).fetch_one(conn).await
}

pub(super) async fn lock_org(change: &mut Change, id: &str) -> sqlx::Result<()> {
    sqlx::query!("select id from admin_orgs where id = $1 for update", id).fetch_optional(&mut **change).await.map(|_| ())
}

pub(super) async fn lock_user(change: &mut Change, id: &str) -> sqlx::Result<()> {
    sqlx::query!("select id from admin_users where id = $1 for update", id).fetch_optional(&mut **change).await.map(|_| ())
}

pub(super) async fn set_tier_and_credit(change: &mut Change, id: &str, tier: Option<&str>, credit: Option<i64>) -> sqlx::Result<()> {
    sqlx::query!("update admin_orgs set tier = coalesce($2, tier), credit = coalesce($3, credit) where id = $1", id, tier, credit)
        .execute(&mut **change)
        .await
        .map(|_| ())
}

pub(super) async fn set_plan(change: &mut Change, id: &str, plan: &str, until: Option<NaiveDate>) -> sqlx::Result<()> {
    sqlx::query!("update admin_users set plan = $2, plan_until = $3 where id = $1", id, plan, until)
        .execute(&mut **change)
        .await
        .map(|_| ())
}

pub(super) async fn member_count(conn: &mut PgConnection, org: &str) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "members!" from admin_user_orgs where org_id = $1"#, org).fetch_one(conn).await
}

/// So many overwritten values are told of; one is enough to look.
const MOST: i64 = 100;

/// Requests that were the last to set a tier or a credit which is another one now. Whoever is in another system alone is not looked at.
pub(super) async fn overwritten_orgs(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with last as (select distinct on (e.target_id, set.key) e.target_id, e.request_id, set.key, set.value
             from ledger.event e join request r on r.id = e.request_id, jsonb_each_text(r.after) set
             where e.kind = 'org.tier.fixed' and e.outcome = 'success' order by e.target_id, set.key, e.event_id desc)
           select distinct l.request_id as "id!" from last l join admin_orgs o on o.id = l.target_id
           where l.value is distinct from case l.key when 'tier' then o.tier when 'credit' then o.credit::text end limit $1"#,
        MOST
    )
    .fetch_all(conn)
    .await
}

/// The same of plans and of the day until which they last.
pub(super) async fn overwritten_users(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with last as (select distinct on (e.target_id, set.key) e.target_id, e.request_id, set.key, set.value
             from ledger.event e join request r on r.id = e.request_id, jsonb_each_text(r.after) set
             where e.kind = 'user.plan.granted' and e.outcome = 'success' order by e.target_id, set.key, e.event_id desc)
           select distinct l.request_id as "id!" from last l join admin_users u on u.id = l.target_id
           where l.value is distinct from case l.key when 'plan' then u.plan when 'until' then u.plan_until::text end limit $1"#,
        MOST
    )
    .fetch_all(conn)
    .await
}
