//! Browser sessions in Postgres. The row is keyed by SHA-256 of the id; it dies 12 hours after sign-in, after 30 minutes
//! without a request, or when it is deleted: all by the database clock.
use crate::{db::Db, error::Error};
use async_trait::async_trait;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use tower_sessions::{
    Session, SessionStore,
    session::{Id, Record},
    session_store,
};
use uuid::Uuid;

const OPERATOR: &str = "operator";
const CSRF: &str = "csrf";
const FLASH: &str = "flash";
/// How an [`Error::Unavailable`] begins when it is text.
const AWAY: &str = "not available";

/// A sentence shown once, on the next page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flash {
    /// `success`, `info` or `error`.
    pub kind: String,
    pub text: String,
    /// Where a form takes back what was just done, as long as that is possible.
    #[serde(default)]
    pub undo: Option<String>,
}

impl From<session_store::Error> for Error {
    fn from(error: session_store::Error) -> Self {
        match error {
            // the store's trait carries text alone; this is how `backend` wrote it
            session_store::Error::Backend(text) if text.starts_with(AWAY) => Error::Unavailable(text),
            other => Error::Internal(anyhow::Error::new(other)),
        }
    }
}
impl From<tower_sessions::session::Error> for Error {
    fn from(error: tower_sessions::session::Error) -> Self {
        match error {
            tower_sessions::session::Error::Store(error) => error.into(),
            other => Error::Internal(anyhow::Error::new(other)),
        }
    }
}

/// Who signed in with this session.
pub async fn operator_of(session: &Session) -> Result<Option<Uuid>, Error> {
    Ok(session.get(OPERATOR).await?)
}

/// The key of the session's row, for the check inside a transaction.
pub(super) fn hash_of(session: &Session) -> Option<Vec<u8>> {
    session.id().map(|id| key(&id))
}

/// The token a form must carry, if the session has one already.
pub(super) async fn csrf_of(session: &Session) -> Result<Option<String>, Error> {
    Ok(session.get(CSRF).await?)
}

/// The token for a form, made at first need.
pub async fn csrf(session: &Session) -> Result<String, Error> {
    if let Some(token) = csrf_of(session).await? {
        return Ok(token);
    }
    let token = secret();
    session.insert(CSRF, &token).await?;
    // saved here as well as at the end of the request: here a failure can still be told
    session.save().await?;
    Ok(token)
}

/// 256 random bits, as text.
pub fn secret() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes)
}

/// When a session ends.
pub struct End {
    /// If nobody does anything until then.
    pub at: String,
    /// Whether doing something makes it later: not once the session is as old as it may become.
    pub extends: bool,
}

/// When this session ends, if somebody is signed in with it.
pub async fn end(db: &Db, session: &Session) -> Result<Option<End>, Error> {
    let Some(hash) = hash_of(session) else { return Ok(None) };
    let end = db.session_end(&hash).await?;
    Ok(end.map(|(idle, last)| End { at: idle.min(last).to_rfc3339_opts(chrono::SecondsFormat::Secs, true), extends: idle < last }))
}

/// Signs somebody in: a new id and a new token, so that nothing known before is worth anything after.
pub(super) async fn sign_in(session: &Session, operator: Uuid) -> Result<(), Error> {
    session.cycle_id().await?;
    session.insert(OPERATOR, operator).await?;
    session.insert(CSRF, secret()).await?;
    Ok(session.save().await?)
}

pub async fn flash(session: &Session, kind: &str, text: String, undo: Option<String>) -> Result<(), Error> {
    Ok(session.insert(FLASH, Flash { kind: kind.into(), text, undo }).await?)
}

pub async fn take_flash(session: &Session) -> Result<Option<Flash>, Error> {
    // looked at first: removing marks the session as changed, and every view would write it
    match session.get::<Flash>(FLASH).await? {
        Some(_) => Ok(session.remove(FLASH).await?),
        None => Ok(None),
    }
}

fn key(id: &Id) -> Vec<u8> {
    Sha256::digest(id.0.to_le_bytes()).to_vec()
}

/// The sessions' table behind tower-sessions.
#[derive(Clone)]
pub struct Store(pub Db);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Store")
    }
}

fn backend(error: Error) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let operator = record.data.get(OPERATOR).and_then(|v| v.as_str()).and_then(|v| v.parse().ok());
        self.0.create_session(&key(&record.id), operator, json!(record.data)).await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.0.save_session(&key(&record.id), json!(record.data)).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let Some(data) = self.0.load_session(&key(id)).await.map_err(backend)? else { return Ok(None) };
        let data = serde_json::from_value(data).map_err(|e| session_store::Error::Decode(e.to_string()))?;
        // the database decides when a session ends; this date only has to be in the future
        let expiry_date = time::OffsetDateTime::now_utc() + time::Duration::hours(1);
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.0.delete_session(&key(id)).await.map_err(backend)
    }
}
