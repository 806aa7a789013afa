//! What browsers may load and run here, and where they tell us what they refused: a violation is a mistake of ours or an attack.
use crate::{app::App, surface::Surface};
use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
};
use serde_json::Value;
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Where browsers send their reports: without a token, some of them without saying from which page.
pub const REPORTS: &str = "/csp-reports";

/// Nothing from elsewhere, nothing inline, no frames.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
                          form-action 'self'; base-uri 'none'; frame-ancestors 'none'; report-uri /csp-reports";

const MOST_BYTES: usize = 8 * 1024;
const MOST_CHARACTERS: usize = 200;
const LINES_A_MINUTE: u32 = 60;

pub fn routes(surface: Surface) -> Surface {
    surface.public_act(REPORTS, report)
}

/// How many lines this replica may still log in the present minute: anybody may post a report, and logs are not for anybody to fill.
pub struct Quota(Mutex<(Instant, u32)>);

impl Default for Quota {
    fn default() -> Self {
        Self(Mutex::new((Instant::now(), LINES_A_MINUTE)))
    }
}

impl Quota {
    /// Takes one line; answers how many are left, or nothing if there was none.
    fn take(&self, now: Instant) -> Option<u32> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(minute.0) >= Duration::from_secs(60) {
            *minute = (now, LINES_A_MINUTE);
        }
        minute.1 = minute.1.checked_sub(1)?;
        Some(minute.1)
    }
}

/// Answers with a status alone: an error page would be one more line in the log.
async fn report(State(app): State<App>, request: Request) -> StatusCode {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind != "application/csp-report" && kind != "application/reports+json" {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    let Ok(body) = axum::body::to_bytes(request.into_body(), MOST_BYTES).await else { return StatusCode::PAYLOAD_TOO_LARGE };
    let Ok(sent) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    for violation in violations(&sent) {
        let Some(left) = app.csp_quota.take(Instant::now()) else { break };
        let Violation { directive, blocked, document } = violation;
        tracing::warn!(directive, blocked, document, left_this_minute = left, "csp violation");
    }
    StatusCode::NO_CONTENT
}

#[derive(Debug, PartialEq)]
struct Violation {
    directive: String,
    /// An address without its query, or a word such as `inline`.
    blocked: String,
    /// The path of the page: its query may hold what somebody searched for.
    document: String,
}

/// Both shapes that browsers send: one report by `report-uri`, or a list of reports of many kinds.
fn violations(sent: &Value) -> Vec<Violation> {
    let text = |of: &Value, names: &[&str]| names.iter().find_map(|name| of[name].as_str()).unwrap_or_default().to_owned();
    let violation = |of: &Value| Violation {
        directive: clean(&text(of, &["effectiveDirective", "effective-directive", "violated-directive"])),
        blocked: clean(text(of, &["blockedURL", "blocked-uri"]).split(['?', '#']).next().unwrap_or_default()),
        document: clean(&path_of(&text(of, &["documentURL", "document-uri"]))),
    };
    match sent {
        Value::Array(reports) => reports.iter().filter(|r| r["type"] == "csp-violation").map(|r| violation(&r["body"])).collect(),
        one => one.get("csp-report").filter(|report| report.is_object()).map(violation).into_iter().collect(),
    }
}

fn path_of(address: &str) -> String {
    url::Url::parse(address).map_or_else(|_| address.split(['?', '#']).next().unwrap_or_default().to_owned(), |url| url.path().to_owned())
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MOST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_shapes_of_a_report_are_read() {
        let expected =
            [Violation { directive: "script-src-elem".into(), blocked: "https://evil.example/x.js".into(), document: "/search".into() }];
        let old = json!({"csp-report": {"document-uri": "https://portal.example/search?q=secret", "blocked-uri": "https://evil.example/x.js?y=1",
            "violated-directive": "script-src", "effective-directive": "script-src-elem"}});
        let new = json!([{"type": "deprecation", "body": {}}, {"type": "csp-violation", "body": {"documentURL": "https://portal.example/search?q=secret#x",
            "blockedURL": "https://evil.example/x.js", "effectiveDirective": "script-src-elem"}}]);
        assert_eq!(violations(&old), expected);
        assert_eq!(violations(&new), expected);
        for other in [json!({}), json!([]), json!("x"), json!({"csp-report": 1}), json!([1, {"type": 2}])] {
            assert_eq!(violations(&other), []);
        }
    }

    #[test]
    fn a_report_cannot_forge_a_line_or_be_long() {
        let sent =
            json!({"csp-report": {"blocked-uri": format!("a\r\n\u{1b}[31mERROR {}", "x".repeat(1000)), "document-uri": "no address\n?q"}});
        let found = violations(&sent).remove(0);
        assert_eq!((found.blocked.chars().count(), found.document.as_str()), (MOST_CHARACTERS, "no address"));
        assert!(!found.blocked.contains(char::is_control));
    }

    #[test]
    fn a_minute_has_so_many_lines_and_the_next_has_them_again() {
        let (quota, now) = (Quota::default(), Instant::now());
        assert_eq!((0..100).filter(|_| quota.take(now).is_some()).count(), LINES_A_MINUTE as usize);
        assert_eq!(quota.take(now + Duration::from_secs(61)), Some(LINES_A_MINUTE - 1));
    }
}
