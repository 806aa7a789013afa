//! Why the log does not go on by itself any more.
use crate::{i18n::Lang, operations::form::grouped};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Kept as JSON with the head. As text it is what machines and the server's own log read; pages say it in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "lowercase")]
pub enum Halt {
    #[error("the database has {has} leaves, and {published} were published: it is older than its own checkpoints")]
    Older { has: i64, published: i64 },
    #[error("the first {leaves} leaves are not those that were published")]
    Different { leaves: i64 },
    #[error("the last line of {copy} is no checkpoint of this log, signed by a key it knows")]
    Foreign { copy: PathBuf },
    #[error("{published} leaves were published, and {copy} has no checkpoint: it is not the file that was written")]
    Missing { copy: PathBuf, published: i64 },
    #[error("{published} leaves were published, and the last checkpoint in {copy} is over {has}: it is an older file")]
    Behind { copy: PathBuf, published: i64, has: i64 },
    /// What the database keeps of the log does not fit together.
    #[error("{what}")]
    Broken { what: String },
}

impl Halt {
    pub(super) fn broken(what: impl ToString) -> Self {
        Self::Broken { what: what.to_string() }
    }

    pub(super) fn parse(kept: &str) -> Self {
        serde_json::from_str(kept).unwrap_or_else(|_| Self::broken(kept))
    }

    pub(super) fn kept(&self) -> String {
        serde_json::json!(self).to_string()
    }

    pub fn text(&self, l: Lang) -> String {
        match self {
            Self::Older { has, published } => l.ledger_halt_older(grouped(*has), grouped(*published)),
            Self::Different { leaves } => l.ledger_halt_different(grouped(*leaves)),
            Self::Foreign { copy } => l.ledger_halt_foreign(copy.display().to_string()),
            Self::Missing { copy, published } => l.ledger_halt_missing(copy.display().to_string(), grouped(*published)),
            Self::Behind { copy, published, has } => l.ledger_halt_behind(copy.display().to_string(), grouped(*has), grouped(*published)),
            Self::Broken { what } => l.ledger_halt_broken(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_so_is_what_was_kept_as_plain_text() {
        let whys = [
            Halt::Older { has: 3, published: 5 },
            Halt::Different { leaves: 1_234 },
            Halt::Foreign { copy: "/var/lib/checkpoints.ndjson".into() },
            Halt::Missing { copy: "/var/lib/checkpoints.ndjson".into(), published: 5 },
            Halt::Behind { copy: "/var/lib/checkpoints.ndjson".into(), published: 5, has: 3 },
            Halt::broken("tiles of the tree are missing"),
        ];
        for why in whys {
            assert_eq!(Halt::parse(&why.kept()), why);
            assert!(why.text(Lang::Ko) != why.text(Lang::En), "{why}");
        }
        assert_eq!(Halt::parse("said by an older version").to_string(), "said by an older version");
    }
}
