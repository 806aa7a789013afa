//! The frame around every page: navigation, who is signed in, how it looks, and where the static files are.
use super::{When, capped, lang_of, preferences::Preferences};
use crate::{
    app::App,
    assets,
    auth::{
        AccessRead, AddonsRead, Caller, CatalogRead, CustomersRead, InsightsRead, LedgerRead, OnboardingRead, PaymentsRead,
        PermissionsRead, PolicyRead, PortalUse, RequestsAsk, RequestsRead, Scope, SubscriptionsRead, sessions,
    },
    error::Error,
    i18n::Lang,
    notices, requests,
};
use axum::http::HeaderMap;
use tower_sessions::Session;

/// The frame: language, theme, navigation, who is signed in, and where the static files are.
pub struct Shell {
    pub l: Lang,
    /// Only what a refresh takes is drawn.
    pub partial: bool,
    pub theme: &'static str,
    pub density: &'static str,
    pub nav_state: &'static str,
    /// The form of before and after.
    pub diff: &'static str,
    /// Path and query, to come back to.
    pub path: String,
    pub csrf: String,
    pub environment: Option<String>,
    pub operator: Option<Me>,
    pub nav: Vec<NavGroup>,
    /// How many notices are unread; empty if none is.
    pub notices: String,
    pub flash: Option<sessions::Flash>,
    /// The newest change this replica knew of when the page was drawn.
    pub at: i64,
    /// When the page was drawn: how old what it shows is.
    pub drawn: When,
    /// When the session ends if nobody does anything, and whether doing something helps.
    pub session: Option<sessions::End>,
    /// Whether this person may ask for changes.
    pub asks: bool,
    /// The help page for what is shown here.
    pub help: &'static str,
    pub css: &'static str,
    pub js: &'static str,
    pub theme_js: &'static str,
    pub icons: &'static str,
    pub favicon: &'static str,
    pub font_latin: &'static str,
}

impl Shell {
    pub(super) fn bare(app: &App, l: Lang, preferences: &Preferences, path: String) -> Self {
        Self {
            l,
            partial: false,
            theme: preferences.theme,
            density: preferences.density,
            nav_state: preferences.nav,
            diff: preferences.diff,
            help: help_topic(&path),
            path,
            csrf: String::new(),
            environment: app.environment.clone(),
            operator: None,
            nav: Vec::new(),
            notices: String::new(),
            flash: None,
            at: app.db.live().latest(),
            drawn: When::new(l, chrono::Utc::now()),
            session: None,
            asks: false,
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
        Self::bare(app, lang_of(headers), &Preferences::of(headers), path.to_owned())
    }

    /// Somebody is signed in: their navigation and their session.
    pub(super) async fn welcome(&mut self, app: &App, session: &Session, caller: &Caller) -> Result<(), Error> {
        let mut conn = app.db.look_up().await?;
        let counts = requests::inbox::counts(&mut conn, &requests::inbox::Turn::of(caller)).await?;
        let unread = notices::unread(&mut conn, caller.id).await?;
        drop(conn);
        self.notices = if unread > 0 { capped(unread) } else { String::new() };
        self.asks = caller.may(RequestsAsk::NAME);
        self.session = sessions::end(&app.db, session).await?;
        self.nav = nav_at(app, caller, self.l, &self.path, counts.mine);
        self.operator = Some(Me {
            id: caller.id.simple().to_string(),
            name: caller.name.clone(),
            email: caller.email.clone(),
            roles: caller
                .roles
                .iter()
                .map(|r| self.l.find(&format!("role-{}", r.name())).unwrap_or_default())
                .collect::<Vec<_>>()
                .join(", "),
        });
        Ok(())
    }

    /// What waits for the caller, as the navigation counts it.
    pub fn waiting(&self) -> Option<&String> {
        self.nav.iter().flat_map(|group| &group.items).find_map(|item| item.count.as_ref())
    }
}

/// Who is signed in.
pub struct Me {
    pub id: String,
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
    /// How much waits there for the caller; empty where nothing does.
    pub count: Option<String>,
}

/// Where this caller may go.
pub fn nav(app: &App, caller: &Caller, l: Lang) -> Vec<NavGroup> {
    nav_at(app, caller, l, "", 0)
}

fn nav_at(app: &App, caller: &Caller, l: Lang, path: &str, waiting: i64) -> Vec<NavGroup> {
    let item = |scope: &str, href: &'static str, label: String, icon: &'static str| {
        let current = if href == "/" { path == "/" } else { path.starts_with(href) };
        caller.may(scope).then_some(NavItem { href, label, icon, current, count: None })
    };
    let mut inbox = item(RequestsRead::NAME, "/inbox", l.nav_inbox(), "inbox");
    if let Some(inbox) = &mut inbox {
        inbox.current |= path.starts_with("/requests/") && !path.starts_with("/requests/new");
        inbox.count = Some(if waiting > 0 { capped(waiting) } else { String::new() });
    }
    let mut prices = item(CatalogRead::NAME, "/catalog/plans", l.nav_catalog(), "tag");
    if let Some(prices) = &mut prices {
        prices.current = path.starts_with("/catalog/");
    }
    let groups = [
        (
            l.nav_group_work(),
            vec![
                item(PortalUse::NAME, "/", l.nav_dashboard(), "layout-dashboard"),
                inbox,
                item(OnboardingRead::NAME, "/onboarding", l.nav_onboarding(), "compass"),
                item(RequestsAsk::NAME, "/requests/new", l.nav_new_request(), "plus"),
            ],
        ),
        (
            l.nav_group_customers(),
            vec![
                item(CustomersRead::NAME, "/companies", l.nav_companies(), "building-2"),
                item(CustomersRead::NAME, "/orgs", l.nav_orgs(), "columns-3"),
                item(CustomersRead::NAME, "/users", l.nav_users(), "users"),
                prices,
                item(SubscriptionsRead::NAME, "/subscriptions", l.nav_subscriptions(), "refresh-cw"),
                item(PermissionsRead::NAME, "/permissions", l.nav_permissions(), "key-round"),
                item(AddonsRead::NAME, "/addons", l.nav_addons(), "plug"),
                item(PaymentsRead::NAME, "/payments", l.nav_payments(), "receipt"),
            ],
        ),
        (
            l.nav_group_control(),
            vec![
                item(LedgerRead::NAME, "/ledger", l.nav_ledger(), "history"),
                item(PolicyRead::NAME, "/policy", l.nav_policy(), "list-checks"),
                item(InsightsRead::NAME, "/insights", l.nav_insights(), "chart-line"),
                item(AccessRead::NAME, "/access", l.nav_access(), "shield-check"),
            ],
        ),
        (
            l.nav_group_help(),
            vec![
                item(PortalUse::NAME, "/help", l.nav_help(), "circle-help"),
                item(PortalUse::NAME, "/api/docs", l.nav_api(), "plug"),
                app.demo.then(|| item(PortalUse::NAME, "/style", l.nav_style(), "palette")).flatten(),
            ],
        ),
    ];
    groups
        .into_iter()
        .map(|(label, items)| NavGroup { label, items: items.into_iter().flatten().collect() })
        .filter(|group| !group.items.is_empty())
        .collect()
}

fn help_topic(path: &str) -> &'static str {
    const TOPICS: [(&str, &str); 21] = [
        ("/inbox", "inbox"),
        ("/requests/new", "requests"),
        ("/requests", "deciding"),
        ("/onboarding", "onboarding"),
        ("/companies", "onboarding"),
        ("/tenants", "onboarding"),
        ("/permissions", "onboarding"),
        ("/addons", "addons"),
        ("/orgs", "customers"),
        ("/catalog", "catalog"),
        ("/subscriptions", "catalog"),
        ("/users", "customers"),
        ("/payments", "customers"),
        ("/ledger", "ledger"),
        ("/notices", "inbox"),
        ("/absences", "deciding"),
        ("/policy", "policy"),
        ("/insights", "deciding"),
        ("/access", "access"),
        ("/api", "api"),
        ("/search", "keyboard"),
    ];
    TOPICS.into_iter().find(|(prefix, _)| path.starts_with(prefix)).map_or("start", |(_, topic)| topic)
}
