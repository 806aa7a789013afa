//! Against forged posts: browsers say where a request comes from, and every form carries its session's token.
use super::sessions;
use crate::{
    app::App,
    csp,
    db::Actor,
    error::Error,
    ledger::{Entry, Outcome},
};
use axum::{
    RequestExt,
    body::Bytes,
    extract::{FromRequest, Multipart, Request},
    http::{HeaderMap, Method},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tower_sessions::Session;

/// A form whose token was right. Any form that changes something is taken through this.
pub struct Csrf<T>(pub T);

/// The pairs of a form in the order they were sent, for forms whose fields are not known beforehand.
#[derive(Clone, Debug, Default)]
pub struct Submitted(pub Vec<(String, String)>);

impl Submitted {
    /// The last value of this name, trimmed; browsers send a field once.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.trim())
    }

    /// The same, where something was typed.
    pub fn some(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|text| !text.is_empty())
    }

    /// The same, or an empty text.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// What was typed, without what the page itself put into the form.
    pub fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(n, _)| !names.contains(&n.as_str())).cloned().collect())
    }
}

impl serde::Serialize for Submitted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(n, v)| (n, v)))
    }
}

impl<'de> serde::Deserialize<'de> for Submitted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // a form is a map whose keys may repeat
        struct Pairs;
        impl<'de> serde::de::Visitor<'de> for Pairs {
            type Value = Submitted;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a form")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Submitted, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    // NUL is no text for Postgres, and nobody types it
                    pairs.push((name, value.replace('\0', "")));
                }
                Ok(Submitted(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Csrf<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        let session =
            <Session as axum::extract::FromRequestParts<App>>::from_request_parts(&mut parts, app).await.map_err(|_| Error::SignedOut)?;
        let caller = parts.extensions.get::<Arc<super::Caller>>().cloned();
        let path = parts.uri.path().to_owned();
        let body = Bytes::from_request(Request::from_parts(parts, body), app).await.map_err(|_| Error::TooLarge("256 KiB"))?;
        let sent =
            url::form_urlencoded::parse(&body).find(|(name, _)| name == "csrf").map(|(_, value)| value.into_owned()).unwrap_or_default();
        check(app, &session, caller, &path, &sent).await?;
        let form = serde_urlencoded::from_bytes(&body).map_err(|error| Error::Malformed(error.to_string()))?;
        Ok(Csrf(form))
    }
}

/// A form with files whose token was right. The token is its first field, so that nothing of a forged form is read beyond it.
pub struct CsrfUpload(pub Multipart);

impl FromRequest<App> for CsrfUpload {
    type Rejection = Error;

    async fn from_request(mut request: Request, app: &App) -> Result<Self, Error> {
        let session = request.extract_parts_with_state::<Session, App>(app).await.map_err(|_| Error::SignedOut)?;
        let caller = request.extensions().get::<Arc<super::Caller>>().cloned();
        let path = request.uri().path().to_owned();
        let mut form = Multipart::from_request(request, app).await.map_err(|error| Error::Malformed(error.body_text()))?;
        let sent = match form.next_field().await {
            Ok(Some(mut field)) if field.name() == Some("csrf") => {
                // longer than a chunk is no token
                field.chunk().await.ok().flatten().map(|chunk| String::from_utf8_lossy(&chunk).into_owned()).unwrap_or_default()
            }
            _ => String::new(),
        };
        check(app, &session, caller, &path, &sent).await?;
        Ok(CsrfUpload(form))
    }
}

/// Whether the token that was sent is the session's; an attempt of somebody who is signed in is written down.
async fn check(app: &App, session: &Session, caller: Option<Arc<super::Caller>>, path: &str, sent: &str) -> Result<(), Error> {
    let expected = sessions::csrf_of(session).await?.unwrap_or_default();
    if expected.is_empty() || !bool::from(sent.as_bytes().ct_eq(expected.as_bytes())) {
        if let Some(caller) = caller {
            let entry = Entry::of("access.forged").outcome(Outcome::Denied).on("route", &super::gate::cut(path));
            app.db.record(Actor::from(&caller), entry).await?;
        }
        return Err(Error::Forged);
    }
    Ok(())
}

/// Refuses unsafe requests that a browser sends from another site. Clients that are not browsers send neither header
/// and have no cookie to abuse. The rule is that of Go's `http.CrossOriginProtection`. Reports of violations are let
/// through: browsers send some of them from nowhere (`Origin: null`), and they change nothing.
pub async fn cross_origin(request: Request, next: Next) -> Response {
    if request.uri().path() == csp::REPORTS || same_origin(request.method(), request.headers()) {
        next.run(request).await
    } else {
        Error::Forged.into_response()
    }
}

fn same_origin(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    match (header("sec-fetch-site"), header("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, None) => true,
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == header("host"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_site_may_post() {
        let ask = |method: Method, pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
            same_origin(&method, &headers)
        };
        assert!(ask(Method::GET, &[("sec-fetch-site", "cross-site")]));
        assert!(ask(Method::POST, &[("sec-fetch-site", "same-origin")]));
        assert!(ask(Method::POST, &[]));
        assert!(ask(Method::POST, &[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]));
        assert!(!ask(Method::POST, &[("sec-fetch-site", "cross-site")]));
        assert!(!ask(Method::POST, &[("sec-fetch-site", "same-site")]));
        assert!(!ask(Method::POST, &[("origin", "https://evil.example"), ("host", "127.0.0.1:8080")]));
        assert!(!ask(Method::DELETE, &[("origin", "null"), ("host", "127.0.0.1:8080")]));
    }
}
