//! Requests for add-ons as a list: what waits, what was decided, and what each makes a month cost.
use super::{
    super::store::{self, Asked as Row},
    Filter as Wanted, new,
};
use crate::{
    app::App,
    error::Error,
    i18n::Lang,
    operations::form::grouped,
    page::{
        self, Action, Cell, Column, Detail, Place, Reader, Shell, Visit, When, export,
        list::{self, Asked, Filter, List, Listing, Slice},
        money,
    },
    requests::{State as Standing, short_id, view},
};
use askama::Template;
use axum::{extract::State, response::Response};
use serde_json::Value;
use sqlx::PgConnection;

pub(super) struct Addons;

#[derive(Template)]
#[template(path = "addons/index.html")]
struct Index {
    shell: Shell,
    list: List,
    /// Where another one is asked for; nothing for those who may not.
    new: Option<Action>,
}

pub(super) async fn index(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let list = list::page::<Addons>(&visit.reader(&app)?, &mut conn, &asked, visit.l.addons_none()).await?;
    drop(conn);
    let new = new::may(visit.caller()?).then(|| Action { href: "/addons/new".into(), label: visit.l.addon_ask() });
    page::html(&Index { shell: visit.shell(&app).await?, list, new })
}

pub(super) async fn export(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    export::csv::<Addons>(visit.reader(&app)?, asked).await
}

fn number(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_default()
}

fn difference(row: &Row) -> i64 {
    row.difference()
}

fn signed(won: i64) -> String {
    if won > 0 { format!("+{}", money::full(won)) } else { money::full(won) }
}

fn quantity(row: &Row) -> String {
    format!("{} → {}", grouped(number(&row.before, "quantity")), grouped(number(&row.after, "quantity")))
}

pub(super) fn columns() -> Vec<Column<Row>> {
    type Of = Column<Row>;
    let title = |_: &Reader, r: &Row| Cell::Title { text: r.label.clone(), below: vec![Detail::code(short_id(r.id))] };
    let state = |r: &Reader, row: &Row| Standing::named(&row.state).map_or(Cell::None, |state| Cell::State(view::badge(r.l, state)));
    vec![
        Of::new("id", Lang::addon_request, title, |r| short_id(r.id)),
        Of::new("label", Lang::addon_tenant, |_, r| Cell::Text(r.label.clone()), |r| r.label.clone()).hidden().in_files(),
        Of::new("tenant", Lang::addon_tenant_id, |_, r| Cell::Code(r.tenant_id.clone()), |r| r.tenant_id.clone()).hidden().in_files(),
        Of::new("state", Lang::table_state, state, |r| r.state.clone()),
        Of::new("addon", Lang::addon_addon, |_, r| Cell::Code(r.addon.clone()), |r| r.addon.clone()),
        Of::new("quantity", Lang::addon_quantity, |_, r| Cell::Number(quantity(r)), quantity).end(),
        Of::new("monthly", Lang::addon_monthly, |_, r| Cell::Number(signed(difference(r))), |r| difference(r).to_string()).end(),
        Of::new(
            "from",
            Lang::addon_from,
            |_, r| Cell::text(r.after["from"].as_str().map(str::to_owned)),
            |r| r.after["from"].as_str().unwrap_or_default().to_owned(),
        ),
        Of::new("requester", Lang::table_requester, |_, r| Cell::Text(r.requester.clone()), |r| r.requester.clone()),
        Of::new("created", Lang::table_at, |r, row| Cell::Time(When::new(r.l, row.created_at)), |r| When::iso(r.created_at)).end(),
    ]
}

pub(super) fn place(row: &Row) -> Place {
    let id = short_id(row.id);
    Place { href: format!("/requests/{id}"), id, beside: None, current: false }
}

impl Listing for Addons {
    type Row = Row;
    const NAME: &'static str = "addons";
    const ORDERS: &'static [&'static str] = &["-id"];
    const ICON: &'static str = "plug";

    fn caption(r: &Reader) -> String {
        r.l.addons_title()
    }

    fn columns() -> Vec<Column<Row>> {
        columns()
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        let l = r.l;
        let standings = vec![
            ("waiting".to_owned(), l.addon_filter_waiting()),
            ("done".to_owned(), l.addon_filter_done()),
            ("not-done".to_owned(), l.addon_filter_not_done()),
        ];
        vec![
            Filter::search(asked, l.addon_search(), l.addon_search_hint()),
            Filter::choice(asked, "standing", l.table_state(), l.addon_filter_any(), standings),
            Filter::text(asked, "addon", l.addon_addon(), "seats"),
        ]
    }

    fn place(_: &Asked, row: &Row) -> Place {
        place(row)
    }

    fn mark(row: &Row, _: &str) -> (String, String) {
        (String::new(), short_id(row.id))
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Row>, Error> {
        let wanted = Wanted { q: asked.some("q"), standing: asked.some("standing"), addon: asked.some("addon"), tenant: None };
        Ok(store::list(conn, &wanted, slice).await?)
    }
}
