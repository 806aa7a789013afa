//! SQL that writes the demo's tenants, as the owner of the tables.
use super::Tenancy;
use serde_json::Value;
use sqlx::PgConnection;

/// The number of the first onboarding.
pub const FIRST: i64 = 1;

/// Everything of one tenant. Steps are taken in their order, since the database lets nobody do otherwise.
pub async fn write(conn: &mut PgConnection, all: &Tenancy) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into company (id, name, biz_reg_no, created_at)
         select id, name, biz_reg_no, created_at from jsonb_to_record($1) r (id text, name text, biz_reg_no char(10), created_at timestamptz)",
        all.company
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into tenant (id, company_id, slug, region, time_zone, status, created_at, activated_at)
         select id, company_id, slug, 'kr', 'Asia/Seoul', status, created_at, activated_at
         from jsonb_to_record($1) r (id text, company_id text, slug text, status text, created_at timestamptz, activated_at timestamptz)",
        all.tenant
    )
    .execute(&mut *conn)
    .await?;
    for revision in &all.revisions {
        revise(conn, revision).await?;
    }
    Ok(())
}

async fn revise(conn: &mut PgConnection, revision: &Value) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into tenant_onboarding_request (id, tenant_id, revision, parent_id, state, plan_code, ai_services, contract_number, expected_amount, contact_name,
           contact_email, requester_id, owner_id, created_at, opened_at, due_at, expires_at, closed_at, reason, decided_in)
         overriding system value
         select id, tenant_id, revision, parent_id, state, plan_code, '{kms}', contract_number, expected_amount, contact_name, contact_email, person, person,
           created_at, opened_at, due_at, expires_at, closed_at, reason, decided_in
         from jsonb_to_record($1) r (id bigint, tenant_id text, revision smallint, parent_id bigint, state text, plan_code text, contract_number text,
           expected_amount bigint, contact_name text, contact_email text, person uuid, created_at timestamptz, opened_at timestamptz, due_at timestamptz,
           expires_at timestamptz, closed_at timestamptz, reason text, decided_in bigint)",
        revision
    )
    .execute(&mut *conn)
    .await?;
    let (id, parent) = (revision["id"].as_i64(), revision["parent_id"].as_i64());
    for task in revision["tasks"].as_array().into_iter().flatten() {
        sqlx::query!(
            "insert into tenant_onboarding_task (onboarding_id, seq, kind, state, owner_id, due_at, waits_on, waits_for, evidence, checks, evidence_hash,
               submitted_by, submitted_at, decided_by, decided_at, carried_from, overdue_told)
             select $1, seq, kind, case when carried then state else 'pending' end, $2::text::uuid, due_at, waits_on, waits_for,
               case when carried then evidence end, case when carried then checks else '[]' end, case when carried then evidence_hash end,
               case when carried then $2::text::uuid end, case when carried then submitted_at end, case when carried then $2::text::uuid end,
               case when carried then decided_at end, case when carried then (select id from tenant_onboarding_task t where t.onboarding_id = $3 and t.kind = r.kind) end, true
             from jsonb_to_record($4) r (seq smallint, kind text, state text, due_at timestamptz, waits_on text, waits_for text, evidence jsonb, checks jsonb,
               evidence_hash bytea, submitted_at timestamptz, decided_at timestamptz, carried boolean)",
            id,
            revision["person"].as_str(),
            parent,
            task
        )
        .execute(&mut *conn)
        .await?;
    }
    for task in revision["tasks"].as_array().into_iter().flatten().filter(|t| t["state"] != "pending" && t["carried"] != true) {
        sqlx::query!(
            "with step as (
               update tenant_onboarding_task t set state = r.state, evidence = r.evidence, checks = r.checks, evidence_hash = r.evidence_hash,
                 submitted_by = $2::text::uuid, submitted_at = r.submitted_at, reason = r.reason, decided_at = r.decided_at,
                 decided_by = case when r.decided_at is not null then $2::text::uuid end
               from jsonb_to_record($3) r (kind text, state text, evidence jsonb, checks jsonb, evidence_hash bytea, submitted_at timestamptz, reason text,
                 decided_at timestamptz)
               where t.onboarding_id = $1 and t.kind = r.kind returning t.id, t.state, t.evidence_hash, t.reason, t.decided_by, t.decided_at)
             insert into tenant_onboarding_decision (task_id, evidence_hash, decision, reason, decided_by, at)
             select id, evidence_hash, case state when 'passed' then 'pass' else 'waive' end, reason, decided_by, decided_at from step where decided_by is not null",
            id,
            revision["person"].as_str(),
            task
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// The next onboarding has the next number.
pub async fn finish(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query_scalar!(
        "select setval(pg_get_serial_sequence('tenant_onboarding_request', 'id'), (select max(id) from tenant_onboarding_request))"
    )
    .fetch_one(conn)
    .await
    .map(|_| ())
}
