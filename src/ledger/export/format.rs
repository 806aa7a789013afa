//! The formats: NDJSON with the exact leaves, CSV for spreadsheets, OCSF for what reads many systems' logs.
use super::{
    Batch,
    store::{Place, Row},
};
use crate::{
    error::Error,
    i18n::Lang,
    ledger::{retire::Month, subjects::Detail, tree::Hash},
    page::export,
    requests::short_id,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Ndjson,
    Csv,
    Ocsf,
}

impl Format {
    pub const ALL: [Format; 3] = [Format::Ndjson, Format::Csv, Format::Ocsf];

    pub fn name(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Ocsf => "ocsf",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    pub fn label(self, l: Lang) -> String {
        match self {
            Format::Ndjson => l.ledger_format_ndjson(),
            Format::Csv => l.ledger_format_csv(),
            Format::Ocsf => l.ledger_format_ocsf(),
        }
    }

    /// How the file's name ends.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Ocsf => "ocsf.ndjson",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8",
            Format::Ndjson | Format::Ocsf => "application/x-ndjson",
        }
    }
}

/// The version whose fields these are; meanings move between versions.
const OCSF: &str = "1.6.0";
const COLUMNS: [&str; 11] = ["id", "at", "kind", "outcome", "actor_id", "actor", "door", "request", "target_type", "target_id", "index"];
/// For those only who may take what is said of people away.
const OPENED: [&str; 3] = ["reason", "before", "after"];
const EMAIL: &str = "actor_email";

type Names = HashMap<Uuid, (String, String)>;

/// What the last line says.
#[derive(Serialize)]
pub(super) struct End {
    pub complete: bool,
    pub events: usize,
    /// Everything before this place in the log is in it; the next export goes on from here.
    pub next: i64,
    /// Whether only a part was asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub part: bool,
    /// Signed over all that is before that place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

pub(super) struct Writer {
    format: Format,
    openings: bool,
    names: Names,
}

impl Writer {
    pub fn new(format: Format, openings: bool, names: Names) -> Self {
        Self { format, openings, names }
    }

    pub fn head(&self) -> Result<Vec<u8>, Error> {
        if self.format != Format::Csv {
            return Ok(Vec::new());
        }
        let opened = OPENED.iter().chain([&EMAIL]).filter(|_| self.openings);
        let line = export::line(COLUMNS.iter().chain(opened).map(|name| (*name).to_owned()))?;
        // a byte order mark, or Excel takes Korean for something else
        Ok(format!("\u{feff}{line}").into_bytes())
    }

    pub fn batch(&self, batch: Batch) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(batch.rows.len() * 900);
        let mut retired = batch.retired.into_iter().filter(|_| self.format == Format::Ndjson).peekable();
        let mut paths = batch.paths.into_iter();
        for mut row in batch.rows {
            let path = paths.next();
            while let Some(gone) = retired.next_if(|(place, _)| place.index < row.index) {
                out.extend(hash_alone(&gone));
            }
            let detail = row.detail();
            match self.format {
                Format::Ndjson => ndjson(&mut out, &row, &detail, path.as_deref()).map_err(anyhow::Error::from)?,
                Format::Csv => out.extend(self.csv(&row, &detail)?.into_bytes()),
                Format::Ocsf => {
                    serde_json::to_writer(&mut out, &self.ocsf(&row, &detail)).map_err(anyhow::Error::from)?;
                    out.push(b'\n');
                }
            }
        }
        retired.for_each(|gone| out.extend(hash_alone(&gone)));
        Ok(out)
    }

    /// The last line says that it is the last, so that a file that was cut off is not taken for a whole one.
    pub fn end(&self, end: &End) -> Result<Vec<u8>, Error> {
        Ok(match self.format {
            Format::Ndjson => (serde_json::to_string(end).map_err(anyhow::Error::from)? + "\n").into_bytes(),
            Format::Csv | Format::Ocsf => Vec::new(),
        })
    }

    fn csv(&self, row: &Row, detail: &Detail) -> Result<String, Error> {
        let (name, email) = self.names.get(&row.actor).cloned().unwrap_or_default();
        let mut cells = vec![
            row.id.to_string(),
            time(row.at),
            row.kind.clone(),
            row.outcome.clone(),
            row.actor.to_string(),
            name,
            row.door.clone(),
            row.request.map(short_id).unwrap_or_default(),
            row.target_type.clone().unwrap_or_default(),
            row.target_id.clone().unwrap_or_default(),
            row.index.to_string(),
        ];
        if self.openings {
            cells.extend(OPENED.map(|name| match detail.value().map_or(&Value::Null, |value| &value[name]) {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }));
            cells.push(email);
        }
        export::line(cells)
    }

    /// API Activity (6003).
    fn ocsf(&self, row: &Row, detail: &Detail) -> Value {
        let (activity, activity_name) = activity(&row.kind);
        let (status, status_name) = match row.outcome.as_str() {
            "success" => (1, "Success"),
            "failure" | "denied" => (2, "Failure"),
            "unknown" => (0, "Unknown"),
            _ => (99, "Other"),
        };
        let mut user = json!({"uid": row.actor});
        if let Some((name, email)) = self.names.get(&row.actor) {
            user["name"] = json!(name);
            if self.openings {
                user["email_addr"] = json!(email);
            }
        }
        let mut event = json!({
            "activity_id": activity, "activity_name": activity_name, "category_uid": 6, "category_name": "Application Activity",
            "class_uid": 6003, "class_name": "API Activity", "type_uid": 600_300 + activity,
            "severity_id": if row.outcome == "denied" { 2 } else { 1 }, "status_id": status, "status": status_name,
            "status_detail": row.outcome, "time": row.at.timestamp_millis(),
            "actor": {"user": user}, "src_endpoint": {"name": row.door},
            "api": {"operation": row.kind, "service": {"name": "Countersign"}},
            "metadata": {"version": OCSF, "uid": row.id, "sequence": row.index, "event_code": row.kind, "original_time": time(row.at),
                "product": {"name": "Countersign", "vendor_name": "Countersign", "version": env!("CARGO_PKG_VERSION")}},
            "unmapped": {"leaf": String::from_utf8_lossy(&row.leaf)},
        });
        if let Some(request) = row.request.map(short_id) {
            event["api"]["request"] = json!({"uid": request});
            event["metadata"]["correlation_uid"] = json!(request);
        }
        if let (Some(kind), Some(id)) = (&row.target_type, &row.target_id) {
            event["resources"] = json!([{"type": kind, "uid": id}]);
        }
        if let Detail::Open { salt, value } = detail {
            if let Some(reason) = value["reason"].as_str() {
                event["message"] = json!(reason);
            }
            event["unmapped"]["opening"] = json!({"salt": BASE64_STANDARD.encode(salt), "detail": value});
        }
        event
    }
}

/// Whether something was made, read, changed or taken away, as far as the kind says so.
fn activity(kind: &str) -> (u32, &'static str) {
    match kind.rsplit('.').next().unwrap_or_default() {
        "submitted" | "added" | "created" | "opened" | "founded" | "planned" => (1, "Create"),
        "read" | "exported" | "read-back" => (2, "Read"),
        "closed" | "revoked" | "withdrawn" | "expired" | "disabled" => (4, "Delete"),
        "denied" | "refused" | "forged" => (99, "Other"),
        _ => (3, "Update"),
    }
}

/// Written by hand: this is what a hundred thousand events a second are made of.
fn ndjson(out: &mut Vec<u8>, row: &Row, detail: &Detail, path: Option<&[Hash]>) -> serde_json::Result<()> {
    // leaves are UTF-8: they are canonical JSON
    let leaf = String::from_utf8_lossy(&row.leaf);
    out.extend_from_slice(b"{\"index\":");
    serde_json::to_writer(&mut *out, &row.index)?;
    out.extend_from_slice(b",\"leaf\":");
    serde_json::to_writer(&mut *out, &*leaf)?;
    out.extend_from_slice(b",\"hash\":\"");
    out.extend_from_slice(BASE64_STANDARD.encode(&row.hash).as_bytes());
    out.extend_from_slice(b"\",\"event\":{\"id\":\"");
    out.extend_from_slice(row.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
    out.extend_from_slice(b"\",\"at\":\"");
    out.extend_from_slice(time(row.at).as_bytes());
    for (name, value) in [("kind", &row.kind), ("outcome", &row.outcome), ("door", &row.door)] {
        let before: &[u8] = if name == "kind" { b"\",\"" } else { b",\"" };
        out.extend_from_slice(before);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        serde_json::to_writer(&mut *out, value)?;
    }
    out.extend_from_slice(b",\"actor\":\"");
    out.extend_from_slice(row.actor.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
    out.extend_from_slice(b"\",\"request\":");
    serde_json::to_writer(&mut *out, &row.request.map(short_id))?;
    out.extend_from_slice(b",\"target\":");
    match (&row.target_type, &row.target_id) {
        (Some(kind), Some(id)) => {
            out.extend_from_slice(b"{\"type\":");
            serde_json::to_writer(&mut *out, kind)?;
            out.extend_from_slice(b",\"id\":");
            serde_json::to_writer(&mut *out, id)?;
            out.push(b'}');
        }
        _ => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b"},\"opening\":");
    match detail {
        Detail::Open { salt, value } => {
            out.extend_from_slice(b"{\"salt\":\"");
            out.extend_from_slice(BASE64_STANDARD.encode(salt).as_bytes());
            out.extend_from_slice(b"\",\"detail\":");
            serde_json::to_writer(&mut *out, value)?;
            out.push(b'}');
        }
        Detail::None | Detail::Gone => out.extend_from_slice(b"null"),
    }
    if let Some(path) = path {
        out.extend_from_slice(b",\"path\":");
        serde_json::to_writer(&mut *out, &path.iter().map(|hash| BASE64_STANDARD.encode(hash)).collect::<Vec<_>>())?;
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// What is left of an event that went with its month: its place and the hash of its leaf, which the file of that month has.
fn hash_alone((place, month): &(Place, Month)) -> Vec<u8> {
    let line = json!({"index": place.index, "hash": BASE64_STANDARD.encode(&place.hash), "retired": month.to_string()});
    format!("{line}\n").into_bytes()
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
