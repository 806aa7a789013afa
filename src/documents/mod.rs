//! Documents that people write in TOML: read so that whatever is wrong is told with its line and its key, all at once.
mod reader;

pub use reader::{At, Reader, Section};

use crate::i18n::{Lang, Text};
use similar::{ChangeTag, TextDiff};

/// One thing that is wrong. The text names the line and the key too: it is read in forms and by clients alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub line: usize,
    pub text: Text,
}

impl Fault {
    pub fn new(line: usize, text: Text) -> Self {
        Self { line, text }
    }
}

/// All of them on lines of their own; for a log or a start that fails.
pub fn told(faults: &[Fault], l: Lang) -> String {
    faults.iter().map(|f| l.say(&f.text)).collect::<Vec<_>>().join("\n")
}

/// As it is compared and stored: forms send other line ends, and lose the last one.
pub fn tidy(document: &str) -> String {
    format!("{}\n", document.replace("\r\n", "\n").trim_end())
}

/// The lines that go and those that come, each with its number.
pub fn changed_lines(was: &str, is: &str) -> (String, String) {
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    for change in TextDiff::from_lines(was, is).iter_all_changes() {
        let line = |at: Option<usize>| format!("{:>3}  {}", at.map_or(0, |n| n + 1), change.value().trim_end());
        match change.tag() {
            ChangeTag::Delete => gone.push(line(change.old_index())),
            ChangeTag::Insert => new.push(line(change.new_index())),
            ChangeTag::Equal => {}
        }
    }
    (gone.join("\n"), new.join("\n"))
}
