//! SQL of customers.
use super::{Org, User};
use crate::db::Change;
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

/// Where a page of a list begins: after or before this name and id.
pub(super) struct Cursor {
    pub name: String,
    pub id: String,
    pub back: bool,
}

pub(super) async fn orgs(conn: &mut PgConnection, q: &str, cursor: Option<&Cursor>, limit: i64) -> sqlx::Result<Vec<Org>> {
    let (name, id, back) = parts(cursor);
    let mut rows = if back {
        sqlx::query_as!(
            Org,
            r#"select o.id, o.name, c.name as company, o.tier, o.credit, (select count(*) from admin_user_orgs where org_id = o.id) as "members!", o.created_at
               from admin_orgs o join company c on c.id = o.company_id
               where ($1 = '' or strpos(lower(o.name), lower($1)) > 0 or strpos(lower(c.name), lower($1)) > 0 or o.id = $1) and (o.name, o.id) < ($2, $3)
               order by o.name desc, o.id desc limit $4"#, q, name, id, limit
        ).fetch_all(conn).await?
    } else {
        sqlx::query_as!(
            Org,
            r#"select o.id, o.name, c.name as company, o.tier, o.credit, (select count(*) from admin_user_orgs where org_id = o.id) as "members!", o.created_at
               from admin_orgs o join company c on c.id = o.company_id
               where ($1 = '' or strpos(lower(o.name), lower($1)) > 0 or strpos(lower(c.name), lower($1)) > 0 or o.id = $1) and (o.name, o.id) > ($2, $3)
               order by o.name, o.id limit $4"#, q, name, id, limit
        ).fetch_all(conn).await?
    };
    if back {
        rows.reverse();
    }
    Ok(rows)
}

pub(super) async fn users(conn: &mut PgConnection, q: &str, cursor: Option<&Cursor>, limit: i64) -> sqlx::Result<Vec<User>> {
    let (name, id, back) = parts(cursor);
    let mut rows =
        if back {
            sqlx::query_as!(
            User,
            r#"select id, name, email, plan, plan_until, (select count(*) from admin_user_orgs where user_id = u.id) as "orgs!", created_at
               from admin_users u
               where ($1 = '' or strpos(lower(name || ' ' || email), lower($1)) > 0 or id = $1) and (name, id) < ($2, $3)
               order by name desc, id desc limit $4"#, q, name, id, limit
        ).fetch_all(conn).await?
        } else {
            sqlx::query_as!(
            User,
            r#"select id, name, email, plan, plan_until, (select count(*) from admin_user_orgs where user_id = u.id) as "orgs!", created_at
               from admin_users u
               where ($1 = '' or strpos(lower(name || ' ' || email), lower($1)) > 0 or id = $1) and (name, id) > ($2, $3)
               order by name, id limit $4"#, q, name, id, limit
        ).fetch_all(conn).await?
        };
    if back {
        rows.reverse();
    }
    Ok(rows)
}

fn parts(cursor: Option<&Cursor>) -> (&str, &str, bool) {
    cursor.map_or(("", "", false), |c| (&c.name, &c.id, c.back))
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
