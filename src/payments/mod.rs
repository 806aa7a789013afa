//! Payments as their providers know them. A provider tells us that something happened ([`receive`]); we write that down, and ask it
//! what is so ([`run`]). Only the answer counts, and [`find`] is how others ask for it. Shared by slices; knows none of them.
pub mod api;
mod evidence;
mod http;
mod look;
pub mod portone;
pub mod provider;
mod providers;
mod receive;
mod settle;
pub mod signature;
mod store;
pub mod toss;
pub mod web;

pub use evidence::{Expected, Found, find};
pub use look::{JOB, run};
pub use providers::{Providers, Settings};
pub use receive::{MOST, Received, receive};

use crate::{
    app::App,
    auth::{Operator, PaymentsCheck},
    db::Change,
    error::Error,
    jobs,
    ledger::Entry,
    personal::PersonName,
};
use chrono::{DateTime, Utc};
use provider::{Handle, Outcome};
use serde_json::json;
use std::time::Duration;

/// Who brings payments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Name {
    #[default]
    PortOne,
    Toss,
}

impl Name {
    pub const ALL: [Name; 2] = [Name::PortOne, Name::Toss];

    /// As it stands in addresses and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Name::PortOne => "portone",
            Name::Toss => "toss",
        }
    }

    /// As people call it.
    pub fn called(self) -> &'static str {
        match self {
            Name::PortOne => "PortOne",
            Name::Toss => "Toss Payments",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }
}

impl From<String> for Name {
    /// From the database, which knows no other.
    fn from(name: String) -> Self {
        Self::named(&name).unwrap_or_default()
    }
}

/// What became of a payment, in words that are the same for all providers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// We were told of it, and have not seen it.
    #[default]
    Heard,
    /// Somebody is about to pay.
    Ready,
    Pending,
    /// An account was given to which the money shall come.
    AwaitingDeposit,
    Paid,
    /// A part was given back.
    PartlyCancelled,
    Cancelled,
    Failed,
    Expired,
    /// The provider has a word for it that we do not know. Counts as not paid.
    Unknown,
}

impl State {
    pub const ALL: [State; 10] = [
        State::Heard,
        State::Ready,
        State::Pending,
        State::AwaitingDeposit,
        State::Paid,
        State::PartlyCancelled,
        State::Cancelled,
        State::Failed,
        State::Expired,
        State::Unknown,
    ];

    pub fn name(self) -> &'static str {
        match self {
            State::Heard => "heard",
            State::Ready => "ready",
            State::Pending => "pending",
            State::AwaitingDeposit => "awaiting_deposit",
            State::Paid => "paid",
            State::PartlyCancelled => "partly_cancelled",
            State::Cancelled => "cancelled",
            State::Failed => "failed",
            State::Expired => "expired",
            State::Unknown => "unknown",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether something of it is ours.
    pub fn has_money(self) -> bool {
        matches!(self, State::Paid | State::PartlyCancelled)
    }

    /// Whether a newer answer may say this. What was cancelled stays so; what is open, or was not understood, may become anything.
    pub fn may_become(self, next: State) -> bool {
        match (self, next) {
            (_, State::Heard) => false,
            (was, is) if was == is => true,
            (State::Cancelled | State::Expired, _) => false,
            (State::PartlyCancelled, is) => matches!(is, State::Cancelled | State::Unknown),
            // Toss: "in very few cases of network issues" a deposit turns out not to have come
            (State::Paid, is) => matches!(is, State::PartlyCancelled | State::Cancelled | State::AwaitingDeposit | State::Unknown),
            // PortOne: several tries, one payment
            (State::Failed, is) => is != State::Expired,
            _ => true,
        }
    }
}

impl From<String> for State {
    fn from(name: String) -> Self {
        Self::named(&name).unwrap_or(State::Unknown)
    }
}

/// A payment, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Payment {
    pub id: i64,
    pub provider: Name,
    /// What the provider calls it.
    pub provider_id: Option<String>,
    /// What our customers' shop calls it; until it was seen, what somebody told us.
    pub order_id: Option<String>,
    pub state: State,
    /// The provider's own word for it.
    pub said_state: String,
    /// Whole won; nothing until it was seen.
    pub amount: Option<i64>,
    /// What was paid and not given back.
    pub balance: Option<i64>,
    /// Empty where nobody is named.
    pub payer: PersonName,
    pub method: String,
    pub paid_at: Option<DateTime<Utc>>,
    pub told_at: Option<DateTime<Utc>>,
    /// When the question was asked whose answer this is.
    pub asked_at: Option<DateTime<Utc>>,
    pub heard_at: DateTime<Utc>,
    /// Why the last look gave no answer that counts.
    pub trouble: Option<String>,
    pub trouble_since: Option<DateTime<Utc>>,
    pub tries: i16,
}

impl Payment {
    pub fn short_id(&self) -> String {
        short_id(self.id)
    }

    /// How it is asked for.
    fn handle(&self) -> Option<Handle> {
        self.provider_id.clone().map(Handle::Payment).or_else(|| self.order_id.clone().map(Handle::Order))
    }

    pub fn names_somebody(&self) -> bool {
        self.payer.exposed() != ""
    }

    pub fn trouble(&self) -> Option<Outcome> {
        self.trouble.as_deref().and_then(Outcome::named)
    }
}

pub fn short_id(id: i64) -> String {
    format!("PAY-{id}")
}

/// The number in `PAY-12`.
pub fn number(id: &str) -> Option<i64> {
    id.strip_prefix("PAY-")?.parse().ok().filter(|n| *n > 0)
}

/// Has the provider asked about an order as soon as this change has committed, also if it never told us of it. Answers the payment.
/// The change must have an entry of its own.
pub async fn ask_about(app: &App, change: &mut Change, provider: Name, order_id: &str) -> Result<i64, Error> {
    if app.payments.get(provider).is_none() || !Handle::is_sound(order_id) {
        return Err(Error::NotFound);
    }
    let known = (provider == Name::PortOne).then_some(order_id);
    let payment = store::heard_of(change, provider, known, Some(order_id)).await?;
    ask_again(change, payment, "order").await?;
    Ok(payment)
}

/// Has the provider asked again about a payment as soon as this change has committed.
async fn ask_again(change: &mut Change, payment: i64, because: &str) -> Result<(), Error> {
    let since = change.now();
    jobs::enqueue(change, JOB, json!({"payment": payment, "because": because, "since": since}), Duration::ZERO).await
}

/// Somebody wants the provider to be asked again, now.
pub async fn check(app: &App, operator: &Operator<PaymentsCheck>, payment: i64) -> Result<DateTime<Utc>, Error> {
    let mut change = app.db.begin(operator).await?;
    let found = store::find(&mut change, payment).await?.ok_or(Error::NotFound)?;
    if app.payments.get(found.provider).is_none() {
        return Err(Error::Refused(crate::i18n::msg::payment_provider_off(found.provider.called())));
    }
    ask_again(&mut change, payment, "operator").await?;
    let now = change.now();
    change.commit(Entry::of("payment.check_asked").on("payment", &short_id(payment))).await?;
    Ok(now)
}

/// The same for an order of which nobody may have told us yet.
pub async fn check_order(app: &App, operator: &Operator<PaymentsCheck>, provider: Name, order_id: &str) -> Result<i64, Error> {
    let mut change = app.db.begin(operator).await?;
    let payment = ask_about(app, &mut change, provider, order_id).await?;
    // not a fact of the leaf: people paste what is not an order, too
    let entry = Entry::of("payment.check_asked").on("payment", &short_id(payment)).detail("order", json!(order_id));
    change.commit(entry).await?;
    Ok(payment)
}

/// Whether an answer has come since, waiting for it a little: most do within a second.
pub async fn answered(app: &App, payment: i64, since: DateTime<Utc>) -> Result<bool, Error> {
    for _ in 0..ANSWER_LOOKS {
        if store::looked_since(&mut *app.db.read().await?, payment, since).await? {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    Ok(false)
}

/// Three seconds.
const ANSWER_LOOKS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_read_as_they_are_written() {
        assert!(State::ALL.into_iter().all(|state| State::named(state.name()) == Some(state) && !state.may_become(State::Heard)));
        assert!(Name::ALL.into_iter().all(|name| Name::named(name.name()) == Some(name)));
        assert_eq!(
            (number("PAY-12"), number("PAY-0"), number("PAY--1"), number("CR-12"), number("PAY-x")),
            (Some(12), None, None, None, None)
        );
    }
}
