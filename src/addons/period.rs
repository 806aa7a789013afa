//! The days that one invoice is for: a month that begins on the subscription's own day.
use crate::catalog::{Days, pricing::Share};
use chrono::{Datelike, Months, NaiveDate};
use serde::Serialize;
use std::num::NonZeroU32;

/// From `starts` to the day before `ends`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    pub starts: NaiveDate,
    pub ends: NaiveDate,
}

impl Period {
    /// The one that begins in a month; `anchor` is a day that every month has, 1 to 28. `None` at the end of the calendar.
    pub fn beginning(month: NaiveDate, anchor: u32) -> Option<Self> {
        let starts = month.with_day(anchor.clamp(1, 28))?;
        Some(Self { starts, ends: starts.checked_add_months(Months::new(1))? })
    }

    /// The one that a day belongs to.
    pub fn of(day: NaiveDate, anchor: u32) -> Option<Self> {
        let back = if day.day() < anchor.clamp(1, 28) { 1 } else { 0 };
        Self::beginning(day.with_day(1)?.checked_sub_months(Months::new(back))?, anchor)
    }

    pub fn days(&self) -> Days {
        Days { starts: self.starts, ends: Some(self.ends) }
    }

    /// How much of the period lies within all of these days; nothing, if none of it does.
    pub fn share(&self, within: &[Days]) -> Option<Share> {
        let starts = within.iter().map(|days| days.starts).fold(self.starts, NaiveDate::max);
        let ends = within.iter().filter_map(|days| days.ends).fold(self.ends, NaiveDate::min);
        let (days, of) = ((ends - starts).num_days(), (self.ends - self.starts).num_days());
        let share = Share { days: u32::try_from(days).ok()?, of: NonZeroU32::new(u32::try_from(of).ok()?)? };
        (share.days > 0).then_some(share)
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.days().fmt(f)
    }
}

/// `2026-11` as the first day of that month.
pub fn month(text: &str) -> Option<NaiveDate> {
    let (year, month) = text.trim().split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2)?;
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(y: i32, m: u32, d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(y, m, d).unwrap()
    }

    #[test]
    fn a_month_begins_on_its_own_day() {
        let of = |d, anchor| Period::of(d, anchor).unwrap().to_string();
        assert_eq!(of(day(2026, 11, 30), 1), "2026-11-01 ~ 2026-11-30");
        assert_eq!(of(day(2026, 11, 14), 15), "2026-10-15 ~ 2026-11-14");
        assert_eq!(of(day(2027, 1, 3), 28), "2026-12-28 ~ 2027-01-27");
        let november = Period::of(day(2026, 11, 1), 1).unwrap();
        let share = |starts, ends| november.share(&[Days { starts, ends }]).map(|share| (share.days, share.of.get()));
        assert_eq!(share(day(2026, 1, 1), None), Some((30, 30)));
        assert_eq!(share(day(2026, 11, 18), None), Some((13, 30)));
        assert_eq!(share(day(2026, 11, 18), Some(day(2026, 11, 19))), Some((1, 30)));
        assert_eq!(share(day(2026, 12, 1), None), None);
        assert_eq!(month("2026-11"), Some(day(2026, 11, 1)));
        for bad in ["", "2026", "2026-13", "26-11", "2026-1", "2026-11-01", "++26-11"] {
            assert_eq!(month(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_day_belongs_to_the_period_that_has_it(n in 0_i64..20_000, anchor in 1_u32..29, cut in 0_i64..40) {
            let d = day(2000, 1, 1) + chrono::TimeDelta::days(n);
            let period = Period::of(d, anchor).unwrap();
            prop_assert!(period.days().has(d) && period.starts.day() == anchor);
            prop_assert_eq!(Period::of(period.ends, anchor).unwrap().starts, period.ends);
            // cut in two, all of its days are in one of the parts
            let at = period.starts + chrono::TimeDelta::days(cut);
            let part = |starts, ends| period.share(&[Days { starts, ends }]).map_or(0, |share| share.days);
            prop_assert_eq!(part(period.starts, Some(at)) + part(at, None), period.share(&[]).unwrap().days);
        }
    }
}
