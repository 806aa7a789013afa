//! Who is on which version of a plan.
use crate::{
    app::App,
    auth::{RequestsAsk, Scope, SubscriptionsChange},
    catalog::today,
    error::Error,
    operations::form::grouped,
    page::{self, Action, Shell, Visit, query},
    subscriptions::{
        migration::web::{self as migration, Brief},
        store,
    },
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
    /// Where moving them is asked for.
    migrate: Option<String>,
    recent: Vec<Brief>,
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
    let recent = migration::recent(&mut conn, visit.l, &code).await?;
    let caller = visit.caller()?;
    let may = caller.may(SubscriptionsChange::NAME) && caller.may(RequestsAsk::NAME);
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
        migrate: (may && !subscribers.is_empty()).then(|| format!("/subscriptions/plans/{code}/migrate")),
        recent,
        rows: rows.collect(),
        back: Action { href: format!("/catalog/plans/{code}"), label: name.clone() },
        total: grouped(subscribers.iter().map(|s| s.active).sum()),
        all: list("", "active"),
        shell: visit.shell(&app).await?,
        name,
        code,
    })
}
