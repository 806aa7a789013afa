//! What the demo company sells: plans and add-ons that were published over the last year, one that is scheduled, one that is drafted, and
//! two promotions.
mod store;

pub use store::{draft, leave};

use super::{
    history::{Actor, Story, World},
    matters::Matter,
};
use crate::{
    auth::Role,
    error::Error,
    operations::{Preview, registry::Registry},
    policy::Version,
};
use anyhow::Context;
use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

/// Something that was asked for, and most often done.
pub struct Deed {
    pub operation: &'static str,
    pub fields: Value,
    pub at: DateTime<Utc>,
    pub reason: &'static str,
    /// Nobody has decided on it yet.
    pub waits: bool,
}

impl Deed {
    /// Before and after, as the operation itself tells them.
    pub async fn preview(&self, conn: &mut PgConnection, registry: &Registry) -> anyhow::Result<Preview> {
        let fields = self.fields.as_object().context("fields are an object")?;
        let given = fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect();
        let proposal =
            registry.find(self.operation).and_then(|d| d.parse(&given).ok()).context("the demo asks for what can be asked for")?;
        Ok(proposal.preview(conn, &Value::Null).await.map_err(Error::from)?)
    }
}

/// A price list that was published more than a year ago; months are counted back from this one.
struct Old {
    kind: &'static str,
    code: &'static str,
    name: &'static str,
    starts: i32,
    ends: Option<i32>,
    prices: &'static str,
    reason: &'static str,
}

const fn plan(code: &'static str, name: &'static str, starts: i32, ends: Option<i32>, prices: &'static str, reason: &'static str) -> Old {
    Old { kind: "plan", code, name, starts, ends, prices, reason }
}

const fn addon(code: &'static str, name: &'static str, starts: i32, prices: &'static str, reason: &'static str) -> Old {
    Old { kind: "addon", code, name, starts, ends: None, prices, reason }
}

const OLD: [Old; 7] = [
    plan("starter", "스타터", 14, None, include_str!("starter.toml"), "스타터 요금제를 출시합니다. (PRC-101)"),
    plan("pro", "프로", 14, Some(8), include_str!("pro-1.toml"), "프로 요금제를 출시합니다. (PRC-102)"),
    plan("pro", "프로", 8, Some(2), include_str!("pro-2.toml"), "원가를 반영해 기본 금액을 조정합니다. (PRC-131)"),
    plan("pro", "프로", 2, None, include_str!("../../catalog/plan.toml"), "초과 토큰 단가를 구간별로 나눕니다. (PRC-158)"),
    plan("enterprise", "엔터프라이즈", 12, None, include_str!("enterprise.toml"), "대규모 고객용 요금제를 출시합니다. (PRC-120)"),
    addon("seats", "사용자 10명 추가", 14, include_str!("../../catalog/addon.toml"), "좌석 추가 상품을 출시합니다. (PRC-103)"),
    addon("priority-support", "우선 지원", 6, include_str!("support.toml"), "평일 야간 우선 지원을 판매합니다. (PRC-140)"),
];

/// The first day of the month so many months before (or, below zero, after) this one.
pub(super) fn month(today: NaiveDate, back: i32) -> NaiveDate {
    let first = today.with_day(1).expect("every month has a first day");
    let months = Months::new(back.unsigned_abs());
    if back < 0 { first + months } else { first - months }
}

/// The price lists that were published before the year of requests begins.
pub fn old(now: DateTime<Utc>, today: NaiveDate) -> Vec<Deed> {
    let deed = |(n, old): (usize, &Old)| Deed {
        operation: "catalog.publish",
        fields: json!({
            "kind": old.kind, "code": old.code, "name": old.name, "starts": month(today, old.starts),
            "ends": old.ends.map(|ends| month(today, ends)), "prices": old.prices,
        }),
        at: now - TimeDelta::days(380) + TimeDelta::hours(n as i64),
        reason: old.reason,
        waits: false,
    };
    OLD.iter().enumerate().map(deed).collect()
}

/// What was decided this morning.
pub fn new(now: DateTime<Utc>, today: NaiveDate) -> Vec<Deed> {
    let deed = |operation, minutes_ago, fields, reason| Deed {
        operation,
        fields,
        at: now - TimeDelta::minutes(minutes_ago),
        reason,
        waits: false,
    };
    vec![
        deed(
            "catalog.publish",
            359,
            json!({"kind": "plan", "code": "pro", "name": "프로", "starts": month(today, -1), "prices": include_str!("pro-4.toml")}),
            "포함 토큰을 3천만 개로 늘립니다. (PRC-171)",
        ),
        deed(
            "promotion.open",
            358,
            json!({"code": "LAUNCH15", "name": "출시 기념 15%", "percent": "15", "on": "plan", "plans": "pro", "starts": today, "ends": month(today, -3), "most": 100}),
            "프로 요금제 개편을 기념하는 할인입니다. (MKT-88)",
        ),
        deed(
            "promotion.open",
            357,
            json!({"code": "WELCOME", "name": "첫 달 5만 원", "won": 50_000, "on": "base", "starts": month(today, -1)}),
            "신규 고객 환영 할인입니다. (MKT-90)",
        ),
    ]
}

/// What somebody is still at work on.
const DRAFT: (&str, &str, i32, &str) = ("plan", "starter", 2, include_str!("starter-2.toml"));

impl World {
    /// Asked for by billing, and, if it does not wait, approved by the administrator and done.
    pub fn deed(&mut self, id: i64, deed: &Deed, preview: Preview, people: &[Actor], registry: &Registry, policy: &Version) -> Story {
        let with = |role: Role| people.iter().find(|p| p.roles.contains(&role)).expect("the demo has one of each role");
        let Preview { target, before, after } = preview;
        let matter = Matter {
            operation: deed.operation,
            fields: deed.fields.clone(),
            target: (target.kind, target.id, target.label),
            before: json!(before),
            after: json!(after),
            reason: deed.reason.into(),
        };
        let mut story = Self::story(id, deed.at, with(Role::Billing), matter, registry, policy);
        if deed.waits {
            return story;
        }
        let decided = deed.at + TimeDelta::seconds(40);
        self.approved(&mut story, with(Role::Admin).id, decided);
        self.executed(&mut story, decided + TimeDelta::milliseconds(150));
        story
    }
}
