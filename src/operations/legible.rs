//! JSON that people decide about.
use serde_json::Value;

/// JSON as people read it before they decide: nothing in it may look like something else, so characters that cannot be seen or
/// that turn what follows around are written as escapes. It stays the same JSON: outside of texts there are none of them.
pub fn legible(value: &Value) -> String {
    let mut text = String::new();
    for c in format!("{value:#}").chars() {
        if is_deceptive(c) {
            text.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            text.push(c);
        }
    }
    text
}

/// Controls, formats and separators of lines (Unicode's Cc, Cf, Zl, Zp), and the fillers that look like nothing.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}'
        | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_people_read_is_the_same_json_without_anything_that_cannot_be_seen() {
        let arguments = json!({"repo\u{202e}oper": "a\u{200b}b\u{2066}c\u{e0041}d", "이름": "줄\n바꿈 😀"});
        let text = legible(&arguments);
        assert!(
            text.contains(r"repo\u202eoper")
                && text.contains(r"a\u200bb\u2066c\udb40\udc41d")
                && text.contains("이름")
                && text.contains('😀'),
            "{text}"
        );
        assert!(!text.chars().any(is_deceptive));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), arguments);
    }
}
