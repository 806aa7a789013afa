//! Waiting for an outcome without polling. Each waiter is known by its request: a signal about a request wakes those who wait
//! for it and nobody else, and one read of the database answers them all.
mod store;

use super::{
    Attempt, Request, State, Vote, execution, json,
    review::{self, Review},
    store as requests,
};
use crate::{app::App, db::Batch, error::Error, live::Signal};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};
use tokio::{
    sync::{broadcast, broadcast::error::RecvError, watch},
    time::Instant,
};

/// The longest a caller may hold a connection open.
pub const LONGEST: Duration = Duration::from_secs(60);
/// Whole requests read at a time, so that a crowd leaves connections to everybody else.
const AT_ONCE: usize = 2;
/// How long those who are sent away may take to be told how things are.
const FAREWELL: Duration = Duration::from_millis(1500);
/// How soon a read that failed is tried again for those who wait.
const AGAIN: Duration = Duration::from_millis(500);

/// A request as one read found it, shared by all it is for.
pub struct Seen {
    pub request: Request,
    pub votes: Vec<Vote>,
    pub attempts: Vec<Attempt>,
    pub review: Option<Review>,
    json: OnceLock<Value>,
    text: OnceLock<Arc<[u8]>>,
}

impl Seen {
    pub async fn read(app: &App, id: i64) -> Result<Option<Self>, Error> {
        let mut conn = app.db.read().await?;
        let Some(request) = requests::find(&mut conn, id).await? else { return Ok(None) };
        let votes = requests::votes(&mut conn, &request).await?;
        let attempts = execution::attempts(&mut conn, id).await?;
        let review = if request.glass.is_some() { review::of(&mut conn, id).await? } else { None };
        Ok(Some(Self { request, votes, attempts, review, json: OnceLock::new(), text: OnceLock::new() }))
    }

    /// As the API shows it.
    pub fn json(&self, app: &App) -> &Value {
        self.json.get_or_init(|| json::whole(app, &self.request, &self.votes, &self.attempts, self.review.as_ref()))
    }

    /// The same as text, written once for everybody who gets it.
    pub fn text(&self, app: &App) -> Arc<[u8]> {
        self.text.get_or_init(|| self.json(app).to_string().into_bytes().into()).clone()
    }
}

/// Nothing more is to be waited for.
fn is_over(state: State) -> bool {
    !state.is_open() || state == State::Unknown
}

/// What a look finds: the whole request if it is over.
type Look = Option<Arc<Seen>>;

/// Everybody who waits at this replica.
pub struct Waiters {
    of: Mutex<HashMap<i64, Crowd>>,
    looks: Batch<i64, Look>,
    wholes: Batch<i64, Arc<Seen>>,
    stopping: watch::Sender<bool>,
}

/// Those who wait for one request.
struct Crowd {
    told: watch::Sender<Look>,
    count: usize,
}

impl Default for Waiters {
    fn default() -> Self {
        Self { of: Mutex::default(), looks: Batch::new(AT_ONCE), wholes: Batch::new(1), stopping: watch::Sender::new(false) }
    }
}

impl Waiters {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.of.lock().expect("no panic while held").values().map(|crowd| crowd.count).sum()
    }

    /// The replica is stopping: whoever waits is told to come back, rather than cut off.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    fn join(&self, id: i64) -> watch::Receiver<Look> {
        let mut of = self.of.lock().expect("no panic while held");
        let crowd = of.entry(id).or_insert_with(|| Crowd { told: watch::Sender::new(None), count: 0 });
        crowd.count += 1;
        crowd.told.subscribe()
    }

    fn leave(&self, id: i64) {
        let mut of = self.of.lock().expect("no panic while held");
        if let Some(crowd) = of.get_mut(&id) {
            crowd.count -= 1;
            if crowd.count == 0 {
                of.remove(&id);
            }
        }
    }

    fn has(&self, id: i64) -> bool {
        self.of.lock().expect("no panic while held").contains_key(&id)
    }

    fn all(&self) -> Vec<i64> {
        self.of.lock().expect("no panic while held").keys().copied().collect()
    }

    fn tell(&self, id: i64, seen: Arc<Seen>) {
        if let Some(crowd) = self.of.lock().expect("no panic while held").get(&id) {
            crowd.told.send_replace(Some(seen));
        }
    }

    /// Whether the request is over, with all that look at the same time in one query.
    async fn look(&self, app: &App, id: i64) -> Result<Option<Look>, Error> {
        let reader = app.clone();
        self.looks.ask(id, move |ids| async move { looks(&reader, ids).await }).await
    }

    /// The request as it is, for those whose time is over.
    async fn whole(&self, app: &App, id: i64) -> Result<Arc<Seen>, Error> {
        let reader = app.clone();
        self.wholes.ask(id, move |ids| async move { wholes(&reader, ids).await }).await?.ok_or(Error::NotFound)
    }
}

/// Leaves when the caller goes, whatever the reason.
struct Place<'a>(&'a Waiters, i64);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.leave(self.1);
    }
}

/// The request when it is over, or as it is when the time is.
pub async fn until_closed(app: &App, id: i64, longest: Duration) -> Result<Arc<Seen>, Error> {
    let end = Instant::now() + longest.min(LONGEST);
    // in line before looking, so that nothing falls in between
    let mut told = app.waiters.join(id);
    let _place = Place(&app.waiters, id);
    let mut stopping = app.waiters.stopping.subscribe();
    if let Some(seen) = app.waiters.look(app, id).await?.ok_or(Error::NotFound)? {
        return Ok(seen);
    }
    tokio::select! {
        seen = async { told.wait_for(Option::is_some).await.ok().and_then(|seen| seen.clone()) } => {
            // the sender lives as long as the place is kept
            if let Some(seen) = seen {
                return Ok(seen);
            }
        }
        _ = async { stopping.wait_for(|stopping| *stopping).await.is_ok() } => {
            let whole = tokio::time::timeout(FAREWELL, app.waiters.whole(app, id)).await;
            return whole.unwrap_or_else(|_| Err(Error::Unavailable("this replica is stopping".into())));
        }
        () = tokio::time::sleep_until(end) => {}
    }
    app.waiters.whole(app, id).await
}

async fn looks(app: &App, ids: Vec<i64>) -> Result<HashMap<i64, Look>, Error> {
    let mut conn = app.db.read().await?;
    let states = store::states(&mut conn, &ids).await?;
    drop(conn);
    let over = states.iter().filter(|(_, state)| is_over(**state)).map(|(id, _)| *id).collect();
    let mut looks: HashMap<i64, Look> = states.into_keys().map(|id| (id, None)).collect();
    looks.extend(wholes(app, over).await?.into_iter().map(|(id, seen)| (id, Some(seen))));
    Ok(looks)
}

async fn wholes(app: &App, ids: Vec<i64>) -> Result<HashMap<i64, Arc<Seen>>, Error> {
    let read = |id| async move { Ok::<_, Error>(Seen::read(app, id).await?.map(|seen| (id, Arc::new(seen)))) };
    let read: Vec<_> = stream::iter(ids).map(read).buffer_unordered(AT_ONCE).collect().await;
    read.into_iter().filter_map(Result::transpose).collect()
}

/// Takes the replica's signals to those they are for, until it stops. `signals` must be older than the first waiter.
pub async fn attend(app: App, mut signals: broadcast::Receiver<Signal>) {
    loop {
        match signals.recv().await {
            Ok(signal) if app.waiters.has(signal.request) => wake(&app, signal.request),
            Ok(_) => {}
            // more signals than are kept: any of them may have been for anybody
            Err(RecvError::Lagged(_)) => app.waiters.all().into_iter().for_each(|id| wake(&app, id)),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Looks once for all who wait for this request, and tells them if it is over.
fn wake(app: &App, id: i64) {
    let app = app.clone();
    tokio::spawn(async move {
        while app.waiters.has(id) {
            match app.waiters.look(&app, id).await {
                Ok(Some(Some(seen))) => return app.waiters.tell(id, seen),
                Ok(_) => return,
                Err(error) => {
                    tracing::debug!(%error, request = id, "looking for those who wait");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    });
}
