//! What a change in the middle of a period costs. The flat charges of the days that are left are taken back from the one price list and
//! charged by the other, each rounded on its own, since each stands on the invoice. Usage is not among them: what was used until the day
//! before is priced by the old list, and what is used from that day on by the new one.
use crate::catalog::{
    charges::{Charge, Kind},
    pricing::{self, Invoice, Line, Promotion, Share, TooMuch, Vat},
};
use chrono::{Datelike, Days, Months, NaiveDate};
use std::num::NonZeroU32;

/// The period that a day is in: from its first day to the day before the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub begins: NaiveDate,
    pub ends: NaiveDate,
}

impl Period {
    /// Months that begin on the anchor day, which every month has: 28 at most.
    pub fn of(anchor: u32, day: NaiveDate) -> Self {
        let anchor = anchor.clamp(1, 28);
        let begins = day.with_day(anchor).unwrap_or(day);
        let begins = if begins > day { begins - Months::new(1) } else { begins };
        Self { begins, ends: begins + Months::new(1) }
    }

    /// How many days it has.
    pub fn days(&self) -> u32 {
        u32::try_from((self.ends - self.begins).num_days()).unwrap_or(1).max(1)
    }

    /// The share of it from a day on, that day included.
    pub fn rest(&self, from: NaiveDate) -> Share {
        let left = u32::try_from((self.ends - from.clamp(self.begins, self.ends)).num_days()).unwrap_or(0);
        Share { days: left, of: NonZeroU32::new(self.days()).unwrap_or(NonZeroU32::MIN) }
    }

    /// Its last day.
    pub fn last(&self) -> NaiveDate {
        self.ends - Days::new(1)
    }
}

/// What comes of a change from one price list to another on a day. Amounts are won, without VAT unless they say so.
#[derive(Clone, Debug)]
pub struct Proration {
    pub period: Period,
    pub rest: Share,
    /// What is taken back and charged, in this order, with VAT on what is left of both.
    pub invoice: Invoice,
    taken_back: usize,
}

impl Proration {
    /// On the first day of a period there is nothing to take back and nothing to charge for a part of it: the period is charged as a whole
    /// by the list that holds in it.
    pub fn of(anchor: u32, day: NaiveDate, from: &[Charge], to: &[Charge], promotions: &[Promotion]) -> Result<Self, TooMuch> {
        let period = Period::of(anchor, day);
        let rest = period.rest(day);
        let (from, to) = if day == period.begins { (&[][..], &[][..]) } else { (from, to) };
        let taken_back = from.iter().filter(|charge| charge.kind() == Kind::Base).count();
        Ok(Self { period, rest, invoice: pricing::change(from, to, promotions, rest, Vat::default())?, taken_back })
    }

    pub fn taken_back(&self) -> &[Line] {
        &self.invoice.lines[..self.taken_back]
    }

    pub fn charged(&self) -> &[Line] {
        &self.invoice.lines[self.taken_back..]
    }

    /// Never above zero.
    pub fn credit(&self) -> i64 {
        self.taken_back().iter().map(|line| line.supply).sum()
    }

    pub fn charge(&self) -> i64 {
        self.charged().iter().map(|line| line.supply).sum()
    }

    /// Whether the day is within a period, so that something is split.
    pub fn splits(&self) -> bool {
        self.rest.days < self.rest.of.get()
    }

    /// What of a metric is included in this period: so much of the old list's for the days before, and of the new one's for the rest.
    pub fn included(&self, metric: &str, from: &[Charge], to: &[Charge]) -> u64 {
        let of = |charges: &[Charge], days: u32| -> u64 {
            let part = |included: u64| u128::from(included) * u128::from(days) / u128::from(self.rest.of.get());
            charges
                .iter()
                .filter(|charge| charge.metric.as_deref() == Some(metric))
                .map(|c| u64::try_from(part(c.included)).unwrap_or(u64::MAX))
                .sum()
        };
        of(from, self.rest.of.get() - self.rest.days).saturating_add(of(to, self.rest.days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{charges::Model, pricing::Off};
    use proptest::prelude::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn flat(amount: i64) -> Vec<Charge> {
        vec![Charge { key: "base".into(), metric: None, included: 0, model: Model::Flat { amount } }]
    }

    fn tokens(included: u64) -> Vec<Charge> {
        let model = Model::PerUnit { per: NonZeroU64::MIN, price: 1.into() };
        vec![Charge { key: "overage".into(), metric: Some("tokens".into()), included, model }]
    }
    use std::num::NonZeroU64;

    /// Case 3 of the acceptance numbers.
    #[test]
    fn fourteen_days_of_thirty_one_are_left() {
        let change = Proration::of(1, day("2026-10-18"), &flat(900_000), &flat(1_500_000), &[]).unwrap();
        assert_eq!((change.rest.days, change.rest.of.get()), (14, 31));
        assert_eq!((change.credit(), change.charge(), change.invoice.supply), (-406_452, 677_419, 270_967));
        assert_eq!((change.invoice.vat, change.invoice.total), (27_096, 298_063));
        assert_eq!(change.period, Period { begins: day("2026-10-01"), ends: day("2026-11-01") });
        assert_eq!(change.included("tokens", &tokens(5_000_000), &tokens(20_000_000)), 11_774_193);
    }

    /// What was 15 % cheaper is taken back 15 % cheaper, and so many won off a period are off a part of it in proportion.
    #[test]
    fn what_a_promotion_took_off_is_not_given_back() {
        let off = |code: &str, off| Promotion { code: code.into(), off, on: [Kind::Base].into() };
        let launch = [off("LAUNCH15", Off::Share("0.15".parse().unwrap()))];
        let ends = Proration::of(1, day("2026-10-18"), &flat(1_500_000), &[], &launch).unwrap();
        assert_eq!((ends.credit(), ends.charge()), (-575_806, 0), "677,419 less 15 % of it");
        let free = [off("FREE", Off::Share(1.into()))];
        assert_eq!(Proration::of(1, day("2026-10-18"), &flat(900_000), &flat(1_500_000), &free).unwrap().invoice.total, 0);
        let won = [off("WON", Off::Won(100_000))];
        let change = Proration::of(1, day("2026-10-18"), &flat(900_000), &flat(1_500_000), &won).unwrap();
        assert_eq!((change.credit(), change.charge()), (-406_452 + 45_161, 677_419 - 45_161), "100,000 × 14/31 = 45,161.29");
    }

    #[test]
    fn nothing_is_split_on_the_first_day_and_only_what_is_flat_is() {
        let first = Proration::of(1, day("2026-10-01"), &flat(900_000), &flat(1_500_000), &[]).unwrap();
        assert_eq!((first.splits(), first.credit(), first.charge(), first.invoice.total), (false, 0, 0, 0));
        let usage = Proration::of(1, day("2026-10-18"), &tokens(5), &tokens(7), &[]).unwrap();
        assert_eq!((usage.splits(), usage.invoice.lines.len()), (true, 0));
        let ends = Proration::of(1, day("2026-10-18"), &flat(900_000), &[], &[]).unwrap();
        assert_eq!((ends.credit(), ends.charge()), (-406_452, 0));
    }

    #[test]
    fn a_period_begins_on_its_anchor_day() {
        assert_eq!(Period::of(15, day("2026-03-14")), Period { begins: day("2026-02-15"), ends: day("2026-03-15") });
        assert_eq!(Period::of(15, day("2026-03-15")), Period { begins: day("2026-03-15"), ends: day("2026-04-15") });
        assert_eq!(Period::of(28, day("2027-01-03")), Period { begins: day("2026-12-28"), ends: day("2027-01-28") });
        assert_eq!(Period::of(1, day("2028-02-29")).days(), 29);
    }

    proptest! {
        /// Charged until the change and credited, or charged for the days before it: the two differ by their rounding and by nothing else.
        /// A price list that changes into itself costs nothing at all.
        #[test]
        fn a_split_period_never_differs_from_the_whole_by_more_than_its_rounding(
            was in 0_i64..10_000_000_000, is in 0_i64..10_000_000_000, anchor in 1_u32..29, after in 0_u64..4_000,
        ) {
            let at = day("2024-01-01") + Days::new(after);
            let period = Period::of(anchor, at);
            prop_assert!(period.begins <= at && at < period.ends && (28..=31).contains(&period.days()));
            let change = Proration::of(anchor, at, &flat(was), &flat(is), &[]).unwrap();
            prop_assert!(change.credit() <= 0 && change.charge() >= 0);
            prop_assert_eq!(change.credit() + change.charge(), change.invoice.supply);
            prop_assert_eq!(change.invoice.lines.iter().map(|line| line.total).sum::<i64>(), change.invoice.total);
            // the old price for the days before the change, and the new one for those after it, in parts of a won
            let (of, left) = (i128::from(period.days()), i128::from(change.rest.days));
            let exact = |before: i128, after: i128| (i128::from(was) * before + i128::from(is) * after, of);
            let paid = i128::from(was + change.credit() + change.charge());
            let (split, of) = if change.splits() { exact(of - left, left) } else { exact(of, 0) };
            prop_assert!((paid * of - split).abs() <= of, "each of the two is rounded by half a won at the most");
            let same = Proration::of(anchor, at, &flat(was), &flat(was), &[]).unwrap();
            prop_assert_eq!((same.invoice.supply, same.invoice.total), (0, 0));
        }

        /// Split twice, a period still costs the sum of its parts but for a won for each rounding.
        #[test]
        fn parts_of_a_period_add_up(price in 0_i64..10_000_000_000, first in 1_u32..29, second in 1_u32..29) {
            let period = Period::of(1, day("2026-10-01"));
            let part = |days: u32| {
                let at = period.ends - Days::new(days.into());
                Proration::of(1, at, &[], &flat(price), &[]).unwrap().charge()
            };
            let (short, long) = (first.min(second), first.max(second));
            let between = i128::from(part(long) - part(short)) * 31;
            prop_assert!((between - i128::from(price) * i128::from(long - short)).abs() <= 31);
        }
    }
}
