//! What a payment provider is to us: somebody who tells that something happened, and who can be asked what is so. The first is never
//! believed; it only leads to the second.
use super::{Name, State};
use crate::personal::{PersonName, without_addresses};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One provider: how to read what it sends, and how to ask it. Everything else is the same for all.
#[async_trait]
pub trait Provider: Send + Sync {
    fn name(&self) -> Name;

    /// As many bytes as an event may have, of one that comes to this address.
    fn most(&self, _query: &str) -> usize {
        SMALL
    }

    /// Whether it comes from the provider, as far as that can be told, and what it is about.
    fn hear(&self, delivery: &Delivery<'_>, now: DateTime<Utc>) -> Result<Heard, Deaf>;

    /// What is so now, by the provider's own API.
    async fn look(&self, at: &Handle) -> Result<Seen, Failure>;

    /// Whether payments that are made for trying things out count.
    fn counts_tests(&self) -> bool;
}

/// As much is read of an event before it is known whether its sender knows a secret.
pub const SMALL: usize = 20 * 1024;
/// As much of one whose sender does.
pub const LARGE: usize = 256 * 1024;

/// What somebody posted to us.
pub struct Delivery<'a> {
    pub headers: &'a HeaderMap,
    /// Of the address it was posted to.
    pub query: &'a str,
    pub body: &'a [u8],
}

/// An event, as far as it leads to a payment.
#[derive(Debug)]
pub struct Heard {
    /// The same for each delivery of the same event.
    pub id: String,
    /// In the provider's words, known or not.
    pub kind: String,
    /// Nothing where it is not about a payment.
    pub about: Option<Handle>,
    /// What it calls the order. Used to find a payment by, until the provider was asked.
    pub order_id: Option<String>,
    pub claims: Claims,
    pub sent_at: Option<DateTime<Utc>>,
    /// SHA-256 of a secret that came with it, which the payment must have too.
    pub secret: Option<[u8; 32]>,
    /// It names a payment or an order in a way that nothing can be asked for.
    pub unsound: bool,
}

/// What an event says of a payment. Kept so that somebody can see that it lied; nothing follows from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    pub state: Option<String>,
    /// What that means, where we know the word.
    pub means: Option<State>,
    pub amount: Option<i64>,
}

/// Why an event was not taken.
#[derive(Debug, PartialEq)]
pub enum Deaf {
    /// It does not come from whom it says.
    Unsigned(&'static str),
    Malformed(String),
}

/// How a payment is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handle {
    /// By what the provider calls it.
    Payment(String),
    /// By what our customers' shop calls it.
    Order(String),
}

impl Handle {
    /// Only what can stand in an address as one step of it, whoever sent it.
    pub fn is_sound(id: &str) -> bool {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_=+:~@".contains(&b) || b == b'.';
        (1..=200).contains(&id.len()) && id.bytes().all(fits) && id.bytes().any(|b| b != b'.')
    }
}

/// A payment as its provider describes it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub provider_id: String,
    pub order_id: String,
    pub state: State,
    /// The provider's own word for it.
    pub said_state: String,
    /// Whole won, of all that was asked for.
    pub amount: i64,
    /// What was paid and not given back.
    pub balance: i64,
    pub currency: String,
    pub payer: PersonName,
    pub method: String,
    pub paid_at: Option<DateTime<Utc>>,
    /// When it last changed there, where the provider says so.
    pub told_at: Option<DateTime<Utc>>,
    /// Real money; nothing where the provider does not say.
    pub live: Option<bool>,
    /// SHA-256 of the secret that its events bear, where they do.
    pub secret: Option<[u8; 32]>,
}

/// Why a look gave no description.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub why: Outcome,
    pub status: Option<u16>,
    /// For people who look into it; without personal data.
    pub detail: String,
}

impl Failure {
    pub fn new(why: Outcome, detail: impl Into<String>) -> Self {
        Self { why, status: None, detail: kept(&without_addresses(&detail.into()), DETAIL) }
    }
}

macro_rules! outcomes {
    ($($(#[$doc:meta])* $outcome:ident = $name:literal,)*) => {
        /// How a look ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Outcome { $($(#[$doc])* $outcome),* }
        impl Outcome {
            pub const ALL: &[Outcome] = &[$(Outcome::$outcome),*];
            pub fn name(self) -> &'static str {
                match self { $(Outcome::$outcome => $name),* }
            }
        }
    };
}

outcomes! {
    /// Seen for the first time.
    Seen = "seen",
    Changed = "changed",
    Unchanged = "unchanged",
    /// An answer to an older question than the one whose answer is known.
    Late = "late",
    /// The provider describes an older time than it did before.
    Older = "older",
    /// What cannot have become of what was known.
    Contradicts = "contradicts",
    /// A state that we do not know.
    UnknownState = "unknown_state",
    /// The provider knows no such payment.
    NotFound = "not_found",
    /// The provider does not take our secret.
    Refused = "refused",
    /// Too many questions.
    Throttled = "throttled",
    /// The provider answers that it is out of order.
    Broken = "broken",
    Timeout = "timeout",
    Unreachable = "unreachable",
    /// An answer that cannot be read as a payment.
    Unreadable = "unreadable",
    /// The answer describes another payment.
    WrongId = "wrong_id",
    WrongCurrency = "wrong_currency",
    /// A payment in the provider's test mode: no money.
    TestPayment = "test_payment",
    /// Paid, and the provider does not say whether with real money.
    Unlabelled = "unlabelled",
    /// What was looked for by its order is known already as another payment.
    Elsewhere = "elsewhere",
}

impl Outcome {
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.name() == name)
    }

    /// Whether what the provider said now stands as the payment.
    pub fn counts(self) -> bool {
        matches!(self, Outcome::Seen | Outcome::Changed | Outcome::Unchanged | Outcome::UnknownState)
    }

    /// Whether the answer may be another one later, and for how many tries that is likely. Nothing: ask until the patience of
    /// [`super::look`] is over.
    pub fn is_worth_another_try(self) -> Option<Patience> {
        match self {
            Outcome::Refused | Outcome::Throttled | Outcome::Broken | Outcome::Timeout | Outcome::Unreachable | Outcome::Unreadable => {
                Some(Patience::Days)
            }
            // a copy at the provider that is behind catches up within minutes, or never
            Outcome::NotFound | Outcome::Older | Outcome::Contradicts | Outcome::Unlabelled => Some(Patience::Minutes),
            _ => None,
        }
    }
}

/// How long it is worth asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Minutes,
    Days,
}

/// As much of a failure's details is kept.
const DETAIL: usize = 300;
/// As much of a provider's own word for a state.
pub(super) const WORD: usize = 100;
/// As much of whoever paid.
pub(super) const NAME: usize = 200;
/// As much of how it was paid.
pub(super) const METHOD: usize = 40;

/// Somebody else's text as it is kept: without what no column takes, and no longer than one does.
pub(super) fn kept(text: &str, most: usize) -> String {
    text.trim().chars().filter(|c| *c != '\0').take(most).collect()
}

/// Text at a place of a JSON value, if there is some; cut to what is kept.
pub(super) fn text(value: &Value, pointer: &str, most: usize) -> Option<String> {
    Some(kept(value.pointer(pointer)?.as_str()?, most)).filter(|text| !text.is_empty())
}

/// An id, if it is one that can be asked for.
pub(super) fn id(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().filter(|id| Handle::is_sound(id)).map(str::to_owned)
}

/// Whether there is something at one of these places that should be an id and is none.
pub(super) fn is_unsound(value: &Value, pointers: &[&str]) -> bool {
    pointers
        .iter()
        .filter_map(|pointer| value.pointer(pointer))
        .any(|id| id.as_str().is_some_and(|id| !id.is_empty() && !Handle::is_sound(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_one_step_of_an_address_is_asked_for() {
        for good in ["order-1", "55451513-9763-4a7a", "tviva20240101.ABC_=", "a"] {
            assert!(Handle::is_sound(good), "{good}");
        }
        for bad in ["", ".", "..", "...", "a/b", "a?b", "a#b", "a b", "%2e%2e", "주문-1", "a\n", &"x".repeat(201)] {
            assert!(!Handle::is_sound(bad), "{bad}");
        }
    }

    #[test]
    fn every_outcome_has_its_name_and_none_that_counts_is_tried_again() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::named(outcome.name()), Some(*outcome));
            assert!(!(outcome.counts() && outcome.is_worth_another_try().is_some()), "{outcome:?}");
        }
    }
}
