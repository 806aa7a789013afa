//! The versions of the policy: adopting the first, and knowing which one is in force.
use super::{Case, Policy, Ruling, document, store};
use crate::{
    app::App,
    auth::{Operator, PolicyAdopt, Service},
    documents::{self, Fault},
    error::Error,
    i18n::Lang,
    ledger::Entry,
    operations::{Holding, registry::Registry},
    requests::hex,
};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// A policy with its number and its hash.
#[derive(Debug)]
pub struct Version {
    pub id: i32,
    /// Hex SHA-256 of the document.
    pub hash: String,
    pub policy: Policy,
}

impl Version {
    /// A document as the version that a first start adopts.
    pub fn first(document: &str) -> anyhow::Result<Self> {
        let policy = check(document).map_err(|found| anyhow::anyhow!("{}", documents::told(&found, Lang::En)))?;
        Ok(Self { id: 1, hash: hash_of(document), policy })
    }

    pub fn rule(&self, case: &Case) -> Ruling {
        self.policy.rule(case, self.id, &self.hash)
    }

    /// The same with what the configuration says about the operation.
    pub fn rule_held(&self, case: &Case, holding: Holding) -> Ruling {
        self.policy.rule_held(case, holding, self.id, &self.hash)
    }
}

/// The version this replica read last; versions never change, so it is right for as long as its number is the newest.
#[derive(Default)]
pub struct Cache(Mutex<Option<Arc<Version>>>);

pub(super) fn digest(document: &str) -> [u8; 32] {
    Sha256::digest(document.as_bytes()).into()
}

/// The hash that a document would have.
pub fn hash_of(document: &str) -> String {
    hex(&digest(document))
}

/// The number of the version in force.
pub async fn newest_id(conn: &mut PgConnection) -> Result<i32, Error> {
    store::newest(conn).await?.ok_or_else(none_yet)
}

fn none_yet() -> Error {
    Error::Unavailable("no policy has been adopted yet".into())
}

/// The policy in force, as this transaction sees it.
pub async fn in_force(app: &App, conn: &mut PgConnection) -> Result<Arc<Version>, Error> {
    let newest = store::newest(conn).await?;
    numbered(app, conn, newest).await
}

/// The version whose number was just read to be the newest.
pub async fn numbered(app: &App, conn: &mut PgConnection, newest: Option<i32>) -> Result<Arc<Version>, Error> {
    let id = newest.ok_or_else(none_yet)?;
    let known = app.policies.0.lock().ok().and_then(|cached| cached.clone());
    if let Some(version) = known.filter(|v| v.id == id) {
        return Ok(version);
    }
    let stored = store::version(conn, id).await?;
    // one that cannot be read any more decides nothing: everything waits until somebody looks
    let policy = document::read(&stored.document, None)
        .map_err(|found| anyhow::anyhow!("policy version {id} cannot be read: {}", documents::told(&found, Lang::En)))?;
    let version = Arc::new(Version { id, hash: hex(&stored.hash), policy });
    if let Ok(mut cached) = app.policies.0.lock() {
        *cached = Some(version.clone());
    }
    Ok(version)
}

/// A document that somebody proposes, held against the operations there are.
pub fn check(document: &str) -> Result<Policy, Vec<Fault>> {
    let registry = Registry::new();
    let names: Vec<&str> = registry.all().map(|d| d.name()).collect();
    document::read(document, Some(&names))
}

/// At the first start there is no version yet: the one of the configuration becomes number 1. Replicas that start at the same
/// time wait for each other, and all but one find that it is done.
pub async fn adopt(app: &App, document: &str) -> Result<(), Error> {
    let mut conn = app.db.read().await?;
    if store::newest(&mut conn).await?.is_some() {
        return Ok(());
    }
    drop(conn);
    let executor: Operator<PolicyAdopt> = Service::Executor.operator();
    let mut change = app.db.begin(&executor).await?;
    store::lock(&mut change).await?;
    if store::newest(&mut change).await?.is_some() {
        return Ok(());
    }
    store::add(&mut change, 1, document, &digest(document), None).await?;
    let entry = Entry::of("policy.adopted").on("policy", "1").with("version", 1).with("policy", hash_of(document));
    change.commit(entry).await?;
    tracing::info!("the policy of the configuration is version 1");
    Ok(())
}

/// The same for a replica that was started before its database.
pub async fn adopt_later(app: App, document: String) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        match adopt(&app, &document).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "no policy yet"),
        }
    }
}
