//! The ledger, for clients: a list, one event with its leaf, and the audit log in its old shape.
use crate::{
    app::App,
    auth::{LedgerExport, LedgerRead, Operator, Scope},
    error::Error,
    ledger::{
        Outcome,
        browse::{self, Event, Query, Whole},
        json as shape, reading,
        web::asked_query,
    },
    page::list::{Asked, Cursor, Slice},
};
use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

const PAGE: usize = 50;

/// A page of events, newest first, and the cursor of the next. Each page is written down.
async fn page(app: &App, operator: &Operator<LedgerRead>, query: &Query, cursor: &str) -> Result<(Vec<Event>, Option<String>), Error> {
    let cursor = match cursor {
        "" => None,
        id => {
            let id: Uuid = id.parse().map_err(|_| Error::Malformed("`cursor` is not `next` of a page".into()))?;
            Some(Cursor { value: String::new(), id: id.to_string(), back: false })
        }
    };
    let slice = Slice { cursor: cursor.as_ref(), ..Slice::newest(PAGE as i64 + 1) };
    let mut events = browse::list(&mut *app.db.read().await?, &query.filter(Utc::now()), slice).await?;
    reading::asked(app, operator, query).await?;
    let more = events.len() > PAGE;
    events.truncate(PAGE);
    let next = events.last().filter(|_| more).map(|event| event.id.to_string());
    Ok((events, next))
}

pub async fn list(operator: Operator<LedgerRead>, State(app): State<App>, asked: Asked) -> Result<Json<Value>, Error> {
    let (events, next) = page(&app, &operator, &asked_query(&asked)?, asked.get("cursor")).await?;
    Ok(Json(json!({"items": events.iter().map(shape::brief).collect::<Vec<_>>(), "next": next})))
}

pub async fn show(operator: Operator<LedgerRead>, State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    let id: Uuid = id.parse().map_err(|_| Error::NotFound)?;
    let whole = browse::find(&mut *app.db.read().await?, id).await?.ok_or(Error::NotFound)?;
    reading::opened(&app, &operator, id).await?;
    Ok(Json(shape::whole(&whole)))
}

/// The audit log as systems before this one read it.
pub async fn logs(operator: Operator<LedgerRead>, State(app): State<App>, asked: Asked) -> Result<Json<Value>, Error> {
    let (tenant, resource) = (asked.get("tenant_id"), asked.get("resource_id"));
    let old = |name: &str| match name {
        "actor" => asked.get("user_id"),
        "target" => {
            if tenant.is_empty() {
                resource
            } else {
                tenant
            }
        }
        name => asked.get(name),
    };
    let query = Query::from_fields(old).map_err(|problem| Error::Invalid(vec![problem]))?;
    // an event has one target: the tenant itself, or another resource and no tenant
    if !tenant.is_empty() && !resource.is_empty() && tenant != resource {
        return Ok(Json(json!({"logs": [], "next": null})));
    }
    let (events, next) = page(&app, &operator, &query, asked.get("cursor")).await?;
    let opens = operator.caller().may(LedgerExport::NAME);
    let wholes = browse::wholes(&mut *app.db.read().await?, &events.iter().map(|event| event.id).collect::<Vec<_>>()).await?;
    let logs: Result<Vec<Value>, Error> = wholes.iter().map(|whole| log(whole, opens)).collect();
    Ok(Json(json!({"logs": logs?, "next": next})))
}

/// What was not recorded is null: most events are no HTTP requests, and have neither path nor status.
fn log(whole: &Whole, opens: bool) -> Result<Value, Error> {
    let e = &whole.event;
    let leaf: Value = serde_json::from_slice(&whole.leaf).map_err(anyhow::Error::from)?;
    let is = |kind: &str| e.target_type.as_deref() == Some(kind);
    Ok(json!({
        "log_id": e.id, "user_id": e.actor_id, "tenant_id": e.target_id.as_ref().filter(|_| is("org")), "action": e.kind,
        "resource": e.target_type, "resource_id": e.target_id, "method": leaf["facts"]["method"],
        "path": e.target_id.as_ref().filter(|_| is("route")), "status_code": (e.outcome == Outcome::Denied.name() && is("route")).then_some(403),
        "request_body": whole.detail.value().filter(|_| opens), "response_summary": e.outcome,
        "created_at": e.at.to_rfc3339_opts(SecondsFormat::Millis, true),
    }))
}
