//! Customers as the admin API shows them.
use super::{
    User,
    store::{self, Filter},
};
use crate::{
    app::App,
    error::Error,
    page::list::{Cursor, Order, PAGE, Slice, told},
};
use serde_json::{Value, json};

/// `{items, next}` of organisations whose name, company or id fits.
pub async fn orgs(app: &App, q: &str, cursor: Option<&str>) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    let rows = store::orgs(&mut conn, &named(q), by_name(parse(cursor)?.as_ref())).await?;
    Ok(told(rows, |o| json!(o), |o| format!("{}~{}", o.name, o.id)))
}

/// `{items, next}` of people whose name, address or id fits; their addresses are masked.
pub async fn users(app: &App, q: &str, cursor: Option<&str>) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    let rows = store::users(&mut conn, &named(q), by_name(parse(cursor)?.as_ref())).await?;
    Ok(told(rows, named_user, |u| format!("~{}", u.id)))
}

pub async fn org(app: &App, id: &str) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    Ok(json!(store::org(&mut conn, id).await?.ok_or(Error::NotFound)?))
}

pub async fn user(app: &App, id: &str) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    Ok(whole(&store::user(&mut conn, id).await?.ok_or(Error::NotFound)?))
}

/// A person with the organisations they belong to.
pub async fn user_detail(app: &App, id: &str) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    let user = store::user(&mut conn, id).await?.ok_or(Error::NotFound)?;
    let orgs = store::orgs_of(&mut conn, id, 200).await?;
    let mut value = whole(&user);
    value["orgs"] = json!(orgs);
    Ok(value)
}

fn parse(cursor: Option<&str>) -> Result<Option<Cursor>, Error> {
    let Some(text) = cursor.filter(|c| !c.is_empty()) else { return Ok(None) };
    let (name, id) = text.rsplit_once('~').ok_or_else(|| Error::Malformed("cursor is not one of ours".into()))?;
    Ok(Some(Cursor { value: name.into(), id: id.into(), back: false }))
}

fn named(q: &str) -> Filter {
    Filter { q: Some(q.trim().to_owned()).filter(|q| !q.is_empty()), paying: None }
}

fn by_name(cursor: Option<&Cursor>) -> Slice<'_> {
    Slice { order: Order { key: "name", down: false }, cursor, limit: PAGE as i64 + 1 }
}

/// A person in a list: with the name, which people work with, and the masked address.
fn named_user(user: &User) -> Value {
    let mut value = json!(user);
    value["name"] = json!(user.name.exposed());
    value
}

/// The one person who was asked for.
fn whole(user: &User) -> Value {
    let mut value = named_user(user);
    value["email"] = json!(user.email.exposed());
    value
}
