//! Before and after, in each form that readers may prefer.
use super::lines::{Chunk, lines};
use crate::{
    i18n::Lang,
    operations::{LongText, form::grouped, legible},
};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Text longer than this is compared word by word: nobody finds one changed word in a paragraph.
const LONG: usize = 40;
/// Rows that did not change give the others their place; more of them than this are folded away.
const UNCHANGED: usize = 3;

/// Lines that are shown at once, and the characters of one.
const MOST: usize = 12;
const WIDE: usize = 80;

/// One line of before and after.
#[derive(Clone, Debug)]
pub struct DiffRow {
    pub label: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub changed: bool,
    /// By how much a number changed, with its sign.
    pub delta: Option<String>,
    /// Of a text that is only on the new side, if it is too long to show at once.
    pub fold: Option<Fold>,
    /// Long text that changed: each side in pieces, those that the other side does not have marked.
    pub words: Option<Words>,
    /// Text of several lines that changed: line by line instead.
    pub lines: Option<Vec<Chunk>>,
}

/// Before and after of one thing; which form they take is the reader's choice, so each is made when it is asked for.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    pub rows: Vec<DiffRow>,
    before: Value,
    after: Value,
}

impl Diff {
    pub fn new(l: Lang, before: &Value, after: &Value, label: impl Fn(&str) -> String) -> Self {
        Self { rows: diff(l, before, after, label), before: before.clone(), after: after.clone() }
    }

    /// With the whole of a text that the values show in short.
    pub fn with(mut self, text: Option<LongText>, label: impl Fn(&str) -> String) -> Self {
        if let Some(text) = text {
            let label = label(text.key);
            if let Some(row) = self.rows.iter_mut().find(|row| row.label == label) {
                row.lines = Some(lines(&text.before, &text.after));
            }
        }
        self
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Both sides as JSON, line by line.
    pub fn json(&self) -> Vec<Chunk> {
        let pretty = |value| legible(value) + "\n";
        lines(&pretty(&self.before), &pretty(&self.after))
    }
}

/// Both sides of a long text in pieces.
#[derive(Clone, Debug, Default)]
pub struct Words {
    pub before: Vec<Piece>,
    pub after: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub text: String,
    /// Only this side has it.
    pub marked: bool,
}

/// A long text with its beginning in sight.
#[derive(Clone, Debug)]
pub struct Fold {
    pub first: String,
    /// Of the whole, as they would be on a page.
    pub lines: usize,
}

impl Fold {
    fn of(text: &str) -> Option<Self> {
        let lines = text.lines().map(|line| line.chars().count() / WIDE + 1).sum();
        let first =
            || text.lines().take(MOST / 2).flat_map(|line| [line, "\n"]).collect::<String>().chars().take(MOST / 2 * WIDE).collect();
        (lines > MOST).then(|| Self { first: first(), lines })
    }
}

impl DiffRow {
    pub fn new(label: String, before: Option<String>, after: Option<String>) -> Self {
        let words = match (&before, &after) {
            (Some(b), Some(a)) if b != a && b.chars().count().max(a.chars().count()) > LONG => Some(words_of(b, a)),
            _ => None,
        };
        let by_line = match (&before, &after) {
            (Some(b), Some(a)) if b != a && [a, b].iter().any(|side| side.lines().nth(1).is_some()) => Some(lines(b, a)),
            _ => None,
        };
        let fold = after.as_ref().filter(|_| before.is_none()).and_then(|text| Fold::of(text));
        Self { label, changed: before != after, before, after, delta: None, fold, words, lines: by_line }
    }
}

/// Before and after of flat objects, each key with its label and each known value as it is called; changed rows first.
pub fn diff(l: Lang, before: &Value, after: &Value, label: impl Fn(&str) -> String) -> Vec<DiffRow> {
    let empty = serde_json::Map::new();
    let (b, a) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    let keys: std::collections::BTreeSet<&String> = b.keys().chain(a.keys()).collect();
    let mut rows: Vec<DiffRow> = keys
        .into_iter()
        .map(|key| {
            let (was, is) = (b.get(key), a.get(key));
            let said = |value: Option<&Value>| value.and_then(|v| called(l, key, v).or_else(|| shown(v)));
            DiffRow { changed: was != is, delta: delta(was, is), ..DiffRow::new(label(key), said(was), said(is)) }
        })
        .collect();
    rows.sort_by_key(|row| !row.changed);
    rows
}

/// The rows to show at once and those to fold away; changed rows stand first and are always shown.
pub fn folded(rows: &[DiffRow]) -> (&[DiffRow], &[DiffRow]) {
    let changed = rows.iter().filter(|row| row.changed).count();
    rows.split_at(rows.len().min(changed + UNCHANGED))
}

pub(super) fn words_of(before: &str, after: &str) -> Words {
    let mut words = Words::default();
    for change in TextDiff::from_words(before, after).iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => {
                add(&mut words.before, change.value(), false);
                add(&mut words.after, change.value(), false);
            }
            ChangeTag::Delete => add(&mut words.before, change.value(), true),
            ChangeTag::Insert => add(&mut words.after, change.value(), true),
        }
    }
    words
}

fn add(pieces: &mut Vec<Piece>, text: &str, marked: bool) {
    match pieces.last_mut() {
        Some(last) if last.marked == marked => last.text.push_str(text),
        _ => pieces.push(Piece { text: text.to_owned(), marked }),
    }
}

/// What was added to a whole number, or taken from it.
fn delta(was: Option<&Value>, is: Option<&Value>) -> Option<String> {
    let by = is?.as_i64()?.checked_sub(was?.as_i64()?)?;
    let sign = if by > 0 { "+" } else { "" };
    (by != 0).then(|| format!("{sign}{}", grouped(by)))
}

/// What a value of this field is called, such as `Pro` for the tier `pro`.
fn called(l: Lang, key: &str, value: &Value) -> Option<String> {
    l.find(&format!("value-{key}-{}", value.as_str()?))
}

/// A value as people read it; nothing for null.
pub fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.as_i64().map_or_else(|| number.to_string(), crate::operations::form::grouped)),
        Value::Array(items) => Some(items.iter().filter_map(shown).collect::<Vec<_>>().join(", ")),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_long_text_is_marked_by_the_word_and_a_short_one_is_not() {
        let rows = diff(
            Lang::Ko,
            &json!({"note": "결제는 완료되었으나 등급이 반영되지 않아 고객이 문의했고 담당자가 확인했습니다.", "tier": "free"}),
            &json!({"note": "결제는 완료되었으나 크레딧이 반영되지 않아 고객이 문의했고 담당자가 확인했습니다.", "tier": "pro"}),
            str::to_owned,
        );
        let marked = |pieces: &[Piece]| pieces.iter().filter(|p| p.marked).map(|p| p.text.clone()).collect::<Vec<_>>();
        let words = rows[0].words.as_ref().unwrap();
        assert_eq!((marked(&words.before), marked(&words.after)), (vec!["등급이".to_owned()], vec!["크레딧이".to_owned()]));
        assert!(rows[1].changed && rows[1].words.is_none());
    }

    #[test]
    fn what_changed_is_never_folded_away() {
        let (mut before, mut after) = (serde_json::Map::new(), serde_json::Map::new());
        for i in 0..9 {
            before.insert(format!("k{i}"), json!(i));
            after.insert(format!("k{i}"), json!(if i < 2 { i + 1 } else { i }));
        }
        let rows = diff(Lang::Ko, &json!(before), &json!(after), str::to_owned);
        let (shown, rest) = folded(&rows);
        assert_eq!((shown.len(), rest.len()), (5, 4));
        assert!(rest.iter().all(|row| !row.changed));
        assert_eq!(folded(&rows[..3]).1.len(), 0);
    }

    proptest! {
        /// Marks lose nothing: each side's pieces are its text.
        #[test]
        fn pieces_add_up_to_both_sides(before in ".{0,80}", after in ".{0,80}") {
            let words = words_of(&before, &after);
            let whole = |pieces: &[Piece]| pieces.iter().map(|p| p.text.as_str()).collect::<String>();
            prop_assert_eq!(whole(&words.before), before);
            prop_assert_eq!(whole(&words.after), after);
        }
    }
}
