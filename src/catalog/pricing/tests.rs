use super::*;
use crate::catalog::charges::{Fault, Wrong, faults};
use proptest::prelude::*;
use serde_json::json;

fn charges(list: serde_json::Value) -> Vec<Charge> {
    serde_json::from_value(list).unwrap()
}

/// 1,500,000 a month; 20 million tokens included, and then by tiers; 2.5 % of what is processed.
fn pro() -> Vec<Charge> {
    charges(json!([
        {"key": "base", "model": "flat", "amount": 1_500_000},
        {"key": "overage", "metric": "tokens", "included": 20_000_000, "model": "graduated", "per": 1_000, "tiers": tiers()},
        {"key": "fee", "metric": "processed", "model": "percentage", "rate": "0.025"}
    ]))
}

fn tiers() -> serde_json::Value {
    json!([{"up_to": 30_000_000, "price": "3.0"}, {"up_to": 80_000_000, "price": "2.4"}, {"price": "1.8"}])
}

fn usage(of: &[(&str, u64)]) -> Usage {
    of.iter().map(|(metric, used)| ((*metric).to_owned(), *used)).collect()
}

fn order<'a>(charges: &'a [Charge], usage: &'a Usage) -> Order<'a> {
    Order { charges, usage, addons: &[], promotions: &[], share: Share::WHOLE, vat: Vat::default() }
}

fn launch() -> Promotion {
    Promotion { code: "LAUNCH15".into(), off: Off::Share(Decimal::new(15, 2)), on: [Kind::Base, Kind::Usage].into() }
}

fn of(list: &Invoice, what: impl Fn(&Line) -> i64) -> Vec<i64> {
    list.lines.iter().map(what).collect()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn an_invoice_with_everything_on_it() {
    let used = usage(&[("tokens", 87_654_321), ("processed", 48_123_672)]);
    let addons = [Addon { key: "seats".into(), price: 120_000, quantity: 2, share: None }];
    let (charges, promotions) = (pro(), [launch()]);
    let mut order = Order { addons: &addons, promotions: &promotions, ..order(&charges, &used) };
    let invoice = price(&order).unwrap();
    assert_eq!(invoice.lines.iter().map(|line| line.key.as_str()).collect::<Vec<_>>(), ["base", "seats", "overage", "fee"]);
    assert_eq!(invoice.lines[2].exact, decimal("180370.3704"));
    assert_eq!(invoice.lines[3].exact, decimal("1203091.8"));
    assert_eq!(of(&invoice, |line| line.amount), [1_500_000, 240_000, 180_370, 1_203_092]);
    assert_eq!(of(&invoice, |line| line.discount), [225_000, 0, 27_056, 0]);
    assert_eq!(of(&invoice, |line| line.supply), [1_275_000, 240_000, 153_314, 1_203_092]);
    assert_eq!(of(&invoice, |line| line.vat), [127_500, 24_000, 15_331, 120_309]);
    assert_eq!((invoice.supply, invoice.vat, invoice.total), (2_871_406, 287_140, 3_158_546));
    assert_eq!(invoice.unpriced, Vec::<String>::new());
    order.vat.rounding = Rounding::HalfUp;
    assert_eq!(price(&order).unwrap().vat, 287_141);
}

#[test]
fn every_number_is_explained() {
    let used = usage(&[("tokens", 87_654_321)]);
    let (charges, promotions) = (pro(), [launch()]);
    let invoice = price(&Order { promotions: &promotions, ..order(&charges, &used) }).unwrap();
    let said = serde_json::to_value(&invoice.lines[1].steps).unwrap();
    assert_eq!(said[0], json!({"step": "used", "used": 87_654_321, "included": 20_000_000, "charged": 67_654_321}));
    assert_eq!(
        said[2],
        json!({"step": "units", "begin": 30_000_000, "quantity": 37_654_321, "per": 1_000, "price": "2.4", "exact": "90370.3704"})
    );
    assert_eq!(said[3], json!({"step": "rounded", "exact": "180370.3704", "amount": 180_370}));
    let off = json!({"step": "discount", "code": "LAUNCH15", "base": 1_680_370, "terms": {"share": "0.15"}, "exact": "252055.50",
        "off": 252_056, "share": 27_056});
    assert_eq!(said[4], off);
}

#[test]
fn the_edges_of_tiers() {
    let cost = |model: &str, charged: u64| {
        let list = charges(json!([{"key": "overage", "metric": "tokens", "model": model, "per": 1_000, "tiers": tiers()}]));
        price(&order(&list, &usage(&[("tokens", charged)]))).unwrap().supply
    };
    for (charged, won) in [(0, 0), (999, 3), (1_000, 3), (30_000_000, 90_000), (30_000_001, 90_000), (80_000_000, 210_000)] {
        assert_eq!(cost("graduated", charged), won, "{charged}");
    }
    assert_eq!((cost("volume", 30_000_000), cost("volume", 30_000_001)), (90_000, 72_000));
    let volume = charges(json!([{"key": "overage", "metric": "tokens", "model": "volume", "per": 1_000, "tiers": tiers()}]));
    assert_eq!(volume[0].drops(), [30_000_000, 80_000_000]);
    assert_eq!(pro()[1].drops(), [0; 0]);
    let package = charges(json!([{"key": "overage", "metric": "tokens", "model": "package", "size": 1_000_000, "price": "2800"}]));
    assert_eq!(price(&order(&package, &usage(&[("tokens", 30_000_001)]))).unwrap().supply, 86_800);
}

#[test]
fn a_tier_can_cost_something_once() {
    let tiers = json!([{"up_to": 10, "price": "0", "flat": 500}, {"price": "2", "flat": 100}]);
    let cost = |model: &str, used| {
        let list = charges(json!([{"key": "calls", "metric": "calls", "model": model, "per": 1, "tiers": tiers}]));
        price(&order(&list, &usage(&[("calls", used)]))).unwrap().supply
    };
    assert_eq!([0, 1, 10, 11].map(|used| cost("graduated", used)), [0, 500, 500, 602]);
    assert_eq!([0, 1, 10, 11].map(|used| cost("volume", used)), [0, 500, 500, 122]);
}

#[test]
fn another_plan_in_the_middle_of_a_month() {
    let flat = |amount| charges(json!([{"key": "base", "model": "flat", "amount": amount}]));
    let rest = Share { days: 14, of: NonZeroU32::new(31).unwrap() };
    let change = change(&flat(900_000), &flat(1_500_000), &[], rest, Vat::default()).unwrap();
    assert_eq!(of(&change, |line| line.amount), [-406_452, 677_419]);
    assert_eq!(change.lines[0].exact.round_dp(2), decimal("-406451.61"));
    assert_eq!((change.supply, change.vat, change.total), (270_967, 27_096, 298_063));
    let back = super::change(&flat(1_500_000), &flat(900_000), &[], rest, Vat::default()).unwrap();
    assert_eq!((back.supply, back.vat, back.total), (-270_967, -27_096, -298_063));
}

#[test]
fn what_is_included_is_had_for_the_days_of_the_share() {
    let list = charges(json!([{"key": "tokens", "metric": "tokens", "included": 20_000_000, "model": "per_unit", "per": 1, "price": "1"}]));
    let used = usage(&[("tokens", 20_000_000)]);
    let share = Share { days: 14, of: NonZeroU32::new(31).unwrap() };
    assert_eq!(price(&Order { share, ..order(&list, &used) }).unwrap().supply, 20_000_000 - 9_032_258);
}

#[test]
fn tax_is_rounded_once_for_each_invoice() {
    let vat = [70_187_870, 4_962_020, 1_389_360, 900_000].map(|won| {
        let list = charges(json!([{"key": "base", "model": "flat", "amount": won}]));
        price(&order(&list, &Usage::new())).unwrap().vat
    });
    assert_eq!(vat, [7_018_787, 496_202, 138_936, 90_000]);
}

#[test]
fn percentages_come_before_fixed_amounts_and_nothing_is_less_than_free() {
    let list = charges(json!([{"key": "base", "model": "flat", "amount": 10_000}]));
    let promotion = |code: &str, off| Promotion { code: code.into(), off, on: [Kind::Base].into() };
    let given = [promotion("A", Off::Won(3_000)), promotion("C", Off::Share(decimal("0.5"))), promotion("B", Off::Share(decimal("0.1")))];
    let nothing = Usage::new();
    let invoice = price(&Order { promotions: &given, ..order(&list, &nothing) }).unwrap();
    // 1,000, then half of 9,000, then 3,000 of 4,500
    assert_eq!(invoice.supply, 1_500);
    let all = [promotion("ALL", Off::Won(1_000_000))];
    assert_eq!(price(&Order { promotions: &all, ..order(&list, &nothing) }).unwrap().total, 0);
}

#[test]
fn usage_that_nothing_charges_for_is_told() {
    let used = usage(&[("tokens", 1), ("images", 7), ("idle", 0)]);
    assert_eq!(price(&order(&pro(), &used)).unwrap().unpriced, ["images"]);
}

#[test]
fn amounts_beyond_any_invoice_are_refused() {
    let list = charges(json!([{"key": "calls", "metric": "calls", "model": "per_unit", "per": 1, "price": "1000000000000"}]));
    assert_eq!(price(&order(&list, &usage(&[("calls", u64::MAX)]))), Err(TooMuch));
    assert_eq!(price(&order(&list, &usage(&[("calls", 10_000_000)]))), Err(TooMuch));
}

#[test]
fn a_price_is_written_as_text_and_never_as_a_number_that_may_be_off() {
    let read = |price: serde_json::Value| {
        serde_json::from_value::<Charge>(json!({"key": "calls", "metric": "calls", "model": "per_unit", "per": 1, "price": price}))
    };
    assert!(read(json!("0.1")).is_ok());
    for refused in [json!(0.1), json!("1e400"), json!("１"), json!(""), json!("9".repeat(40))] {
        assert!(read(refused.clone()).is_err(), "{refused}");
    }
    let list = pro();
    assert_eq!(charges(json!(list)), list);
}

#[test]
fn what_is_wrong_with_a_price_list_is_said_with_its_place() {
    assert_eq!(faults(&pro()), []);
    let wrong = |list| faults(&charges(list)).into_iter().map(|Fault { charge, tier, what }| (charge, tier, what)).collect::<Vec<_>>();
    let tiered =
        |tiers: serde_json::Value| wrong(json!([{"key": "a", "metric": "tokens", "model": "graduated", "per": 1, "tiers": tiers}]));
    assert_eq!(tiered(json!([])), [(0, None, Wrong::NoTiers)]);
    assert_eq!(tiered(json!([{"up_to": 5, "price": "1"}, {"up_to": 5, "price": "1"}, {"price": "1"}])), [(0, Some(1), Wrong::TierOrder)]);
    assert_eq!(tiered(json!([{"up_to": 0, "price": "1"}, {"price": "1"}])), [(0, Some(0), Wrong::TierOrder)]);
    assert_eq!(tiered(json!([{"price": "1"}, {"price": "1"}])), [(0, Some(0), Wrong::OpenTier)]);
    assert_eq!(tiered(json!([{"up_to": 5, "price": "1"}])), [(0, Some(0), Wrong::NoOpenTier)]);
    assert_eq!(tiered(json!([{"price": "-1", "flat": -1}])), [(0, Some(0), Wrong::Negative), (0, Some(0), Wrong::Negative)]);
    let list = json!([
        {"key": " ", "model": "flat", "amount": 1},
        {"key": "a", "model": "flat", "amount": -1},
        {"key": "a", "model": "flat", "amount": 1_000_000_000_001_i64},
        {"key": "b", "model": "per_unit", "per": 1, "price": "0.0000001"},
        {"key": "c", "metric": "m", "model": "percentage", "rate": "1.01"},
        {"key": "d", "metric": "m", "model": "flat", "amount": 1},
    ]);
    let told = [
        (0, Wrong::NoKey),
        (1, Wrong::Negative),
        (2, Wrong::SameKey),
        (2, Wrong::TooMuch),
        (3, Wrong::Metric),
        (3, Wrong::TooManyPlaces),
        (4, Wrong::Rate),
        (5, Wrong::Metric),
    ];
    assert_eq!(wrong(list), told.map(|(charge, what)| (charge, None, what)));
}

/// Price lists that can be charged by.
fn any_tiers() -> impl Strategy<Value = Vec<Tier>> {
    (prop::collection::btree_set(1_u64..2_000, 0..5), prop::collection::vec((0_i64..5_000, 0_i64..100), 6)).prop_map(|(ends, prices)| {
        let ends = ends.into_iter().map(Some).chain([None]);
        ends.zip(prices).map(|(up_to, (price, flat))| Tier { up_to, price: Decimal::new(price, 3), flat }).collect()
    })
}

fn any_charges() -> impl Strategy<Value = Vec<Charge>> {
    let per = (1_u64..1_500).prop_map(|per| NonZeroU64::new(per).unwrap());
    let model = prop_oneof![
        (0_i64..5_000_000).prop_map(|amount| Model::Flat { amount }),
        (per.clone(), 0_i64..9_000_000).prop_map(|(per, price)| Model::PerUnit { per, price: Decimal::new(price, 3) }),
        (per.clone(), any_tiers()).prop_map(|(per, tiers)| Model::Graduated { per, tiers }),
        (per.clone(), any_tiers()).prop_map(|(per, tiers)| Model::Volume { per, tiers }),
        (per, 0_i64..9_000_000).prop_map(|(size, price)| Model::Package { size, price: Decimal::new(price, 3) }),
        (0_i64..=1_000_000).prop_map(|rate| Model::Percentage { rate: Decimal::new(rate, 6) }),
    ];
    prop::collection::vec((model, 0_u64..500, 0..3_u8), 1..6).prop_map(|models| {
        models
            .into_iter()
            .enumerate()
            .map(|(n, (model, included, metric))| {
                let metric = (!matches!(model, Model::Flat { .. })).then(|| format!("metric{metric}"));
                Charge { key: format!("charge{n}"), metric, included, model }
            })
            .collect()
    })
}

fn any_usage() -> impl Strategy<Value = Usage> {
    prop::collection::btree_map((0..3_u8).prop_map(|n| format!("metric{n}")), 0_u64..100_000, 0..4)
}

fn any_promotions() -> impl Strategy<Value = Vec<Promotion>> {
    let off = prop_oneof![(0_i64..=100).prop_map(|percent| Off::Share(Decimal::new(percent, 2))), (0_i64..3_000_000).prop_map(Off::Won)];
    let kinds = prop::sample::subsequence(vec![Kind::Base, Kind::Addon, Kind::Usage, Kind::Fee], 1..=4);
    prop::collection::vec((off, kinds), 0..4).prop_map(|list| {
        list.into_iter().enumerate().map(|(n, (off, on))| Promotion { code: format!("P{n}"), off, on: on.into_iter().collect() }).collect()
    })
}

/// A period, and the days into which it is cut.
fn any_cut() -> impl Strategy<Value = (u32, u32)> {
    (1_u32..=366).prop_flat_map(|of| (0..=of, Just(of)))
}

proptest! {
    #[test]
    fn lines_add_up_to_the_total(charges in any_charges(), usage in any_usage(), promotions in any_promotions(), (days, of) in any_cut(),
        seats in 0_u32..50, rounding in prop::sample::select(vec![Rounding::Floor, Rounding::HalfUp, Rounding::Ceil])) {
        prop_assert_eq!(faults(&charges), []);
        let addons = [Addon { key: "seats".into(), price: 12_345, quantity: seats, share: None }];
        let vat = Vat { rounding, ..Vat::default() };
        let share = Share { days, of: NonZeroU32::new(of).unwrap() };
        let order = Order { charges: &charges, usage: &usage, addons: &addons, promotions: &promotions, share, vat };
        let invoice = price(&order).unwrap();
        let sum = |what: fn(&Line) -> i64| invoice.lines.iter().map(what).sum::<i64>();
        prop_assert_eq!((sum(|l| l.supply), sum(|l| l.vat), sum(|l| l.total)), (invoice.supply, invoice.vat, invoice.total));
        prop_assert_eq!(invoice.total, invoice.supply + invoice.vat);
        for line in &invoice.lines {
            prop_assert!(0 <= line.discount && line.discount <= line.amount, "{line:?}");
            prop_assert!((line.exact - Decimal::from(line.amount)).abs() <= Decimal::new(5, 1), "{line:?}");
            prop_assert_eq!(line.total, line.supply + line.vat);
        }
        // the same question has the same answer, in whatever order promotions were redeemed
        let backwards: Vec<_> = promotions.iter().rev().cloned().collect();
        prop_assert_eq!(price(&Order { promotions: &backwards, ..order }).unwrap(), invoice);
    }

    /// Unit by unit, as a person would count it.
    #[test]
    fn tiers_are_what_counting_one_by_one_gives(tiers in any_tiers(), used in 0_u64..3_000) {
        let tier_of = |unit: u64| tiers.iter().position(|tier| tier.up_to.is_none_or(|end| unit <= end)).unwrap();
        let mut counted = Decimal::ZERO;
        for unit in 1..=used {
            let at = tier_of(unit);
            if unit == 1 || tier_of(unit - 1) != at {
                counted += Decimal::from(tiers[at].flat);
            }
            counted += tiers[at].price;
        }
        let exact = |model| {
            let list = [Charge { key: "calls".into(), metric: Some("calls".into()), included: 0, model }];
            price(&order(&list, &usage(&[("calls", used)]))).unwrap().lines[0].exact
        };
        let per = NonZeroU64::MIN;
        prop_assert_eq!(exact(Model::Graduated { per, tiers: tiers.clone() }), counted);
        let all = if used == 0 { Decimal::ZERO } else { Decimal::from(used) * tiers[tier_of(used)].price + Decimal::from(tiers[tier_of(used)].flat) };
        prop_assert_eq!(exact(Model::Volume { per, tiers }), all);
    }

    #[test]
    fn graduated_tiers_never_cost_less_for_more(tiers in any_tiers(), per in 1_u64..1_500, used in 0_u64..5_000, more in 0_u64..5_000) {
        let model = Model::Graduated { per: NonZeroU64::new(per).unwrap(), tiers };
        let list = [Charge { key: "calls".into(), metric: Some("calls".into()), included: 0, model }];
        let cost = |used| price(&order(&list, &usage(&[("calls", used)]))).unwrap().total;
        prop_assert!(cost(used) <= cost(used + more));
    }

    /// A line that is cut in two is rounded three times, by half a won at most each, and so is each promotion.
    #[test]
    fn a_period_in_two_parts_costs_what_it_costs_as_a_whole_but_for_rounding(
        amount in 0_i64..10_000_000, promotions in any_promotions(), (days, of) in any_cut(),
    ) {
        let list = [Charge { key: "base".into(), metric: None, included: 0, model: Model::Flat { amount } }];
        let none = Usage::new();
        let cost = |days, promotions| {
            let share = Share { days, of: NonZeroU32::new(of).unwrap() };
            price(&Order { share, promotions, ..order(&list, &none) }).unwrap().supply
        };
        for promotions in [&[][..], &promotions] {
            let differs = cost(days, promotions) + cost(of - days, promotions) - cost(of, promotions);
            prop_assert!(differs.abs() <= 1 + 2 * promotions.len() as i64, "{differs}");
        }
    }
}

proptest! {
    // each case prices two thousand quantities
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// And where volume pricing does, the editor is told.
    #[test]
    fn volume_falls_exactly_where_it_is_said_to(tiers in any_tiers()) {
        let charge = Charge { key: "calls".into(), metric: Some("calls".into()), included: 0, model: Model::Volume { per: NonZeroU64::MIN, tiers } };
        let exact = |used| price(&order(std::slice::from_ref(&charge), &usage(&[("calls", used)]))).unwrap().lines[0].exact;
        let falls: Vec<u64> = (1..2_100).filter(|used| exact(used + 1) < exact(*used)).collect();
        prop_assert_eq!(charge.drops(), falls);
    }
}
