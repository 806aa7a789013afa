//! Reading the ledger: a filtered list, and one event with what its leaf commits to.
use super::{
    commitment, leaf_hash,
    store::{self, Event, Filter, Whole},
};
use crate::{
    app::App,
    auth::LedgerRead,
    error::Error,
    i18n::Lang,
    page::{self, Chip, DiffRow, Fact, Link, Opt, Shell, Visit, When, query},
    requests,
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use chrono_tz::Asia::Seoul;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

const PAGE: usize = 50;

pub fn routes(surface: Surface) -> Surface {
    surface.show::<LedgerRead, _, _>("/ledger", index).show::<LedgerRead, _, _>("/ledger/{event}", show)
}

/// An event as templates show it, here and on every page with a history.
pub struct EventRow {
    pub id: String,
    pub href: String,
    pub at: When,
    pub kind: String,
    pub kind_label: String,
    pub actor: String,
    pub target: String,
    pub target_href: Option<String>,
    pub request: Option<Link>,
    pub outcome: String,
    pub outcome_label: String,
}

impl EventRow {
    pub fn new(l: Lang, e: &Event) -> Self {
        Self {
            id: e.id.to_string(),
            href: format!("/ledger/{}", e.id),
            at: When::new(l, e.at),
            kind_label: kind_label(l, &e.kind),
            kind: e.kind.clone(),
            actor: e.actor.clone(),
            target: e.target_id.clone().unwrap_or_default(),
            target_href: target_href(e.target_type.as_deref(), e.target_id.as_deref()),
            request: e.request.map(|id| Link { label: requests::short_id(id), href: format!("/requests/{}", requests::short_id(id)) }),
            outcome_label: l.find(&format!("outcome-{}", e.outcome)).unwrap_or_default(),
            outcome: e.outcome.clone(),
        }
    }
}

/// What an event's kind is called; unknown kinds keep their name.
pub fn kind_label(l: Lang, kind: &str) -> String {
    l.find(&format!("event-{}", kind.replace('.', "-"))).unwrap_or_else(|| kind.to_owned())
}

/// The page of a target, if it has one.
pub fn target_href(kind: Option<&str>, id: Option<&str>) -> Option<String> {
    match (kind?, id?) {
        ("org", id) => Some(format!("/orgs/{id}")),
        ("user", id) => Some(format!("/users/{id}")),
        _ => None,
    }
}

#[derive(Template)]
#[template(path = "ledger/index.html")]
struct Index {
    shell: Shell,
    rows: Vec<EventRow>,
    actor: String,
    kind: String,
    target: String,
    request: String,
    outcome_options: Vec<Opt>,
    since: String,
    until: String,
    chips: Vec<Chip>,
    clear_href: String,
    next: Option<String>,
    previous: Option<String>,
    empty: String,
    filtered: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    actor: String,
    kind: String,
    target: String,
    request: String,
    outcome: String,
    /// First and last day, in Korea.
    since: String,
    until: String,
    before: Option<Uuid>,
    after: Option<Uuid>,
}

impl Asked {
    fn pairs(&self) -> [(&'static str, &str); 7] {
        [
            ("actor", &self.actor),
            ("kind", &self.kind),
            ("target", &self.target),
            ("request", &self.request),
            ("outcome", &self.outcome),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }

    fn without(&self, name: &str) -> String {
        let kept: Vec<_> = self.pairs().into_iter().filter(|(n, _)| *n != name).collect();
        format!("/ledger{}", query(&kept))
    }

    fn with(&self, name: &str, value: &str) -> String {
        let all: Vec<_> = self.pairs().into_iter().chain([(name, value)]).collect();
        format!("/ledger{}", query(&all))
    }

    fn filter(&self) -> Filter {
        let text = |s: &str| Some(s.trim().to_owned()).filter(|s| !s.is_empty());
        Filter {
            actor: text(&self.actor),
            kind: text(&self.kind),
            target: text(&self.target),
            // a request that cannot exist matches nothing, rather than everything
            request: text(&self.request).map(|r| requests::parse_id(&r).unwrap_or(-1)),
            outcome: text(&self.outcome),
            since: midnight(&self.since, 0),
            until: midnight(&self.until, 1),
        }
    }
}

fn midnight(day: &str, days_later: u64) -> Option<DateTime<Utc>> {
    let day = day.parse::<NaiveDate>().ok()?.checked_add_days(chrono::Days::new(days_later))?;
    Some(Seoul.from_local_datetime(&day.and_hms_opt(0, 0, 0)?).single()?.with_timezone(&Utc))
}

async fn index(visit: Visit, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let l = visit.l;
    let back = asked.after.is_some();
    let mut conn = app.db.read().await?;
    let mut events = store::list(&mut conn, &asked.filter(), asked.after.or(asked.before), back, PAGE as i64 + 1).await?;
    drop(conn);
    let more = events.len() > PAGE;
    if more {
        // the surplus one is at the far end of the direction we went
        if back {
            events.remove(0);
        } else {
            events.truncate(PAGE);
        }
    }
    let (first, last) = (events.first().map(|e| e.id), events.last().map(|e| e.id));
    let has_next = if back { true } else { more };
    let has_previous = if back { more } else { asked.before.is_some() };
    let chips: Vec<Chip> = asked
        .pairs()
        .into_iter()
        .filter(|(_, v)| !v.is_empty())
        .map(|(name, value)| Chip {
            label: format!("{}: {value}", l.find(&format!("ledger-filter-{name}")).unwrap_or_else(|| name.to_owned())),
            href: asked.without(name),
        })
        .collect();
    let page = Index {
        shell: visit.shell(&app).await?,
        rows: events.iter().map(|e| EventRow::new(l, e)).collect(),
        outcome_options: std::iter::once(Opt::any(l.filter_any_outcome(), &asked.outcome))
            .chain(super::Outcome::NAMES.iter().map(|name| Opt {
                value: (*name).to_owned(),
                label: l.find(&format!("outcome-{name}")).unwrap_or_default(),
                selected: asked.outcome == *name,
            }))
            .collect(),
        next: last.filter(|_| has_next).map(|id| asked.with("before", &id.to_string())),
        previous: first.filter(|_| has_previous).map(|id| asked.with("after", &id.to_string())),
        empty: if chips.is_empty() { l.ledger_empty() } else { l.ledger_filtered_empty() },
        filtered: !chips.is_empty(),
        chips,
        clear_href: "/ledger".into(),
        actor: asked.actor,
        kind: asked.kind,
        target: asked.target,
        request: asked.request,
        since: asked.since,
        until: asked.until,
    };
    page::html(&page)
}

#[derive(Template)]
#[template(path = "ledger/show.html")]
struct Show {
    shell: Shell,
    event: EventRow,
    reason: Option<String>,
    diff: Vec<DiffRow>,
    facts: Vec<Fact>,
    leaf: String,
    leaf_hash: String,
    commitment: Commitment,
    story: Vec<EventRow>,
}

async fn show(visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let l = visit.l;
    let id: Uuid = id.parse().map_err(|_| Error::NotFound)?;
    let mut conn = app.db.read().await?;
    let whole = store::find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    let story = match whole.event.request {
        Some(request) => store::list(&mut conn, &Filter { request: Some(request), ..Filter::default() }, None, false, 50).await?,
        None => Vec::new(),
    };
    drop(conn);
    let leaf: Value = serde_json::from_slice(&whole.leaf).map_err(anyhow::Error::from)?;
    let detail = whole.detail.clone().unwrap_or_default();
    let label = |key: &str| l.find(&format!("value-{key}")).unwrap_or_else(|| key.to_owned());
    let page = Show {
        shell: visit.shell(&app).await?,
        event: EventRow::new(l, &whole.event),
        reason: detail["reason"].as_str().map(str::to_owned),
        diff: page::diff(&detail["before"], &detail["after"], label),
        facts: facts(l, &whole, &leaf),
        leaf: serde_json::to_string_pretty(&leaf).map_err(anyhow::Error::from)?,
        leaf_hash: requests::hex(&leaf_hash(&whole.leaf)),
        commitment: Commitment::of(l, &whole, &leaf)?,
        story: story.iter().rev().map(|e| EventRow::new(l, e)).collect(),
    };
    page::html(&page)
}

fn facts(l: Lang, whole: &Whole, leaf: &Value) -> Vec<Fact> {
    let e = &whole.event;
    let door = l.find(&format!("door-{}", e.door)).unwrap_or_else(|| e.door.clone());
    let mut facts = vec![Fact { label: l.ledger_actor(), value: e.actor.clone() }, Fact { label: l.ledger_door(), value: door }];
    if let Some(scope) = leaf["scope"].as_str() {
        facts.push(Fact { label: l.ledger_scope(), value: scope.to_owned() });
    }
    let inner = leaf["facts"].as_object().into_iter().flatten();
    facts.extend(inner.filter_map(|(name, value)| {
        Some(Fact { label: l.find(&format!("value-{name}")).unwrap_or_else(|| name.clone()), value: page::shown(value)? })
    }));
    facts
}

/// Whether what is shown beside the leaf is what the leaf commits to; neither if there is nothing beside it.
#[derive(Default)]
struct Commitment {
    matches: Option<String>,
    differs: Option<String>,
}

impl Commitment {
    fn of(l: Lang, whole: &Whole, leaf: &Value) -> Result<Self, Error> {
        let (Some(salt), Some(detail)) = (&whole.salt, &whole.detail) else { return Ok(Self::default()) };
        let salt: [u8; 32] = salt.as_slice().try_into().map_err(|_| anyhow::anyhow!("a salt has 32 bytes"))?;
        Ok(if leaf["detail"].as_str() == Some(&commitment(&salt, detail)?) {
            Self { matches: Some(l.ledger_detail_matches()), differs: None }
        } else {
            Self { matches: None, differs: Some(l.ledger_detail_differs()) }
        })
    }
}
