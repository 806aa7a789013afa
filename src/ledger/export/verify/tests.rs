use super::*;
use proptest::prelude::*;
use serde_json::json;

fn value() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}|[\\x00-\\x7f]{0,6}".prop_map(Value::from),
    ];
    one.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}|\\PC{1,3}", inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_leaf_is_canonical_as_the_library_says(value in value()) {
        let canonical = String::from_utf8(canonical(&value).unwrap()).unwrap();
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        prop_assert!(is_canonical(&read(&canonical), &canonical));
        for other in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
            prop_assert_eq!(is_canonical(&read(&other), &other), other == canonical, "{}", other);
        }
    }

    #[test]
    fn lines_are_shared_out_whole(lines in prop::collection::vec("[a-z]{0,9}", 0..30), parts in 1usize..5, cut: bool) {
        let mut text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        if cut {
            text.pop();
        }
        let shares = shares(text.as_bytes(), parts);
        prop_assert_eq!(shares.concat(), text.as_bytes());
        prop_assert!(shares.iter().rev().skip(1).all(|share| share.ends_with(b"\n")) && shares.len() <= parts);
    }
}

#[test]
fn columns_that_say_anything_else_are_doubted() {
    let leaf = json!({"id": "1", "at": "t", "kind": "k", "outcome": "o", "door": "d", "actor": "a", "request": "CR-1", "target": {"type": "org", "id": "새\n"}});
    let doubted = |change: &dyn Fn(&mut Value)| {
        let mut shown = leaf.clone();
        change(&mut shown);
        !says(&serde_json::value::to_raw_value(&shown).unwrap(), &leaf)
    };
    assert!(!doubted(&|_| ()));
    for name in ["id", "at", "kind", "outcome", "door", "actor", "request", "target"] {
        assert!(doubted(&|shown| shown[name] = json!("x")) && doubted(&|shown| shown[name] = Value::Null), "{name}");
    }
    assert!(doubted(&|shown| shown["more"] = json!(1)) && doubted(&|shown| shown["target"]["more"] = json!(1)));
    assert!(doubted(&|shown| shown["target"]["id"] = json!("y")) && doubted(&|shown| shown["target"]["type"] = json!("y")));
}
