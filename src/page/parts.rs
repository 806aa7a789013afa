//! The small things that templates are made of.
use crate::i18n::Lang;

pub struct Badge {
    pub key: &'static str,
    pub label: String,
    pub icon: &'static str,
}

pub struct RiskTag {
    pub key: String,
    pub label: String,
}

impl RiskTag {
    pub fn new(l: Lang, key: &str) -> Self {
        Self { key: key.to_owned(), label: l.find(&format!("risk-{key}")).unwrap_or_else(|| key.to_owned()) }
    }
}

#[derive(Clone, Debug)]
pub struct Fact {
    pub label: String,
    pub value: String,
}

impl Fact {
    pub fn new(label: String, value: String) -> Self {
        Self { label, value }
    }
}

pub struct Action {
    pub href: String,
    pub label: String,
}

pub struct Opt {
    pub value: String,
    pub label: String,
    pub selected: bool,
}

impl Opt {
    /// The choice that does not restrict.
    pub fn any(label: String, chosen: &str) -> Self {
        Self { value: String::new(), label, selected: chosen.is_empty() }
    }
}

pub struct Chip {
    pub label: String,
    pub href: String,
}

pub struct Link {
    pub label: String,
    pub href: String,
}
