//! Redemptions as clients see them.
use super::Redemption;
use crate::requests::hex;
use serde_json::{Value, json};

/// One, with the terms that the tenant keeps.
pub fn whole(r: &Redemption) -> Value {
    json!({
        "id": r.id, "promotion": r.code, "tenant": {"id": r.tenant_id, "slug": r.slug, "company": r.company}, "plan": r.plan, "terms": r.terms.0,
        "hash": hex(&r.hash), "redeemed_at": r.at, "redeemed_by": r.by,
    })
}
