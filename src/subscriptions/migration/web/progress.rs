//! How far a migration is: in words and a bar, and tenant by tenant with its result; and stopping it while some still wait.
use super::{super::Row, state};
use crate::{
    app::App,
    auth::{Csrf, Operator, Scope, Submitted, SubscriptionsChange},
    error::Error,
    i18n::{Lang, Text},
    operations::form::grouped,
    page::{
        self, Action, Badge, Cell, Column, Detail, Fact, Link, Place, Reader, Shell, Visit, When, export as file,
        list::{self, Asked, Filter, List, Listing, Slice},
    },
    requests::{parse_id, short_id},
    subscriptions::migration::{Counts, stop as stopping, store},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use sqlx::PgConnection;

#[derive(Template)]
#[template(path = "subscriptions/migration.html")]
struct Progress {
    shell: Shell,
    back: Action,
    title: String,
    request: Link,
    state: Badge,
    running: bool,
    counts: Counts,
    said: String,
    facts: Vec<Fact>,
    stopped: Option<Halted>,
    /// For those who may, as long as somebody waits.
    stop: Option<Stop>,
    /// How many have each result, with the list of them.
    results: Vec<(Badge, String, String)>,
    compare: String,
    csv: String,
    list: List,
}

/// Who stopped it, and why.
struct Halted {
    said: String,
    at: When,
    why: String,
}

/// The form that stops it, with what was typed.
struct Stop {
    action: String,
    waiting: String,
    reason: String,
    error: Option<String>,
}

/// The tenants of one migration; its address says of which.
pub(super) struct Rows;

pub(super) async fn show(visit: Visit, State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response, Error> {
    draw(&app, &visit, parse_id(&id)?, &asked, "", None).await
}

async fn draw(app: &App, visit: &Visit, id: i64, asked: &Asked, typed: &str, wrong: Option<&Text>) -> Result<Response, Error> {
    let l = visit.l;
    // before its rows: what has finished has no row that is still to come
    let mut conn = app.db.read().await?;
    let m = store::find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    let counts = store::counts(&mut conn, id).await?;
    let stopped = store::stopped(&mut conn, id).await?;
    let list = list::page::<Rows>(&visit.reader(app)?, &mut conn, asked, l.migration_no_rows()).await?;
    drop(conn);
    let when = |at| When::new(l, at).absolute;
    let mut facts = vec![
        Fact::new(l.subscription_plan(), m.plan_name.clone()),
        Fact::new(l.migration_from_version(), format!("v{}", m.from_version)),
        Fact::new(l.migration_to_version(), format!("v{}", m.to_version)),
        Fact::new(l.migration_day(), m.from.to_string()),
        Fact::new(l.migration_began(), when(m.created_at)),
    ];
    facts.extend(m.finished_at.map(|at| Fact::new(l.migration_ended(), when(at))));
    let result = |name: &str, count: i64| (badge(l, name), grouped(count), asked.with(&[("state", name)]));
    let stop = (counts.pending > 0 && visit.caller()?.may(SubscriptionsChange::NAME)).then(|| Stop {
        action: format!("{}/stop", super::super::href(id)),
        waiting: grouped(counts.pending),
        reason: typed.to_owned(),
        error: wrong.map(|text| l.say(text)),
    });
    let mut response = page::html(&Progress {
        back: Action { href: format!("/subscriptions/plans/{}", m.plan), label: l.subscribers_title() },
        title: format!("{} · {}", m.plan_name, l.migration_versions(m.from_version, m.to_version)),
        request: Link { href: format!("/requests/{}", short_id(id)), label: short_id(id) },
        state: state(l, &m),
        running: m.finished_at.is_none(),
        said: words(l, &counts),
        results: vec![result("moved", counts.moved), result("skipped", counts.skipped), result("pending", counts.pending)],
        compare: format!("/catalog/plans/{}?from={}&to={}#compare", m.plan, m.from_version, m.to_version),
        csv: format!("{}/rows.csv{}", super::super::href(id), page::query(&[("state", asked.get("state"))])),
        counts,
        stopped: stopped.map(|s| Halted { said: l.migration_stopped_by(&s.by), at: When::new(l, s.at), why: s.why }),
        stop,
        facts,
        list,
        shell: visit.shell(app).await?,
    })?;
    if wrong.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

pub(super) async fn stop(
    operator: Operator<SubscriptionsChange>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(form): Csrf<Submitted>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let (here, reason) = (super::super::href(id), form.get("reason").unwrap_or_default());
    match stopping::stop(&app, &operator, id, reason).await {
        Ok(()) => {
            visit.say("success", visit.l.migration_stopped_now()).await?;
            Ok(Redirect::to(&here).into_response())
        }
        Err(Error::Invalid(problems)) => {
            visit.read_at(&here);
            draw(&app, &visit, id, &Asked::of(&here, ""), reason, problems.first().map(|problem| &problem.text)).await
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn export(visit: Visit, State(app): State<App>, Path(id): Path<String>, mut asked: Asked) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    store::find(&mut *app.db.read().await?, id).await?.ok_or(Error::NotFound)?;
    // so that the ledger says of which
    asked.set("request", &short_id(id));
    file::csv::<Rows>(visit.reader(&app)?, asked).await
}

/// `12 of 40 done (30%)`.
pub(super) fn words(l: Lang, counts: &Counts) -> String {
    let percent = if counts.all() > 0 { counts.done() * 100 / counts.all() } else { 100 };
    l.migration_progress_text(grouped(counts.all()), grouped(counts.done()), percent)
}

fn badge(l: Lang, state: &str) -> Badge {
    match state {
        "moved" => Badge { key: "succeeded", label: l.migration_moved(), icon: "circle-check" },
        "skipped" => Badge { key: "expired", label: l.migration_skipped(), icon: "minus" },
        _ => Badge { key: "pending", label: l.migration_pending(), icon: "clock" },
    }
}

impl Listing for Rows {
    type Row = Row;
    const NAME: &'static str = "subscriptions/migrations";
    const ORDERS: &'static [&'static str] = &["turn"];
    const ICON: &'static str = "users";

    fn caption(r: &Reader) -> String {
        r.l.migration_rows()
    }

    fn columns() -> Vec<Column<Row>> {
        type Of = Column<Row>;
        let tenant = |_: &Reader, row: &Row| Cell::Title {
            text: format!("{} · {}", row.company, row.slug),
            below: vec![Detail::code(&row.tenant_id)],
        };
        vec![
            Of::new("tenant", Lang::subscription_tenant, tenant, |row| row.slug.clone()),
            Of::new("company", Lang::company_name, |_, row| Cell::Text(row.company.clone()), |row| row.company.clone()).hidden().in_files(),
            Of::new("tenant_id", Lang::customers_id, |_, row| Cell::Code(row.tenant_id.clone()), |row| row.tenant_id.clone())
                .hidden()
                .in_files(),
            Of::new("state", Lang::migration_result, |r, row| Cell::State(badge(r.l, &row.state)), |row| row.state.clone()),
            Of::new("reason", Lang::migration_reason, |r, row| Cell::text(row.why(r.l)), |row| row.reason.clone().unwrap_or_default()),
            Of::new(
                "done_at",
                Lang::migration_done_at,
                |r, row| row.done_at.map_or(Cell::None, |at| Cell::Time(When::new(r.l, at))),
                |row| row.done_at.map(When::iso).unwrap_or_default(),
            )
            .end(),
        ]
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        let states = Row::STATES.into_iter().map(|state| (state.to_owned(), badge(r.l, state).label)).collect();
        vec![Filter::choice(asked, "state", r.l.migration_result(), r.l.migration_any_result(), states)]
    }

    fn place(_: &Asked, row: &Row) -> Place {
        Place { id: row.tenant_id.clone(), href: format!("/tenants/{}/subscription", row.tenant_id), beside: None, current: false }
    }

    fn mark(row: &Row, _: &str) -> (String, String) {
        (String::new(), row.tenant_id.clone())
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Row>, Error> {
        // `/subscriptions/migrations/CR-12`
        let id = parse_id(asked.path().split('/').nth(3).unwrap_or_default())?;
        Ok(store::rows(conn, id, asked.some("state").as_deref(), slice).await?)
    }
}
