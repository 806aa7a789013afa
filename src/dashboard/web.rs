//! The first page: what waits for me, what I asked for, what happened.
use super::{
    history::{self, Days, History},
    tour,
};
use crate::{
    app::App,
    auth::{LedgerRead, Operator, PortalUse, RequestsDecide, RequestsRead, Scope},
    error::Error,
    i18n::Lang,
    ledger,
    operations::form::grouped,
    page::{self, Chart, Day, Plot, Series, Shell, Spark, Table, Tile, Trend, Visit, capped, chart, list::Slice},
    requests::{
        self,
        inbox::{Counts, Filter, Turn},
    },
    surface::Surface,
};
use askama::Template;
use axum::{extract::State, response::Response};
use std::sync::Arc;

pub fn routes(surface: Surface) -> Surface {
    let history = Arc::new(History::default());
    surface.show::<PortalUse, _, _>("/", move |operator, visit, app| index(operator, visit, app, history.clone()))
}

#[derive(Template)]
#[template(path = "dashboard/index.html")]
struct Index {
    shell: Shell,
    tour: Vec<tour::Step>,
    waiting: Table,
    mine: Table,
    tiles: Vec<Tile>,
    activity: Option<Chart>,
    recent: Option<Table>,
}

async fn index(operator: Operator<PortalUse>, visit: Visit, State(app): State<App>, history: Arc<History>) -> Result<Response, Error> {
    let l = visit.l;
    let caller = operator.caller();
    let reads = caller.may(RequestsRead::NAME);
    let decides = caller.may(RequestsDecide::NAME) && reads;
    let days = if reads { Some(history.days(&app.db).await?) } else { None };
    let mut conn = app.db.read().await?;
    let counts = requests::inbox::counts(&mut *app.db.look_up().await?, &Turn::of(caller)).await?;
    let waiting = if decides {
        requests::inbox::list(&mut conn, &Filter { waiting_for: Some(Turn::of(caller)), ..Filter::default() }, Slice::soonest(8)).await?
    } else {
        Vec::new()
    };
    let mine = if reads {
        requests::inbox::list(&mut conn, &Filter { requester: Some(caller.id), ..Filter::default() }, Slice::newest(8)).await?
    } else {
        Vec::new()
    };
    let recent = if caller.may(LedgerRead::NAME) {
        let filter = ledger::browse::Filter::of_kind("request.");
        Some(ledger::browse::list(&mut conn, &filter, Slice::newest(8)).await?)
    } else {
        None
    };
    let tour = if visit.wants_tour() { tour::steps(&mut conn, l, caller).await? } else { Vec::new() };
    drop(conn);
    let r = visit.reader(&app)?;
    let table = |caption, rows: &[requests::inbox::Listed]| {
        Table::plain(&r, caption, &requests::web::columns(), requests::web::BRIEF, rows, requests::web::place)
    };
    page::html(&Index {
        shell: visit.shell(&app).await?,
        tour,
        waiting: table(l.dashboard_waiting(), &waiting),
        mine: table(l.dashboard_mine(), &mine),
        tiles: if reads { tiles(l, decides, &counts, days.as_ref()) } else { Vec::new() },
        activity: days.as_ref().map(|days| activity(l, days)),
        recent: recent
            .map(|rows| Table::plain(&r, l.dashboard_recent(), &ledger::web::columns(), ledger::web::BRIEF, &rows, ledger::web::place)),
    })
}

fn tiles(l: Lang, decides: bool, counts: &Counts, days: Option<&Days>) -> Vec<Tile> {
    let tile = |label, count, href, hint| Tile { label, value: capped(count), href, hint, trend: None, spark: None };
    let mut tiles = Vec::new();
    if decides {
        tiles.push(tile(l.dashboard_tile_waiting(), counts.mine, "/inbox?tab=mine", l.dashboard_tile_waiting_hint()));
    }
    tiles.push(tile(
        l.dashboard_tile_expiring(),
        counts.expiring,
        "/inbox?tab=open&due=soon&sort=expires",
        l.dashboard_tile_expiring_hint(),
    ));
    tiles.push(tile(l.dashboard_tile_asked(), counts.asked, "/inbox?tab=asked", l.dashboard_tile_asked_hint()));
    let mut open = tile(l.dashboard_tile_open(), counts.open, "/inbox?tab=open", l.dashboard_tile_open_hint());
    if let Some(days) = days {
        let (asked, closed) = (history::weeks(&days.asked()).0, history::weeks(&days.closed()).0);
        open.trend = Some(trend(
            asked - closed,
            l.dashboard_open_more(grouped((asked - closed).abs())),
            l.dashboard_open_fewer(grouped((asked - closed).abs())),
            l.dashboard_open_same(),
        ));
        // counted to 99 and no further, the line would begin somewhere
        open.spark = if counts.open <= 99 { Spark::new(&days.open(counts.open)) } else { None };
        tiles.push(open);
        let closed = days.closed();
        let (now, before) = history::weeks(&closed);
        tiles.push(Tile {
            label: l.dashboard_tile_closed(),
            value: grouped(now),
            href: "/inbox?tab=decided",
            hint: l.dashboard_tile_closed_hint(),
            trend: Some(trend(
                now - before,
                l.dashboard_closed_more(grouped(now - before)),
                l.dashboard_closed_fewer(grouped(before - now)),
                l.dashboard_closed_same(),
            )),
            spark: Spark::new(&closed[closed.len().saturating_sub(history::RECENT)..]),
        });
    } else {
        tiles.push(open);
    }
    tiles
}

fn trend(by: i64, more: String, fewer: String, same: String) -> Trend {
    match by {
        1.. => Trend { icon: "trending-up", text: more },
        0 => Trend { icon: "minus", text: same },
        _ => Trend { icon: "trending-down", text: fewer },
    }
}

/// Asked for and ended on each day.
fn activity(l: Lang, days: &Days) -> Chart {
    let (asked, closed) = (days.asked(), days.closed());
    let sum = |values: &[i64]| grouped(values.iter().sum());
    let finding = match days.busiest() {
        Some((date, most)) => l.dashboard_activity_finding(sum(&asked), sum(&closed), Day::new(l, date).long, grouped(most)),
        None => l.dashboard_activity_none(sum(&closed)),
    };
    Plot {
        id: "activity",
        title: l.dashboard_activity(),
        finding,
        shape: chart::Shape::Line,
        days: chart::days(l, &days.dates),
        series: vec![Series::new(l.dashboard_asked(), asked), Series::new(l.dashboard_closed(), closed)],
        limit: None,
    }
    .draw()
}
