//! The log: every event that has committed becomes a leaf of a Merkle tree, whose root is signed and published. Each replica runs a
//! sequencer; the lock on the head's row says whose turn it is. What an approval allows begins only when the approval is under a
//! checkpoint that has left the database.
pub mod audit;
mod gate;
mod halt;
pub mod proof;
mod publication;
mod resume;
mod store;
mod tiles;
mod webhook;

pub use gate::Gate;
pub use halt::Halt;
pub use resume::Resume;
pub use store::{Head, Signed, Way, checkpoint, head, lag, leaf_index, newest_published};
pub use tiles::{prove, prove_each, root_at};

use super::{
    leaf_hash,
    note::{Checkpoint, Note, NoteError, SigningKey, VerifyingKey},
    tree::{Frontier, Hash},
};
use crate::{db::LogDb, error::Error};
use anyhow::Context;
use publication::Copy;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use std::{
    ops::Range,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use webhook::Webhook;

/// What a replica needs to sequence and to sign.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `COUNTERSIGN_LEDGER_DATABASE_URL`: Postgres as `countersign_sequencer`.
    pub database_url: SecretString,
    /// `COUNTERSIGN_LEDGER_KEY` or `COUNTERSIGN_LEDGER_KEY_FILE`: the signing key, as `countersign ledger key` makes it.
    pub key: SecretString,
    /// `COUNTERSIGN_LEDGER_NEXT_KEY`: the key that comes after this one, which signs beside it until everybody knows it.
    pub next_key: Option<SecretString>,
    /// `COUNTERSIGN_LEDGER_OLD_KEYS`: verifying keys of the keys before, with commas between.
    pub old_keys: Vec<String>,
    /// `COUNTERSIGN_LEDGER_COPY`: the file, on another disk at best, that keeps every checkpoint.
    pub copy: PathBuf,
    /// `COUNTERSIGN_LEDGER_WEBHOOK`: where each newest checkpoint is posted, too.
    pub webhook: Option<url::Url>,
    /// The shortest time between two checkpoints.
    pub every: Duration,
}

/// The most events that become leaves in one transaction.
const BATCH: i64 = 5_000;
/// While there is much to take, it is taken so many times between two checkpoints: a leaf costs less than what waits for it.
const TAKES: u32 = 5;
/// The sequencer of a replica.
pub struct Log {
    db: LogDb,
    key: SigningKey,
    next_key: Option<SigningKey>,
    keys: Vec<VerifyingKey>,
    copy: Copy,
    every: Duration,
    wanted: Notify,
    /// Whether the database was held against the copy since the replica started.
    compared: AtomicBool,
    published: watch::Sender<i64>,
    webhook: Option<Webhook>,
    /// The newest checkpoint that this replica has published.
    newest: watch::Sender<Option<Arc<str>>>,
}

/// What a turn came to.
#[derive(Debug, PartialEq)]
enum Turn {
    /// There was nothing to do, or another replica was at it.
    Idle,
    /// There are leaves that no checkpoint covers yet.
    Taken,
    Published(i64),
    /// There is more than one batch.
    More,
    Halted(String),
}

/// The log does not go on, and why.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Halt(#[from] Halt),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// What people decided cannot be done.
    #[error("{0}")]
    Again(String),
    #[error("the log is named {0} now; this replica needs the key of that name")]
    Name(String),
    #[error("COUNTERSIGN_LEDGER_KEY and COUNTERSIGN_LEDGER_OLD_KEYS do not fit the newest checkpoint: {0}")]
    Key(NoteError),
    #[error(transparent)]
    Copy(#[from] publication::Broken),
}

impl Log {
    /// Reads the keys; a key that cannot be read, or that does not fit what it is named, is refused.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let key = SigningKey::parse(settings.key.expose_secret()).context("COUNTERSIGN_LEDGER_KEY is no signing key")?;
        let next_key = settings.next_key.as_ref().map(|next| SigningKey::parse(next.expose_secret())).transpose();
        let next_key = next_key.context("COUNTERSIGN_LEDGER_NEXT_KEY is no signing key")?;
        if let Some(next) = next_key.as_ref().filter(|next| next.name() != key.name()) {
            anyhow::bail!("COUNTERSIGN_LEDGER_NEXT_KEY is a key of {}, and the log is named {}", next.name(), key.name());
        }
        let mut keys: Vec<_> = [&key].into_iter().chain(&next_key).map(SigningKey::verifying_key).collect();
        for text in &settings.old_keys {
            keys.push(VerifyingKey::parse(text).with_context(|| format!("COUNTERSIGN_LEDGER_OLD_KEYS: {text:?}"))?);
        }
        let db = LogDb::connect(settings.database_url.expose_secret())?;
        Ok(Self {
            db,
            key,
            next_key,
            keys,
            copy: Copy::at(&settings.copy),
            every: settings.every,
            wanted: Notify::new(),
            compared: AtomicBool::new(false),
            published: watch::Sender::new(0),
            webhook: settings.webhook.as_ref().map(Webhook::to).transpose()?,
            newest: watch::Sender::new(None),
        })
    }

    /// The name of the log, which its key carries.
    pub fn origin(&self) -> &str {
        self.key.name()
    }

    /// Keys whose signatures count: the one that signs, the one that comes next, and those before.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// Refuses a key that is not the one of this log.
    pub async fn check(&self) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        let Some(head) = store::head(&mut conn).await? else { return Ok(()) };
        let next = store::way_out(&mut conn).await?;
        if head.origin != self.origin() && next != Some(Way::Epoch(self.origin().to_owned())) {
            let (key, log) = (self.origin(), head.origin);
            return Err(Error::Internal(anyhow::anyhow!(
                "COUNTERSIGN_LEDGER_KEY is a key of {key}, and this database holds the log {log}"
            )));
        }
        self.knows_what_is_signed(&mut conn).await?.map_err(|wrong| Error::Internal(wrong.into()))
    }

    /// Whether a signature of the newest checkpoint is by a key it was given.
    async fn knows_what_is_signed(&self, conn: &mut PgConnection) -> sqlx::Result<Result<(), Stop>> {
        let newest = store::checkpoint(conn, 1).await?;
        Ok(newest.map_or(Ok(()), |note| Checkpoint::open(&note, &self.keys).map(drop).map_err(Stop::Key)))
    }

    /// Sequences, signs and publishes until the replica stops.
    pub async fn follow(&self) {
        match &self.webhook {
            Some(webhook) => tokio::join!(self.sequence_on(), webhook.follow(self.newest.subscribe())).0,
            None => self.sequence_on().await,
        }
    }

    async fn sequence_on(&self) {
        let mut last = Instant::now().checked_sub(self.every).unwrap_or_else(Instant::now);
        let (mut halted, mut busy) = (None, false);
        loop {
            if busy {
                tokio::time::sleep(self.every / TAKES).await;
            } else {
                tokio::select! {
                    () = self.wanted.notified() => {}
                    () = tokio::time::sleep(self.every) => {}
                }
                // signed is not more often than that, however many ask
                tokio::time::sleep_until(last + self.every).await;
            }
            busy = false;
            loop {
                match self.turn(last.elapsed() >= self.every).await {
                    Ok(Turn::More) => continue,
                    Ok(Turn::Idle) => {}
                    Ok(Turn::Taken) => busy = true,
                    Ok(Turn::Published(size)) => {
                        (halted, busy) = (None, true);
                        last = Instant::now();
                        self.published.send_replace(size);
                    }
                    Ok(Turn::Halted(why)) => {
                        if halted.replace(why.clone()).as_ref() != Some(&why) {
                            tracing::error!(why, "the ledger is halted: nothing is signed, and nothing that was approved runs");
                        }
                    }
                    Err(error) => {
                        let error = error.to_string();
                        if halted.replace(error.clone()).as_ref() != Some(&error) {
                            tracing::warn!(error, "the ledger's sequencer");
                        }
                    }
                }
                break;
            }
        }
    }

    pub async fn close(&self) {
        self.db.close().await;
    }

    async fn turn(&self, sign: bool) -> Result<Turn, Stop> {
        match self.sequence(sign).await {
            Err(Stop::Halt(why)) => {
                let mut conn = self.db.acquire().await?;
                store::halt(&mut conn, &why).await?;
                if let Halt::Older { has, published } = why {
                    self.skip_lost_requests(&mut conn, has as u64..published as u64).await?;
                }
                Ok(Turn::Halted(why.to_string()))
            }
            other => other,
        }
    }

    /// What the copy tells of these leaves' requests and the database has lost must not be told of others.
    async fn skip_lost_requests(&self, conn: &mut PgConnection, lost: Range<u64>) -> Result<(), Stop> {
        let copy = self.copy.clone();
        let leaves = tokio::task::spawn_blocking(move || copy.leaves(lost.start, lost.end)).await.map_err(Halt::broken)??;
        let number = |leaf: Vec<u8>| {
            let leaf: serde_json::Value = serde_json::from_slice(&leaf).ok()?;
            leaf["request"].as_str()?.strip_prefix("CR-")?.parse().ok()
        };
        match leaves.unwrap_or_default().into_iter().filter_map(number).max() {
            Some(newest) => Ok(store::skip_requests(conn, newest).await?),
            None => Ok(()),
        }
    }

    /// Takes what has no leaf yet; signs and publishes all that there is then, if it is time to.
    async fn sequence(&self, sign: bool) -> Result<Turn, Stop> {
        let mut tx = self.db.begin().await?;
        let Some(head) = store::lock(&mut tx).await? else {
            store::begin(&mut tx, self.origin(), &Frontier::default().root()).await?;
            tx.commit().await?;
            return Ok(Turn::Idle);
        };
        if head.halted.is_some() {
            return self.resume(tx, head).await;
        }
        if head.origin != self.origin() {
            return Err(Stop::Name(head.origin));
        }
        let batch = store::take(&mut tx, BATCH).await?;
        let done = batch.is_empty() && head.published_size == head.size;
        if done && self.compared.load(Relaxed) {
            return Ok(Turn::Idle);
        }
        // the database may have been away when the replica started
        if !self.compared.load(Relaxed) {
            self.knows_what_is_signed(&mut tx).await??;
        }
        self.compare(&mut tx, &head).await?;
        self.compared.store(true, Relaxed);
        if done {
            return Ok(Turn::Idle);
        }
        // another replica may have signed meanwhile
        let sign = sign && !store::signed_within(&mut tx, self.every).await?;
        let mut size = head.size;
        if !batch.is_empty() {
            let mut frontier = Frontier::from_bytes(size as u64, &head.frontier).filter(|f| f.root()[..] == head.root);
            let frontier = frontier.as_mut().ok_or_else(|| Halt::broken("the head’s frontier and root do not belong together"))?;
            let hashes: Vec<Hash> = batch.iter().map(|waiting| leaf_hash(&waiting.leaf)).collect();
            hashes.iter().for_each(|hash| frontier.push(*hash));
            store::append(&mut tx, size, &batch, &hashes).await?;
            tiles::grow(&mut tx, size as u64, &hashes).await?;
            size += hashes.len() as i64;
            if !store::advance(&mut tx, head.size, size, &frontier.to_bytes(), &frontier.root()).await? {
                return Ok(Turn::Idle);
            }
            if hashes.len() as i64 == BATCH {
                tx.commit().await?;
                return Ok(Turn::More);
            }
            if !sign {
                tx.commit().await?;
                return Ok(Turn::Taken);
            }
            self.sign(&mut tx, size, frontier.root()).await?;
        } else if !sign {
            return Ok(Turn::Taken);
        } else if store::checkpoint(&mut tx, size).await?.is_none() {
            // what is there was taken before it was time to sign
            let root = head.root.try_into().map_err(|_| Halt::broken("the head’s root is not a hash"))?;
            self.sign(&mut tx, size, root).await?;
        }
        tx.commit().await?;
        self.publish(size).await
    }

    async fn sign(&self, conn: &mut PgConnection, size: i64, root: Hash) -> Result<(), Stop> {
        let checkpoint = Checkpoint { origin: self.origin().to_owned(), size: size as u64, root };
        let keys: Vec<_> = [&self.key].into_iter().chain(&self.next_key).collect();
        let note = Note::sign(&checkpoint.to_string(), &keys).map_err(Halt::broken)?;
        Ok(store::sign(conn, size, &root, &note).await?)
    }

    /// Never within the transaction that signed: what is published must have been there for good.
    async fn publish(&self, size: i64) -> Result<Turn, Stop> {
        let mut conn = self.db.acquire().await?;
        let Some(note) = store::note(&mut conn, size).await? else { return Ok(Turn::Idle) };
        let Some(head) = store::head(&mut conn).await? else { return Ok(Turn::Idle) };
        let (mut at, told) = (head.published_size, Arc::from(&*note));
        if at >= size {
            return Ok(Turn::Published(at));
        }
        while at < size {
            let until = size.min(at + BATCH);
            let leaves = store::leaves(&mut conn, at, until).await?;
            if leaves.len() as i64 != until - at {
                return Err(Halt::broken(format!("of the leaves from {at} to {until} some have no event any more")).into());
            }
            self.write(move |copy| copy.add_leaves(at as u64, &leaves)).await?;
            at = until;
        }
        let keys = self.keys.clone();
        self.write(move |copy| copy.add(&note, &keys)).await?;
        store::published(&mut conn, size).await?;
        self.newest.send_replace(Some(told));
        Ok(Turn::Published(size))
    }

    async fn write(&self, write: impl FnOnce(&Copy) -> Result<(), publication::Broken> + Send + 'static) -> Result<(), Stop> {
        let copy = self.copy.clone();
        Ok(tokio::task::spawn_blocking(move || write(&copy)).await.map_err(Halt::broken)??)
    }
}
