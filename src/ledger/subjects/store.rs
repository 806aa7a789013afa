//! SQL of subjects: their keys, what is kept about them, and that it goes.
use super::Key;
use crate::db::Change;
use rand::RngExt;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// The keys of these subjects, made where there are none. They are held until the transaction ends: whoever erases one waits, and
/// nothing is sealed with a key that is gone.
pub async fn keys(conn: &mut PgConnection, mut subjects: Vec<String>) -> sqlx::Result<HashMap<String, Key>> {
    subjects.sort();
    subjects.dedup();
    loop {
        let fresh: Vec<Vec<u8>> = subjects.iter().map(|_| rand::rng().random::<Key>().to_vec()).collect();
        let rows = sqlx::query!(
            r#"with made as (
                 insert into ledger.subject_key (subject, key) select * from unnest($1::text[], $2::bytea[]) on conflict do nothing
                 returning subject, key
               ), held as materialized (select subject, key from ledger.subject_key where subject = any($1) order by subject for key share)
               select subject as "subject!", key as "key!" from made union all select subject, key from held"#,
            &subjects,
            &fresh
        )
        .fetch_all(&mut *conn)
        .await?;
        // one that somebody else made or erased meanwhile is seen the next time
        if rows.len() == subjects.len() {
            return Ok(rows.into_iter().filter_map(|r| Some((r.subject, r.key.try_into().ok()?))).collect());
        }
    }
}

/// What is kept about somebody.
pub(super) struct About {
    /// Details of events that can be read.
    pub details: i64,
    /// Closed requests that say something.
    pub requests: i64,
    /// A request that is not closed yet.
    pub open: Option<i64>,
    /// There is a key: perhaps of details that were exported and dropped.
    pub has_key: bool,
    /// Who is still one of us.
    pub at_work: bool,
}

pub(super) async fn about(conn: &mut PgConnection, kind: &str, id: &str) -> sqlx::Result<About> {
    sqlx::query_as!(
        About,
        r#"select (select count(*) from ledger.event e join ledger.detail d on d.event_id = e.event_id and d.recorded_at = e.recorded_at
             where e.target_id = $2 and e.target_type = $1 and d.sealed is distinct from ''
               and e.event_id > coalesce((select event_id from ledger.event where target_id = $1 || ':' || $2 and target_type = 'subject'
                 and kind = 'subject.erased' order by event_id desc limit 1), '00000000-0000-0000-0000-000000000000')) as "details!",
             (select count(*) from request where target_type = $1 and target_id = $2 and fields <> '{}'
               and state not in ('pending', 'approved', 'executing', 'unknown')) as "requests!",
             (select min(id) from request where target_type = $1 and target_id = $2
               and state in ('pending', 'approved', 'executing', 'unknown')) as open,
             exists (select from ledger.subject_key where subject = $1 || ':' || $2) as "has_key!",
             $1 = 'operator' and exists (select from operator where id::text = $2 and disabled_at is null) as "at_work!""#,
        kind,
        id
    )
    .fetch_one(conn)
    .await
}

/// Waits for whoever is writing about somebody, and keeps others from it; from here on it is later than all that they wrote.
pub(super) async fn lock(change: &mut Change, kind: &str, id: &str) -> sqlx::Result<()> {
    sqlx::query!("select from ledger.subject_key where subject = $1 || ':' || $2 for update", kind, id).execute(&mut **change).await?;
    let now = sqlx::query_scalar!(r#"select date_trunc('milliseconds', clock_timestamp()) as "now!""#).fetch_one(&mut **change).await?;
    change.had_lock(now, i32::MAX);
    Ok(())
}

pub(super) async fn erase(change: &mut Change, request: i64, kind: &str, id: &str) -> sqlx::Result<()> {
    sqlx::query!("select ledger.erase_subject($1, $2, $3)", request, kind, id).execute(&mut **change).await.map(|_| ())
}

/// When somebody was erased last, and the event that says so.
pub struct Erasure {
    pub subject: String,
    pub event: Uuid,
}

/// The last erasure of one subject, or of each.
pub async fn erasures(conn: &mut PgConnection, of: Option<&str>) -> sqlx::Result<Vec<Erasure>> {
    sqlx::query_as!(
        Erasure,
        r#"select distinct on (target_id) target_id as "subject!", event_id as event from ledger.event
           where kind = 'subject.erased' and target_type = 'subject' and ($1::text is null or target_id = $1)
           order by target_id, event_id desc"#,
        of
    )
    .fetch_all(conn)
    .await
}
