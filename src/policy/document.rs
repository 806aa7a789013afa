//! From the document to a policy. Whatever is doubtful is refused as a whole: a rule that does not do what its author believes
//! is worse than none.
use super::{
    Condition, Need, Policy, Rule, Terms, Ticket,
    matching::{Change, Side, Test},
};
use crate::{
    auth::{RequestsDecide, Role, Scope, roles_with},
    documents::{At, Fault, Reader, Section},
    i18n::msg,
    operations::{Risk, TOOL_CALL},
};
use std::collections::{BTreeMap, BTreeSet};

/// In force until somebody changes it.
pub const BUILT_IN: &str = include_str!("default.toml");
/// As much as a column and a form take, in bytes.
pub const LONGEST: usize = 20_000;
const DEFAULT: &str = "default";
/// What decides where the configuration lets calls through; no rule may have this name.
pub const NOT_HELD: &str = "approval-workflow-disabled";
/// How a shortage of everybody is told.
pub(super) const NOBODY: &str = "policy:propose × 1";

const DOORS: [&str; 2] = ["web", "api"];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const TERMS: [&str; 16] = [
    "needs",
    "self_approval",
    "batch",
    "slack",
    "break_glass",
    "review_minutes",
    "step_up_minutes",
    "reason_prompt",
    "ticket",
    "pending_minutes",
    "execute_minutes",
    "cool_off_minutes",
    "delegation",
    "remind_minutes",
    "escalate_minutes",
    "escalate_to",
];

/// Reads a document and tells everything that is wrong with it. Names of operations are held against `operations`; a version
/// that was in force once is read without, since operations come and go.
pub fn read(document: &str, operations: Option<&[&str]>) -> Result<Policy, Vec<Fault>> {
    let table = Reader::parse(document, LONGEST)?;
    let mut r = Reader::new(document);
    let root = Section::root(&table);
    r.only(&root, &["groups", "rule", "default"]);
    let groups = groups(&mut r, &root);
    let mut rules = Vec::new();
    let mut places = Vec::new();
    if let Some(list) = root.get("rule") {
        for item in r.list(list, "rule") {
            let Some(section) = r.section(item, "rule".into()) else { continue };
            places.push(section.at);
            rules.push(rule(&mut r, section, &groups, operations));
        }
    }
    for n in 0..rules.len() {
        let (rule, at) = (&rules[n], places[n]);
        if let Some(earlier) = rules[..n].iter().find(|e| e.name == rule.name && !rule.name.is_empty()) {
            r.fault(at, |line| msg::policy_fault_twice(line, &earlier.name));
        } else if let Some(earlier) = rules[..n].iter().find(|e| covers(e, rule)) {
            r.fault(at, |line| msg::policy_fault_unreachable(&earlier.name, line, &rule.name));
        }
    }
    if let Some(section) = r.required(&root, "default").and_then(|d| r.section(d, "default".into())) {
        r.only(&section, &TERMS);
        let needs = needs(&mut r, &section, &groups, false);
        rules.push(Rule { name: DEFAULT.into(), when: Vec::new(), needs, terms: terms(&mut r, &section, &groups) });
        places.push(section.at);
    }
    // asked of new documents; an old one is understood, and its word on this does not count
    if operations.is_some() {
        for (rule, at) in rules.iter().zip(&places).filter(|(rule, _)| rule.terms.break_glass == Some(true)) {
            let earlier = rules.iter().take_while(|e| e.name != rule.name).any(|e| e.of_policy() == Some(true));
            if !earlier && rule.of_policy() != Some(false) {
                r.fault(*at, |line| msg::policy_fault_glass(line, &rule.name));
            }
        }
    }
    r.done(Policy { groups, rules, document: document.to_owned() })
}

impl Rule {
    /// Whether it matches every change of the policy, or none; unknown if that depends on the change.
    fn of_policy(&self) -> Option<bool> {
        let all: Vec<Option<bool>> = self.when.iter().map(Condition::of_policy).collect();
        if all.contains(&Some(false)) {
            return Some(false);
        }
        all.iter().all(Option::is_some).then_some(true)
    }
}

/// Whether the earlier rule matches whatever the later one would.
fn covers(earlier: &Rule, later: &Rule) -> bool {
    !earlier.when.is_empty() && earlier.when.iter().all(|c| later.when.iter().any(|d| c.covers(d)))
}

fn groups<'d>(r: &mut Reader<'d>, root: &Section<'_, 'd>) -> BTreeMap<String, Vec<String>> {
    let mut groups = BTreeMap::new();
    let Some(section) = r.required(root, "groups").and_then(|g| r.section(g, "groups".into())) else { return groups };
    for (name, value) in section.entries() {
        named(r, &name, value.span().start);
        // whoever holds none of these could never vote, and a need for them would never be met
        if let Some(roles) = names(r, &section, &name, Some(&roles_with(RequestsDecide::NAME))) {
            groups.insert(name, roles);
        }
    }
    groups
}

/// Names stand in pages, in events and in addresses.
fn named(r: &mut Reader, name: &str, at: usize) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
        r.fault(at, |line| msg::policy_fault_name(line, name));
    }
}

fn rule<'d>(r: &mut Reader<'d>, mut section: Section<'_, 'd>, groups: &BTreeMap<String, Vec<String>>, operations: Option<&[&str]>) -> Rule {
    let known: Vec<&str> = ["name", "when"].into_iter().chain(TERMS).collect();
    let name = match r.required(&section, "name") {
        Some(value) => {
            let name = r.text(value, "rule.name").unwrap_or_default();
            named(r, &name, value.span().start);
            if [DEFAULT, NOT_HELD].contains(&name.as_str()) {
                r.fault(value.span().start, |line| msg::policy_fault_twice(line, &name));
            }
            name
        }
        None => String::new(),
    };
    section.path = format!("rule.{name}");
    r.only(&section, &known);
    let before = r.faults.len();
    let when = match r.required(&section, "when").and_then(|w| r.section(w, section.key("when"))) {
        Some(when) => conditions(r, &when, operations),
        None => Vec::new(),
    };
    if when.is_empty() && r.faults.len() == before {
        r.fault(section.at, |line| msg::policy_fault_no_condition(line, &name));
    }
    // only what can do little harm runs without anybody; calls of tools are many, and of them what can do some harm does, too
    let tools = when.iter().any(|c| matches!(c, Condition::Operation(names) if names.iter().all(|name| name == TOOL_CALL)));
    let most = if tools { Risk::Medium } else { Risk::Low };
    let harmless = when.iter().any(|c| matches!(c, Condition::Risk(risks) if risks.iter().all(|risk| *risk <= most)));
    let needs = needs(r, &section, groups, harmless);
    Rule { needs, terms: terms(r, &section, groups), name, when }
}

fn conditions<'d>(r: &mut Reader<'d>, when: &Section<'_, 'd>, operations: Option<&[&str]>) -> Vec<Condition> {
    r.only(when, &["operation", "risk", "role", "door", "target", "fields", "before", "after", "change", "hours", "weekdays"]);
    let mut all = Vec::new();
    all.extend(names(r, when, "operation", operations).map(Condition::Operation));
    let risks = Risk::ALL.map(Risk::name);
    if let Some(names) = names(r, when, "risk", Some(&risks)) {
        all.push(Condition::Risk(Risk::ALL.into_iter().filter(|risk| names.iter().any(|n| n == risk.name())).collect()));
    }
    all.extend(names(r, when, "role", Some(&Role::PEOPLE.map(Role::name))).map(Condition::Role));
    all.extend(names(r, when, "door", Some(&DOORS)).map(Condition::Door));
    if let Some(target) = when.get("target").and_then(|t| r.section(t, when.key("target"))) {
        r.only(&target, &["type", "id", "label"]);
        all.extend(names(r, &target, "type", None).map(Condition::TargetType));
        all.extend(names(r, &target, "id", None).map(Condition::TargetId));
        all.extend(target.get("label").and_then(|l| r.text(l, &target.key("label"))).map(Condition::TargetLabel));
    }
    for (key, side) in [("fields", Side::Field), ("before", Side::Before), ("after", Side::After)] {
        let Some(values) = when.get(key).and_then(|v| r.section(v, when.key(key))) else { continue };
        for (key, value) in values.entries() {
            let tests = tests(r, value, &values.key(&key));
            all.extend(tests.into_iter().map(|test| Condition::Value { side, key: key.clone(), test }));
        }
    }
    if let Some(values) = when.get("change").and_then(|v| r.section(v, when.key("change"))) {
        for (key, value) in values.entries() {
            all.extend(change(r, value, &values.key(&key)).into_iter().map(|test| Condition::Change { key: key.clone(), test }));
        }
    }
    if let Some(value) = when.get("hours")
        && let Some(text) = r.text(value, &when.key("hours"))
    {
        match text.split_once('-').and_then(|(from, until)| Some((minutes(from)?, minutes(until)?))).filter(|(a, b)| a != b) {
            Some((from, until)) => all.push(Condition::Hours(from, until)),
            None => r.fault(value.span().start, |line| msg::policy_fault_hours(when.key("hours"), line)),
        }
    }
    if let Some(names) = names(r, when, "weekdays", Some(&DAYS)) {
        all.push(Condition::Weekdays((0..7).filter(|day| names.iter().any(|n| n == DAYS[usize::from(*day)])).collect()));
    }
    all
}

/// `09:30` as minutes of the day.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

fn tests<'d>(r: &mut Reader<'d>, value: At<'_, 'd>, path: &str) -> Vec<Test> {
    if !value.get_ref().is_table() {
        let items = if value.get_ref().is_array() { r.list(value, path) } else { vec![value] };
        let values: Vec<_> = items.into_iter().filter_map(|item| r.scalar(item, path)).collect();
        if values.is_empty() {
            r.fault(value.span().start, |line| msg::policy_fault_empty(path, line));
        }
        return vec![Test::Is(values)];
    }
    let Some(section) = r.section(value, path.to_owned()) else { return Vec::new() };
    r.only(&section, &["at_least", "at_most"]);
    let mut all = Vec::new();
    all.extend(section.get("at_least").and_then(|v| r.number(v, &section.key("at_least"))).map(Test::AtLeast));
    all.extend(section.get("at_most").and_then(|v| r.number(v, &section.key("at_most"))).map(Test::AtMost));
    let crossed = matches!(all[..], [Test::AtLeast(least), Test::AtMost(most)] if least > most);
    if all.is_empty() || crossed {
        r.fault(value.span().start, |line| msg::policy_fault_empty(path, line));
    }
    all
}

fn change<'d>(r: &mut Reader<'d>, value: At<'_, 'd>, path: &str) -> Vec<Change> {
    if value.get_ref().as_bool() == Some(true) {
        return vec![Change::Any];
    }
    let Some(section) = r.section(value, path.to_owned()) else { return Vec::new() };
    r.only(&section, &["by_at_least", "up_by_at_least", "down_by_at_least"]);
    let mut all = Vec::new();
    // from 1: a change of nothing is no change
    let mut size = |key: &str| r.within(&section, key, 1, i64::from(u32::MAX)).map(i64::from);
    all.extend(size("by_at_least").map(Change::ByAtLeast));
    all.extend(size("up_by_at_least").map(Change::UpByAtLeast));
    all.extend(size("down_by_at_least").map(Change::DownByAtLeast));
    if all.is_empty() {
        r.fault(value.span().start, |line| msg::policy_fault_empty(path, line));
    }
    all
}

fn needs<'d>(r: &mut Reader<'d>, section: &Section<'_, 'd>, groups: &BTreeMap<String, Vec<String>>, harmless: bool) -> Vec<Need> {
    let Some(value) = r.required(section, "needs") else { return Vec::new() };
    let (at, path) = (value.span().start, section.key("needs"));
    let items = r.list(value, &path);
    if items.is_empty() && value.get_ref().is_array() && !harmless {
        r.fault(at, |line| msg::policy_fault_nobody(line, &section.path));
    }
    let mut needs: Vec<Need> = Vec::new();
    for item in items {
        let Some(need) = r.section(item, path.clone()) else { continue };
        r.only(&need, &["group", "count"]);
        let count = if need.get("count").is_some() { r.within(&need, "count", 1, 9) } else { Some(1) };
        let known: Vec<&str> = groups.keys().map(String::as_str).collect();
        r.required(&need, "group");
        let Some(names) = names(r, &need, "group", Some(&known)) else { continue };
        let (Some(group), Some(count)) = (names.first(), count) else { continue };
        needs.push(Need { group: group.clone(), roles: groups[group].clone(), count: count as u8 });
    }
    if needs.iter().map(|n| u32::from(n.count)).sum::<u32>() > 9 {
        r.fault(at, |line| msg::document_fault_range(&path, 1, line, 9));
        needs.clear();
    }
    needs
}

fn terms<'d>(r: &mut Reader<'d>, section: &Section<'_, 'd>, groups: &BTreeMap<String, Vec<String>>) -> Terms {
    const QUARTER: i64 = 90 * 24 * 60;
    let ticket = section.get("ticket").and_then(|t| r.section(t, section.key("ticket"))).and_then(|t| {
        r.only(&t, &["pattern", "example"]);
        let pattern = r.required(&t, "pattern")?;
        let example = r.required(&t, "example")?;
        let (text, example_text) = (r.text(pattern, &t.key("pattern"))?, r.text(example, &t.key("example"))?);
        match regex::RegexBuilder::new(&text).size_limit(100_000).build() {
            Ok(compiled) if compiled.is_match(&example_text) => Some(Ticket { pattern: text, example: example_text }),
            Ok(_) => {
                r.fault(example.span().start, |line| msg::policy_fault_example(t.key("example"), line));
                None
            }
            Err(_) => {
                r.fault(pattern.span().start, |line| msg::policy_fault_pattern(t.key("pattern"), line));
                None
            }
        }
    });
    let known: Vec<&str> = groups.keys().map(String::as_str).collect();
    let escalate_to = names(r, section, "escalate_to", Some(&known)).map(|names| {
        let roles: BTreeSet<String> = names.iter().flat_map(|name| groups[name].iter().cloned()).collect();
        (names, roles.into_iter().collect())
    });
    Terms {
        self_approval: r.boolean(section, "self_approval"),
        batch: r.boolean(section, "batch"),
        slack: r.boolean(section, "slack"),
        break_glass: r.boolean(section, "break_glass"),
        review_minutes: r.within(section, "review_minutes", 1, QUARTER),
        step_up_minutes: r.within(section, "step_up_minutes", 1, 12 * 60),
        reason_prompt: section.get("reason_prompt").and_then(|v| r.text(v, &section.key("reason_prompt"))),
        ticket,
        pending_minutes: r.within(section, "pending_minutes", 1, QUARTER),
        execute_minutes: r.within(section, "execute_minutes", 1, QUARTER),
        cool_off_minutes: r.within(section, "cool_off_minutes", 0, 7 * 24 * 60),
        delegation: r.boolean(section, "delegation"),
        remind_minutes: r.within(section, "remind_minutes", 0, QUARTER),
        escalate_minutes: r.within(section, "escalate_minutes", 0, QUARTER),
        escalate_to,
    }
}

/// One text or several, each of them known. Without any, the rule could never match.
fn names<'d>(r: &mut Reader<'d>, section: &Section<'_, 'd>, key: &str, known: Option<&[&str]>) -> Option<Vec<String>> {
    let value = section.get(key)?;
    let path = section.key(key);
    let items = if value.get_ref().is_str() { vec![value] } else { r.list(value, &path) };
    if items.is_empty() {
        if value.get_ref().is_array() {
            r.fault(value.span().start, |line| msg::policy_fault_empty(path, line));
        }
        return None;
    }
    let mut names = Vec::new();
    for item in items {
        let Some(name) = r.text(item, &path) else { continue };
        if known.is_some_and(|known| !known.contains(&name.as_str())) {
            let known = known.unwrap_or_default().join(", ");
            r.fault(item.span().start, |line| msg::document_fault_unknown_value(&path, known, line, &name));
            continue;
        }
        names.push(name);
    }
    (!names.is_empty()).then_some(names)
}
