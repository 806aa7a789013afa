//! SQL of checking the log, which reads all of it.
use crate::ledger::subjects;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::ops::Range;
use uuid::Uuid;

/// A leaf with all that is kept of its event.
pub(super) struct Kept {
    pub leaf_index: i64,
    pub event_id: Uuid,
    pub recorded_at: DateTime<Utc>,
    pub hash: Vec<u8>,
    pub leaf: Option<Vec<u8>>,
    pub kind: Option<String>,
    pub outcome: Option<String>,
    pub actor_id: Option<Uuid>,
    pub door: Option<String>,
    pub request_id: Option<i64>,
    pub target_type: Option<String>,
    pub target_id: Option<String>,
    pub words: Option<String>,
    pub marks: Option<Vec<String>>,
    pub detail: subjects::Kept,
}

/// Checking everything takes as long as it takes.
pub(super) async fn take_time(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("set statement_timeout = 0").execute(conn).await.map(|_| ())
}

/// Whatever is read until the end of the transaction is of one moment, and nothing is written.
pub(super) async fn stand_still(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("set transaction isolation level repeatable read, read only").execute(conn).await.map(|_| ())
}

/// The next leaves from a place on, with their events.
pub(super) async fn kept(conn: &mut PgConnection, from: i64, until: i64, limit: i64) -> sqlx::Result<Vec<Kept>> {
    let rows = sqlx::query!(
        r#"select l.leaf_index, l.event_id, l.recorded_at, l.hash, e.leaf as "leaf?", e.kind as "kind?", e.outcome as "outcome?",
             e.actor_id as "actor_id?", e.door as "door?", e.request_id, e.target_type, e.target_id, d.salt as "salt?", d.data as "data?",
             d.sealed, d.words, d.marks, k.key as "key?"
           from ledger.leaf l left join ledger.event e on e.event_id = l.event_id and e.recorded_at = l.recorded_at
             left join ledger.detail d on d.event_id = l.event_id and d.recorded_at = l.recorded_at
             left join ledger.subject_key k on d.sealed is not null and k.subject = e.target_type || ':' || e.target_id
           where l.leaf_index >= $1 and l.leaf_index < $2 order by l.leaf_index limit $3"#,
        from,
        until,
        limit
    )
    .fetch_all(conn)
    .await?;
    let kept = rows.into_iter().map(|r| Kept {
        leaf_index: r.leaf_index,
        event_id: r.event_id,
        recorded_at: r.recorded_at,
        hash: r.hash,
        leaf: r.leaf,
        kind: r.kind,
        outcome: r.outcome,
        actor_id: r.actor_id,
        door: r.door,
        request_id: r.request_id,
        target_type: r.target_type,
        target_id: r.target_id,
        words: r.words,
        marks: r.marks,
        detail: subjects::Kept { salt: r.salt, data: r.data, sealed: r.sealed, key: r.key },
    });
    Ok(kept.collect())
}

/// The checkpoints over more than so many leaves, the smallest first.
pub(super) async fn checkpoints(conn: &mut PgConnection, above: i64, until: i64, limit: i64) -> sqlx::Result<Vec<(i64, Vec<u8>, String)>> {
    let rows = sqlx::query!(
        "select size, root, note from ledger.checkpoint where size > $1 and size <= $2 order by size limit $3",
        above,
        until,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|r| (r.size, r.root, r.note)).collect())
}

/// The places of leaves that came back from the copy, as the events that tell of it say.
pub(super) async fn replayed(conn: &mut PgConnection) -> sqlx::Result<Vec<Range<i64>>> {
    let rows = sqlx::query!(
        r#"select (facts ->> 'leaves')::bigint as "from!", (facts ->> 'outside')::bigint as "until!"
           from (select convert_from(leaf, 'UTF8')::jsonb as said from ledger.event where kind = 'ledger.resumed') resumed, lateral (select said -> 'facts' as facts) f
           where said ->> 'outcome' = 'success' and facts ->> 'way' = 'replay' and facts ? 'outside'"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|r| r.from..r.until).collect())
}

/// The hashes of these leaves, as far as they are there.
pub(super) async fn hashes(conn: &mut PgConnection, from: i64, until: i64) -> sqlx::Result<Vec<(i64, Vec<u8>)>> {
    let rows = sqlx::query!("select leaf_index, hash from ledger.leaf where leaf_index >= $1 and leaf_index < $2", from, until)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|r| (r.leaf_index, r.hash)).collect())
}

/// Leaves behind the end of the log, which no checkpoint covers and no tile has: an event with such a one would never be signed.
pub(super) async fn beyond(conn: &mut PgConnection, size: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!("select leaf_index from ledger.leaf where leaf_index >= $1 order by leaf_index limit 20", size)
        .fetch_all(conn)
        .await
}

/// Events that have neither a leaf nor a place among those that wait for one, and those that have waited longer than five seconds.
pub(super) async fn forgotten(conn: &mut PgConnection) -> sqlx::Result<(Vec<Uuid>, i64)> {
    let lost = sqlx::query_scalar!(
        r#"select e.event_id from ledger.event e
           where not exists (select from ledger.leaf l where l.event_id = e.event_id and l.recorded_at = e.recorded_at)
             and not exists (select from ledger.pending p where p.event_id = e.event_id and p.recorded_at = e.recorded_at) limit 20"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let late = sqlx::query_scalar!(r#"select count(*) as "late!" from ledger.pending where recorded_at < now() - interval '5 seconds'"#)
        .fetch_one(conn)
        .await?;
    Ok((lost, late))
}

/// Logs of another name that this one goes on from, and how many leaves of theirs it has, as the events tell that were asked for and
/// approved like any others, or the requests whose events went with their month.
pub(super) async fn epochs(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"select w.origin as "origin!", w.size from ledger.way_out w
           where w.way = 'epoch' and w.halted_at is distinct from (select halted_at from ledger.head)
             and (exists (select from request r where r.id = w.request_id and r.operation = 'ledger.resume' and r.state = 'succeeded'
                 and r.created_at < ledger.kept_since())
               or exists (select from ledger.event e, lateral (select convert_from(e.leaf, 'UTF8')::jsonb as said) s
               where e.kind = 'ledger.resumed' and e.request_id = w.request_id and said ->> 'outcome' = 'success'
                 and said ->> 'request' = 'CR-' || w.request_id and said -> 'facts' ->> 'way' = 'epoch'
                 and (said -> 'facts' ->> 'leaves')::bigint = w.size))
           order by w.request_id"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|r| (r.origin, r.size)).collect())
}

/// Details that belong to no event: searches find them.
pub(super) async fn strays(conn: &mut PgConnection) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "select d.event_id from ledger.detail d
         where not exists (select from ledger.event e where e.event_id = d.event_id and e.recorded_at = d.recorded_at) limit 20"
    )
    .fetch_all(conn)
    .await
}

/// The kinds of events that filters offer, each with an outcome.
pub(super) async fn kinds(conn: &mut PgConnection) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!("select kind, outcome from ledger.kind").fetch_all(conn).await?;
    Ok(rows.into_iter().map(|r| (r.kind, r.outcome)).collect())
}

/// The leaves of events that wait for their place, in the order in which they will have it.
pub(super) async fn waiting(conn: &mut PgConnection) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        "select e.leaf from ledger.pending p join ledger.event e on e.event_id = p.event_id and e.recorded_at = p.recorded_at
         order by p.event_id"
    )
    .fetch_all(conn)
    .await
}

/// From when on the database says that all events are here.
pub(super) async fn kept_since(conn: &mut PgConnection) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(r#"select nullif(ledger.kept_since(), '-infinity') as since"#).fetch_one(conn).await
}
