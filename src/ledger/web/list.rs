//! Events as a list: the ledger's page, and the histories of other pages.
use crate::{
    error::Error,
    i18n::Lang,
    ledger::{
        Outcome,
        browse::{self, Event, Query},
        query::RANGES,
    },
    page::{
        Cell, Column, Detail, Link, Place, Reader, When,
        list::{Asked, Filter, FilterKind, Listing, Slice},
    },
    requests,
};
use chrono::{NaiveDate, Utc};
use sqlx::PgConnection;

/// The ledger's own list.
pub(super) struct Events;

/// The columns that the histories of other pages show.
pub const BRIEF: &[&str] = &["created", "event", "actor", "request", "outcome"];

/// Kinds of events as people look for them: the beginning of their names.
const KINDS: [&str; 20] = [
    "request.",
    "org.",
    "user.",
    "onboarding.",
    "tenant.",
    "company.",
    "payment.",
    "tool.",
    "catalog.",
    "promotion.",
    "subscription.",
    "permissions.",
    "addon.",
    "draft.",
    "session.",
    "access.",
    "operator.",
    "token.",
    "ledger.",
    "list.",
];
/// Whatever did not simply succeed.
const NOT_WELL: &str = "-success";

/// The columns of events, for the ledger and for the tables of other pages.
pub fn columns() -> Vec<Column<Event>> {
    type Of = Column<Event>;
    let title = |r: &Reader, e: &Event| Cell::Title { text: kind_label(r.l, &e.kind), below: vec![Detail::code(&e.kind)] };
    vec![
        Of::new("event", Lang::table_event, title, |e| e.kind.clone()),
        Of::new("created", Lang::table_at, |r, e| Cell::Date(When::new(r.l, e.at)), |e| When::iso(e.at)).sorts(),
        Of::new("actor", Lang::table_actor, |_, e| Cell::Text(e.actor.clone()), |e| e.actor.clone()),
        Of::new("target", Lang::table_target, target, |e| e.target_id.clone().unwrap_or_default()),
        Of::new("request", Lang::table_request, request, |e| e.request.map(requests::short_id).unwrap_or_default()),
        Of::new("outcome", Lang::table_outcome, outcome, |e| e.outcome.clone()),
        Of::new("door", Lang::ledger_door, |r, e| Cell::Text(door(r.l, e)), |e| e.door.clone()).hidden(),
        Of::new("id", Lang::ledger_id, |_, e| Cell::Code(e.id.to_string()), |e| e.id.to_string()).hidden(),
    ]
}

/// An event's own page.
pub fn place(event: &Event) -> Place {
    Place { id: event.id.to_string(), href: format!("/ledger/{}", event.id), beside: None, current: false }
}

/// What an event's kind is called; unknown kinds keep their name.
pub fn kind_label(l: Lang, kind: &str) -> String {
    l.find(&format!("event-{}", kind.replace(['.', '_'], "-"))).unwrap_or_else(|| kind.to_owned())
}

/// The page of a target, if it has one.
pub fn target_href(kind: Option<&str>, id: Option<&str>) -> Option<String> {
    match (kind?, id?) {
        ("org", id) => Some(format!("/orgs/{id}")),
        ("user", id) => Some(format!("/users/{id}")),
        ("plan", id) => Some(format!("/catalog/plans/{id}")),
        ("addon", id) => Some(format!("/catalog/addons/{id}")),
        ("promotion", id) => Some(format!("/catalog/promotions?q={id}")),
        ("payment", id) => Some(format!("/payments/{id}")),
        ("tenant", id) => Some(format!("/tenants/{id}")),
        ("company", id) => Some(format!("/companies/{id}")),
        ("subject", id) => target_href(Some("user"), Some(id.strip_prefix("user:")?)),
        _ => None,
    }
}

pub(super) fn door(l: Lang, event: &Event) -> String {
    l.find(&format!("door-{}", event.door)).unwrap_or_else(|| event.door.clone())
}

fn target(_: &Reader, event: &Event) -> Cell {
    if let Some(name) = &event.target_name {
        return Cell::Text(name.clone());
    }
    match (target_href(event.target_type.as_deref(), event.target_id.as_deref()), &event.target_id) {
        (Some(href), Some(id)) => Cell::Link(Link { label: id.clone(), href }),
        (None, Some(id)) => Cell::Code(id.clone()),
        _ => Cell::None,
    }
}

fn request(_: &Reader, event: &Event) -> Cell {
    event.request.map_or(Cell::None, |id| {
        let id = requests::short_id(id);
        Cell::Link(Link { href: format!("/requests/{id}"), label: id })
    })
}

fn outcome(r: &Reader, event: &Event) -> Cell {
    Cell::Outcome { key: event.outcome.clone(), label: r.l.find(&format!("outcome-{}", event.outcome)).unwrap_or_default() }
}

impl Listing for Events {
    type Row = Event;
    const NAME: &'static str = "ledger";
    const ORDERS: &'static [&'static str] = &["-created"];

    const ICON: &'static str = "history";

    fn caption(r: &Reader) -> String {
        r.l.ledger_title()
    }

    fn columns() -> Vec<Column<Event>> {
        columns()
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        let l = r.l;
        let named = |prefix: &str, names: &[&str]| -> Vec<(String, String)> {
            let label = |name: &str| l.find(&format!("{prefix}-{}", name.trim_end_matches('.'))).unwrap_or_default();
            names.iter().map(|name| ((*name).to_owned(), label(name))).collect()
        };
        let mut kinds = named("ledger-kind", &KINDS);
        let mut outcomes = named("outcome", &Outcome::NAMES);
        outcomes.push((NOT_WELL.into(), said(l, NOT_WELL, outcome_label)));
        offer(l, &mut kinds, asked.get("action"), |l, kind| Some(kind_label(l, kind)));
        offer(l, &mut outcomes, asked.get("outcome"), outcome_label);
        let ranges = RANGES.map(|range| (range.to_owned(), l.find(&format!("ledger-range-{range}")).unwrap_or_default()));
        vec![
            Filter::text(asked, "actor", l.table_actor(), &l.ledger_actor_hint()),
            Filter::choice(asked, "range", l.ledger_range(), l.filter_any_time(), ranges.into()),
            Filter::choice(asked, "action", l.table_event(), l.filter_any_event(), kinds),
            Filter::choice(asked, "outcome", l.table_outcome(), l.filter_any_outcome(), outcomes),
            Filter::text(asked, "q", l.ledger_words(), &l.ledger_words_hint()),
            Filter::text(asked, "target", l.table_target(), &l.ledger_target_hint()),
            Filter::text(asked, "request", l.table_request(), "CR-2048"),
            day(asked, "since", l.ledger_since()),
            day(asked, "until", l.ledger_until()),
        ]
    }

    fn place(_: &Asked, row: &Event) -> Place {
        place(row)
    }

    fn mark(row: &Event, _: &str) -> (String, String) {
        (String::new(), row.id.to_string())
    }

    /// What cannot be understood finds nothing; the page says what is wrong with it.
    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Event>, Error> {
        match Query::from_fields(|name| asked.get(name)) {
            Ok(query) => Ok(browse::list(conn, &query.filter(Utc::now()), slice).await?),
            Err(_) => Ok(Vec::new()),
        }
    }
}

type Label = fn(Lang, &str) -> Option<String>;

fn outcome_label(l: Lang, outcome: &str) -> Option<String> {
    l.find(&format!("outcome-{outcome}"))
}

/// A line may ask for what no list offers: one kind alone, several, or all but these.
fn offer(l: Lang, known: &mut Vec<(String, String)>, value: &str, label: Label) {
    if !value.is_empty() && known.iter().all(|(known, _)| known != value) {
        known.push((value.to_owned(), said(l, value, label)));
    }
}

/// A field's value in words: names with commas between, and what is left out.
fn said(l: Lang, value: &str, label: Label) -> String {
    let one = |part: &str| {
        let name = part.trim_start_matches('-');
        let label = label(l, name).unwrap_or_else(|| name.to_owned());
        if part.starts_with('-') { l.ledger_but(label) } else { label }
    };
    value.split(',').map(|part| one(part.trim())).collect::<Vec<_>>().join(", ")
}

/// A day is picked; what is no day, such as `7d`, is written.
fn day(asked: &Asked, name: &'static str, label: String) -> Filter {
    let value = asked.get(name);
    if value.is_empty() || value.parse::<NaiveDate>().is_ok() {
        return Filter::date(asked, name, label);
    }
    Filter { kind: FilterKind::Text { hint: String::new() }, ..Filter::date(asked, name, label) }
}
