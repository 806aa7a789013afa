//! SQL of the demo's subscriptions: the tables as the operations would have left them, on days that have passed.
use crate::{requests::Request, subscriptions::migration::job::JOB};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// What each approved onboarding left behind, where plans are sold. Only the past may not be written into; this is how it came about.
pub async fn begin(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql("alter table tenant_subscription disable trigger tenant_subscription_begins").execute(&mut *conn).await?;
    sqlx::query!(
        "insert into tenant_subscription (tenant_id, plan_code, plan_version, during, request_id, created_at)
         select r.target_id, r.after ->> 'plan', (r.after ->> 'version')::int, daterange((r.closed_at at time zone 'Asia/Seoul')::date, null), r.id, r.closed_at
         from request r where r.operation = 'onboarding.approve' and r.state = 'succeeded' and r.after ->> 'version' is not null"
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into tenant_ai_service (tenant_id, service, token_quota, state, request_id, changed_at)
         select r.target_id, service, (r.after ->> 'tokens')::bigint, 'active', r.id, r.closed_at
         from request r, jsonb_array_elements_text(r.after -> 'ai_services') service
         where r.operation = 'onboarding.approve' and r.state = 'succeeded' and r.after ->> 'version' is not null"
    )
    .execute(conn)
    .await
    .map(|_| ())
}

/// Once that is committed, nobody writes into the past any more.
pub async fn finish(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql("alter table tenant_subscription enable trigger tenant_subscription_begins").execute(conn).await.map(|_| ())
}

/// What a change that was carried out left behind.
pub async fn change(conn: &mut PgConnection, r: &Request, at: Option<DateTime<Utc>>) -> sqlx::Result<()> {
    let from = r.fields["from"].as_str();
    sqlx::query!(
        "update tenant_subscription set during = daterange(lower(during), ($2::text)::date), ended_in = $3 where tenant_id = $1 and upper_inf(during)",
        r.target_id,
        from,
        r.id
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into tenant_subscription (tenant_id, plan_code, plan_version, during, request_id, created_at)
         values ($1, $2, ($3::bigint)::int, daterange(($4::text)::date, null), $5, $6)",
        r.target_id,
        r.after["plan"].as_str(),
        r.after["version"].as_i64(),
        from,
        r.id,
        at
    )
    .execute(conn)
    .await
    .map(|_| ())
}

/// What a migration that began left behind: everybody waits, and the job is in the queue.
pub async fn migrate(conn: &mut PgConnection, r: &Request, at: Option<DateTime<Utc>>) -> sqlx::Result<()> {
    sqlx::query!(
        "with begun as (
           insert into subscription_migration (request_id, plan_code, from_version, to_version, from_day, created_at)
           select $1, plan, from_version, to_version, \"from\", $2
           from jsonb_to_record($3) f (plan text, from_version int, to_version int, \"from\" date) returning plan_code, from_version)
         insert into subscription_migration_row (request_id, tenant_id, had_id)
         select $1, s.tenant_id, s.id from tenant_subscription s join begun b on s.plan_code = b.plan_code and s.plan_version = b.from_version
         where upper_inf(s.during) and s.undone_in is null",
        r.id,
        at,
        r.fields
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("insert into job (kind, payload) values ($1, jsonb_build_object('request', $2::bigint))", JOB, r.id)
        .execute(conn)
        .await
        .map(|_| ())
}
