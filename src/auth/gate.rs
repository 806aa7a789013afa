//! From an HTTP request to an [`Operator`]: bearer token or browser session, then the scope.
use super::{Caller, Credential, Door, Operator, Scope, store};
use crate::{
    app::App,
    db::{Actor, Batch},
    error::Error,
    ledger::{Entry, Outcome},
};
use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tower_sessions::Session;

/// The door a path belongs to.
pub fn door_of(path: &str) -> Door {
    if path.starts_with("/api/") || path.starts_with("/hooks/") || path == "/events" { Door::Api } else { Door::Web }
}

impl FromRequestParts<App> for Arc<Caller> {
    type Rejection = Error;

    /// Reads the caller once for each request and keeps it for the extractors that follow.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        if let Some(caller) = parts.extensions.get::<Arc<Caller>>() {
            return Ok(caller.clone());
        }
        let door = door_of(parts.uri.path());
        let bearer = parts.headers.get(AUTHORIZATION).map(|value| value.to_str().ok().and_then(|v| v.strip_prefix("Bearer ")));
        let caller = match bearer {
            // a header that is there but wrong is not replaced by a cookie
            Some(token) => by_token(app, token.ok_or(Error::SignedOut)?, door).await?,
            // boxed, here and below: thousands may stand at the gate at once, and few of them come by these ways
            None => Box::pin(by_session(app, parts, door)).await?,
        };
        let caller = Arc::new(caller);
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// Whose tokens these are, read for each HTTP request; callers that come at the same time share a read.
pub struct Tokens(Batch<Vec<u8>, store::Owned>);

impl Default for Tokens {
    fn default() -> Self {
        Self(Batch::new(2))
    }
}

async fn by_token(app: &App, token: &str, door: Door) -> Result<Caller, Error> {
    let db = app.db.clone();
    let read = move |hashes: Vec<Vec<u8>>| async move { Ok(store::token_owners(&mut *db.look_up().await?, &hashes).await?) };
    let owned = app.tokens.0.ask(Sha256::digest(token.trim()).to_vec(), read).await?;
    let (token, operator) = owned.ok_or(Error::SignedOut)?;
    Ok(operator.caller(door, Credential::Token { id: token.id, scopes: token.scopes }))
}

async fn by_session(app: &App, parts: &mut Parts, door: Door) -> Result<Caller, Error> {
    let session = Session::from_request_parts(parts, app).await.map_err(|_| Error::SignedOut)?;
    let id = super::sessions::operator_of(&session).await?.ok_or(Error::SignedOut)?;
    let hash = super::sessions::hash_of(&session).ok_or(Error::SignedOut)?;
    // a page that follows changes by itself is not somebody who is there
    if parts.uri.path() != "/events" && !parts.headers.contains_key("x-follows") {
        app.db.touch_session(&hash).await?;
    }
    let mut conn = app.db.look_up().await?;
    let operator = store::operator(&mut conn, id).await?.ok_or(Error::SignedOut)?;
    Ok(operator.caller(door, Credential::Session(hash)))
}

impl<S: Scope> FromRequestParts<App> for Operator<S> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Arc::<Caller>::from_request_parts(parts, app).await?;
        match Operator::of(caller.clone()) {
            Ok(operator) => Ok(operator),
            Err(error) => {
                let entry = Entry::of("access.denied")
                    .outcome(Outcome::Denied)
                    .on("route", &cut(parts.uri.path()))
                    .with("method", parts.method.as_str())
                    .with("scope", S::NAME);
                Box::pin(app.db.record(Actor::from(&caller), entry)).await?;
                Err(error)
            }
        }
    }
}

impl store::StoredOperator {
    fn caller(self, door: Door, credential: Credential) -> Caller {
        Caller { id: self.id, name: self.name, email: self.email, roles: self.roles, door, credential }
    }
}

/// A path as it goes into an event: what somebody sends may be as long as they like.
pub(super) fn cut(path: &str) -> String {
    path.chars().take(200).collect()
}
