//! Reading the ledger: a filtered list, one event with what its leaf commits to, and taking it away.
mod find;
mod index;
mod list;
mod log;
mod retired;

pub use find::find;
pub use index::{export, query as asked_query};
pub use list::{BRIEF, columns, kind_label, place, target_href};

use super::{
    browse::{self, Filter, Whole, find as whole},
    commitment, json as shape, leaf_hash, reading,
    subjects::Detail,
};
use crate::{
    app::App,
    auth::{LedgerRead, Operator},
    error::Error,
    i18n::Lang,
    operations::legible,
    page::{self, Diff, Fact, Link, Shell, Table, Visit, When, list::Slice},
    requests,
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use serde_json::Value;
use uuid::Uuid;

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<LedgerRead, _, _>("/ledger", index::index)
        .show::<LedgerRead, _, _>("/ledger.csv", index::csv)
        .show::<LedgerRead, _, _>("/ledger/export", export)
        .show::<LedgerRead, _, _>("/ledger/checkpoint", log::checkpoint)
        .show::<LedgerRead, _, _>("/ledger/tile/{*path}", log::tile)
        .show::<LedgerRead, _, _>("/ledger/{event}", show)
        .show::<LedgerRead, _, _>("/ledger/{event}/leaf", log::leaf)
        .show::<LedgerRead, _, _>("/ledger/{event}/proof", log::prove)
        .show::<LedgerRead, _, _>("/api/ledger/{event}/proof", log::prove)
}

#[derive(Template)]
#[template(path = "ledger/show.html")]
struct Show {
    shell: Shell,
    kind: String,
    kind_label: String,
    outcome: String,
    outcome_label: String,
    actor: String,
    at: When,
    target: String,
    target_href: Option<String>,
    request: Option<Link>,
    /// All that happened to the same target, and for the same request.
    stories: Vec<Link>,
    reason: Option<String>,
    diff: Diff,
    facts: Vec<Fact>,
    id: String,
    json: String,
    leaf: String,
    leaf_hash: String,
    commitment: Commitment,
    sealed: log::Sealed,
    gone: Option<retired::Gone>,
    story: Table,
}

async fn show(operator: Operator<LedgerRead>, visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let l = visit.l;
    let id: Uuid = id.parse().map_err(|_| Error::NotFound)?;
    let mut conn = app.db.read().await?;
    let Some(whole) = whole(&mut conn, id).await? else {
        return retired::page(&app, &visit, &mut conn, id).await;
    };
    let mut story = match whole.event.request {
        Some(request) => browse::list(&mut conn, &Filter::of_request(request), Slice::newest(50)).await?,
        None => Vec::new(),
    };
    let sealed = log::Sealed::of(&app, &mut conn, l, id, &whole.leaf).await?;
    let gone = retired::Gone::of(&mut conn, l, &whole).await?;
    drop(conn);
    if !visit.follows {
        reading::opened(&app, &operator, id).await?;
    }
    story.reverse();
    let r = visit.reader(&app)?;
    let e = &whole.event;
    let leaf: Value = serde_json::from_slice(&whole.leaf).map_err(anyhow::Error::from)?;
    let detail = whole.detail.value().cloned().unwrap_or_default();
    let label = |key: &str| l.find(&format!("value-{key}")).unwrap_or_else(|| key.to_owned());
    let page = Show {
        shell: visit.shell(&app).await?,
        kind_label: kind_label(l, &e.kind),
        kind: e.kind.clone(),
        outcome_label: l.find(&format!("outcome-{}", e.outcome)).unwrap_or_default(),
        outcome: e.outcome.clone(),
        actor: e.actor.clone(),
        at: When::new(l, e.at),
        target: e.target_name.clone().or_else(|| e.target_id.clone()).unwrap_or_default(),
        target_href: target_href(e.target_type.as_deref(), e.target_id.as_deref()),
        request: e.request.map(|id| Link { label: requests::short_id(id), href: format!("/requests/{}", requests::short_id(id)) }),
        stories: stories(l, e),
        reason: detail["reason"].as_str().map(str::to_owned),
        diff: Diff::new(l, &detail["before"], &detail["after"], label),
        facts: facts(l, &whole, &leaf),
        id: e.id.to_string(),
        json: legible(&shape::whole(&whole)),
        leaf: legible(&leaf),
        leaf_hash: requests::hex(&leaf_hash(&whole.leaf)),
        commitment: Commitment::of(l, &whole, &leaf)?,
        sealed,
        gone,
        story: Table::plain(&r, l.ledger_story(), &columns(), &["created", "event", "actor", "outcome"], &story, place),
    };
    page::html(&page)
}

fn stories(l: Lang, e: &browse::Event) -> Vec<Link> {
    let of = |name: &str, id: &str, called: &str| Link {
        href: format!("/ledger{}", page::query(&[(name, id)])),
        label: l.ledger_all_of(called),
    };
    let request = e.request.map(requests::short_id).map(|id| of("request", &id, &id));
    let target = e.target_id.as_deref().map(|id| of("target", id, e.target_name.as_deref().unwrap_or(id)));
    request.into_iter().chain(target).collect()
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
        let Detail::Open { salt, value } = &whole.detail else { return Ok(Self::default()) };
        Ok(if leaf["detail"].as_str() == Some(&commitment(salt, value)?) {
            Self { matches: Some(l.ledger_detail_matches()), differs: None }
        } else {
            Self { matches: None, differs: Some(l.ledger_detail_differs()) }
        })
    }
}
