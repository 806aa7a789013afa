//! Commands that talk to a running server: COUNTERSIGN_URL and COUNTERSIGN_TOKEN.
use super::{End, Ops, Requests};
use crate::operations::form;
use anyhow::{Context, bail};
use futures::StreamExt;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

pub(super) struct Client {
    http: reqwest::Client,
    base: url::Url,
    token: String,
}

/// A status and a JSON body.
pub(super) type Answer = (StatusCode, Value);

impl Client {
    pub(super) fn from_env() -> anyhow::Result<Self> {
        let base = std::env::var("COUNTERSIGN_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".into());
        let token = std::env::var("COUNTERSIGN_TOKEN").context("COUNTERSIGN_TOKEN is not set; `countersign tokens create` makes one")?;
        Ok(Self { http: reqwest::Client::builder().build()?, base: base.parse().context("COUNTERSIGN_URL")?, token })
    }

    fn request(&self, method: Method, path: &str) -> anyhow::Result<reqwest::RequestBuilder> {
        let lang = std::env::var("LANG").unwrap_or_default();
        let accept = if lang.starts_with("ko") { "ko" } else { "en" };
        Ok(self.http.request(method, self.base.join(path)?).bearer_auth(&self.token).header(header::ACCEPT_LANGUAGE, accept))
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        answer(self.request(Method::GET, path)?).await
    }

    /// The answer as it comes, to be read as a stream.
    pub(super) async fn send(&self, path: &str) -> anyhow::Result<reqwest::Response> {
        Ok(self.request(Method::GET, path)?.send().await?)
    }

    pub(super) async fn post(&self, path: &str, body: &Value, key: Option<&str>) -> anyhow::Result<Answer> {
        let mut request = self.request(Method::POST, path)?.json(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", format!("\"{key}\""));
        }
        answer(request).await
    }
}

impl Client {
    async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        answer(self.request(Method::DELETE, path)?).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await.context("the server cannot be reached")?;
    let status = response.status();
    let text = response.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or_else(|_| json!({"title": text}))))
}

/// Prints a problem and says how the command ends.
pub(super) fn problem(status: StatusCode, body: &Value) -> anyhow::Result<End> {
    for part in ["title", "detail", "next"] {
        if let Some(text) = body[part].as_str().filter(|t| !t.is_empty()) {
            eprintln!("{text}");
        }
    }
    for error in body["errors"].as_array().into_iter().flatten() {
        eprintln!("  --{}: {}", error["field"].as_str().unwrap_or_default(), error["message"].as_str().unwrap_or_default());
    }
    Ok(match status.as_u16() {
        400 | 404 | 422 => End::Usage,
        401 | 403 | 409 => End::Refused,
        408 => End::TimedOut,
        _ => bail!("the server answered {status}"),
    })
}

pub async fn ops(command: Ops, json: bool) -> anyhow::Result<End> {
    let client = Client::from_env()?;
    let (path, all) = match &command {
        Ops::List => ("/api/operations".to_owned(), true),
        Ops::Show { name } => (format!("/api/operations/{name}"), false),
    };
    let (status, body) = client.get(&path).await?;
    if !status.is_success() {
        return problem(status, &body);
    }
    if json || !all {
        println!("{}", serde_json::to_string_pretty(&body)?);
    } else {
        for op in body["items"].as_array().into_iter().flatten() {
            println!(
                "{:<24} {:<9} {}",
                op["name"].as_str().unwrap_or(""),
                op["risk"].as_str().unwrap_or(""),
                op["title"].as_str().unwrap_or("")
            );
        }
    }
    Ok(End::Done)
}

/// What stands behind the operation's name.
#[derive(Default)]
struct Given {
    values: HashMap<String, String>,
    wait: bool,
    break_glass: bool,
}

/// `--field value`, `--field=value`; dashes and underscores in names are the same.
fn arguments(arguments: &[String]) -> anyhow::Result<Given> {
    let (mut given, mut rest) = (Given::default(), arguments.iter());
    while let Some(argument) = rest.next() {
        let name = argument.strip_prefix("--").with_context(|| format!("{argument:?} is not --field"))?;
        match name {
            "wait" => {
                given.wait = true;
                continue;
            }
            "break-glass" | "break_glass" => {
                given.break_glass = true;
                continue;
            }
            _ => {}
        }
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (name, rest.next().with_context(|| format!("--{name} has no value"))?.clone()),
        };
        given.values.insert(name.replace('-', "_"), value);
    }
    Ok(given)
}

pub async fn submit(name: &str, given: &[String], json: bool) -> anyhow::Result<End> {
    let Given { mut values, wait, break_glass } = match arguments(given) {
        Ok(parsed) => parsed,
        Err(error) => {
            eprintln!("countersign: {error:#}");
            return Ok(End::Usage);
        }
    };
    // `--json` may stand after the fields
    let json = json || values.remove("json").is_some();
    let client = Client::from_env()?;
    let (status, operation) = client.get(&format!("/api/operations/{name}")).await?;
    if !status.is_success() {
        return problem(status, &operation);
    }
    let reason = values.remove("reason").unwrap_or_default();
    let key = values.remove("idempotency_key").unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let emergency = values.remove("emergency");
    let known = form::fields(&operation["schema"]);
    let mut fields = form::from_text(&operation["schema"], |field| values.get(field).map(String::as_str));
    for (name, value) in values.iter().filter(|(name, _)| known.iter().all(|f| f.name != **name)) {
        // unknown names go along: the server says what is wrong with them
        fields.insert(name.clone(), json!(value));
    }
    let mut body = json!({"operation": name, "fields": fields, "reason": reason});
    if break_glass {
        body["break_glass"] = json!(true);
    }
    if let Some(emergency) = emergency {
        body["emergency"] = json!(emergency);
    }
    let (status, body) = client.post("/api/requests", &body, Some(&key)).await?;
    if !status.is_success() {
        return problem(status, &body);
    }
    if wait {
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        eprintln!("{id} waits for {}", body["links"]["html"].as_str().unwrap_or_default());
        return until_closed(&client, &id, 300, json).await;
    }
    print(&body, json)?;
    Ok(End::Done)
}

pub async fn requests(command: Requests, json: bool) -> anyhow::Result<End> {
    let client = Client::from_env()?;
    let (status, body) = match command {
        Requests::List { state, operation, q } => {
            let pairs = [("state", state), ("operation", operation), ("q", q)];
            let given: Vec<_> = pairs.iter().filter_map(|(n, v)| v.as_deref().map(|v| (*n, v))).collect();
            let (status, body) = client.get(&format!("/api/requests{}", crate::page::query(&given))).await?;
            if status.is_success() && !json {
                for r in body["items"].as_array().into_iter().flatten() {
                    print(r, false)?;
                }
                return Ok(End::Done);
            }
            (status, body)
        }
        Requests::Show { id } => client.get(&format!("/api/requests/{id}")).await?,
        Requests::Approve { id, reason } => return vote(&client, &id, "approve", reason, json).await,
        Requests::Reject { id, reason } => return vote(&client, &id, "reject", Some(reason), json).await,
        Requests::Withdraw { id } => client.post(&format!("/api/requests/{id}/withdraw"), &json!({}), None).await?,
        Requests::Unvote { id } => client.delete(&format!("/api/requests/{id}/votes/mine")).await?,
        Requests::Review { id, verdict, note } => {
            let body = json!({"verdict": verdict.replace('-', "_"), "note": note});
            client.post(&format!("/api/requests/{id}/review"), &body, None).await?
        }
        Requests::Wait { id, timeout } => return until_closed(&client, &id, timeout, json).await,
        Requests::Watch => return watch(&client, json).await,
    };
    if !status.is_success() {
        return problem(status, &body);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&body)?)
    } else {
        detail(&body)?
    }
    Ok(End::Done)
}

/// Votes on what the server shows now: the binding goes back as it came.
async fn vote(client: &Client, id: &str, decision: &str, reason: Option<String>, json: bool) -> anyhow::Result<End> {
    let (status, request) = client.get(&format!("/api/requests/{id}")).await?;
    if !status.is_success() {
        return problem(status, &request);
    }
    let body = json!({"decision": decision, "binding": request["binding"], "reason": reason});
    let (status, body) = client.post(&format!("/api/requests/{id}/votes"), &body, None).await?;
    if !status.is_success() {
        return problem(status, &body);
    }
    print(&body, json)?;
    Ok(End::Done)
}

/// How soon a wait that was cut short goes on, as `Retry-After` says.
const AGAIN: Duration = Duration::from_secs(2);

async fn until_closed(client: &Client, id: &str, seconds: u64, json: bool) -> anyhow::Result<End> {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let left = end.saturating_duration_since(Instant::now()).as_secs().min(60);
        let asked = Instant::now();
        let (status, body) = match client.get(&format!("/api/requests/{id}/wait?timeout={left}")).await {
            Ok(answer) => answer,
            // a replica that is replaced takes the line with it; the request stays where it is
            Err(_) if Instant::now() < end => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        match (status.as_u16(), body["state"].as_str()) {
            (503, _) if Instant::now() < end => tokio::time::sleep(AGAIN).await,
            // sent away before the time was over: by a replica that stops
            (202, _) if Instant::now() < end && asked.elapsed().as_secs() + 1 < left => tokio::time::sleep(AGAIN).await,
            (202, _) if Instant::now() < end => continue,
            (202, _) => {
                eprintln!("{id} is still open after {seconds} s.");
                return Ok(End::TimedOut);
            }
            (_, Some(state)) => {
                print(&body, json)?;
                return Ok(match state {
                    "succeeded" => End::Done,
                    "denied" | "withdrawn" | "stale" => End::Refused,
                    "expired" => End::TimedOut,
                    "unknown" => End::Unknown,
                    other => bail!("{id} ended as {other}"),
                });
            }
            _ => return problem(status, &body),
        }
    }
}

/// Follows the event stream and prints each request that changes; comes back when the stream ends, as it does every ten
/// minutes.
async fn watch(client: &Client, json: bool) -> anyhow::Result<End> {
    let mut met = false;
    loop {
        let response = match client.request(Method::GET, "/events")?.send().await {
            // a replica that is replaced is no end of the story
            Err(_) if met => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            answer => answer.context("the server cannot be reached")?,
        };
        if met && response.status() == StatusCode::SERVICE_UNAVAILABLE {
            tokio::time::sleep(AGAIN).await;
            continue;
        }
        met |= response.status().is_success();
        if !response.status().is_success() {
            let status = response.status();
            return problem(status, &serde_json::from_str(&response.text().await?).unwrap_or_default());
        }
        let (mut chunks, mut text) = (response.bytes_stream(), String::new());
        while let Some(Ok(chunk)) = chunks.next().await {
            text.push_str(&String::from_utf8_lossy(&chunk));
            while let Some((line, rest)) = text.split_once('\n').map(|(l, r)| (l.to_owned(), r.to_owned())) {
                text = rest;
                let Some(data) = line.strip_prefix("data: ") else { continue };
                let Some(id) = serde_json::from_str::<Value>(data).ok().and_then(|v| v["id"].as_str().map(str::to_owned)) else { continue };
                let (status, body) = client.get(&format!("/api/requests/{id}")).await?;
                if status.is_success() {
                    print(&body, json)?;
                }
            }
        }
    }
}

/// One line for a request, or its JSON.
fn print(r: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(r)?);
    } else {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        println!("{:<9} {:<10} {:<18} {}", text(&r["id"]), text(&r["state"]), text(&r["operation"]), text(&r["target"]["label"]));
    }
    Ok(())
}

fn detail(r: &Value) -> anyhow::Result<()> {
    print(r, false)?;
    println!("  binding  {}", r["binding"].as_str().unwrap_or_default());
    if let Some(time) = r["not_before"].as_str() {
        println!("  not before {time}");
    }
    println!("  asked by {}: {}", r["requester"]["name"].as_str().unwrap_or_default(), r["reason"].as_str().unwrap_or_default());
    if let Some(emergency) = r["break_glass"]["emergency"].as_str() {
        println!("  broke the glass: {emergency}");
        let review = &r["break_glass"]["review"];
        match review["verdict"].as_str() {
            Some(verdict) => println!(
                "  reviewed by {}: {verdict}: {}",
                review["reviewer"]["name"].as_str().unwrap_or_default(),
                review["note"].as_str().unwrap_or_default()
            ),
            None => println!("  to be reviewed by {}", r["break_glass"]["review_due_at"].as_str().unwrap_or_default()),
        }
    }
    for (key, before) in r["preview"]["before"].as_object().into_iter().flatten() {
        let after = &r["preview"]["after"][key];
        let mark = if before == after { ' ' } else { '*' };
        println!("  {mark} {key}: {before} → {after}");
    }
    for vote in r["votes"].as_array().into_iter().flatten() {
        println!(
            "  {} by {} {}",
            vote["decision"].as_str().unwrap_or_default(),
            vote["voter"]["name"].as_str().unwrap_or_default(),
            vote["reason"].as_str().unwrap_or_default()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_people_type_them() {
        let given = ["--org-id", "org_1", "--credit=12,000", "--wait", "--break-glass", "--reason", "왜냐하면 -- 그래서"].map(String::from);
        let Given { values, wait, break_glass } = arguments(&given).unwrap();
        assert!(wait && break_glass);
        assert_eq!((values["org_id"].as_str(), values["credit"].as_str()), ("org_1", "12,000"));
        assert!(arguments(&["org_1".into()]).is_err());
        assert!(arguments(&["--tier".into()]).is_err());
    }
}
