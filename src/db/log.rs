//! The sequencer's own way to the database: another role, which may number events and sign for them, and nothing else.
use sqlx::{
    PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{str::FromStr, time::Duration};

/// Connections as the sequencer.
#[derive(Clone)]
pub struct LogDb(PgPool);

impl LogDb {
    /// Connects lazily: the first query opens the first connection.
    pub fn connect(url: &str) -> sqlx::Result<Self> {
        let options = PgConnectOptions::from_str(url)?.application_name("countersign sequencer").options([
            ("statement_timeout", "20s"),
            ("lock_timeout", "2s"),
            ("idle_in_transaction_session_timeout", "20s"),
            // what waits is a handful of rows or, after a long halt, millions, and statistics know neither: everything goes by index
            ("enable_seqscan", "off"),
            // what has no index then counts as dear, and would be compiled each time it is asked
            ("jit", "off"),
            ("plan_cache_mode", "force_generic_plan"),
        ]);
        let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(2)).idle_timeout(Duration::from_secs(60));
        Ok(Self(pool.connect_lazy_with(options)))
    }

    pub async fn begin(&self) -> sqlx::Result<Transaction<'static, Postgres>> {
        self.0.begin().await
    }

    pub async fn acquire(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        self.0.acquire().await
    }

    pub async fn close(&self) {
        self.0.close().await;
    }
}
