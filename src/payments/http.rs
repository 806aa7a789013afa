//! Asking a provider's API, and telling apart all the ways in which that does not work.
use super::provider::{Failure, Outcome};
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

/// The JSON of an answer that is one. `absent` are the provider's own words for a payment that there is not: a 404 without one of them
/// comes from somebody else on the way, or from another address than its API's.
pub async fn ask(request: RequestBuilder, absent: &[&str]) -> Result<Value, Failure> {
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
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST if code(&body).is_some_and(|code| absent.contains(&&*code)) => Outcome::NotFound,
        StatusCode::NOT_FOUND => Outcome::Unreadable,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Outcome::Refused,
        StatusCode::TOO_MANY_REQUESTS => Outcome::Throttled,
        StatusCode::REQUEST_TIMEOUT => Outcome::Timeout,
        _ => Outcome::Broken,
    };
    Err(Failure { status: Some(status.as_u16()), ..Failure::new(why, said(&body)) })
}

/// What a provider calls an error: one has a code, the other a type.
fn code(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    value["code"].as_str().or_else(|| value["type"].as_str()).map(str::to_owned)
}

/// What an error says of itself: its code, and a sentence.
fn said(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    code(body).into_iter().chain(value["message"].as_str().map(str::to_owned)).collect::<Vec<_>>().join(": ")
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
    Failure::new(why, text)
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
