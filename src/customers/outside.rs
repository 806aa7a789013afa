//! The same two fixes where customers live in another system: its admin API is read for the preview, and asked to make the
//! change. What it has done is then followed in our own tables, which pages and lists are drawn from.
use super::{Org, User, fix_tier, fix_tier::FixTier, grant_plan, grant_plan::GrantPlan, is_user_id, store};
use crate::{
    connectors::admin_api::AdminApi,
    error::Error,
    i18n::msg,
    operations::{Answer, Preview, Refusal, outside::Through},
};
use anyhow::Context;
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

#[async_trait]
impl Through<AdminApi> for FixTier {
    async fn look(&self, api: &AdminApi) -> Result<Value, Refusal> {
        self.check()?;
        Ok(api.get(&format!("/api/admin/orgs/{}", self.org_id)).await?.unwrap_or_default())
    }

    async fn preview(&self, _: &mut PgConnection, seen: &Value) -> Result<Preview, Refusal> {
        self.check()?;
        self.change(read::<Org>(seen)?)
    }

    /// Tier and credit have an address each, so a change of both can stop half-way.
    async fn dispatch(&self, api: &AdminApi, key: &str, _: &Preview) -> Answer {
        let mut steps = Vec::new();
        if let Some(tier) = self.tier {
            steps.push((format!("/api/admin/orgs/{}/tier/update", self.org_id), json!({"tier": tier.name()})));
        }
        if let Some(credit) = self.credit {
            steps.push((format!("/api/admin/orgs/{}/credit/update", self.org_id), json!({"credit": credit})));
        }
        one_after_the_other(api, key, &steps).await
    }

    fn state(&self, seen: &Value) -> Option<Map<String, Value>> {
        let org = read::<Org>(seen).ok()??;
        Some(fix_tier::state(&org.tier, org.credit))
    }
}

#[async_trait]
impl Through<AdminApi> for GrantPlan {
    async fn look(&self, api: &AdminApi) -> Result<Value, Refusal> {
        // what is put into an address has been looked at
        if !is_user_id(&self.user_id) {
            return Err(Refusal::field("user_id", msg::user_id_malformed()));
        }
        Ok(api.get(&format!("/api/admin/users/{}", self.user_id)).await?.unwrap_or_default())
    }

    async fn preview(&self, conn: &mut PgConnection, seen: &Value) -> Result<Preview, Refusal> {
        self.check(store::today_in_korea(conn).await?)?;
        self.change(read::<User>(seen)?)
    }

    async fn dispatch(&self, api: &AdminApi, key: &str, _: &Preview) -> Answer {
        let body = json!({"plan": self.plan.name(), "until": self.until});
        one_after_the_other(api, key, &[(format!("/api/admin/users/{}/plan/grant", self.user_id), body)]).await
    }

    fn state(&self, seen: &Value) -> Option<Map<String, Value>> {
        let user = read::<User>(seen).ok()??;
        Some(grant_plan::state(&user.plan, user.plan_until))
    }
}

/// Stops at the first step that is not done. After a step that was done, a refusal leaves a part, and anything unclear leaves
/// all of it unclear.
async fn one_after_the_other(api: &AdminApi, key: &str, steps: &[(String, Value)]) -> Answer {
    let mut receipts = Vec::new();
    for (n, (path, body)) in steps.iter().enumerate() {
        let answer = api.post(path, &format!("{key}-{}", n + 1), body).await;
        receipts.push(answer.receipt().clone());
        let all = json!({"steps": receipts, "of": steps.len()});
        match answer {
            Answer::Done(_) => {}
            Answer::Refused(_) if n > 0 => return Answer::Partly(all),
            Answer::NotSent(_) if n > 0 => return Answer::Unsure(all),
            Answer::Refused(_) => return Answer::Refused(all),
            Answer::NotSent(_) => return Answer::NotSent(all),
            Answer::Partly(_) | Answer::Unsure(_) => return Answer::Unsure(all),
        }
    }
    Answer::Done(json!({"steps": receipts, "of": steps.len()}))
}

fn read<T: DeserializeOwned>(seen: &Value) -> Result<Option<T>, Refusal> {
    if seen.is_null() {
        return Ok(None);
    }
    let read = serde_json::from_value(seen.clone()).context("the admin API describes its customers in another shape");
    Ok(Some(read.map_err(|error| Refusal::from(Error::Neighbour(format!("{error:#}"))))?))
}
