//! Taking in what a provider tells: whether it comes from it, once each, and with the job that will ask whether it is so. Answered as
//! soon as it is written down; a provider that waits longer tells it again.
use super::{
    Name, State,
    provider::{Deaf, Delivery, Handle, Heard, LARGE},
    short_id, store,
};
use crate::{
    app::App,
    auth::{Operator, PaymentsKeep, Service},
    crash,
    error::Error,
    jobs,
    ledger::Entry,
    requests::hex,
};
use ::http::HeaderMap;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Written down, and its payment will be looked at.
    Taken,
    /// Written down; it is about no payment.
    Noted,
    /// It had come before.
    Known,
}

/// Writes an event down. `None` for the body: there was more of it than [`super::provider::Provider::most`].
pub async fn receive(app: &App, name: Name, headers: &HeaderMap, query: &str, body: Option<&[u8]>) -> Result<Received, Error> {
    let Some(provider) = app.payments.get(name) else { return Err(Error::NotFound) };
    let count = |outcome| app.db.metrics().payment_event(name.name(), outcome);
    let Some(body) = body else {
        count("oversize");
        return Err(Error::TooLarge(if provider.most(query) == LARGE { "256 KiB" } else { "20 KiB" }));
    };
    let heard = match provider.hear(&Delivery { headers, query, body }, chrono::Utc::now()) {
        Ok(heard) => heard,
        Err(Deaf::Unsigned(why)) => {
            count("unsigned");
            tracing::warn!(provider = name.name(), why, "an event was refused: it does not come from whom it says");
            return Err(Error::Unsigned(why));
        }
        Err(Deaf::Malformed(why)) => {
            count("malformed");
            return Err(Error::Malformed(why));
        }
    };
    if heard.unsound {
        count("unsound");
        tracing::warn!(
            provider = name.name(),
            event = heard.id,
            "an event names a payment or an order in a way that nothing can be asked for"
        );
    }
    let result = keep(app, name, &heard, body).await;
    count(match &result {
        Ok(Received::Taken) => "taken",
        Ok(Received::Noted) => "noted",
        Ok(Received::Known) => "known",
        Err(_) => "failed",
    });
    result
}

async fn keep(app: &App, name: Name, heard: &Heard, body: &[u8]) -> Result<Received, Error> {
    let writer: Operator<PaymentsKeep> = Service::Payments.operator();
    let mut change = app.db.begin(&writer).await?;
    let payment = match &heard.about {
        Some(Handle::Payment(id)) => Some(store::heard_of(&mut change, name, Some(id), heard.order_id.as_deref()).await?),
        Some(Handle::Order(order)) => Some(store::heard_of(&mut change, name, None, Some(order)).await?),
        None => None,
    };
    let hash: [u8; 32] = Sha256::digest(body).into();
    if !store::add_event(&mut change, name, heard, payment, &hash, body.len()).await? {
        // nothing of it is written, also where the payment is new
        return Ok(Received::Known);
    }
    let mut entry =
        Entry::of("payment.event_received").with("provider", name.name()).with("kind", heard.kind.as_str()).with("body", hex(&hash));
    if let Some(payment) = payment {
        let since = change.now();
        let secret = heard.secret.map(|secret| hex(&secret));
        let job = json!({
            "payment": payment, "because": "event", "event": heard.id, "since": since, "claimed": heard.claims.amount,
            "claims": heard.claims.means.map(State::name), "secret": secret, "handle": heard.about,
        });
        jobs::enqueue(&mut change, name.job(), job, Duration::ZERO).await?;
        entry = entry.on("payment", &short_id(payment));
    }
    crash::point("payments.receiving");
    change.commit(entry).await?;
    crash::point("payments.received");
    Ok(if payment.is_some() { Received::Taken } else { Received::Noted })
}
