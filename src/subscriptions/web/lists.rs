//! Every subscription there is, was and will be, as a list.
use super::{badge, href};
use crate::{
    app::App,
    catalog::today,
    error::Error,
    i18n::Lang,
    page::{
        self, Cell, Column, Detail, Link, Place, Reader, Shell, Visit, export,
        list::{self, Asked, Filter, List, Listing, Slice},
    },
    requests::short_id,
    subscriptions::{Standing, Subscription, store},
};
use askama::Template;
use axum::{extract::State, response::Response};
use sqlx::PgConnection;

pub(super) struct Subscriptions;

#[derive(Template)]
#[template(path = "customers/index.html")]
struct Index {
    shell: Shell,
    list: List,
}

pub(super) async fn index(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let mut list = list::page::<Subscriptions>(&visit.reader(&app)?, &mut conn, &asked, visit.l.subscriptions_none()).await?;
    let plans = store::plans(&mut conn).await?;
    drop(conn);
    if let Some(filter) = list.filters.iter_mut().find(|filter| filter.name == "plan") {
        let l = visit.l;
        let known = plans.into_iter().map(|(code, name)| (code.clone(), format!("{name} · {code}"))).collect();
        *filter = Filter::choice(&asked, "plan", l.subscription_plan(), l.subscription_any_plan(), known);
    }
    page::html(&Index { shell: visit.shell(&app).await?, list })
}

pub(super) async fn export(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    export::csv::<Subscriptions>(visit.reader(&app)?, asked).await
}

impl Listing for Subscriptions {
    type Row = Subscription;
    const NAME: &'static str = "subscriptions";
    const ORDERS: &'static [&'static str] = &["-from"];
    const ICON: &'static str = "refresh-cw";

    fn caption(r: &Reader) -> String {
        r.l.subscriptions_title()
    }

    fn columns() -> Vec<Column<Subscription>> {
        type Of = Column<Subscription>;
        let tenant = |_: &Reader, s: &Subscription| Cell::Title {
            text: format!("{} · {}", s.company, s.slug),
            below: vec![Detail::code(&s.tenant_id)],
        };
        let plan = |_: &Reader, s: &Subscription| Cell::Link(Link { href: format!("/catalog/plans/{}", s.plan), label: s.plan.clone() });
        let request = |s: &Subscription| short_id(s.request);
        vec![
            Of::new("tenant", Lang::subscription_tenant, tenant, |s| s.slug.clone()),
            Of::new("company", Lang::company_name, |_, s| Cell::Text(s.company.clone()), |s| s.company.clone()).hidden().in_files(),
            Of::new("tenant_id", Lang::customers_id, |_, s| Cell::Code(s.tenant_id.clone()), |s| s.tenant_id.clone()).hidden().in_files(),
            Of::new("plan", Lang::subscription_plan, plan, |s| s.plan.clone()),
            Of::new("version", Lang::subscription_version, |_, s| Cell::Text(format!("v{}", s.version)), |s| s.version.to_string()),
            Of::new(
                "state",
                Lang::subscription_state,
                |r, s| Cell::State(badge(r.l, s.standing(today()))),
                |s| s.standing(today()).name().to_owned(),
            ),
            Of::new("from", Lang::subscription_from, |_, s| Cell::Text(s.days.starts.to_string()), |s| s.days.starts.to_string())
                .end()
                .sorts(),
            Of::new(
                "until",
                Lang::subscription_until,
                |_, s| Cell::text(s.days.ends.map(|day| day.to_string())),
                |s| s.days.ends.map(|day| day.to_string()).unwrap_or_default(),
            )
            .end(),
            Of::new(
                "request",
                Lang::table_request,
                move |_, s| Cell::Link(Link { href: format!("/requests/{}", short_id(s.request)), label: short_id(s.request) }),
                request,
            )
            .hidden()
            .in_files(),
        ]
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        let l = r.l;
        let states = Standing::ALL.into_iter().map(|s| (s.name().to_owned(), badge(l, s).label)).collect();
        vec![
            Filter::search(asked, l.subscriptions_search(), l.subscriptions_search_hint()),
            // the page makes a choice of it, once it has read which plans there are
            Filter::text(asked, "plan", l.subscription_plan(), "pro"),
            Filter::text(asked, "version", l.subscription_version(), "3"),
            Filter::choice(asked, "state", l.subscription_state(), l.subscription_any_state(), states),
        ]
    }

    fn place(_: &Asked, s: &Subscription) -> Place {
        Place { id: s.id.to_string(), href: href(&s.tenant_id), beside: None, current: false }
    }

    fn mark(s: &Subscription, _: &str) -> (String, String) {
        (s.days.starts.to_string(), s.id.to_string())
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Subscription>, Error> {
        let version = asked.some("version").map(|text| text.trim_start_matches(['v', 'V']).parse().unwrap_or(0));
        let wanted = store::Filter { q: asked.some("q"), plan: asked.some("plan"), version, standing: asked.some("state") };
        Ok(store::list(conn, today(), &wanted, slice).await?)
    }
}
