//! The inbox: tabs, a list, and one request beside it.
use super::{list::Requests, seen};
use crate::{
    app::App,
    auth::{Operator, RequestsDecide, RequestsRead, Scope},
    error::Error,
    page::{
        self, Shell, Visit, capped, export,
        list::{self, Asked, List},
    },
    requests::{
        inbox, parse_id, store,
        view::{self, Decide, RequestView, Typed},
    },
};
use askama::Template;
use axum::{extract::State, response::Response};

#[derive(Template)]
#[template(path = "requests/inbox.html")]
struct Inbox {
    shell: Shell,
    tabs: Vec<Tab>,
    list: List,
    selected: Option<RequestView>,
    decides: bool,
}

struct Tab {
    label: String,
    href: String,
    count: Option<String>,
    current: bool,
}

pub(super) async fn index(
    operator: Operator<RequestsRead>,
    visit: Visit,
    State(app): State<App>,
    mut asked: Asked,
) -> Result<Response, Error> {
    let (l, caller) = (visit.l, operator.caller());
    let decides = caller.may(RequestsDecide::NAME);
    let mut conn = app.db.read().await?;
    let counts = inbox::counts(&mut *app.db.look_up().await?, &inbox::Turn::of(caller)).await?;
    let tabs = [
        ("mine", l.inbox_tab_mine(), counts.mine),
        ("open", l.inbox_tab_open(), counts.open),
        ("asked", l.inbox_tab_asked(), counts.asked),
        ("decided", l.inbox_tab_decided(), 0),
        ("unknown", l.inbox_tab_unknown(), counts.unknown),
        ("review", l.inbox_tab_review(), counts.reviews),
    ];
    let for_all = |name: &str| decides || !["mine", "review"].contains(&name);
    let known = |name: &str| tabs.iter().any(|(n, ..)| *n == name && for_all(n));
    if !known(asked.get("tab")) {
        asked.set("tab", if decides { "mine" } else { "asked" });
    }
    let empty = l.find(&format!("inbox-empty-{}", asked.get("tab"))).unwrap_or_default();
    let mut list = list::page::<Requests>(&visit.reader(&app)?, &mut conn, &asked, empty).await?;
    // nobody chooses rows for something they may not do
    list.table.chooses &= decides;
    let selected = match parse_id(asked.get("selected")) {
        Ok(id) => store::find(&mut conn, id).await?,
        Err(_) => None,
    };
    let selected = match selected {
        Some(request) => {
            seen::note(&app, &visit, caller, &request);
            Some(view::whole(&app, &mut conn, l, caller, &request, Typed::default()).await?)
        }
        None => None,
    };
    drop(conn);
    let tab = |(name, label, count): &(&str, String, i64)| Tab {
        label: label.clone(),
        href: format!("/inbox?tab={name}"),
        count: (*count > 0).then(|| capped(*count)),
        current: asked.get("tab") == *name,
    };
    let tabs = tabs.iter().filter(|(name, ..)| for_all(name)).map(tab).collect();
    page::html(&Inbox { shell: visit.shell(&app).await?, tabs, list, selected, decides })
}

pub(super) async fn export(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    export::csv::<Requests>(visit.reader(&app)?, asked).await
}
