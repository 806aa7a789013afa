//! A price list as it is written: TOML, so that it is read, compared line by line and kept just as it was decided. Whatever is doubtful is
//! refused as a whole, with its line.
//!
//! ```toml
//! [[charge]]
//! key = "overage"
//! metric = "tokens"
//! included = 20_000_000
//! model = "graduated"
//! per = 1_000
//! tiers = [{ up_to = 30_000_000, price = 3.0 }, { price = 2.4 }]
//! ```
use super::{
    Kind,
    charges::{self, Charge, MAX_PLACES, MAX_PRICE, Model, Tier, Wrong},
};
use crate::{
    documents::{At, Fault, Reader, Section},
    i18n::msg,
    operations::form::grouped,
};
use rust_decimal::Decimal;
use std::num::NonZeroU64;
use toml::de::DeValue;

/// As much as a column and a form take, in bytes.
pub const LONGEST: usize = 20_000;
/// So many charges and so many tiers are a mistake, not a price list.
const MOST: usize = 100;
const MODELS: [&str; 6] = ["flat", "per_unit", "graduated", "volume", "package", "percentage"];

/// Reads a price list and tells everything that is wrong with it.
pub fn read(document: &str) -> Result<Vec<Charge>, Vec<Fault>> {
    let table = Reader::parse(document, LONGEST)?;
    let mut r = Reader::new(document);
    let root = Section::root(&table);
    r.only(&root, &["charge"]);
    let list = r.required(&root, "charge").map(|list| r.list(list, "charge")).unwrap_or_default();
    let (mut read, mut places) = (Vec::new(), Vec::new());
    if list.is_empty() || list.len() > MOST {
        r.fault(0, |line| msg::price_fault_count("charge", line, MOST));
    }
    for item in list.into_iter().take(MOST) {
        let Some(section) = r.section(item, "charge".into()) else { continue };
        let (charge, tiers) = charge(&mut r, &section);
        if let Some(charge) = charge {
            read.push(charge);
            places.push((section.at, tiers));
        }
    }
    for fault in charges::faults(&read) {
        let (at, tiers) = &places[fault.charge];
        let at = fault.tier.and_then(|tier| tiers.get(tier)).unwrap_or(at);
        let key = read[fault.charge].key.clone();
        r.fault(*at, |line| said(fault.what, line, key));
    }
    r.done(read)
}

/// The same for what is sold as a plan or as an add-on: an add-on has one price, by which it is counted on somebody's invoice.
pub fn read_for(kind: Kind, document: &str) -> Result<Vec<Charge>, Vec<Fault>> {
    let charges = read(document)?;
    match (kind, charges.as_slice()) {
        (Kind::Addon, [Charge { model: Model::Flat { .. }, included: 0, .. }]) | (Kind::Plan, _) => Ok(charges),
        _ => Err(vec![Fault::new(1, msg::price_fault_addon(1))]),
    }
}

/// A charge, if it is one, and where its tiers stand.
fn charge<'d>(r: &mut Reader<'d>, section: &Section<'_, 'd>) -> (Option<Charge>, Vec<usize>) {
    let mut whole = true;
    let key = text(r, section, "key", true).unwrap_or_default();
    let metric = text(r, section, "metric", false);
    let included = section.get("included").map_or(Some(0), |value| quantity(r, value, "charge.included"));
    let mut places = Vec::new();
    let model = text(r, section, "model", true);
    let known: &[&str] = match model.as_deref() {
        Some("flat") => &["amount"],
        Some("per_unit") => &["per", "price"],
        Some("graduated" | "volume") => &["per", "tiers"],
        Some("package") => &["size", "price"],
        Some("percentage") => &["rate"],
        other => {
            if let (Some(other), Some(value)) = (other, section.get("model")) {
                let known = MODELS.join(", ");
                r.fault(value.span().start, |line| msg::document_fault_unknown_value("charge.model", known, line, other));
            }
            return (None, places);
        }
    };
    r.only(section, &[&["key", "metric", "included", "model"], known].concat());
    let won = |r: &mut Reader<'d>, name: &str| r.required(section, name).and_then(|value| amount(r, value, &section.key(name)));
    let model = match model.as_deref() {
        Some("flat") => won(r, "amount").map(|amount| Model::Flat { amount }),
        Some("percentage") => needed(r, section, "rate").map(|rate| Model::Percentage { rate }),
        Some("package") => {
            at_least_one(r, section, "size", None).zip(needed(r, section, "price")).map(|(size, price)| Model::Package { size, price })
        }
        Some("per_unit") => at_least_one(r, section, "per", Some(NonZeroU64::MIN))
            .zip(needed(r, section, "price"))
            .map(|(per, price)| Model::PerUnit { per, price }),
        name => {
            let per = at_least_one(r, section, "per", Some(NonZeroU64::MIN));
            let items = r.required(section, "tiers").map(|list| r.list(list, "charge.tiers")).unwrap_or_default();
            if items.len() > MOST {
                r.fault(section.at, |line| msg::price_fault_count("charge.tiers", line, MOST));
            }
            let mut tiers = Vec::new();
            for item in items.into_iter().take(MOST) {
                match r.section(item, "charge.tiers".into()).and_then(|section| tier(r, &section)) {
                    Some(tier) => {
                        tiers.push(tier);
                        places.push(item.span().start);
                    }
                    None => whole = false,
                }
            }
            per.map(|per| if name == Some("volume") { Model::Volume { per, tiers } } else { Model::Graduated { per, tiers } })
        }
    };
    let charge = model.zip(included).filter(|_| whole).map(|(model, included)| Charge { key, metric, included, model });
    (charge, places)
}

fn tier<'d>(r: &mut Reader<'d>, section: &Section<'_, 'd>) -> Option<Tier> {
    r.only(section, &["up_to", "price", "flat"]);
    let up_to = section.get("up_to").map_or(Some(None), |value| quantity(r, value, &section.key("up_to")).map(Some));
    let flat = section.get("flat").map_or(Some(0), |value| amount(r, value, &section.key("flat")));
    let price = needed(r, section, "price");
    Some(Tier { up_to: up_to?, price: price?, flat: flat? })
}

fn text<'d>(r: &mut Reader<'d>, section: &Section<'_, 'd>, name: &str, needed: bool) -> Option<String> {
    let value = if needed { r.required(section, name)? } else { section.get(name)? };
    let text = r.text(value, &section.key(name))?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if text.is_empty() || text.len() > 40 || !text.chars().all(plain) {
        let key = section.key(name);
        r.fault(value.span().start, |line| msg::price_fault_name(key, line, &text));
    }
    Some(text)
}

fn needed<'d>(r: &mut Reader<'d>, section: &Section<'_, 'd>, name: &str) -> Option<Decimal> {
    let value = r.required(section, name)?;
    decimal(r, value, &section.key(name))
}

/// A price as it is written, exactly: a number, or a text of one.
fn decimal<'d>(r: &mut Reader<'d>, value: At<'_, 'd>, path: &str) -> Option<Decimal> {
    let written = match value.get_ref() {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().replace('_', ""),
        DeValue::Float(number) => number.as_str().replace('_', ""),
        DeValue::String(text) => text.to_string(),
        _ => {
            r.wrong_kind(value.span().start, path.to_owned(), "number");
            return None;
        }
    };
    let digits = written.trim_start_matches(['-', '+']);
    let is_number = digits.chars().all(|c| c.is_ascii_digit() || c == '.') && digits.chars().any(|c| c.is_ascii_digit());
    if !is_number {
        r.wrong_kind(value.span().start, path.to_owned(), "number");
        return None;
    }
    let read = Decimal::from_str_exact(&written).ok();
    if read.is_none() {
        r.fault(value.span().start, |line| msg::price_fault_too_many_digits(path, line, grouped(MAX_PRICE), i64::from(MAX_PLACES)));
    }
    read
}

/// Whole won.
fn amount<'d>(r: &mut Reader<'d>, value: At<'_, 'd>, path: &str) -> Option<i64> {
    let exact = decimal(r, value, path)?;
    let whole = exact.is_integer().then(|| i64::try_from(exact).ok()).flatten();
    if whole.is_none() {
        r.fault(value.span().start, |line| msg::price_fault_whole_won(path, line));
    }
    whole
}

fn quantity<'d>(r: &mut Reader<'d>, value: At<'_, 'd>, path: &str) -> Option<u64> {
    let number = r.number(value, path)?;
    let quantity = u64::try_from(number).ok();
    if quantity.is_none() {
        r.fault(value.span().start, |line| msg::price_fault_negative(path, line));
    }
    quantity
}

fn at_least_one<'d>(r: &mut Reader<'d>, section: &Section<'_, 'd>, name: &str, usual: Option<NonZeroU64>) -> Option<NonZeroU64> {
    let value = match (section.get(name), usual) {
        (None, Some(usual)) => return Some(usual),
        _ => r.required(section, name)?,
    };
    let path = section.key(name);
    let size = NonZeroU64::new(quantity(r, value, &path)?);
    if size.is_none() {
        r.fault(value.span().start, |line| msg::price_fault_zero(path, line));
    }
    size
}

/// What is wrong, in words.
fn said(what: Wrong, line: usize, key: String) -> crate::i18n::Text {
    match what {
        Wrong::NoKey => msg::document_fault_missing("charge.key", line),
        Wrong::SameKey => msg::price_fault_same_key(key, line),
        Wrong::Metric => msg::price_fault_metric(key, line),
        Wrong::Negative => msg::price_fault_negative(key, line),
        Wrong::TooMuch => msg::price_fault_too_much(key, line, grouped(MAX_PRICE)),
        Wrong::TooManyPlaces => msg::price_fault_places(key, line, i64::from(MAX_PLACES)),
        Wrong::Rate => msg::price_fault_rate(key, line),
        Wrong::NoTiers => msg::price_fault_no_tiers(key, line),
        Wrong::TierOrder => msg::price_fault_tier_order(key, line),
        Wrong::NoOpenTier => msg::price_fault_no_open_tier(key, line),
        Wrong::OpenTier => msg::price_fault_open_tier(key, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    const PRO: &str = r#"
[[charge]]
key = "base"
model = "flat"
amount = 1_500_000

[[charge]]
key = "overage"
metric = "tokens"
included = 20_000_000
model = "graduated"
per = 1_000
tiers = [
  { up_to = 30_000_000, price = 3.0 },
  { up_to = 80_000_000, price = "2.4" },
  { price = 1.8 },
]

[[charge]]
key = "fee"
metric = "processed"
model = "percentage"
rate = 0.025
"#;

    #[test]
    fn a_price_list_is_read_exactly() {
        let charges = read(PRO).unwrap();
        assert_eq!(charges.iter().map(|c| c.key.as_str()).collect::<Vec<_>>(), ["base", "overage", "fee"]);
        let Model::Graduated { per, tiers } = &charges[1].model else { panic!("{charges:?}") };
        assert_eq!((per.get(), charges[1].included), (1_000, 20_000_000));
        let tiers: Vec<_> = tiers.iter().map(|tier| (tier.up_to, tier.price.to_string())).collect();
        assert_eq!(tiers, [(Some(30_000_000), "3.0".into()), (Some(80_000_000), "2.4".into()), (None, "1.8".into())]);
        assert_eq!(charges[2].model, Model::Percentage { rate: Decimal::new(25, 3) });
        // where binary fractions would have been something else
        let third = read("[[charge]]\nkey = 'a'\nmetric = 'b'\nmodel = 'per_unit'\nprice = 0.100001\n").unwrap();
        assert_eq!(third[0].model, Model::PerUnit { per: NonZeroU64::MIN, price: Decimal::new(100_001, 6) });
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_in_both_languages() {
        let wrong = |document: &str| {
            let faults = read(document).unwrap_err();
            assert!(faults.iter().all(|f| Lang::Ko.say(&f.text) != Lang::En.say(&f.text)));
            faults.into_iter().map(|f| (f.line, f.text.id())).collect::<Vec<_>>()
        };
        let with = |line: &str, new: &str| {
            assert!(PRO.contains(line), "{line}");
            wrong(&PRO.replacen(line, new, 1))
        };
        assert_eq!(wrong(""), [(1, "document-fault-missing"), (1, "price-fault-count")]);
        assert_eq!(wrong("[["), [(1, "document-fault-toml")]);
        assert_eq!(wrong(&"#".repeat(LONGEST + 1)), [(1, "document-fault-too-long")]);
        assert_eq!(with("amount = 1_500_000", "amount = -1"), [(2, "price-fault-negative")]);
        assert_eq!(with("amount = 1_500_000", "amount = 0.5"), [(5, "price-fault-whole-won")]);
        assert_eq!(with("amount = 1_500_000", &format!("amount = {}", "9".repeat(40))), [(5, "price-fault-too-many-digits")]);
        assert_eq!(with("amount = 1_500_000", "amount = 2_000_000_000_000"), [(2, "price-fault-too-much")]);
        assert_eq!(with("amount = 1_500_000", "amount = 'a lot'"), [(5, "document-fault-kind")]);
        assert_eq!(with("amount = 1_500_000", "amount = 1_500_000\nprize = 1"), [(6, "document-fault-unknown-key")]);
        assert_eq!(with("model = \"flat\"", "model = \"free\""), [(4, "document-fault-unknown-value")]);
        assert_eq!(with("key = \"fee\"", "key = \"base\""), [(19, "price-fault-same-key")]);
        assert_eq!(with("key = \"fee\"", "key = \"수수료\""), [(20, "price-fault-name")]);
        assert_eq!(with("metric = \"processed\"\n", ""), [(19, "price-fault-metric")]);
        assert_eq!(with("rate = 0.025", "rate = 2.5"), [(19, "price-fault-rate")]);
        assert_eq!(with("per = 1_000", "per = 0"), [(12, "price-fault-zero")]);
        assert_eq!(with("price = 1.8", "price = 1.8000001"), [(16, "price-fault-places")]);
        // tiers that go in a circle, end, or never begin
        assert_eq!(with("up_to = 80_000_000", "up_to = 30_000_000"), [(15, "price-fault-tier-order")]);
        assert_eq!(with("{ price = 1.8 }", "{ up_to = 90_000_000, price = 1.8 }"), [(16, "price-fault-no-open-tier")]);
        assert_eq!(with("up_to = 30_000_000, ", ""), [(14, "price-fault-open-tier")]);
    }
}
