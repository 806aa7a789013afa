//! Promotions: codes with terms that never change. A code names the same promotion for ever, however it is typed.
pub mod close;
pub mod open;
pub(super) mod store;
pub mod web;

pub use store::{Offer, Terms, count, find};

use super::{
    Currency, Days,
    pricing::{Off, Promotion},
};
use crate::{
    error::{Error, Problem},
    i18n::msg,
};
use chrono::NaiveDate;
use serde::Serialize;
use sqlx::PgConnection;

/// Where a promotion is in its life, on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Scheduled,
    Active,
    /// As many redeemed it as may.
    Exhausted,
    Ended,
}

impl Offer {
    pub fn standing(&self, today: NaiveDate) -> Standing {
        match self.days {
            None => Standing::Ended,
            Some(Days { starts, .. }) if today < starts => Standing::Scheduled,
            Some(days) if !days.has(today) => Standing::Ended,
            _ if self.most.is_some_and(|most| self.redeemed >= most) => Standing::Exhausted,
            _ => Standing::Active,
        }
    }

    /// As pricing takes it.
    pub fn terms(&self) -> Promotion {
        Promotion { code: self.code.clone(), off: self.terms.off, on: self.terms.on.clone() }
    }

    pub fn fits(&self, plan: &str) -> bool {
        self.plans.is_empty() || self.plans.iter().any(|code| code == plan)
    }
}

impl Off {
    fn is_sensible(self) -> bool {
        match self {
            Off::Share(share) => {
                share > rust_decimal::Decimal::ZERO && share <= rust_decimal::Decimal::ONE && share.normalize().scale() <= 6
            }
            Off::Won(won) => (1..=super::charges::MAX_PRICE).contains(&won),
        }
    }
}

/// One spelling for all that people type.
pub fn spelt(code: &str) -> String {
    code.trim().to_uppercase()
}

pub fn is_code(code: &str) -> bool {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    (3..=40).contains(&code.len()) && code.starts_with(plain) && code.chars().all(|c| plain(c) || c == '-')
}

/// The terms of these codes for a plan on a day, or what keeps one of them from being used.
pub async fn terms(
    conn: &mut PgConnection,
    codes: &[String],
    plan: Option<&str>,
    currency: Currency,
    on: NaiveDate,
) -> Result<Vec<Promotion>, Error> {
    let mut problems = Vec::new();
    let mut terms: Vec<Promotion> = Vec::new();
    for code in codes.iter().map(|code| spelt(code)).filter(|code| !code.is_empty()) {
        let text = match store::find(conn, &code).await? {
            None => msg::promotion_unknown(&code),
            Some(_) if terms.iter().any(|t| t.code == code) => msg::promotion_twice(&code),
            Some(offer) if plan.is_some_and(|plan| !offer.fits(plan)) => msg::promotion_other_plans(&code, offer.plans.join(", ")),
            Some(offer) if matches!(offer.terms.off, Off::Won(_)) && currency != Currency::Krw => {
                msg::promotion_other_currency(&code, currency.code())
            }
            Some(offer) => match offer.standing(on) {
                Standing::Active => {
                    terms.push(offer.terms());
                    continue;
                }
                Standing::Exhausted => msg::promotion_exhausted(&code),
                Standing::Scheduled | Standing::Ended => msg::promotion_not_on(&code, on.to_string()),
            },
        };
        problems.push(Problem::new("promotions", text));
    }
    if problems.is_empty() { Ok(terms) } else { Err(Error::Invalid(problems)) }
}
