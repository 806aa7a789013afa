//! What an approved onboarding sets in motion. All of it commits with the approval, or nothing of it does.
use super::{Onboarding, permission};
use crate::{db::Change, operations::Refusal, tenants};

/// The tenant is active from here on. What it subscribed to, its entitlements and its people's permissions join here: each adds a line,
/// and a refusal of any of them leaves nothing behind.
pub(super) async fn activate(change: &mut Change, onboarding: &Onboarding) -> Result<(), Refusal> {
    tenants::activate(change, &onboarding.tenant_id).await?;
    permission::apply(change, onboarding).await?;
    Ok(())
}
