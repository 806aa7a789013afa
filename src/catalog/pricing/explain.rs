//! How a number came about, so that a page can say it in words.
use super::{Off, Share};
use rust_decimal::Decimal;
use serde::Serialize;

/// One step towards a line's numbers, in the order in which they were taken. Amounts are won.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// What was used, how much of it is included for these days, and what is left to charge.
    Used {
        used: u64,
        included: u64,
        charged: u64,
    },
    /// So much for the whole period, and for the share of it that is charged.
    Flat {
        amount: i64,
        share: Share,
        exact: Decimal,
    },
    Each {
        quantity: u32,
        price: i64,
    },
    /// `quantity` after the first `begin`, at `price` for each `per`.
    Units {
        begin: u64,
        quantity: u64,
        per: u64,
        price: Decimal,
        exact: Decimal,
    },
    /// What a tier costs once, because it was reached.
    Entered {
        amount: i64,
    },
    Packages {
        packages: u64,
        size: u64,
        price: Decimal,
        exact: Decimal,
    },
    Rate {
        of: u64,
        rate: Decimal,
        exact: Decimal,
    },
    /// The line, in whole won.
    Rounded {
        exact: Decimal,
        amount: i64,
    },
    /// `off` everything that the promotion concerns, `base`; this line's share of it.
    Discount {
        code: String,
        base: i64,
        terms: Off,
        exact: Decimal,
        off: i64,
        share: i64,
    },
    /// The tax on the whole invoice, and this line's share of it.
    Vat {
        supply: i64,
        rate: Decimal,
        exact: Decimal,
        tax: i64,
        share: i64,
    },
}
