//! SQL of what evidence is checked against.
use sqlx::PgConnection;

/// Whether this file is the contract of another tenant.
pub(super) async fn file_is_anothers(conn: &mut PgConnection, sha256: &str, tenant: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from tenant_onboarding_task k join tenant_onboarding_request r on r.id = k.onboarding_id
             where k.kind = 'contract' and k.evidence ->> 'sha256' = $1 and r.tenant_id <> $2) as "anothers!""#,
        sha256,
        tenant
    )
    .fetch_one(conn)
    .await
}
