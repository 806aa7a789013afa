//! Payments as the API shows them.
use super::{
    Payment, State, number,
    store::{self, Filter, Looked, Told},
};
use crate::{
    app::App,
    error::Error,
    page::list::{Cursor, Order, PAGE, Slice, told},
};
use serde_json::{Value, json};

/// What is asked for; empty fields do not restrict.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Asked {
    #[serde(default)]
    pub q: String,
    #[serde(default)]
    pub order: String,
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub provider: String,
    #[serde(default)]
    pub trouble: String,
    #[serde(default)]
    pub cursor: String,
}

/// `{items, next}`, the newest first; names are masked.
pub async fn list(app: &App, asked: &Asked) -> Result<Value, Error> {
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    if let Some(state) = some(&asked.state).filter(|state| State::named(state).is_none()) {
        return Err(Error::Malformed(format!("{state:?} is no state of a payment")));
    }
    let q = some(&asked.q).or_else(|| some(&asked.order));
    let filter = Filter {
        number: q.as_deref().and_then(number),
        q,
        state: some(&asked.state),
        provider: some(&asked.provider),
        trouble: some(&asked.trouble).map(|wanted| wanted == "yes"),
    };
    let cursor = match some(&asked.cursor) {
        Some(text) => {
            let id = number(&text).ok_or_else(|| Error::Malformed("cursor is not one of ours".into()))?;
            Some(Cursor { value: String::new(), id: id.to_string(), back: false })
        }
        None => None,
    };
    let slice = Slice { order: Order { key: "created", down: true }, cursor: cursor.as_ref(), limit: PAGE as i64 + 1 };
    let rows = store::list(&mut *app.db.read().await?, &filter, slice).await?;
    Ok(told(rows, shown, Payment::short_id))
}

/// One payment with who paid, every look and every event, the newest first, a hundred at most.
pub async fn show(app: &App, id: &str) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    let payment = store::find(&mut conn, number(id).ok_or(Error::NotFound)?).await?.ok_or(Error::NotFound)?;
    let looks = store::looks(&mut conn, payment.id, 100).await?;
    let events = store::events(&mut conn, payment.id, 100).await?;
    let mut value = shown(&payment);
    value["payer"] = if payment.names_somebody() { json!(payment.payer.exposed()) } else { Value::Null };
    value["looks"] = json!(looks.iter().map(look).collect::<Vec<_>>());
    value["events"] = json!(events.iter().map(event).collect::<Vec<_>>());
    Ok(value)
}

fn shown(p: &Payment) -> Value {
    let trouble = p.trouble.as_ref().map(|why| {
        json!({
            "why": why, "since": p.trouble_since, "tries": p.tries, "next_ask": p.next_ask,
            "acknowledged": p.acknowledged_by.as_ref().map(|who| json!({"by": who, "at": p.acknowledged_at, "why": p.acknowledged_why})),
        })
    });
    json!({
        "id": p.short_id(), "provider": p.provider.name(), "provider_id": p.provider_id, "order_id": p.order_id, "state": p.state.name(),
        "said_state": p.said_state, "amount": p.amount, "balance": p.balance, "currency": super::settle::CURRENCY, "method": p.method,
        "payer": p.names_somebody().then_some(&p.payer), "paid_at": p.paid_at, "asked_at": p.asked_at, "heard_at": p.heard_at, "trouble": trouble,
    })
}

fn look(l: &Looked) -> Value {
    json!({
        "because": l.because, "event": l.event_id, "asked_at": l.asked_at, "answered_at": l.answered_at, "outcome": l.outcome,
        "http_status": l.http_status, "said_state": l.said_state, "amount": l.amount, "balance": l.balance, "remarks": l.remarks, "detail": l.detail,
    })
}

fn event(e: &Told) -> Value {
    json!({
        "id": e.event_id, "kind": e.kind, "claimed_state": e.claimed_state, "claimed_amount": e.claimed_amount, "sent_at": e.sent_at,
        "received_at": e.received_at,
    })
}
