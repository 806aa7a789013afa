//! One hash over all that an approval is about: what was sold, to whom, and what every step rests on.
use super::{Onboarding, Task};
use crate::{error::Error, ledger, requests::hex};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The hash of a revision and its evidence, in lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content(String);

impl Content {
    pub fn of(onboarding: &Onboarding, tasks: &[Task]) -> Result<Self, Error> {
        let steps: Vec<_> = tasks
            .iter()
            .map(|t| json!({"kind": t.kind.name(), "state": t.state.name(), "evidence": t.evidence_hash.as_deref().map(hex), "reason": t.reason}))
            .collect();
        let all = json!({
            "tenant": onboarding.tenant_id, "revision": onboarding.revision, "slug": onboarding.slug, "region": onboarding.region,
            "biz_reg_no": onboarding.biz_reg_no, "plan": onboarding.plan_code, "ai_services": onboarding.ai_services,
            "contract_number": onboarding.contract_number, "expected_amount": onboarding.expected_amount,
            "contact": [onboarding.contact_name.exposed(), onboarding.contact_email.exposed()], "note": onboarding.note, "steps": steps,
        });
        Ok(Self(hex(&Sha256::digest(ledger::canonical(&all)?))))
    }

    pub fn hex(&self) -> &str {
        &self.0
    }

    /// As pages show it.
    pub fn short(&self) -> &str {
        &self.0[..16]
    }
}
