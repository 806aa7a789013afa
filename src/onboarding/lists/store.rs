//! SQL of lists of onboardings.
use crate::{
    db::Change,
    onboarding::{State, parse_id},
    page::list::Slice,
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// What to list; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<String>,
    /// The step whose turn it is; `approval` where all are done.
    pub step: Option<String>,
    pub owner: Option<Uuid>,
    /// Only what is later than it should be.
    pub late: bool,
    /// An id, or part of a company's name, a slug, a plan or a contract's number.
    pub q: Option<String>,
}

/// An onboarding as lists show it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: i64,
    pub revision: i16,
    pub state: State,
    pub company: String,
    pub slug: String,
    pub plan_code: String,
    pub owner: String,
    pub created_at: DateTime<Utc>,
    pub due_at: Option<DateTime<Utc>>,
    /// Steps that are done.
    pub done: i64,
    /// The step whose turn it is; none: all are done.
    pub step: Option<String>,
    pub progress: Option<String>,
    pub step_owner: Option<String>,
    pub step_due_at: Option<DateTime<Utc>>,
    pub waits_on: Option<String>,
    pub late: bool,
}

/// A page of them, by `id` or `due`.
pub async fn list(conn: &mut PgConnection, f: &Filter, slice: Slice<'_>) -> sqlx::Result<Vec<Listed>> {
    let (value, id) = slice.at();
    let (by_due, up) = (slice.order.key == "due", slice.up());
    let after = id.map(|id| parse_id(id).unwrap_or_default());
    let due = value.and_then(|v| v.parse::<DateTime<Utc>>().ok());
    let number = f.q.as_deref().and_then(|q| parse_id(q).ok());
    let mut rows = sqlx::query_as!(
        Listed,
        r#"with page as (
             select r.id, coalesce(r.due_at, 'infinity') as by_due
             from tenant_onboarding_request r join tenant t on t.id = r.tenant_id join company c on c.id = t.company_id
             where ($1::text is null or r.state = $1) and ($2::uuid is null or r.owner_id = $2)
               and ($3::text is null or r.id = $4 or strpos(lower(c.name), lower($3)) > 0 or starts_with(t.slug, lower($3)) or lower(r.plan_code) = lower($3)
                 or strpos(lower(r.contract_number), lower($3)) > 0)
               and ($5::text is null or (r.state = 'open' and $5 = coalesce((select k.kind from tenant_onboarding_task k
                 where k.onboarding_id = r.id and k.state not in ('passed', 'waived') order by k.seq limit 1), 'approval')))
               and (not $6 or (r.state = 'open' and (r.due_at < now() or (select k.due_at from tenant_onboarding_task k
                 where k.onboarding_id = r.id and k.state not in ('passed', 'waived') order by k.seq limit 1) < now())))
               and ($7::bigint is null or case
                 when $8 and $9 then (coalesce(r.due_at, 'infinity'), r.id) > (coalesce($10::timestamptz, 'infinity'), $7)
                 when $8 then (coalesce(r.due_at, 'infinity'), r.id) < (coalesce($10::timestamptz, 'infinity'), $7)
                 when $9 then r.id > $7 else r.id < $7 end)
             order by case when $8 and $9 then coalesce(r.due_at, 'infinity') end asc, case when $8 and not $9 then coalesce(r.due_at, 'infinity') end desc,
               case when $9 then r.id end asc, case when not $9 then r.id end desc limit $11)
           select r.id as "id!", r.revision as "revision!", r.state as "state!", c.name as "company!", t.slug as "slug!", r.plan_code as "plan_code!", o.name as "owner!",
             r.created_at as "created_at!", r.due_at, steps.done as "done!", now.kind as "step?", now.state as "progress?", now.owner as "step_owner?",
             now.due_at as "step_due_at?", now.waits_on, r.state = 'open' and (r.due_at < now() or coalesce(now.due_at < now(), false)) as "late!"
           from page join tenant_onboarding_request r on r.id = page.id join tenant t on t.id = r.tenant_id join company c on c.id = t.company_id
           join operator o on o.id = r.owner_id
           cross join lateral (select count(*) filter (where k.state in ('passed', 'waived')) as done from tenant_onboarding_task k where k.onboarding_id = r.id) steps
           left join lateral (select k.kind, k.state, k.due_at, k.waits_on, p.name as owner from tenant_onboarding_task k join operator p on p.id = k.owner_id
             where k.onboarding_id = r.id and k.state not in ('passed', 'waived') order by k.seq limit 1) now on true
           order by case when $8 and $9 then page.by_due end asc, case when $8 and not $9 then page.by_due end desc,
             case when $9 then page.id end asc, case when not $9 then page.id end desc"#,
        f.state,
        f.owner,
        f.q,
        number,
        f.step,
        f.late,
        after,
        by_due,
        up,
        due,
        slice.limit
    )
    .fetch_all(conn)
    .await?;
    if slice.back() {
        rows.reverse();
    }
    Ok(rows)
}

/// What is under way, so many of each step, the soonest due first: those who wait for approval among them, whose step is none.
pub async fn board(conn: &mut PgConnection, owner: Option<Uuid>, each: i64) -> sqlx::Result<Vec<Listed>> {
    sqlx::query_as!(
        Listed,
        r#"with open as (
             select r.id, r.revision, r.state, r.tenant_id, r.plan_code, r.owner_id, r.created_at, r.due_at, now.*,
               row_number() over (partition by now.step order by r.due_at, r.id) as place
             from tenant_onboarding_request r
             left join lateral (select k.kind as step, k.state as progress, k.due_at as step_due_at, k.waits_on, k.owner_id as step_owner_id
               from tenant_onboarding_task k where k.onboarding_id = r.id and k.state not in ('passed', 'waived') order by k.seq limit 1) now on true
             where r.state = 'open' and ($1::uuid is null or r.owner_id = $1))
           select r.id, r.revision, r.state, c.name as company, t.slug, r.plan_code, o.name as owner, r.created_at, r.due_at,
             (select count(*) from tenant_onboarding_task k where k.onboarding_id = r.id and k.state in ('passed', 'waived')) as "done!",
             r.step as "step?", r.progress as "progress?", p.name as "step_owner?", r.step_due_at as "step_due_at?", r.waits_on as "waits_on?",
             r.due_at < now() or coalesce(r.step_due_at < now(), false) as "late!"
           from open r join tenant t on t.id = r.tenant_id join company c on c.id = t.company_id join operator o on o.id = r.owner_id
           left join operator p on p.id = r.step_owner_id
           where r.place <= $2 order by r.due_at, r.id"#,
        owner,
        each
    )
    .fetch_all(conn)
    .await
}

/// How many are in one state.
#[derive(Clone, Debug)]
pub struct Count {
    pub state: State,
    pub all: i64,
    /// Without those that were asked for again.
    pub newest: i64,
}

pub async fn counts(conn: &mut PgConnection) -> sqlx::Result<Vec<Count>> {
    sqlx::query_as!(
        Count,
        r#"with newest as (select tenant_id, max(revision) as revision from tenant_onboarding_request where revision > 1 group by tenant_id),
             older as (select r.state, count(*) from newest n join tenant_onboarding_request r on r.tenant_id = n.tenant_id and r.revision < n.revision group by r.state),
             every as (select state, count(*) from tenant_onboarding_request group by state)
           select every.state as "state!", every.count as "all!", every.count - coalesce(older.count, 0) as "newest!" from every left join older using (state)"#
    )
    .fetch_all(conn)
    .await
}

/// How many of those under way are late, or the step whose turn it is.
pub async fn late(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from tenant_onboarding_request r
           left join lateral (select k.due_at from tenant_onboarding_task k where k.onboarding_id = r.id and k.state not in ('passed', 'waived')
             order by k.seq limit 1) now on true
           where r.state = 'open' and (r.due_at < now() or now.due_at < now())"#
    )
    .fetch_one(conn)
    .await
}

/// Whether the clock has anything to do.
pub async fn any_due(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from tenant_onboarding_request where state = 'open' and expires_at <= now())
             or exists (select from tenant_onboarding_task k join tenant_onboarding_request r on r.id = k.onboarding_id
               where r.state = 'open' and not k.overdue_told and k.due_at <= now() and k.state in ('pending', 'running', 'failed')
                 and not exists (select from tenant_onboarding_task b where b.onboarding_id = k.onboarding_id and b.seq < k.seq and b.state not in ('passed', 'waived'))) as "any!""#
    )
    .fetch_one(conn)
    .await
}

/// An open one that is over, locked.
pub async fn lock_expired(change: &mut Change) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "select id from tenant_onboarding_request where state = 'open' and expires_at <= now() order by expires_at limit 1 for update skip locked"
    )
    .fetch_optional(&mut **change)
    .await
}

/// A step that is later than it should be, and of which nobody was told.
pub struct Late {
    pub task: i64,
    pub onboarding: i64,
    pub kind: String,
    pub owner: Uuid,
}

pub async fn late_step(change: &mut Change) -> sqlx::Result<Option<Late>> {
    sqlx::query_as!(
        Late,
        "select k.id as task, k.onboarding_id as onboarding, k.kind, k.owner_id as owner
         from tenant_onboarding_task k join tenant_onboarding_request r on r.id = k.onboarding_id
         where r.state = 'open' and not k.overdue_told and k.due_at <= now() and k.state in ('pending', 'running', 'failed')
           and not exists (select from tenant_onboarding_task b where b.onboarding_id = k.onboarding_id and b.seq < k.seq and b.state not in ('passed', 'waived'))
         order by k.due_at limit 1 for update of k skip locked"
    )
    .fetch_optional(&mut **change)
    .await
}

pub async fn told_late(change: &mut Change, task: i64) -> sqlx::Result<()> {
    sqlx::query!("update tenant_onboarding_task set overdue_told = true where id = $1", task).execute(&mut **change).await.map(|_| ())
}
