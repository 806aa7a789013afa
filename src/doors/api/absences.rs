//! Who is away.
use super::Body;
use crate::{
    absences::{self, Absence, Plan},
    app::App,
    auth::{Operator, RequestsDecide},
    error::Error,
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// The body of `POST /api/absences`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAbsence {
    /// Now, if it is left out.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    from: Option<DateTime<Utc>>,
    #[schemars(with = "String", extend("format" = "date-time"))]
    until: DateTime<Utc>,
    /// Somebody who may decide, and who uses the caller's roles meanwhile.
    #[schemars(with = "Option<String>")]
    delegate: Option<Uuid>,
    /// 200 characters at most; everybody can read it.
    #[serde(default)]
    note: String,
}

pub async fn list(State(app): State<App>) -> Result<Json<Value>, Error> {
    let mut conn = app.db.read().await?;
    let found = absences::around(&mut conn).await?;
    Ok(Json(json!({"items": found.iter().map(shown).collect::<Vec<_>>(), "next": null})))
}

fn shown(a: &Absence) -> Value {
    let delegate = a.delegate_id.map(|id| json!({"id": id, "name": a.delegate}));
    json!({
        "id": a.id, "person": {"id": a.operator_id, "name": a.name}, "from": a.from_at, "until": a.until_at, "delegate": delegate, "note": a.note,
    })
}

pub async fn plan(
    operator: Operator<RequestsDecide>,
    State(app): State<App>,
    Body(new): Body<NewAbsence>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let plan = Plan { from: new.from, until: new.until, delegate: new.delegate, note: new.note };
    let id = absences::add(&app, &operator, &plan).await?;
    Ok((StatusCode::CREATED, Json(json!({"id": id}))))
}

pub async fn end(operator: Operator<RequestsDecide>, State(app): State<App>, Path(id): Path<Uuid>) -> Result<StatusCode, Error> {
    absences::end(&app, &operator, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
