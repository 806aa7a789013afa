//! What somebody has begun to ask for. Kept in their session, so that reloading, going back and changing the language lose
//! nothing, and gone with it: a draft is nobody else's business.
use crate::{
    auth::Submitted,
    error::{Error, Problem},
    i18n::msg,
};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;
use uuid::Uuid;

const KEY: &str = "drafts";
/// The newest are kept; so many forms are rarely open at once.
const MOST: usize = 8;
/// More than any form takes, in bytes; what is longer is refused anyway and need not fill the database.
const LONGEST: usize = 32 * 1024;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Draft {
    /// Also the idempotency key of the request it becomes: however often a form is sent, it asks once.
    pub id: Uuid,
    pub operation: String,
    pub typed: Submitted,
}

async fn all(session: &Session) -> Result<Vec<Draft>, Error> {
    Ok(session.get(KEY).await?.unwrap_or_default())
}

pub(super) async fn find(session: &Session, id: Uuid, operation: &str) -> Result<Option<Draft>, Error> {
    Ok(all(session).await?.into_iter().find(|d| d.id == id && d.operation == operation))
}

/// Keeps it, or says what is too long to be kept.
pub(super) async fn keep(session: &Session, draft: Draft) -> Result<Option<Problem>, Error> {
    if draft.typed.0.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > LONGEST {
        let longest = draft.typed.0.iter().max_by_key(|(_, value)| value.len());
        return Ok(longest.map(|(name, _)| Problem::new(name, msg::field_too_long(LONGEST as i64))));
    }
    let mut drafts = all(session).await?;
    drafts.retain(|d| d.id != draft.id);
    drafts.push(draft);
    let surplus = drafts.len().saturating_sub(MOST);
    drafts.drain(..surplus);
    session.insert(KEY, drafts).await?;
    Ok(None)
}

pub(super) async fn drop(session: &Session, id: Uuid) -> Result<(), Error> {
    let mut drafts = all(session).await?;
    drafts.retain(|d| d.id != id);
    Ok(session.insert(KEY, drafts).await?)
}
