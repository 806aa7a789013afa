//! What happened, for good. An event is written in the same transaction as the change it tells of; its leaf is the bytes
//! that the Merkle log will cover. A leaf holds no personal data: it commits to reason, before and after by a salted hash,
//! and those are kept beside it.
pub mod browse;
pub mod export;
pub mod json;
pub mod log;
pub mod note;
pub mod query;
pub mod reading;
pub mod retire;
mod store;
pub mod subjects;
pub mod tree;
pub mod web;
pub mod words;

use crate::error::Error;
use chrono::{DateTime, SecondsFormat, Utc};
use rand::RngExt;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Version of the leaf's shape.
pub(crate) const SCHEMA: i16 = 1;

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure,
    Partial,
    Denied,
    Unknown,
}

impl Outcome {
    pub const NAMES: [&'static str; 5] = ["success", "failure", "partial", "denied", "unknown"];

    pub fn name(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Partial => "partial",
            Outcome::Denied => "denied",
            Outcome::Unknown => "unknown",
        }
    }
}

/// One event before it is written. Actor, scope, door and time are added by the change.
#[derive(Clone, Debug)]
pub struct Entry {
    kind: &'static str,
    outcome: Outcome,
    request: Option<i64>,
    target: Option<(String, String)>,
    facts: Map<String, Value>,
    detail: Map<String, Value>,
}

impl Entry {
    /// `kind` is a dotted name in the past tense: `org.tier.fixed`.
    pub fn of(kind: &'static str) -> Self {
        Self { kind, outcome: Outcome::Success, request: None, target: None, facts: Map::new(), detail: Map::new() }
    }

    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// What it happened to: a type and an id that never changes.
    pub fn on(mut self, kind: &str, id: &str) -> Self {
        self.target = Some((kind.to_owned(), id.to_owned()));
        self
    }

    pub fn request(mut self, id: i64) -> Self {
        self.request = Some(id);
        self
    }

    /// The request it happened within, unless it names one itself.
    pub(crate) fn within(mut self, request: Option<i64>) -> Self {
        self.request = self.request.or(request);
        self
    }

    /// A fact that is part of the leaf: hashes, counts, names of rules. Never personal data.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    pub fn because(self, reason: &str) -> Self {
        self.detail("reason", json!(reason))
    }

    pub fn before(self, value: Value) -> Self {
        self.detail("before", value)
    }

    pub fn after(self, value: Value) -> Self {
        self.detail("after", value)
    }

    /// Something the leaf only commits to.
    pub fn detail(mut self, name: &str, value: Value) -> Self {
        self.detail.insert(name.to_owned(), value);
        self
    }
}

/// An event ready to be stored.
pub struct Sealed {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub kind: &'static str,
    pub outcome: &'static str,
    pub actor: Uuid,
    pub door: &'static str,
    pub request: Option<i64>,
    pub target: Option<(String, String)>,
    pub leaf: Vec<u8>,
    /// Salt and value behind the leaf's commitment, if there is something to commit to.
    pub opening: Option<([u8; 32], Value)>,
}

/// Makes leaf and commitment; [`crate::db::Change`] writes what comes of it. `nth` orders the events of one transaction; `at` is to the millisecond.
pub fn seal(actor: Uuid, door: &'static str, scope: Option<&str>, at: DateTime<Utc>, nth: u16, entry: Entry) -> Result<Sealed, Error> {
    let id = event_id(at, nth);
    let mut leaf = json!({
        "v": SCHEMA, "id": id, "at": at.to_rfc3339_opts(SecondsFormat::Millis, true), "kind": entry.kind,
        "outcome": entry.outcome.name(), "actor": actor, "door": door,
    });
    if let Some(scope) = scope {
        leaf["scope"] = json!(scope);
    }
    if let Some(request) = entry.request {
        leaf["request"] = json!(format!("CR-{request}"));
    }
    if let Some((kind, id)) = &entry.target {
        leaf["target"] = json!({"type": kind, "id": id});
    }
    if !entry.facts.is_empty() {
        leaf["facts"] = Value::Object(entry.facts);
    }
    let opening = (!entry.detail.is_empty()).then(|| (rand::rng().random::<[u8; 32]>(), Value::Object(entry.detail)));
    if let Some((salt, value)) = &opening {
        leaf["detail"] = json!(commitment(salt, value)?);
    }
    let leaf = canonical(&leaf)?;
    if leaf.len() > 16_384 {
        return Err(Error::TooLarge("16 KiB"));
    }
    Ok(Sealed {
        id,
        at,
        kind: entry.kind,
        outcome: entry.outcome.name(),
        actor,
        door,
        request: entry.request,
        target: entry.target,
        leaf,
        opening,
    })
}

/// `c1:` and the base64 of SHA-256 over salt and canonical value.
pub fn commitment(salt: &[u8; 32], value: &Value) -> Result<String, Error> {
    let digest = Sha256::new().chain_update(salt).chain_update(canonical(value)?).finalize();
    Ok(format!("c1:{}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, digest)))
}

/// RFC 8785: one spelling for one value.
pub fn canonical(value: &Value) -> Result<Vec<u8>, Error> {
    Ok(serde_json_canonicalizer::to_vec(value).map_err(anyhow::Error::from)?)
}

/// RFC 6962: the hash of a leaf in the Merkle tree.
pub fn leaf_hash(leaf: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

/// A UUIDv7 of this millisecond whose next 12 bits are the place within the transaction, so that ids sort as it happened.
fn event_id(at: DateTime<Utc>, nth: u16) -> Uuid {
    let mut rest: [u8; 10] = rand::rng().random();
    rest[0] = (nth >> 8) as u8;
    rest[1] = nth as u8;
    uuid::Builder::from_unix_timestamp_millis(at.timestamp_millis().unsigned_abs(), &rest).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_sort_by_time_then_place(a in 0i64..4_000_000_000_000, b in 0i64..4_000_000_000_000, m in 0u16..4096, n in 0u16..4096) {
            let id = |ms: i64, nth| event_id(DateTime::from_timestamp_millis(ms).unwrap(), nth);
            prop_assert_eq!((a, m) < (b, n), (a, m) != (b, n) && id(a, m) < id(b, n));
            prop_assert_eq!(id(a, m).get_version_num(), 7);
        }

        #[test]
        fn a_leaf_tells_nothing_of_the_reason(reason in "[가-힣a-z]{8,40}") {
            let entry = Entry::of("request.submitted").because(&reason).with("binding", "ab12");
            let event = seal(Uuid::nil(), "web", None, DateTime::UNIX_EPOCH, 1, entry).unwrap();
            let leaf = String::from_utf8(event.leaf).unwrap();
            prop_assert!(!leaf.contains(&reason));
            let (salt, value) = event.opening.unwrap();
            prop_assert!(leaf.contains(&commitment(&salt, &value).unwrap()));
        }
    }
}
