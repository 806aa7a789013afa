//! Logs to standard error: lines for people, JSON when `COUNTERSIGN_LOG=json`. What is logged is chosen by `RUST_LOG`.
use tracing_subscriber::EnvFilter;

pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,tower_sessions=warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // somebody else's subscriber, in tests, is as good
    let _ = if std::env::var("COUNTERSIGN_LOG").is_ok_and(|v| v == "json") { builder.json().try_init() } else { builder.try_init() };
}
