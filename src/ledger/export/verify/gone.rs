//! Events of which an export has the hashes alone, because they went with their month: only where the log itself says that the month
//! was retired, and with so many events. Otherwise a hash alone would be a way to hide what happened.
use crate::ledger::retire::Month;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(super) struct Gone {
    /// What is gone of a month.
    months: BTreeMap<String, Range>,
    /// What the log says was retired.
    vouched: BTreeMap<String, Range>,
    /// Months of which events are here.
    here: BTreeSet<String>,
}

/// So many events from one place to another; others may stand between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    events: u64,
    first: u64,
    last: u64,
}

/// The month that this leaf says was retired, if it says so, and if that month was old enough then.
pub(super) fn voucher(leaf: &Value) -> Option<(String, Range)> {
    let (vouches, facts) = (leaf["kind"] == "ledger.retired" && leaf["outcome"] == "success", &leaf["facts"]);
    let month = facts["month"].as_str().filter(|_| vouches)?;
    Month::parse(month).filter(|month| leaf["at"].as_str().and_then(|at| at.parse().ok()).is_some_and(|at| month.may_go(at)))?;
    Some((month.to_owned(), Range { events: facts["events"].as_u64()?, first: facts["first"].as_u64()?, last: facts["last"].as_u64()? }))
}

impl Gone {
    pub fn event(&mut self, month: &str, index: u64) {
        match self.months.get_mut(month) {
            Some(range) => (range.events, range.last) = (range.events + 1, index),
            None => drop(self.months.insert(month.to_owned(), Range { events: 1, first: index, last: index })),
        }
    }

    /// An event that is here, of this time.
    pub fn here(&mut self, at: &str) {
        let month = at.get(..7).unwrap_or_default();
        if !self.here.contains(month) {
            self.here.insert(month.to_owned());
        }
    }

    pub fn vouch(&mut self, (month, range): (String, Range)) {
        self.vouched.insert(month, range);
    }

    /// Months that nothing in the log accounts for, and why.
    pub fn faults(&self) -> impl Iterator<Item = (String, String)> {
        self.months.iter().filter_map(|(month, gone)| {
            // what vouched for an older month may itself have gone with a later one
            let went_later = || self.vouched.iter().any(|(later, range)| later > month && gone.last < range.last);
            let what = match self.vouched.get(month) {
                // a month goes as a whole
                _ if self.here.contains(month) => format!("{} of its events are gone, and others are here", gone.events),
                Some(range) if range == gone => return None,
                Some(range) => format!("{} of its events are gone, and {} were retired", gone.events, range.events),
                None if went_later() => return None,
                None => format!("{} of its events are gone, and no event says that they were retired", gone.events),
            };
            Some((format!("retired month {month}"), what))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn retired(month: &str, events: u64, first: u64, last: u64) -> (String, Range) {
        let facts = json!({"month": month, "events": events, "first": first, "last": last});
        voucher(&json!({"kind": "ledger.retired", "outcome": "success", "at": "2026-06-01T00:00:00.000Z", "facts": facts})).unwrap()
    }

    fn told(gone: &Gone) -> Vec<String> {
        gone.faults().map(|(place, what)| format!("{place}: {what}")).collect()
    }

    #[test]
    fn what_is_gone_must_be_what_was_retired() {
        let facts = json!({"month": "2024-01", "events": 1, "first": 0, "last": 0});
        let says = |kind: &str, at: &str| voucher(&json!({"kind": kind, "outcome": "success", "at": at, "facts": facts}));
        assert!(says("ledger.retired", "2025-02-01T00:00:00.000Z").is_some());
        assert_eq!(says("ledger.read", "2025-02-01T00:00:00.000Z"), None);
        assert_eq!(says("ledger.retired", "2025-01-31T00:00:00.000Z"), None, "the twelve months before stay");
        let mut gone = Gone::default();
        [3, 4, 7].into_iter().for_each(|index| gone.event("2024-01", index));
        assert_eq!(told(&gone), ["retired month 2024-01: 3 of its events are gone, and no event says that they were retired"]);
        gone.vouch(retired("2024-01", 3, 3, 7));
        assert_eq!(told(&gone), [""; 0]);
        gone.here("2024-02-01T00:00:00.000Z");
        assert_eq!(told(&gone), [""; 0]);
        // one more is hidden among them
        gone.event("2024-01", 9);
        assert_eq!(told(&gone), ["retired month 2024-01: 4 of its events are gone, and 3 were retired"]);
    }

    #[test]
    fn what_vouched_for_a_month_may_have_gone_with_a_later_one() {
        let mut gone = Gone::default();
        gone.event("2024-01", 3);
        gone.event("2025-03", 9);
        gone.vouch(retired("2025-03", 1, 9, 9));
        assert_eq!(told(&gone), [""; 0]);
        gone.here("2024-01-31T23:59:59.999Z");
        assert_eq!(told(&gone)[0], "retired month 2024-01: 1 of its events are gone, and others are here");
        gone.here.clear();
        // but nothing newer hides behind an older month
        gone.event("2024-01", 12);
        assert_eq!(told(&gone).len(), 1);
    }
}
