//! An open, attributed write.
use super::{opening, written::Written};
use crate::{
    auth::{Caller, Door},
    error::Error,
    ledger::{self, Entry},
    live::{Live, Signal},
    metrics::{Fact, Metrics},
    notices::Kind,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};
use uuid::Uuid;

/// Who is writing, through which door, and with which credential.
#[derive(Clone, Debug)]
pub struct Actor {
    pub id: Uuid,
    pub door: Door,
    pub(super) session: Option<Vec<u8>>,
    pub(super) token: Option<Uuid>,
}

impl From<&Arc<Caller>> for Actor {
    fn from(caller: &Arc<Caller>) -> Self {
        Self { id: caller.id, door: caller.door, session: caller.session().map(<[u8]>::to_vec), token: caller.token() }
    }
}

/// Dropping a change rolls it back; `commit` is the only other way out, and it takes an entry for the ledger.
#[must_use = "a change that is not committed is rolled back"]
pub struct Change {
    tx: Transaction<'static, Postgres>,
    actor: Actor,
    now: DateTime<Utc>,
    live: Live,
    events: u16,
    written: Written,
    signals: Vec<Signal>,
    metrics: Metrics,
    facts: Vec<Fact>,
    scope: Option<&'static str>,
    request: Option<i64>,
    spared: bool,
}

impl Change {
    pub(super) fn new(
        tx: Transaction<'static, Postgres>,
        actor: Actor,
        scope: Option<&'static str>,
        now: DateTime<Utc>,
        live: Live,
        metrics: Metrics,
    ) -> Self {
        let (signals, facts) = (Vec::new(), Vec::new());
        Self { tx, actor, now, live, events: 0, written: Written::default(), signals, metrics, facts, scope, request: None, spared: false }
    }

    /// After a lock was waited for, it is later than when the transaction began: from here on `now` is the time at which the lock
    /// was had, and events are in the order in which their transactions held it, even within one millisecond. `turn` counts up
    /// with each transaction that changes the locked thing.
    pub(crate) fn had_lock(&mut self, now: DateTime<Utc>, turn: i32) {
        self.now = self.now.max(now);
        self.events = self.events.max((turn.clamp(0, 250) * 16) as u16);
    }

    /// The time of this transaction by the database clock, to the millisecond.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Goes on only if the actor holds this scope too, now and until the end of the transaction.
    pub async fn require(&mut self, scope: &'static str) -> Result<(), Error> {
        if !opening(&mut self.tx, &self.actor, Some(scope)).await?.1 {
            return Err(Error::Forbidden(scope));
        }
        self.scope = Some(scope);
        Ok(())
    }

    /// From here on, everything that is recorded belongs to this request: what an operation writes about its effect is
    /// found in the request's story.
    pub fn on_behalf_of(&mut self, request: i64) {
        self.request = Some(request);
    }

    /// The request that this is done for.
    pub fn request(&self) -> Option<i64> {
        self.request
    }

    /// Writes one event of several. The last one goes to [`Change::commit`].
    pub async fn record(&mut self, entry: Entry) -> Result<Uuid, Error> {
        self.events += 1;
        let door = self.actor.door.name();
        let event = ledger::seal(self.actor.id, door, self.scope, self.now, self.events, entry.within(self.request))?;
        let id = event.id;
        self.written.events.push(event);
        self.write_when_full().await?;
        Ok(id)
    }

    /// Tells live pages and other listeners about a request, if this transaction commits.
    pub async fn announce(&mut self, topic: &'static str, request: i64, payload: &Value) -> Result<(), Error> {
        self.written.told.push((topic, request, payload.clone()));
        self.write_when_full().await
    }

    /// Puts a job into the queue, for so much later; [`crate::jobs::enqueue`] is how to ask for it.
    pub(crate) async fn enqueue(&mut self, kind: &'static str, payload: Value, delay: Duration) -> Result<(), Error> {
        self.written.jobs.push((kind, payload, delay.as_secs_f64()));
        self.write_when_full().await
    }

    /// Tells everybody who has a part in a request; [`crate::notices::tell_concerned`] is how to ask for it.
    pub(crate) async fn notify(&mut self, kind: &'static str, request: i64, requester: Uuid) -> Result<(), Error> {
        let spared = self.spared && kind == Kind::Succeeded.name();
        self.written.notices.push((kind, request, requester, !spared));
        self.write_when_full().await
    }

    /// Those who voted are not told that it succeeded: where it runs at once, they saw it happen.
    pub fn spare_voters(&mut self) {
        self.spared = true;
    }

    async fn write_when_full(&mut self) -> Result<(), Error> {
        if self.written.is_full() { self.write().await } else { Ok(()) }
    }

    /// Sends what was gathered.
    async fn write(&mut self) -> Result<(), Error> {
        let signals = self.written.send(&mut self.tx, &self.actor, self.now).await?;
        self.signals.extend(signals);
        Ok(())
    }

    /// Counts this, if this transaction commits.
    pub fn measure(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    /// Marks a point to return to when an effect fails but its failure is to be written down.
    pub async fn mark(&mut self) -> Result<(), Error> {
        // what was written before is not to be undone
        self.write().await?;
        sqlx::query("savepoint effect").execute(&mut *self.tx).await?;
        Ok(())
    }

    /// Undoes all since [`Change::mark`].
    pub async fn undo_to_mark(&mut self) -> Result<(), Error> {
        self.written = Written::default();
        sqlx::query("rollback to savepoint effect").execute(&mut *self.tx).await?;
        Ok(())
    }

    /// Writes the entry and commits. Answers the event's id.
    pub async fn commit(mut self, entry: Entry) -> Result<Uuid, Error> {
        let event = self.record(entry).await?;
        self.write().await?;
        self.tx.commit().await?;
        self.facts.iter().for_each(|fact| self.metrics.count(fact));
        self.signals.into_iter().for_each(|signal| self.live.publish(signal));
        Ok(event)
    }
}

impl Deref for Change {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}
impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}
