//! Events as clients see them.
use super::{
    leaf_hash,
    store::{Event, Whole},
    subjects::Detail,
};
use crate::requests::{hex, short_id};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::SecondsFormat;
use serde_json::{Value, json};

/// One of a list.
pub fn brief(e: &Event) -> Value {
    let target = match (&e.target_type, &e.target_id) {
        (Some(kind), Some(id)) => json!({"type": kind, "id": id}),
        _ => Value::Null,
    };
    json!({
        "id": e.id, "at": e.at.to_rfc3339_opts(SecondsFormat::Millis, true), "kind": e.kind, "outcome": e.outcome,
        "actor": {"id": e.actor_id, "name": e.actor}, "door": e.door, "request": e.request.map(short_id), "target": target,
    })
}

/// The event with its leaf, byte for byte, and what the leaf commits to.
pub fn whole(w: &Whole) -> Value {
    let opening = match &w.detail {
        Detail::Open { salt, value } => json!({"salt": BASE64_STANDARD.encode(salt), "detail": value}),
        Detail::None | Detail::Gone => Value::Null,
    };
    let mut event = brief(&w.event);
    event["leaf"] = json!(String::from_utf8_lossy(&w.leaf));
    event["leaf_hash"] = json!(hex(&leaf_hash(&w.leaf)));
    event["opening"] = opening;
    event
}
