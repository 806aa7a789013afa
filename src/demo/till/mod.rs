//! Where the demo company's customers pay: a process of its own that speaks the API of PortOne V2 and that of Toss Payments, and tells
//! of what happens as both of them do. It can be told to misbehave: `POST /mode/fail` breaks it, `POST /mode/ok` mends it. Its page makes
//! payments and changes them.
mod shapes;

use anyhow::Context;
use axum::{
    Form, Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shapes::{MODES, Payment, STATES, event, portone_payment, sign, toss_payment};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;

#[derive(Default, Serialize, Deserialize)]
struct Data {
    payments: BTreeMap<String, Payment>,
    /// As they were before they last changed.
    #[serde(default)]
    before: BTreeMap<String, Payment>,
    #[serde(default)]
    mode: String,
    /// Paths that were asked for, oldest first.
    #[serde(default, skip)]
    asked: Vec<String>,
    /// What was told to whom, and what they said to it.
    #[serde(default, skip)]
    told: Vec<Value>,
}

/// What both sides know.
#[derive(Clone)]
pub struct Secrets {
    pub portone: String,
    pub toss: String,
    /// `whsec_…`
    pub webhook: String,
    /// What ends the address for Toss.
    pub key: String,
}

struct Till {
    data: Mutex<Data>,
    file: PathBuf,
    secrets: Secrets,
    /// Whom to tell: what comes before `/hooks/payments/…`.
    tells: Vec<String>,
    http: reqwest::Client,
}

type Shared = State<Arc<Till>>;

/// Serves until the input closes, which it does when whoever started it is gone. Reads its data from `file` and keeps them there.
pub async fn serve(file: PathBuf, port: u16, secrets: Secrets, tells: Vec<String>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
    let till = Arc::new(Till { data: Mutex::new(serde_json::from_str(&text)?), file, secrets, tells, http });
    let untold: Vec<String> =
        till.data.lock().expect("no panic while held").payments.values().filter(|p| !p.told).map(|p| p.order.clone()).collect();
    untold.into_iter().for_each(|order| tell(&till, order, Telling::default()));
    let router = Router::new()
        .route("/", get(control))
        .route("/mode/{mode}", post(set_mode))
        .route("/make", post(make))
        .route("/set/{order}", post(set))
        .route("/tell/{order}", post(tell_again))
        .route("/asked", get(asked))
        .route("/told", get(told))
        .route("/payments/{id}", get(portone))
        .route("/v1/payments/{key}", get(toss))
        .route("/v1/payments/orders/{order}", get(toss_order))
        .with_state(till);
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

impl Till {
    /// Keeps what somebody said to an event; answers whether they took it.
    fn was_told(&self, id: &str, order: &str, base: &str, status: u16) -> bool {
        let mut data = self.data.lock().expect("no panic while held");
        data.told.push(json!({"id": id, "order": order, "to": base, "status": status}));
        if status != 200 {
            return false;
        }
        if let Some(payment) = data.payments.get_mut(order) {
            payment.told = true;
        }
        self.save(&data);
        true
    }

    fn save(&self, data: &Data) {
        let _ = std::fs::write(&self.file, serde_json::to_vec(data).unwrap_or_default());
    }
}

async fn asked(State(till): Shared) -> Json<Value> {
    Json(json!(till.data.lock().expect("no panic while held").asked))
}

async fn told(State(till): Shared) -> Json<Value> {
    Json(json!(till.data.lock().expect("no panic while held").told))
}

async fn set_mode(State(till): Shared, Path(mode): Path<String>) -> Response {
    if !MODES.contains(&mode.as_str()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut data = till.data.lock().expect("no panic while held");
    data.mode = mode;
    till.save(&data);
    drop(data);
    Redirect::to("/").into_response()
}

#[derive(Deserialize)]
struct New {
    provider: String,
    order: String,
    amount: i64,
    #[serde(default)]
    payer: String,
    state: String,
    /// Nobody is told.
    quiet: Option<String>,
}

async fn make(State(till): Shared, Form(new): Form<New>) -> Redirect {
    let now = Utc::now();
    let payment = Payment {
        key: format!("tviva{}", uuid::Uuid::now_v7().simple()),
        secret: format!("ps_{}", uuid::Uuid::now_v7().simple()),
        paid_at: (new.state == "paid").then_some(now),
        provider: new.provider,
        order: new.order.clone(),
        state: new.state,
        amount: new.amount,
        cancelled: 0,
        payer: new.payer,
        at: now,
        told: new.quiet.is_some(),
    };
    let mut data = till.data.lock().expect("no panic while held");
    data.payments.insert(new.order.clone(), payment);
    till.save(&data);
    drop(data);
    if new.quiet.is_none() {
        tell(&till, new.order, Telling::default());
    }
    Redirect::to("/")
}

#[derive(Deserialize)]
struct Set {
    state: Option<String>,
    amount: Option<i64>,
    cancelled: Option<i64>,
    quiet: Option<String>,
}

async fn set(State(till): Shared, Path(order): Path<String>, Form(set): Form<Set>) -> Response {
    let mut data = till.data.lock().expect("no panic while held");
    let Some(payment) = data.payments.get_mut(&order) else { return StatusCode::NOT_FOUND.into_response() };
    let before = payment.clone();
    payment.at = Utc::now();
    payment.amount = set.amount.unwrap_or(payment.amount);
    if let Some(state) = set.state {
        match state.as_str() {
            "paid" => payment.paid_at = Some(payment.at),
            "cancelled" => payment.cancelled = payment.amount,
            "awaiting_deposit" => payment.paid_at = None,
            _ => {}
        }
        payment.state = state;
    }
    payment.cancelled = set.cancelled.unwrap_or(payment.cancelled);
    payment.told = set.quiet.is_some();
    let came = before.state == "awaiting_deposit" && before.provider == "toss";
    data.before.insert(order.clone(), before);
    till.save(&data);
    drop(data);
    if set.quiet.is_none() {
        if came {
            // of a deposit they tell twice
            tell(&till, order.clone(), Telling { deposit: Some(String::new()), ..Telling::default() });
        }
        tell(&till, order, Telling::default());
    }
    Redirect::to("/").into_response()
}

/// How to tell of something.
#[derive(Default, Deserialize)]
struct Telling {
    /// The number of the event, if it is to be the same as before.
    id: Option<String>,
    /// The body claims ten times the amount.
    lies: Option<String>,
    /// As Toss tells of a deposit.
    deposit: Option<String>,
}

async fn tell_again(State(till): Shared, Path(order): Path<String>, Form(telling): Form<Telling>) -> Redirect {
    tell(&till, order, telling);
    Redirect::to("/")
}

/// Posts until it is taken: at once, after half a second, one, two, …
fn tell(till: &Arc<Till>, order: String, telling: Telling) {
    let till = till.clone();
    tokio::spawn(async move {
        let Some(payment) = till.data.lock().expect("no panic while held").payments.get(&order).cloned() else { return };
        let id = telling.id.unwrap_or_else(|| format!("evt_{}", uuid::Uuid::now_v7().simple()));
        let body = event(&payment, telling.lies.is_some(), telling.deposit.is_some()).to_string();
        for base in till.tells.clone() {
            for tries in 0..12 {
                let request = match payment.provider.as_str() {
                    "portone" => {
                        let now = Utc::now().timestamp().to_string();
                        let signature = sign(&till.secrets.webhook, &id, &now, &body);
                        let request = till.http.post(format!("{base}/hooks/payments/portone"));
                        request.header("webhook-id", &id).header("webhook-timestamp", now).header("webhook-signature", signature)
                    }
                    _ => {
                        let request = till.http.post(format!("{base}/hooks/payments/toss?key={}", till.secrets.key));
                        request
                            .header("tosspayments-webhook-transmission-id", &id)
                            .header("tosspayments-webhook-transmission-retried-count", tries)
                    }
                };
                let said = request.header("content-type", "application/json").body(body.clone()).send().await;
                let status = said.map_or(0, |answer| answer.status().as_u16());
                if till.was_told(&id, &order, &base, status) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(500 << tries.min(7))).await;
            }
        }
    });
}

async fn portone(State(till): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let admitted =
        headers.get(header::AUTHORIZATION).is_some_and(|v| v.as_bytes() == format!("PortOne {}", till.secrets.portone).as_bytes());
    answer(&till, format!("/payments/{id}"), "PAYMENT_NOT_FOUND", admitted, |p| p.provider == "portone" && p.order == id, portone_payment)
        .await
}

async fn toss(State(till): Shared, headers: HeaderMap, Path(key): Path<String>) -> Response {
    let admitted = knows_toss(&till, &headers);
    answer(&till, format!("/v1/payments/{key}"), "NOT_FOUND_PAYMENT", admitted, |p| p.provider == "toss" && p.key == key, toss_payment)
        .await
}

async fn toss_order(State(till): Shared, headers: HeaderMap, Path(order): Path<String>) -> Response {
    let admitted = knows_toss(&till, &headers);
    answer(
        &till,
        format!("/v1/payments/orders/{order}"),
        "NOT_FOUND_PAYMENT",
        admitted,
        |p| p.provider == "toss" && p.order == order,
        toss_payment,
    )
    .await
}

fn knows_toss(till: &Till, headers: &HeaderMap) -> bool {
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:", till.secrets.toss)));
    headers.get(header::AUTHORIZATION).is_some_and(|v| v.as_bytes() == basic.as_bytes())
}

async fn answer(
    till: &Till,
    path: String,
    // what this provider calls a payment that there is not
    absent: &str,
    admitted: bool,
    is_it: impl Fn(&Payment) -> bool,
    shown: impl Fn(&Payment) -> Value,
) -> Response {
    let (mode, found) = {
        let mut data = till.data.lock().expect("no panic while held");
        data.asked.push(path);
        let found = data.payments.values().find(|p| is_it(p)).cloned();
        let before = found.as_ref().and_then(|p| data.before.get(&p.order).cloned());
        (data.mode.clone(), if data.mode == "stale" { before.or(found) } else { found })
    };
    let error = |status: StatusCode, code: &str| (status, Json(json!({"type": code, "code": code, "message": "sorry"}))).into_response();
    let Some(payment) = found.filter(|_| mode != "forget") else {
        return error(if admitted { StatusCode::NOT_FOUND } else { StatusCode::UNAUTHORIZED }, absent);
    };
    if !admitted || mode == "refuse" {
        return error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
    }
    let mut body = shown(&payment);
    match mode.as_str() {
        "slow" => tokio::time::sleep(Duration::from_secs(3)).await,
        "hang" => std::future::pending().await,
        "fail" => return error(StatusCode::INTERNAL_SERVER_ERROR, "FAILED_INTERNAL_SYSTEM_PROCESSING"),
        "throttle" => return error(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
        "redirect" => return Redirect::temporary("http://127.0.0.1:1/elsewhere").into_response(),
        "garbage" => return Html("<!doctype html><title>We will be back soon</title>").into_response(),
        // the connection ends without an answer, and without a word on the console
        "reset" => std::panic::resume_unwind(Box::new("reset")),
        "cut" => {
            let broken = futures::stream::iter([Ok(r#"{"status": "PAID", "#), Err(std::io::Error::other("cut"))]);
            return axum::body::Body::from_stream(broken).into_response();
        }
        "wrong-id" => ["id", "paymentKey"].iter().for_each(|name| {
            if body.get(*name).is_some() {
                body[*name] = json!("somebody-elses");
            }
        }),
        "wrong-currency" => body["currency"] = json!("USD"),
        "new-shape" => {
            body["amount"] = json!(payment.amount.to_string());
            body["totalAmount"] = json!(payment.amount.to_string());
        }
        "new-state" => body["status"] = json!("HELD_FOR_REVIEW"),
        "test" => body["channel"] = json!({"type": "TEST"}),
        "no-channel" => body["channel"] = Value::Null,
        "not-here" => return (StatusCode::NOT_FOUND, Html("<!doctype html><title>404 Not Found</title>")).into_response(),
        _ => {}
    }
    Json(body).into_response()
}

async fn control(State(till): Shared) -> Html<String> {
    let data = till.data.lock().expect("no panic while held");
    let mode = |mode: &&str| {
        let mark = if *mode == data.mode || (*mode == "ok" && data.mode.is_empty()) { " ●" } else { "" };
        format!("<form method=post action=/mode/{mode} style=display:inline><button>{mode}{mark}</button></form> ")
    };
    let states = |now: &str| STATES.iter().filter(|(s, ..)| *s != now).map(|(s, ..)| format!("<option>{s}")).collect::<String>();
    let row = |p: &Payment| {
        format!(
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td><form method=post action=/set/{}><select name=state>{}</select><button>set</button></form><td><form method=post action=/tell/{}><button>tell again</button></form>",
            p.provider,
            p.order,
            p.amount,
            p.cancelled,
            p.state,
            p.order,
            states(&p.state),
            p.order
        )
    };
    Html(format!(
        "<!doctype html><title>Demo payments</title><h1>Demo payments</h1><p>{}<h2>New</h2><form method=post action=/make>\
         <select name=provider><option>portone<option>toss</select> <input name=order placeholder=order required pattern=[A-Za-z0-9-]+> \
         <input name=amount type=number min=1 value=1500000> <input name=payer placeholder=payer> <select name=state>{}</select> <button>make</button></form>\
         <h2>Payments</h2><table>{}</table><p><a href=/asked>asked</a> <a href=/told>told</a>",
        MODES.iter().map(mode).collect::<String>(),
        states(""),
        data.payments.values().map(row).collect::<String>()
    ))
}
