//! What the demo's tenants are subscribed to: those that were onboarded, each to the version of the day, and one change that is planned.
pub(super) mod store;

use super::{history::about, shelf::Deed};
use crate::{ledger::Entry, requests::Request};
use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use chrono_tz::Asia::Seoul;
use serde_json::{Value, json};

/// The tenant whose plan changes next month.
const CHANGES: &str = "tnt_demoonb001";

/// What an approval shows of the plan, where plans are sold: version, base price and tokens of `plan.toml`.
pub(super) fn sold(approved: bool) -> [(&'static str, Value); 3] {
    let of = |value: i64| if approved { json!(value) } else { json!(null) };
    [("version", of(3)), ("base", of(1_500_000)), ("tokens", of(20_000_000))]
}

/// What an approved onboarding told besides: nothing where no plans are sold.
pub(super) fn begun(r: &Request, at: DateTime<Utc>) -> Vec<Entry> {
    if r.after["version"].is_null() {
        return Vec::new();
    }
    let services: serde_json::Map<_, _> = r.after["ai_services"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|service| (service.to_owned(), json!({"quota": r.after["tokens"], "state": "active"})))
        .collect();
    let set = about(r, "tenant.services.set").with("day", day(at).to_string()).with("services", services);
    vec![state(about(r, "subscription.begun"), r, &day(at).to_string()), set]
}

/// The same of a change.
pub(super) fn changed(r: &Request) -> Entry {
    state(about(r, "subscription.changed"), r, r.fields["from"].as_str().unwrap_or_default())
}

fn state(entry: Entry, r: &Request, from: &str) -> Entry {
    entry.with("plan", r.after["plan"].clone()).with("version", r.after["version"].clone()).with("from", from).with("until", Value::Null)
}

/// A day in Korea.
fn day(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&Seoul).date_naive()
}

/// What was decided this morning and comes next month, on the 18th.
pub(super) fn planned(now: DateTime<Utc>, today: NaiveDate) -> Vec<Deed> {
    let then = today.with_day(18).unwrap_or(today) + Months::new(1);
    let fields = json!({"tenant_id": CHANGES, "plan": "enterprise", "from": then});
    let reason = "조직이 커져 엔터프라이즈로 옮깁니다. 변경 계약서를 받았습니다. (HB-2026-0130-1)";
    vec![Deed { operation: "subscription.change", fields, at: now - TimeDelta::minutes(356), reason, waits: false }]
}
