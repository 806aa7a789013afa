//! What is sold, and what a period of it costs: plans and add-ons, whose price lists come in versions. A version is published by a
//! countersigned request and never changed; the next one begins where it ends.
pub mod api;
pub mod charges;
pub mod drafts;
pub mod estimate;
pub mod prices;
pub mod pricing;
pub mod promotions;
pub mod publish;
mod store;
pub mod web;
pub mod withdraw;
pub mod words;

pub use store::{Product, Version};

use chrono::{NaiveDate, Utc};
use chrono_tz::Asia::Seoul;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can be sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Plan,
    // something on top of a plan, so many of it; a plain comment, since one for the schema would make it no choice
    Addon,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Plan, Kind::Addon];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Plan => "plan",
            Kind::Addon => "addon",
        }
    }

    /// Where its pages are, below `/catalog`.
    pub fn path(self) -> &'static str {
        match self {
            Kind::Plan => "plans",
            Kind::Addon => "addons",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What prices are in; amounts are whole units of the smallest there is: won, and cents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Currency {
    #[default]
    #[serde(rename = "KRW")]
    Krw,
    #[serde(rename = "USD")]
    Usd,
}

impl Currency {
    pub const ALL: [Currency; 2] = [Currency::Krw, Currency::Usd];

    /// ISO 4217.
    pub fn code(self) -> &'static str {
        match self {
            Currency::Krw => "KRW",
            Currency::Usd => "USD",
        }
    }

    pub fn named(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|currency| currency.code() == code)
    }
}

/// Where a version is in its life, on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Scheduled,
    Active,
    Archived,
    Withdrawn,
}

impl Standing {
    pub fn name(self) -> &'static str {
        match self {
            Standing::Scheduled => "scheduled",
            Standing::Active => "active",
            Standing::Archived => "archived",
            Standing::Withdrawn => "withdrawn",
        }
    }
}

/// From `starts` on, to the day before `ends`; without an end until another one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Days {
    pub starts: NaiveDate,
    pub ends: Option<NaiveDate>,
}

impl Days {
    pub fn has(&self, day: NaiveDate) -> bool {
        self.starts <= day && self.ends.is_none_or(|ends| day < ends)
    }

    fn meets(&self, other: &Days) -> bool {
        let before = |end: Option<NaiveDate>, start: NaiveDate| end.is_some_and(|end| end <= start);
        !before(self.ends, other.starts) && !before(other.ends, self.starts)
    }
}

impl std::fmt::Display for Days {
    /// As people read it: the first day and the last.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.ends.and_then(|ends| ends.pred_opt()) {
            Some(last) => write!(f, "{} ~ {last}", self.starts),
            None => write!(f, "{} ~", self.starts),
        }
    }
}

impl Version {
    pub fn standing(&self, today: NaiveDate) -> Standing {
        match self.days {
            _ if self.withdrawn_at.is_some() => Standing::Withdrawn,
            Days { starts, .. } if today < starts => Standing::Scheduled,
            days if days.has(today) => Standing::Active,
            _ => Standing::Archived,
        }
    }
}

/// The day it is in Korea.
pub fn today() -> NaiveDate {
    Utc::now().with_timezone(&Seoul).date_naive()
}

/// How a product is called in addresses and requests: a small letter or digit, and then dashes, too.
pub fn is_code(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 40 && !["new", "draft"].contains(&text) && text.starts_with(plain) && text.chars().all(|c| plain(c) || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(n: u8) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::TimeDelta::days(n.into())
    }

    proptest! {
        #[test]
        fn days_meet_exactly_when_they_have_one_in_common(a in 0_u8..40, b in 0_u8..40, c in proptest::option::of(1_u8..40), d in proptest::option::of(1_u8..40)) {
            let one = Days { starts: day(a), ends: c.map(|c| day(a + c)) };
            let two = Days { starts: day(b), ends: d.map(|d| day(b + d)) };
            let common = (0..=100).any(|n| one.has(day(n)) && two.has(day(n)));
            prop_assert_eq!(one.meets(&two), common);
            prop_assert_eq!(two.meets(&one), common);
        }
    }
}
