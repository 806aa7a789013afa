//! Where providers post. Public: what proves a post is in the post. Nothing here redirects, renders or asks for a session.
use crate::{
    app::App,
    error::Error,
    payments::{Name, Received, receive},
};
use axum::{
    Json,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, Uri, header},
};
use futures::StreamExt;
use serde_json::{Value, json};

/// 200 as soon as it is written down, and for what had been before: one of them counts nothing else as taken.
pub async fn take(State(app): State<App>, Path(provider): Path<String>, request: Request) -> Result<Json<Value>, Error> {
    // what is not configured is not there
    let name = Name::named(&provider).ok_or(Error::NotFound)?;
    let provider = app.payments.get(name).ok_or(Error::NotFound)?;
    let (parts, body) = request.into_parts();
    let (headers, uri): (HeaderMap, Uri) = (parts.headers, parts.uri);
    let body = within(&headers, body, provider.most(uri.query().unwrap_or_default())).await?;
    let received = receive(&app, name, &headers, uri.query().unwrap_or_default(), body.as_deref()).await?;
    Ok(Json(json!({"received": true, "known": received == Received::Known})))
}

/// The body, unless there is more of it than an event has. One that says so is not read at all.
async fn within(headers: &HeaderMap, body: Body, most: usize) -> Result<Option<Vec<u8>>, Error> {
    let said = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if said.is_some_and(|length| length > most) {
        return Ok(None);
    }
    let (mut parts, mut bytes) = (body.into_data_stream(), Vec::new());
    while let Some(part) = parts.next().await {
        bytes.extend_from_slice(&part.map_err(|error| Error::Malformed(error.to_string()))?);
        if bytes.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}
