//! Personal API tokens: `cst_` and 256 random bits, shown once, stored as SHA-256, with scopes and an end.
use super::{NAMED_ONLY, Operator, OperatorsManage, Role, operators, sessions, store};
use crate::{db::Db, error::Error, i18n::msg, ledger::Entry};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A token as it may be shown: never the secret.
#[derive(Debug, Serialize)]
pub struct Token {
    pub id: Uuid,
    pub name: String,
    pub scopes: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Makes a token for a person. Without `scopes` it gets all that the person's roles hold now, but for those that must be named; it
/// can never get more.
/// Answers its id and the secret.
pub async fn create(
    db: &Db,
    console: &Operator<OperatorsManage>,
    email: &str,
    name: &str,
    scopes: &[String],
    days: i64,
) -> Result<(Uuid, String), Error> {
    let mut change = db.begin(console).await?;
    let operator = store::by_email(&mut change, email).await?.ok_or(Error::Refused(msg::operator_unknown(email)))?;
    let roles: Vec<Role> = store::role_names(&mut change, operator).await?.iter().filter_map(|r| Role::for_person(r)).collect();
    let held = operators::scopes_of(&roles);
    if let Some(missing) = scopes.iter().find(|s| !held.contains(&s.as_str())) {
        return Err(Error::Refused(msg::token_scope_not_held(email, missing)));
    }
    let usual = held.into_iter().filter(|scope| !NAMED_ONLY.contains(scope));
    let scopes: Vec<String> = if scopes.is_empty() { usual.map(str::to_owned).collect() } else { scopes.to_vec() };
    let (id, secret) = (Uuid::now_v7(), format!("cst_{}", sessions::secret()));
    let expires_at = change.now() + TimeDelta::days(days);
    store::add_token(&mut change, id, operator, name, &Sha256::digest(&secret), &scopes, expires_at).await?;
    let after = json!({"name": name, "operator": operator, "scopes": scopes, "expires_at": expires_at});
    change.commit(Entry::of("token.created").on("token", &id.to_string()).after(after)).await?;
    Ok((id, secret))
}

pub async fn revoke(db: &Db, console: &Operator<OperatorsManage>, id: Uuid) -> Result<(), Error> {
    let mut change = db.begin(console).await?;
    if !store::revoke_token(&mut change, id).await? {
        return Err(Error::Refused(msg::token_unknown(id.to_string())));
    }
    change.commit(Entry::of("token.revoked").on("token", &id.to_string())).await?;
    Ok(())
}

/// The tokens of a person, newest first.
pub async fn list(db: &Db, email: &str) -> Result<Vec<Token>, Error> {
    let operator = operators::find(db, email).await?;
    let mut conn = db.read().await?;
    Ok(store::tokens(&mut conn, operator).await?)
}
