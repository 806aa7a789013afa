//! What an answer means for what was known: the whole state machine, without a database. Events come twice, late, and in any order; what
//! counts is the answer to the question that was asked last, as long as it can have become of what was known.
use super::{
    Payment, State,
    provider::{Failure, Outcome, Patience, Seen},
};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The only currency that counts, and that has nothing smaller than its unit.
pub const CURRENCY: &str = "KRW";
/// Tries where the answer should be another one within minutes: two seconds, four, … make about eight minutes.
const MINUTES: i16 = 8;
/// Toss gives up after three days and nineteen hours; whoever was told so late is asked as long.
const DAYS: TimeDelta = TimeDelta::days(4);
const LONGEST_PAUSE: u64 = 900;

/// A time as the database keeps it: what is finer would never be the same again.
pub fn kept(at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    at.map(|at| at.trunc_subsecs(3))
}

/// How a look ended. Only what [`Outcome::counts`] becomes the payment.
pub fn outcome(known: &Payment, asked_at: DateTime<Utc>, answer: &Result<Seen, Failure>, tests_count: bool) -> Outcome {
    // whoever asked later was answered first: this one says nothing any more, not even that it failed
    if known.asked_at.is_some_and(|last| last >= asked_at) {
        return Outcome::Late;
    }
    let seen = match answer {
        Ok(seen) => seen,
        Err(failure) => return failure.why,
    };
    let is_it = match &known.provider_id {
        Some(id) => *id == seen.provider_id && (known.state == State::Heard || known.order_id.as_ref() == Some(&seen.order_id)),
        None => known.order_id.as_ref() == Some(&seen.order_id),
    };
    if !is_it {
        return Outcome::WrongId;
    }
    if seen.live == Some(false) && !tests_count {
        return Outcome::TestPayment;
    }
    if seen.live.is_none() && seen.state.has_money() && !tests_count {
        return Outcome::Unlabelled;
    }
    if seen.currency != CURRENCY {
        return Outcome::WrongCurrency;
    }
    if known.told_at.zip(seen.told_at).is_some_and(|(last, now)| now < last) {
        return Outcome::Older;
    }
    if !can_have_become(known, seen) {
        return Outcome::Contradicts;
    }
    match (known.state, seen.state) {
        (_, State::Unknown) => Outcome::UnknownState,
        (State::Heard, _) => Outcome::Seen,
        _ if is_the_same(known, seen) => Outcome::Unchanged,
        _ => Outcome::Changed,
    }
}

fn can_have_become(known: &Payment, seen: &Seen) -> bool {
    // what was paid is paid, and what was given back does not return, whatever was said in between
    let amounts = match (known.once_paid, known.least_left) {
        (Some(paid), Some(left)) if seen.state.has_money() || seen.state == State::Cancelled => seen.amount == paid && seen.balance <= left,
        _ => true,
    };
    known.state.may_become(seen.state) && amounts
}

/// What was paid at its most, and what was left of it at its least, after this answer.
pub fn peak(known: &Payment, seen: &Seen) -> (Option<i64>, Option<i64>) {
    if seen.state.has_money() {
        return (known.once_paid.or(Some(seen.amount)), Some(known.least_left.map_or(seen.balance, |left| left.min(seen.balance))));
    }
    (known.once_paid, known.least_left)
}

fn is_the_same(known: &Payment, seen: &Seen) -> bool {
    known.state == seen.state
        && known.said_state == seen.said_state
        && (known.amount, known.balance) == (Some(seen.amount), Some(seen.balance))
        && known.paid_at == seen.paid_at
}

/// How often one job has asked without an end to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tries {
    /// Of those whose answer should be another one within minutes.
    pub brief: i16,
    /// Of those that go on for days.
    pub long: i16,
    /// When the first of them was.
    pub since: Option<DateTime<Utc>>,
}

impl Tries {
    /// After one more that deserves such patience: when to ask again; nothing when that would help nobody any more.
    pub fn again(&mut self, patience: Patience, now: DateTime<Utc>) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let (tries, patient) = match patience {
            Patience::Minutes => {
                self.brief = self.brief.saturating_add(1);
                (self.brief, self.brief < MINUTES)
            }
            Patience::Days => {
                self.long = self.long.saturating_add(1);
                (self.long, now - since < DAYS)
            }
        };
        patient.then(|| Duration::from_secs((1 << tries.clamp(1, 10)).min(LONGEST_PAUSE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::Name;
    use proptest::prelude::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
    }

    fn known(state: State, asked: Option<i64>) -> Payment {
        let balance = if state.has_money() { 1_000 } else { 0 };
        Payment {
            provider: Name::Toss,
            provider_id: Some("key".into()),
            order_id: Some("order".into()),
            state,
            said_state: state.name().into(),
            amount: asked.map(|_| 1_000),
            balance: asked.map(|_| balance),
            once_paid: asked.filter(|_| state.has_money()).map(|_| 1_000),
            least_left: asked.filter(|_| state.has_money()).map(|_| balance),
            asked_at: asked.map(at),
            heard_at: at(0),
            ..Payment::default()
        }
    }

    fn seen(state: State) -> Seen {
        Seen {
            provider_id: "key".into(),
            order_id: "order".into(),
            state,
            said_state: state.name().into(),
            amount: 1_000,
            balance: if state.has_money() { 1_000 } else { 0 },
            currency: "KRW".into(),
            payer: String::new().into(),
            method: String::new(),
            paid_at: None,
            told_at: None,
            live: Some(true),
            secret: None,
        }
    }

    fn says(known: &Payment, seen: Seen) -> Outcome {
        outcome(known, at(10), &Ok(seen), false)
    }

    #[test]
    fn an_answer_counts_if_it_is_the_newest_about_this_payment_and_real_money() {
        assert_eq!(says(&known(State::Heard, None), seen(State::Paid)), Outcome::Seen);
        assert_eq!(says(&known(State::Ready, Some(5)), seen(State::Paid)), Outcome::Changed);
        assert_eq!(says(&known(State::Paid, Some(5)), seen(State::Paid)), Outcome::Unchanged);
        assert_eq!(says(&known(State::Paid, Some(10)), seen(State::Cancelled)), Outcome::Late);
        assert_eq!(says(&known(State::Paid, Some(5)), seen(State::Unknown)), Outcome::UnknownState);
        assert_eq!(says(&known(State::Paid, Some(5)), Seen { provider_id: "other".into(), ..seen(State::Paid) }), Outcome::WrongId);
        assert_eq!(says(&known(State::Paid, Some(5)), Seen { order_id: "other".into(), ..seen(State::Paid) }), Outcome::WrongId);
        assert_eq!(says(&known(State::Ready, Some(5)), Seen { currency: "USD".into(), ..seen(State::Paid) }), Outcome::WrongCurrency);
        assert_eq!(says(&known(State::Ready, Some(5)), Seen { live: Some(false), ..seen(State::Paid) }), Outcome::TestPayment);
        assert_eq!(
            outcome(&known(State::Ready, Some(5)), at(10), &Ok(Seen { live: Some(false), ..seen(State::Paid) }), true),
            Outcome::Changed
        );
        let told = Payment { told_at: Some(at(8)), ..known(State::Ready, Some(5)) };
        assert_eq!(says(&told, Seen { told_at: Some(at(7)), ..seen(State::Paid) }), Outcome::Older);
        assert_eq!(says(&told, Seen { told_at: Some(at(8)), ..seen(State::Paid) }), Outcome::Changed);
        let by_order = Payment { provider_id: None, ..known(State::Heard, None) };
        assert_eq!(says(&by_order, seen(State::Paid)), Outcome::Seen);
        assert_eq!(says(&by_order, Seen { order_id: "other".into(), ..seen(State::Paid) }), Outcome::WrongId);
    }

    #[test]
    fn money_does_not_come_back_and_what_was_paid_does_not_change() {
        assert_eq!(says(&known(State::Cancelled, Some(5)), seen(State::Paid)), Outcome::Contradicts);
        assert_eq!(says(&known(State::Paid, Some(5)), seen(State::Ready)), Outcome::Contradicts);
        assert_eq!(says(&known(State::Paid, Some(5)), Seen { amount: 2_000, ..seen(State::Paid) }), Outcome::Contradicts);
        let part = Payment { balance: Some(400), least_left: Some(400), ..known(State::PartlyCancelled, Some(5)) };
        assert_eq!(says(&part, Seen { balance: 300, ..seen(State::PartlyCancelled) }), Outcome::Changed);
        assert_eq!(says(&part, Seen { balance: 500, ..seen(State::PartlyCancelled) }), Outcome::Contradicts);
        // Toss says that a deposit may turn out not to have come
        assert_eq!(says(&known(State::Paid, Some(5)), seen(State::AwaitingDeposit)), Outcome::Changed);
        // at PortOne, another try belongs to the same payment
        assert_eq!(says(&known(State::Failed, Some(5)), seen(State::Paid)), Outcome::Changed);
    }

    #[test]
    fn what_says_nothing_of_money_does_not_make_us_forget_it() {
        for between in [State::Unknown, State::AwaitingDeposit] {
            let now = Payment { balance: Some(0), state: between, ..known(State::Paid, Some(5)) };
            let now = Payment { least_left: Some(400), ..now };
            assert_eq!(says(&now, Seen { balance: 400, ..seen(State::PartlyCancelled) }), Outcome::Changed, "{between:?}");
            assert_eq!(says(&now, Seen { balance: 401, ..seen(State::PartlyCancelled) }), Outcome::Contradicts, "{between:?}");
            assert_eq!(says(&now, seen(State::Paid)), Outcome::Contradicts, "{between:?}");
            assert_eq!(says(&now, Seen { amount: 2_000, balance: 100, ..seen(State::Paid) }), Outcome::Contradicts, "{between:?}");
        }
    }

    #[test]
    fn a_failure_that_comes_late_is_late() {
        let failed: Result<Seen, Failure> = Err(Failure::new(Outcome::Timeout, ""));
        assert_eq!(outcome(&known(State::Paid, Some(20)), at(10), &failed, false), Outcome::Late);
        assert_eq!(outcome(&known(State::Paid, Some(9)), at(10), &failed, false), Outcome::Timeout);
    }

    #[test]
    fn what_is_paid_must_say_whether_with_real_money() {
        let unsaid = |state| Seen { live: None, ..seen(state) };
        assert_eq!(says(&known(State::Ready, Some(5)), unsaid(State::Paid)), Outcome::Unlabelled);
        assert_eq!(says(&known(State::Heard, None), unsaid(State::Ready)), Outcome::Seen, "nobody has chosen how to pay yet");
    }

    #[test]
    fn it_is_asked_again_as_long_as_that_may_help() {
        let pause = |patience, tries: i16, days: i64| {
            let mut tries = Tries { brief: tries - 1, long: tries - 1, since: Some(at(0)) };
            tries.again(patience, at(days * 86_400)).map(|pause| pause.as_secs())
        };
        assert_eq!(
            [1, 2, 3, 9, 10, 200].map(|tries| pause(Patience::Days, tries, 0)),
            [Some(2), Some(4), Some(8), Some(512), Some(900), Some(900)]
        );
        assert_eq!((pause(Patience::Days, 400, 3), pause(Patience::Days, 400, 4)), (Some(900), None));
        assert_eq!((pause(Patience::Minutes, 7, 0), pause(Patience::Minutes, 8, 0)), (Some(128), None));
        // an outage does not use up the patience for what should be there within minutes
        let mut tries = Tries { brief: 0, long: 300, since: Some(at(0)) };
        assert_eq!(tries.again(Patience::Minutes, at(90_000)), Some(Duration::from_secs(2)));
        for outcome in [Outcome::WrongId, Outcome::WrongCurrency, Outcome::TestPayment, Outcome::Elsewhere, Outcome::Late, Outcome::Changed]
        {
            assert_eq!(outcome.is_worth_another_try(), None, "{outcome:?}");
        }
    }

    #[test]
    fn an_answer_is_behind_what_an_event_claims_only_if_that_comes_later() {
        for (state, claimed, behind) in [
            (State::Ready, State::Paid, true),
            (State::AwaitingDeposit, State::Paid, true),
            (State::Failed, State::Paid, true),
            (State::Paid, State::Cancelled, true),
            (State::Paid, State::PartlyCancelled, true),
            (State::Paid, State::Paid, false),
            (State::Paid, State::AwaitingDeposit, false),
            (State::Cancelled, State::Paid, false),
            (State::Expired, State::Paid, false),
            (State::Unknown, State::Paid, true),
        ] {
            assert_eq!(state.is_behind(claimed), behind, "{state:?} {claimed:?}");
        }
    }

    fn a_state() -> impl Strategy<Value = State> {
        prop::sample::select(State::ALL.to_vec())
    }

    proptest! {
        /// Whatever the provider answers, in whatever order: what was cancelled stays so, money that was given back does not return,
        /// and only newer questions change anything.
        #[test]
        fn no_order_of_answers_takes_a_payment_backwards(answers in prop::collection::vec((a_state(), 0i64..60, 0i64..=1_000), 1..30)) {
            let mut now = known(State::Heard, None);
            for (state, asked, balance) in answers.into_iter().filter(|(state, ..)| *state != State::Heard) {
                let balance = if state.has_money() { balance } else { 0 };
                let seen = Seen { balance, ..seen(state) };
                let outcome = outcome(&now, at(asked), &Ok(seen.clone()), false);
                if outcome.counts() {
                    prop_assert!(now.asked_at.is_none_or(|last| last < at(asked)));
                    prop_assert!(now.state != State::Cancelled || state == State::Cancelled);
                    if now.state == State::PartlyCancelled && state.has_money() {
                        prop_assert!(now.balance >= Some(balance));
                    }
                    let (once_paid, least_left) = peak(&now, &seen);
                    if let (Some(was), true) = (now.least_left, state.has_money()) {
                        prop_assert!(balance <= was, "money came back");
                    }
                    now = Payment { state, balance: Some(balance), amount: Some(1_000), once_paid, least_left, asked_at: Some(at(asked)), ..now };
                }
            }
        }
    }
}
