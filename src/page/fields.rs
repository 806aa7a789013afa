//! The fields of a form as templates draw them: with what was typed, and what is wrong with it.
use super::{Field, Link, Opt};
use crate::{auth::Submitted, error::Problem, i18n::Lang};

/// Makes fields of one form: with what was typed, and what is wrong with it.
pub struct Fields<'a> {
    pub l: Lang,
    /// Before the ids, so that several forms can stand on one page.
    pub prefix: &'a str,
    pub typed: &'a Submitted,
    pub problems: &'a [Problem],
}

impl Fields<'_> {
    pub fn text(&self, name: &str, label: String, hint: String, otherwise: &str) -> Field {
        self.of(name, "text", label, hint, otherwise)
    }

    pub fn of(&self, name: &str, kind: &'static str, label: String, hint: String, otherwise: &str) -> Field {
        Field {
            id: format!("{}{name}", self.prefix),
            name: name.to_owned(),
            label,
            hint,
            kind,
            value: self.typed.get(name).unwrap_or(otherwise).to_owned(),
            options: Vec::new(),
            required: true,
            lookup: None,
            error: self.error(name),
        }
    }

    pub fn choice(&self, name: &str, label: String, hint: String, options: Vec<(String, String)>, otherwise: &str) -> Field {
        let mut field = self.of(name, "choice", label, hint, otherwise);
        let chosen = field.value.clone();
        field.options = options.into_iter().map(|(value, label)| Opt { selected: value == chosen, value, label }).collect();
        field
    }

    pub fn error(&self, name: &str) -> Option<String> {
        self.problems.iter().find(|p| p.field == name).map(|p| self.l.say(&p.text))
    }

    /// Where each problem is put right.
    pub fn links(&self) -> Vec<Link> {
        self.problems.iter().map(|p| Link { label: self.l.say(&p.text), href: format!("#{}{}", self.prefix, p.field) }).collect()
    }
}
