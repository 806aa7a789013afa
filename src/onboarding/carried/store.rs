//! SQL of steps that another revision carries over.
use crate::db::Change;

/// The same step of another revision, with its evidence and what was decided on it.
pub(super) async fn carry(change: &mut Change, onboarding: i64, from: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into tenant_onboarding_task (onboarding_id, seq, kind, state, owner_id, evidence, checks, evidence_hash, submitted_by, submitted_at, reason,
           decided_by, decided_at, carried_from)
         select $1, seq, kind, state, owner_id, evidence, checks, evidence_hash, submitted_by, submitted_at, reason, decided_by, decided_at, id
         from tenant_onboarding_task where id = $2",
        onboarding,
        from
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// As if it had never been carried over.
pub(super) async fn begin_anew(change: &mut Change, task: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "update tenant_onboarding_task set state = 'pending', evidence = null, checks = '[]', evidence_hash = null, submitted_by = null, submitted_at = null,
           reason = null, decided_by = null, decided_at = null, carried_from = null where id = $1",
        task
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}
