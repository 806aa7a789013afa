//! SQL of the log. Writing takes the sequencer's role; reading is for everybody who reads the ledger.
use super::{super::tree::Hash, Halt};
use crate::db::Change;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// Where the log ends.
pub struct Head {
    pub origin: String,
    pub size: i64,
    pub frontier: Vec<u8>,
    pub root: Vec<u8>,
    pub published_size: i64,
    pub published_at: Option<DateTime<Utc>>,
    pub halted: Option<String>,
    pub halted_at: Option<DateTime<Utc>>,
}

impl Head {
    /// Why it was halted, if it is.
    pub fn why(&self) -> Option<Halt> {
        self.halted.as_deref().map(Halt::parse)
    }
}

/// An event that is to become a leaf.
pub(super) struct Waiting {
    pub event_id: Uuid,
    pub recorded_at: DateTime<Utc>,
    pub leaf: Vec<u8>,
}

pub async fn head(conn: &mut PgConnection) -> sqlx::Result<Option<Head>> {
    sqlx::query_as!(Head, "select origin, size, frontier, root, published_size, published_at, halted, halted_at from ledger.head")
        .fetch_optional(conn)
        .await
}

/// The head, locked until the transaction ends; nothing while somebody else has it.
pub(super) async fn lock(conn: &mut PgConnection) -> sqlx::Result<Option<Head>> {
    sqlx::query_as!(
        Head,
        "select origin, size, frontier, root, published_size, published_at, halted, halted_at from ledger.head for update skip locked"
    )
    .fetch_optional(conn)
    .await
}

/// Begins the log, unless it has begun.
pub(super) async fn begin(conn: &mut PgConnection, origin: &str, root: &Hash) -> sqlx::Result<()> {
    sqlx::query!("insert into ledger.head (origin, root) values ($1, $2) on conflict do nothing", origin, &root[..])
        .execute(conn)
        .await
        .map(|_| ())
}

/// Takes what has committed and has no leaf yet, oldest transaction first, in the order in which it happened: a transaction may have
/// begun before another and have waited for it. Each by its place in the table: a join reads the whole table,
/// with all that was taken since its last vacuum. Nobody else takes, and nothing that waits is ever changed.
pub(super) async fn take(conn: &mut PgConnection, most: i64) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        r#"with taken as (
             delete from ledger.pending where ctid = any (array(select ctid from ledger.pending order by xid, event_id limit $1))
             returning event_id, recorded_at, xid
           )
           select t.event_id as "event_id!", t.recorded_at as "recorded_at!", e.leaf
           from taken t cross join lateral (
             select leaf from ledger.event e where e.event_id = t.event_id and e.recorded_at = t.recorded_at limit 1) e
           order by t.event_id"#,
        most
    )
    .fetch_all(conn)
    .await
}

pub(super) async fn append(conn: &mut PgConnection, from: i64, batch: &[Waiting], hashes: &[Hash]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into ledger.leaf (leaf_index, event_id, recorded_at, hash)
         select $1 + place - 1, event_id, recorded_at, hash
         from unnest($2::uuid[], $3::timestamptz[], $4::bytea[]) with ordinality as l (event_id, recorded_at, hash, place)",
        from,
        &batch.iter().map(|w| w.event_id).collect::<Vec<_>>(),
        &batch.iter().map(|w| w.recorded_at).collect::<Vec<_>>(),
        &hashes.iter().map(|h| &h[..]).collect::<Vec<_>>() as _
    )
    .execute(conn)
    .await
    .map(|_| ())
}

/// The hashes of these tiles, as far as they are there.
pub async fn tiles(conn: &mut PgConnection, wanted: &[(i16, i64)]) -> sqlx::Result<Vec<((i16, i64), Vec<u8>)>> {
    let rows = sqlx::query!(
        "select level, n, hashes from ledger.tile where (level, n) in (select * from unnest($1::smallint[], $2::bigint[]))",
        &wanted.iter().map(|t| t.0).collect::<Vec<_>>(),
        &wanted.iter().map(|t| t.1).collect::<Vec<_>>()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|r| ((r.level, r.n), r.hashes)).collect())
}

pub(super) async fn save_tiles(conn: &mut PgConnection, tiles: &[((i16, i64), Vec<u8>)]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into ledger.tile (level, n, hashes) select * from unnest($1::smallint[], $2::bigint[], $3::bytea[])
         on conflict (level, n) do update set hashes = excluded.hashes",
        &tiles.iter().map(|t| t.0.0).collect::<Vec<_>>(),
        &tiles.iter().map(|t| t.0.1).collect::<Vec<_>>(),
        &tiles.iter().map(|t| &t.1[..]).collect::<Vec<_>>() as _
    )
    .execute(conn)
    .await
    .map(|_| ())
}

/// The hashes of the next leaves from a place on.
pub(super) async fn hashes(conn: &mut PgConnection, from: i64, until: i64, most: i64) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        "select hash from ledger.leaf where leaf_index >= $1 and leaf_index < $2 order by leaf_index limit $3",
        from,
        until,
        most
    )
    .fetch_all(conn)
    .await
}

/// Moves the head on from `old`; `false` if somebody else did.
pub(super) async fn advance(conn: &mut PgConnection, old: i64, size: i64, frontier: &[u8], root: &Hash) -> sqlx::Result<bool> {
    let done = sqlx::query!("update ledger.head set size = $2, frontier = $3, root = $4 where size = $1", old, size, frontier, &root[..])
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn sign(conn: &mut PgConnection, size: i64, root: &Hash, note: &str) -> sqlx::Result<()> {
    sqlx::query!("insert into ledger.checkpoint (size, root, note) values ($1, $2, $3)", size, &root[..], note)
        .execute(conn)
        .await
        .map(|_| ())
}

/// Outside of this database is a checkpoint of this size.
pub(super) async fn published(conn: &mut PgConnection, size: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "update ledger.head set published_size = $1, published_at = clock_timestamp() where published_size < $1 and size >= $1",
        size
    )
    .execute(conn)
    .await
    .map(|_| ())
}

/// Whether something was signed so recently, by whichever replica.
pub(super) async fn signed_within(conn: &mut PgConnection, time: Duration) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select coalesce((select signed_at from ledger.checkpoint order by size desc limit 1) > clock_timestamp() - make_interval(secs => $1), false)
             as "is!""#,
        time.as_secs_f64()
    )
    .fetch_one(conn)
    .await
}

pub(super) async fn halt(conn: &mut PgConnection, why: &Halt) -> sqlx::Result<()> {
    sqlx::query!("update ledger.head set halted = $1, halted_at = clock_timestamp() where halted is null", why.kept())
        .execute(conn)
        .await
        .map(|_| ())
}

/// The checkpoint of this very size, as it was signed.
pub(super) async fn note(conn: &mut PgConnection, size: i64) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select note from ledger.checkpoint where size = $1", size).fetch_optional(conn).await
}

/// The newest checkpoint of at least this size, as it was signed.
pub async fn checkpoint(conn: &mut PgConnection, least: i64) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select note from ledger.checkpoint where size >= $1 order by size desc limit 1", least).fetch_optional(conn).await
}

/// Where the log stands towards a request.
pub(super) struct Approval {
    pub size: i64,
    pub published_size: i64,
    pub halted: bool,
    /// Whether its last approval is under a checkpoint that has left the building.
    pub covered: bool,
    /// The approval, and its place in the log.
    pub leaf: Vec<u8>,
    pub index: i64,
}

pub(super) async fn approval(conn: &mut PgConnection, request: i64) -> sqlx::Result<Option<Approval>> {
    sqlx::query_as!(
        Approval,
        r#"select h.size, h.published_size, h.halted is not null as "halted!", coalesce(a.leaf_index < h.published_size, false) as "covered!",
             coalesce(a.leaf, '') as "leaf!", coalesce(a.leaf_index, 0) as "index!"
           from ledger.head h left join lateral (
             select l.leaf_index, e.leaf
             from (select event_id, recorded_at, leaf from ledger.event where request_id = $1 and kind = 'request.approved'
                   order by event_id desc limit 1) e
               join ledger.leaf l on l.event_id = e.event_id and l.recorded_at = e.recorded_at) a on true"#,
        request
    )
    .fetch_optional(conn)
    .await
}

/// How many committed events no published checkpoint covers, counted to 10,000 without a leaf and 10,000 with one, and the age of the
/// oldest in seconds: those that wait for a leaf, and those whose checkpoint could not be published.
pub async fn lag(conn: &mut PgConnection) -> sqlx::Result<(i64, f64)> {
    let row = sqlx::query!(
        r#"select count(*) as "pending!", coalesce(extract(epoch from clock_timestamp() - min(recorded_at)), 0)::float8 as "oldest!"
           from ((select recorded_at from ledger.pending limit 10000)
             union all (select recorded_at from ledger.leaf where leaf_index >= (select published_size from ledger.head)
               order by leaf_index limit 10000)) p"#
    )
    .fetch_one(conn)
    .await?;
    Ok((row.pending, row.oldest.max(0.0)))
}

/// Where an event is in the log.
pub async fn leaf_index(conn: &mut PgConnection, event: Uuid) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("select leaf_index from ledger.leaf where event_id = $1", event).fetch_optional(conn).await
}

/// A checkpoint as it was signed.
pub struct Signed {
    pub size: i64,
    pub note: String,
}

/// The newest checkpoint that has left the building.
pub async fn newest_published(conn: &mut PgConnection) -> sqlx::Result<Option<Signed>> {
    sqlx::query_as!(
        Signed,
        "select c.size, c.note from ledger.checkpoint c where c.size <= (select published_size from ledger.head) order by c.size desc limit 1"
    )
    .fetch_optional(conn)
    .await
}

/// The leaves of these places, in order, as far as their events are still kept.
pub(super) async fn leaves(conn: &mut PgConnection, from: i64, until: i64) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        // each by its key: as a join, all that was ever written is read for it
        "select e.leaf from ledger.leaf l cross join lateral (
           select leaf from ledger.event e where e.event_id = l.event_id and e.recorded_at = l.recorded_at limit 1) e
         where l.leaf_index >= $1 and l.leaf_index < $2 order by l.leaf_index",
        from,
        until
    )
    .fetch_all(conn)
    .await
}

/// No request gets a number that one of these leaves already tells of.
pub(super) async fn skip_requests(conn: &mut PgConnection, until: i64) -> sqlx::Result<()> {
    sqlx::query!("select ledger.skip_requests($1)", until).execute(conn).await.map(|_| ())
}

/// How people decided that a halted log goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// What was published and is missing comes back from the copy.
    Replay,
    /// The log goes on from what the database has, under this name.
    Epoch(String),
}

/// What was decided about the halt that lasts.
pub(super) async fn way_out(conn: &mut PgConnection) -> sqlx::Result<Option<Way>> {
    let found = sqlx::query!(
        "select way, origin from ledger.way_out where halted_at = (select halted_at from ledger.head) order by request_id desc limit 1"
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|row| row.origin.map_or(Way::Replay, Way::Epoch)))
}

/// Writes down what was decided; the sequencer does it.
pub(super) async fn decide(change: &mut Change, request: i64, way: &Way, head: &Head) -> sqlx::Result<()> {
    let (name, origin) = match way {
        Way::Replay => ("replay", None),
        Way::Epoch(origin) => ("epoch", Some(origin)),
    };
    sqlx::query!(
        "insert into ledger.way_out (request_id, way, origin, size, halted_at) values ($1, $2, $3, $4, $5)",
        request,
        name,
        origin,
        head.size,
        head.halted_at
    )
    .execute(&mut **change)
    .await
    .map(|_| ())
}

/// One decision at a time.
pub(super) async fn lock_decisions(change: &mut Change) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('ledger.way_out'))").execute(&mut **change).await.map(|_| ())
}

/// How many leaves the log had when it went on under this name; 0 for its first.
pub(super) async fn epoch_began(conn: &mut PgConnection, origin: &str) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select coalesce(max(size), 0) as "size!" from ledger.way_out where origin = $1"#, origin).fetch_one(conn).await
}

/// Ends the halt.
pub(super) async fn resume(conn: &mut PgConnection, origin: &str) -> sqlx::Result<()> {
    sqlx::query!("update ledger.head set halted = null, halted_at = null, origin = $1", origin).execute(conn).await.map(|_| ())
}

/// Brings back events from their leaves.
pub(super) async fn replay(conn: &mut PgConnection, leaves: &[Vec<u8>]) -> sqlx::Result<()> {
    sqlx::query!("select ledger.replay($1)", leaves).execute(conn).await.map(|_| ())
}
