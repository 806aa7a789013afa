//! One template: the matrix of a version, how two versions differ, and what a tenant would get by it that it has not now.
use crate::{
    app::App,
    auth::{CustomersRead, LedgerRead, PermissionsChange, Scope},
    error::Error,
    i18n::Lang,
    page::{self, Action, Fact, Link, Opt, Shell, Visit, When, list::Asked, query},
    permissions::{
        Granted, Version,
        document::Role,
        matrix::Matrix,
        store::{of_tenant, versions},
    },
    requests::{hex, short_id},
    tenants,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use sqlx::PgConnection;

#[derive(Template)]
#[template(path = "permissions/show.html")]
struct Show {
    shell: Shell,
    here: String,
    name: String,
    code: String,
    version: i32,
    facts: Vec<Fact>,
    matrix: Matrix,
    document: String,
    comparison: Option<Comparison>,
    /// To those who may see tenants.
    tenant: Option<Tenancy>,
    versions: Vec<Row>,
    next: Option<Action>,
    history: Option<String>,
}

struct Comparison {
    from: Vec<Opt>,
    to: Vec<Opt>,
    title: String,
    matrix: Matrix,
}

/// What a tenant has against this version.
struct Tenancy {
    typed: String,
    error: Option<String>,
    found: Option<(Link, String, Matrix)>,
}

struct Row {
    version: i32,
    href: String,
    current: bool,
    name: String,
    tenants: String,
    published: When,
    requester: String,
    request: Link,
    hash: String,
    hash_short: String,
}

pub(super) async fn show(visit: Visit, State(app): State<App>, Path(code): Path<String>, asked: Asked) -> Result<Response, Error> {
    let (l, caller) = (visit.l, visit.caller()?);
    let mut conn = app.db.read().await?;
    let all = versions(&mut conn, &code).await?;
    let newest = all.first().ok_or(Error::NotFound)?;
    let of = |name: &str| -> Result<Option<&Version>, Error> {
        let Some(text) = asked.some(name) else { return Ok(None) };
        let number: i32 = text.parse().map_err(|_| Error::NotFound)?;
        all.iter().find(|v| v.version == number).map(Some).ok_or(Error::NotFound)
    };
    let shown = of("version")?.unwrap_or(newest);
    let roles = shown.roles()?;
    let (from, to) = (of("from")?, of("to")?);
    let tenant = match caller.may(CustomersRead::NAME) {
        true => Some(tenancy(&mut conn, l, asked.get("tenant"), &roles).await?),
        false => None,
    };
    drop(conn);
    let here = format!("/permissions/{code}");
    let row = |v: &Version| Row {
        version: v.version,
        href: format!("{here}?version={}", v.version),
        current: v.version == shown.version,
        name: v.name.clone(),
        tenants: crate::operations::form::grouped(v.tenants),
        published: When::new(l, v.published_at),
        requester: v.requester.clone(),
        request: Link { label: short_id(v.request), href: format!("/requests/{}", short_id(v.request)) },
        hash: hex(&v.hash),
        hash_short: hex(&v.hash)[..12].to_owned(),
    };
    let facts = vec![
        Fact::new(l.permission_published(), When::new(l, shown.published_at).absolute),
        Fact::new(l.permission_requester(), shown.requester.clone()),
        Fact::new(l.permission_tenants(), crate::operations::form::grouped(shown.tenants)),
    ];
    page::html(&Show {
        comparison: compare(l, &all, from, to)?,
        versions: all.iter().map(row).collect(),
        matrix: Matrix::of(l, &roles),
        next: caller.may(PermissionsChange::NAME).then(|| Action { href: format!("{here}/next"), label: l.permission_next_version() }),
        history: caller.may(LedgerRead::NAME).then(|| format!("/ledger{}", query(&[("target", &code)]))),
        name: shown.name.clone(),
        version: shown.version,
        document: shown.document.clone(),
        shell: visit.shell(&app).await?,
        here,
        code,
        facts,
        tenant,
    })
}

/// Two versions: those that are named, or the newest and the one before it. Nothing where there is one alone.
fn compare(l: Lang, all: &[Version], from: Option<&Version>, to: Option<&Version>) -> Result<Option<Comparison>, Error> {
    let (Some(to), Some(from)) = (to.or(all.first()), from.or(all.get(1))) else { return Ok(None) };
    let options = |chosen: i32| {
        all.iter().map(|v| Opt { value: v.version.to_string(), label: format!("v{}", v.version), selected: v.version == chosen }).collect()
    };
    Ok(Some(Comparison {
        from: options(from.version),
        to: options(to.version),
        title: l.permission_compared(from.version, to.version),
        matrix: Matrix::diff(l, &from.roles()?, &to.roles()?),
    }))
}

async fn tenancy(conn: &mut PgConnection, l: Lang, typed: &str, roles: &[Role]) -> Result<Tenancy, Error> {
    let mut tenancy = Tenancy { typed: typed.to_owned(), error: None, found: None };
    if typed.is_empty() {
        return Ok(tenancy);
    }
    let Some(tenant) = tenants::named(conn, typed).await? else {
        tenancy.error = Some(l.permission_tenant_unknown(typed));
        return Ok(tenancy);
    };
    let had = of_tenant(conn, &tenant.id).await?;
    let now = had.first().map_or_else(|| l.permission_tenant_has_none(), |g| l.permission_tenant_has(&g.template, g.version));
    let before: Vec<Role> = had.iter().map(Granted::role).collect();
    let link = Link { label: format!("{} · {}", tenant.company, tenant.slug), href: format!("/tenants/{}", tenant.id) };
    tenancy.found = Some((link, now, Matrix::diff(l, &before, roles)));
    Ok(tenancy)
}
