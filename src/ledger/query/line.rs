//! Reading and writing the line.
use super::{KEYS, Query};
use crate::i18n::{Text, msg};

/// What is wrong with a line, and where: the number of its first character, from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    pub at: usize,
    pub text: Text,
}

/// A piece of a line: letters that stand together, some of them in quotes.
struct Piece {
    /// Where it begins, or would.
    at: usize,
    letters: Vec<Letter>,
}

#[derive(Clone, Copy)]
struct Letter {
    at: usize,
    c: char,
    quoted: bool,
}

/// Stands for the opening quote: something in quotes is there even if it is empty.
const QUOTE: char = '\0';

/// The pieces between these separators, quotes taken off. `\` before a quote or another `\` in quotes is that character.
fn pieces(text: &str, separates: impl Fn(char) -> bool) -> Result<Vec<Piece>, Mistake> {
    let (mut pieces, mut quote) = (vec![Piece { at: 1, letters: Vec::new() }], None);
    let mut chars = (1..).zip(text.chars()).peekable();
    while let Some((at, c)) = chars.next() {
        let escaped = chars.peek().map(|(_, next)| *next).filter(|next| c == '\\' && quote.is_some() && ['"', '\\'].contains(next));
        let letters = &mut pieces.last_mut().expect("there is one").letters;
        match (c, quote) {
            _ if escaped.is_some() => letters.extend(chars.next().map(|(_, c)| Letter { at, c, quoted: true })),
            ('"', None) => {
                quote = Some(at);
                letters.push(Letter { at, c: QUOTE, quoted: true });
            }
            ('"', Some(_)) => quote = None,
            (c, None) if separates(c) => pieces.push(Piece { at: at + 1, letters: Vec::new() }),
            (c, quote) => letters.push(Letter { at, c, quoted: quote.is_some() }),
        }
    }
    match quote {
        Some(at) => Err(Mistake { at, text: msg::ledger_line_quote(at as i64) }),
        None => Ok(pieces),
    }
}

impl Piece {
    fn of(letters: &[Letter], otherwise: usize) -> Self {
        Self { at: letters.first().map_or(otherwise, |letter| letter.at), letters: letters.to_vec() }
    }

    /// Without what stands before it in blanks.
    fn trimmed(self) -> Self {
        let blank = self.letters.iter().take_while(|letter| !letter.quoted && letter.c.is_whitespace()).count();
        Self::of(&self.letters[blank..], self.at)
    }

    /// Takes a dash off the front, unless it was quoted.
    fn negated(self) -> (bool, Self) {
        match self.letters.first() {
            Some(Letter { at, c: '-', quoted: false }) => (true, Self::of(&self.letters[1..], at + 1)),
            _ => (false, self),
        }
    }

    fn is_quoted(&self) -> bool {
        self.letters.iter().any(|letter| letter.quoted)
    }

    fn text(&self) -> String {
        self.letters.iter().map(|letter| letter.c).filter(|c| *c != QUOTE).collect::<String>().trim().to_owned()
    }

    /// The letter of this kind that nobody quoted.
    fn find(&self, c: char) -> Option<usize> {
        self.letters.iter().position(|letter| letter.c == c && !letter.quoted)
    }

    /// Between the commas that nobody quoted.
    fn values(&self) -> Vec<Piece> {
        let (mut values, mut rest, mut at) = (Vec::new(), self.letters.as_slice(), self.at);
        while let Some(comma) = rest.iter().position(|letter| letter.c == ',' && !letter.quoted) {
            values.push(Self::of(&rest[..comma], at));
            at = rest[comma].at + 1;
            rest = &rest[comma + 1..];
        }
        values.push(Self::of(rest, at));
        values
    }
}

pub(super) fn parse(text: &str) -> Result<Query, Mistake> {
    let mut query = Query::default();
    for piece in pieces(text, char::is_whitespace)?.into_iter().filter(|piece| !piece.letters.is_empty()) {
        let at = piece.at;
        let (not, piece) = piece.negated();
        let Some(colon) = piece.find(':') else {
            let word = piece.text();
            match key_of(&word).filter(|_| !piece.is_quoted()) {
                Some(key) => query.put(key, not, word, at)?,
                None if not => return Err(Mistake { at, text: msg::ledger_line_not_words(at as i64) }),
                None if word.is_empty() => {}
                None => say(&mut query, word, at)?,
            }
            continue;
        };
        let name = Piece::of(&piece.letters[..colon], at).text();
        // an older name of the same
        let name = if name == "kind" { "action".to_owned() } else { name };
        let Some(key) = KEYS.into_iter().find(|key| *key == name) else {
            let known = KEYS.map(|key| format!("{key}:")).join(" ");
            return Err(Mistake { at, text: msg::ledger_line_key(at as i64, format!("{name}:"), known) });
        };
        for value in Piece::of(&piece.letters[colon + 1..], piece.letters[colon].at + 1).values() {
            let word = value.text();
            if word.is_empty() {
                return Err(Mistake { at: value.at, text: msg::ledger_line_empty(value.at as i64, key) });
            }
            query.put(key, not, word, value.at)?;
        }
    }
    Ok(query)
}

/// The value of a form's field: what stands behind the colon, and a `-` before what it is not.
pub(super) fn field(query: &mut Query, key: &'static str, value: &str) -> Result<(), Mistake> {
    for part in pieces(value, |c| c == ',')? {
        let (not, part) = part.trimmed().negated();
        let word = part.text();
        if !word.is_empty() {
            query.put(key, not, word, part.at)?;
        }
    }
    Ok(())
}

/// The words of a form's field for text; colons and dashes are letters there.
pub(super) fn words(query: &mut Query, value: &str) -> Result<(), Mistake> {
    for piece in pieces(value, char::is_whitespace)? {
        let word = piece.text();
        if !word.is_empty() {
            say(query, word, piece.at)?;
        }
    }
    Ok(())
}

fn say(query: &mut Query, word: String, at: usize) -> Result<(), Mistake> {
    // what has no letter and no digit cannot be found
    if !word.chars().any(char::is_alphanumeric) {
        return Err(Mistake { at, text: msg::ledger_line_letters(at as i64) });
    }
    if !query.text.contains(&word) {
        query.text.push(word);
    }
    let many = query.text.len() > 10 || query.text.iter().map(String::len).sum::<usize>() > 600;
    if many { Err(Mistake { at, text: msg::ledger_line_many(at as i64) }) } else { Ok(()) }
}

/// An id says by itself what it is an id of.
fn key_of(word: &str) -> Option<&'static str> {
    let number = word.strip_prefix("CR-").or(word.strip_prefix("cr-"));
    if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
        return Some("request");
    }
    let id = word.strip_prefix("org_").or(word.strip_prefix("usr_"))?;
    id.chars().all(|c| c.is_ascii_alphanumeric()).then_some("target")
}

/// In quotes, if it would not be read back as one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !['"', ',', ':', '\\'].contains(&c);
    if word.chars().all(plain) && !word.starts_with('-') {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(super) fn text(query: &Query) -> String {
    let quoted = |word: &String| if key_of(word).is_some() { format!("\"{word}\"") } else { quoted(word) };
    query.text.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// As a form's field has it.
pub(super) fn value(query: &Query, key: &str) -> String {
    let Some(terms) = query.terms(key) else { return query.time(key).cloned().unwrap_or_default() };
    // blanks need no quotes in a field of its own
    let quoted = |word: &String| if word.contains(['"', ',', '\\']) || word.starts_with('-') { quoted(word) } else { word.clone() };
    let not = terms.not.iter().map(|word| format!("-{}", quoted(word)));
    terms.is.iter().map(quoted).chain(not).collect::<Vec<_>>().join(",")
}

pub(super) fn written(query: &Query) -> String {
    let mut parts = Vec::new();
    for key in KEYS {
        let Some(terms) = query.terms(key).filter(|terms| !terms.is_empty()) else {
            parts.extend(query.time(key).filter(|_| query.terms(key).is_none()).map(|time| format!("{key}:{}", quoted_time(time))));
            continue;
        };
        for (sign, words) in [("", &terms.is), ("-", &terms.not)] {
            if !words.is_empty() {
                parts.push(format!("{sign}{key}:{}", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(",")));
            }
        }
    }
    parts.extend(Some(text(query)).filter(|text| !text.is_empty()));
    parts.join(" ")
}

/// Only the first colon of a piece has a meaning.
fn quoted_time(time: &str) -> String {
    if time.contains([' ', '"', ',', '\\']) { quoted(time) } else { time.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::query::Terms;
    use proptest::prelude::*;

    fn terms(is: &[&str], not: &[&str]) -> Terms {
        Terms { is: is.iter().map(|s| (*s).into()).collect(), not: not.iter().map(|s| (*s).into()).collect() }
    }

    #[test]
    fn a_line_says_what_a_form_says() {
        let query =
            Query::from_line(r#"actor:민수,"홍 서진" -action:request. -outcome:success,denied since:7d "두 번 결제" 환불 cr-12"#).unwrap();
        assert_eq!(query.actor, terms(&["민수", "홍 서진"], &[]));
        assert_eq!(query.action, terms(&[], &["request."]));
        assert_eq!(query.outcome, terms(&[], &["success", "denied"]));
        assert_eq!(query.request, terms(&["CR-12"], &[]), "an id says what it is");
        assert_eq!(query.text, ["두 번 결제", "환불"]);
        let fields = query.fields();
        let of = |name: &str| fields.iter().find(|(n, _)| *n == name).unwrap().1.as_str();
        assert_eq!((of("actor"), of("outcome"), of("q")), ("민수,홍 서진", "-success,-denied", "\"두 번 결제\" 환불"));
        assert_eq!(Query::from_fields(of).unwrap(), query);
        assert_eq!(
            query.line(),
            r#"actor:민수,"홍 서진" -action:request. request:CR-12 -outcome:success,denied since:7d "두 번 결제" 환불"#
        );
    }

    #[test]
    fn a_mistake_has_its_place() {
        for (line, at, id) in [
            ("actor:민수 acton:x", 10, "ledger-line-key"),
            ("환불 \"두 번", 4, "ledger-line-quote"),
            ("actor:", 7, "ledger-line-empty"),
            ("actor:a,,b", 9, "ledger-line-empty"),
            ("since:언제", 7, "ledger-line-day"),
            ("outcome:failure,bad", 17, "ledger-line-outcome"),
            ("request:무엇", 9, "ledger-line-request"),
            ("-환불", 1, "ledger-line-not-words"),
            ("-since:7d", 8, "ledger-line-no-not"),
            ("since:7d since:8d", 16, "ledger-line-twice"),
            ("range:always", 7, "ledger-line-range"),
            ("a ;", 3, "ledger-line-letters"),
        ] {
            let mistake = Query::from_line(line).expect_err(line);
            assert_eq!((mistake.at, mistake.text.id()), (at, id), "{line}");
        }
    }

    fn words() -> impl Strategy<Value = Vec<String>> {
        prop::collection::hash_set("[a가-힣0-9]{1,3}[ -:,\"\\\\a가-]{0,6}[a-z가]", 0..3).prop_map(|set| set.into_iter().collect())
    }

    proptest! {
        /// Whatever is looked for, line and form carry it there and back.
        #[test]
        fn line_and_form_say_the_same(is in words(), not in words(), text in words(), target in words()) {
            let query = Query { actor: Terms { is, not: not.clone() }, target: Terms { is: target, not }, text, ..Query::default() };
            prop_assert_eq!(&Query::from_line(&query.line()).unwrap(), &query, "{}", query.line());
            let fields = query.fields();
            let of = |name: &str| fields.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str());
            prop_assert_eq!(&Query::from_fields(of).unwrap(), &query);
        }

        #[test]
        fn whatever_is_typed_gets_an_answer(line in ".{0,60}") {
            if let Ok(query) = Query::from_line(&line) {
                prop_assert_eq!(Query::from_line(&query.line()), Ok(query));
            }
        }
    }
}
