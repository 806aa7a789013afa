//! SQL of the figures that every replica sees alike. Each is counted from an index, and to a limit.
use sqlx::PgConnection;

/// How things stand in the database.
pub struct Standing {
    /// Open requests: state, operation, how many.
    pub requests: Vec<(String, String, i64)>,
    pub jobs_ready: i64,
    pub jobs_later: i64,
    pub jobs_failing: i64,
    /// How long the oldest ready job has waited.
    pub oldest_job: f64,
    pub ledger_pending: i64,
    pub oldest_pending: f64,
    /// Leaves of the log, those of them under a published checkpoint, its age in seconds, and whether it is halted.
    pub leaves: i64,
    pub published: i64,
    pub checkpoint_age: f64,
    pub halted: bool,
    pub outbox: i64,
    pub sessions: i64,
    /// Broken glasses that nobody has reviewed, and those of them that are late.
    pub reviews_due: i64,
    pub reviews_overdue: i64,
    /// Payments that people should look at: provider, why, how many.
    pub troubled_payments: Vec<(String, String, i64)>,
    /// How long the oldest of them has been so.
    pub oldest_trouble: f64,
}

pub async fn read(conn: &mut PgConnection) -> sqlx::Result<Standing> {
    let requests = sqlx::query!(
        r#"select state, operation, count(*) as "count!" from
             (select state, operation from request where state in ('pending', 'approved', 'executing', 'unknown') limit 100000) t group by 1, 2"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let jobs = sqlx::query!(
        r#"select count(*) filter (where run_at <= now()) as "ready!", count(*) filter (where run_at > now()) as "later!",
             count(*) filter (where attempts > 0) as "failing!",
             coalesce(extract(epoch from now() - min(run_at) filter (where run_at <= now())), 0)::float8 as "oldest!"
           from (select run_at, attempts from job order by run_at limit 100000) t"#
    )
    .fetch_one(&mut *conn)
    .await?;
    let rest = sqlx::query!(
        r#"select (select count(*) from (select from outbox limit 100000) t) as "outbox!",
             (select count(*) from (select from session where operator_id is not null and expires_at > now()
               and last_seen_at > now() - interval '30 minutes' limit 100000) t) as "sessions!""#
    )
    .fetch_one(&mut *conn)
    .await?;
    let reviews = sqlx::query!(
        r#"select count(*) as "due!", count(*) filter (where r.review_due_at <= now()) as "overdue!" from request r
           where r.broke_glass and not exists (select from review where request_id = r.id)"#
    )
    .fetch_one(&mut *conn)
    .await?;
    let payments = sqlx::query!(
        r#"select provider, trouble as "trouble!", count(*) as "count!",
             coalesce(extract(epoch from now() - min(trouble_since)), 0)::float8 as "oldest!"
           from (select provider, trouble, trouble_since from payment where trouble is not null and acknowledged_at is null order by trouble_since limit 100000) t group by 1, 2"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let lag = crate::ledger::log::lag(&mut *conn).await?;
    let log = sqlx::query!(
        r#"select size, published_size, coalesce(extract(epoch from clock_timestamp() - published_at), 0)::float8 as "age!", halted is not null as "halted!"
           from ledger.head"#
    )
    .fetch_optional(conn)
    .await?;
    let (ledger_pending, oldest_pending) = lag;
    Ok(Standing {
        reviews_due: reviews.due,
        reviews_overdue: reviews.overdue,
        oldest_trouble: payments.iter().map(|r| r.oldest).fold(0.0, f64::max),
        troubled_payments: payments.into_iter().map(|r| (r.provider, r.trouble, r.count)).collect(),
        requests: requests.into_iter().map(|r| (r.state, r.operation, r.count)).collect(),
        jobs_ready: jobs.ready,
        jobs_later: jobs.later,
        jobs_failing: jobs.failing,
        oldest_job: jobs.oldest,
        ledger_pending,
        oldest_pending,
        leaves: log.as_ref().map_or(0, |log| log.size),
        published: log.as_ref().map_or(0, |log| log.published_size),
        checkpoint_age: log.as_ref().map_or(0.0, |log| log.age),
        halted: log.is_some_and(|log| log.halted),
        outbox: rest.outbox,
        sessions: rest.sessions,
    })
}
