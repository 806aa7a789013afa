//! `subscription.cancel`: from a day on a tenant has no subscription, and gets the rest of the period back. The tenant itself stays.
use super::{Quote, Wish, change, end, find, services, store};
use crate::{
    auth::SubscriptionsChange,
    db::Change,
    error::Error,
    i18n::Text,
    operations::{Operation, Preview, Refusal, Risk},
    tenants,
};
use async_trait::async_trait;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Cancel {
    #[schemars(length(max = 40))]
    pub tenant_id: String,
    /// The first day without it, from midnight in Korea.
    #[schemars(with = "String", extend("format" = "date"))]
    pub from: NaiveDate,
}

#[async_trait]
impl Operation for Cancel {
    const NAME: &'static str = "subscription.cancel";
    const RISK: Risk = Risk::High;
    type Asks = SubscriptionsChange;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(tenants::lock(change, &self.tenant_id).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        change::preview(conn, &self.wish()).await
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let has = store::of(change, &self.tenant_id, self.from).await?.ok_or(Error::NotFound)?;
        end(change, has.id, Some(self.from)).await?;
        services::follow_from(change, &self.tenant_id, self.from).await?;
        let ended = find(change, has.id).await?.ok_or(Error::NotFound)?;
        let entry = ended.entry("subscription.cancelled");
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        let Ok(quote) = Quote::of(conn, &self.wish()).await else { return Ok(Vec::new()) };
        Ok(change::impact(&quote))
    }
}

impl Cancel {
    fn wish(&self) -> Wish<'_> {
        Wish { tenant: &self.tenant_id, plan: None, from: self.from }
    }
}
