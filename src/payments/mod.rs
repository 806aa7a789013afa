//! Payments as their providers know them. A provider tells us that something happened ([`receive`]); we write that down, and ask it
//! what is so ([`run`]). Only the answer counts, and [`find`] is how others ask for it. Shared by slices; knows none of them.
pub mod acknowledge;
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

pub use evidence::{Expected, FRESH, Found, Known, find};
pub use look::{is_look, run};
pub use providers::{Providers, Settings};
pub use receive::{Received, receive};
pub use store::overwritten;

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
use std::{collections::HashSet, time::Duration};

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

    /// The kind of job that looks at a payment there.
    pub fn job(self) -> &'static str {
        match self {
            Name::PortOne => "payment.look.portone",
            Name::Toss => "payment.look.toss",
        }
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

    /// Whether nothing becomes of it any more.
    pub fn is_final(self) -> bool {
        matches!(self, State::Cancelled | State::Expired)
    }

    /// How far along it is: an event that claims more than an answer says was ahead of it.
    fn along(self) -> u8 {
        match self {
            State::Heard | State::Unknown => 0,
            State::Ready => 1,
            State::Pending => 2,
            State::AwaitingDeposit | State::Failed | State::Expired => 3,
            State::Paid => 4,
            State::PartlyCancelled => 5,
            State::Cancelled => 6,
        }
    }

    /// Whether an answer is behind what an event claimed. What is over is not behind anything.
    pub fn is_behind(self, claimed: State) -> bool {
        !self.is_final() && self.along() < claimed.along()
    }

    /// Whether a newer answer may say this. What was cancelled stays so; what is open, or was not understood, may become anything.
    pub fn may_become(self, next: State) -> bool {
        match (self, next) {
            (_, State::Heard) => false,
            (was, is) if was == is => true,
            (was, _) if was.is_final() => false,
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
    /// Looks in a row that gave no answer that counts.
    pub tries: i16,
    /// What was paid when it had money; nothing if it never had.
    pub once_paid: Option<i64>,
    /// The least that was left of that.
    pub least_left: Option<i64>,
    /// When it is asked again by itself.
    pub next_ask: Option<DateTime<Utc>>,
    /// Somebody knows of the trouble.
    pub acknowledged_at: Option<DateTime<Utc>>,
    pub acknowledged_by: Option<String>,
    pub acknowledged_why: Option<String>,
    /// Counts what was written to it.
    pub version: i32,
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
    let id = store::heard_of(change, provider, known, Some(order_id)).await?;
    let payment = store::find(change, id).await?.ok_or(Error::NotFound)?;
    ask_again(change, &payment, "order", Some(&Handle::Order(order_id.to_owned()))).await?;
    Ok(id)
}

/// Has providers asked about an order: those who know of it, or all that are configured. Answers whose answers will come. The change
/// must have an entry of its own.
pub async fn ask_all(app: &App, change: &mut Change, order_id: &str) -> Result<Vec<i64>, Error> {
    if !Handle::is_sound(order_id) {
        return Ok(Vec::new());
    }
    let known: HashSet<Name> = store::of_order(change, order_id).await?.into_iter().map(|payment| payment.provider).collect();
    let asked: Vec<_> = app.payments.names().filter(|name| known.is_empty() || known.contains(name)).collect();
    let mut payments = Vec::new();
    for name in asked {
        payments.push(ask_about(app, change, name, order_id).await?);
    }
    Ok(payments)
}

/// Has the provider asked again about a payment as soon as this change has committed.
async fn ask_again(change: &mut Change, payment: &Payment, because: &str, handle: Option<&Handle>) -> Result<(), Error> {
    let since = change.now();
    let job = json!({"payment": payment.id, "because": because, "since": since, "handle": handle});
    jobs::enqueue(change, payment.provider.job(), job, Duration::ZERO).await
}

/// Somebody wants the provider to be asked again, now.
pub async fn check(app: &App, operator: &Operator<PaymentsCheck>, payment: i64) -> Result<DateTime<Utc>, Error> {
    let mut change = app.db.begin(operator).await?;
    let found = store::find(&mut change, payment).await?.ok_or(Error::NotFound)?;
    if app.payments.get(found.provider).is_none() {
        return Err(Error::Refused(crate::i18n::msg::payment_provider_off(found.provider.called())));
    }
    ask_again(&mut change, &found, "operator", None).await?;
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
