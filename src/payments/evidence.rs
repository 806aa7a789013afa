//! Whether the money for an order is there, for those who have to know: onboarding, billing.
use super::{Payment, store};
use crate::error::Error;
use sqlx::PgConnection;

/// What should have been paid, in whole won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    AtLeast(i64),
    Exactly(i64),
}

/// What is known of the money for an order.
#[derive(Clone, Debug)]
pub enum Found {
    /// Nobody told us of it, and nobody asked.
    Nothing,
    /// There is something, and no money: not seen yet, not paid, cancelled, failed.
    NotPaid(Box<Payment>),
    /// Paid, and not enough of it is left.
    Short(Box<Payment>),
    /// Paid, and more than exactly what was expected.
    Over(Box<Payment>),
    /// Paid as expected, by whom it says, as of `asked_at`.
    Paid(Box<Payment>),
}

/// Whether the money for an order is there, as the provider said it when it was last asked. Each payment is taken alone: two halves
/// are for people to look at. Where there are several, the one that comes closest to what is expected.
pub async fn find(conn: &mut PgConnection, order_id: &str, expected: Expected) -> Result<Found, Error> {
    let best = store::of_order(conn, order_id).await?.into_iter().map(|payment| judge(payment, expected)).max_by_key(Found::rank);
    Ok(best.unwrap_or(Found::Nothing))
}

impl Found {
    fn rank(&self) -> u8 {
        match self {
            Found::Nothing => 0,
            Found::NotPaid(_) => 1,
            Found::Short(_) => 2,
            Found::Over(_) => 3,
            Found::Paid(_) => 4,
        }
    }
}

fn judge(payment: Payment, expected: Expected) -> Found {
    let left = payment.balance.filter(|_| payment.state.has_money());
    let payment = Box::new(payment);
    match (left, expected) {
        (None | Some(0), _) => Found::NotPaid(payment),
        (Some(left), Expected::AtLeast(won) | Expected::Exactly(won)) if left < won => Found::Short(payment),
        (Some(left), Expected::Exactly(won)) if left > won => Found::Over(payment),
        _ => Found::Paid(payment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::State;

    #[test]
    fn money_is_found_only_where_enough_of_it_is_left() {
        let payment = |state, balance| Payment { state, amount: Some(1_000), balance: Some(balance), ..Payment::default() };
        let rank = |state, balance, expected| judge(payment(state, balance), expected).rank();
        use Expected::{AtLeast, Exactly};
        for (state, balance, expected, rank_of) in [
            (State::Paid, 1_000, Exactly(1_000), 4),
            (State::Paid, 1_000, AtLeast(999), 4),
            (State::Paid, 1_000, Exactly(999), 3),
            (State::Paid, 1_000, AtLeast(1_001), 2),
            (State::PartlyCancelled, 400, AtLeast(400), 4),
            (State::PartlyCancelled, 0, AtLeast(0), 1),
            (State::AwaitingDeposit, 0, AtLeast(1), 1),
            (State::Unknown, 1_000, AtLeast(1), 1),
            (State::Cancelled, 0, Exactly(0), 1),
        ] {
            assert_eq!(rank(state, balance, expected), rank_of, "{state:?} {balance} {expected:?}");
        }
        assert_eq!(judge(Payment::default(), AtLeast(1)).rank(), 1);
    }
}
