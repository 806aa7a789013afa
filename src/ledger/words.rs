//! The words by which an event is found: those of reason, before and after, as people look for them. Small letters, one blank for
//! whatever is neither letter nor digit, and one at either end.
use serde_json::Value;

/// What the column `words` says beside what is in clear. The words of a question that somebody asked the ledger are not among them: it
/// would find itself.
pub fn of(detail: &Value) -> Option<String> {
    let mut text = String::from(" ");
    for (_, value) in detail.as_object()?.iter().filter(|(name, _)| *name != "query") {
        gather(value, &mut text);
    }
    (text.len() > 1).then_some(text)
}

/// One of the two marks beside words, the other being the actor: what happened, with the way it ended. By words and marks together
/// their index finds what is rare in what is everywhere.
pub fn mark(kind: &str, outcome: &str) -> String {
    format!("{kind} {outcome}")
}

fn gather(value: &Value, text: &mut String) {
    match value {
        Value::String(said) => fold(said, text),
        Value::Number(number) => fold(&number.to_string(), text),
        Value::Array(values) => return values.iter().for_each(|value| gather(value, text)),
        Value::Object(values) => return values.values().for_each(|value| gather(value, text)),
        Value::Null | Value::Bool(_) => return,
    }
    blank(text);
}

/// What the column must be like to have been looked for. Trigrams need three letters: what is shorter is looked for where words begin.
pub fn patterns(sought: &[String]) -> Vec<String> {
    sought
        .iter()
        .map(|word| {
            let mut folded = String::with_capacity(word.len());
            fold(word, &mut folded);
            let letters = folded.chars().filter(|c| *c != ' ').count();
            if letters < 3 { format!("% {}%", folded.trim_start()) } else { format!("%{folded}%") }
        })
        .collect()
}

fn fold(said: &str, text: &mut String) {
    for c in said.chars().flat_map(char::to_lowercase) {
        if c.is_whitespace() || c.is_ascii_punctuation() { blank(text) } else { text.push(c) }
    }
}

fn blank(text: &mut String) {
    if !text.ends_with(' ') {
        text.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn words_are_kept_without_what_is_between_them() {
        let detail =
            json!({"reason": "CS-4821: 환불 (전액)", "after": {"credit": 120_000, "notes": ["A\tB", true, null]}, "query": "비밀"});
        let words = of(&detail).unwrap();
        for kept in [" cs 4821 환불 전액 ", " 120000 ", " a b "] {
            assert!(words.contains(kept), "{words:?}");
        }
        assert!(!words.contains("비밀") && !words.contains("  ") && !words.contains("true"), "{words:?}");
        assert_eq!(of(&json!({"query": "only this"})), None);
    }

    #[test]
    fn words_are_looked_for_as_they_are_kept() {
        let patterns = |word: &str| super::patterns(&[word.to_owned()]).remove(0);
        assert_eq!(patterns("영수증"), "%영수증%");
        assert_eq!(patterns("환불"), "% 환불%");
        assert_eq!(patterns("CS-4821"), "%cs 4821%");
        assert_eq!(patterns("100%_"), "%100 %", "nothing that was typed is a wildcard");
        assert_eq!(patterns("(주)"), "% 주 %");
    }

    proptest! {
        #[test]
        fn whatever_somebody_wrote_is_found_by_a_part_of_it(reason in "\\PC{3,60}", from in 0usize..20, most in 3usize..20) {
            let part: String = reason.chars().skip(from).take(most).collect();
            let (words, pattern) = (of(&json!({"reason": reason})).unwrap_or_default(), &patterns(std::slice::from_ref(&part))[0]);
            let letters = pattern.trim_matches('%');
            // where fewer than three letters are left, only beginnings of words are looked for
            prop_assume!(!pattern.starts_with("% ") || part.starts_with(' '));
            prop_assert!(words.contains(letters), "{words:?} {letters:?}");
        }
    }
}
