//! What an approved onboarding sets in motion. All of it commits with the approval, or nothing of it does.
use super::{Onboarding, permission};
use crate::{
    catalog::today,
    crash,
    db::Change,
    operations::{Preview, Refusal},
    subscriptions::{self, Priced, services},
    tenants,
};
use serde_json::json;
use sqlx::PgConnection;

/// What of the price list whoever decides is shown, and what is held against it when it runs.
const SHOWN: [&str; 3] = ["version", "base", "tokens"];

/// Shows the version that the tenant would be pinned to: the one in force today.
pub(super) async fn show(conn: &mut PgConnection, onboarding: &Onboarding, preview: &mut Preview) -> Result<(), Refusal> {
    let priced = subscriptions::in_force(conn, &onboarding.plan_code, today()).await.map_err(|refusal| match refusal {
        Refusal::Rule(problem) => Refusal::field("onboarding_id", problem.text),
        failure => failure,
    })?;
    let Priced { version, .. } = priced;
    for (key, value) in SHOWN.into_iter().zip([json!(version), json!(priced.base()), json!(priced.tokens())]) {
        preview.before.insert(key.into(), json!(null));
        preview.after.insert(key.into(), value);
    }
    Ok(())
}

/// The tenant is active from here on, is subscribed to what was sold, and may use its AI services. What else belongs to an activation joins
/// here: each adds a line, and a refusal of any of them leaves nothing behind.
pub(super) async fn activate(change: &mut Change, onboarding: &Onboarding, preview: &Preview) -> Result<(), Refusal> {
    let tenant = &onboarding.tenant_id;
    tenants::activate(change, tenant).await?;
    crash::point("activation.active");
    // as it was shown: another version may have been published within this very moment
    let version = preview.after["version"].as_i64().and_then(|n| i32::try_from(n).ok()).unwrap_or_default();
    let subscription = subscriptions::begin(change, tenant, &onboarding.plan_code, version, today()).await?;
    change.record(subscription.entry("subscription.begun")).await?;
    crash::point("activation.subscribed");
    services::grant(change, tenant, &onboarding.ai_services).await?;
    crash::point("activation.granted");
    permission::apply(change, onboarding).await?;
    crash::point("activation.permitted");
    Ok(())
}
