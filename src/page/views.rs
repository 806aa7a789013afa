//! Saved views: a name for the state of a list, which is its URL. Each person has their own; sending one is sending the URL.
use super::{list::Asked, safe_next, store};
use crate::{
    app::App,
    auth::{Csrf, Operator, PortalUse},
    error::{Error, Problem},
    i18n::msg,
    page::Visit,
    surface::Surface,
};
use axum::{extract::State, response::Redirect};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// The lists whose views can be saved.
const LISTS: [&str; 7] = ["inbox", "orgs", "users", "ledger", "catalog/plans", "catalog/addons", "catalog/promotions"];

/// A saved view of a list.
pub struct View {
    pub name: String,
    pub href: String,
    pub current: bool,
}

/// Somebody's views of a list, by name; the one whose state is this is the current one.
pub(super) async fn of(conn: &mut PgConnection, operator: Uuid, list: &str, state: &str) -> Result<Vec<View>, Error> {
    let saved = store::views(conn, operator, list).await?;
    let view = |(name, query): (String, String)| View { current: query == state, href: format!("/{list}?{query}"), name };
    Ok(saved.into_iter().map(view).collect())
}

pub fn routes(surface: Surface) -> Surface {
    surface.act::<PortalUse, _, _>("/views", save).act::<PortalUse, _, _>("/views/remove", remove)
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    list: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    back: String,
}

impl Named {
    fn check(&self) -> Result<(&'static str, &str), Error> {
        let list = LISTS.into_iter().find(|l| *l == self.list).ok_or(Error::NotFound)?;
        let name = self.name.trim();
        match name.chars().count() {
            1..=60 if self.state.len() <= 2000 => Ok((list, name)),
            _ => Err(Error::Invalid(vec![Problem::new("name", msg::view_name_invalid())])),
        }
    }
}

/// A view of the same name is replaced: that is how one is changed.
async fn save(operator: Operator<PortalUse>, visit: Visit, State(app): State<App>, Csrf(form): Csrf<Named>) -> Result<Redirect, Error> {
    let (list, name) = form.check()?;
    let state = Asked::of("", &form.state).state();
    if !app.db.save_view(operator.id(), list, name, &state).await? {
        return Err(Error::Refused(msg::view_too_many()));
    }
    visit.say("success", visit.l.view_saved(name)).await?;
    Ok(Redirect::to(&format!("/{list}?{state}")))
}

async fn remove(operator: Operator<PortalUse>, visit: Visit, State(app): State<App>, Csrf(form): Csrf<Named>) -> Result<Redirect, Error> {
    let (list, name) = form.check()?;
    app.db.remove_view(operator.id(), list, name).await?;
    visit.say("success", visit.l.view_removed(name)).await?;
    Ok(Redirect::to(safe_next(&form.back)))
}
