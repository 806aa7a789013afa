//! SQL that finds events. Each query is planned with its values, so a condition that says nothing costs nothing.
use crate::ledger::{
    query::Terms,
    store::{Event, at_of},
    words::mark,
};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A filter whose names are looked up.
#[derive(Default, PartialEq)]
pub struct Sought {
    pub actors: Option<Vec<Uuid>>,
    /// Whether kind or outcome is asked for at all.
    pub by_kind: bool,
    /// Each kind with an outcome, side by side.
    pub kinds: Vec<String>,
    pub outcomes: Vec<String>,
    pub targets: Option<Vec<String>>,
    pub not_targets: Vec<String>,
    pub requests: Option<Vec<i64>>,
    pub not_requests: Vec<i64>,
}

/// From where to where, in which direction, and how many. Times let Postgres skip partitions, ids are places in an index: an id begins
/// with its time, so each bound is given as both.
#[derive(Clone, Copy)]
pub struct Bounds {
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub from: Option<Uuid>,
    pub to: Option<Uuid>,
    pub up: bool,
    pub limit: i64,
}

impl Bounds {
    /// What comes behind the cursor, in the direction, between two times.
    pub fn new(since: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>, cursor: Option<Uuid>, up: bool, limit: i64) -> Self {
        let next = |at: DateTime<Utc>| at.checked_add_signed(TimeDelta::milliseconds(1)).unwrap_or(at);
        let (from, to) = (since.and_then(first_of), until.map(next).and_then(first_of));
        match cursor.and_then(|cursor| Some((cursor, at_of(cursor)?))) {
            None => Self { since, until, from, to, up, limit },
            Some((cursor, at)) if up => Self {
                since: since.max(Some(at)),
                until,
                from: from.max(cursor.as_u128().checked_add(1).map(Uuid::from_u128)),
                to,
                up,
                limit,
            },
            Some((cursor, at)) => {
                let until = until.map_or(next(at), |until| until.min(next(at)));
                Self { since, until: Some(until), from, to: Some(to.map_or(cursor, |to| to.min(cursor))), up, limit }
            }
        }
    }
}

/// Before every id of this millisecond, and after all earlier ones.
fn first_of(at: DateTime<Utc>) -> Option<Uuid> {
    u64::try_from(at.timestamp_millis()).ok().filter(|ms| *ms < 1 << 48).map(|ms| Uuid::from_u128(u128::from(ms) << 80))
}

/// Whom these names mean. Who is not meant is everybody else.
pub async fn actors(conn: &mut PgConnection, terms: &Terms) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "select id from operator o
         where (cardinality($1::text[]) = 0 or exists (select from unnest($1) t (t)
             where o.email = lower(t) or o.id::text = lower(t) or strpos(lower(o.name), lower(t)) > 0))
           and not exists (select from unnest($2::text[]) t (t) where o.email = lower(t) or o.id::text = lower(t) or strpos(lower(o.name), lower(t)) > 0)",
        &terms.is,
        &terms.not
    )
    .fetch_all(conn)
    .await
}

/// The kinds of events, each with the ways it ended, that fit.
pub async fn kinds(conn: &mut PgConnection, actions: &Terms, outcomes: &Terms) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        "select kind, outcome from ledger.kind k
         where (cardinality($1::text[]) = 0 or exists (select from unnest($1) t (t) where starts_with(k.kind, lower(t)) or strpos(k.kind, '.' || lower(t)) > 0))
           and not exists (select from unnest($2::text[]) t (t) where starts_with(k.kind, lower(t)) or strpos(k.kind, '.' || lower(t)) > 0)
           and (cardinality($3::text[]) = 0 or k.outcome = any($3)) and k.outcome <> all($4::text[])",
        &actions.is,
        &actions.not,
        &outcomes.is,
        &outcomes.not
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|r| (r.kind, r.outcome)).collect())
}

pub async fn of_time(conn: &mut PgConnection, s: &Sought, b: &Bounds) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"select e.event_id as "id!" from ledger.event e
         where ($1::uuid[] is null or e.actor_id = any($1)) and (not $2 or (e.kind, e.outcome) in (select * from unnest($3::text[], $4::text[])))
           and ($5::text[] is null or e.target_id = any($5)) and ($6::bigint[] is null or e.request_id = any($6))
           and (cardinality($7::text[]) = 0 or e.target_id is null or e.target_id <> all($7))
           and (cardinality($8::bigint[]) = 0 or e.request_id is null or e.request_id <> all($8))
           and ($9::timestamptz is null or e.recorded_at >= $9) and ($10::timestamptz is null or e.recorded_at < $10)
           and ($11::uuid is null or e.event_id >= $11) and ($14::uuid is null or e.event_id < $14)
         order by case when $12 then e.event_id end asc, case when not $12 then e.event_id end desc limit $13"#,
        s.actors.as_deref(),
        s.by_kind,
        &s.kinds,
        &s.outcomes,
        s.targets.as_deref(),
        s.requests.as_deref(),
        &s.not_targets,
        &s.not_requests,
        b.since,
        b.until,
        b.from,
        b.up,
        b.limit,
        b.to
    )
    .fetch_all(conn)
    .await
}

pub async fn of_kinds(conn: &mut PgConnection, s: &Sought, b: &Bounds) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"select f.event_id as "id!" from unnest($1::text[], $2::text[]) k (kind, outcome) cross join lateral (
           select e.event_id from ledger.event e
           where e.kind = k.kind and e.outcome = k.outcome
             and (cardinality($3::text[]) = 0 or e.target_id is null or e.target_id <> all($3))
             and (cardinality($4::bigint[]) = 0 or e.request_id is null or e.request_id <> all($4))
             and ($5::timestamptz is null or e.recorded_at >= $5) and ($6::timestamptz is null or e.recorded_at < $6)
             and ($7::uuid is null or e.event_id >= $7) and ($10::uuid is null or e.event_id < $10)
           order by case when $8 then e.event_id end asc, case when not $8 then e.event_id end desc limit $9) f
         order by case when $8 then f.event_id end asc, case when not $8 then f.event_id end desc limit $9"#,
        &s.kinds,
        &s.outcomes,
        &s.not_targets,
        &s.not_requests,
        b.since,
        b.until,
        b.from,
        b.up,
        b.limit,
        b.to
    )
    .fetch_all(conn)
    .await
}

pub async fn of_actors(conn: &mut PgConnection, s: &Sought, b: &Bounds) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"select f.event_id as "id!" from unnest($1::uuid[]) a (id) cross join unnest($2::text[], $3::text[]) k (kind, outcome) cross join lateral (
           select e.event_id from ledger.event e
           where e.actor_id = a.id and e.kind = k.kind and e.outcome = k.outcome
             and (cardinality($4::text[]) = 0 or e.target_id is null or e.target_id <> all($4))
             and (cardinality($5::bigint[]) = 0 or e.request_id is null or e.request_id <> all($5))
             and ($6::timestamptz is null or e.recorded_at >= $6) and ($7::timestamptz is null or e.recorded_at < $7)
             and ($8::uuid is null or e.event_id >= $8) and ($11::uuid is null or e.event_id < $11)
           order by case when $9 then e.event_id end asc, case when not $9 then e.event_id end desc limit $10) f
         order by case when $9 then f.event_id end asc, case when not $9 then f.event_id end desc limit $10"#,
        s.actors.as_deref().unwrap_or_default(),
        &s.kinds,
        &s.outcomes,
        &s.not_targets,
        &s.not_requests,
        b.since,
        b.until,
        b.from,
        b.up,
        b.limit,
        b.to
    )
    .fetch_all(conn)
    .await
}

/// Those of these events that say all of this.
pub async fn that_say(conn: &mut PgConnection, ids: &[Uuid], words: &[String], b: &Bounds) -> sqlx::Result<Vec<Uuid>> {
    let at: Vec<_> = ids.iter().map(|id| at_of(*id).unwrap_or_default()).collect();
    sqlx::query_scalar!(
        r#"select x.id as "id!" from unnest($1::uuid[], $2::timestamptz[]) with ordinality x (id, at, place) cross join lateral (
             select from ledger.detail d where d.event_id = x.id and d.recorded_at = x.at and d.words like all($3) limit 1) d
           order by x.place limit $4"#,
        ids,
        &at,
        words,
        b.limit
    )
    .fetch_all(conn)
    .await
}

/// The events of a month that say all of this. Postgres knows how frequent words are: it reads on from the end until there are enough,
/// or finds them by their trigrams.
pub async fn of_words(conn: &mut PgConnection, words: &[String], b: &Bounds) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"select d.event_id as "id!" from ledger.detail d
           where d.words like $1 and ($2::text is null or d.words like $2) and ($3::text is null or d.words like $3) and d.words like all($4)
             and d.recorded_at >= $5 and d.recorded_at < $6
             and ($7::uuid is null or d.event_id >= $7) and ($8::uuid is null or d.event_id < $8)
           order by case when $9 then d.event_id end asc, case when not $9 then d.event_id end desc limit $10"#,
        words[0],
        words.get(1).map(String::as_str),
        words.get(2).map(String::as_str),
        words,
        b.since,
        b.until,
        b.from,
        b.to,
        b.up,
        b.limit
    )
    .fetch_all(conn)
    .await
}

/// The same with the rest of a filter. What is frequent by itself may be rare together, which Postgres does not know: so always by
/// trigrams and marks.
pub async fn of_words_and(conn: &mut PgConnection, s: &Sought, words: &[String], b: &Bounds) -> sqlx::Result<Vec<Uuid>> {
    let actors: Option<Vec<_>> = s.actors.as_ref().map(|actors| actors.iter().map(Uuid::to_string).collect());
    let ended: Option<Vec<_>> =
        s.by_kind.then(|| std::iter::zip(&s.kinds, &s.outcomes).map(|(kind, outcome)| mark(kind, outcome)).collect());
    sqlx::query_scalar!(
        r#"with said as materialized (
           select d.event_id, d.recorded_at from ledger.detail d
           where d.words like $1 and ($2::text is null or d.words like $2) and ($3::text is null or d.words like $3) and d.words like all($4)
             and ($5::text[] is null or d.marks && $5) and ($6::text[] is null or d.marks && $6)
             and d.recorded_at >= $7 and d.recorded_at < $8
             and ($9::uuid is null or d.event_id >= $9) and ($10::uuid is null or d.event_id < $10))
         select e.event_id as "id!" from said join ledger.event e on e.event_id = said.event_id and e.recorded_at = said.recorded_at
           and e.recorded_at >= $7 and e.recorded_at < $8
         where ($13::text[] is null or e.target_id = any($13)) and ($14::bigint[] is null or e.request_id = any($14))
           and (cardinality($15::text[]) = 0 or e.target_id is null or e.target_id <> all($15))
           and (cardinality($16::bigint[]) = 0 or e.request_id is null or e.request_id <> all($16))
         order by case when $11 then e.event_id end asc, case when not $11 then e.event_id end desc limit $12"#,
        words[0],
        words.get(1).map(String::as_str),
        words.get(2).map(String::as_str),
        words,
        actors.as_deref(),
        ended.as_deref(),
        b.since,
        b.until,
        b.from,
        b.to,
        b.up,
        b.limit,
        s.targets.as_deref(),
        s.requests.as_deref(),
        &s.not_targets,
        &s.not_requests
    )
    .fetch_all(conn)
    .await
}

/// The first event there is.
pub async fn oldest(conn: &mut PgConnection) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!("select event_id from ledger.event order by event_id limit 1").fetch_optional(conn).await
}

pub async fn count(conn: &mut PgConnection, s: &Sought, b: &Bounds) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (select from ledger.event e
             where ($1::uuid[] is null or e.actor_id = any($1)) and (not $2 or (e.kind, e.outcome) in (select * from unnest($3::text[], $4::text[])))
               and ($5::text[] is null or e.target_id = any($5)) and ($6::bigint[] is null or e.request_id = any($6))
               and (cardinality($7::text[]) = 0 or e.target_id is null or e.target_id <> all($7))
               and (cardinality($8::bigint[]) = 0 or e.request_id is null or e.request_id <> all($8))
               and ($9::timestamptz is null or e.recorded_at >= $9) and ($10::timestamptz is null or e.recorded_at < $10)
               and ($12::uuid is null or e.event_id >= $12) and ($13::uuid is null or e.event_id < $13) limit $11) e"#,
        s.actors.as_deref(),
        s.by_kind,
        &s.kinds,
        &s.outcomes,
        s.targets.as_deref(),
        s.requests.as_deref(),
        &s.not_targets,
        &s.not_requests,
        b.since,
        b.until,
        b.limit,
        b.from,
        b.to
    )
    .fetch_one(conn)
    .await
}

pub async fn count_of_kinds(conn: &mut PgConnection, s: &Sought, b: &Bounds) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (select from unnest($1::text[], $2::text[]) k (kind, outcome) cross join lateral (
             select from ledger.event e
             where e.kind = k.kind and e.outcome = k.outcome
               and (cardinality($3::text[]) = 0 or e.target_id is null or e.target_id <> all($3))
               and (cardinality($4::bigint[]) = 0 or e.request_id is null or e.request_id <> all($4))
               and ($5::timestamptz is null or e.recorded_at >= $5) and ($6::timestamptz is null or e.recorded_at < $6)
               and ($8::uuid is null or e.event_id >= $8) and ($9::uuid is null or e.event_id < $9) limit $7) f limit $7) e"#,
        &s.kinds,
        &s.outcomes,
        &s.not_targets,
        &s.not_requests,
        b.since,
        b.until,
        b.limit,
        b.from,
        b.to
    )
    .fetch_one(conn)
    .await
}

pub async fn count_of_actors(conn: &mut PgConnection, s: &Sought, b: &Bounds) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select from unnest($1::uuid[]) a (id) cross join unnest($2::text[], $3::text[]) k (kind, outcome) cross join lateral (
             select from ledger.event e
             where e.actor_id = a.id and e.kind = k.kind and e.outcome = k.outcome
               and (cardinality($4::text[]) = 0 or e.target_id is null or e.target_id <> all($4))
               and (cardinality($5::bigint[]) = 0 or e.request_id is null or e.request_id <> all($5))
               and ($6::timestamptz is null or e.recorded_at >= $6) and ($7::timestamptz is null or e.recorded_at < $7)
               and ($9::uuid is null or e.event_id >= $9) and ($10::uuid is null or e.event_id < $10) limit $8) f limit $8) e"#,
        s.actors.as_deref().unwrap_or_default(),
        &s.kinds,
        &s.outcomes,
        &s.not_targets,
        &s.not_requests,
        b.since,
        b.until,
        b.limit,
        b.from,
        b.to
    )
    .fetch_one(conn)
    .await
}

/// These events, in this order, as lists show them.
pub async fn rows(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Event>> {
    let at: Vec<_> = ids.iter().map(|id| at_of(*id).unwrap_or_default()).collect();
    sqlx::query_as!(
        Event,
        r#"select e.event_id as "id!", e.recorded_at as "at!", e.kind as "kind!", e.outcome as "outcome!", e.actor_id as "actor_id!",
             coalesce(o.name, e.actor_id::text) as "actor!", e.door as "door!",
             e.request_id as request, e.target_type, e.target_id, t.name as "target_name?"
           from unnest($1::uuid[], $2::timestamptz[]) with ordinality x (id, at, place)
             join ledger.event e on e.event_id = x.id and e.recorded_at = x.at
             left join operator o on o.id = e.actor_id
             left join operator t on t.id = case when e.target_type = 'operator' and e.target_id ~ '^[0-9a-f-]{36}$' then e.target_id::uuid end
           order by x.place"#,
        ids,
        &at
    )
    .fetch_all(conn)
    .await
}
