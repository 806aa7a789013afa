//! The API's documents: for machines and for people.
use super::openapi;
use crate::{
    app::App,
    error::Error,
    page::{self, Shell, Visit},
};
use askama::Template;
use axum::{Json, extract::State, response::Response};
use serde_json::Value;

pub async fn json(State(app): State<App>) -> Json<Value> {
    Json(openapi::document(&app.registry, app.public_url.as_str()))
}

#[derive(Template)]
#[template(path = "api/docs.html")]
struct Docs {
    shell: Shell,
    endpoints: Vec<Endpoint>,
}

struct Endpoint {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    scope: &'static str,
    body: Option<String>,
    responses: Vec<String>,
}

pub async fn page(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    let document = openapi::document(&app.registry, app.public_url.as_str());
    let (_, lines) = app.surface();
    let endpoints = openapi::endpoints()
        .map(|e| Endpoint {
            method: e.method,
            path: e.path,
            summary: e.summary,
            scope: lines.iter().find(|l| l.method == e.method && l.path == e.path).map_or("", |l| l.gate),
            body: e.body.and_then(|name| serde_json::to_string_pretty(&document["components"]["schemas"][name]["properties"]).ok()),
            responses: e.answers.iter().map(|(status, description)| format!("{status} {description}")).collect(),
        })
        .collect();
    page::html(&Docs { shell: visit.shell(&app).await?, endpoints })
}
