//! Plans and add-ons as lists.
use super::{Sold, Tab, href};
use crate::{
    app::App,
    auth::{CatalogChange, CatalogRead, Scope},
    catalog::{
        Kind, Product,
        charges::{Charge, Model},
        store::{self, Filter as Wanted},
        today, words,
    },
    error::Error,
    i18n::Lang,
    page::{
        self, Action, Cell, Column, Detail, FEW, Found, Place, Reader, Shell, Visit, export,
        list::{self, Asked, Filter, List, Listing, Order, Slice},
    },
};
use askama::Template;
use axum::{extract::State, response::Response};
use sqlx::PgConnection;

pub(super) struct Plans;
pub(super) struct Addons;

#[derive(Template)]
#[template(path = "catalog/index.html")]
struct Index {
    shell: Shell,
    tabs: Vec<Tab>,
    list: List,
    /// Where another product is begun, for those who may.
    new: Option<Action>,
}

pub(super) async fn index<L: Listing + Sold>(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let l = visit.l;
    let mut conn = app.db.read().await?;
    let list = list::page::<L>(&visit.reader(&app)?, &mut conn, &asked, l.catalog_none()).await?;
    drop(conn);
    let may = visit.caller()?.may(CatalogChange::NAME);
    let new = may.then(|| Action { href: format!("/catalog/{}/new", L::KIND.path()), label: new_of(l, L::KIND) });
    page::html(&Index { shell: visit.shell(&app).await?, tabs: Tab::all(l, Some(L::KIND)), list, new })
}

pub(super) async fn export<L: Listing>(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    export::csv::<L>(visit.reader(&app)?, asked).await
}

pub(super) fn title(l: Lang, kind: Kind) -> String {
    match kind {
        Kind::Plan => l.catalog_plans(),
        Kind::Addon => l.catalog_addons(),
    }
}

pub(super) fn new_of(l: Lang, kind: Kind) -> String {
    match kind {
        Kind::Plan => l.catalog_new_plan(),
        Kind::Addon => l.catalog_new_addon(),
    }
}

/// What stands for a price list in one cell: what it costs whatever is used. The list in force is in won, or there is another one.
fn base(charges: &[Charge]) -> Option<i64> {
    let flat = charges.iter().filter_map(|charge| match charge.model {
        Model::Flat { amount } => Some(amount),
        _ => None,
    });
    flat.reduce(|sum, amount| sum.saturating_add(amount))
}

fn price(p: &Product) -> Option<i64> {
    base(&p.charges)
}

fn money(p: &Product) -> Option<String> {
    price(p).map(|minor| words::amount(p.currency.unwrap_or_default(), minor))
}

/// What it counts, as it is called in a language or as it is written.
fn metrics(p: &Product, l: Option<Lang>) -> String {
    let named = |c: &Charge| c.metric.as_deref().map(|m| l.map_or_else(|| m.to_owned(), |l| words::metric(l, m)));
    p.charges.iter().filter_map(named).collect::<Vec<_>>().join(", ")
}

fn columns() -> Vec<Column<Product>> {
    type Of = Column<Product>;
    let title = |r: &Reader, p: &Product| {
        let draft = p.drafted.then(|| Detail::text(r.l.catalog_drafted()));
        Cell::Title { text: p.name.clone(), below: [Detail::code(&p.code)].into_iter().chain(draft).collect() }
    };
    vec![
        Of::new("name", Lang::catalog_name, title, |p| p.name.clone()),
        Of::new("code", Lang::catalog_code, |_, p| Cell::Code(p.code.clone()), |p| p.code.clone()).hidden().in_files(),
        Of::new(
            "version",
            Lang::catalog_version,
            |r, p| p.version.map_or_else(|| Cell::Tag(r.l.catalog_not_sold()), |v| Cell::Text(format!("v{v}"))),
            |p| p.version.map(|v| v.to_string()).unwrap_or_default(),
        ),
        Of::new(
            "price",
            Lang::catalog_base,
            |_, p| money(p).map_or(Cell::None, Cell::Number),
            |p| price(p).map(|won| won.to_string()).unwrap_or_default(),
        )
        .end(),
        Of::new(
            "currency",
            Lang::catalog_currency,
            |_, p| Cell::text(p.currency.map(|c| c.code().to_owned())),
            |p| p.currency.map(|c| c.code().to_owned()).unwrap_or_default(),
        )
        .hidden()
        .in_files(),
        Of::new(
            "metrics",
            Lang::catalog_counts,
            |r, p| Cell::text(Some(metrics(p, Some(r.l))).filter(|text| !text.is_empty())),
            |p| metrics(p, None),
        ),
        Of::new(
            "since",
            Lang::catalog_since,
            |_, p| Cell::text(p.since.map(|d| d.to_string())),
            |p| p.since.map(|d| d.to_string()).unwrap_or_default(),
        ),
        Of::new(
            "next",
            Lang::catalog_next,
            |_, p| Cell::text(p.next.map(|d| d.to_string())),
            |p| p.next.map(|d| d.to_string()).unwrap_or_default(),
        ),
    ]
}

fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
    let l = r.l;
    let standings = vec![
        ("active".to_owned(), l.catalog_filter_active()),
        ("scheduled".to_owned(), l.catalog_filter_scheduled()),
        ("draft".to_owned(), l.catalog_filter_draft()),
    ];
    vec![
        Filter::search(asked, l.catalog_search(), l.catalog_search_hint()),
        Filter::choice(asked, "standing", l.catalog_standing(), l.catalog_filter_any(), standings),
    ]
}

async fn read(kind: Kind, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Product>, Error> {
    let wanted = Wanted { q: asked.some("q"), standing: asked.some("standing") };
    Ok(store::products(conn, kind, today(), &wanted, slice).await?)
}

macro_rules! listing {
    ($list:ident, $name:literal, $icon:literal) => {
        impl Listing for $list {
            type Row = Product;
            const NAME: &'static str = $name;
            const ORDERS: &'static [&'static str] = &["name"];
            const ICON: &'static str = $icon;

            fn caption(r: &Reader) -> String {
                title(r.l, Self::KIND)
            }

            fn columns() -> Vec<Column<Product>> {
                columns()
            }

            fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
                filters(r, asked)
            }

            fn place(_: &Asked, row: &Product) -> Place {
                Place { id: row.code.clone(), href: href(Self::KIND, &row.code), beside: None, current: false }
            }

            fn mark(row: &Product, _: &str) -> (String, String) {
                (row.name.clone(), row.code.clone())
            }

            async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Product>, Error> {
                read(Self::KIND, conn, asked, slice).await
            }
        }
    };
}

listing!(Plans, "catalog/plans", "tag");
listing!(Addons, "catalog/addons", "plug");

/// Products by part of their name or code.
pub async fn find(r: &Reader, conn: &mut PgConnection, q: &str) -> Result<Vec<Found>, Error> {
    if !r.caller.may(CatalogRead::NAME) || q.chars().count() < 2 {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for kind in Kind::ALL {
        let wanted = Wanted { q: Some(q.to_owned()), standing: None };
        let first = Slice { order: Order { key: "name", down: false }, cursor: None, limit: FEW };
        let icon = if kind == Kind::Plan { Plans::ICON } else { Addons::ICON };
        found.extend(store::products(conn, kind, today(), &wanted, first).await?.into_iter().map(|p| Found {
            group: title(r.l, kind),
            detail: p.version.map_or_else(|| p.code.clone(), |v| format!("{} · v{v}", p.code)),
            href: href(kind, &p.code),
            name: p.name,
            icon,
        }));
    }
    Ok(found)
}
