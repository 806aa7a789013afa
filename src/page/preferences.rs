//! How a reader wants pages to look. Kept in cookies: they work before signing in, and the server draws the page right at once.
use axum::http::{HeaderMap, header};

/// Every preference with its values; the first is the default.
pub const CHOICES: &[(&str, &[&str])] = &[
    ("lang", &["ko", "en"]),
    ("theme", &["system", "light", "dark"]),
    ("density", &["default", "compact", "comfortable"]),
    ("nav", &["open", "folded"]),
    ("tour", &["on", "off"]),
    ("diff", &["side", "unified", "json"]),
];

/// The preferences of one visit, but for the language, which has more sources than its cookie.
pub struct Preferences {
    pub theme: &'static str,
    pub density: &'static str,
    pub nav: &'static str,
    pub tour: bool,
    /// The form in which before and after are shown.
    pub diff: &'static str,
}

impl Preferences {
    pub fn of(headers: &HeaderMap) -> Self {
        let chosen = |name| cookie(headers, name).and_then(|value| allowed(name, &value)).unwrap_or_else(|| default(name));
        Self { theme: chosen("theme"), density: chosen("density"), nav: chosen("nav"), tour: chosen("tour") == "on", diff: chosen("diff") }
    }
}

/// The value, if it is one of the preference's.
pub fn allowed(name: &str, value: &str) -> Option<&'static str> {
    values(name).iter().copied().find(|known| *known == value)
}

fn values(name: &str) -> &'static [&'static str] {
    CHOICES.iter().find(|(known, _)| *known == name).map_or(&[], |(_, values)| values)
}

fn default(name: &str) -> &'static str {
    values(name).first().copied().unwrap_or_default()
}

pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|v| v.split(';')).find_map(|pair| pair.trim().split_once('=').filter(|(n, _)| *n == name).map(|(_, v)| v.to_owned()))
}
