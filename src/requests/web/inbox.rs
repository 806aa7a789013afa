//! The inbox: tabs, filters, a list, and one request beside it.
use crate::{
    app::App,
    auth::{Operator, RequestsDecide, RequestsRead, Scope},
    error::Error,
    page::{self, Chip, Opt, Shell, Visit, capped, query},
    requests::{
        State as Standing, parse_id,
        store::{self, Filter},
        view::{self, Decide, RequestRow, RequestView, Typed},
    },
};
use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;
use uuid::Uuid;

const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "requests/inbox.html")]
struct Inbox {
    shell: Shell,
    tabs: Vec<Tab>,
    tab: String,
    rows: Vec<RequestRow>,
    q: String,
    operation_options: Vec<Opt>,
    state_options: Vec<Opt>,
    chips: Vec<Chip>,
    clear_href: String,
    next: Option<String>,
    previous: Option<String>,
    selected: Option<RequestView>,
    empty: String,
    filtered: bool,
    here: String,
}

struct Tab {
    label: String,
    href: String,
    count: Option<String>,
    current: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    tab: String,
    q: String,
    operation: String,
    state: String,
    before: Option<i64>,
    after: Option<i64>,
    selected: String,
}

impl Asked {
    fn pairs(&self) -> [(&'static str, &str); 4] {
        [("tab", &self.tab), ("q", &self.q), ("operation", &self.operation), ("state", &self.state)]
    }

    fn with(&self, extra: &[(&'static str, &str)]) -> String {
        let kept = self.pairs().into_iter().filter(|(name, _)| extra.iter().all(|(n, _)| n != name));
        format!("/inbox{}", query(&kept.chain(extra.iter().copied()).collect::<Vec<_>>()))
    }

    /// This very page of the list, with a request beside it.
    fn at(&self, selected: &str) -> String {
        let cursor = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
        self.with(&[("before", &cursor(self.before)), ("after", &cursor(self.after)), ("selected", selected)])
    }

    fn filter(&self, operator: Uuid) -> Filter {
        let text = |s: &str| Some(s.trim().to_owned()).filter(|s| !s.is_empty());
        let names = |states: &[Standing]| Some(states.iter().map(|s| s.name()).collect());
        let mut filter = Filter { operation: text(&self.operation), q: text(&self.q), ..Filter::default() };
        match self.tab.as_str() {
            "mine" => filter.waiting_for = Some(operator),
            "asked" => filter.requester = Some(operator),
            "decided" => filter.states = names(&Standing::ALL.into_iter().filter(|s| !s.is_open()).collect::<Vec<_>>()),
            "unknown" => filter.states = names(&[Standing::Unknown]),
            _ => filter.states = names(&Standing::OPEN),
        }
        if let Some(state) = Standing::named(&self.state) {
            filter.states = names(&[state]);
        }
        filter
    }
}

pub(super) async fn index(
    operator: Operator<RequestsRead>,
    visit: Visit,
    State(app): State<App>,
    Query(mut asked): Query<Asked>,
) -> Result<Response, Error> {
    let l = visit.l;
    let decides = operator.caller().may(RequestsDecide::NAME);
    if !["mine", "open", "asked", "decided", "unknown"].contains(&asked.tab.as_str()) {
        asked.tab = if decides { "mine" } else { "asked" }.into();
    }
    let mut conn = app.db.read().await?;
    let back = asked.after.is_some();
    let mut rows = store::list(&mut conn, &asked.filter(operator.id()), asked.after.or(asked.before), back, PAGE as i64 + 1).await?;
    let counts = store::counts(&mut conn, operator.id(), decides).await?;
    let more = rows.len() > PAGE;
    if more {
        if back {
            rows.remove(0);
        } else {
            rows.truncate(PAGE);
        }
    }
    let selected = match parse_id(&asked.selected) {
        Ok(id) => match store::find(&mut conn, id).await? {
            Some(request) => Some(view::whole(&app, &mut conn, l, operator.caller(), &request, Typed::default()).await?),
            None => None,
        },
        Err(_) => None,
    };
    drop(conn);
    let (first, last) = (rows.first().map(|r| r.id.to_string()), rows.last().map(|r| r.id.to_string()));
    let tabs = [
        ("mine", l.inbox_tab_mine(), counts.mine),
        ("open", l.inbox_tab_open(), counts.open),
        ("asked", l.inbox_tab_asked(), counts.asked),
        ("decided", l.inbox_tab_decided(), 0),
        ("unknown", l.inbox_tab_unknown(), counts.unknown),
    ];
    let mut chips = Vec::new();
    for (name, value, label) in [
        ("q", asked.q.clone(), asked.q.clone()),
        ("operation", asked.operation.clone(), app.registry.find(&asked.operation).map_or_else(|| asked.operation.clone(), |d| d.title(l))),
        ("state", asked.state.clone(), l.find(&format!("state-{}", asked.state)).unwrap_or_else(|| asked.state.clone())),
    ] {
        if !value.is_empty() {
            chips.push(Chip { label, href: asked.with(&[(name, "")]) });
        }
    }
    let page = Inbox {
        shell: visit.shell(&app).await?,
        tabs: tabs
            .into_iter()
            .filter(|(name, ..)| *name != "mine" || decides)
            .map(|(name, label, count)| Tab {
                label,
                href: format!("/inbox?tab={name}"),
                count: (count > 0).then(|| capped(count)),
                current: asked.tab == name,
            })
            .collect(),
        rows: rows
            .iter()
            .map(|r| {
                let mut row = RequestRow::new(&app, l, r);
                row.current = row.id == asked.selected;
                // wide screens keep the list beside the request
                row.href = asked.at(&row.id);
                row
            })
            .collect(),
        operation_options: std::iter::once(Opt::any(l.filter_any_operation(), &asked.operation))
            .chain(app.registry.all().map(|d| Opt { value: d.name().into(), label: d.title(l), selected: d.name() == asked.operation }))
            .collect(),
        state_options: std::iter::once(Opt::any(l.filter_any_state(), &asked.state))
            .chain(Standing::ALL.into_iter().map(|s| Opt {
                value: s.name().into(),
                label: view::badge(l, s).label,
                selected: s.name() == asked.state,
            }))
            .collect(),
        filtered: !chips.is_empty(),
        empty: if chips.is_empty() { l.find(&format!("inbox-empty-{}", asked.tab)).unwrap_or_default() } else { l.inbox_filtered_empty() },
        chips,
        clear_href: format!("/inbox?tab={}", asked.tab),
        next: last.filter(|_| back || more).map(|id| asked.with(&[("before", &id)])),
        previous: first.filter(|_| if back { more } else { asked.before.is_some() }).map(|id| asked.with(&[("after", &id)])),
        here: visit.path().to_owned(),
        selected,
        q: asked.q,
        tab: asked.tab,
    };
    page::html(&page)
}
