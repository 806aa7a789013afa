//! SQL of orders that onboardings rest on.
use crate::db::Change;

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
