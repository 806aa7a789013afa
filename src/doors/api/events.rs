//! Server-sent events: which request changed, and nothing about it. Whoever wants more fetches it, and is checked again.
use crate::{app::App, requests::short_id};
use axum::{
    extract::State,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, StreamExt, stream};
use std::{convert::Infallible, time::Duration};
use tokio_stream::wrappers::BroadcastStream;

/// A stream ends after this time and the browser comes back: so a session that was revoked is noticed.
const LONGEST: Duration = Duration::from_secs(600);

pub async fn stream(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let signals = BroadcastStream::new(app.db.live().subscribe());
    let events = signals.map(|signal| {
        Ok(match signal {
            Ok(signal) => Event::default().event("request").data(format!(r#"{{"id":"{}"}}"#, short_id(signal.request))),
            // too slow to be told each: look at everything again
            Err(_) => Event::default().event("request").data("{}"),
        })
    });
    // subscribed first, then said how far we are: nothing falls in between
    let hello = format!(r#"{{"at":{}}}"#, app.db.live().latest());
    let hello = stream::once(async { Ok(Event::default().event("hello").retry(Duration::from_secs(1)).data(hello)) });
    Sse::new(hello.chain(events).take_until(tokio::time::sleep(LONGEST))).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
