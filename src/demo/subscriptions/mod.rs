//! What the demo's tenants are subscribed to: those that were onboarded, each to the version of the day, one change that is planned, and those
//! on an old version, who move to the next.
pub(super) mod store;

use super::{
    history::about,
    shelf::{Deed, month},
};
use crate::{ledger::Entry, requests::Request};
use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use chrono_tz::Asia::Seoul;
use serde_json::{Value, json};

/// The tenant whose plan changes next month.
const CHANGES: &str = "tnt_demoonb001";
/// And one of those that move, who wants something else at the last moment.
const LEAVES: &str = "tnt_demoonb015";

/// What an approval shows of the plan, where plans are sold: version, base price and tokens of what was in force so many days ago.
pub(super) fn sold(approved: bool, days_ago: i64) -> [(&'static str, Value); 3] {
    let of = |value: i64| if approved { json!(value) } else { json!(null) };
    let (version, base, tokens) = if days_ago < 60 { (3, 1_500_000, 20_000_000) } else { (2, 1_200_000, 15_000_000) };
    [("version", of(version)), ("base", of(base)), ("tokens", of(tokens))]
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

/// That a migration began.
pub(super) fn moves(r: &Request) -> Entry {
    let field = |name: &str| r.fields[name].clone();
    let entry =
        about(r, "subscription.migration.begun").with("from_version", field("from_version")).with("to_version", field("to_version"));
    entry.with("from", field("from")).with("tenants", r.after["moving"].clone()).with("checksum", r.after["checksum"].clone())
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
    let reason = "조직이 커져 엔터프라이즈로 옮깁니다. 변경 계약서를 받았습니다. (HB-2026-0130-1)";
    vec![changes(CHANGES, today, now - TimeDelta::minutes(356), reason)]
}

/// And what was decided a moment ago: those on the second version move to the one of next month. Each has its turn as soon as a replica runs;
/// one of them is left out, since it got another plan in between.
pub(super) fn moving(now: DateTime<Utc>, today: NaiveDate) -> Vec<Deed> {
    let fields = json!({"plan": "pro", "from_version": 2, "to_version": 4, "from": month(today, -1)});
    let reason = "2세대 가격표를 이용하는 고객사와 새 가격표에 합의했습니다. (PRC-172)";
    let moves = Deed { operation: "subscription.migrate", fields, at: now - TimeDelta::seconds(80), reason, waits: false };
    let leaves = "새 가격표 대신 엔터프라이즈로 옮기기로 했습니다. 변경 계약서를 받았습니다. (HB-2026-0312-1)";
    vec![moves, changes(LEAVES, today, now - TimeDelta::seconds(70), leaves)]
}

fn changes(tenant: &str, today: NaiveDate, at: DateTime<Utc>, reason: &'static str) -> Deed {
    let then = today.with_day(18).unwrap_or(today) + Months::new(1);
    let fields = json!({"tenant_id": tenant, "plan": "enterprise", "from": then});
    Deed { operation: "subscription.change", fields, at, reason, waits: false }
}
