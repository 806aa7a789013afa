//! Whether the money for an order is there, for those who have to know: onboarding, billing.
use super::{Payment, State, store};
use crate::error::Error;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

/// How long an answer may be believed. What was paid can be given back any day, and whoever rests something on it asks again first.
pub const FRESH: TimeDelta = TimeDelta::hours(24);

/// What should have been paid, in whole won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    AtLeast(i64),
    Exactly(i64),
}

/// A payment, and how old the answer is that says so.
#[derive(Clone, Debug)]
pub struct Known {
    pub payment: Payment,
    /// Nothing where there was no answer that counts.
    pub age: Option<TimeDelta>,
}

/// What is known of the money for an order.
#[derive(Clone, Debug)]
pub enum Found {
    /// Nobody told us of it, and nobody asked.
    Nothing,
    /// Its provider was told of or asked, and has given no answer that counts yet.
    Unseen(Box<Known>),
    /// There is something, and no money: not paid, cancelled, failed.
    NotPaid(Box<Known>),
    /// What is known is not to be relied on: the look after it failed or contradicted it, or it is older than [`FRESH`].
    Doubtful(Box<Known>),
    /// Paid, and not enough of it is left.
    Short(Box<Known>),
    /// Paid, and more than exactly what was expected.
    Over(Box<Known>),
    /// Paid as expected, by whom it says, as of `asked_at`.
    Paid(Box<Known>),
}

/// Whether the money for an order is there, as the provider said it when it was last asked. Each payment is taken alone: two halves
/// are for people to look at. Where there are several, the one that comes closest to what is expected.
pub async fn find(conn: &mut PgConnection, order_id: &str, expected: Expected) -> Result<Found, Error> {
    let all = store::of_order(conn, order_id).await?;
    let now = store::now(conn).await?;
    Ok(closest(all.into_iter().map(|payment| judge(payment, expected, now)), expected))
}

/// Of two that are doubtful, the one that was paid when it was last looked at: the other may be a try that failed before it.
fn closest(all: impl Iterator<Item = Found>, expected: Expected) -> Found {
    all.max_by_key(|found| (found.rank(), !found.denies(expected))).unwrap_or(Found::Nothing)
}

impl Found {
    fn rank(&self) -> u8 {
        match self {
            Found::Nothing => 0,
            Found::Unseen(_) => 1,
            Found::NotPaid(_) => 2,
            Found::Doubtful(_) => 3,
            Found::Short(_) => 4,
            Found::Over(_) => 5,
            Found::Paid(_) => 6,
        }
    }

    /// Whether the provider said at last that the money is not there, or another sum. That is no less so for being old, nor for a look
    /// after it that failed.
    pub fn denies(&self, expected: Expected) -> bool {
        match self {
            Found::Nothing | Found::Unseen(_) | Found::Paid(_) => false,
            Found::NotPaid(_) | Found::Short(_) | Found::Over(_) => true,
            Found::Doubtful(known) => !matches!(said(&known.payment, expected)(known.clone()), Found::Paid(_)),
        }
    }

    /// The payment that this is about, with the age of what is known of it.
    pub fn known(&self) -> Option<&Known> {
        match self {
            Found::Nothing => None,
            Found::Unseen(known)
            | Found::NotPaid(known)
            | Found::Doubtful(known)
            | Found::Short(known)
            | Found::Over(known)
            | Found::Paid(known) => Some(known),
        }
    }
}

fn judge(payment: Payment, expected: Expected, now: DateTime<Utc>) -> Found {
    let age = payment.asked_at.map(|at| (now - at).max(TimeDelta::zero()));
    // what is over stays so, however long ago that was said
    let is_doubtful = !payment.state.is_final() && (payment.trouble.is_some() || age.is_some_and(|age| age > FRESH));
    let found = match payment.state {
        State::Heard => Found::Unseen,
        _ if is_doubtful => Found::Doubtful,
        _ => said(&payment, expected),
    };
    found(Box::new(Known { payment, age }))
}

/// What the last answer says that counted, however old it is.
fn said(payment: &Payment, expected: Expected) -> fn(Box<Known>) -> Found {
    match (payment.balance.filter(|left| payment.state.has_money() && *left > 0), expected) {
        (None, _) => Found::NotPaid,
        (Some(left), Expected::AtLeast(won) | Expected::Exactly(won)) if left < won => Found::Short,
        (Some(left), Expected::Exactly(won)) if left > won => Found::Over,
        _ => Found::Paid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + minutes * 60, 0).unwrap()
    }

    fn payment(state: State, balance: i64) -> Payment {
        Payment { state, amount: Some(1_000), balance: Some(balance), asked_at: Some(at(0)), ..Payment::default() }
    }

    #[test]
    fn money_is_found_only_where_enough_of_it_is_left() {
        use Expected::{AtLeast, Exactly};
        for (state, balance, expected, rank) in [
            (State::Paid, 1_000, Exactly(1_000), 6),
            (State::Paid, 1_000, AtLeast(999), 6),
            (State::Paid, 1_000, Exactly(999), 5),
            (State::Paid, 1_000, AtLeast(1_001), 4),
            (State::PartlyCancelled, 400, AtLeast(400), 6),
            (State::PartlyCancelled, 0, AtLeast(0), 2),
            (State::AwaitingDeposit, 0, AtLeast(1), 2),
            (State::Unknown, 1_000, AtLeast(1), 2),
            (State::Cancelled, 0, Exactly(0), 2),
        ] {
            assert_eq!(judge(payment(state, balance), expected, at(1)).rank(), rank, "{state:?} {balance} {expected:?}");
        }
        assert!(matches!(judge(Payment::default(), AtLeast(1), at(1)), Found::Unseen(known) if known.age.is_none()));
    }

    #[test]
    fn what_was_contradicted_failed_or_is_old_is_doubtful_however_much_money_it_says() {
        let expected = Expected::Exactly(1_000);
        let with = |payment, minutes| judge(payment, expected, at(minutes));
        let troubled = Payment { trouble: Some("contradicts".into()), ..payment(State::Paid, 1_000) };
        assert!(matches!(with(troubled, 1), Found::Doubtful(known) if known.age == Some(TimeDelta::minutes(1))));
        let unpaid = Payment { trouble: Some("timeout".into()), ..payment(State::Ready, 0) };
        assert!(matches!(with(unpaid, 1), Found::Doubtful(_)), "it may have been paid since");
        assert!(matches!(with(payment(State::Paid, 1_000), FRESH.num_minutes()), Found::Paid(_)));
        assert!(matches!(with(payment(State::Paid, 1_000), FRESH.num_minutes() + 1), Found::Doubtful(_)));
        for (last, denied) in
            [(payment(State::PartlyCancelled, 1), true), (payment(State::AwaitingDeposit, 0), true), (payment(State::Paid, 1_000), false)]
        {
            let failed = Payment { trouble: Some("timeout".into()), ..last.clone() };
            for found in [with(last, FRESH.num_minutes() + 1), with(failed, 1)] {
                assert!(matches!(&found, Found::Doubtful(_)) && found.denies(expected) == denied, "{found:?}");
            }
        }
        let late = FRESH.num_minutes() + 1;
        let tries = [payment(State::Failed, 0), payment(State::Paid, 1_000)];
        for tries in [tries.clone(), [tries[1].clone(), tries[0].clone()]] {
            let found = closest(tries.into_iter().map(|one| with(one, late)), expected);
            assert!(matches!(&found, Found::Doubtful(known) if known.payment.state == State::Paid) && !found.denies(expected));
        }
        let refunded = [payment(State::Cancelled, 0), payment(State::Failed, 0)];
        assert!(closest(refunded.into_iter().map(|one| with(one, late)), expected).denies(expected));
        let over = Payment { trouble: Some("contradicts".into()), ..payment(State::Cancelled, 0) };
        assert!(matches!(with(over, FRESH.num_minutes() * 9), Found::NotPaid(_)), "what was cancelled stays so");
    }
}
