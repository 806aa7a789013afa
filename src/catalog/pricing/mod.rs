//! What a period costs: one pure function from price list, usage, add-ons and promotions to an invoice's lines, each with the steps
//! that led to its numbers. Previews and invoices both ask it, so they cannot differ.
//!
//! In this order, and nowhere else is anything rounded: a charge exactly; its line to whole won, half a won away from zero; discounts
//! the same way, percentages before fixed amounts, spread over their lines by largest remainder; the supply value (공급가액) that is left;
//! VAT once for the whole invoice, and spread to the lines. So the lines always add up to the total.
mod explain;
mod spread;
#[cfg(test)]
mod tests;

pub use explain::Step;

use super::charges::{Charge, Kind, Model, Tier};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};
use spread::spread;
use std::{
    collections::{BTreeMap, BTreeSet},
    num::{NonZeroU32, NonZeroU64},
};

/// What was used of each metric.
pub type Usage = BTreeMap<String, u64>;

/// Everything that a price depends on.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    pub charges: &'a [Charge],
    pub usage: &'a Usage,
    pub addons: &'a [Addon],
    pub promotions: &'a [Promotion],
    pub share: Share,
    pub vat: Vat,
}

/// So many of one add-on, in won each for a whole period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addon {
    pub key: String,
    pub price: i64,
    pub quantity: u32,
    /// How much of the period it is had for, where that is not what the plan is had for: it came or went, or became another number of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
}

/// The terms of a promotion, as they were when its code was redeemed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    pub code: String,
    pub off: Off,
    /// The kinds of lines that become cheaper.
    pub on: BTreeSet<Kind>,
}

/// How much cheaper. What is said first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// 0.15 is 15 %, of what earlier promotions left.
    Share(Decimal),
    /// Won a period, and never more than there is to pay.
    Won(i64),
}

/// How much of a whole period is charged: so many of its days. Usage is what it is; what is flat or included is had for these days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub days: u32,
    pub of: NonZeroU32,
}

/// Value added tax (부가가치세).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vat {
    pub rate: Decimal,
    pub rounding: Rounding,
}

/// To whole won. Of a credit what is rounded is its size, so that it takes back exactly what was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    Floor,
    HalfUp,
    Ceil,
}

/// All in won.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invoice {
    pub lines: Vec<Line>,
    pub supply: i64,
    pub vat: i64,
    pub total: i64,
    /// Metrics that were used and that nothing charges for: usage that would silently be free.
    pub unpriced: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    pub key: String,
    pub kind: Kind,
    pub exact: Decimal,
    /// `exact` in whole won.
    pub amount: i64,
    pub discount: i64,
    /// `amount` without `discount`.
    pub supply: i64,
    pub vat: i64,
    pub total: i64,
    pub steps: Vec<Step>,
}

/// An amount is larger than any invoice could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amount is too large to be charged")]
pub struct TooMuch;

impl Share {
    pub const WHOLE: Self = Self { days: 1, of: NonZeroU32::MIN };

    fn is_whole(self) -> bool {
        self.days == self.of.get()
    }

    fn part(self, won: i64) -> Result<Decimal, TooMuch> {
        let whole = Decimal::from(won);
        match self.is_whole() {
            true => Ok(whole),
            // multiplied first: a third of it three times is all of it
            false => whole.checked_mul(self.days.into()).and_then(|all| all.checked_div(self.of.get().into())).ok_or(TooMuch),
        }
    }
}

impl Default for Vat {
    /// 10 % (부가가치세법 제30조). That parts of a won are dropped is the usual way, which whoever does the accounts may change.
    fn default() -> Self {
        Self { rate: Decimal::new(1, 1), rounding: Rounding::Floor }
    }
}

/// What a period costs.
pub fn price(order: &Order<'_>) -> Result<Invoice, TooMuch> {
    let charged = order.charges.iter().map(|charge| charge_line(charge, order));
    let mut lines = charged.chain(order.addons.iter().map(|addon| addon_line(addon, order.share))).collect::<Result<Vec<_>, _>>()?;
    lines.sort_by_key(|line| line.kind);
    discounts(&mut lines, order.promotions, order.share)?;
    let priced: BTreeSet<_> = order.charges.iter().filter_map(|charge| charge.metric.as_deref()).collect();
    let unpriced = order.usage.iter().filter(|(metric, used)| **used > 0 && !priced.contains(metric.as_str()));
    invoice(lines, order.vat, unpriced.map(|(metric, _)| metric.clone()).collect())
}

/// What it costs to have another price list for the rest of a period: what is flat is taken back from the one and charged by the other,
/// both as cheap as promotions make them. Each is rounded by itself, as it stands on the invoice.
pub fn change(from: &[Charge], to: &[Charge], promotions: &[Promotion], rest: Share, vat: Vat) -> Result<Invoice, TooMuch> {
    let none = Usage::new();
    let lines = |charges, sign| {
        let order = Order { charges, usage: &none, addons: &[], promotions: &[], share: rest, vat };
        let flat = charges.iter().filter(|charge: &&Charge| charge.kind() == Kind::Base);
        let mut lines = flat.map(|charge| charge_line(charge, &order)).collect::<Result<Vec<_>, _>>()?;
        discounts(&mut lines, promotions, rest)?;
        for line in &mut lines {
            (line.exact, line.amount, line.discount) = (line.exact * Decimal::from(sign), line.amount * sign, line.discount * sign);
        }
        Ok(lines)
    };
    let mut all = lines(from, -1)?;
    all.extend(lines(to, 1)?);
    invoice(all, vat, Vec::new())
}

fn invoice(mut lines: Vec<Line>, vat: Vat, unpriced: Vec<String>) -> Result<Invoice, TooMuch> {
    for line in &mut lines {
        line.supply = line.amount - line.discount;
    }
    let supplies: Vec<i64> = lines.iter().map(|line| line.supply).collect();
    let supply = sum(&supplies)?;
    let taxed = Decimal::from(supply) * vat.rate;
    let tax = whole(taxed, vat.rounding)?;
    for (line, share) in lines.iter_mut().zip(spread(tax, &supplies)) {
        (line.vat, line.total) = (share, line.supply.checked_add(share).ok_or(TooMuch)?);
        line.steps.push(Step::Vat { supply, rate: vat.rate, exact: taxed, tax, share });
    }
    let total = supply.checked_add(tax).ok_or(TooMuch)?;
    Ok(Invoice { lines, supply, vat: tax, total, unpriced })
}

/// Percentages before fixed amounts, and each by its code, so that all previews agree.
fn discounts(lines: &mut [Line], promotions: &[Promotion], share: Share) -> Result<(), TooMuch> {
    let mut promotions: Vec<_> = promotions.iter().collect();
    promotions.sort_by(|a, b| (a.off.is_fixed(), &a.code).cmp(&(b.off.is_fixed(), &b.code)));
    promotions.into_iter().try_for_each(|promotion| discount(lines, promotion, share))
}

/// So many won off are off a whole period: a part of it gets its share of them, or a period that is split would get them twice.
fn discount(lines: &mut [Line], promotion: &Promotion, of: Share) -> Result<(), TooMuch> {
    let left = |line: &Line| if promotion.on.contains(&line.kind) { line.amount - line.discount } else { 0 };
    let weights: Vec<i64> = lines.iter().map(left).collect();
    let base = sum(&weights)?;
    let exact = match promotion.off {
        Off::Share(share) => Decimal::from(base) * share,
        Off::Won(won) => of.part(won)?,
    };
    let off = whole(exact, Rounding::HalfUp)?.clamp(0, base.max(0));
    for (line, share) in lines.iter_mut().zip(spread(off, &weights)).filter(|(_, share)| *share != 0) {
        line.discount += share;
        line.steps.push(Step::Discount { code: promotion.code.clone(), base, terms: promotion.off, exact, off, share });
    }
    Ok(())
}

impl Off {
    fn is_fixed(self) -> bool {
        matches!(self, Self::Won(_))
    }
}

fn charge_line(charge: &Charge, order: &Order<'_>) -> Result<Line, TooMuch> {
    let used = charge.metric.as_ref().and_then(|metric| order.usage.get(metric)).copied().unwrap_or(0);
    let mut steps = Vec::new();
    let included = match charge.included {
        included if order.share.is_whole() => included,
        included => (u128::from(included) * u128::from(order.share.days) / u128::from(order.share.of.get())) as u64,
    };
    let quantity = used.saturating_sub(included);
    if charge.metric.is_some() {
        steps.push(Step::Used { used, included, charged: quantity });
    }
    let exact = match &charge.model {
        Model::Flat { amount } => flat(*amount, order.share, &mut steps)?,
        Model::PerUnit { per, price } => units(0, quantity, *per, *price, &mut steps)?,
        Model::Graduated { per, tiers } => graduated(quantity, *per, tiers, &mut steps)?,
        Model::Volume { per, tiers } => volume(quantity, *per, tiers, &mut steps)?,
        Model::Package { size, price } => {
            let packages = quantity.div_ceil(size.get());
            let exact = times(packages, *price)?;
            steps.push(Step::Packages { packages, size: size.get(), price: *price, exact });
            exact
        }
        Model::Percentage { rate } => {
            let exact = times(quantity, *rate)?;
            steps.push(Step::Rate { of: quantity, rate: *rate, exact });
            exact
        }
    };
    line(charge.key.clone(), charge.kind(), exact, steps)
}

fn addon_line(addon: &Addon, share: Share) -> Result<Line, TooMuch> {
    let mut steps = vec![Step::Each { quantity: addon.quantity, price: addon.price }];
    let all = addon.price.checked_mul(i64::from(addon.quantity)).ok_or(TooMuch)?;
    let exact = flat(all, addon.share.unwrap_or(share), &mut steps)?;
    line(addon.key.clone(), Kind::Addon, exact, steps)
}

fn line(key: String, kind: Kind, exact: Decimal, mut steps: Vec<Step>) -> Result<Line, TooMuch> {
    let amount = whole(exact, Rounding::HalfUp)?;
    steps.push(Step::Rounded { exact, amount });
    Ok(Line { key, kind, exact, amount, discount: 0, supply: amount, vat: 0, total: amount, steps })
}

fn flat(amount: i64, share: Share, steps: &mut Vec<Step>) -> Result<Decimal, TooMuch> {
    let exact = share.part(amount)?;
    steps.push(Step::Flat { amount, share, exact });
    Ok(exact)
}

fn graduated(quantity: u64, per: NonZeroU64, tiers: &[Tier], steps: &mut Vec<Step>) -> Result<Decimal, TooMuch> {
    let (mut begin, mut sum) = (0, Decimal::ZERO);
    for tier in tiers {
        let end = tier.up_to.unwrap_or(u64::MAX).min(quantity);
        if end <= begin {
            break;
        }
        sum = add(sum, units(begin, end - begin, per, tier.price, steps)?)?;
        sum = add(sum, entered(tier, steps))?;
        begin = end;
    }
    Ok(sum)
}

fn volume(quantity: u64, per: NonZeroU64, tiers: &[Tier], steps: &mut Vec<Step>) -> Result<Decimal, TooMuch> {
    let Some(tier) = tiers.iter().find(|tier| tier.up_to.is_none_or(|end| quantity <= end)).filter(|_| quantity > 0) else {
        return Ok(Decimal::ZERO);
    };
    add(units(0, quantity, per, tier.price, steps)?, entered(tier, steps))
}

/// So many of `quantity` after the first `begin`.
fn units(begin: u64, quantity: u64, per: NonZeroU64, price: Decimal, steps: &mut Vec<Step>) -> Result<Decimal, TooMuch> {
    let exact = times(quantity, price)?.checked_div(Decimal::from(per.get())).ok_or(TooMuch)?;
    steps.push(Step::Units { begin, quantity, per: per.get(), price, exact });
    Ok(exact)
}

fn entered(tier: &Tier, steps: &mut Vec<Step>) -> Decimal {
    if tier.flat != 0 {
        steps.push(Step::Entered { amount: tier.flat });
    }
    Decimal::from(tier.flat)
}

fn times(quantity: u64, price: Decimal) -> Result<Decimal, TooMuch> {
    Decimal::from(quantity).checked_mul(price).ok_or(TooMuch)
}

fn add(a: Decimal, b: Decimal) -> Result<Decimal, TooMuch> {
    a.checked_add(b).ok_or(TooMuch)
}

fn sum(amounts: &[i64]) -> Result<i64, TooMuch> {
    amounts.iter().try_fold(0_i64, |sum, amount| sum.checked_add(*amount)).ok_or(TooMuch)
}

fn whole(exact: Decimal, rounding: Rounding) -> Result<i64, TooMuch> {
    let strategy = match rounding {
        Rounding::Floor => RoundingStrategy::ToZero,
        Rounding::HalfUp => RoundingStrategy::MidpointAwayFromZero,
        Rounding::Ceil => RoundingStrategy::AwayFromZero,
    };
    exact.round_dp_with_strategy(0, strategy).to_i64().ok_or(TooMuch)
}
