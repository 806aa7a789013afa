//! Templates as a list.
use crate::{
    app::App,
    auth::{PermissionsChange, Scope},
    documents::tidy,
    error::Error,
    i18n::Lang,
    operations::form::grouped,
    page::{
        self, Action, Cell, Column, Detail, Place, Reader, Shell, Visit, When, export as file,
        list::{self, Asked, Filter, List, Listing, Slice},
    },
    permissions::{document, store, store::Template},
};
use axum::{extract::State, response::Response};
use sqlx::PgConnection;

struct Templates;

#[derive(askama::Template)]
#[template(path = "permissions/index.html")]
struct Index {
    shell: Shell,
    list: List,
    new: Option<Action>,
}

pub(super) async fn index(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let list = list::page::<Templates>(&visit.reader(&app)?, &mut conn, &asked, visit.l.permission_none()).await?;
    drop(conn);
    let may = visit.caller()?.may(PermissionsChange::NAME);
    let new = may.then(|| Action { href: "/permissions/new".into(), label: visit.l.permission_new() });
    page::html(&Index { shell: visit.shell(&app).await?, list, new })
}

pub(super) async fn export(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    file::csv::<Templates>(visit.reader(&app)?, asked).await
}

/// The names of its roles.
fn roles(t: &Template) -> String {
    let read = document::read(&tidy(&t.document)).map(|read| read.roles).unwrap_or_default();
    read.into_iter().map(|role| role.name).collect::<Vec<_>>().join(", ")
}

impl Listing for Templates {
    type Row = Template;
    const NAME: &'static str = "permissions";
    const ORDERS: &'static [&'static str] = &["code"];
    const ICON: &'static str = "key-round";

    fn caption(r: &Reader) -> String {
        r.l.permission_title()
    }

    fn columns() -> Vec<Column<Template>> {
        type Of = Column<Template>;
        let title = |_: &Reader, t: &Template| Cell::Title { text: t.name.clone(), below: vec![Detail::code(&t.code)] };
        vec![
            Of::new("name", Lang::permission_name, title, |t| t.name.clone()),
            Of::new("code", Lang::permission_code, |_, t| Cell::Code(t.code.clone()), |t| t.code.clone()).hidden().in_files(),
            Of::new("version", Lang::permission_version, |_, t| Cell::Text(format!("v{}", t.version)), |t| t.version.to_string()),
            Of::new("roles", Lang::permission_roles, |_, t| Cell::Text(roles(t)), roles),
            Of::new("tenants", Lang::permission_tenants, |_, t| Cell::Number(grouped(t.tenants)), |t| t.tenants.to_string()).end(),
            Of::new(
                "published",
                Lang::permission_published,
                |r, t| Cell::Date(When::new(r.l, t.published_at)),
                |t| When::iso(t.published_at),
            )
            .end(),
        ]
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        vec![Filter::search(asked, r.l.permission_search(), r.l.permission_search_hint())]
    }

    fn place(_: &Asked, t: &Template) -> Place {
        Place { id: t.code.clone(), href: format!("/permissions/{}", t.code), beside: None, current: false }
    }

    fn mark(t: &Template, _: &str) -> (String, String) {
        (String::new(), t.code.clone())
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Template>, Error> {
        Ok(store::templates(conn, asked.some("q").as_deref(), slice).await?)
    }
}
