//! Requests as a list: the inbox, and the tables of other pages.
use crate::{
    auth::{RequestsDecide, Scope},
    error::Error,
    i18n::Lang,
    page::{
        self, Cell, Column, Detail, DiffRow, Place, Reader, RiskTag, When,
        list::{Asked, Filter, Listing, Slice},
    },
    requests::{
        State,
        inbox::{self, Broken, Listed},
        short_id, view,
    },
};
use chrono::{SecondsFormat, TimeDelta, Utc};
use sqlx::PgConnection;
use std::borrow::Cow;

/// What is about to expire: less than this is left.
const SOON: TimeDelta = TimeDelta::hours(4);

/// What the choices among the states that are about broken glasses begin with.
const GLASS: &str = "glass-";

/// The inbox.
pub struct Requests;

/// The columns of requests, for the inbox and for the tables of other pages.
pub fn columns() -> Vec<Column<Listed>> {
    type Of = Column<Listed>;
    vec![
        Of::new("request", Lang::table_request, title, |r| short_id(r.id)),
        Of::new("operation", Lang::inbox_operation, |r, row| Cell::Code(operation(r, row)), |r| r.operation.clone()).hidden(),
        Of::new("target", Lang::table_target, |_, r| Cell::Text(r.target_label.clone()), |r| r.target_label.clone()).hidden(),
        Of::new("target_id", Lang::table_target_id, |_, r| Cell::Code(r.target_id.clone()), |r| r.target_id.clone()).hidden(),
        Of::new("state", Lang::table_state, |r, row| Cell::State(view::badge(r.l, row.state)), |r| r.state.name().into()),
        Of::new("risk", Lang::table_risk, |r, row| Cell::Risk(RiskTag::new(r.l, &row.risk)), |r| r.risk.clone()),
        Of::new(
            "break_glass",
            Lang::glass_badge,
            |r, row| if row.broke_glass { Cell::Tag(r.l.glass_badge()) } else { Cell::None },
            |r| if r.broke_glass { "yes".into() } else { String::new() },
        )
        .hidden(),
        Of::new("requester", Lang::table_requester, |_, r| Cell::Text(r.requester.clone()), |r| r.requester.clone()),
        Of::new("reason", Lang::form_reason, |_, r| Cell::Text(r.reason.clone()), |r| r.reason.clone()).hidden(),
        Of::new("created", Lang::table_time, |r, row| Cell::Time(When::new(r.l, row.created_at)), |r| When::iso(r.created_at))
            .end()
            .sorts(),
        Of::new("expires", Lang::request_expires, expires, |r| When::iso(r.expires_at)).end().sorts(),
        Of::new(
            "closed",
            Lang::table_closed,
            |r, row| row.closed_at.map_or(Cell::None, |at| Cell::Time(When::new(r.l, at))),
            |r| r.closed_at.map(When::iso).unwrap_or_default(),
        )
        .end()
        .hidden(),
    ]
}

/// The columns that the tables of other pages show.
pub const BRIEF: &[&str] = &["request", "state", "risk", "requester", "created", "expires"];

/// A row's own page.
pub fn place(row: &Listed) -> Place {
    let id = short_id(row.id);
    Place { href: format!("/requests/{id}"), id, beside: None, current: false }
}

fn operation(r: &Reader, row: &Listed) -> String {
    r.app.registry.find(&row.operation).map_or_else(|| row.operation.clone(), |d| d.title(r.l))
}

/// What is asked for, on whom, and what it would change.
fn title(r: &Reader, row: &Listed) -> Cell {
    let definition = r.app.registry.find(&row.operation);
    let label = |key: &str| definition.map_or_else(|| key.to_owned(), |d| d.label(r.l, key));
    let none = r.l.value_none();
    let mut changed: Vec<_> = page::diff(r.l, &row.before, &row.after, label).into_iter().filter(|row| row.changed).collect();
    let more = changed.len().saturating_sub(FEW);
    if more > 0 {
        changed.sort_by_key(|c| [&c.before, &c.after].into_iter().flatten().any(|text| tells_little(text)));
    }
    let said = |c: &DiffRow| {
        format!("{} {} → {}", c.label, brief(c.before.as_deref().unwrap_or(&none)), brief(c.after.as_deref().unwrap_or(&none)))
    };
    let mut summary = changed.iter().take(FEW).map(said).collect::<Vec<_>>().join(", ");
    if more > 0 {
        summary.push_str(&r.l.request_changes_more(more));
    }
    let mut below = vec![Detail::code(short_id(row.id)), Detail::text(&row.target_label)];
    if !summary.is_empty() {
        below.push(Detail::text(summary));
    }
    if row.broke_glass {
        below.insert(0, Detail::mark(r.l.glass_badge()));
    }
    Cell::Title { text: operation(r, row), below }
}

/// So many changes are told of in a row.
const FEW: usize = 4;

/// Hashes and long texts: there is more to see in everything else.
fn tells_little(text: &str) -> bool {
    text.contains('\n') || (text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// As much of a value as a row has room for; the request itself shows all of it.
fn brief(text: &str) -> Cow<'_, str> {
    const MOST: usize = 40;
    if text.chars().nth(MOST).is_none() && !text.contains('\n') {
        return text.into();
    }
    // of arguments the words are enough
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "");
    let mut cut: String = words.chars().take(MOST).collect();
    if cut.len() < words.len() {
        cut.push('…');
    }
    cut.into()
}

fn expires(r: &Reader, row: &Listed) -> Cell {
    if row.state == State::Pending { Cell::Time(When::new(r.l, row.expires_at)) } else { Cell::None }
}

impl Listing for Requests {
    type Row = Listed;
    const NAME: &'static str = "inbox";
    const ORDERS: &'static [&'static str] = &["-created", "expires"];
    const CHOOSES: bool = true;
    const BESIDE: &'static [&'static str] = &["request", "state", "expires"];

    const ICON: &'static str = "inbox";

    fn caption(r: &Reader) -> String {
        r.l.inbox_title()
    }

    fn columns() -> Vec<Column<Listed>> {
        columns()
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        let l = r.l;
        let operations = r.app.registry.all().map(|d| (d.name().to_owned(), d.title(l))).collect();
        let states = State::ALL.into_iter().map(|s| (s.name().to_owned(), view::badge(l, s).label));
        let risks = ["low", "medium", "high", "critical"].into_iter().map(|k| (k.to_owned(), RiskTag::new(l, k).label)).collect();
        let broken = [(Broken::All, l.glass_all()), (Broken::Due, l.glass_due()), (Broken::Reviewed, l.glass_reviewed())];
        let states = states.chain(broken.into_iter().map(|(which, label)| (format!("{GLASS}{}", which.name()), label))).collect();
        vec![
            Filter::search(asked, l.inbox_search(), l.inbox_search_hint()),
            Filter::choice(asked, "operation", l.inbox_operation(), l.filter_any_operation(), operations),
            Filter::choice(asked, "state", l.inbox_state(), l.filter_any_state(), states),
            Filter::choice(asked, "risk", l.table_risk(), l.filter_any_risk(), risks),
            Filter::choice(asked, "due", l.request_expires(), l.filter_any_due(), vec![("soon".into(), l.filter_due_soon())]),
        ]
    }

    fn place(asked: &Asked, row: &Listed) -> Place {
        let place = place(row);
        Place { beside: Some(asked.beside(&place.id)), current: asked.get("selected") == place.id, ..place }
    }

    fn mark(row: &Listed, key: &str) -> (String, String) {
        let value = if key == "expires" { row.expires_at.to_rfc3339_opts(SecondsFormat::Micros, true) } else { String::new() };
        (value, short_id(row.id))
    }

    async fn read(r: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Listed>, Error> {
        Ok(inbox::list(conn, &filter(r, asked), slice).await?)
    }
}

/// What the URL asks for. The tab says which requests, and a chosen state says it again, more narrowly.
pub fn filter(r: &Reader, asked: &Asked) -> inbox::Filter {
    let names = |states: &[State]| Some(states.iter().map(|s| s.name()).collect());
    let mut filter =
        inbox::Filter { operation: asked.some("operation"), q: asked.some("q"), risk: asked.some("risk"), ..inbox::Filter::default() };
    match asked.get("tab") {
        "mine" if r.caller.may(RequestsDecide::NAME) => filter.waiting_for = Some(inbox::Turn::of(&r.caller)),
        "asked" => filter.requester = Some(r.caller.id),
        "decided" => filter.states = names(&State::ALL.into_iter().filter(|s| !s.is_open()).collect::<Vec<_>>()),
        "unknown" => filter.states = names(&[State::Unknown]),
        "review" if r.caller.may(RequestsDecide::NAME) => filter.reviewed_by = Some(inbox::Turn::of(&r.caller)),
        _ => filter.states = names(&State::OPEN),
    }
    // they have been decided and are mostly over: a tab of what waits or is open would hide them
    filter.glass = asked.get("state").strip_prefix(GLASS).and_then(Broken::named);
    if filter.glass.is_some() {
        (filter.states, filter.waiting_for) = (None, None);
    }
    if let Some(state) = State::named(asked.get("state")) {
        filter.states = names(&[state]);
    }
    if asked.get("due") == "soon" {
        filter.states = names(&[State::Pending]);
        filter.expires_before = Some(Utc::now() + SOON);
    }
    filter
}
