//! One table for every list: a column says how a row is shown, sorted and exported.
use super::{Badge, Link, RiskTag, When};
use crate::{app::App, auth::Caller, i18n::Lang};
use std::sync::Arc;

/// Who reads a list, and in which language.
#[derive(Clone)]
pub struct Reader {
    pub app: App,
    pub l: Lang,
    pub caller: Arc<Caller>,
}

/// A column of rows of type `T`.
pub struct Column<T> {
    /// Stable: names the column in URLs.
    pub key: &'static str,
    pub label: fn(Lang) -> String,
    pub cell: fn(&Reader, &T) -> Cell,
    /// As an export writes it: unformatted, times in ISO 8601.
    pub raw: fn(&T) -> String,
    /// Numbers and times stand at the end of their cell.
    pub end: bool,
    pub sorts: bool,
    /// Shown until the reader chooses otherwise.
    pub shown: bool,
    /// The same for files, which have no line below a row's name.
    pub in_files: bool,
}

impl<T> Column<T> {
    pub fn new(key: &'static str, label: fn(Lang) -> String, cell: fn(&Reader, &T) -> Cell, raw: fn(&T) -> String) -> Self {
        Self { key, label, cell, raw, end: false, sorts: false, shown: true, in_files: true }
    }

    pub fn end(self) -> Self {
        Self { end: true, ..self }
    }

    pub fn sorts(self) -> Self {
        Self { sorts: true, ..self }
    }

    pub fn hidden(self) -> Self {
        Self { shown: false, in_files: false, ..self }
    }

    pub fn in_files(self) -> Self {
        Self { in_files: true, ..self }
    }
}

/// What stands in a cell.
pub enum Cell {
    /// The row's name, which is its link, with a line of details below.
    Title {
        text: String,
        below: Vec<Detail>,
    },
    Text(String),
    Code(String),
    Tag(String),
    Number(String),
    State(Badge),
    Risk(RiskTag),
    Outcome {
        key: String,
        label: String,
    },
    Time(When),
    /// A time as the calendar says it: where the order of things matters more than their age.
    Date(When),
    Link(Link),
    None,
}

impl Cell {
    pub fn text(value: Option<String>) -> Self {
        value.map_or(Cell::None, Cell::Text)
    }
}

/// A word in the line below a row's name.
pub struct Detail {
    pub text: String,
    /// How it looks; empty for plain words.
    pub class: &'static str,
}

impl Detail {
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "" }
    }

    pub fn code(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "mono" }
    }

    /// Something that must not be overlooked.
    pub fn mark(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "glass" }
    }
}

/// Where a row leads.
pub struct Place {
    pub id: String,
    pub href: String,
    /// On a wide screen: this list with the row's page beside it.
    pub beside: Option<String>,
    pub current: bool,
}

#[derive(Default)]
pub struct Table {
    pub caption: String,
    pub heads: Vec<Head>,
    pub rows: Vec<Row>,
    /// Rows can be chosen for something done to many.
    pub chooses: bool,
}

pub struct Head {
    pub label: String,
    pub end: bool,
    pub sort: Option<Sort>,
}

pub struct Sort {
    pub key: &'static str,
    pub href: String,
    /// As `aria-sort` says it.
    pub direction: &'static str,
}

pub struct Row {
    pub place: Place,
    pub cells: Vec<Cell>,
}

impl Table {
    /// A table without a list's controls: the columns named in `keys`, in that order.
    pub fn plain<T>(r: &Reader, caption: String, columns: &[Column<T>], keys: &[&str], rows: &[T], place: impl Fn(&T) -> Place) -> Self {
        let chosen: Vec<&Column<T>> = keys.iter().filter_map(|key| columns.iter().find(|c| c.key == *key)).collect();
        Self::of(r, caption, &chosen, rows, place)
    }

    pub(super) fn of<T>(r: &Reader, caption: String, columns: &[&Column<T>], rows: &[T], place: impl Fn(&T) -> Place) -> Self {
        let row = |row: &T| Row { place: place(row), cells: columns.iter().map(|column| (column.cell)(r, row)).collect() };
        Self {
            caption,
            heads: columns.iter().map(|column| Head { label: (column.label)(r.l), end: column.end, sort: None }).collect(),
            rows: rows.iter().map(row).collect(),
            chooses: false,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
