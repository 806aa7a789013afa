//! Requests by number or words, and what can be asked for.
use crate::{
    auth::{RequestsAsk, RequestsRead, Scope},
    error::Error,
    i18n::Lang,
    page::{FEW, Found, Reader, list::Slice, mentions},
    requests::{inbox, parse_id, short_id, view},
};
use sqlx::PgConnection;

/// The index of words knows them by three characters; a search for fewer reads every request there is.
const FEWEST_CHARACTERS: usize = 3;

pub async fn requests(r: &Reader, conn: &mut PgConnection, q: &str) -> Result<Vec<Found>, Error> {
    let searchable = parse_id(q).is_ok() || q.chars().filter(|c| c.is_alphanumeric()).count() >= FEWEST_CHARACTERS;
    if !r.caller.may(RequestsRead::NAME) || !searchable {
        return Ok(Vec::new());
    }
    let filter = inbox::Filter { q: Some(q.to_owned()), ..inbox::Filter::default() };
    let found = inbox::list(conn, &filter, Slice::newest(FEW)).await?.into_iter().map(|row| {
        let title = r.app.registry.find(&row.operation).map_or_else(|| row.operation.clone(), |d| d.title(r.l));
        let state = view::badge(r.l, row.state);
        let id = short_id(row.id);
        let detail = format!("{} · {} · {}", row.target_label, row.requester, state.label);
        Found { group: r.l.found_requests(), name: format!("{id} {title}"), detail, href: format!("/requests/{id}"), icon: state.icon }
    });
    Ok(found.collect())
}

/// The operations this reader may ask for, by title in either language or by name.
pub async fn actions(r: &Reader, _: &mut PgConnection, q: &str) -> Result<Vec<Found>, Error> {
    if !r.caller.may(RequestsAsk::NAME) {
        return Ok(Vec::new());
    }
    let permitted = r.app.registry.all().filter(|d| r.caller.may(d.scope()));
    let fitting = permitted.filter(|d| mentions(&[d.title(Lang::Ko), d.title(Lang::En), d.name().to_owned()], q));
    let found = fitting.map(|d| Found {
        group: r.l.found_actions(),
        name: d.title(r.l),
        detail: d.description(r.l),
        href: format!("/requests/new/{}", d.name()),
        icon: "plus",
    });
    Ok(found.collect())
}
