//! What a period would cost: a price list, a usage, add-ons and promotions that somebody names, priced as an invoice would be.
use super::{
    Currency, Kind, Version,
    charges::{Charge, Model},
    prices,
    pricing::{Addon, Invoice, Off, Order, Promotion, Share, Usage, Vat, price},
    promotions, store, today,
};
use crate::{
    documents::tidy,
    error::{Error, Problem},
    i18n::msg,
};
use chrono::NaiveDate;
use sqlx::PgConnection;
use std::{collections::BTreeMap, num::NonZeroU32};

/// So many of one add-on are the most that anybody means.
const MOST: u32 = 1_000_000;
/// And so many different ones.
const MOST_KINDS: usize = 50;

/// What is asked, beside the price list.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// What was used of each metric.
    pub usage: Usage,
    /// How many of each add-on, by code.
    pub addons: BTreeMap<String, u32>,
    /// Codes of promotions, however they are spelt.
    pub promotions: Vec<String>,
    /// Terms that were copied when a tenant redeemed them: these hold whatever has become of their codes.
    pub redeemed: Vec<Promotion>,
    /// The plan they have to be for.
    pub plan: Option<String>,
    /// So many days of the period's days; all of them, if nothing is said.
    pub days: Option<(u32, u32)>,
    pub vat: Vat,
}

/// A price list that was published, as it is read.
pub struct Listed {
    pub version: Version,
    pub charges: Vec<Charge>,
}

/// The version of a product that is asked for by its number, or the one in force on a day, in won unless said otherwise.
pub async fn find(
    conn: &mut PgConnection,
    kind: Kind,
    code: &str,
    version: Option<i32>,
    on: Option<NaiveDate>,
    currency: Currency,
) -> Result<Option<Listed>, Error> {
    let on = on.unwrap_or_else(today);
    let wanted = |v: &Version| match version {
        Some(number) => v.version == number,
        None => v.currency == currency && v.withdrawn_at.is_none() && v.days.has(on),
    };
    let Some(version) = store::versions(conn, kind, code).await?.into_iter().find(wanted) else { return Ok(None) };
    let charges = prices::read_for(kind, &tidy(&version.document))
        .map_err(|faults| anyhow::anyhow!("{} {code} version {} cannot be read: {faults:?}", kind.name(), version.version))?;
    Ok(Some(Listed { version, charges }))
}

/// Its invoice, or what is wrong with the question.
pub async fn estimate(
    conn: &mut PgConnection,
    charges: &[Charge],
    currency: Currency,
    q: &Question,
    on: NaiveDate,
) -> Result<Invoice, Error> {
    for (field, count) in [("usage", q.usage.len()), ("addons", q.addons.len()), ("promotions", q.promotions.len())] {
        if count > MOST_KINDS {
            return Err(Error::Invalid(vec![Problem::new(field, msg::estimate_too_many_kinds(MOST_KINDS))]));
        }
    }
    let mut problems = Vec::new();
    let mut addons = Vec::new();
    for (code, quantity) in q.addons.iter().filter(|(_, quantity)| **quantity > 0) {
        match find(conn, Kind::Addon, code, None, Some(on), currency).await? {
            _ if *quantity > MOST => problems.push(Problem::new("addons", msg::estimate_too_many(code, i64::from(MOST)))),
            Some(listed) => addons.extend(listed.charges.iter().filter_map(|charge| match charge.model {
                Model::Flat { amount } => Some(Addon { key: code.clone(), price: amount, quantity: *quantity, share: None }),
                _ => None,
            })),
            None => problems.push(Problem::new("addons", msg::estimate_addon_unknown(code, on.to_string()))),
        }
    }
    let metrics: Vec<&str> = charges.iter().filter_map(|charge| charge.metric.as_deref()).collect();
    let unknown: Vec<&str> = q.usage.keys().map(String::as_str).filter(|metric| !metrics.contains(metric)).collect();
    if !unknown.is_empty() {
        problems.push(Problem::new("usage", msg::estimate_metric_unknown(metrics.join(", "), unknown.join(", "))));
    }
    for kept in &q.redeemed {
        if matches!(kept.off, Off::Won(_)) && currency != Currency::Krw {
            problems.push(Problem::new("promotions", msg::promotion_other_currency(&kept.code, currency.code())));
        }
        if q.promotions.iter().any(|code| promotions::spelt(code) == kept.code) {
            problems.push(Problem::new("promotions", msg::promotion_twice(&kept.code)));
        }
    }
    let tried = match promotions::terms(conn, &q.promotions, q.plan.as_deref(), currency, on).await {
        Ok(terms) => terms,
        Err(Error::Invalid(found)) => {
            problems.extend(found);
            Vec::new()
        }
        Err(other) => return Err(other),
    };
    let promotions = [q.redeemed.clone(), tried].concat();
    let share = match q.days {
        None => Some(Share::WHOLE),
        Some((days, of)) => NonZeroU32::new(of).filter(|of| days <= of.get() && of.get() <= 366).map(|of| Share { days, of }),
    };
    if share.is_none() {
        problems.push(Problem::new("days", msg::estimate_days_wrong()));
    }
    let Some(share) = share.filter(|_| problems.is_empty()) else { return Err(Error::Invalid(problems)) };
    let order = Order { charges, usage: &q.usage, addons: &addons, promotions: &promotions, share, vat: q.vat };
    price(&order).map_err(|_| Error::Invalid(vec![Problem::new("usage", msg::estimate_too_much())]))
}
