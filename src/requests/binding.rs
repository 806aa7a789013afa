//! One hash over all that a voter agrees to. It is shown, voted on, and computed again before anything runs.
use super::{Request, Ruling};
use crate::{error::Error, ledger};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Everything that a vote is about.
pub(super) struct Bound<'a> {
    pub operation: &'a str,
    pub version: i16,
    pub fields: &'a Value,
    pub requester: Uuid,
    pub target_type: &'a str,
    pub target_id: &'a str,
    pub before: &'a Value,
    pub after: &'a Value,
    pub ruling: &'a Ruling,
    pub expires_at: DateTime<Utc>,
    pub not_before: Option<DateTime<Utc>>,
    pub broke_glass: bool,
    pub salt: Option<&'a [u8]>,
}

impl Bound<'_> {
    /// SHA-256 over the canonical JSON of it all.
    pub fn hash(&self) -> Result<[u8; 32], Error> {
        let time = |t: DateTime<Utc>| t.to_rfc3339_opts(SecondsFormat::Millis, true);
        let digest = |value: &Value| -> Result<String, Error> { Ok(super::hex(&Sha256::digest(ledger::canonical(value)?))) };
        let mut all = json!({
            "action": self.operation, "version": self.version, "args": self.fields, "requester": self.requester, "on_behalf_of": null,
            "target": {"type": self.target_type, "id": self.target_id}, "target_etag": digest(self.before)?,
            "preview_hash": digest(&json!({"before": self.before, "after": self.after}))?, "policy_hash": digest(&json!(self.ruling))?,
            "expires_at": time(self.expires_at), "not_before": self.not_before.map(time),
        });
        // only where it is so: what was bound without it stays as it was
        if self.broke_glass {
            all["break_glass"] = json!(true);
        }
        if let Some(salt) = self.salt {
            all["salt"] = json!(super::hex(salt));
        }
        Ok(Sha256::digest(ledger::canonical(&all)?).into())
    }
}

impl Request {
    /// The binding as the stored columns make it; equal to `binding` unless somebody changed a column.
    pub(super) fn computed_binding(&self) -> Result<[u8; 32], Error> {
        Bound {
            operation: &self.operation,
            version: self.operation_version,
            fields: &self.fields,
            requester: self.requester_id,
            target_type: &self.target_type,
            target_id: &self.target_id,
            before: &self.before,
            after: &self.after,
            ruling: &self.ruling,
            expires_at: self.expires_at,
            not_before: self.not_before,
            broke_glass: self.glass.is_some(),
            salt: self.binding_salt.as_deref(),
        }
        .hash()
    }

    /// For the demo's history, which is written rather than asked for.
    pub(crate) fn rebind(&mut self) {
        self.binding = self.computed_binding().expect("a request has a canonical form").to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::Ruling;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_change_of_what_is_asked_changes_the_binding(a in 0i64..1000, b in 0i64..1000, minutes in 0i64..3, glass: bool, salted: bool) {
            let ruling = Ruling::default();
            let hash = |credit: i64, later: i64, broke_glass: bool, salted: bool| Bound {
                operation: "org.tier.fix", version: 1, fields: &json!({"credit": credit}), requester: Uuid::nil(), target_type: "org", target_id: "org_1",
                before: &json!({"credit": 0}), after: &json!({"credit": credit}), ruling: &ruling,
                expires_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(later), not_before: None, broke_glass,
                salt: salted.then_some(&[7; 32]),
            }.hash().unwrap();
            prop_assert_eq!(hash(a, 0, false, false) == hash(b, minutes, glass, salted), a == b && minutes == 0 && !glass && !salted);
        }
    }
}
