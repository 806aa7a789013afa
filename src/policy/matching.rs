//! Does a rule match a case, and why: pure, so that a decision, a draft and the past are all judged by the same lines.
use super::replace::{self, ReplacePolicy};
use crate::operations::{Operation, Risk};
use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a rule may look at. Everything in it is stored with the request, but for the requester's roles, which are today's.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub operation: &'a str,
    pub risk: Risk,
    pub roles: &'a [String],
    pub fields: &'a Value,
    pub before: &'a Value,
    pub after: &'a Value,
    pub target_type: &'a str,
    pub target_id: &'a str,
    pub target_label: &'a str,
    /// When it was asked for.
    pub at: DateTime<Utc>,
    pub door: &'a str,
}

/// Where a value is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Field,
    Before,
    After,
}

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Operation(Vec<String>),
    Risk(Vec<Risk>),
    /// The requester holds one of them.
    Role(Vec<String>),
    Door(Vec<String>),
    TargetType(Vec<String>),
    TargetId(Vec<String>),
    TargetLabel(String),
    Value {
        side: Side,
        key: String,
        test: Test,
    },
    Change {
        key: String,
        test: Change,
    },
    /// Minutes of the day in Asia/Seoul, from and until; over midnight if the first is the later one.
    Hours(u16, u16),
    /// 0 is Monday, in Asia/Seoul.
    Weekdays(Vec<u8>),
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    Is(Vec<Value>),
    AtLeast(i64),
    AtMost(i64),
}

/// How a value must change, from before to after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It becomes another one.
    Any,
    /// By so much, up or down.
    ByAtLeast(i64),
    UpByAtLeast(i64),
    DownByAtLeast(i64),
}

/// A condition that held, with what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    pub condition: Condition,
    pub found: Value,
}

/// Why a rule with these conditions matches; none if one of them does not hold.
pub(super) fn reasons(when: &[Condition], case: &Case) -> Option<Vec<Reason>> {
    when.iter().map(|c| Some(Reason { condition: c.clone(), found: c.found(case)? })).collect()
}

impl Condition {
    /// What holds, as it was found; none if it does not hold. What is not there meets no condition.
    pub fn found(&self, case: &Case) -> Option<Value> {
        let one_of = |names: &[String], name: &str| names.iter().any(|n| n == name).then(|| json!(name));
        match self {
            Condition::Operation(names) => one_of(names, case.operation),
            Condition::Risk(risks) => risks.contains(&case.risk).then(|| json!(case.risk)),
            Condition::Role(names) => {
                let held: Vec<_> = case.roles.iter().filter(|r| names.contains(r)).collect();
                (!held.is_empty()).then(|| json!(held))
            }
            Condition::Door(names) => one_of(names, case.door),
            Condition::TargetType(names) => one_of(names, case.target_type),
            Condition::TargetId(ids) => one_of(ids, case.target_id),
            Condition::TargetLabel(part) => {
                case.target_label.to_lowercase().contains(&part.to_lowercase()).then(|| json!(case.target_label))
            }
            Condition::Value { side, key, test } => {
                let place = match side {
                    Side::Field => case.fields,
                    Side::Before => case.before,
                    Side::After => case.after,
                };
                let value = place.get(key).filter(|v| !v.is_null())?;
                test.holds(value).then(|| value.clone())
            }
            Condition::Change { key, test } => {
                let (was, is) = (case.before.get(key)?, case.after.get(key)?);
                test.holds(was, is).then(|| json!({"before": was, "after": is}))
            }
            Condition::Hours(from, until) => {
                let at = case.at.with_timezone(&chrono_tz::Asia::Seoul);
                let minute = (at.hour() * 60 + at.minute()) as u16;
                let inside = if from <= until { (*from..*until).contains(&minute) } else { minute >= *from || minute < *until };
                inside.then(|| json!(format!("{:02}:{:02}", at.hour(), at.minute())))
            }
            Condition::Weekdays(days) => {
                let day = case.at.with_timezone(&chrono_tz::Asia::Seoul).weekday().num_days_from_monday() as u8;
                days.contains(&day).then(|| json!(day))
            }
        }
    }

    /// Whether this holds for every change of the policy, or for none; unknown if that depends on the change.
    pub(super) fn of_policy(&self) -> Option<bool> {
        let one_of = |names: &[String], name: &str| Some(names.iter().any(|n| n == name));
        match self {
            Condition::Operation(names) => one_of(names, ReplacePolicy::NAME),
            Condition::Risk(risks) => Some(risks.contains(&ReplacePolicy::RISK)),
            Condition::TargetType(names) | Condition::TargetId(names) => one_of(names, replace::TARGET),
            _ => None,
        }
    }

    /// Whether this holds wherever `other` does: enough to see that a later rule can never match, never too much.
    pub(super) fn covers(&self, other: &Condition) -> bool {
        use Condition::*;
        match (self, other) {
            (Operation(a), Operation(b))
            | (Role(a), Role(b))
            | (Door(a), Door(b))
            | (TargetType(a), TargetType(b))
            | (TargetId(a), TargetId(b)) => b.iter().all(|x| a.contains(x)),
            (Risk(a), Risk(b)) => b.iter().all(|x| a.contains(x)),
            (Weekdays(a), Weekdays(b)) => b.iter().all(|x| a.contains(x)),
            (Value { side: s, key: k, test: a }, Value { side: t, key: l, test: b }) => s == t && k == l && a.covers(b),
            (Change { key: k, test: a }, Change { key: l, test: b }) => k == l && a.covers(b),
            (a, b) => a == b,
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Test::Is(values) => values.contains(value),
            Test::AtLeast(n) => value.as_i64().is_some_and(|v| v >= *n),
            Test::AtMost(n) => value.as_i64().is_some_and(|v| v <= *n),
        }
    }

    fn covers(&self, other: &Test) -> bool {
        match (self, other) {
            (Test::Is(a), Test::Is(b)) => b.iter().all(|x| a.contains(x)),
            (Test::AtLeast(a), Test::AtLeast(b)) => a <= b,
            (Test::AtMost(a), Test::AtMost(b)) => a >= b,
            _ => false,
        }
    }
}

impl Change {
    fn holds(&self, was: &Value, is: &Value) -> bool {
        // what was not there counts from nothing
        let number = |v: &Value| if v.is_null() { Some(0) } else { v.as_i64() };
        let by = || Some(i128::from(number(is)?) - i128::from(number(was)?));
        match self {
            Change::Any => was != is,
            Change::ByAtLeast(n) => by().is_some_and(|by| by.abs() >= i128::from(*n)),
            Change::UpByAtLeast(n) => by().is_some_and(|by| by >= i128::from(*n)),
            Change::DownByAtLeast(n) => by().is_some_and(|by| -by >= i128::from(*n)),
        }
    }

    fn covers(&self, other: &Change) -> bool {
        use Change::*;
        match (self, other) {
            (Any, _) => true,
            (ByAtLeast(a), ByAtLeast(b) | UpByAtLeast(b) | DownByAtLeast(b)) => a <= b,
            (UpByAtLeast(a), UpByAtLeast(b)) | (DownByAtLeast(a), DownByAtLeast(b)) => a <= b,
            _ => false,
        }
    }
}
