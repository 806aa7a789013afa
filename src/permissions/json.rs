//! Templates and roles as clients see them.
use super::{Granted, Template, Version, document::Role};
use crate::{
    error::Error,
    requests::{hex, short_id},
};
use serde_json::{Value, json};

/// One of a list.
pub fn brief(t: &Template) -> Value {
    json!({"code": t.code, "name": t.name, "version": t.version, "published_at": t.published_at, "tenants": t.tenants})
}

/// One version, with its roles.
pub fn whole(v: &Version) -> Result<Value, Error> {
    Ok(json!({
        "code": v.code, "version": v.version, "name": v.name, "hash": hex(&v.hash), "request": short_id(v.request), "published_at": v.published_at,
        "document": v.document, "roles": v.roles()?,
    }))
}

/// What a tenant's people may do.
pub fn of_tenant(had: &[Granted]) -> Value {
    let roles: Vec<Role> = had.iter().map(Granted::role).collect();
    let first = had.first();
    json!({"template": first.map(|g| &g.template), "version": first.map(|g| g.version), "since": first.map(|g| g.since), "roles": roles})
}

/// All versions, newest first.
pub fn versions(all: &[Version]) -> Value {
    let one = |v: &Version| json!({"version": v.version, "name": v.name, "hash": hex(&v.hash), "request": short_id(v.request), "published_at": v.published_at, "tenants": v.tenants});
    json!(all.iter().map(one).collect::<Vec<_>>())
}
