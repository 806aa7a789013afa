//! What is wrong with a document, each with its line, in no language yet.
use crate::i18n::{Lang, Text};

/// One thing that is wrong. The text names the line and the key too: it is read in forms and by clients alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub line: usize,
    pub text: Text,
}

impl Fault {
    pub(super) fn new(line: usize, text: Text) -> Self {
        Self { line, text }
    }
}

/// All of them on lines of their own; for a log or a start that fails.
pub fn told(faults: &[Fault], l: Lang) -> String {
    faults.iter().map(|f| l.say(&f.text)).collect::<Vec<_>>().join("\n")
}
