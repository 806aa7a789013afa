//! Before and after, side by side.
use serde_json::Value;

/// One line of before and after.
#[derive(Clone, Debug)]
pub struct DiffRow {
    pub label: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub changed: bool,
}

/// Before and after of flat objects, each key with its label; changed rows first.
pub fn diff(before: &Value, after: &Value, label: impl Fn(&str) -> String) -> Vec<DiffRow> {
    let empty = serde_json::Map::new();
    let (b, a) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    let keys: std::collections::BTreeSet<&String> = b.keys().chain(a.keys()).collect();
    let mut rows: Vec<DiffRow> = keys
        .into_iter()
        .map(|key| {
            let (was, is) = (b.get(key), a.get(key));
            DiffRow { label: label(key), before: was.and_then(shown), after: is.and_then(shown), changed: was != is }
        })
        .collect();
    rows.sort_by_key(|row| !row.changed);
    rows
}

/// A value as people read it; nothing for null.
pub fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.as_i64().map_or_else(|| number.to_string(), crate::operations::form::grouped)),
        Value::Array(items) => Some(items.iter().filter_map(shown).collect::<Vec<_>>().join(", ")),
        other => Some(other.to_string()),
    }
}
