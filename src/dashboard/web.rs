//! The first page: what waits for me, what I asked for, what happened.
use crate::{
    app::App,
    auth::{LedgerRead, Operator, PortalUse, RequestsDecide, RequestsRead, Scope},
    error::Error,
    ledger::{self, web::EventRow},
    page::{self, Shell, Visit, capped},
    requests::{self, inbox::Filter, view::RequestRow},
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
    waiting: Vec<RequestRow>,
    mine: Vec<RequestRow>,
    tiles: Vec<Tile>,
    recent: Vec<EventRow>,
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
        requests::inbox::list(&mut conn, &Filter { waiting_for: Some(caller.id), ..Filter::default() }, None, false, 8).await?
    } else {
        Vec::new()
    };
    let mine = if !caller.may(RequestsRead::NAME) {
        Vec::new()
    } else {
        requests::inbox::list(&mut conn, &Filter { requester: Some(caller.id), ..Filter::default() }, None, false, 8).await?
    };
    let recent = if caller.may(LedgerRead::NAME) {
        ledger::browse::list(&mut conn, &ledger::browse::Filter { kind: Some("request.".into()), ..Default::default() }, None, false, 8)
            .await?
    } else {
        Vec::new()
    };
    drop(conn);
    let tile = |label, count, href, hint| Tile { label, value: capped(count), href, hint };
    let mut tiles = vec![
        tile(l.dashboard_tile_open(), counts.open, "/inbox?tab=open", l.dashboard_tile_open_hint()),
        tile(l.dashboard_tile_expiring(), counts.expiring, "/inbox?tab=open&state=pending", l.dashboard_tile_expiring_hint()),
        tile(l.dashboard_tile_asked(), counts.asked, "/inbox?tab=asked", l.dashboard_tile_asked_hint()),
    ];
    if decides {
        tiles.insert(0, tile(l.dashboard_tile_waiting(), counts.mine, "/inbox?tab=mine", l.dashboard_tile_waiting_hint()));
    }
    page::html(&Index {
        shell: visit.shell(&app).await?,
        waiting: waiting.iter().map(|r| RequestRow::new(&app, l, r)).collect(),
        mine: mine.iter().map(|r| RequestRow::new(&app, l, r)).collect(),
        tiles,
        recent: recent.iter().map(|e| EventRow::new(l, e)).collect(),
    })
}
