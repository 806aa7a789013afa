//! Operators as records: bootstrap and break-glass from the command line, and in step with the identity provider at sign-in.
use super::{IdentitySync, MATRIX, Operator, OperatorsManage, Role, passwords, store};
use crate::{db::Db, error::Error, i18n::msg, ledger::Entry};
use serde_json::json;
use uuid::Uuid;

/// Adds a person who signs in with a password. Answers their id.
pub async fn add(
    db: &Db,
    console: &Operator<OperatorsManage>,
    email: &str,
    name: &str,
    roles: &[Role],
    password: String,
) -> Result<Uuid, Error> {
    let hash = passwords::hash(checked(password)?).await?;
    let mut change = db.begin(console).await?;
    if store::by_email(&mut change, email).await?.is_some() {
        return Err(Error::Refused(msg::operator_exists(email)));
    }
    let id = Uuid::now_v7();
    store::add_operator(&mut change, id, email, name).await?;
    store::set_password(&mut change, id, &hash).await?;
    let names = names(roles);
    store::set_roles(&mut change, id, &names).await?;
    change
        .commit(Entry::of("operator.added").on("operator", &id.to_string()).after(json!({"email": email, "name": name, "roles": names})))
        .await?;
    Ok(id)
}

/// Gives a person exactly these roles.
pub async fn set_roles(db: &Db, console: &Operator<OperatorsManage>, email: &str, roles: &[Role]) -> Result<(), Error> {
    let mut change = db.begin(console).await?;
    let id = store::by_email(&mut change, email).await?.ok_or(Error::Refused(msg::operator_unknown(email)))?;
    let before = store::role_names(&mut change, id).await?;
    let after = names(roles);
    store::set_roles(&mut change, id, &after).await?;
    change
        .commit(
            Entry::of("operator.roles.set").on("operator", &id.to_string()).before(json!({"roles": before})).after(json!({"roles": after})),
        )
        .await?;
    Ok(())
}

/// Disables a person; sessions and tokens stop working at once.
pub async fn disable(db: &Db, console: &Operator<OperatorsManage>, email: &str) -> Result<(), Error> {
    let mut change = db.begin(console).await?;
    let id = store::by_email(&mut change, email).await?.ok_or(Error::Refused(msg::operator_unknown(email)))?;
    if !store::disable(&mut change, id).await? {
        return Err(Error::Refused(msg::operator_disabled_already(email)));
    }
    change.commit(Entry::of("operator.disabled").on("operator", &id.to_string())).await?;
    Ok(())
}

/// Lets a disabled person in again, with the roles they had.
pub async fn enable(db: &Db, console: &Operator<OperatorsManage>, email: &str) -> Result<(), Error> {
    let mut change = db.begin(console).await?;
    let id = store::by_email(&mut change, email).await?.ok_or(Error::Refused(msg::operator_unknown(email)))?;
    if !store::enable(&mut change, id).await? {
        return Err(Error::Refused(msg::operator_enabled_already(email)));
    }
    change.commit(Entry::of("operator.enabled").on("operator", &id.to_string())).await?;
    Ok(())
}

/// Sets a new break-glass password and ends every session.
pub async fn reset_password(db: &Db, console: &Operator<OperatorsManage>, email: &str, password: String) -> Result<(), Error> {
    let hash = passwords::hash(checked(password)?).await?;
    let mut change = db.begin(console).await?;
    let id = store::by_email(&mut change, email).await?.ok_or(Error::Refused(msg::operator_unknown(email)))?;
    store::set_password(&mut change, id, &hash).await?;
    change.commit(Entry::of("operator.password.reset").on("operator", &id.to_string())).await?;
    Ok(())
}

/// The id behind an e-mail address.
pub async fn find(db: &Db, email: &str) -> Result<Uuid, Error> {
    let mut conn = db.read().await?;
    store::by_email(&mut conn, email).await?.ok_or(Error::Refused(msg::operator_unknown(email)))
}

/// What the identity provider says about somebody who has just signed in there.
pub(super) struct Account<'a> {
    pub issuer: &'a str,
    pub subject: &'a str,
    pub email: &'a str,
    /// Only a verified address may be bound to an operator who exists already.
    pub email_verified: bool,
    pub name: &'a str,
    pub roles: Vec<Role>,
}

/// The operator of an account, with the roles the provider gives now. First sign-in creates the operator, or binds one
/// that has the same verified address and no account yet.
pub(super) async fn sync(db: &Db, identity: &Operator<IdentitySync>, account: Account<'_>) -> Result<Uuid, Error> {
    let mut change = db.begin(identity).await?;
    let id = match store::by_identity(&mut change, account.issuer, account.subject).await? {
        Some((id, true)) => id,
        Some((_, false)) => return Err(Error::Refused(msg::login_disabled())),
        None => {
            let id = match store::by_email(&mut change, account.email).await? {
                Some(id) if !store::is_enabled(&mut change, id).await? => return Err(Error::Refused(msg::login_disabled())),
                Some(id) if account.email_verified && !store::has_identity(&mut change, id).await? => id,
                Some(_) => return Err(Error::Refused(msg::login_email_taken(account.email))),
                None => {
                    let id = Uuid::now_v7();
                    store::add_operator(&mut change, id, account.email, account.name).await?;
                    id
                }
            };
            store::bind_identity(&mut change, id, account.issuer, account.subject).await?;
            change.record(Entry::of("operator.identity.bound").on("operator", &id.to_string()).with("issuer", account.issuer)).await?;
            id
        }
    };
    let before = store::role_names(&mut change, id).await?;
    let mut after = names(&account.roles);
    after.sort_unstable();
    if before != after {
        store::set_roles(&mut change, id, &after).await?;
        change
            .record(
                Entry::of("operator.roles.set")
                    .on("operator", &id.to_string())
                    .before(json!({"roles": before}))
                    .after(json!({"roles": after})),
            )
            .await?;
    }
    change.commit(Entry::of("operator.identity.checked").on("operator", &id.to_string())).await?;
    Ok(id)
}

fn names(roles: &[Role]) -> Vec<&'static str> {
    roles.iter().map(|role| role.name()).collect()
}

fn checked(password: String) -> Result<String, Error> {
    if password.chars().count() < passwords::MIN_LENGTH {
        return Err(Error::Refused(msg::password_too_short(passwords::MIN_LENGTH)));
    }
    Ok(password)
}

/// The scopes that a person with these roles holds.
pub fn scopes_of(roles: &[Role]) -> Vec<&'static str> {
    MATRIX.iter().filter(|(_, holders)| holders.iter().any(|r| roles.contains(r))).map(|(scope, _)| *scope).collect()
}
