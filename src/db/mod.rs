//! The only way to the database. The pools are private: `read` and `look_up` lend a connection that cannot write, `begin` lends a
//! [`Change`] that cannot commit without an entry in the ledger.
mod batch;
mod change;
pub mod embedded;
mod log;
pub mod migrations;
pub mod plumbing;
pub mod relay;
mod written;

pub use batch::Batch;
pub use change::{Actor, Change};
pub use log::LogDb;

use crate::{
    auth::{Operator, Scope, roles_with},
    error::Error,
    ledger::Entry,
    live::Live,
    metrics::Metrics,
};
use chrono::{DateTime, Utc};
use sqlx::{
    Connection, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{str::FromStr, time::Duration};

/// A replica's pools.
#[derive(Clone)]
pub struct Db {
    readers: PgPool,
    lookups: PgPool,
    writers: PgPool,
    live: Live,
    metrics: Metrics,
}

/// Longer waits mean that the database is down or overrun; the caller gets 503 and may try again.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that nobody used for longer is tried before it is lent: the server may have gone away meanwhile.
const UNTRIED: Duration = Duration::from_secs(1);

impl Db {
    /// Connects lazily: the first query opens the first connection.
    pub async fn connect(url: &str, live: Live) -> sqlx::Result<Self> {
        let options = PgConnectOptions::from_str(url)?.application_name("countersign").options([
            ("statement_timeout", "5s"),
            ("lock_timeout", "2s"),
            ("idle_in_transaction_session_timeout", "10s"),
        ]);
        // lists have many optional filters; planned with their values they use the index that fits
        let reading = options.clone().options([("default_transaction_read_only", "on")]);
        let readers = pool(8).connect_lazy_with(reading.clone().options([("plan_cache_mode", "force_custom_plan")]));
        // what is found by its key has the same plan whatever the key is: making it took five times as long as following it
        let lookups = pool(4).connect_lazy_with(reading.options([("plan_cache_mode", "force_generic_plan")]));
        let writers = pool(8).connect_lazy_with(options.options([("plan_cache_mode", "force_generic_plan")]));
        let metrics = Metrics::new().map_err(|error| sqlx::Error::Configuration(error.into()))?;
        Ok(Self { readers, lookups, writers, live, metrics })
    }

    /// A connection on which every write is refused by Postgres.
    pub async fn read(&self) -> Result<PoolConnection<Postgres>, Error> {
        Ok(self.readers.acquire().await?)
    }

    /// The same with plans that are kept, for what every HTTP request asks and what is found by its key: who has this token, how much
    /// waits for them, what happened to a request. Whoever holds one asks for no other connection.
    pub async fn look_up(&self) -> Result<PoolConnection<Postgres>, Error> {
        Ok(self.lookups.acquire().await?)
    }

    /// Opens an attributed write. The operator's grant, and the session or token it came with, are checked again inside
    /// the transaction and cannot be taken away before it ends.
    pub async fn begin<S: Scope>(&self, operator: &Operator<S>) -> Result<Change, Error> {
        self.open(Actor::from(operator.caller()), Some(S::NAME)).await
    }

    /// Writes down something that changed nothing: a refusal, a failed sign-in. For these no grant is needed.
    pub async fn record(&self, actor: Actor, entry: Entry) -> Result<(), Error> {
        let change = self.open(actor, None).await?;
        change.commit(entry).await?;
        Ok(())
    }

    /// A client that hangs up while BEGIN is in flight would leave an open transaction in the pool, and the next write
    /// would be acknowledged and lost. A spawned task cannot be cancelled by the client.
    async fn open(&self, actor: Actor, scope: Option<&'static str>) -> Result<Change, Error> {
        let db = self.clone();
        let opened = tokio::spawn(async move {
            let mut tx = db.writers.begin().await?;
            let (now, holds) = opening(&mut tx, &actor, scope).await?;
            if let Some(scope) = scope.filter(|_| !holds) {
                return Err(Error::Forbidden(scope));
            }
            Ok(Change::new(tx, actor, scope, now, db.live, db.metrics))
        });
        opened.await.map_err(anyhow::Error::from)?
    }

    /// Whether the database answers and has every migration this binary knows.
    pub async fn ready(&self) -> Result<(), Error> {
        let mut conn = self.read().await?;
        let applied = sqlx::query_scalar!(r#"select max(version) as "version!" from _sqlx_migrations"#).fetch_one(&mut *conn).await?;
        let known = migrations::latest();
        if applied < known {
            return Err(Error::Unavailable(format!("the database is at migration {applied}, this binary needs {known}")));
        }
        Ok(())
    }

    /// Whether this database was filled by the demo, whose passwords everybody knows.
    pub async fn is_demo(&self) -> Result<bool, Error> {
        let mut conn = self.read().await?;
        let found = sqlx::query_scalar!(r#"select exists (select from ledger.event where kind = 'demo.loaded') as "found!""#);
        Ok(found.fetch_one(&mut *conn).await?)
    }

    pub fn live(&self) -> &Live {
        &self.live
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Each pool's name, its connections, and how many of them nobody uses.
    pub fn pools(&self) -> [(&'static str, u32, usize); 3] {
        [("read", &self.readers), ("lookup", &self.lookups), ("write", &self.writers)]
            .map(|(name, pool)| (name, pool.size(), pool.num_idle()))
    }

    pub async fn close(&self) {
        self.readers.close().await;
        self.lookups.close().await;
        self.writers.close().await;
    }
}

fn pool(size: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(Duration::from_secs(60))
        // every connection is tried when it is given back; one that somebody just gave back need not be tried again
        .test_before_acquire(false)
        .before_acquire(|conn, meta| {
            Box::pin(async move {
                if meta.idle_for > UNTRIED {
                    conn.ping().await?;
                }
                Ok(true)
            })
        })
}

/// The time by the database clock, and whether the grant behind a scope, and the credential that was shown, still stand; locks both
/// until the transaction ends. Without a scope nothing is asked for.
async fn opening(conn: &mut PgConnection, actor: &Actor, scope: Option<&str>) -> sqlx::Result<(DateTime<Utc>, bool)> {
    let roles = scope.map(roles_with).unwrap_or_default();
    let token = actor.token.filter(|_| actor.session.is_none());
    sqlx::query!(
        r#"with granted as materialized (
             select from operator o join operator_role r on r.operator_id = o.id
             where o.id = $1 and o.disabled_at is null and r.role = any($2) limit 1 for share of o for key share of r
           ), signed_in as materialized (select from session where id_hash = $3 and operator_id = $1 for key share
           ), shown as materialized (
             select from api_token where id = $4 and revoked_at is null and expires_at > now() and $5 = any(scopes) for share
           )
           select date_trunc('milliseconds', now()) as "now!",
             ($5::text is not null and exists (select from granted) and ($3::bytea is null or exists (select from signed_in))
               and ($4::uuid is null or exists (select from shown))) as "holds!""#,
        actor.id,
        &roles as &[&str],
        actor.session,
        token,
        scope
    )
    .fetch_one(conn)
    .await
    .map(|r| (r.now, r.holds))
}
