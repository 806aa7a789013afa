//! A migration as the API shows it.
use super::{Row, Why, store};
use crate::{
    app::App,
    error::Error,
    i18n::Lang,
    page::list::{Cursor, Order, Slice},
    requests::{parse_id, short_id},
};
use serde_json::{Value, json};

const PAGE: usize = 100;

/// What is asked for; empty fields do not restrict.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Asked {
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub cursor: String,
}

/// What was begun, how far it is, and a page of its tenants in the order of their turns.
pub async fn of(app: &App, l: Lang, request: &str, asked: &Asked) -> Result<Value, Error> {
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let state = some(&asked.state);
    if let Some(state) = state.as_ref().filter(|state| !Row::STATES.contains(&state.as_str())) {
        return Err(Error::Malformed(format!("{state:?} is no result of a tenant")));
    }
    let cursor = some(&asked.cursor).filter(|id| !id.contains('\0')).map(|id| Cursor { value: String::new(), id, back: false });
    let slice = Slice { order: Order { key: "turn", down: false }, cursor: cursor.as_ref(), limit: PAGE as i64 + 1 };
    let id = parse_id(request)?;
    let mut conn = app.db.read().await?;
    let m = store::find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    let counts = store::counts(&mut conn, id).await?;
    let mut rows = store::rows(&mut conn, id, state.as_deref(), slice).await?;
    let stopped = store::stopped(&mut conn, id).await?;
    drop(conn);
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(|row| row.tenant_id.clone());
    Ok(json!({
        "request": short_id(m.request), "plan": m.plan, "from_version": m.from_version, "to_version": m.to_version, "from": m.from,
        "state": if m.finished_at.is_some() { "finished" } else { "running" }, "began_at": m.created_at, "finished_at": m.finished_at,
        "stopped": stopped.map(|s| json!({"by": s.by, "at": s.at, "reason": s.why})), "counts": counts, "items": rows.iter().map(|row| shown(l, row)).collect::<Vec<_>>(), "next": next,
    }))
}

fn shown(l: Lang, row: &Row) -> Value {
    let why = row.reason.as_deref().and_then(Why::named);
    json!({
        "tenant": {"id": row.tenant_id, "slug": row.slug, "company": row.company}, "state": row.state, "reason": row.reason,
        "message": why.map(|why| l.say(&why.text())), "done_at": row.done_at,
    })
}
