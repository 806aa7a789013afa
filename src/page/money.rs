//! Korean won: exact in tables and invoices, short where a glance must do.
use crate::{i18n::Lang, operations::form::grouped};

/// An amount as pages show it: the short form for the eye, the exact one always within reach.
#[derive(Clone, Debug)]
pub struct Money {
    pub won: i64,
    /// `₩482,310,000`; never rounded.
    pub full: String,
    /// `4억 8,231만 원` or `₩482.3M`.
    pub short: String,
}

impl Money {
    pub fn new(l: Lang, won: i64) -> Self {
        Self { won, full: full(won), short: short(l, won) }
    }
}

/// `₩12,400,000`, with the sign, a minus and no hyphen, before it all. There is nothing smaller than a won.
pub fn full(won: i64) -> String {
    let text = grouped(won);
    match text.strip_prefix('-') {
        Some(amount) => format!("−₩{amount}"),
        None => format!("₩{text}"),
    }
}

/// What can be taken in at a glance. Below a million nothing is gained by rounding, so nothing is rounded.
pub fn short(l: Lang, won: i64) -> String {
    let sign = if won < 0 { "−" } else { "" };
    match (won.unsigned_abs(), l) {
        (small @ ..1_000_000, Lang::Ko) => format!("{sign}{}원", grouped(small as i64)),
        (..1_000_000, Lang::En) => full(won),
        (amount, Lang::Ko) => format!("{sign}{} 원", korean(amount)),
        (amount, Lang::En) => format!("{sign}₩{}", english(amount)),
    }
}

/// Korean counts in ten thousands: the two largest units, the smaller one rounded.
fn korean(amount: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(10_000_000_000_000_000, "경"), (1_000_000_000_000, "조"), (100_000_000, "억"), (10_000, "만")];
    let smaller = if amount < UNITS[1].0 {
        UNITS[3].0
    } else if amount < UNITS[0].0 {
        UNITS[2].0
    } else {
        UNITS[1].0
    };
    let mut rest = rounded(amount, smaller) * smaller;
    let mut words = Vec::new();
    for (unit, name) in UNITS {
        if rest >= unit {
            words.push(format!("{}{name}", grouped((rest / unit) as i64)));
            rest %= unit;
        }
    }
    words.join(" ")
}

/// Thousands of thousands, with one decimal unless it is zero.
fn english(amount: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M")];
    // what rounds up to the next unit is told in it: 999,960,000 is 1B and not 1,000M
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| amount >= unit - unit / 20_000).unwrap_or(UNITS[2]);
    let tenths = rounded(amount, unit / 10);
    let whole = grouped((tenths / 10) as i64);
    if tenths.is_multiple_of(10) { format!("{whole}{name}") } else { format!("{whole}.{}{name}", tenths % 10) }
}

/// How many of `unit` this is, halves upwards.
fn rounded(amount: u64, unit: u64) -> u64 {
    amount / unit + u64::from(amount % unit >= unit.div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a short form says, in won, and half of its last place.
    fn read(text: &str) -> (i128, i128) {
        let negative = text.starts_with('−');
        let text = text.trim_start_matches(['−', '₩']).trim_end_matches('원').trim();
        let (mut sum, mut place) = (0, 1);
        for word in text.split(' ') {
            let (digits, unit) = match word.chars().last() {
                Some(unit) if !unit.is_ascii_digit() => (&word[..word.len() - unit.len_utf8()], unit),
                _ => (word, ' '),
            };
            let unit: i128 = match unit {
                '경' => 10_000_000_000_000_000,
                '조' | 'T' => 1_000_000_000_000,
                'B' => 1_000_000_000,
                '억' => 100_000_000,
                'M' => 1_000_000,
                '만' => 10_000,
                _ => 1,
            };
            let (whole, tenth) = digits.split_once('.').unwrap_or((digits, "0"));
            sum += whole.replace(',', "").parse::<i128>().unwrap() * unit + tenth.parse::<i128>().unwrap() * unit / 10;
            place = unit;
        }
        (if negative { -sum } else { sum }, place)
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        let short = |l, won| Money::new(l, won).short;
        assert_eq!(full(12_400_000), "₩12,400,000");
        assert_eq!(full(-5), "−₩5");
        assert_eq!(short(Lang::Ko, 482_310_000), "4억 8,231만 원");
        assert_eq!(short(Lang::En, 482_310_000), "₩482.3M");
        assert_eq!(short(Lang::Ko, 99_999_999), "1억 원");
        assert_eq!(short(Lang::En, 999_960_000), "₩1B");
        assert_eq!(short(Lang::Ko, 1_234_500_000_000), "1조 2,345억 원");
        assert_eq!(short(Lang::Ko, -999_999), "−999,999원");
        assert_eq!(short(Lang::En, 0), "₩0");
    }

    proptest! {
        /// An invoice may not lose a won.
        #[test]
        fn the_full_form_is_never_rounded(won in any::<i64>()) {
            let digits: String = full(won).replace('−', "-").chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
            prop_assert_eq!(digits.parse::<i64>().unwrap(), won);
        }

        /// Five of the last place at most, of which the English form has a tenth and the Korean one a ten-thousandth.
        #[test]
        fn the_short_form_is_within_its_rounding(won in any::<i64>(), small in -2_000_000_000_i64..2_000_000_000) {
            for won in [won, small] {
                for l in Lang::ALL {
                    let (said, place) = read(&short(l, won));
                    let off = (said - i128::from(won)).abs();
                    let limit = match won.unsigned_abs() {
                        0..1_000_000 => 0,
                        _ if l == Lang::En => place / 20,
                        1_000_000..1_000_000_000_000 => 5_000,
                        1_000_000_000_000..10_000_000_000_000_000 => 50_000_000,
                        _ => 500_000_000_000,
                    };
                    prop_assert!(off <= limit, "{} for {}", short(l, won), won);
                }
            }
        }
    }
}
