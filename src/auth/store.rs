//! SQL of operators, roles, identities and tokens.
use super::Role;
use crate::{db::Change, personal::Email};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

#[derive(Clone)]
pub(super) struct StoredOperator {
    pub id: Uuid,
    pub name: String,
    pub email: String,
    pub roles: Vec<Role>,
}

#[derive(Clone)]
pub(super) struct StoredToken {
    pub id: Uuid,
    pub scopes: Vec<String>,
}

fn roles(names: Vec<String>) -> Vec<Role> {
    names.iter().filter_map(|name| Role::stored(name)).collect()
}

/// An operator who is not disabled.
pub(super) async fn operator(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<StoredOperator>> {
    let row = sqlx::query!(
        r#"select id, name, email, array(select role from operator_role where operator_id = o.id) as "roles!"
           from operator o where id = $1 and disabled_at is null"#,
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|r| StoredOperator { id: r.id, name: r.name, email: r.email, roles: roles(r.roles) }))
}

/// A token that stands, and whose it is.
pub(super) type Owned = (StoredToken, StoredOperator);

pub(super) async fn token_owners(conn: &mut PgConnection, hashes: &[Vec<u8>]) -> sqlx::Result<HashMap<Vec<u8>, Owned>> {
    let rows = sqlx::query!(
        r#"select t.token_hash, t.id as token, t.scopes, o.id, o.name, o.email,
             array(select role from operator_role where operator_id = o.id) as "roles!"
           from api_token t join operator o on o.id = t.operator_id
           where t.token_hash = any($1) and t.revoked_at is null and t.expires_at > now() and o.disabled_at is null"#,
        hashes
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            let operator = StoredOperator { id: r.id, name: r.name, email: r.email, roles: roles(r.roles) };
            (r.token_hash, (StoredToken { id: r.token, scopes: r.scopes }, operator))
        })
        .collect())
}

pub(super) struct PasswordOwner {
    pub id: Uuid,
    pub password_hash: Option<String>,
}

pub(super) async fn password_owner(conn: &mut PgConnection, email: &Email) -> sqlx::Result<Option<PasswordOwner>> {
    sqlx::query_as!(
        PasswordOwner,
        "select id, password_hash from operator where email = lower($1) and kind = 'person' and disabled_at is null",
        email.exposed().trim()
    )
    .fetch_optional(conn)
    .await
}

/// The operator bound to an account at the identity provider; `false` if that operator is disabled.
pub(super) async fn by_identity(change: &mut Change, issuer: &str, subject: &str) -> sqlx::Result<Option<(Uuid, bool)>> {
    let row = sqlx::query!(
        r#"select o.id, o.disabled_at is null as "enabled!" from operator_identity i join operator o on o.id = i.operator_id
           where i.issuer = $1 and i.subject = $2"#,
        issuer,
        subject
    )
    .fetch_optional(&mut **change)
    .await?;
    Ok(row.map(|r| (r.id, r.enabled)))
}

pub(super) async fn by_email(conn: &mut PgConnection, email: &str) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!("select id from operator where email = lower($1) and kind = 'person'", email).fetch_optional(conn).await
}

pub(super) async fn is_enabled(change: &mut Change, id: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select disabled_at is null as "enabled!" from operator where id = $1"#, id).fetch_one(&mut **change).await
}

pub(super) async fn has_identity(change: &mut Change, id: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from operator_identity where operator_id = $1) as "has!""#, id)
        .fetch_one(&mut **change)
        .await
}

/// Whether this very password still opens this account; it cannot be changed before the transaction ends.
pub(super) async fn still_opens(change: &mut Change, id: Uuid, password_hash: Option<&str>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select 1 as "one!" from operator where id = $1 and disabled_at is null and ($2::text is null or password_hash = $2) for share"#,
        id,
        password_hash
    )
    .fetch_optional(&mut **change)
    .await
    .map(|found| found.is_some())
}

pub(super) async fn add_operator(change: &mut Change, id: Uuid, email: &str, name: &str) -> sqlx::Result<()> {
    sqlx::query!("insert into operator (id, email, name) values ($1, lower($2), $3)", id, email, name).execute(&mut **change).await?;
    Ok(())
}

pub(super) async fn bind_identity(change: &mut Change, id: Uuid, issuer: &str, subject: &str) -> sqlx::Result<()> {
    sqlx::query!("insert into operator_identity (issuer, subject, operator_id) values ($1, $2, $3)", issuer, subject, id)
        .execute(&mut **change)
        .await?;
    Ok(())
}

pub(super) async fn role_names(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("select role from operator_role where operator_id = $1 order by role", id).fetch_all(conn).await
}

pub(super) async fn set_roles(change: &mut Change, id: Uuid, roles: &[&str]) -> sqlx::Result<()> {
    sqlx::query!("delete from operator_role where operator_id = $1 and role <> all($2)", id, roles as &[&str])
        .execute(&mut **change)
        .await?;
    sqlx::query!(
        "insert into operator_role (operator_id, role) select $1, unnest($2::text[]) on conflict do nothing",
        id,
        roles as &[&str]
    )
    .execute(&mut **change)
    .await?;
    Ok(())
}

pub(super) async fn set_password(change: &mut Change, id: Uuid, hash: &str) -> sqlx::Result<()> {
    sqlx::query!("update operator set password_hash = $2 where id = $1", id, hash).execute(&mut **change).await?;
    sqlx::query!("delete from session where operator_id = $1", id).execute(&mut **change).await?;
    Ok(())
}

/// Disables an operator, ends every session and revokes every token.
pub(super) async fn disable(change: &mut Change, id: Uuid) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("update operator set disabled_at = now() where id = $1 and disabled_at is null", id).execute(&mut **change).await?;
    sqlx::query!("update api_token set revoked_at = now() where operator_id = $1 and revoked_at is null", id)
        .execute(&mut **change)
        .await?;
    sqlx::query!("delete from session where operator_id = $1", id).execute(&mut **change).await?;
    Ok(done.rows_affected() == 1)
}

/// Lets a disabled operator in again.
pub(super) async fn enable(change: &mut Change, id: Uuid) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("update operator set disabled_at = null where id = $1 and disabled_at is not null", id).execute(&mut **change).await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn add_token(
    change: &mut Change,
    id: Uuid,
    operator: Uuid,
    name: &str,
    hash: &[u8],
    scopes: &[String],
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into api_token (id, operator_id, name, token_hash, scopes, expires_at) values ($1, $2, $3, $4, $5, $6)",
        id,
        operator,
        name,
        hash,
        scopes,
        expires_at
    )
    .execute(&mut **change)
    .await?;
    Ok(())
}

pub(super) async fn revoke_token(change: &mut Change, id: Uuid) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("update api_token set revoked_at = now() where id = $1 and revoked_at is null", id).execute(&mut **change).await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn tokens(conn: &mut PgConnection, operator: Uuid) -> sqlx::Result<Vec<super::tokens::Token>> {
    sqlx::query_as!(
        super::tokens::Token,
        "select id, name, scopes, created_at, expires_at, revoked_at from api_token where operator_id = $1 order by created_at desc",
        operator
    )
    .fetch_all(conn)
    .await
}
