//! Prices in words: what a charge asks for, and how each number of an invoice came about.
use super::{
    Currency,
    charges::{Charge, Kind, Model, Tier},
    pricing::{Off, Step},
};
use crate::{i18n::Lang, operations::form::grouped, page::money};
use rust_decimal::Decimal;

/// An amount in the smallest units of its currency: `₩1,500,000`, `$15.00`.
pub fn amount(currency: Currency, minor: i64) -> String {
    match currency {
        Currency::Krw => money::full(minor),
        Currency::Usd => exact(currency, Decimal::from(minor)),
    }
}

/// The same for one that is not rounded: `₩180,370.3704`. What does not end soon is cut, and says so: `₩93,333.3333…`.
pub fn exact(currency: Currency, minor: Decimal) -> String {
    let (value, sign) = match currency {
        Currency::Krw => (minor.normalize(), '₩'),
        Currency::Usd => ((minor / Decimal::ONE_HUNDRED).round_dp(8).normalize(), '$'),
    };
    let endless = value.scale() > 8;
    let text = decimal(if endless { value.abs().trunc_with_scale(4) } else { value.abs() });
    let text = match (currency, text.split_once('.')) {
        (Currency::Usd, None) => format!("{text}.00"),
        (Currency::Usd, Some((_, cents))) if cents.len() == 1 => format!("{text}0"),
        _ => text,
    };
    let text = if endless { format!("{text}…") } else { text };
    if value.is_sign_negative() && !value.is_zero() { format!("−{sign}{text}") } else { format!("{sign}{text}") }
}

/// A number with its thousands grouped.
pub fn decimal(value: Decimal) -> String {
    let text = value.normalize().to_string();
    let (whole, places) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    if places.is_empty() { whole } else { format!("{whole}.{places}") }
}

pub fn quantity(quantity: u64) -> String {
    decimal(Decimal::from(quantity))
}

/// 0.025 as `2.5%`.
pub fn percent(rate: Decimal) -> String {
    format!("{}%", decimal(rate * Decimal::ONE_HUNDRED))
}

pub fn kind(l: Lang, kind: Kind) -> String {
    match kind {
        Kind::Base => l.price_kind_base(),
        Kind::Addon => l.price_kind_addon(),
        Kind::Usage => l.price_kind_usage(),
        Kind::Fee => l.price_kind_fee(),
    }
}

/// What is counted, as it is called here.
pub fn metric(l: Lang, metric: &str) -> String {
    l.find(&format!("metric-{}", metric.replace('_', "-"))).unwrap_or_else(|| metric.to_owned())
}

/// What a charge asks for, one sentence for each of its parts.
pub fn charge(l: Lang, currency: Currency, charge: &Charge) -> Vec<String> {
    let mut said = Vec::new();
    if charge.included > 0 {
        said.push(l.price_included(quantity(charge.included)));
    }
    match &charge.model {
        Model::Flat { amount: won } => said.push(l.price_flat(amount(currency, *won))),
        Model::PerUnit { per, price } => said.push(l.price_per_unit(quantity(per.get()), exact(currency, *price))),
        Model::Graduated { per, tiers } => {
            said.push(l.price_graduated(quantity(per.get())));
            said.extend(tiers_said(l, currency, tiers));
        }
        Model::Volume { per, tiers } => {
            said.push(l.price_volume(quantity(per.get())));
            said.extend(tiers_said(l, currency, tiers));
        }
        Model::Package { size, price } => said.push(l.price_package(exact(currency, *price), quantity(size.get()))),
        Model::Percentage { rate } => said.push(l.price_percentage(percent(*rate))),
    }
    said
}

fn tiers_said(l: Lang, currency: Currency, tiers: &[Tier]) -> Vec<String> {
    let mut begin = 0;
    let mut said = Vec::new();
    for tier in tiers {
        let price = exact(currency, tier.price);
        said.push(match tier.up_to {
            Some(end) => l.price_tier(quantity(begin), price, quantity(end)),
            None => l.price_tier_open(quantity(begin), price),
        });
        if tier.flat > 0 {
            said.push(l.price_tier_flat(amount(currency, tier.flat)));
        }
        begin = tier.up_to.unwrap_or(begin);
    }
    said
}

/// One step towards a number.
pub fn step(l: Lang, currency: Currency, step: &Step) -> String {
    let won = |minor: i64| amount(currency, minor);
    let full = |value: Decimal| exact(currency, value);
    match step {
        Step::Used { used, included, charged } => l.price_step_used(quantity(*charged), quantity(*included), quantity(*used)),
        Step::Flat { amount, share, exact } => match share.days == share.of.get() {
            true => l.price_step_flat(won(*amount)),
            false => l.price_step_part(won(*amount), share.days, full(*exact), share.of.get()),
        },
        Step::Each { quantity: n, price } => l.price_step_each(won(*price), quantity(u64::from(*n))),
        Step::Units { begin: 0, quantity: n, per, price, exact } => {
            l.price_step_units(full(*exact), quantity(*per), full(*price), quantity(*n))
        }
        Step::Units { begin, quantity: n, per, price, exact } => {
            l.price_step_units_after(quantity(*begin), full(*exact), quantity(*per), full(*price), quantity(*n))
        }
        Step::Entered { amount } => l.price_step_entered(won(*amount)),
        Step::Packages { packages, size, price, exact } => {
            l.price_step_packages(full(*exact), quantity(*packages), full(*price), quantity(*size))
        }
        Step::Rate { of, rate, exact } => l.price_step_rate(full(*exact), quantity(*of), percent(*rate)),
        Step::Rounded { exact, amount } if *exact == Decimal::from(*amount) => l.price_step_even(won(*amount)),
        Step::Rounded { exact, amount } => l.price_step_rounded(won(*amount), full(*exact)),
        Step::Discount { code, base, terms, exact, off, share } => match terms {
            Off::Share(part) => l.price_step_discount(won(*base), code, full(*exact), won(*off), percent(*part), won(*share)),
            Off::Won(all) if *exact != Decimal::from(*all) => {
                l.price_step_discount_part(code, full(*exact), won(*off), won(*share), won(*all))
            }
            Off::Won(_) => l.price_step_discount_won(code, won(*off), won(*share)),
        },
        Step::Vat { supply, rate, exact, tax, share } => {
            l.price_step_vat(full(*exact), percent(*rate), won(*share), won(*supply), won(*tax))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_out_in_full() {
        let d = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(exact(Currency::Krw, d("180370.3704")), "₩180,370.3704");
        assert_eq!(exact(Currency::Krw, d("-406451.6100")), "−₩406,451.61");
        assert_eq!(exact(Currency::Krw, d("93333.333333333333333")), "₩93,333.3333…");
        assert_eq!(exact(Currency::Krw, d("3.0")), "₩3");
        assert_eq!(amount(Currency::Usd, 1_234_567), "$12,345.67");
        assert_eq!(amount(Currency::Usd, -1_230), "−$12.30");
        assert_eq!(amount(Currency::Usd, 0), "$0.00");
        assert_eq!(exact(Currency::Usd, d("0.125")), "$0.00125");
        assert_eq!(percent(d("0.025")), "2.5%");
        assert_eq!(quantity(87_654_321), "87,654,321");
    }
}
