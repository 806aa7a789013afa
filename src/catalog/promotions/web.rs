//! Promotions as a list: who may redeem what until when, and how much of each is left.
use super::{
    Offer, Standing, Terms,
    store::{self, Filter as Wanted},
};
use crate::{
    app::App,
    auth::{CatalogChange, CatalogRead, RequestsAsk, Scope},
    catalog::{Currency, charges::Kind, pricing::Off, today, web::Tab, words},
    error::Error,
    i18n::Lang,
    operations::form::grouped,
    page::{
        self, Action, Badge, Cell, Column, Detail, Link, Place, Reader, Shell, Visit, export,
        list::{self, Asked, Filter, List, Listing, Slice},
        query,
    },
    requests::short_id,
    surface::Surface,
};
use askama::Template;
use axum::{extract::State, response::Response};
use sqlx::PgConnection;
use std::collections::BTreeSet;

pub fn routes(surface: Surface) -> Surface {
    surface.show::<CatalogRead, _, _>("/catalog/promotions", index).show::<CatalogRead, _, _>("/catalog/promotions.csv", export)
}

pub(in crate::catalog) struct Promotions;

#[derive(Template)]
#[template(path = "catalog/index.html")]
struct Index {
    shell: Shell,
    tabs: Vec<Tab>,
    list: List,
    new: Option<Action>,
}

async fn index(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let l = visit.l;
    let mut conn = app.db.read().await?;
    let list = list::page::<Promotions>(&visit.reader(&app)?, &mut conn, &asked, l.promotion_none()).await?;
    drop(conn);
    let caller = visit.caller()?;
    let may = caller.may(CatalogChange::NAME) && caller.may(RequestsAsk::NAME);
    let new = may.then(|| Action { href: "/requests/new/promotion.open".into(), label: l.promotion_new() });
    page::html(&Index { shell: visit.shell(&app).await?, tabs: Tab::all(l, None), list, new })
}

async fn export(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    export::csv::<Promotions>(visit.reader(&app)?, asked).await
}

pub fn badge(l: Lang, standing: Standing) -> Badge {
    let (key, label, icon) = match standing {
        Standing::Scheduled => ("pending", l.catalog_scheduled(), "clock"),
        Standing::Active => ("succeeded", l.promotion_active(), "circle-check"),
        Standing::Exhausted => ("approved", l.promotion_all_redeemed(), "check"),
        Standing::Ended => ("expired", l.promotion_ended(), "history"),
    };
    Badge { key, label, icon }
}

/// What is off, in words.
pub fn off(terms: &Terms) -> String {
    match terms.off {
        Off::Share(share) => words::percent(share),
        Off::Won(won) => words::amount(Currency::Krw, won),
    }
}

/// Which lines become cheaper, in words.
pub fn kinds(l: Lang, kinds: &BTreeSet<Kind>) -> String {
    kinds.iter().map(|kind| words::kind(l, *kind)).collect::<Vec<_>>().join(", ")
}

fn left(l: Lang, offer: &Offer) -> String {
    match offer.most {
        Some(most) => l.promotion_redeemed_of(grouped(i64::from(most)), grouped(i64::from(offer.redeemed))),
        None => l.promotion_redeemed(grouped(i64::from(offer.redeemed))),
    }
}

/// Where its end is asked for, as long as it can be redeemed or will be.
fn close(r: &Reader, offer: &Offer) -> Cell {
    let open = offer.standing(today()) != Standing::Ended;
    let may = r.caller.may(CatalogChange::NAME) && r.caller.may(RequestsAsk::NAME);
    match open && may {
        true => Cell::Link(Link {
            label: r.l.promotion_close(),
            href: format!("/requests/new/promotion.close{}", query(&[("code", &offer.code)])),
        }),
        false => Cell::None,
    }
}

impl Listing for Promotions {
    type Row = Offer;
    const NAME: &'static str = "catalog/promotions";
    const ORDERS: &'static [&'static str] = &["code"];
    const ICON: &'static str = "receipt";

    fn caption(r: &Reader) -> String {
        r.l.promotion_title()
    }

    fn columns() -> Vec<Column<Offer>> {
        type Of = Column<Offer>;
        let title = |_: &Reader, o: &Offer| Cell::Title { text: o.code.clone(), below: vec![Detail::text(&o.name)] };
        vec![
            Of::new("code", Lang::promotion_code, title, |o| o.code.clone()),
            Of::new("name", Lang::catalog_name, |_, o| Cell::Text(o.name.clone()), |o| o.name.clone()).hidden().in_files(),
            Of::new(
                "standing",
                Lang::catalog_standing,
                |r, o| Cell::State(badge(r.l, o.standing(today()))),
                |o| serde_json::to_value(o.standing(today())).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default(),
            ),
            Of::new("off", Lang::promotion_off, |_, o| Cell::Number(off(&o.terms)), |o| off(&o.terms)).end(),
            Of::new("on", Lang::promotion_on, |r, o| Cell::Text(kinds(r.l, &o.terms.on)), |o| kinds(Lang::En, &o.terms.on)),
            Of::new(
                "plans",
                Lang::promotion_plans,
                |r, o| Cell::Text(if o.plans.is_empty() { r.l.promotion_every_plan() } else { o.plans.join(", ") }),
                |o| o.plans.join(", "),
            ),
            Of::new(
                "valid",
                Lang::catalog_days,
                |_, o| Cell::text(o.days.map(|days| days.to_string())),
                |o| o.days.map(|days| days.to_string()).unwrap_or_default(),
            ),
            Of::new("redeemed", Lang::promotion_redemptions, |r, o| Cell::Number(left(r.l, o)), |o| o.redeemed.to_string()).end(),
            Of::new(
                "request",
                Lang::catalog_request,
                |_, o| Cell::Link(Link { label: short_id(o.request), href: format!("/requests/{}", short_id(o.request)) }),
                |o| short_id(o.request),
            )
            .hidden(),
            Of::new("close", Lang::catalog_actions, close, |_| String::new()).end(),
        ]
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        let l = r.l;
        let standings = vec![
            ("active".to_owned(), l.promotion_active()),
            ("scheduled".to_owned(), l.catalog_scheduled()),
            ("exhausted".to_owned(), l.promotion_all_redeemed()),
            ("ended".to_owned(), l.promotion_ended()),
        ];
        vec![
            Filter::search(asked, l.promotion_search(), l.catalog_search_hint()),
            Filter::choice(asked, "standing", l.catalog_standing(), l.catalog_filter_any(), standings),
        ]
    }

    fn place(_: &Asked, row: &Offer) -> Place {
        Place { id: row.code.clone(), href: format!("/catalog/promotions/{}", row.code), beside: None, current: false }
    }

    fn mark(row: &Offer, _: &str) -> (String, String) {
        (String::new(), row.code.clone())
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Offer>, Error> {
        let wanted = Wanted { q: asked.some("q"), standing: asked.some("standing") };
        Ok(store::list(conn, today(), &wanted, slice).await?)
    }
}
