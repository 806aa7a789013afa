//! SQL of migrations: who is on a version, what was begun, and what became of each.
//!
//! Who is on a version is read by `subscription_by_end`, as far as a migration may reach; whose turn it is, by `migration_row_pending`; a page of
//! rows, by the primary key.
use super::{Candidate, Counts, Migration, Row, Stopped, Why};
use crate::{db::Change, page::list::Slice};
use chrono::NaiveDate;
use sqlx::PgConnection;
use uuid::Uuid;

/// Who is on a version and has not left it by today, each once: with the subscription that they have on that day, or the last one. One more than
/// the limit, if there are so many. Nothing comes after what has no end, so most are not looked for what does.
pub(super) async fn candidates(
    conn: &mut PgConnection,
    (plan, version): (&str, i32),
    (today, from): (NaiveDate, NaiveDate),
    tenants: Option<&[String]>,
    limit: i64,
) -> sqlx::Result<Vec<Candidate>> {
    sqlx::query_as!(
        Candidate,
        r#"select distinct on (s.tenant_id) s.id, s.tenant_id, t.slug, c.name as company, t.status as tenant_status, lower(s.during) as "starts!",
             upper(s.during) as ends, s.undone_in is not null as "undone!",
             case when upper(s.during) is not null then (select min(lower(n.during)) from tenant_subscription n
               where n.tenant_id = s.tenant_id and n.undone_in is null and lower(n.during) > lower(s.during)) end as next
           from tenant_subscription s join tenant t on t.id = s.tenant_id join company c on c.id = t.company_id
           where s.plan_code = $1 and s.plan_version = $2 and s.undone_in is null and coalesce(upper(s.during), 'infinity'::date) > $3::date
             and ($5::text[] is null or s.tenant_id = any($5))
           order by s.tenant_id, s.during @> $4::date desc, lower(s.during) desc limit $6"#,
        plan,
        version,
        today,
        from,
        tenants,
        limit
    )
    .fetch_all(conn)
    .await
}

/// One of them as it is by now.
pub(super) async fn candidate(conn: &mut PgConnection, subscription: i64) -> sqlx::Result<Option<Candidate>> {
    sqlx::query_as!(
        Candidate,
        r#"select s.id, s.tenant_id, t.slug, c.name as company, t.status as tenant_status, lower(s.during) as "starts!",
             upper(s.during) as ends, s.undone_in is not null as "undone!",
             (select min(lower(n.during)) from tenant_subscription n
              where n.tenant_id = s.tenant_id and n.undone_in is null and lower(n.during) > lower(s.during)) as next
           from tenant_subscription s join tenant t on t.id = s.tenant_id join company c on c.id = t.company_id where s.id = $1"#,
        subscription
    )
    .fetch_optional(conn)
    .await
}

/// Ids and slugs of the tenants that are called this, by either of them.
pub(super) async fn called(conn: &mut PgConnection, names: &[String]) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!("select id, slug from tenant where id = any($1) or slug = any($1)", names).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|r| (r.id, r.slug)).collect())
}

/// The versions of a plan in won that nobody withdrew, the newest first: number, first day, and the day after the last.
pub(super) async fn versions(conn: &mut PgConnection, plan: &str) -> sqlx::Result<Vec<(i32, NaiveDate, Option<NaiveDate>)>> {
    let rows = sqlx::query!(
        r#"select version, lower(valid) as "starts!", upper(valid) as ends from product_version
           where kind = 'plan' and code = $1 and currency = 'KRW' and withdrawn_at is null order by version desc limit 200"#,
        plan
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|r| (r.version, r.starts, r.ends)).collect())
}

/// One migration of a plan begins at a time, until the transaction ends.
pub(super) async fn one_at_a_time(change: &mut Change, plan: &str) -> sqlx::Result<()> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtext('subscription_migration'), hashtext($1)) as "locked!: ()""#, plan)
        .fetch_one(&mut **change)
        .await
        .map(|_| ())
}

/// The request whose migration of a plan is not finished.
pub(super) async fn running(conn: &mut PgConnection, plan: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("select request_id from subscription_migration where plan_code = $1 and finished_at is null limit 1", plan)
        .fetch_optional(conn)
        .await
}

/// Begins for the request that is being carried out.
pub(super) async fn begin(
    change: &mut Change,
    plan: &str,
    (was, is): (i32, i32),
    from: NaiveDate,
    moving: &[Candidate],
) -> sqlx::Result<()> {
    let (now, request) = (change.now(), change.request());
    sqlx::query!(
        "insert into subscription_migration (request_id, plan_code, from_version, to_version, from_day, created_at) values ($1, $2, $3, $4, $5, $6)",
        request,
        plan,
        was,
        is,
        from,
        now
    )
    .execute(&mut **change)
    .await?;
    let (tenants, had): (Vec<String>, Vec<i64>) = moving.iter().map(|c| (c.tenant_id.clone(), c.id)).unzip();
    sqlx::query!(
        "insert into subscription_migration_row (request_id, tenant_id, had_id) select $1, t, h from unnest($2::text[], $3::bigint[]) as r (t, h)",
        request,
        &tenants,
        &had
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

pub(super) async fn find(conn: &mut PgConnection, request: i64) -> sqlx::Result<Option<Migration>> {
    sqlx::query_as!(
        Migration,
        "select m.request_id as request, m.plan_code as plan, p.name as plan_name, m.from_version, m.to_version, m.from_day as \"from\", m.created_at, m.finished_at
         from subscription_migration m join product p on p.kind = m.kind and p.code = m.plan_code where m.request_id = $1",
        request
    )
    .fetch_optional(conn)
    .await
}

/// The same, for whoever goes on with it or stops it: nobody else does until the transaction ends, and it is later than what they did before.
pub(super) async fn lock(change: &mut Change, request: i64) -> sqlx::Result<Option<Migration>> {
    let had = sqlx::query_scalar!(
        r#"with held as (select from subscription_migration where request_id = $1 for update)
           select date_trunc('milliseconds', clock_timestamp()) as "had!" from held"#,
        request
    )
    .fetch_optional(&mut **change)
    .await?;
    let Some(had) = had else { return Ok(None) };
    change.had_lock(had, 0);
    find(change, request).await
}

/// Who stopped it, if somebody did.
pub(super) async fn stopped(conn: &mut PgConnection, request: i64) -> sqlx::Result<Option<Stopped>> {
    sqlx::query_as!(
        Stopped,
        r#"select o.name as by, m.stopped_at as "at!", m.stopped_why as "why!" from subscription_migration m join operator o on o.id = m.stopped_by
           where m.request_id = $1"#,
        request
    )
    .fetch_optional(conn)
    .await
}

/// The migrations of a plan, the newest first.
pub(super) async fn of_plan(conn: &mut PgConnection, plan: &str, limit: i64) -> sqlx::Result<Vec<(Migration, Counts)>> {
    let rows = sqlx::query!(
        r#"select m.request_id, m.plan_code, p.name, m.from_version, m.to_version, m.from_day, m.created_at, m.finished_at,
             n.pending as "pending!", n.moved as "moved!", n.skipped as "skipped!"
           from subscription_migration m join product p on p.kind = m.kind and p.code = m.plan_code
           cross join lateral (select count(*) filter (where state = 'pending') as pending, count(*) filter (where state = 'moved') as moved,
             count(*) filter (where state = 'skipped') as skipped from subscription_migration_row r where r.request_id = m.request_id) n
           where m.plan_code = $1 order by m.request_id desc limit $2"#,
        plan,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            let migration = Migration {
                request: r.request_id,
                plan: r.plan_code,
                plan_name: r.name,
                from_version: r.from_version,
                to_version: r.to_version,
                from: r.from_day,
                created_at: r.created_at,
                finished_at: r.finished_at,
            };
            (migration, Counts { pending: r.pending, moved: r.moved, skipped: r.skipped })
        })
        .collect())
}

pub(super) async fn counts(conn: &mut PgConnection, request: i64) -> sqlx::Result<Counts> {
    sqlx::query_as!(
        Counts,
        r#"select count(*) filter (where state = 'pending') as "pending!", count(*) filter (where state = 'moved') as "moved!",
             count(*) filter (where state = 'skipped') as "skipped!" from subscription_migration_row where request_id = $1"#,
        request
    )
    .fetch_one(conn)
    .await
}

/// Those whose turn is next: tenant, and the subscription it had. Always in the same order, so that no two transactions wait for each other.
pub(super) async fn pending(change: &mut Change, request: i64, limit: i64) -> sqlx::Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        "select tenant_id, had_id from subscription_migration_row where request_id = $1 and state = 'pending' order by tenant_id limit $2",
        request,
        limit
    )
    .fetch_all(&mut **change)
    .await?;
    Ok(rows.into_iter().map(|r| (r.tenant_id, r.had_id)).collect())
}

/// What became of one of them: the subscription it has now, or why it was left as it is.
pub(super) async fn done(change: &mut Change, request: i64, tenant: &str, became: Result<i64, Why>) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!(
        "update subscription_migration_row set state = case when $3::bigint is null then 'skipped' else 'moved' end, new_id = $3, reason = $4, done_at = $5
         where request_id = $1 and tenant_id = $2",
        request,
        tenant,
        became.ok(),
        became.err().map(Why::name),
        now
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// Those whose turn has not come are left out. How many that are; without any, nobody stopped it.
pub(super) async fn stop(change: &mut Change, request: i64, by: Uuid, why: &str) -> sqlx::Result<u64> {
    let now = change.now();
    let stopped = sqlx::query!(
        "update subscription_migration_row set state = 'skipped', reason = $2, done_at = $3 where request_id = $1 and state = 'pending'",
        request,
        Why::Stopped.name(),
        now
    )
    .execute(&mut **change)
    .await?
    .rows_affected();
    if stopped > 0 {
        sqlx::query!(
            "update subscription_migration set stopped_at = $2, stopped_by = $3, stopped_why = $4 where request_id = $1",
            request,
            now,
            by,
            why
        )
        .execute(&mut **change)
        .await?;
    }
    Ok(stopped)
}

pub(super) async fn finish(change: &mut Change, request: i64) -> sqlx::Result<()> {
    let now = change.now();
    sqlx::query!("update subscription_migration set finished_at = $2 where request_id = $1", request, now)
        .execute(&mut **change)
        .await
        .map(|_| ())
}

/// A page of rows in the order of their turns.
pub(super) async fn rows(conn: &mut PgConnection, request: i64, state: Option<&str>, slice: Slice<'_>) -> sqlx::Result<Vec<Row>> {
    let ((_, id), up) = (slice.at(), slice.up());
    let mut rows = sqlx::query_as!(
        Row,
        r#"select r.tenant_id, t.slug, c.name as company, r.state, r.reason, r.new_id, r.done_at
           from subscription_migration_row r join tenant t on t.id = r.tenant_id join company c on c.id = t.company_id
           where r.request_id = $1 and ($2::text is null or r.state = $2)
             and ($3::text is null or case when $4 then r.tenant_id > $3 else r.tenant_id < $3 end)
           order by case when $4 then r.tenant_id end, r.tenant_id desc limit $5"#,
        request,
        state,
        id,
        up,
        slice.limit
    )
    .fetch_all(conn)
    .await?;
    if slice.back() {
        rows.reverse();
    }
    Ok(rows)
}

/// Requests whose migration says something else than the ledger: another beginning, other tenants, or another result of one of them.
pub(super) async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"with told as (select e.request_id, e.kind, e.target_id, convert_from(e.leaf, 'UTF8')::jsonb -> 'facts' as facts
             from ledger.event e where e.outcome = 'success' and e.kind in
               ('subscription.migration.begun', 'subscription.migration.advanced', 'subscription.migration.stopped',
                'subscription.migration.finished', 'subscription.migrated')),
           skipped as (select t.request_id, s.key as tenant_id, s.value #>> '{}' as reason from told t
             cross join lateral jsonb_each(t.facts -> 'skipped') s
             where t.kind in ('subscription.migration.advanced', 'subscription.migration.finished')),
           kept as (select m.*, b.facts, b.target_id, h.request_id is not null as halted from subscription_migration m
             left join told b on b.request_id = m.request_id and b.kind = 'subscription.migration.begun'
             left join told h on h.request_id = m.request_id and h.kind = 'subscription.migration.stopped'
             where m.created_at >= ledger.kept_since())
           select id as "id!" from (
             select k.request_id as id from kept k
             where (k.target_id, k.facts ->> 'from_version', k.facts ->> 'to_version', k.facts ->> 'from', k.facts ->> 'tenants')
                 is distinct from (k.plan_code, k.from_version::text, k.to_version::text, k.from_day::text,
                   (select count(*)::text from subscription_migration_row r where r.request_id = k.request_id))
               or (k.finished_at is not null) <>
                 exists (select from told f where f.request_id = k.request_id and f.kind = 'subscription.migration.finished')
               or (k.stopped_at is not null) <> k.halted
             union select b.request_id from told b where b.kind = 'subscription.migration.begun'
               and not exists (select from subscription_migration m where m.request_id = b.request_id)
             union select r.request_id from kept k join subscription_migration_row r on r.request_id = k.request_id
               left join told m on m.request_id = r.request_id and m.kind = 'subscription.migrated' and m.target_id = r.tenant_id
               left join skipped s on s.request_id = r.request_id and s.tenant_id = r.tenant_id
               left join tenant_subscription n on n.id = r.new_id and n.request_id = r.request_id and n.tenant_id = r.tenant_id
             where (r.state, r.reason) is distinct from
                 (case when m.target_id is not null then 'moved' when s.tenant_id is not null or k.halted then 'skipped' else 'pending' end,
                  coalesce(s.reason, case when m.target_id is null and k.halted then 'stopped' end))
               or (r.state = 'moved' and n.id is null)
           ) wrong where id is not null limit 100"#
    )
    .fetch_all(conn)
    .await
}
