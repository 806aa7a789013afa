//! Asking a provider's API, and telling apart all the ways in which that does not work.
use super::provider::{Failure, Outcome};
use crate::personal::without_addresses;
use reqwest::{Client, RequestBuilder, StatusCode, Url, redirect::Policy};
use serde_json::Value;
use std::time::Duration;

/// A whole exchange may take so long.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// An answer larger than this is no payment.
const MOST: usize = 512 * 1024;

pub fn client() -> anyhow::Result<Client> {
    // where an answer sends us was not configured by anybody, and our secret would travel along
    Ok(Client::builder().redirect(Policy::none()).connect_timeout(Duration::from_secs(3)).timeout(PATIENCE).build()?)
}

/// The address of these steps below a base, each of them one step whatever is in it.
pub fn below(base: &Url, steps: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(steps);
    }
    url
}

/// The JSON of an answer that is one.
pub async fn ask(request: RequestBuilder) -> Result<Value, Failure> {
    let mut response = request.header("accept", "application/json").send().await.map_err(failed)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&part);
        if body.len() > MOST {
            return Err(Failure {
                status: Some(status.as_u16()),
                ..Failure::new(Outcome::Unreadable, "the answer is larger than any payment")
            });
        }
    }
    let why = match status {
        StatusCode::OK => {
            return serde_json::from_slice(&body).map_err(|error| Failure {
                status: Some(200),
                // not the text: it may be anything, about anybody
                ..Failure::new(Outcome::Unreadable, format!("the answer is not JSON: {error}"))
            });
        }
        StatusCode::NOT_FOUND => Outcome::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Outcome::Refused,
        StatusCode::TOO_MANY_REQUESTS => Outcome::Throttled,
        StatusCode::REQUEST_TIMEOUT => Outcome::Timeout,
        _ => Outcome::Broken,
    };
    Err(Failure { why, status: Some(status.as_u16()), detail: said(&body) })
}

/// What an error says of itself: providers have a code or a type and a sentence.
fn said(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let code = value["code"].as_str().or_else(|| value["type"].as_str());
    let parts: Vec<_> = code.into_iter().chain(value["message"].as_str()).collect();
    without_addresses(&parts.join(": ")).replace('\0', "").chars().take(300).collect()
}

fn failed(error: reqwest::Error) -> Failure {
    let why = if error.is_timeout() { Outcome::Timeout } else { Outcome::Unreachable };
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    Failure::new(why, text.chars().take(300).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_one_step_below_the_base() {
        let base: Url = "https://api.example/base/".parse().unwrap();
        assert_eq!(below(&base, &["payments", "a b/c?d"]).as_str(), "https://api.example/base/payments/a%20b%2Fc%3Fd");
        assert_eq!(below(&"https://api.example".parse().unwrap(), &["v1", "x"]).as_str(), "https://api.example/v1/x");
    }
}
