//! Reading values out of a TOML document.
use super::Fault;
use crate::i18n::{Text, msg};
use serde_json::{Value, json};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A document being read.
pub struct Reader<'d> {
    text: &'d str,
    pub faults: Vec<Fault>,
}

/// A table of the document, with where it stands and what leads to it.
#[derive(Clone)]
pub struct Section<'t, 'd> {
    pub path: String,
    pub at: usize,
    table: &'t DeTable<'d>,
}

/// A value with where it stands.
pub type At<'t, 'd> = &'t Spanned<DeValue<'d>>;

impl<'t, 'd> Section<'t, 'd> {
    pub fn root(table: &'t Spanned<DeTable<'d>>) -> Self {
        Self { path: String::new(), at: 0, table: table.get_ref() }
    }

    pub fn get(&self, key: &str) -> Option<At<'t, 'd>> {
        self.table.iter().find(|(k, _)| k.get_ref().as_ref() == key).map(|(_, v)| v)
    }

    /// Keys and values in the order in which they are written.
    pub fn entries(&self) -> Vec<(String, At<'t, 'd>)> {
        let mut all: Vec<_> = self.table.iter().map(|(k, v)| (k.span().start, k.get_ref().to_string(), v)).collect();
        all.sort_by_key(|(at, ..)| *at);
        all.into_iter().map(|(_, key, value)| (key, value)).collect()
    }

    pub fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl<'d> Reader<'d> {
    pub fn new(text: &'d str) -> Self {
        Self { text, faults: Vec::new() }
    }

    /// The document as TOML, if it has no more than so many bytes; or what is wrong with it.
    pub fn parse(text: &'d str, longest: usize) -> Result<Spanned<DeTable<'d>>, Vec<Fault>> {
        if text.len() > longest {
            return Err(vec![Fault::new(1, msg::document_fault_too_long(longest))]);
        }
        DeTable::parse(text).map_err(|error| {
            let line = Self::new(text).line(error.span().map_or(0, |s| s.start));
            vec![Fault::new(line, msg::document_fault_toml(error.message(), line))]
        })
    }

    /// Everything that was wrong, in the order of its lines.
    pub fn done<T>(mut self, read: T) -> Result<T, Vec<Fault>> {
        if self.faults.is_empty() {
            return Ok(read);
        }
        self.faults.sort_by_key(|fault| fault.line);
        Err(self.faults)
    }

    pub fn line(&self, at: usize) -> usize {
        self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|b| **b == b'\n').count() + 1
    }

    pub fn fault(&mut self, at: usize, text: impl FnOnce(usize) -> Text) {
        let line = self.line(at);
        self.faults.push(Fault::new(line, text(line)));
    }

    /// A value of another kind than these.
    pub fn wrong_kind(&mut self, at: usize, key: String, kind: &str) {
        self.fault(at, |line| msg::document_fault_kind(key, kind, line));
    }

    /// Refuses keys that nobody knows: a misspelt condition would make a rule match too much.
    pub fn only(&mut self, section: &Section, known: &[&str]) {
        for (key, _) in section.table.iter() {
            if !known.contains(&key.get_ref().as_ref()) {
                let name = section.key(key.get_ref());
                self.fault(key.span().start, |line| msg::document_fault_unknown_key(name, known.join(", "), line));
            }
        }
    }

    pub fn required<'t>(&mut self, section: &Section<'t, 'd>, key: &str) -> Option<At<'t, 'd>> {
        let value = section.get(key);
        if value.is_none() {
            let name = section.key(key);
            self.fault(section.at, |line| msg::document_fault_missing(name, line));
        }
        value
    }

    pub fn section<'t>(&mut self, value: At<'t, 'd>, path: String) -> Option<Section<'t, 'd>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Section { path, at: value.span().start, table }),
            _ => {
                self.wrong_kind(value.span().start, path, "table");
                None
            }
        }
    }

    pub fn list<'t>(&mut self, value: At<'t, 'd>, path: &str) -> Vec<At<'t, 'd>> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => {
                self.wrong_kind(value.span().start, path.to_owned(), "array");
                Vec::new()
            }
        }
    }

    pub fn text(&mut self, value: At<'_, 'd>, path: &str) -> Option<String> {
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong_kind(value.span().start, path.to_owned(), "string");
        }
        text
    }

    pub fn boolean(&mut self, section: &Section<'_, 'd>, key: &str) -> Option<bool> {
        let value = section.get(key)?;
        let yes = value.get_ref().as_bool();
        if yes.is_none() {
            self.wrong_kind(value.span().start, section.key(key), "boolean");
        }
        yes
    }

    pub fn number(&mut self, value: At<'_, 'd>, path: &str) -> Option<i64> {
        let number = integer(value.get_ref());
        if number.is_none() {
            self.wrong_kind(value.span().start, path.to_owned(), "integer");
        }
        number
    }

    /// A number within these bounds.
    pub fn within(&mut self, section: &Section<'_, 'd>, key: &str, least: i64, most: i64) -> Option<u32> {
        let value = section.get(key)?;
        let number = self.number(value, &section.key(key))?;
        if !(least..=most).contains(&number) {
            let name = section.key(key);
            self.fault(value.span().start, |line| msg::document_fault_range(name, least, line, most));
            return None;
        }
        u32::try_from(number).ok()
    }

    /// Text, number or truth, as the fields of requests have them.
    pub fn scalar(&mut self, value: At<'_, 'd>, path: &str) -> Option<Value> {
        let scalar = match value.get_ref() {
            DeValue::String(text) => Some(json!(text)),
            DeValue::Boolean(yes) => Some(json!(yes)),
            other => integer(other).map(|n| json!(n)),
        };
        if scalar.is_none() {
            self.wrong_kind(value.span().start, path.to_owned(), "string, integer, boolean");
        }
        scalar
    }
}

fn integer(value: &DeValue) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
