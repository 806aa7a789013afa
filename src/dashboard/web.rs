//! The first page: what waits for me, what I asked for, what happened.
use crate::{
    app::App,
    auth::{LedgerRead, Operator, PortalUse, RequestsDecide, RequestsRead, Scope},
    error::Error,
    ledger,
    page::{self, Shell, Table, Visit, capped, list::Slice},
    requests::{self, inbox::Filter},
    surface::Surface,
};
use askama::Template;
use axum::{extract::State, response::Response};

pub fn routes(surface: Surface) -> Surface {
    surface.show::<PortalUse, _, _>("/", index)
}

#[derive(Template)]
#[template(path = "dashboard/index.html")]
struct Index {
    shell: Shell,
    waiting: Table,
    mine: Table,
    tiles: Vec<Tile>,
    recent: Option<Table>,
}

struct Tile {
    label: String,
    value: String,
    href: &'static str,
    hint: String,
}

async fn index(operator: Operator<PortalUse>, visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    let l = visit.l;
    let caller = operator.caller();
    let decides = caller.may(RequestsDecide::NAME) && caller.may(RequestsRead::NAME);
    let mut conn = app.db.read().await?;
    let counts = requests::inbox::counts(&mut conn, caller.id, decides).await?;
    let waiting = if decides {
        requests::inbox::list(&mut conn, &Filter { waiting_for: Some(caller.id), ..Filter::default() }, Slice::newest(8)).await?
    } else {
        Vec::new()
    };
    let mine = if !caller.may(RequestsRead::NAME) {
        Vec::new()
    } else {
        requests::inbox::list(&mut conn, &Filter { requester: Some(caller.id), ..Filter::default() }, Slice::newest(8)).await?
    };
    let recent = if caller.may(LedgerRead::NAME) {
        ledger::browse::list(&mut conn, &ledger::browse::Filter { kind: Some("request.".into()), ..Default::default() }, Slice::newest(8))
            .await?
    } else {
        Vec::new()
    };
    drop(conn);
    let tile = |label, count, href, hint| Tile { label, value: capped(count), href, hint };
    let mut tiles = vec![
        tile(l.dashboard_tile_open(), counts.open, "/inbox?tab=open", l.dashboard_tile_open_hint()),
        tile(l.dashboard_tile_expiring(), counts.expiring, "/inbox?tab=open&due=soon&sort=expires", l.dashboard_tile_expiring_hint()),
        tile(l.dashboard_tile_asked(), counts.asked, "/inbox?tab=asked", l.dashboard_tile_asked_hint()),
    ];
    if decides {
        tiles.insert(0, tile(l.dashboard_tile_waiting(), counts.mine, "/inbox?tab=mine", l.dashboard_tile_waiting_hint()));
    }
    let r = visit.reader(&app)?;
    let table = |caption, rows: &[requests::inbox::Listed]| {
        Table::plain(&r, caption, &requests::web::columns(), requests::web::BRIEF, rows, requests::web::place)
    };
    let recent = caller
        .may(LedgerRead::NAME)
        .then(|| Table::plain(&r, l.dashboard_recent(), &ledger::web::columns(), ledger::web::BRIEF, &recent, ledger::web::place));
    page::html(&Index {
        shell: visit.shell(&app).await?,
        waiting: table(l.dashboard_waiting(), &waiting),
        mine: table(l.dashboard_mine(), &mine),
        tiles,
        recent,
    })
}
