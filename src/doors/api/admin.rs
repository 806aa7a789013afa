//! The reads of the admin API.
use super::Query;
use crate::{app::App, customers::api, error::Error};
use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub struct Listing {
    #[serde(default)]
    q: String,
    cursor: Option<String>,
}

pub async fn users(State(app): State<App>, Query(asked): Query<Listing>) -> Result<Json<Value>, Error> {
    api::users(&app, asked.q.trim(), asked.cursor.as_deref()).await.map(Json)
}

pub async fn user(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    api::user(&app, &id).await.map(Json)
}

pub async fn user_detail(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    api::user_detail(&app, &id).await.map(Json)
}

pub async fn orgs(State(app): State<App>, Query(asked): Query<Listing>) -> Result<Json<Value>, Error> {
    api::orgs(&app, asked.q.trim(), asked.cursor.as_deref()).await.map(Json)
}

pub async fn org(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    api::org(&app, &id).await.map(Json)
}
