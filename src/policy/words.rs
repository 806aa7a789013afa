//! A policy in words: what a rule looks at, why one matched, and what it asks for.
use super::{Change, Condition, NOT_HELD, Need, Reason, Ruling, Terms, Test, matching::Side};
use crate::{
    auth::Role,
    i18n::Lang,
    operations::{form::grouped, registry::Registry},
    page,
};
use serde_json::Value;

/// What a group is called; one that we do not know has its own name.
pub fn group(l: Lang, name: &str) -> String {
    l.find(&format!("policy-group-{name}")).unwrap_or_else(|| name.to_owned())
}

pub fn role(l: Lang, name: &str) -> String {
    l.find(&format!("role-{name}")).unwrap_or_else(|| name.to_owned())
}

/// What a rule is called; the last one has no name of its own.
pub fn rule(l: Lang, name: &str) -> String {
    if name == "default" { l.policy_rule_default() } else { name.to_owned() }
}

/// How many of whom.
pub fn needs(l: Lang, needs: &[Need]) -> String {
    needs.iter().map(|n| l.policy_need(n.count, group(l, &n.group))).collect::<Vec<_>>().join(l.policy_and().as_str())
}

/// A condition of a rule about this operation; none if the rule is about several.
pub fn condition(l: Lang, registry: &Registry, operation: Option<&str>, c: &Condition) -> String {
    let subject = subject(l, registry, operation, c);
    match c {
        Condition::Value { key, test: Test::Is(values), .. } => l.policy_if(subject, list(l, values.iter().map(|v| called(l, key, v)))),
        Condition::Value { test: Test::AtLeast(n), .. } => l.policy_if(subject, l.policy_test_at_least(grouped(*n))),
        Condition::Value { test: Test::AtMost(n), .. } => l.policy_if(subject, l.policy_test_at_most(grouped(*n))),
        Condition::Change { test, .. } => l.policy_if(subject, change(l, test)),
        Condition::Operation(names) => l.policy_if(subject, list(l, names.iter().map(|n| title(l, registry, n)))),
        Condition::Risk(risks) => l.policy_if(subject, list(l, risks.iter().map(|r| found(l, "risk", r.name())))),
        Condition::Role(names) => l.policy_if(subject, list(l, names.iter().map(|n| role(l, n)))),
        Condition::Door(names) => l.policy_if(subject, list(l, names.iter().map(|n| found(l, "door", n)))),
        Condition::TargetType(names) | Condition::TargetId(names) => l.policy_if(subject, list(l, names.iter().cloned())),
        Condition::TargetLabel(part) => l.policy_if(subject, l.policy_test_contains(part)),
        Condition::Hours(from, until) => l.policy_if(subject, l.policy_test_between(clock(*from), clock(*until))),
        Condition::Weekdays(days) => l.policy_if(subject, list(l, days.iter().map(|d| found(l, "policy-day", &d.to_string())))),
    }
}

/// A condition that held, with what was found.
pub fn reason(l: Lang, registry: &Registry, operation: &str, r: &Reason) -> String {
    let subject = subject(l, registry, Some(operation), &r.condition);
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    match &r.condition {
        Condition::Operation(_) => l.policy_if(subject, title(l, registry, operation)),
        Condition::Risk(_) => l.policy_if(subject, found(l, "risk", &text(&r.found))),
        Condition::Door(_) => l.policy_if(subject, found(l, "door", &text(&r.found))),
        Condition::Role(_) => {
            let held = r.found.as_array().into_iter().flatten().map(|v| role(l, &text(v)));
            l.policy_if(subject, held.collect::<Vec<_>>().join(", "))
        }
        Condition::Weekdays(_) => l.policy_if(subject, found(l, "policy-day", &r.found.to_string())),
        Condition::TargetType(_) | Condition::TargetId(_) | Condition::TargetLabel(_) | Condition::Hours(..) => {
            l.policy_if(subject, text(&r.found))
        }
        Condition::Value { key, test: Test::Is(_), .. } => l.policy_if(subject, called(l, key, &r.found)),
        Condition::Value { key, test, .. } => {
            let test = match test {
                Test::AtMost(n) => l.policy_test_at_most(grouped(*n)),
                Test::AtLeast(n) => l.policy_test_at_least(grouped(*n)),
                Test::Is(_) => String::new(),
            };
            l.policy_why(called(l, key, &r.found), subject, test)
        }
        Condition::Change { key, test } => {
            let (was, is) = (&r.found["before"], &r.found["after"]);
            let moved = format!("{} → {}", called(l, key, was), called(l, key, is));
            match test {
                Change::Any => l.policy_if(subject, moved),
                sized => {
                    let by = is.as_i64().unwrap_or(0) - was.as_i64().unwrap_or(0);
                    let sign = if by > 0 { "+" } else { "" };
                    l.policy_why(format!("{moved} ({sign}{})", grouped(by).replace('-', "−")), subject, change(l, sized))
                }
            }
        }
    }
}

/// What the policy says about one request: which rule, why, who is needed, and what else.
pub fn ruling(l: Lang, registry: &Registry, operation: &str, r: &Ruling) -> Vec<String> {
    let why: Vec<String> = r.because.iter().map(|b| reason(l, registry, operation, b)).collect();
    let matched = match (r.rule == NOT_HELD, r.because.is_empty()) {
        (true, _) => l.policy_not_held(),
        (false, true) => l.policy_matched_default(),
        (false, false) => l.policy_matched(&r.rule, why.join(", ")),
    };
    let terms = Terms {
        self_approval: Some(r.self_approval),
        batch: Some(r.batch),
        step_up_minutes: r.step_up_minutes,
        ticket: r.ticket.clone(),
        break_glass: r.break_glass.then_some(true),
        review_minutes: r.review_minutes,
        cool_off_minutes: Some(r.cool_off_minutes),
        delegation: Some(r.delegation).filter(|allowed| !allowed),
        ..Terms::default()
    };
    let mut all = vec![matched, asks(l, &r.needs, r.self_approval)];
    if !r.needs.is_empty() {
        all.extend(self::terms(l, &terms));
    }
    all
}

/// Who is needed, as a sentence.
pub fn asks(l: Lang, all: &[Need], self_approval: bool) -> String {
    match (all.is_empty(), self_approval) {
        (true, _) => l.policy_asks_nobody(),
        (false, false) => l.policy_asks_others(needs(l, all)),
        (false, true) => l.policy_asks_self(needs(l, all)),
    }
}

/// What a rule says besides; what goes without saying is not said.
pub fn terms(l: Lang, t: &Terms) -> Vec<String> {
    let mut all = Vec::new();
    if t.batch == Some(false) {
        all.push(l.policy_term_no_batch());
    }
    all.extend(t.step_up_minutes.map(|n| l.policy_term_step_up(n)));
    all.extend(t.ticket.as_ref().map(|ticket| l.policy_term_ticket(&ticket.example)));
    all.extend(t.reason_prompt.as_ref().map(|prompt| l.policy_term_prompt(prompt)));
    all.extend(t.cool_off_minutes.filter(|n| *n > 0).map(|n| l.policy_term_cool_off(span(l, n))));
    all.extend(t.delegation.map(|yes| if yes { l.policy_term_delegation() } else { l.policy_term_no_delegation() }));
    all.extend(t.remind_minutes.map(|n| if n > 0 { l.policy_term_remind(span(l, n)) } else { l.policy_term_no_reminder() }));
    let told = || t.escalate_to.as_ref().map(|(groups, _)| groups.iter().map(|g| group(l, g)).collect::<Vec<_>>().join(", "));
    let told = || told().unwrap_or_else(|| role(l, Role::Admin.name()));
    all.extend(t.escalate_minutes.map(|n| if n > 0 { l.policy_term_escalate(span(l, n), told()) } else { l.policy_term_no_escalation() }));
    if t.escalate_minutes.is_none() && t.escalate_to.is_some() {
        all.push(l.policy_term_escalate_to(told()));
    }
    all.extend(t.pending_minutes.map(|n| l.policy_term_pending(span(l, n))));
    all.extend(t.execute_minutes.map(|n| l.policy_term_execute(span(l, n))));
    all.extend(t.slack.map(|yes| if yes { l.policy_term_slack() } else { l.policy_term_no_slack() }));
    let review = || span(l, t.review_minutes.unwrap_or(super::REVIEW_MINUTES));
    all.extend(t.break_glass.map(|yes| if yes { l.policy_term_break_glass(review()) } else { l.policy_term_no_break_glass() }));
    all
}

/// Minutes as people say them.
pub fn span(l: Lang, minutes: u32) -> String {
    match minutes {
        m if m >= 1440 && m % 1440 == 0 => l.policy_days(m / 1440),
        m if m >= 60 && m % 60 == 0 => l.policy_hours(m / 60),
        m => l.policy_minutes(m),
    }
}

fn subject(l: Lang, registry: &Registry, operation: Option<&str>, c: &Condition) -> String {
    let label = |key: &str| {
        let definition = operation.and_then(|name| registry.find(name));
        definition.map_or_else(|| key.to_owned(), |d| d.label(l, key))
    };
    match c {
        Condition::Operation(_) => l.policy_subject_operation(),
        Condition::Risk(_) => l.policy_subject_risk(),
        Condition::Role(_) => l.policy_subject_role(),
        Condition::Door(_) => l.policy_subject_door(),
        Condition::TargetType(_) => l.policy_subject_target_type(),
        Condition::TargetId(_) => l.policy_subject_target_id(),
        Condition::TargetLabel(_) => l.policy_subject_target_label(),
        Condition::Value { side: Side::Field, key, .. } => label(key),
        Condition::Value { side: Side::Before, key, .. } => l.policy_subject_before(label(key)),
        Condition::Value { side: Side::After, key, .. } => l.policy_subject_after(label(key)),
        Condition::Change { key, .. } => l.policy_subject_change(label(key)),
        Condition::Hours(..) => l.policy_subject_hours(),
        Condition::Weekdays(_) => l.policy_subject_weekdays(),
    }
}

fn change(l: Lang, test: &Change) -> String {
    match test {
        Change::Any => l.policy_test_changes(),
        Change::ByAtLeast(n) => l.policy_test_at_least(grouped(*n)),
        Change::UpByAtLeast(n) => l.policy_test_up(grouped(*n)),
        Change::DownByAtLeast(n) => l.policy_test_down(grouped(*n)),
    }
}

fn title(l: Lang, registry: &Registry, name: &str) -> String {
    registry.find(name).map_or_else(|| name.to_owned(), |d| d.title(l))
}

fn found(l: Lang, kind: &str, key: &str) -> String {
    l.find(&format!("{kind}-{key}")).unwrap_or_else(|| key.to_owned())
}

fn called(l: Lang, key: &str, value: &Value) -> String {
    let known = value.as_str().and_then(|v| l.find(&format!("value-{key}-{v}")));
    known.or_else(|| page::shown(value)).unwrap_or_else(|| l.value_none())
}

fn list(l: Lang, items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(l.policy_or().as_str())
}

fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
