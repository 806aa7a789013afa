//! What may run: the database held against what was published of it outside.
use super::{
    Halt, Head, Log, Stop,
    publication::Broken,
    store::{self, Approval},
    tiles,
};
use crate::{
    error::Error,
    ledger::{leaf_hash, note::Checkpoint, tree},
};
use sqlx::PgConnection;
use std::{sync::atomic::Ordering::Relaxed, time::Duration};

/// How often whoever waits for a checkpoint looks for it.
const LOOK: Duration = Duration::from_millis(100);

/// Whether an approval has been countersigned by the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// The next checkpoint will cover it.
    Waits,
    /// Nothing is signed any more.
    Halted,
}

impl Log {
    /// Whether what was approved may run: its approval is under a published checkpoint, and the database is not older than the copy.
    /// Asks for a checkpoint, or for a closer look at the copy, if it may not. What has `begun` goes on without that closer look: a replica
    /// that hangs may be in the way of it, and it is just then that others take over.
    pub async fn gate(&self, conn: &mut PgConnection, request: i64, begun: bool) -> sqlx::Result<Gate> {
        let gate = match store::approval(conn, request).await? {
            Some(approval) if approval.halted => Gate::Halted,
            Some(approval) if approval.covered => {
                let holds = self.holds(conn, &approval).await?;
                self.compared.fetch_and(holds, Relaxed);
                if holds && (begun || self.compared.load(Relaxed)) { Gate::Open } else { Gate::Waits }
            }
            _ => Gate::Waits,
        };
        if gate == Gate::Waits {
            self.wanted.notify_one();
        }
        Ok(gate)
    }

    /// Whether it was this binding of the request that was approved: the leaf says so, and leads to the root that the copy's newest checkpoint
    /// signs. Whoever changes the tables, all of them, cannot make another one that does.
    pub async fn is_approved(&self, conn: &mut PgConnection, request: i64, binding: &str) -> Result<bool, Error> {
        let Some(approval) = store::approval(conn, request).await? else { return Ok(false) };
        let leaf: serde_json::Value = serde_json::from_slice(&approval.leaf).unwrap_or_default();
        if leaf["kind"] != "request.approved" || leaf["request"] != format!("CR-{request}") || leaf["facts"]["binding"] != binding {
            return Ok(false);
        }
        let unread = |stop: Stop| Error::Unavailable(format!("the copy of the log cannot be read: {stop}"));
        let signed = match self.newest(conn, approval.published_size).await.map_err(unread)? {
            Some(newest) => newest,
            // nothing is published under this name yet
            None => match store::note(conn, approval.published_size).await?.map(|note| Checkpoint::open(&note, &self.keys)) {
                Some(Ok(last)) => last,
                _ => return Ok(false),
            },
        };
        let (index, size) = (approval.index as u64, signed.size);
        let Some(proof) = tree::inclusion(index, size) else { return Ok(false) };
        let Some(path) = tiles::prove(conn, &proof).await? else { return Ok(false) };
        Ok(tree::verify_inclusion(&leaf_hash(&approval.leaf), index, size, &path, &signed.root))
    }

    /// Whether the database has what was published of it. One that was restored under a running replica knows nothing of that; the copy does.
    async fn holds(&self, conn: &mut PgConnection, approval: &Approval) -> sqlx::Result<bool> {
        let Ok(newest) = self.newest(conn, approval.published_size).await else { return Ok(false) };
        // none under this name before the first checkpoint of an epoch
        let said = newest.map_or(0, |said| said.size as i64);
        Ok(said <= approval.size
            // it was published since the approval was looked at
            || store::head(conn).await?.is_some_and(|head| said <= head.size))
    }

    /// The newest checkpoint of the copy under this name. A copy that has less than was published is not the one that was written; under
    /// another name the log may go on in a new file.
    async fn newest(&self, conn: &mut PgConnection, published: i64) -> Result<Option<Checkpoint>, Stop> {
        let (copy, origin, keys) = (self.copy.clone(), self.origin().to_owned(), self.keys.clone());
        let read = move || Ok((copy.newest(&origin, &keys)?, copy.is_blank()?));
        let (newest, blank) = match tokio::task::spawn_blocking(read).await.map_err(Halt::broken)? {
            Ok(read) => read,
            Err(Broken::Foreign(copy)) => return Err(Halt::Foreign { copy }.into()),
            Err(unreadable) => return Err(unreadable.into()),
        };
        let has = newest.as_ref().map_or(0, |said| said.size as i64);
        if has < published && published > store::epoch_began(conn, self.origin()).await? {
            let copy = self.copy.path().to_owned();
            return Err(if blank { Halt::Missing { copy, published } } else { Halt::Behind { copy, published, has } }.into());
        }
        Ok(newest)
    }

    /// Waits for the next checkpoint, here or at another replica, but not for long.
    pub async fn next(&self) {
        let _ = tokio::time::timeout(LOOK, self.published.subscribe().changed()).await;
    }

    /// Holds the database against what was published of it: it may know more, never less, and nothing else.
    pub(super) async fn compare(&self, conn: &mut PgConnection, head: &Head) -> Result<(), Stop> {
        let Some(published) = self.newest(conn, head.published_size).await? else { return Ok(()) };
        if published.size > head.size as u64 {
            return Err(Halt::Older { has: head.size, published: published.size as i64 }.into());
        }
        match tiles::root_at(conn, published.size).await? {
            Some(root) if root == published.root => Ok(()),
            _ => Err(Halt::Different { leaves: published.size as i64 }.into()),
        }
    }
}
