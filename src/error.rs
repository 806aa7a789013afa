//! Everything that can go wrong, and how it is told: an HTML page or RFC 9457 JSON by door, in the reader's language.
//! Each answer says what happened, why, and what to do next; text that was typed comes back with it.
use crate::{
    app::App,
    auth::{Door, door_of},
    i18n::{Lang, Text, msg},
    page::{Action, Fact, Shell},
    personal::without_addresses,
};
use askama::Template;
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("nobody is signed in")]
    SignedOut,
    /// Carries the scope that is missing.
    #[error("scope {0} is missing")]
    Forbidden(&'static str),
    #[error("the form's token is missing or wrong")]
    Forged,
    /// What another system sent does not prove where it comes from. Carries why, for the log alone.
    #[error("not signed by whom it says: {0}")]
    Unsigned(&'static str),
    #[error("there is no such thing")]
    NotFound,
    #[error("the body cannot be read: {0}")]
    Malformed(String),
    /// Carries how much there may be.
    #[error("the body is larger than {0}")]
    TooLarge(&'static str),
    /// A rule says no, now: the state of things is not as the caller thinks.
    #[error("refused: {}", .0.id())]
    Refused(Text),
    /// What the caller looked at is something else by now.
    #[error("moved: {}", .0.id())]
    Moved(Text),
    /// A rule says that this person may not, whatever scope they hold.
    #[error("not permitted: {}", .0.id())]
    NotPermitted(Text),
    #[error("{} field(s) are not valid", .0.len())]
    Invalid(Vec<Problem>),
    #[error("too many tries, again in {retry_after} s")]
    TooMany { retry_after: u64 },
    /// The database, or this replica: whatever answers here.
    #[error("not available: {0}")]
    Unavailable(String),
    /// Another system that has to be asked does not answer; we are well.
    #[error("another system is not available: {0}")]
    Neighbour(String),
    #[error("internal: {0:#}")]
    Internal(anyhow::Error),
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub field: String,
    pub text: Text,
}

impl Problem {
    pub fn new(field: impl Into<String>, text: Text) -> Self {
        Self { field: field.into(), text }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => Error::Unavailable(error.to_string()),
            sqlx::Error::Database(ref cause) => match cause.code().as_deref() {
                // lost a race for a lock, ran out of time or connections, or the server is going away: worth another try
                Some("40001" | "40P01" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "53300") => {
                    Error::Unavailable(error.to_string())
                }
                // text that Postgres cannot hold, such as a NUL
                Some("22021" | "22P05") => Error::Malformed("the text contains characters that cannot be stored".into()),
                _ if cause.constraint() == Some("operator_email_is_unique") => Error::Refused(msg::request_changed_meanwhile()),
                _ if cause.constraint() == Some("request_holds_target") => Error::Unavailable("another request holds the target".into()),
                _ => Error::Internal(anyhow::Error::new(error)),
            },
            other => Error::Internal(anyhow::Error::new(other)),
        }
    }
}
impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Error::Internal(error)
    }
}

impl Error {
    pub fn status(&self) -> StatusCode {
        match self {
            Error::SignedOut | Error::Unsigned(_) => StatusCode::UNAUTHORIZED,
            Error::Forbidden(_) | Error::Forged | Error::NotPermitted(_) => StatusCode::FORBIDDEN,
            Error::NotFound => StatusCode::NOT_FOUND,
            Error::Malformed(_) => StatusCode::BAD_REQUEST,
            Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Error::Refused(_) => StatusCode::CONFLICT,
            Error::Moved(_) => StatusCode::PRECONDITION_FAILED,
            Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Error::Unavailable(_) | Error::Neighbour(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Stable and machine-readable: the last part of the problem's type.
    pub fn code(&self) -> &'static str {
        match self {
            Error::SignedOut => "signed-out",
            Error::Forbidden(_) => "forbidden",
            Error::Forged => "forged",
            Error::Unsigned(_) => "unsigned",
            Error::NotFound => "not-found",
            Error::Malformed(_) => "malformed",
            Error::TooLarge(_) => "too-large",
            Error::Refused(text) | Error::Moved(text) | Error::NotPermitted(text) => text.id(),
            Error::Invalid(_) => "invalid",
            Error::TooMany { .. } => "too-many",
            Error::Unavailable(_) => "unavailable",
            Error::Neighbour(_) => "other-system-unavailable",
            Error::Internal(_) => "internal",
        }
    }

    /// What happened; why; what to do next.
    pub fn told(&self, l: Lang) -> (String, String, String) {
        match self {
            Error::SignedOut => (l.problem_signed_out(), l.problem_signed_out_why(), l.problem_signed_out_next()),
            Error::Forbidden(scope) => (l.problem_forbidden(), l.problem_forbidden_why(*scope), l.problem_forbidden_next()),
            Error::Forged => (l.problem_forged(), l.problem_forged_why(), l.problem_forged_next()),
            Error::Unsigned(_) => (l.problem_unsigned(), l.problem_unsigned_why(), l.problem_unsigned_next()),
            Error::NotFound => (l.problem_not_found(), l.problem_not_found_why(), l.problem_not_found_next()),
            Error::Malformed(detail) => (l.problem_malformed(), detail.clone(), l.problem_malformed_next()),
            Error::TooLarge(limit) => (l.problem_too_large(), l.problem_too_large_why(*limit), l.problem_too_large_next()),
            Error::Refused(text) => (l.problem_refused(), l.say(text), l.problem_refused_next()),
            Error::Moved(text) => (l.problem_moved(), l.say(text), l.problem_moved_next()),
            Error::NotPermitted(text) => (l.problem_not_permitted(), l.say(text), l.problem_not_permitted_next()),
            Error::Invalid(problems) => {
                let all: Vec<_> = problems.iter().map(|p| l.say(&p.text)).collect();
                (l.problem_invalid(problems.len()), all.join(" "), l.problem_invalid_next())
            }
            Error::TooMany { retry_after } => (l.problem_too_many(), l.problem_too_many_why(*retry_after), l.problem_too_many_next()),
            Error::Unavailable(_) => (l.problem_unavailable(), l.problem_unavailable_why(), l.problem_unavailable_next()),
            Error::Neighbour(_) => (l.problem_neighbour(), l.problem_neighbour_why(), l.problem_neighbour_next()),
            Error::Internal(_) => (l.problem_internal(), l.problem_internal_why(), l.problem_internal_next()),
        }
    }
}

impl IntoResponse for Error {
    /// The status alone; [`render`] tells the rest, since it knows the door and the reader.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    shell: Arc<Shell>,
    status: u16,
    title: String,
    what: String,
    why: String,
    next: String,
    actions: Vec<Action>,
    /// What finds this failure in the log.
    incident: String,
    kept: Vec<Fact>,
}

#[derive(Serialize)]
struct FieldProblem<'a> {
    field: &'a str,
    code: &'a str,
    message: String,
}

/// Forms are kept aside up to this size, to give back what was typed.
const KEPT_BYTES: usize = 64 * 1024;

/// The outermost layer: turns an [`Error`] into the answer that fits the door, and logs it under the number the answer bears.
pub async fn render(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let (door, lang, method) = (door_of(parts.uri.path()), crate::page::lang_of(&parts.headers), parts.method.clone());
    let (headers, address) = (parts.headers.clone(), parts.uri.path_and_query().map(|p| p.to_string()).unwrap_or_default());
    let (typed, body) = keep(&headers, &method, body).await;
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let Some(error) = response.extensions_mut().remove::<Arc<Error>>() else { return response };
    if door != Door::Api && matches!(*error, Error::SignedOut) && method == Method::GET {
        return to_login(&headers, &address);
    }
    let incident = log(&error, &method, &address);
    let mut answer = match door {
        Door::Api => problem_json(&error, lang, &incident),
        _ => {
            let shell = response.extensions_mut().remove::<Arc<Shell>>();
            error_page(shell.unwrap_or_else(|| Arc::new(Shell::without_operator(&app, &headers, &address))), &error, incident, typed)
        }
    };
    if let Error::TooMany { retry_after } = &*error {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
    }
    if matches!(*error, Error::Unavailable(_) | Error::Neighbour(_)) {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(2));
    }
    answer
}

/// Writes a failure down and answers the number it is found by. Without the query, which may hold names or a sign-in's code;
/// and what was sent is written as text with its control characters escaped, so that nobody forges a line.
fn log(error: &Error, method: &Method, address: &str) -> String {
    let (incident, status) = (Uuid::now_v7().to_string(), error.status().as_u16());
    let (path, cause) = (without_addresses(address.split('?').next().unwrap_or_default()), without_addresses(&error.to_string()));
    if error.status().is_server_error() {
        tracing::error!(%incident, status, %method, path, cause, "a request failed");
    } else {
        tracing::info!(%incident, status, %method, path, cause, "a request was refused");
    }
    incident
}

/// The pairs of a posted form, but for secrets; the body goes on as it was.
async fn keep(headers: &HeaderMap, method: &Method, body: Body) -> (Vec<Fact>, Body) {
    let is_form = headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let small = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok()).is_some_and(|n| n <= KEPT_BYTES);
    if *method != Method::POST || !is_form || !small {
        return (Vec::new(), body);
    }
    let bytes: Bytes = axum::body::to_bytes(body, KEPT_BYTES).await.unwrap_or_default();
    let secret = [
        "csrf",
        "password",
        "binding",
        "confirm",
        "idempotency_key",
        "next",
        "back",
        "decision",
        "draft",
        "item",
        "id",
        "state",
        "list",
        "all",
    ];
    let typed = url::form_urlencoded::parse(&bytes)
        .filter(|(name, value)| !secret.contains(&&**name) && !value.trim().is_empty())
        .map(|(label, value)| Fact { label: label.into_owned(), value: value.into_owned() })
        .collect();
    (typed, Body::from(bytes))
}

fn problem_json(error: &Error, l: Lang, incident: &str) -> Response {
    let (title, detail, next) = error.told(l);
    let mut body = json!({"type": format!("/problems/{}", error.code()), "code": error.code(), "title": title, "detail": detail, "next": next,
        "status": error.status().as_u16(), "instance": format!("urn:uuid:{incident}")});
    if let Error::Invalid(problems) = error {
        let errors: Vec<_> =
            problems.iter().map(|p| FieldProblem { field: &p.field, code: p.text.id(), message: l.say(&p.text) }).collect();
        body["errors"] = json!(errors);
    }
    let mut response = (error.status(), Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if matches!(error, Error::SignedOut) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// htmx would follow a redirect and put the login page into a corner of this one; it is told to leave instead.
fn to_login(headers: &HeaderMap, path: &str) -> Response {
    let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    let login = format!("/login?next={next}");
    if headers.contains_key("hx-request") {
        return (StatusCode::UNAUTHORIZED, [("hx-redirect", login)]).into_response();
    }
    axum::response::Redirect::to(&login).into_response()
}

fn error_page(shell: Arc<Shell>, error: &Error, incident: String, kept: Vec<Fact>) -> Response {
    let l = shell.l;
    let (what, why, next) = error.told(l);
    let mut actions = vec![Action { href: "/".into(), label: l.problem_to_dashboard() }];
    if matches!(error, Error::SignedOut) {
        actions.insert(0, Action { href: "/login".into(), label: l.problem_to_login() });
    }
    let page = ErrorPage { shell, status: error.status().as_u16(), title: what.clone(), what, why, next, actions, incident, kept };
    match page.render() {
        Ok(html) => {
            let headers = [(header::CACHE_CONTROL, "private, no-store"), (header::VARY, "HX-Request")];
            (error.status(), headers, Html(html)).into_response()
        }
        Err(failure) => {
            tracing::error!(%failure, "the error page cannot be rendered");
            (error.status(), error.to_string()).into_response()
        }
    }
}

/// For errors that a page of its own shows: the sentence in this language.
pub fn sentence(error: &Error, l: Lang) -> String {
    match error {
        Error::Refused(text) | Error::Moved(text) | Error::NotPermitted(text) => l.say(text),
        other => {
            let (what, why, next) = other.told(l);
            format!("{what} {why} {next}")
        }
    }
}

/// A person's text must be this long to be a reason; the limits of `request.reason`.
pub fn check_reason(reason: &str) -> Option<Text> {
    match reason.trim().chars().count() {
        0 => Some(msg::reason_missing()),
        1..10 => Some(msg::reason_too_short()),
        10..=2000 => None,
        _ => Some(msg::reason_too_long()),
    }
}
