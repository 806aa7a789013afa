//! What can be asked for.
use super::Language;
use crate::{
    app::App,
    auth::{Caller, Operator, PortalUse},
    error::Error,
    i18n::Lang,
    operations::Definition,
    policy,
    requests::submit,
};
use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};
use sqlx::PgConnection;

pub async fn list(operator: Operator<PortalUse>, Language(l): Language, State(app): State<App>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    let mut items = Vec::new();
    for definition in app.registry.all() {
        items.push(describe(&app, &mut conn, l, definition, operator.caller()).await?);
    }
    Ok(Json(json!({"items": items, "next": null})))
}

pub async fn show(
    operator: Operator<PortalUse>,
    Language(l): Language,
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Error> {
    let definition = app.registry.find(&name).ok_or(Error::NotFound)?;
    let mut conn = app.db.read().await?;
    Ok(Json(describe(&app, &mut conn, l, definition, operator.caller()).await?))
}

async fn describe(app: &App, conn: &mut PgConnection, l: Lang, d: &dyn Definition, caller: &Caller) -> Result<Value, Error> {
    let ruling = submit::usual_ruling(app, conn, caller, d).await?;
    Ok(json!({
        "name": d.name(), "version": d.version(), "title": d.title(l), "description": d.description(l), "risk": d.risk(), "effect": d.guarantee(),
        "scope": d.scope(), "permitted": caller.may(d.scope()), "schema": d.schema(), "policy": policy::json::ruling(&ruling),
    }))
}
