//! What a plan charges for, how it is counted, and what is wrong with a price list before anybody is charged by it.
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::{collections::HashSet, num::NonZeroU64};

/// The highest price of anything, in won, and the most decimal places of one.
pub const MAX_PRICE: i64 = 1_000_000_000_000;
pub const MAX_PLACES: u32 = 6;

/// One thing that a plan charges for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Names it within its price list: `base`, `overage`.
    pub key: String,
    /// What is counted: `tokens`, or `processed` for the won that were processed. A flat charge counts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// So much of it costs nothing in a whole period.
    #[serde(default)]
    pub included: u64,
    #[serde(flatten)]
    pub model: Model,
}

/// How a quantity becomes money. Prices are won for each `per`, and may have decimal places; won themselves have none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum Model {
    /// So many won for the period, and half of them for half of it.
    Flat {
        amount: i64,
    },
    PerUnit {
        per: NonZeroU64,
        price: Decimal,
    },
    /// Each part of the quantity at the price of the tier it falls into.
    Graduated {
        per: NonZeroU64,
        tiers: Vec<Tier>,
    },
    /// All of the quantity at the price of the tier it reaches. What is paid can fall when more is used: see [`Charge::drops`].
    Volume {
        per: NonZeroU64,
        tiers: Vec<Tier>,
    },
    /// Whole packages: one that was begun counts.
    Package {
        size: NonZeroU64,
        price: Decimal,
    },
    /// A share of a sum of won: 0.025 is 2.5 %.
    Percentage {
        rate: Decimal,
    },
}

/// From where the tier before it ends up to and with `up_to`; the last one is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u64>,
    pub price: Decimal,
    /// Won that come on top as soon as the tier is reached.
    #[serde(default)]
    pub flat: i64,
}

/// What a line of an invoice is for. Also the order of an invoice's lines, and what a promotion may be limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Base,
    Addon,
    Usage,
    Fee,
}

/// What is wrong with a price list: with which charge, and for tiers with which of them, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub charge: usize,
    pub tier: Option<usize>,
    pub what: Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    NoKey,
    SameKey,
    /// It counts something and does not say what; or it counts nothing and says what.
    Metric,
    Negative,
    TooMuch,
    TooManyPlaces,
    /// Of a percentage: not between 0 and 1.
    Rate,
    NoTiers,
    /// A tier that ends before or where the one before it does: what belongs to which would go in a circle.
    TierOrder,
    /// The last tier ends, so that there is no price beyond.
    NoOpenTier,
    /// One that is not the last has no end.
    OpenTier,
}

impl Charge {
    pub fn kind(&self) -> Kind {
        match self.model {
            Model::Flat { .. } => Kind::Base,
            Model::Percentage { .. } => Kind::Fee,
            _ => Kind::Usage,
        }
    }

    /// Where more usage costs less: the last quantity that still costs more than the one behind it. For whoever edits the price list.
    pub fn drops(&self) -> Vec<u64> {
        let Model::Volume { per, tiers } = &self.model else { return Vec::new() };
        let cost = |tier: &Tier, quantity: u64| {
            let unrounded = Decimal::from(quantity).checked_mul(tier.price)?.checked_div(Decimal::from(per.get()))?;
            unrounded.checked_add(Decimal::from(tier.flat))
        };
        let falls = |pair: &&[Tier]| {
            let Some(end) = pair[0].up_to.filter(|end| *end < u64::MAX) else { return false };
            matches!((cost(&pair[0], end), cost(&pair[1], end + 1)), (Some(at), Some(behind)) if behind < at)
        };
        tiers.windows(2).filter(falls).filter_map(|pair| pair[0].up_to).collect()
    }
}

/// Everything that is wrong with a price list; nothing, if it can be charged by.
pub fn faults(charges: &[Charge]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut keys = HashSet::new();
    for (place, charge) in charges.iter().enumerate() {
        let mut wrong = |tier, what| faults.push(Fault { charge: place, tier, what });
        if charge.key.trim().is_empty() {
            wrong(None, Wrong::NoKey);
        } else if !keys.insert(&charge.key) {
            wrong(None, Wrong::SameKey);
        }
        if charge.metric.is_none() != matches!(charge.model, Model::Flat { .. }) {
            wrong(None, Wrong::Metric);
        }
        match &charge.model {
            Model::Flat { amount } => amount_is_wrong(*amount).into_iter().for_each(|what| wrong(None, what)),
            Model::PerUnit { price, .. } | Model::Package { price, .. } => {
                price_is_wrong(*price).into_iter().for_each(|what| wrong(None, what));
            }
            Model::Percentage { rate } => {
                if *rate < Decimal::ZERO || *rate > Decimal::ONE {
                    wrong(None, Wrong::Rate);
                } else if rate.normalize().scale() > MAX_PLACES {
                    wrong(None, Wrong::TooManyPlaces);
                }
            }
            Model::Graduated { tiers, .. } | Model::Volume { tiers, .. } => tiers_are_wrong(tiers, wrong),
        }
    }
    faults
}

fn tiers_are_wrong(tiers: &[Tier], mut wrong: impl FnMut(Option<usize>, Wrong)) {
    let Some(last) = tiers.len().checked_sub(1) else { return wrong(None, Wrong::NoTiers) };
    let mut begin = 0;
    for (place, tier) in tiers.iter().enumerate() {
        match tier.up_to {
            Some(end) if end <= begin => wrong(Some(place), Wrong::TierOrder),
            Some(end) => begin = end,
            None if place < last => wrong(Some(place), Wrong::OpenTier),
            None => {}
        }
        if place == last && tier.up_to.is_some() {
            wrong(Some(place), Wrong::NoOpenTier);
        }
        for what in price_is_wrong(tier.price).into_iter().chain(amount_is_wrong(tier.flat)) {
            wrong(Some(place), what);
        }
    }
}

fn price_is_wrong(price: Decimal) -> Option<Wrong> {
    match price {
        price if price < Decimal::ZERO => Some(Wrong::Negative),
        price if price > Decimal::from(MAX_PRICE) => Some(Wrong::TooMuch),
        price if price.normalize().scale() > MAX_PLACES => Some(Wrong::TooManyPlaces),
        _ => None,
    }
}

fn amount_is_wrong(amount: i64) -> Option<Wrong> {
    match amount {
        ..0 => Some(Wrong::Negative),
        _ if amount > MAX_PRICE => Some(Wrong::TooMuch),
        _ => None,
    }
}
