//! What one tenant has on top of its plan, what waits, and what it had.
use super::{
    super::{Filter, Held, PAST, Standing, store},
    badge, list, new,
};
use crate::{
    app::App,
    catalog::today,
    error::Error,
    i18n::Lang,
    operations::form::grouped,
    page::{self, Action, Cell, Column, Detail, Link, Place, Reader, Shell, Table, Visit, When, list::Slice, query},
    requests::short_id,
    tenants,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};

#[derive(Template)]
#[template(path = "addons/tenant.html")]
struct Show {
    shell: Shell,
    back: Action,
    title: String,
    id: String,
    actions: Vec<Action>,
    now: Table,
    waiting: Table,
    past: Table,
}

fn columns() -> Vec<Column<Held>> {
    type Of = Column<Held>;
    let title =
        |_: &Reader, h: &Held| Cell::Title { text: h.name.clone(), below: vec![Detail::code(format!("{} v{}", h.code, h.version))] };
    let request =
        |_: &Reader, h: &Held| Cell::Link(Link { label: short_id(h.request), href: format!("/requests/{}", short_id(h.request)) });
    vec![
        Of::new("name", Lang::addon_addon, title, |h| h.code.clone()),
        Of::new(
            "standing",
            Lang::table_state,
            |r, h| Cell::State(badge(r.l, h.standing(today()))),
            |h| h.standing(today()).name().to_owned(),
        ),
        Of::new("quantity", Lang::addon_quantity, |_, h| Cell::Number(grouped(i64::from(h.quantity))), |h| h.quantity.to_string()).end(),
        Of::new("days", Lang::addon_days, |_, h| Cell::Text(h.days.to_string()), |h| h.days.to_string()),
        Of::new("request", Lang::addon_request, request, |h| short_id(h.request)),
        Of::new("requester", Lang::table_requester, |_, h| Cell::Text(h.requester.clone()), |h| h.requester.clone()),
        Of::new("created", Lang::table_at, |r, h| Cell::Date(When::new(r.l, h.created_at)), |h| When::iso(h.created_at)).end(),
    ]
}

pub(super) async fn show(visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let (l, r) = (visit.l, visit.reader(&app)?);
    let mut conn = app.db.read().await?;
    let tenant = tenants::tenant(&mut conn, &id).await?.ok_or(Error::NotFound)?;
    let all = store::of(&mut conn, &id, PAST).await?;
    let wanted = Filter { tenant: Some(id.clone()), standing: Some("waiting".into()), ..Filter::default() };
    let asked = store::list(&mut conn, &wanted, Slice::newest(50)).await?;
    drop(conn);
    let (now, past): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|held| matches!(held.standing(today()), Standing::Active | Standing::Scheduled));
    let place = |h: &Held| Place { id: h.id.to_string(), href: format!("/catalog/addons/{}", h.code), beside: None, current: false };
    let keys = ["name", "standing", "quantity", "days", "request", "requester", "created"];
    let table = |caption, rows: &[Held]| Table::plain(&r, caption, &columns(), &keys, rows, place);
    let waiting = ["id", "state", "addon", "quantity", "monthly", "from", "requester"];
    let waiting = Table::plain(&r, l.addon_waiting(), &list::columns(), &waiting, &asked, list::place);
    let mut actions = vec![Action { href: format!("/tenants/{id}/invoice-preview"), label: l.sheet_title() }];
    if new::may(visit.caller()?) {
        actions.insert(0, Action { href: format!("/addons/new{}", query(&[("tenant", &id)])), label: l.addon_ask() });
    }
    page::html(&Show {
        back: Action { href: format!("/tenants/{id}"), label: l.addon_back_to_tenant() },
        title: format!("{} · {}", tenant.company, tenant.slug),
        id,
        actions,
        now: table(l.addon_now(), &now),
        waiting,
        past: table(l.addon_past(), &past),
        shell: visit.shell(&app).await?,
    })
}
