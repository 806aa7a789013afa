//! What just changed, told to whoever waits: open pages, held API calls, the worker. A signal names a thing and carries
//! no content, so it can be lost (a poll finds it within a second) and can be told to anybody who is signed in.
use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};
use tokio::sync::{Notify, broadcast, mpsc};

/// Something happened to the request of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    pub request: i64,
    /// The outbox row that says so; each is told once.
    pub outbox: i64,
}

/// The signals of one replica.
#[derive(Clone)]
pub struct Live {
    signals: broadcast::Sender<Signal>,
    work: Arc<Notify>,
    outgoing: mpsc::UnboundedSender<Signal>,
    told: Arc<Mutex<Told>>,
    latest: Arc<AtomicI64>,
}

/// How many outbox rows a replica remembers having told: more than are written in the few seconds that a poll looks back.
const REMEMBERED: usize = 32_768;

/// The outbox rows that were told last, oldest first.
#[derive(Default)]
struct Told {
    known: HashSet<i64>,
    order: VecDeque<i64>,
}

impl Told {
    /// `false` if it was told before.
    fn add(&mut self, outbox: i64) -> bool {
        if !self.known.insert(outbox) {
            return false;
        }
        self.order.push_back(outbox);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

impl Live {
    /// The replica's signals, and the end from which those born here are sent on to the other replicas.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Signal>) {
        let (outgoing, born_here) = mpsc::unbounded_channel();
        let live =
            Self { signals: broadcast::Sender::new(1024), work: Arc::default(), outgoing, told: Arc::default(), latest: Arc::default() };
        (live, born_here)
    }

    /// From a transaction that has committed here.
    pub fn publish(&self, signal: Signal) {
        self.relay(signal);
        // the receiver lives as long as the replica; a send can only fail while it stops
        let _ = self.outgoing.send(signal);
    }

    /// From another replica, or found by the poll; told only once.
    pub fn relay(&self, signal: Signal) {
        if !self.told.lock().expect("no panic while held").add(signal.outbox) {
            return;
        }
        self.latest.fetch_max(signal.outbox, Ordering::Relaxed);
        // no receiver means nobody waits
        let _ = self.signals.send(signal);
        self.work.notify_one();
    }

    /// The newest outbox row that was told here.
    pub fn latest(&self) -> i64 {
        self.latest.load(Ordering::Relaxed)
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.signals.subscribe()
    }

    /// Resolves when there may be work in the queue.
    pub async fn work(&self) {
        self.work.notified().await;
    }
}
