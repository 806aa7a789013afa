//! The small things that templates are made of.
use super::Spark;
use crate::{i18n::Lang, operations::form::grouped};

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

/// A field of a form, as `ui/field.html` draws it.
#[derive(Default)]
pub struct Field {
    pub id: String,
    pub name: String,
    pub label: String,
    pub hint: String,
    /// `text`, `integer`, `date`, `datetime`, `choice`, `lines` or `object`.
    pub kind: &'static str,
    pub value: String,
    /// What there is to choose from.
    pub options: Vec<Opt>,
    pub required: bool,
    /// The page on which it is looked up.
    pub lookup: Option<String>,
    /// What is wrong with what was typed.
    pub error: Option<String>,
}

impl Field {
    pub fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    pub fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
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

/// A number that matters, on the way to what it counts.
pub struct Tile {
    pub label: String,
    /// Empty when there is nothing to count.
    pub value: String,
    pub hint: String,
    pub href: &'static str,
    pub trend: Option<Trend>,
    pub spark: Option<Spark>,
}

/// Which way a number went, in words.
pub struct Trend {
    pub icon: &'static str,
    pub text: String,
}

/// How much of an allowance is used.
pub struct Meter {
    pub id: &'static str,
    pub label: String,
    pub percent: i64,
    /// `ok`, `near` from 80 %, `full` at 100 %, `over` beyond.
    pub level: &'static str,
    pub icon: &'static str,
    pub text: String,
}

impl Meter {
    pub fn new(l: Lang, id: &'static str, label: String, used: i64, limit: i64) -> Self {
        // rounded down: 99.9 % is not full
        let percent = if limit > 0 { (i128::from(used) * 100 / i128::from(limit)).clamp(0, 9_999) as i64 } else { 100 };
        let (level, icon, word) = match percent {
            _ if used > limit => ("over", "octagon-x", l.meter_over()),
            100.. => ("full", "triangle-alert", l.meter_full()),
            80.. => ("near", "triangle-alert", l.meter_near()),
            _ => ("ok", "circle-check", l.meter_ok()),
        };
        Self { id, label, percent, level, icon, text: l.meter_text(grouped(limit), percent, grouped(used), word) }
    }
}

/// How far a task of a checklist has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    ToDo,
    Doing,
    /// On somebody else.
    Waiting,
    Blocked,
    Done,
    Skipped,
}

impl Progress {
    pub const ALL: [Progress; 6] = [Self::ToDo, Self::Doing, Self::Waiting, Self::Blocked, Self::Done, Self::Skipped];

    pub fn name(self) -> &'static str {
        match self {
            Self::ToDo => "to-do",
            Self::Doing => "doing",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Done => "done",
            Self::Skipped => "skipped",
        }
    }

    pub fn icon(self) -> &'static str {
        match self {
            Self::ToDo => "plus",
            Self::Doing => "loader",
            Self::Waiting => "clock",
            Self::Blocked => "octagon-x",
            Self::Done => "check",
            Self::Skipped => "minus",
        }
    }

    fn label(self, l: Lang) -> String {
        match self {
            Self::ToDo => l.progress_to_do(),
            Self::Doing => l.progress_doing(),
            Self::Waiting => l.progress_waiting(),
            Self::Blocked => l.progress_blocked(),
            Self::Done => l.progress_done(),
            Self::Skipped => l.progress_skipped(),
        }
    }
}

/// One thing of a checklist.
pub struct Task {
    pub title: String,
    pub progress: Progress,
    /// The progress in words.
    pub status: String,
    pub owner: String,
    /// Why it waits or is blocked, or who left it out.
    pub note: String,
}

impl Task {
    pub fn new(l: Lang, title: String, progress: Progress, owner: &str, note: String) -> Self {
        Self { title, progress, status: progress.label(l), owner: owner.to_owned(), note }
    }
}

/// A file on its way here.
pub struct Upload {
    pub name: String,
    /// `queued`, `sending`, `verifying`, `done`, `duplicate`, `failed`, `cancelled`.
    pub state: &'static str,
    pub text: String,
    pub percent: u8,
    /// The beginning of its SHA-256, once it is here.
    pub hash: String,
}

impl Upload {
    /// The row that the script copies.
    pub fn empty() -> Self {
        Self { name: String::new(), state: "queued", text: String::new(), percent: 0, hash: String::new() }
    }

    pub fn cancels(&self) -> bool {
        ["queued", "sending"].contains(&self.state)
    }

    pub fn retries(&self) -> bool {
        ["failed", "cancelled"].contains(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_says_how_full_it_is() {
        let level = |used, limit| Meter::new(Lang::En, "m", "Seats".into(), used, limit).level;
        assert_eq!(
            [
                level(0, 10),
                level(799, 1000),
                level(800, 1000),
                level(999, 1000),
                level(10, 10),
                level(1001, 1000),
                level(1, 0),
                level(0, 0)
            ],
            ["ok", "ok", "near", "near", "full", "over", "over", "full"]
        );
    }
}
