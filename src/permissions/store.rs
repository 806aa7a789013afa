//! SQL of templates and of tenants' roles.
use super::document::Role;
use crate::{db::Change, page::list::Slice};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A template as its list shows it: its newest version.
#[derive(Clone, Debug)]
pub struct Template {
    pub code: String,
    pub name: String,
    pub version: i32,
    pub document: String,
    pub published_at: DateTime<Utc>,
    /// Tenants that have some version of it.
    pub tenants: i64,
}

/// One version of a template.
#[derive(Clone, Debug)]
pub struct Version {
    pub code: String,
    pub version: i32,
    pub name: String,
    pub document: String,
    pub hash: Vec<u8>,
    pub request: i64,
    pub requester: String,
    pub published_at: DateTime<Utc>,
    /// Tenants that have it.
    pub tenants: i64,
}

/// A role that a tenant has.
#[derive(Clone, Debug)]
pub struct Granted {
    pub role: String,
    pub name: String,
    pub template: String,
    pub version: i32,
    pub scopes: Vec<String>,
    pub since: DateTime<Utc>,
}

impl Granted {
    pub fn role(&self) -> Role {
        Role { key: self.role.clone(), name: self.name.clone(), scopes: self.scopes.clone() }
    }
}

/// A page of them by code; `q` is part of a code or a name.
pub async fn templates(conn: &mut PgConnection, q: Option<&str>, slice: Slice<'_>) -> sqlx::Result<Vec<Template>> {
    let (_, code) = slice.at();
    let up = slice.up();
    let mut rows = sqlx::query_as!(
        Template,
        r#"select v.code, v.name, v.version, v.document, v.published_at,
             (select count(distinct tenant_id) from tenant_role r where r.template = v.code) as "tenants!"
           from permission_template_version v
           where v.version = (select max(version) from permission_template_version n where n.code = v.code)
             and ($1::text is null or strpos(v.code, lower($1)) > 0 or strpos(lower(v.name), lower($1)) > 0)
             and ($2::text is null or case when $3 then v.code > $2 else v.code < $2 end)
           order by case when $3 then v.code end, v.code desc limit $4"#,
        q,
        code,
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

/// All versions of a template, newest first.
pub async fn versions(conn: &mut PgConnection, code: &str) -> sqlx::Result<Vec<Version>> {
    sqlx::query_as!(
        Version,
        r#"select v.code, v.version, v.name, v.document, v.hash, v.request_id as request, o.name as requester, v.published_at,
             (select count(distinct tenant_id) from tenant_role t where t.template = v.code and t.version = v.version) as "tenants!"
           from permission_template_version v join request r on r.id = v.request_id join operator o on o.id = r.requester_id
           where v.code = $1 order by v.version desc"#,
        code
    )
    .fetch_all(conn)
    .await
}

pub async fn version(conn: &mut PgConnection, code: &str, version: i32) -> sqlx::Result<Option<Version>> {
    sqlx::query_as!(
        Version,
        r#"select v.code, v.version, v.name, v.document, v.hash, v.request_id as request, o.name as requester, v.published_at, 0::bigint as "tenants!"
           from permission_template_version v join request r on r.id = v.request_id join operator o on o.id = r.requester_id
           where v.code = $1 and v.version = $2"#,
        code,
        version
    )
    .fetch_optional(conn)
    .await
}

/// The number of the newest version; nothing if there is no such template.
pub async fn newest(conn: &mut PgConnection, code: &str) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!("select max(version) from permission_template_version where code = $1", code).fetch_one(conn).await
}

/// One change of a template at a time, until the transaction ends.
pub(super) async fn lock(change: &mut Change, code: &str) -> sqlx::Result<()> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtext('permission_template'), hashtext($1)) as "locked!: ()""#, code)
        .fetch_one(&mut **change)
        .await
        .map(|_| ())
}

pub(super) async fn add(change: &mut Change, code: &str, version: i32, name: &str, document: &str, hash: &[u8]) -> sqlx::Result<()> {
    let (now, request) = (change.now(), change.request());
    sqlx::query!(
        "insert into permission_template_version (code, version, name, document, hash, request_id, published_at) values ($1, $2, $3, $4, $5, $6, $7)",
        code,
        version,
        name,
        document,
        hash,
        request,
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// What a tenant's people may do now, in the order of its template.
pub async fn of_tenant(conn: &mut PgConnection, tenant: &str) -> sqlx::Result<Vec<Granted>> {
    sqlx::query_as!(
        Granted,
        "select role, name, template, version, scopes, since from tenant_role where tenant_id = $1 order by place",
        tenant
    )
    .fetch_all(conn)
    .await
}

/// These roles instead of all that it has.
pub(super) async fn replace(change: &mut Change, tenant: &str, template: &Version, roles: &[Role]) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!("delete from tenant_role where tenant_id = $1", tenant).execute(&mut **change).await?;
    for (place, role) in (0_i16..).zip(roles) {
        sqlx::query!(
            "insert into tenant_role (tenant_id, role, name, place, template, version, scopes, since) values ($1, $2, $3, $4, $5, $6, $7, $8)",
            tenant,
            role.key,
            role.name,
            place,
            template.code,
            template.version,
            &role.scopes,
            now
        )
        .execute(&mut **change)
        .await?;
    }
    Ok(())
}

/// Something that can be chosen.
#[derive(Clone, Debug)]
pub struct Published {
    pub code: String,
    pub name: String,
    pub version: i32,
    pub newest: bool,
}

/// Every version of every template, by code, the newest first.
pub async fn published(conn: &mut PgConnection) -> sqlx::Result<Vec<Published>> {
    sqlx::query_as!(
        Published,
        r#"select code, name, version, version = max(version) over (partition by code) as "newest!"
           from permission_template_version order by code, version desc limit 500"#
    )
    .fetch_all(conn)
    .await
}
