//! Templates of roles, and the roles that a tenant has.
use super::{
    Query,
    endpoints::{CURSOR, Endpoint, LIST, get},
};
use crate::{
    app::App,
    error::Error,
    page::list::{Cursor, Order, PAGE, Slice, told},
    permissions::{self, json as shown},
    tenants,
};
use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub struct Listing {
    q: Option<String>,
    cursor: Option<String>,
}

pub async fn list(State(app): State<App>, Query(asked): Query<Listing>) -> Result<Json<Value>, Error> {
    let cursor = asked.cursor.filter(|code| !code.is_empty()).map(|id| Cursor { value: String::new(), id, back: false });
    let slice = Slice { order: Order { key: "code", down: false }, cursor: cursor.as_ref(), limit: PAGE as i64 + 1 };
    let q = asked.q.map(|q| q.trim().to_owned()).filter(|q| !q.is_empty());
    let mut conn = app.db.read().await?;
    let rows = permissions::templates(&mut conn, q.as_deref(), slice).await?;
    Ok(Json(told(rows, shown::brief, |t| t.code.clone())))
}

pub async fn show(State(app): State<App>, Path(code): Path<String>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    let versions = permissions::versions(&mut conn, &code).await?;
    let newest = versions.first().ok_or(Error::NotFound)?;
    let mut value = shown::whole(newest)?;
    value["versions"] = shown::versions(&versions);
    Ok(Json(value))
}

pub async fn version(State(app): State<App>, Path((code, version)): Path<(String, i32)>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    let found = permissions::version(&mut conn, &code, version).await?.ok_or(Error::NotFound)?;
    shown::whole(&found).map(Json)
}

pub async fn of_tenant(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    let tenant = tenants::tenant(&mut conn, &id).await?.ok_or(Error::NotFound)?;
    Ok(Json(shown::of_tenant(&permissions::of_tenant(&mut conn, &tenant.id).await?)))
}

pub const ENDPOINTS: &[Endpoint] = &[
    get("/api/permissions", "Templates of tenants' roles, by code", &[("q", "Part of a name or code"), CURSOR], LIST),
    get(
        "/api/permissions/{code}",
        "The newest version of a template with its roles, and all versions",
        &[],
        &[(200, "The template"), (404, "No such template")],
    ),
    get("/api/permissions/{code}/versions/{version}", "One version of a template", &[], &[(200, "The version"), (404, "No such version")]),
    get(
        "/api/tenants/{id}/roles",
        "What a tenant's people may do",
        &[],
        &[(200, "Its roles; none before it is active"), (404, "No such tenant")],
    ),
];
