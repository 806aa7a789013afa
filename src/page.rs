//! What every page shares: the shell around it, and the small view types that templates are made of.
use crate::{
    app::App,
    assets,
    auth::{AccessRead, Caller, CustomersRead, LedgerRead, PortalUse, RequestsAsk, RequestsDecide, RequestsRead, Scope, sessions},
    error::Error,
    i18n::Lang,
    requests,
};
use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
    response::{Html, IntoResponse, Response},
};
use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Asia::Seoul;
use serde_json::Value;
use std::sync::Arc;
use tower_sessions::Session;

/// One visit of a browser: what a page needs to know about who is looking and how.
pub struct Visit {
    pub l: Lang,
    pub session: Session,
    caller: Option<Arc<Caller>>,
    theme: &'static str,
    path: String,
    /// A live refresh, which swaps only a part: the flash waits for a whole page.
    partial: bool,
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
            theme: theme_of(&parts.headers),
            partial: parts.headers.contains_key("hx-request"),
            at: app.db.live().latest(),
            path: parts.uri.path_and_query().map(|p| p.to_string()).unwrap_or_default(),
        })
    }
}

impl Visit {
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The frame around a page. Takes the flash, so it is shown once.
    pub async fn shell(&self, app: &App) -> Result<Shell, Error> {
        let mut shell = Shell::bare(app, self.l, self.theme, self.path.clone());
        shell.at = self.at;
        shell.csrf = sessions::csrf(&self.session).await?;
        if !self.partial {
            shell.flash = sessions::take_flash(&self.session).await?;
        }
        if let Some(caller) = &self.caller {
            let decides = caller.may(RequestsDecide::NAME);
            let mut conn = app.db.read().await?;
            let counts = requests::inbox::counts(&mut conn, caller.id, decides).await?;
            shell.nav = nav(caller, self.l, &self.path, counts.mine);
            let roles = caller.roles.iter().map(|r| r.name()).collect::<Vec<_>>().join(", ");
            shell.operator = Some(Me { name: caller.name.clone(), email: caller.email.clone(), roles });
        }
        Ok(shell)
    }

    /// A sentence for the next page.
    pub async fn say(&self, kind: &str, text: String) -> Result<(), Error> {
        sessions::flash(&self.session, kind, text).await
    }
}

/// The frame: language, theme, navigation, who is signed in, and where the static files are.
pub struct Shell {
    pub l: Lang,
    pub theme: &'static str,
    pub path: String,
    pub csrf: String,
    pub environment: Option<String>,
    pub operator: Option<Me>,
    pub nav: Vec<NavGroup>,
    pub flash: Option<sessions::Flash>,
    /// The newest change this replica knew of when the page was drawn.
    pub at: i64,
    pub css: &'static str,
    pub js: &'static str,
    pub theme_js: &'static str,
    pub icons: &'static str,
    pub favicon: &'static str,
    pub font_latin: &'static str,
}

impl Shell {
    fn bare(app: &App, l: Lang, theme: &'static str, path: String) -> Self {
        Self {
            l,
            theme,
            path,
            csrf: String::new(),
            environment: app.environment.clone(),
            operator: None,
            nav: Vec::new(),
            flash: None,
            at: app.db.live().latest(),
            css: assets::APP_CSS,
            js: assets::APP_JS,
            theme_js: assets::THEME_JS,
            icons: assets::ICONS_SVG,
            favicon: assets::FAVICON_SVG,
            font_latin: assets::COUNTERSIGN_SANS_LATIN_WOFF2,
        }
    }

    /// For error pages, which must work when nothing else does.
    pub fn without_operator(app: &App, headers: &HeaderMap, path: &str) -> Self {
        Self::bare(app, lang_of(headers), theme_of(headers), path.to_owned())
    }
}

pub struct Me {
    pub name: String,
    pub email: String,
    pub roles: String,
}

pub struct NavGroup {
    pub label: String,
    pub items: Vec<NavItem>,
}

pub struct NavItem {
    pub href: &'static str,
    pub label: String,
    pub icon: &'static str,
    pub current: bool,
    pub count: Option<String>,
}

fn nav(caller: &Caller, l: Lang, path: &str, waiting: i64) -> Vec<NavGroup> {
    let item = |scope: &str, href: &'static str, label: String, icon: &'static str| {
        let current = if href == "/" { path == "/" } else { path.starts_with(href) };
        caller.may(scope).then_some(NavItem { href, label, icon, current, count: None })
    };
    let mut inbox = item(RequestsRead::NAME, "/inbox", l.nav_inbox(), "inbox");
    if let Some(inbox) = &mut inbox {
        inbox.current |= path.starts_with("/requests/CR-");
        inbox.count = (waiting > 0).then(|| capped(waiting));
    }
    let groups = [
        (
            l.nav_group_work(),
            vec![
                item(PortalUse::NAME, "/", l.nav_dashboard(), "layout-dashboard"),
                inbox,
                item(RequestsAsk::NAME, "/requests/new", l.nav_new_request(), "plus"),
            ],
        ),
        (
            l.nav_group_customers(),
            vec![
                item(CustomersRead::NAME, "/orgs", l.nav_orgs(), "building-2"),
                item(CustomersRead::NAME, "/users", l.nav_users(), "users"),
            ],
        ),
        (
            l.nav_group_control(),
            vec![
                item(LedgerRead::NAME, "/ledger", l.nav_ledger(), "history"),
                item(AccessRead::NAME, "/access", l.nav_access(), "shield-check"),
                item(PortalUse::NAME, "/api/docs", l.nav_api(), "plug"),
            ],
        ),
    ];
    groups
        .into_iter()
        .map(|(label, items)| NavGroup { label, items: items.into_iter().flatten().collect() })
        .filter(|group| !group.items.is_empty())
        .collect()
}

/// Counts stop at 99: `99+` says enough.
pub fn capped(count: i64) -> String {
    if count > 99 { "99+".into() } else { count.to_string() }
}

/// A point in time for `<time>`: machine-readable, exact, and as people say it.
#[derive(Clone, Debug)]
pub struct When {
    pub iso: String,
    pub absolute: String,
    pub relative: String,
}

impl When {
    pub fn new(l: Lang, at: DateTime<Utc>) -> Self {
        Self {
            iso: at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            absolute: absolute(l, at),
            relative: relative(l, at, Utc::now()),
        }
    }
}

/// Korean time, in the order each language has: `2026. 11. 20. (금) 18:12` or `20 Nov 2026, 18:12`.
fn absolute(l: Lang, at: DateTime<Utc>) -> String {
    let local = at.with_timezone(&Seoul);
    match l {
        Lang::Ko => {
            let day = ['월', '화', '수', '목', '금', '토', '일'][local.weekday().num_days_from_monday() as usize];
            format!("{}. {}. {}. ({day}) {}", local.year(), local.month(), local.day(), local.format("%H:%M"))
        }
        Lang::En => local.format("%-d %b %Y, %H:%M").to_string(),
    }
}

fn relative(l: Lang, at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds();
    let (ago, s) = (seconds >= 0, seconds.abs());
    match (s, ago) {
        (0..45, true) => l.time_now(),
        (0..45, false) => l.time_soon(),
        (45..3600, true) => l.time_minutes_ago((s / 60).max(1)),
        (45..3600, false) => l.time_in_minutes((s / 60).max(1)),
        (3600..86_400, true) => l.time_hours_ago(s / 3600),
        (3600..86_400, false) => l.time_in_hours(s / 3600),
        (86_400..2_592_000, true) => l.time_days_ago(s / 86_400),
        (86_400..2_592_000, false) => l.time_in_days(s / 86_400),
        _ => absolute(l, at),
    }
}

pub struct Badge {
    pub key: &'static str,
    pub label: String,
    pub icon: &'static str,
}

pub struct RiskTag {
    pub key: String,
    pub label: String,
}

impl RiskTag {
    pub fn new(l: Lang, key: &str) -> Self {
        Self { key: key.to_owned(), label: l.find(&format!("risk-{key}")).unwrap_or_else(|| key.to_owned()) }
    }
}

/// One line of before and after.
#[derive(Clone, Debug)]
pub struct DiffRow {
    pub label: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub changed: bool,
}

/// Before and after of flat objects, each key with its label; changed rows first.
pub fn diff(before: &Value, after: &Value, label: impl Fn(&str) -> String) -> Vec<DiffRow> {
    let empty = serde_json::Map::new();
    let (b, a) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    let keys: std::collections::BTreeSet<&String> = b.keys().chain(a.keys()).collect();
    let mut rows: Vec<DiffRow> = keys
        .into_iter()
        .map(|key| {
            let (was, is) = (b.get(key), a.get(key));
            DiffRow { label: label(key), before: was.and_then(shown), after: is.and_then(shown), changed: was != is }
        })
        .collect();
    rows.sort_by_key(|row| !row.changed);
    rows
}

/// A value as people read it; nothing for null.
pub fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.as_i64().map_or_else(|| number.to_string(), crate::operations::form::grouped)),
        Value::Array(items) => Some(items.iter().filter_map(shown).collect::<Vec<_>>().join(", ")),
        other => Some(other.to_string()),
    }
}

#[derive(Clone, Debug)]
pub struct Fact {
    pub label: String,
    pub value: String,
}

pub struct Action {
    pub href: String,
    pub label: String,
}

pub struct Opt {
    pub value: String,
    pub label: String,
    pub selected: bool,
}

impl Opt {
    /// The choice that does not restrict.
    pub fn any(label: String, chosen: &str) -> Self {
        Self { value: String::new(), label, selected: chosen.is_empty() }
    }
}

pub struct Chip {
    pub label: String,
    pub href: String,
}

pub struct Link {
    pub label: String,
    pub href: String,
}

/// Query strings for links that keep a list's filters.
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
    Ok(([(header::CACHE_CONTROL, "private, no-store")], Html(html)).into_response())
}

/// The language of the cookie, else of the browser, else Korean.
pub fn lang_of(headers: &HeaderMap) -> Lang {
    let accepted = || Lang::from_accept(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?);
    cookie(headers, "lang").and_then(|code| Lang::from_code(&code)).or_else(accepted).unwrap_or_default()
}

fn theme_of(headers: &HeaderMap) -> &'static str {
    match cookie(headers, "theme").as_deref() {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "system",
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|v| v.split(';')).find_map(|pair| pair.trim().split_once('=').filter(|(n, _)| *n == name).map(|(_, v)| v.to_owned()))
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

    #[test]
    fn times_are_korean_and_said_as_people_say_them() {
        let at: DateTime<Utc> = "2026-11-20T09:12:00Z".parse().unwrap();
        assert_eq!(absolute(Lang::Ko, at), "2026. 11. 20. (금) 18:12");
        assert_eq!(absolute(Lang::En, at), "20 Nov 2026, 18:12");
        assert_eq!(relative(Lang::Ko, at, at + chrono::TimeDelta::minutes(12)), "12분 전");
        assert_eq!(relative(Lang::En, at, at - chrono::TimeDelta::hours(3)), "in 3 hours");
    }
}
