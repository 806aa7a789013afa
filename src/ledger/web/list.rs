//! Events as a list: the ledger's page, and the histories of other pages.
use crate::{
    error::Error,
    i18n::Lang,
    ledger::{
        Outcome,
        store::{self, Event, Filter as Wanted},
    },
    page::{
        Cell, Column, Detail, Link, Place, Reader, When,
        list::{Asked, Filter, Listing, Slice},
    },
    requests,
};
use chrono::{DateTime, Datelike, Days, NaiveDate, TimeZone, Utc};
use chrono_tz::Asia::Seoul;
use sqlx::PgConnection;

/// The ledger's own list.
pub(super) struct Events;

/// The columns that the histories of other pages show.
pub const BRIEF: &[&str] = &["created", "event", "actor", "request", "outcome"];

/// Kinds of events as people look for them: the beginning of their names.
const KINDS: [&str; 8] = ["request.", "org.", "user.", "session.", "access.", "operator.", "token.", "list."];

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
        // a link may ask for one kind alone
        kinds.extend(asked.some("kind").filter(|k| !KINDS.contains(&k.as_str())).map(|k| (k.clone(), kind_label(l, &k))));
        vec![
            Filter::text(asked, "actor", l.table_actor(), &l.ledger_actor_hint()),
            Filter::choice(
                asked,
                "range",
                l.ledger_range(),
                l.filter_any_time(),
                named("ledger-range", &["today", "week", "last-week", "month"]),
            ),
            Filter::choice(asked, "kind", l.table_event(), l.filter_any_event(), kinds),
            Filter::choice(asked, "outcome", l.table_outcome(), l.filter_any_outcome(), named("outcome", &Outcome::NAMES)),
            Filter::text(asked, "target", l.table_target(), &l.ledger_target_hint()),
            Filter::text(asked, "request", l.table_request(), "CR-2048"),
            Filter::date(asked, "since", l.ledger_since()),
            Filter::date(asked, "until", l.ledger_until()),
        ]
    }

    fn place(_: &Asked, row: &Event) -> Place {
        place(row)
    }

    fn mark(row: &Event, _: &str) -> (String, String) {
        (String::new(), row.id.to_string())
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Event>, Error> {
        Ok(store::list(conn, &wanted(asked, Utc::now()), slice).await?)
    }
}

fn wanted(asked: &Asked, now: DateTime<Utc>) -> Wanted {
    let (since, until) = range(asked.get("range"), now.with_timezone(&Seoul).date_naive());
    let day = |name: &str, otherwise: Option<NaiveDate>| asked.get(name).parse().ok().or(otherwise);
    Wanted {
        actor: asked.some("actor"),
        kind: asked.some("kind"),
        target: asked.some("target"),
        // a request that cannot exist matches nothing, rather than everything
        request: asked.some("request").map(|r| requests::parse_id(&r).unwrap_or(-1)),
        outcome: asked.some("outcome"),
        since: day("since", since).and_then(midnight),
        until: day("until", until).and_then(|d| d.checked_add_days(Days::new(1))).and_then(midnight),
    }
}

/// First and last day of a named range, both included; weeks begin on Monday.
fn range(name: &str, today: NaiveDate) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let back = |days: u64| today.checked_sub_days(Days::new(days));
    let weekday = u64::from(today.weekday().num_days_from_monday());
    match name {
        "today" => (Some(today), None),
        "week" => (back(6), None),
        "last-week" => (back(weekday + 7), back(weekday + 1)),
        "month" => (back(29), None),
        _ => (None, None),
    }
}

/// When a day begins in Korea.
fn midnight(day: NaiveDate) -> Option<DateTime<Utc>> {
    Some(Seoul.from_local_datetime(&day.and_hms_opt(0, 0, 0)?).single()?.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_week_is_from_monday_to_sunday() {
        let day = |text: &str| Some(text.parse::<NaiveDate>().unwrap());
        for today in ["2026-11-16", "2026-11-19", "2026-11-22"] {
            assert_eq!(range("last-week", today.parse().unwrap()), (day("2026-11-09"), day("2026-11-15")), "{today}");
        }
        let asked = Asked::of("/ledger", "range=today");
        let wanted = wanted(&asked, "2026-11-20T15:30:00Z".parse().unwrap());
        assert_eq!(wanted.since, Some("2026-11-20T15:00:00Z".parse().unwrap()), "midnight is Korean");
    }
}
