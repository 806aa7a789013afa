//! What the demo's tenants have on top of their plan: ten seats more since this morning, and a request that waits for somebody's decision.
pub(super) mod store;

use super::{history::about, shelf::Deed};
use crate::{ledger::Entry, requests::Request};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::json;

/// Who has seats already, and who wants something.
const HAS: &str = "tnt_demoonb000";
const WANTS: &str = "tnt_demoonb001";

pub(super) fn all(now: DateTime<Utc>, today: NaiveDate) -> Vec<Deed> {
    let deed = |minutes_ago, fields, reason, waits| Deed {
        operation: "addon.change",
        fields,
        at: now - TimeDelta::minutes(minutes_ago),
        reason,
        waits,
    };
    let seats = json!({"tenant_id": HAS, "addon": "seats", "quantity": 1, "from": today, "estimate": "tokens 24,300,000"});
    let support = json!({"tenant_id": WANTS, "addon": "priority-support", "quantity": 1, "from": today, "estimate": "tokens 18,500,000"});
    vec![
        deed(355, seats, "연구팀 열 명이 더 씁니다. 추가 주문서를 받았습니다. (HB-2026-0129-2)", false),
        deed(38, support, "야간 배치가 멈추면 밤에 답해 달라고 합니다. 주문서에 서명이 있습니다. (HB-2026-0130-3)", true),
    ]
}

/// What a change that was carried out told.
pub(super) fn changed(r: &Request) -> Entry {
    let version = r.after["addon"].as_str().and_then(|had| had.rsplit_once(" v")?.1.parse::<i32>().ok());
    let field = |name: &str| r.fields[name].clone();
    let entry = about(r, "addon.changed").with("addon", field("addon")).with("version", version);
    entry.with("quantity", field("quantity")).with("from", field("from"))
}
