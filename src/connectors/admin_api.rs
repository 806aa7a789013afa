//! An admin API over HTTP, such as a product's own: read with GET, changed with POST under an idempotency key. What it
//! answers is told apart strictly, because "no answer" is not "no".
use crate::{
    error::Error,
    operations::{Answer, Guarantee, Refusal},
    personal::without_addresses,
};
use reqwest::{Client, Method, StatusCode, Url, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::time::Duration;

/// How to reach it, and what it promises.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `COUNTERSIGN_ADMIN_API_URL`: what comes before `/api/admin/…`.
    pub url: Url,
    /// `COUNTERSIGN_ADMIN_API_TOKEN`: the service credential, sent as a bearer token.
    pub token: SecretString,
    /// `COUNTERSIGN_ADMIN_API_GUARANTEE`: `keyed` if it does a change once for each `Idempotency-Key` (the default), `probeable`
    /// if it does not but can be read, `opaque` if neither is to be relied on.
    pub guarantee: Guarantee,
    /// `COUNTERSIGN_ADMIN_API_OPERATIONS`: the operations it carries out, with commas between. Default: all that it can.
    pub operations: Option<Vec<String>>,
}

/// The client of one admin API.
pub struct AdminApi {
    url: Url,
    token: SecretString,
    http: Client,
}

/// How much of an answer is kept as evidence, in bytes.
const KEPT: usize = 2048;

impl AdminApi {
    /// `patience` bounds a whole exchange; it is shorter than the lease of an attempt.
    pub fn new(settings: &Settings, patience: Duration) -> anyhow::Result<Self> {
        let http =
            Client::builder().redirect(Policy::none()).connect_timeout(patience.min(Duration::from_secs(5))).timeout(patience).build()?;
        Ok(Self { url: settings.url.clone(), token: settings.token.clone(), http })
    }

    /// Reads; `None` if there is no such thing.
    pub async fn get(&self, path: &str) -> Result<Option<Value>, Refusal> {
        let gone =
            |error: reqwest::Error| Refusal::from(Error::Neighbour(format!("the admin API cannot be read: {}", error.without_url())));
        let response = self.request(Method::GET, path)?.send().await.map_err(gone)?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(response.json().await.map_err(gone)?)),
            status => Err(Error::Neighbour(format!("the admin API answered {status} to a read")).into()),
        }
    }

    /// Changes something, once for each key if it keeps its promise.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let sent = match self.request(Method::POST, path) {
            Ok(request) => request.header("idempotency-key", format!("\"{key}\"")).json(body).send().await,
            Err(_) => return Answer::NotSent(json!({"path": path, "error": "the address cannot be made"})),
        };
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                let (connect, timeout) = (error.is_connect(), error.is_timeout());
                let why = if timeout { "no answer in time".to_owned() } else { chain(&error.without_url()) };
                let receipt = json!({"path": path, "sent": body, "key": key, "error": why});
                return if connect { Answer::NotSent(receipt) } else { Answer::Unsure(receipt) };
            }
        };
        let status = response.status();
        let text = match beginning(response).await {
            Ok(text) => text,
            // a success is a success even where the rest of it was cut off
            Err(error) if status.is_success() => format!("cut off: {}", chain(&error.without_url())),
            Err(error) => {
                return Answer::Unsure(
                    json!({"path": path, "sent": body, "key": key, "status": status.as_u16(), "error": chain(&error.without_url())}),
                );
            }
        };
        let said = match serde_json::from_str::<Value>(&text) {
            // of a success only what was asked for: the rest is somebody's record and no evidence
            Ok(Value::Object(all)) if status.is_success() => {
                Value::Object(all.into_iter().filter(|(name, _)| body.get(name).is_some()).collect())
            }
            _ => json!(without_addresses(&text)),
        };
        let receipt = json!({"path": path, "sent": body, "key": key, "status": status.as_u16(), "answer": said});
        match status {
            s if s.is_success() => Answer::Done(receipt),
            // it is still at it, or will not listen now: the same key may be asked again
            StatusCode::CONFLICT | StatusCode::TOO_EARLY | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Answer::Unsure(receipt)
            }
            s if s.is_client_error() => Answer::Refused(receipt),
            _ => Answer::Unsure(receipt),
        }
    }

    fn request(&self, method: Method, path: &str) -> Result<reqwest::RequestBuilder, Refusal> {
        // what the base has of a path stays in front
        let url = format!("{}{path}", self.url.as_str().trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|error| Error::Internal(anyhow::Error::new(error)))?;
        Ok(self.http.request(method, url).bearer_auth(self.token.expose_secret()))
    }
}

/// The first part of an answer; nobody has to keep more of it than that.
async fn beginning(mut response: reqwest::Response) -> reqwest::Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > KEPT {
            bytes.truncate(KEPT);
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An error with its causes: `reqwest` alone says only that something failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
