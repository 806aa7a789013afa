//! Who is on which version of a plan.
use crate::{
    app::App,
    catalog::today,
    error::Error,
    operations::form::grouped,
    page::{self, Action, Shell, Visit, query},
    subscriptions::store,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};

#[derive(Template)]
#[template(path = "subscriptions/plan.html")]
struct Plan {
    shell: Shell,
    back: Action,
    name: String,
    code: String,
    /// What all versions have together.
    total: String,
    all: String,
    rows: Vec<Row>,
}

struct Row {
    version: i32,
    href: String,
    /// Each as it is written, with the list of them.
    active: (String, String),
    ending: String,
    scheduled: (String, String),
}

pub(super) async fn show(visit: Visit, State(app): State<App>, Path(code): Path<String>) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let name = store::plan_name(&mut conn, &code).await?.ok_or(Error::NotFound)?;
    let subscribers = store::subscribers(&mut conn, &code, today()).await?;
    drop(conn);
    let list = |version: &str, state: &str| format!("/subscriptions{}", query(&[("plan", &code), ("version", version), ("state", state)]));
    let rows = subscribers.iter().map(|s| {
        let version = s.version.to_string();
        Row {
            version: s.version,
            href: format!("/catalog/plans/{code}?version={version}"),
            active: (grouped(s.active), list(&version, "active")),
            ending: grouped(s.ending),
            scheduled: (grouped(s.scheduled), list(&version, "scheduled")),
        }
    });
    page::html(&Plan {
        rows: rows.collect(),
        back: Action { href: format!("/catalog/plans/{code}"), label: name.clone() },
        total: grouped(subscribers.iter().map(|s| s.active).sum()),
        all: list("", "active"),
        shell: visit.shell(&app).await?,
        name,
        code,
    })
}
