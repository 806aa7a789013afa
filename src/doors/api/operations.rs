//! What can be asked for.
use super::Language;
use crate::{
    app::App,
    auth::{Operator, PortalUse},
    error::Error,
    i18n::Lang,
    operations::Definition,
};
use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};

pub async fn list(operator: Operator<PortalUse>, Language(l): Language, State(app): State<App>) -> Json<Value> {
    let items: Vec<_> = app.registry.all().map(|d| describe(&app, l, d, operator.caller().may(d.scope()))).collect();
    Json(json!({"items": items, "next": null}))
}

pub async fn show(
    operator: Operator<PortalUse>,
    Language(l): Language,
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Error> {
    let definition = app.registry.find(&name).ok_or(Error::NotFound)?;
    Ok(Json(describe(&app, l, definition, operator.caller().may(definition.scope()))))
}

fn describe(app: &App, l: Lang, d: &dyn Definition, permitted: bool) -> Value {
    let ruling = app.policy.rule(d);
    json!({
        "name": d.name(), "version": d.version(), "title": d.title(l), "description": d.description(l), "risk": d.risk(), "effect": d.guarantee(),
        "scope": d.scope(), "permitted": permitted, "schema": d.schema(),
        "policy": {"rule": ruling.rule, "needs": ruling.needs(), "self_approval": ruling.self_approval},
    })
}
