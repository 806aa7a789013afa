//! The product that the demo company sells, as its admin API: a process of its own with data of its own, which can be told to
//! misbehave. `POST /mode/hang` breaks it, `POST /mode/ok` mends it; `GET /effects` lists what it has really done.
use anyhow::Context;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;

/// How the product answers a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    #[default]
    Ok,
    /// Does it, and answers after three seconds.
    Slow,
    /// Does it, and answers 500.
    FailAfter,
    /// Answers 500 without having done it.
    FailBefore,
    /// Does it, and never answers.
    Hang,
    /// Never does it, and never answers.
    HangBefore,
    /// Does it, and closes the connection.
    Reset,
    /// Does it, and sends half of an answer.
    Cut,
    /// Says no.
    Refuse,
    /// Says no to everything, also to keys that it knows and to reads.
    Deny,
    /// Does the first step, and refuses the second.
    Half,
    /// Does it however often the same key comes.
    Forgetful,
}

#[derive(Default, Serialize, Deserialize)]
struct Data {
    /// By id, as the admin API shows them.
    orgs: BTreeMap<String, Map<String, Value>>,
    users: BTreeMap<String, Map<String, Value>>,
    /// What was answered under each key.
    #[serde(default)]
    answered: BTreeMap<String, Value>,
    #[serde(default)]
    effects: Vec<Value>,
    #[serde(default)]
    mode: Mode,
}

struct Product {
    data: Mutex<Data>,
    file: PathBuf,
    token: String,
}

type Shared = State<Arc<Product>>;

/// Serves until the input closes, which it does when whoever started it is gone. Reads its data from `file` and keeps them there.
pub async fn serve(file: PathBuf, port: u16, token: String) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let product = Arc::new(Product { data: Mutex::new(serde_json::from_str(&text)?), file, token });
    let router = Router::new()
        .route("/", get(control))
        .route("/effects", get(effects))
        .route("/mode/{mode}", post(set_mode))
        .route("/api/admin/orgs/{id}", get(org))
        .route("/api/admin/orgs/{id}/tier/update", post(tier))
        .route("/api/admin/orgs/{id}/credit/update", post(credit))
        .route("/api/admin/users/{id}", get(user))
        .route("/api/admin/users/{id}/plan/grant", post(plan))
        .with_state(product);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("ready http://{}", listener.local_addr()?);
    let gone = async {
        let mut sink = tokio::io::sink();
        let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut sink).await;
    };
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        () = gone => {}
    }
    Ok(())
}

impl Product {
    fn admits(&self, headers: &HeaderMap) -> bool {
        headers.get("authorization").is_some_and(|v| v.as_bytes() == format!("Bearer {}", self.token).as_bytes())
    }

    fn save(&self, data: &Data) {
        let _ = std::fs::write(&self.file, serde_json::to_vec(data).unwrap_or_default());
    }
}

async fn control(State(product): Shared) -> Html<String> {
    let now = product.data.lock().expect("no panic while held").mode;
    let all = [
        Mode::Ok,
        Mode::Slow,
        Mode::FailAfter,
        Mode::FailBefore,
        Mode::Hang,
        Mode::HangBefore,
        Mode::Reset,
        Mode::Cut,
        Mode::Refuse,
        Mode::Deny,
        Mode::Half,
        Mode::Forgetful,
    ];
    let button = |mode: &Mode| {
        let (name, mark) = (json!(mode).as_str().unwrap_or_default().to_owned(), if *mode == now { " ●" } else { "" });
        format!("<form method=post action=/mode/{name}><button>{name}{mark}</button></form>")
    };
    Html(format!(
        "<!doctype html><title>Demo product</title><h1>Demo product</h1>{}<p><a href=/effects>effects</a>",
        all.iter().map(button).collect::<String>()
    ))
}

async fn set_mode(State(product): Shared, Path(mode): Path<String>) -> Response {
    let Ok(mode) = serde_json::from_value::<Mode>(json!(mode)) else { return StatusCode::NOT_FOUND.into_response() };
    let mut data = product.data.lock().expect("no panic while held");
    data.mode = mode;
    product.save(&data);
    drop(data);
    axum::response::Redirect::to("/").into_response()
}

async fn effects(State(product): Shared) -> Json<Value> {
    Json(json!(product.data.lock().expect("no panic while held").effects))
}

async fn org(state: Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    read(&state, &headers, |data| data.orgs.get(&id))
}

async fn user(state: Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    read(&state, &headers, |data| data.users.get(&id))
}

fn read(product: &Product, headers: &HeaderMap, find: impl Fn(&Data) -> Option<&Map<String, Value>>) -> Response {
    if !product.admits(headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let data = product.data.lock().expect("no panic while held");
    if data.mode == Mode::Deny {
        return StatusCode::FORBIDDEN.into_response();
    }
    match find(&data) {
        Some(found) => Json(found).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn tier(state: Shared, headers: HeaderMap, Path(id): Path<String>, Json(body): Json<Map<String, Value>>) -> Response {
    change(state, headers, body, &["tier"], |data| data.orgs.get_mut(&id)).await
}

async fn credit(state: Shared, headers: HeaderMap, Path(id): Path<String>, Json(body): Json<Map<String, Value>>) -> Response {
    change(state, headers, body, &["credit"], |data| data.orgs.get_mut(&id)).await
}

async fn plan(state: Shared, headers: HeaderMap, Path(id): Path<String>, Json(mut body): Json<Map<String, Value>>) -> Response {
    body.insert("plan_until".into(), body.get("until").cloned().unwrap_or_default());
    change(state, headers, body, &["plan", "plan_until"], |data| data.users.get_mut(&id)).await
}

async fn change(
    State(product): Shared,
    headers: HeaderMap,
    body: Map<String, Value>,
    keys: &[&str],
    find: impl Fn(&mut Data) -> Option<&mut Map<String, Value>>,
) -> Response {
    if !product.admits(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let key = headers.get("idempotency-key").and_then(|k| k.to_str().ok()).unwrap_or_default().trim_matches('"').to_owned();
    let (mode, answer) = {
        let mut data = product.data.lock().expect("no panic while held");
        let mode = data.mode;
        if mode == Mode::Deny {
            return StatusCode::FORBIDDEN.into_response();
        }
        let refused = mode == Mode::Refuse || (mode == Mode::Half && key.ends_with("-2"));
        if let (Some(known), true) = (data.answered.get(&key), mode != Mode::Forgetful) {
            (mode, (StatusCode::OK, known.clone()))
        } else if refused {
            (mode, (StatusCode::UNPROCESSABLE_ENTITY, json!({"error": "the product does not allow this"})))
        } else if matches!(mode, Mode::FailBefore | Mode::HangBefore) {
            (mode, (StatusCode::INTERNAL_SERVER_ERROR, json!({"error": "out of order"})))
        } else {
            let Some(found) = find(&mut data) else { return StatusCode::NOT_FOUND.into_response() };
            for name in keys {
                found.insert((*name).into(), body.get(*name).cloned().unwrap_or_default());
            }
            let now = json!(found);
            data.effects.push(json!({"key": key, "body": body}));
            data.answered.insert(key, now.clone());
            product.save(&data);
            (mode, (StatusCode::OK, now))
        }
    };
    match mode {
        Mode::Slow => tokio::time::sleep(Duration::from_secs(3)).await,
        Mode::Hang | Mode::HangBefore => std::future::pending().await,
        Mode::FailAfter => return (StatusCode::INTERNAL_SERVER_ERROR, "done, and then broken").into_response(),
        // the connection ends without an answer, and without a word on the console
        Mode::Reset => std::panic::resume_unwind(Box::new("reset")),
        Mode::Cut => {
            let broken = futures::stream::iter([Ok(r#"{"half": "#), Err(std::io::Error::other("cut"))]);
            return axum::body::Body::from_stream(broken).into_response();
        }
        _ => {}
    }
    (answer.0, Json(answer.1)).into_response()
}
