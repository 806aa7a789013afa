//! The pages of companies and tenants.
use super::{
    Company, REGIONS, Status, Tenant, registration,
    store::{self, Filter as Wanted},
};
use crate::{
    app::App,
    auth::{CustomersRead, LedgerRead, RequestsRead, Scope},
    error::Error,
    i18n::Lang,
    ledger::{self, browse::Filter as Events},
    operations::form::grouped,
    page::{
        self, Action, Badge, Cell, Column, Detail, FEW, Fact, Found, Place, Reader, Shell, Table, Visit, When, export,
        list::{self, Asked, Filter, List, Listing, Slice},
        query,
    },
    requests,
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use sqlx::PgConnection;

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<CustomersRead, _, _>("/companies", index)
        .show::<CustomersRead, _, _>("/companies.csv", export)
        .show::<CustomersRead, _, _>("/companies/{id}", company)
        .show::<CustomersRead, _, _>("/tenants/{id}", tenant)
}

struct Companies;

impl Listing for Companies {
    type Row = Company;
    const NAME: &'static str = "companies";
    const ORDERS: &'static [&'static str] = &["name", "created"];
    const ICON: &'static str = "building-2";

    fn caption(r: &Reader) -> String {
        r.l.companies_title()
    }

    fn columns() -> Vec<Column<Company>> {
        type Of = Column<Company>;
        let title = |_: &Reader, c: &Company| Cell::Title { text: c.name.clone(), below: vec![Detail::code(&c.id)] };
        vec![
            Of::new("name", Lang::company_name, title, |c| c.name.clone()).sorts(),
            Of::new("id", Lang::customers_id, |_, c| Cell::Code(c.id.clone()), |c| c.id.clone()).hidden().in_files(),
            Of::new(
                "biz_reg_no",
                Lang::company_biz_reg_no,
                |_, c| number(c).map_or(Cell::None, Cell::Code),
                |c| number(c).unwrap_or_default(),
            ),
            Of::new("tenants", Lang::company_tenants, |_, c| Cell::Number(grouped(c.tenants)), |c| c.tenants.to_string()).end(),
            Of::new("orgs", Lang::company_orgs, |_, c| Cell::Number(grouped(c.orgs)), |c| c.orgs.to_string()).end(),
            Of::new("status", Lang::company_status, |r, c| Cell::Tag(called(r.l, "company", &c.status)), |c| c.status.clone()).hidden(),
            Of::new("created", Lang::customers_since, |r, c| Cell::Date(When::new(r.l, c.created_at)), |c| When::iso(c.created_at))
                .end()
                .sorts(),
        ]
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        let status = |s: Status| (s.name().to_owned(), badge(r.l, s.name()).label);
        let mut states: Vec<_> = Status::ALL.into_iter().map(status).collect();
        states.push(("none".into(), r.l.company_no_tenants()));
        let regions = REGIONS.into_iter().map(|region| (region.to_owned(), called(r.l, "region", region))).collect();
        vec![
            Filter::search(asked, r.l.companies_search(), r.l.companies_search_hint()),
            Filter::choice(asked, "tenants", r.l.tenant_status(), r.l.filter_any_tenant(), states),
            Filter::choice(asked, "region", r.l.tenant_region(), r.l.filter_any_region(), regions),
        ]
    }

    fn place(_: &Asked, c: &Company) -> Place {
        Place { id: c.id.clone(), href: format!("/companies/{}", c.id), beside: None, current: false }
    }

    fn mark(c: &Company, key: &str) -> (String, String) {
        (if key == "created" { c.created_at.to_rfc3339() } else { c.name.clone() }, c.id.clone())
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Company>, Error> {
        let wanted = Wanted { q: asked.some("q"), tenants: asked.some("tenants"), region: asked.some("region") };
        Ok(store::companies(conn, &wanted, slice).await?)
    }
}

fn number(c: &Company) -> Option<String> {
    c.biz_reg_no.as_deref().map(registration::shown)
}

/// A value as it is called here.
fn called(l: Lang, kind: &str, value: &str) -> String {
    l.find(&format!("value-{kind}-{value}")).unwrap_or_else(|| value.to_owned())
}

/// How a tenant stands, in word, colour and shape.
pub fn badge(l: Lang, status: &str) -> Badge {
    let known = Status::named(status);
    let icon = match known {
        Some(Status::Active) => "circle-check",
        Some(Status::Suspended) => "triangle-alert",
        Some(Status::Closed) => "x",
        Some(Status::Provisioning) | None => "loader",
    };
    Badge { key: known.map_or("executing", Status::tone), label: called(l, "tenant", status), icon }
}

#[derive(Template)]
#[template(path = "customers/index.html")]
struct Index {
    shell: Shell,
    list: List,
}

async fn index(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let list = list::page::<Companies>(&visit.reader(&app)?, &mut conn, &asked, visit.l.companies_none()).await?;
    drop(conn);
    page::html(&Index { shell: visit.shell(&app).await?, list })
}

async fn export(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    export::csv::<Companies>(visit.reader(&app)?, asked).await
}

/// A company or a tenant: what is so, what belongs to it, what is asked for, and what happened.
#[derive(Template)]
#[template(path = "tenants/show.html")]
struct Show {
    shell: Shell,
    back: Action,
    title: String,
    id: String,
    state: Option<Badge>,
    facts: Vec<Fact>,
    actions: Vec<Action>,
    tenants: Option<Table>,
    open: Table,
    history: Option<Table>,
    all_history: String,
}

fn tenant_columns() -> Vec<Column<Tenant>> {
    type Of = Column<Tenant>;
    let title = |_: &Reader, t: &Tenant| Cell::Title { text: t.slug.clone(), below: vec![Detail::code(&t.id)] };
    vec![
        Of::new("slug", Lang::tenant_slug, title, |t| t.slug.clone()),
        Of::new("status", Lang::tenant_status, |r, t| Cell::State(badge(r.l, &t.status)), |t| t.status.clone()),
        Of::new("region", Lang::tenant_region, |r, t| Cell::Text(called(r.l, "region", &t.region)), |t| t.region.clone()),
        Of::new("created", Lang::customers_since, |r, t| Cell::Date(When::new(r.l, t.created_at)), |t| When::iso(t.created_at)).end(),
    ]
}

async fn company(visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let (l, r) = (visit.l, visit.reader(&app)?);
    let mut conn = app.db.read().await?;
    let company = store::company(&mut conn, &id).await?.ok_or(Error::NotFound)?;
    let tenants = store::tenants_of(&mut conn, &id).await?;
    let (open, history) = around(&r, &mut conn, "company", &id).await?;
    drop(conn);
    let place = |t: &Tenant| Place { id: t.id.clone(), href: format!("/tenants/{}", t.id), beside: None, current: false };
    let facts = vec![
        Fact::new(l.company_biz_reg_no(), company.biz_reg_no.as_deref().map_or_else(|| l.company_no_number(), registration::shown)),
        Fact::new(l.company_status(), called(l, "company", &company.status)),
        Fact::new(l.company_orgs(), grouped(company.orgs)),
        Fact::new(l.customers_since(), When::new(l, company.created_at).absolute),
    ];
    let actions = vec![Action { href: format!("/orgs{}", query(&[("q", &company.name)])), label: l.company_see_orgs() }];
    let tenants = Table::plain(&r, l.company_tenants(), &tenant_columns(), &["slug", "status", "region", "created"], &tenants, place);
    page::html(&Show {
        back: Action { href: "/companies".into(), label: l.companies_title() },
        all_history: format!("/ledger{}", query(&[("target", &id)])),
        shell: visit.shell(&app).await?,
        title: company.name,
        id,
        state: None,
        facts,
        actions,
        tenants: Some(tenants),
        open,
        history,
    })
}

async fn tenant(visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let (l, r) = (visit.l, visit.reader(&app)?);
    let mut conn = app.db.read().await?;
    let tenant = store::tenant(&mut conn, &id).await?.ok_or(Error::NotFound)?;
    let (open, history) = around(&r, &mut conn, "tenant", &id).await?;
    drop(conn);
    let facts = vec![
        Fact::new(l.company_name(), tenant.company.clone()),
        Fact::new(l.company_biz_reg_no(), tenant.biz_reg_no.as_deref().map_or_else(|| l.company_no_number(), registration::shown)),
        Fact::new(l.tenant_region(), called(l, "region", &tenant.region)),
        Fact::new(l.tenant_time_zone(), tenant.time_zone.clone()),
        Fact::new(l.customers_since(), When::new(l, tenant.created_at).absolute),
        Fact::new(l.tenant_active_since(), tenant.activated_at.map_or_else(|| l.tenant_not_yet(), |at| When::new(l, at).absolute)),
    ];
    let mut actions = vec![Action { href: format!("/companies/{}", tenant.company_id), label: l.tenant_see_company() }];
    // by their paths: both are business that knows this module, and not the other way round
    if r.caller.may(crate::auth::SubscriptionsRead::NAME) {
        actions.insert(0, Action { href: format!("/tenants/{}/subscription", tenant.id), label: l.tenant_see_subscription() });
    }
    if r.caller.may(crate::auth::OnboardingRead::NAME) {
        actions.insert(
            0,
            Action { href: format!("/onboarding{}", query(&[("view", "list"), ("q", &tenant.slug)])), label: l.tenant_see_onboarding() },
        );
    }
    if r.caller.may(crate::auth::CatalogRead::NAME) {
        let href = format!("/catalog/redemptions{}", query(&[("tenant", &id)]));
        actions.push(Action { href, label: l.tenant_see_redemptions() });
    }
    if r.caller.may(crate::auth::AddonsRead::NAME) {
        actions.push(Action { href: format!("/tenants/{id}/addons"), label: l.addon_addon() });
        actions.push(Action { href: format!("/tenants/{id}/invoice-preview"), label: l.sheet_title() });
    }
    page::html(&Show {
        back: Action { href: "/companies".into(), label: l.companies_title() },
        all_history: format!("/ledger{}", query(&[("target", &id)])),
        shell: visit.shell(&app).await?,
        title: format!("{} · {}", tenant.company, tenant.slug),
        state: Some(badge(l, &tenant.status)),
        id,
        facts,
        actions,
        tenants: None,
        open,
        history,
    })
}

/// Requests that are open for it, and, for those who may read the ledger, what happened to it.
async fn around(r: &Reader, conn: &mut PgConnection, kind: &str, id: &str) -> Result<(Table, Option<Table>), Error> {
    let filter = requests::inbox::Filter {
        target: Some((kind.into(), id.into())),
        states: Some(requests::State::OPEN.iter().map(|s| s.name()).collect()),
        ..Default::default()
    };
    let open = if r.caller.may(RequestsRead::NAME) { requests::inbox::list(conn, &filter, Slice::newest(10)).await? } else { Vec::new() };
    let open = Table::plain(r, r.l.customers_open(), &requests::web::columns(), requests::web::BRIEF, &open, requests::web::place);
    if !r.caller.may(LedgerRead::NAME) {
        return Ok((open, None));
    }
    let events = ledger::browse::list(conn, &Events::of_target(id), Slice::newest(30)).await?;
    let columns = ledger::web::columns();
    Ok((open, Some(Table::plain(r, r.l.customers_history(), &columns, ledger::web::BRIEF, &events, ledger::web::place))))
}

/// Companies by name, number or slug.
pub async fn find(r: &Reader, conn: &mut PgConnection, q: &str) -> Result<Vec<Found>, Error> {
    if !r.caller.may(CustomersRead::NAME) || q.chars().count() < 2 {
        return Ok(Vec::new());
    }
    let found = store::companies_like(conn, q, FEW).await?;
    Ok(found
        .into_iter()
        .map(|c| Found {
            group: r.l.companies_title(),
            detail: c.biz_reg_no.as_deref().map(registration::shown).unwrap_or_default(),
            href: format!("/companies/{}", c.id),
            name: c.name,
            icon: "building-2",
        })
        .collect())
}
