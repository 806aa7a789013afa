//! What every page shares: who looks at it and how, the shell around it, and the view types that templates are made of.
mod asked;
pub mod chart;
pub mod diff;
pub mod export;
mod fields;
mod found;
mod lines;
pub mod list;
pub mod money;
mod parts;
pub mod preferences;
mod shell;
mod store;
mod table;
mod time;
pub mod views;

pub use chart::{Chart, Plot, Series, Spark};
pub use diff::{Diff, DiffRow, diff, folded, shown};
pub use fields::Fields;
pub use found::{FEW, Finder, Finding, Found, mentions};
pub use lines::{Chunk, Line, lines};
pub use money::Money;
pub use parts::*;
pub use shell::{Me, NavGroup, NavItem, Shell, nav};
pub use table::{Cell, Column, Detail, Place, Reader, Table};
pub use time::{Day, When, duration, typed_time};

use crate::{
    app::App,
    auth::{Caller, Door, door_of, sessions},
    error::Error,
    i18n::Lang,
};
use askama::Template;
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, header, request::Parts},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use preferences::Preferences;
use std::sync::Arc;
use tower_sessions::Session;

/// One visit of a browser: what a page needs to know about who is looking and how.
pub struct Visit {
    pub l: Lang,
    pub session: Session,
    caller: Option<Arc<Caller>>,
    preferences: Preferences,
    path: String,
    /// A refresh takes only a part: the flash waits for a whole page, and the frame is not drawn again.
    partial: bool,
    /// The page fetches itself because something changed; nobody asked for it.
    pub follows: bool,
    /// Read before anything the page shows, so that a change in between is noticed.
    at: i64,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let session = Session::from_request_parts(parts, app).await.map_err(|_| Error::SignedOut)?;
        Ok(Self {
            l: lang_of(&parts.headers),
            session,
            caller: parts.extensions.get::<Arc<Caller>>().cloned(),
            preferences: Preferences::of(&parts.headers),
            partial: parts.headers.contains_key("hx-request"),
            follows: parts.headers.contains_key("x-follows"),
            at: app.db.live().latest(),
            path: parts.uri.path_and_query().map(|p| p.to_string()).unwrap_or_default(),
        })
    }
}

impl Visit {
    /// Who looks. Pages behind a gate always have somebody.
    pub fn caller(&self) -> Result<&Arc<Caller>, Error> {
        self.caller.as_ref().ok_or(Error::SignedOut)
    }

    /// Who reads, for a list.
    pub fn reader(&self, app: &App) -> Result<Reader, Error> {
        Ok(Reader { app: app.clone(), l: self.l, caller: self.caller.clone().ok_or(Error::SignedOut)? })
    }

    /// For a page that answers a form: where to come back to, since the form's own address cannot be read.
    pub fn read_at(&mut self, path: &str) {
        path.clone_into(&mut self.path);
    }

    /// Shown as if these were preferred, for this page alone; what is not a choice changes nothing.
    pub fn try_on(&mut self, lang: &str, theme: &str, density: &str) {
        self.l = preferences::allowed("lang", lang).and_then(Lang::from_code).unwrap_or(self.l);
        self.preferences.theme = preferences::allowed("theme", theme).unwrap_or(self.preferences.theme);
        self.preferences.density = preferences::allowed("density", density).unwrap_or(self.preferences.density);
    }

    /// Whether the reader still wants to be shown around.
    pub fn wants_tour(&self) -> bool {
        self.preferences.tour
    }

    /// The frame around a page. Takes the flash, so it is shown once.
    pub async fn shell(&self, app: &App) -> Result<Shell, Error> {
        let mut shell = Shell::bare(app, self.l, &self.preferences, self.path.clone());
        shell.at = self.at;
        shell.partial = self.partial;
        shell.csrf = sessions::csrf(&self.session).await?;
        if !self.partial {
            shell.flash = sessions::take_flash(&self.session).await?;
        }
        if let Some(caller) = &self.caller {
            shell.welcome(app, &self.session, caller).await?;
        }
        Ok(shell)
    }

    /// A sentence for the next page.
    pub async fn say(&self, kind: &str, text: String) -> Result<(), Error> {
        sessions::flash(&self.session, kind, text, None).await
    }

    /// The same with a button that takes back what it tells of.
    pub async fn say_with_undo(&self, text: String, undo: String) -> Result<(), Error> {
        sessions::flash(&self.session, "success", text, Some(undo)).await
    }
}

/// Inside the session's layer: when something goes wrong for somebody who is signed in, the error page keeps their navigation.
/// A frame that cannot be drawn, because the database is away, is left out; error pages have a bare one.
pub async fn frame_errors(State(app): State<App>, request: Request, next: Next) -> Response {
    if door_of(request.uri().path()) == Door::Api {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let mut asked = parts.clone();
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let framed = response.extensions().get::<Arc<Error>>().is_some_and(|e| !matches!(**e, Error::SignedOut | Error::Unavailable(_)));
    // boxed: its room would otherwise be kept for every request, and callers who wait are many
    if framed && let Ok(shell) = Box::pin(frame_of_error(&mut asked, &app)).await {
        response.extensions_mut().insert(Arc::new(shell));
    }
    response
}

async fn frame_of_error(asked: &mut Parts, app: &App) -> Result<Shell, Error> {
    Arc::<Caller>::from_request_parts(asked, app).await?;
    let mut shell = Visit::from_request_parts(asked, app).await?.shell(app).await?;
    // what went wrong is told on a page of its own, whoever asked
    shell.partial = false;
    if asked.method != Method::GET {
        // a posted address is nowhere to come back to
        shell.path = "/".into();
    }
    Ok(shell)
}

/// Counts stop at 99: `99+` says enough.
pub fn capped(count: i64) -> String {
    if count > 99 { "99+".into() } else { count.to_string() }
}

/// A query string of the pairs that have a value, with its `?`; empty if none has.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let mut serializer = url::form_urlencoded::Serializer::new(String::new());
    pairs.iter().filter(|(_, value)| !value.is_empty()).for_each(|(name, value)| {
        serializer.append_pair(name, value);
    });
    let query = serializer.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

/// Renders a whole page.
pub fn html(page: &impl Template) -> Result<Response, Error> {
    let html = page.render().map_err(anyhow::Error::from)?;
    Ok(([(header::CACHE_CONTROL, "private, no-store"), (header::VARY, "HX-Request")], Html(html)).into_response())
}

/// The language of the cookie, else of the browser, else Korean.
pub fn lang_of(headers: &HeaderMap) -> Lang {
    let accepted = || Lang::from_accept(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?);
    preferences::cookie(headers, "lang").and_then(|code| Lang::from_code(&code)).or_else(accepted).unwrap_or_default()
}

/// A path of this site to go on to; anything else becomes the dashboard, so that no link leads elsewhere after signing in.
pub fn safe_next(next: &str) -> &str {
    let local = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(|c: char| c == '\\' || c.is_control())
        && !next.starts_with("/login")
        && !next.starts_with("/auth");
    if local { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_away_from_this_site() {
        for next in
            ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", "", "/login?next=/"]
        {
            assert_eq!(safe_next(next), "/");
        }
        assert_eq!(safe_next("/requests/CR-1?tab=x"), "/requests/CR-1?tab=x");
    }
}
