//! SQL of orders that onboardings rest on.
use crate::{db::Change, onboarding::evidence::Check};
use sqlx::types::Json;

/// Whether this order is handed in for another tenant. Whoever hands the same order in at the same time waits.
pub(super) async fn is_anothers(change: &mut Change, order: &str, tenant: &str) -> sqlx::Result<bool> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended('onboarding order ' || $1, 0)) as "locked!: ()""#, order)
        .fetch_one(&mut **change)
        .await?;
    sqlx::query_scalar!(
        r#"select exists (select from tenant_onboarding_task k join tenant_onboarding_request r on r.id = k.onboarding_id
             where k.kind = 'payment' and k.evidence ->> 'order_id' = $1 and r.tenant_id <> $2
               and r.state in ('draft', 'open', 'approved', 'rejected')) as "anothers!""#,
        order,
        tenant
    )
    .fetch_one(&mut **change)
    .await
}

/// What was checked last, and what a decision rests on.
pub(super) async fn set_checks(change: &mut Change, task: i64, checks: &[Check]) -> sqlx::Result<()> {
    sqlx::query!("update tenant_onboarding_task set checks = $2 where id = $1", task, Json(checks) as _)
        .execute(&mut **change)
        .await
        .map(|_| ())
}
