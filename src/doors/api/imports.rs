//! Tenants from a file.
use super::{Body, Language};
use crate::{
    app::App,
    auth::{OnboardingWork, Operator},
    error::Error,
    onboarding::{import as csv, short_id},
};
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// The body of `POST /api/onboarding/import`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewImport {
    /// The file's text; the first line names the columns.
    csv: String,
    /// Only says what would happen.
    #[serde(default)]
    dry_run: bool,
}

pub async fn import(
    operator: Operator<OnboardingWork>,
    State(app): State<App>,
    Language(l): Language,
    Body(new): Body<NewImport>,
) -> Result<Json<Value>, Error> {
    let report = csv::import(&app, &operator, new.csv.as_bytes(), new.dry_run).await?;
    let rows: Vec<_> = report
        .rows
        .iter()
        .map(|row| {
            let errors: Vec<_> =
                row.problems.iter().map(|p| json!({"field": p.field, "code": p.text.id(), "message": l.say(&p.text)})).collect();
            json!({"line": row.line, "company": row.company, "slug": row.slug, "accepted": errors.is_empty(), "id": row.id.map(short_id), "errors": errors})
        })
        .collect();
    Ok(Json(json!({"accepted": report.accepted(), "refused": report.refused(), "dry_run": new.dry_run, "rows": rows})))
}
