//! An invoice as arithmetic, one line for each of its lines and below it how its numbers came about: the same in every language, so that it
//! can be kept with a request, and compared line by line with what it has become.
use crate::catalog::{
    Currency,
    pricing::{Invoice, Line, Off, Step},
    words::{amount, exact, percent, quantity},
};

pub fn of(currency: Currency, invoice: &Invoice) -> String {
    let mut text = String::new();
    for line in &invoice.lines {
        text.push_str(&head(currency, line));
        text.push('\n');
        for step in line.steps.iter().filter_map(|step| said(currency, step)) {
            text.push_str("    ");
            text.push_str(&step);
            text.push('\n');
        }
    }
    // the tax is one number over all lines: said once
    if let Some(tax) = invoice.lines.iter().flat_map(|line| &line.steps).find_map(|step| taxed(currency, step)) {
        text.push_str(&tax);
        text.push('\n');
    }
    text
}

fn head(currency: Currency, line: &Line) -> String {
    let won = |minor| amount(currency, minor);
    let supply = match line.discount {
        0 => won(line.supply),
        off => format!("{} − {} = {}", won(line.amount), won(off), won(line.supply)),
    };
    format!("{}: {supply} + {} = {}", line.key, won(line.vat), won(line.total))
}

fn said(currency: Currency, step: &Step) -> Option<String> {
    let won = |minor: i64| amount(currency, minor);
    let full = |value| exact(currency, value);
    Some(match step {
        Step::Used { used, included, charged } => {
            format!("{} − {} → {}", quantity(*used), quantity(*included), quantity(*charged))
        }
        Step::Flat { amount, share, exact } if share.days < share.of.get() => {
            format!("{} × {}/{} = {}", won(*amount), share.days, share.of, full(*exact))
        }
        Step::Each { quantity: n, price } => format!("{} × {}", quantity(u64::from(*n)), won(*price)),
        Step::Units { begin, quantity: n, per, price, exact } => {
            let end = quantity(begin.saturating_add(*n));
            format!("({}–{end}] {} / {} × {} = {}", quantity(*begin), quantity(*n), quantity(*per), full(*price), full(*exact))
        }
        Step::Entered { amount } => format!("+ {}", won(*amount)),
        Step::Packages { packages, size, price, exact } => {
            format!("{} × {} ({}) = {}", quantity(*packages), full(*price), quantity(*size), full(*exact))
        }
        Step::Rate { of, rate, exact } => {
            format!("{} × {} = {}", won(i64::try_from(*of).unwrap_or(i64::MAX)), percent(*rate), full(*exact))
        }
        Step::Rounded { exact, amount } if *exact != rust_decimal::Decimal::from(*amount) => format!("{} ≈ {}", full(*exact), won(*amount)),
        Step::Discount { code, base, terms, exact, off, share } => match terms {
            Off::Share(part) => {
                format!("{code}: {} × {} = {} ≈ {} → −{}", won(*base), percent(*part), full(*exact), won(*off), won(*share))
            }
            Off::Won(all) if *exact != rust_decimal::Decimal::from(*all) => {
                format!("{code}: {} → {} ≈ {} → −{}", won(*all), full(*exact), won(*off), won(*share))
            }
            Off::Won(_) => format!("{code}: {} → −{}", won(*off), won(*share)),
        },
        Step::Vat { .. } | Step::Flat { .. } | Step::Rounded { .. } => return None,
    })
}

fn taxed(currency: Currency, step: &Step) -> Option<String> {
    let Step::Vat { supply, rate, exact: full, tax, .. } = step else { return None };
    Some(format!("VAT {} × {} = {} ≈ {}", amount(currency, *supply), percent(*rate), exact(currency, *full), amount(currency, *tax)))
}
