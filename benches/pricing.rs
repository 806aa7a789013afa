//! How many invoices a core previews each second: `make bench-pricing`. The invoice is one with everything on it: four charges with
//! three tiers, an add-on, a promotion, and all of its explanations.
use countersign::catalog::{
    charges::{Charge, Kind},
    pricing::{Addon, Off, Order, Promotion, Share, Usage, Vat, price},
};
use serde_json::json;
use std::{hint::black_box, time::Instant};

const ROUNDS: usize = 9;
const EACH: u32 = 100_000;

fn main() {
    let charges: Vec<Charge> = serde_json::from_value(json!([
        {"key": "base", "model": "flat", "amount": 1_500_000},
        {"key": "overage", "metric": "tokens", "included": 20_000_000, "model": "graduated", "per": 1_000,
         "tiers": [{"up_to": 30_000_000, "price": "3.0"}, {"up_to": 80_000_000, "price": "2.4"}, {"price": "1.8"}]},
        {"key": "storage", "metric": "gigabytes", "model": "package", "size": 100, "price": "2800"},
        {"key": "fee", "metric": "processed", "model": "percentage", "rate": "0.025"}
    ]))
    .expect("a price list");
    let usage = Usage::from([("tokens".into(), 127_654_321), ("processed".into(), 48_123_672), ("gigabytes".into(), 1_234)]);
    let addons = [Addon { key: "seats".into(), price: 120_000, quantity: 2, share: None }];
    let promotions =
        [Promotion { code: "LAUNCH15".into(), off: Off::Share("0.15".parse().expect("a rate")), on: [Kind::Base, Kind::Usage].into() }];
    let order =
        Order { charges: &charges, usage: &usage, addons: &addons, promotions: &promotions, share: Share::WHOLE, vat: Vat::default() };
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..EACH {
                black_box(price(black_box(&order)).expect("a price"));
            }
            f64::from(EACH) / began.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    println!("{:.0} previews/s; median of {ROUNDS} rounds, from {:.0} to {:.0}", rates[ROUNDS / 2], rates[0], rates[ROUNDS - 1]);
}
