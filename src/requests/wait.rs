//! Waiting for an outcome without polling: woken by signals, certain by one look at the end.
use super::{Request, State, store};
use crate::{app::App, error::Error};
use std::time::Duration;
use tokio::{sync::broadcast::error::RecvError, time::Instant};

/// The longest a caller may hold a connection open.
pub const LONGEST: Duration = Duration::from_secs(60);

/// The request when it is closed, or as it is when the time is over.
pub async fn until_closed(app: &App, id: i64, longest: Duration) -> Result<Request, Error> {
    let end = Instant::now() + longest.min(LONGEST);
    // listen before looking, so that nothing falls in between
    let mut signals = app.db.live().subscribe();
    loop {
        let request = load(app, id).await?;
        if !request.state.is_open() || request.state == State::Unknown {
            return Ok(request);
        }
        loop {
            match tokio::time::timeout_at(end, signals.recv()).await {
                Err(_) => return load(app, id).await,
                Ok(Ok(signal)) if signal.request == id => break,
                Ok(Ok(_)) => {}
                // too many signals to keep: look again
                Ok(Err(RecvError::Lagged(_))) => break,
                Ok(Err(RecvError::Closed)) => return Ok(request),
            }
        }
    }
}

async fn load(app: &App, id: i64) -> Result<Request, Error> {
    let mut conn = app.db.read().await?;
    store::find(&mut conn, id).await?.ok_or(Error::NotFound)
}
