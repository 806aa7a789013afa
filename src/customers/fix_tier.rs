//! `org.tier.fix`: an organisation's tier or credit was not applied; make it what it shall be.
use super::{MAX_CREDIT, Org, Tier, is_org_id, store};
use crate::{
    auth::CustomersFix,
    db::Change,
    error::Error,
    i18n::{Text, msg},
    ledger::Entry,
    operations::{Operation, Preview, Refusal, Risk, Target},
};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct FixTier {
    #[schemars(extend("x-lookup" = "/orgs"))]
    pub org_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Tier")]
    pub tier: Option<Tier>,
    /// What the balance shall be, in whole credits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = 1_000_000_000))]
    #[validate(range(min = 0, max = MAX_CREDIT))]
    pub credit: Option<i64>,
}

#[async_trait]
impl Operation for FixTier {
    const NAME: &'static str = "org.tier.fix";
    const RISK: Risk = Risk::High;
    type Asks = CustomersFix;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(store::lock_org(change, &self.org_id).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        self.check()?;
        self.change(store::org(conn, &self.org_id).await?)
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        store::set_tier_and_credit(change, &self.org_id, self.tier.map(Tier::name), self.credit).await?;
        let entry = Entry::of("org.tier.fixed").on("org", &self.org_id);
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        store::overwritten_orgs(conn).await
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        Ok(vec![msg::impact_org_members(store::member_count(conn, &self.org_id).await?)])
    }

    fn reverse(&self, before: &Value) -> Option<Value> {
        let mut fields = json!({"org_id": self.org_id});
        if self.tier.is_some() {
            fields["tier"] = before["tier"].clone();
        }
        if self.credit.is_some() {
            fields["credit"] = before["credit"].clone();
        }
        Some(fields)
    }
}

impl FixTier {
    /// The rules that need no look at the organisation.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if !is_org_id(&self.org_id) {
            return Err(Refusal::field("org_id", msg::org_id_malformed()));
        }
        if self.tier.is_none() && self.credit.is_none() {
            return Err(Refusal::field("tier", msg::org_nothing_to_fix()));
        }
        Ok(())
    }

    /// Before and after for the organisation as it is, wherever it was read.
    pub(super) fn change(&self, org: Option<Org>) -> Result<Preview, Refusal> {
        let org = org.ok_or_else(|| Refusal::field("org_id", msg::org_unknown(&self.org_id)))?;
        let before = state(&org.tier, org.credit);
        let tier = self.tier.map(Tier::name).unwrap_or(&org.tier);
        let after = state(tier, self.credit.unwrap_or(org.credit));
        if before == after {
            return Err(Refusal::field(if self.tier.is_some() { "tier" } else { "credit" }, msg::org_fixed_already(&org.name)));
        }
        let target = Target { kind: "org", id: org.id, label: format!("{} · {}", org.company, org.name) };
        Ok(Preview { target, before, after })
    }
}

pub(super) fn state(tier: &str, credit: i64) -> Map<String, Value> {
    Map::from_iter([("tier".into(), json!(tier)), ("credit".into(), json!(credit))])
}
