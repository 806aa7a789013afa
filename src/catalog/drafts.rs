//! A next version while somebody works on it: kept as it was typed, however wrong it is, for whoever opens it next.
use super::{Currency, Kind, is_code, store};
use crate::{
    app::App,
    auth::{CatalogChange, Operator},
    error::{Error, Problem},
    i18n::msg,
    ledger::Entry,
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// As much as is kept of a price list that is too long: what was typed must not be lost.
pub const LONGEST: usize = 40_000;

/// Nobody saves a draft so often.
const MOST_SAVED: i32 = 1_000_000;

/// What was typed, and by whom.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The number the version will have.
    pub version: i32,
    pub name: String,
    pub currency: String,
    pub starts: String,
    pub ends: String,
    pub document: String,
    pub saved_by: String,
    pub saved_at: DateTime<Utc>,
    /// How often it was saved; 0 for one that was not.
    pub revision: i32,
}

/// The number that the next version of a product will have.
pub async fn next_version(conn: &mut PgConnection, kind: Kind, code: &str) -> Result<i32, Error> {
    Ok(store::versions(conn, kind, code).await?.first().map_or(1, |newest| newest.version + 1))
}

/// Keeps a draft, if nobody else saved one since `draft.revision` and its version is the next one.
pub async fn save(app: &App, operator: &Operator<CatalogChange>, kind: Kind, code: &str, draft: &Draft) -> Result<i32, Error> {
    if !is_code(code) {
        return Err(Error::Invalid(vec![Problem::new("code", msg::catalog_code_malformed())]));
    }
    if draft.document.len() > LONGEST {
        return Err(Error::Invalid(vec![Problem::new("prices", msg::field_too_long(LONGEST))]));
    }
    let short = draft.starts.len() <= 10 && draft.ends.len() <= 10 && Currency::named(&draft.currency).is_some();
    if !short || !(0..MOST_SAVED).contains(&draft.revision) {
        return Err(Error::Malformed("starts and ends are days, currency is KRW or USD, revision is the one that was answered".into()));
    }
    if draft.name.chars().count() > 80 {
        return Err(Error::Invalid(vec![Problem::new("name", msg::catalog_name_too_long())]));
    }
    let mut change = app.db.begin(operator).await?;
    store::lock(&mut change, kind, code).await?;
    let next = next_version(&mut change, kind, code).await?;
    if draft.version < next {
        return Err(Error::Refused(msg::catalog_version_stands(next, draft.version)));
    }
    if draft.version > next {
        return Err(Error::NotFound);
    }
    let stored = store::draft(&mut change, kind, code).await?;
    match stored {
        Some(other) if other.revision != draft.revision => return Err(Error::Refused(msg::catalog_draft_moved(&other.saved_by))),
        None if draft.revision != 0 => return Err(Error::Refused(msg::catalog_draft_gone())),
        _ => {}
    }
    let revision = draft.revision + 1;
    store::save(&mut change, kind, code, operator.id(), &Draft { revision, ..draft.clone() }).await?;
    let entry = Entry::of("draft.saved").on(kind.name(), code).with("version", next).with("revision", revision);
    change.commit(entry).await?;
    Ok(revision)
}

/// Throws a draft away, if it is the one that was seen.
pub async fn discard(app: &App, operator: &Operator<CatalogChange>, kind: Kind, code: &str, revision: i32) -> Result<(), Error> {
    let mut change = app.db.begin(operator).await?;
    store::lock(&mut change, kind, code).await?;
    let stored = store::draft(&mut change, kind, code).await?.ok_or(Error::NotFound)?;
    if stored.revision != revision {
        return Err(Error::Refused(msg::catalog_draft_moved(&stored.saved_by)));
    }
    store::discard(&mut change, kind, code).await?;
    change.commit(Entry::of("draft.discarded").on(kind.name(), code)).await.map(|_| ())
}
