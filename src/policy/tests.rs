//! What must hold for every document and every case.
use super::{BUILT_IN, Case, Change, Condition, Need, Policy, Ruling, Test, Version, check, matching::Side, read};
use crate::{
    i18n::Lang,
    operations::{Risk, TOOL_CALL},
};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write;

const GROUPS: &str = "[groups]\napprovers = ['admin', 'approver']\nbilling = ['billing']\n";

fn with(rules: &str) -> String {
    format!("{GROUPS}{rules}\n[default]\nneeds = [{{ group = 'approvers' }}]\n")
}

fn faults(rules: &str) -> Vec<(usize, &'static str)> {
    check(&with(rules)).map_or_else(|all| all.iter().map(|f| (f.line, f.text.id())).collect(), |_| Vec::new())
}

fn rule_of(document: &str, case: &Case) -> Ruling {
    Version { id: 1, hash: String::new(), policy: check(document).unwrap() }.rule(case)
}

fn case<'a>(risk: Risk, roles: &'a [String], before: &'a Value, after: &'a Value) -> Case<'a> {
    Case {
        operation: "org.tier.fix",
        risk,
        roles,
        fields: after,
        before,
        after,
        target_type: "org",
        target_id: "org_1",
        target_label: "한빛 · 데이터",
        // a Wednesday, ten in the evening in Seoul
        at: DateTime::parse_from_rfc3339("2026-11-18T13:00:00Z").unwrap().to_utc(),
        door: "web",
    }
}

#[test]
fn the_built_in_policy_asks_as_many_as_ever() {
    let empty = json!({});
    let count = |risk| rule_of(BUILT_IN, &case(risk, &[], &empty, &empty)).approvals;
    assert_eq!(Risk::ALL.map(count), [0, 1, 1, 2]);
    let usual = rule_of(BUILT_IN, &case(Risk::High, &[], &empty, &empty));
    assert_eq!((usual.pending_minutes, usual.execute_minutes, usual.cool_off_minutes), (3 * 24 * 60, 60, 0));
    assert!(usual.batch && !usual.self_approval && !rule_of(BUILT_IN, &case(Risk::Critical, &[], &empty, &empty)).batch);
}

#[test]
fn every_condition_holds_where_it_should_and_nowhere_else() {
    let (before, after) = (json!({"credit": 264_000, "tier": "pro"}), json!({"credit": 87_000, "tier": "pro"}));
    let roles = vec!["cs".to_owned()];
    let matches = |when: &str| {
        let document = with(&format!("[[rule]]\nname = 'x'\nwhen = {{ {when} }}\nneeds = [{{ group = 'billing' }}]\n"));
        rule_of(&document, &case(Risk::High, &roles, &before, &after)).rule == "x"
    };
    for yes in [
        "operation = 'org.tier.fix'",
        "risk = ['low', 'high']",
        "role = ['ops', 'cs']",
        "door = 'web'",
        "target = { type = 'org' }",
        "target = { id = ['org_1', 'org_2'] }",
        "target = { label = '데이터' }",
        "fields = { credit = { at_most = 87_000 } }",
        "fields = { tier = 'pro' }",
        "before = { credit = { at_least = 264_000, at_most = 264_000 } }",
        "after = { tier = ['free', 'pro'] }",
        "change = { credit = true }",
        "change = { credit = { by_at_least = 177_000 } }",
        "change = { credit = { down_by_at_least = 177_000 } }",
        "hours = '19:00-09:00'",
        "hours = '22:00-22:01'",
        "weekdays = ['wed']",
    ] {
        assert!(matches(yes), "{yes}");
    }
    for no in [
        "operation = 'user.plan.grant'",
        "risk = 'low'",
        "role = 'ops'",
        "door = 'api'",
        "target = { type = 'user' }",
        "target = { label = '결제' }",
        "fields = { nothing = 'pro' }",
        "fields = { tier = { at_least = 1 } }",
        "change = { tier = true }",
        "change = { credit = { by_at_least = 177_001 } }",
        "change = { credit = { up_by_at_least = 1 } }",
        "hours = '09:00-19:00'",
        "hours = '21:00-22:00'",
        "weekdays = ['sat', 'sun']",
        "role = 'cs', risk = 'low'",
    ] {
        assert!(!matches(no), "{no}");
    }
}

#[test]
fn no_new_document_lets_the_policy_be_changed_without_anybody() {
    let rule = |name: &str, when: &str, terms: &str| {
        format!("[[rule]]\nname = '{name}'\nwhen = {{ {when} }}\nneeds = [{{ group = 'billing' }}]\n{terms}\n")
    };
    let open = |when: &str| rule("open", when, "break_glass = true");
    let guard = |when: &str| rule("guard", when, "");
    let refused = [(4, "policy-fault-glass")];
    for when in
        ["role = 'admin'", "risk = ['high', 'critical']", "operation = ['org.tier.fix', 'policy.replace']", "target = { type = 'policy' }"]
    {
        assert_eq!(faults(&open(when)), refused, "{when}");
        assert_eq!(faults(&(guard("operation = 'policy.replace'") + &open(when))), [], "{when}");
    }
    for when in ["operation = 'org.tier.fix'", "role = 'admin', risk = 'high'", "role = 'admin', target = { type = 'org' }"] {
        assert_eq!(faults(&open(when)), [], "{when}");
    }
    // a guard that does not always hold is none
    assert_eq!(
        faults(&(guard("operation = 'policy.replace', hours = '09:00-18:00'") + &open("role = 'admin'"))),
        [(9, "policy-fault-glass")]
    );
    // a document of before is understood, and its word on this does not count
    let old = with(&open("role = 'admin'"));
    let (empty, admin) = (json!({}), vec!["admin".to_owned()]);
    let version = Version { id: 1, hash: String::new(), policy: read(&old, None).unwrap() };
    let mut about = case(Risk::Critical, &admin, &empty, &empty);
    assert_eq!((version.rule(&about).break_glass, version.rule(&about).review_minutes), (true, Some(1440)));
    about.operation = "policy.replace";
    assert_eq!((version.rule(&about).break_glass, version.rule(&about).review_minutes), (false, None));
}

#[test]
fn whatever_is_doubtful_is_refused_with_its_line() {
    let rule = |rest: &str| format!("[[rule]]\nname = 'x'\n{rest}");
    let high = "when = { risk = 'high' }\n";
    for (text, line, id) in [
        ("[nonsense]", 4, "document-fault-unknown-key"),
        ("[[rule]", 4, "document-fault-toml"),
        (&rule("when = { risk = 'high' }\nneeds = [{ group = 'nobody' }]"), 7, "document-fault-unknown-value"),
        (&rule("when = { operation = 'org.tier.fox' }\nneeds = [{ group = 'billing' }]"), 6, "document-fault-unknown-value"),
        (&rule("when = { role = 'boss' }\nneeds = [{ group = 'billing' }]"), 6, "document-fault-unknown-value"),
        (&rule("when = { risk = 'huge' }\nneeds = [{ group = 'billing' }]"), 6, "document-fault-unknown-value"),
        (&rule("when = { weather = 'rain' }\nneeds = [{ group = 'billing' }]"), 6, "document-fault-unknown-key"),
        (&rule("when = {}\nneeds = [{ group = 'billing' }]"), 4, "policy-fault-no-condition"),
        (&rule(&format!("{high}needs = []")), 7, "policy-fault-nobody"),
        (&rule("when = { risk = ['low', 'medium'] }\nneeds = []"), 7, "policy-fault-nobody"),
        (&rule("when = { operation = 'tool.call' }\nneeds = []"), 7, "policy-fault-nobody"),
        (&rule("when = { operation = 'tool.call', risk = ['medium', 'high'] }\nneeds = []"), 7, "policy-fault-nobody"),
        (&rule("when = { operation = ['tool.call', 'org.tier.fix'], risk = 'medium' }\nneeds = []"), 7, "policy-fault-nobody"),
        (&rule("when = { operation = 'org.tier.fix', risk = 'medium' }\nneeds = []"), 7, "policy-fault-nobody"),
        (
            "[[rule]]\nname = 'approval-workflow-disabled'\nwhen = { risk = 'high' }\nneeds = [{ group = 'billing' }]",
            5,
            "policy-fault-twice",
        ),
        (&rule(&format!("{high}needs = [{{ group = 'billing', count = 0 }}]")), 7, "document-fault-range"),
        (&rule(&format!("{high}needs = [{{ group = 'billing', count = 10 }}]")), 7, "document-fault-range"),
        (
            &rule(&format!("{high}needs = [{{ group = 'billing', count = 5 }}, {{ group = 'approvers', count = 5 }}]")),
            7,
            "document-fault-range",
        ),
        (&rule(&format!("{high}needs = 3")), 7, "document-fault-kind"),
        (&rule(high), 4, "document-fault-missing"),
        (&rule("when = { fields = { credit = { at_least = 5, at_most = 4 } } }\nneeds = [{ group = 'billing' }]"), 6, "policy-fault-empty"),
        (&rule("when = { role = [] }\nneeds = [{ group = 'billing' }]"), 6, "policy-fault-empty"),
        (&rule("when = { change = { credit = { by_at_least = 0 } } }\nneeds = [{ group = 'billing' }]"), 6, "document-fault-range"),
        (&rule("when = { hours = 'evening' }\nneeds = [{ group = 'billing' }]"), 6, "policy-fault-hours"),
        (&rule(&format!("{high}needs = [{{ group = 'billing' }}]\nself_aproval = true")), 8, "document-fault-unknown-key"),
        (&rule(&format!("{high}needs = [{{ group = 'billing' }}]\npending_minutes = 0")), 8, "document-fault-range"),
        (
            &rule(&format!("{high}needs = [{{ group = 'billing' }}]\nticket = {{ pattern = '(', example = '(' }}")),
            8,
            "policy-fault-pattern",
        ),
        (
            &rule(&format!("{high}needs = [{{ group = 'billing' }}]\nticket = {{ pattern = 'A', example = 'B' }}")),
            8,
            "policy-fault-example",
        ),
        (
            &format!(
                "{}\n{}",
                rule(&format!("{high}needs = [{{ group = 'billing' }}]")),
                rule(&format!("{high}needs = [{{ group = 'billing' }}]"))
            ),
            8,
            "policy-fault-twice",
        ),
    ] {
        let found = faults(text);
        assert!(found.contains(&(line, id)), "{text}\nexpected line {line} {id}, found {found:?}");
    }
    let missing: Vec<_> = check("").unwrap_err().iter().map(|f| Lang::Ko.say(&f.text)).collect();
    assert_eq!(missing, ["1행: groups 키가 없습니다.", "1행: default 키가 없습니다."]);
    let auditors = "[groups]\nauditors = ['auditor']\n[default]\nneeds = [{ group = 'auditors' }]\n";
    assert_eq!(check(auditors).unwrap_err()[0].line, 2, "whoever cannot vote is in no group");
    assert!(check(&with(&"#".repeat(30_000))).is_err());
}

#[test]
fn of_calls_of_tools_medium_risk_may_need_nobody_and_the_built_in_policy_says_so() {
    let rule = "[[rule]]\nname = 'x'\nwhen = { operation = 'tool.call', risk = ['low', 'medium'] }\nneeds = []\n";
    assert!(faults(rule).is_empty());
    let empty = json!({});
    let count = |risk| rule_of(BUILT_IN, &Case { operation: TOOL_CALL, ..case(risk, &[], &empty, &empty) }).approvals;
    assert_eq!(Risk::ALL.map(count), [0, 0, 1, 2]);
}

#[test]
fn a_rule_that_an_earlier_one_always_beats_is_refused() {
    let two = |first: &str, second: &str| {
        let rule = |name: &str, when: &str| format!("[[rule]]\nname = '{name}'\nwhen = {{ {when} }}\nneeds = [{{ group = 'billing' }}]\n");
        faults(&format!("{}{}", rule("first", first), rule("second", second)))
    };
    for (first, second) in [
        ("risk = ['high', 'critical']", "risk = 'high', role = 'cs'"),
        ("change = { credit = { by_at_least = 10 } }", "change = { credit = { down_by_at_least = 11 } }"),
        ("fields = { credit = { at_least = 5 } }", "fields = { credit = { at_least = 6 } }"),
        ("weekdays = ['sat', 'sun']", "weekdays = 'sun'"),
    ] {
        assert_eq!(two(first, second), [(8, "policy-fault-unreachable")], "{first} / {second}");
        assert!(two(second, first).is_empty(), "{second} / {first}");
    }
    assert!(two("role = 'cs'", "risk = 'high'").is_empty());
}

#[test]
fn a_reason_must_name_its_ticket() {
    let rule = "[[rule]]\nname = 'x'\nwhen = { risk = 'high' }\nneeds = [{ group = 'billing' }]\nticket = { pattern = '\\bCS-[0-9]+\\b', example = 'CS-1024' }\n";
    let empty = json!({});
    let ruling = rule_of(&with(rule), &case(Risk::High, &[], &empty, &empty));
    assert_eq!(ruling.ticket_missing("no number here").map(|t| t.example.as_str()), Some("CS-1024"));
    assert!(ruling.ticket_missing("as CS-7 says").is_none());
}

fn condition() -> impl Strategy<Value = Condition> {
    let some = |all: &'static [&'static str]| {
        prop::sample::subsequence(all, 1..=all.len()).prop_map(|v| v.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    prop_oneof![
        some(&["org.tier.fix", "user.plan.grant", "tool.call"]).prop_map(Condition::Operation),
        prop::sample::subsequence(Risk::ALL.to_vec(), 1..4).prop_map(Condition::Risk),
        some(&["cs", "ops", "billing"]).prop_map(Condition::Role),
        some(&["web", "api"]).prop_map(Condition::Door),
        (0i64..100).prop_map(|n| Condition::Value { side: Side::After, key: "credit".into(), test: Test::AtLeast(n) }),
        Just(Condition::Value { side: Side::Field, key: "tier".into(), test: Test::Is(vec![json!("pro"), json!("free")]) }),
        (1i64..100).prop_map(|n| Condition::Change { key: "credit".into(), test: Change::ByAtLeast(n) }),
        (0u16..1440, 0u16..1440).prop_filter("not empty", |(a, b)| a != b).prop_map(|(a, b)| Condition::Hours(a, b)),
        prop::sample::subsequence((0u8..7).collect::<Vec<_>>(), 1..7).prop_map(Condition::Weekdays),
    ]
}

/// A condition as somebody would write it.
fn written(c: &Condition) -> String {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    match c {
        Condition::Operation(names) => format!("operation = {names:?}"),
        Condition::Risk(risks) => format!("risk = {:?}", risks.iter().map(|r| r.name()).collect::<Vec<_>>()),
        Condition::Role(names) => format!("role = {names:?}"),
        Condition::Door(names) => format!("door = {names:?}"),
        Condition::Value { test: Test::AtLeast(n), .. } => format!("after = {{ credit = {{ at_least = {n} }} }}"),
        Condition::Value { .. } => "fields = { tier = ['pro', 'free'] }".into(),
        Condition::Change { test: Change::ByAtLeast(n), .. } => format!("change = {{ credit = {{ by_at_least = {n} }} }}"),
        Condition::Hours(a, b) => format!("hours = '{:02}:{:02}-{:02}:{:02}'", a / 60, a % 60, b / 60, b % 60),
        Condition::Weekdays(all) => format!("weekdays = {:?}", all.iter().map(|d| days[usize::from(*d)]).collect::<Vec<_>>()),
        other => panic!("{other:?} is not generated"),
    }
}

fn document(rules: &[(Condition, u8)]) -> String {
    let mut text = String::new();
    for (n, (condition, count)) in rules.iter().enumerate() {
        writeln!(text, "[[rule]]\nname = 'r{n}'\nwhen = {{ {} }}\nneeds = [{{ group = 'billing', count = {count} }}]", written(condition))
            .unwrap();
    }
    with(&text)
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(rules in prop::collection::vec((condition(), 1u8..5), 0..5)) {
        if let Ok(policy) = check(&document(&rules)) {
            let expected: Vec<(Vec<Condition>, u8)> = rules.into_iter().map(|(c, n)| (vec![c], n)).chain([(Vec::new(), 1)]).collect();
            prop_assert_eq!(policy.rules.iter().map(|r| (r.when.clone(), r.needs[0].count)).collect::<Vec<_>>(), expected);
            prop_assert_eq!(read(&policy.document, None).unwrap(), policy);
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides(
        rules in prop::collection::vec((condition(), 1u8..5), 0..6), risk in 0usize..4, was in 0i64..200, is in 0i64..200, hours in 0i64..200,
    ) {
        let Ok(policy) = check(&document(&rules)) else { return Ok(()) };
        let (before, after, roles) = (json!({"credit": was}), json!({"credit": is, "tier": "pro"}), vec!["cs".to_owned()]);
        let mut case = case(Risk::ALL[risk], &roles, &before, &after);
        case.at = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::hours(hours);
        let first = rules.iter().position(|(c, _)| c.found(&case).is_some());
        let ruling = Version { id: 1, hash: String::new(), policy }.rule(&case);
        prop_assert_eq!(ruling.rule, first.map_or("default".to_owned(), |n| format!("r{n}")));
        prop_assert_eq!(ruling.because.len(), usize::from(first.is_some()));
    }

    /// However a document is put together: if it is accepted, only low risk runs without anybody.
    #[test]
    fn nothing_above_low_risk_ever_needs_nobody(
        rules in prop::collection::vec((condition(), 0u8..4), 0..5), default in 0u8..3, risk in 1usize..4, credit in 0i64..200,
    ) {
        let needs = |n: u8| if n == 0 { "[]".to_owned() } else { format!("[{{ group = 'billing', count = {n} }}]") };
        let mut text = GROUPS.to_owned();
        for (n, (condition, count)) in rules.iter().enumerate() {
            writeln!(text, "[[rule]]\nname = 'r{n}'\nwhen = {{ {} }}\nneeds = {}", written(condition), needs(*count)).unwrap();
        }
        writeln!(text, "[default]\nneeds = {}", needs(default)).unwrap();
        if let Ok(policy) = check(&text) {
            let (before, after, roles) = (json!({"credit": 0}), json!({"credit": credit}), vec!["cs".to_owned()]);
            let ruling = Version { id: 1, hash: String::new(), policy }.rule(&case(Risk::ALL[risk], &roles, &before, &after));
            prop_assert!(ruling.approvals >= 1 && !ruling.needs.is_empty());
            prop_assert!(ruling.needs.iter().all(|n: &Need| n.count >= 1));
        }
    }

    #[test]
    fn nothing_that_is_typed_breaks_the_reader(text in "[\\[\\]{}=a-z'\"0-9 \n.#-]{0,200}") {
        let _: Result<Policy, _> = check(&text);
    }
}
