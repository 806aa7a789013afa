//! `onboarding.reject`: this revision is not to be, whatever step it is at. It can be asked for again, with what was good in it.
use super::{
    State,
    approve::{Seen, end, lock},
    parse_id, short_id, store,
};
use crate::{
    auth::OnboardingReject,
    db::Change,
    error::Error,
    i18n::{Text, msg},
    operations::{Operation, Preview, Refusal, Risk},
};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct RejectOnboarding {
    #[schemars(extend("x-lookup" = "/onboarding"))]
    pub onboarding_id: String,
    /// The hash of what was looked at. If anything of it changes, this request is stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub content: Option<String>,
}

#[async_trait]
impl Operation for RejectOnboarding {
    const NAME: &'static str = "onboarding.reject";
    const RISK: Risk = Risk::Medium;
    type Asks = OnboardingReject;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        lock(change, &self.onboarding_id).await
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        let seen = Seen::of(conn, &self.onboarding_id, self.content.as_deref()).await?;
        Ok(seen.preview(State::Rejected, &seen.onboarding.tenant_status))
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        // what it was asked for with is what is to be put right
        let reason = match change.request() {
            Some(request) => store::reason_of(change, request).await?,
            None => String::new(),
        };
        let onboarding = end(change, &self.onboarding_id, State::Rejected, Some(&reason)).await?;
        let entry = onboarding.entry("onboarding.rejected").because(&reason);
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    fn asked_at(&self) -> Option<String> {
        parse_id(&self.onboarding_id).ok().map(|id| format!("/onboarding/{}", short_id(id)))
    }

    async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        store::overwritten(conn, "onboarding.rejected", State::Rejected).await
    }

    async fn impact(&self, _: &mut PgConnection) -> Result<Vec<Text>, Error> {
        Ok(vec![msg::impact_onboarding_rejected()])
    }
}
