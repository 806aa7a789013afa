//! What was moved, set by set: how many rows there are at the source and at the target, and their checksums.
use super::Check;
use crate::i18n::{Text, msg};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// The most sets of one migration.
const MOST: usize = 200;

/// One set of data on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    pub name: String,
    pub source_rows: u64,
    pub target_rows: u64,
    pub source_checksum: String,
    pub target_checksum: String,
}

/// From lines of `name, rows there, rows here, checksum there, checksum here`.
pub(super) fn read(text: &str) -> Result<Vec<Dataset>, Text> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let (mut sets, mut names) = (Vec::new(), BTreeSet::new());
    for (n, record) in reader.records().enumerate() {
        let line = n + 1;
        let record = record.map_err(|_| msg::onboarding_dataset_malformed(line))?;
        let cell = |i: usize| record.get(i).unwrap_or_default();
        let rows = |i: usize| cell(i).replace(['_', ' '], "").parse::<u64>().ok();
        let sum = |i: usize| {
            Some(cell(i).to_lowercase()).filter(|s| (4..=128).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric()))
        };
        let (Some(source_rows), Some(target_rows), Some(source_checksum), Some(target_checksum)) = (rows(1), rows(2), sum(3), sum(4))
        else {
            return Err(msg::onboarding_dataset_malformed(line));
        };
        let name = cell(0).to_owned();
        if record.len() != 5 || !(1..=60).contains(&name.chars().count()) {
            return Err(msg::onboarding_dataset_malformed(line));
        }
        if !names.insert(name.clone()) {
            return Err(msg::onboarding_dataset_twice(line, name));
        }
        sets.push(Dataset { name, source_rows, target_rows, source_checksum, target_checksum });
        if sets.len() > MOST {
            return Err(msg::onboarding_datasets_too_many(MOST));
        }
    }
    if sets.is_empty() { Err(msg::onboarding_dataset_malformed(1)) } else { Ok(sets) }
}

/// As they are typed.
pub fn as_lines(sets: &[Dataset]) -> String {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for s in sets {
        // writing into memory does not fail
        let _ = writer.serialize(s);
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Source against target: rows, and what is in them.
pub(super) fn checks(set: &Value) -> Vec<Check> {
    let Ok(set) = serde_json::from_value::<Dataset>(set.clone()) else { return Vec::new() };
    let about = |check: Check| Check { about: set.name.clone(), ..check };
    vec![
        about(Check::of("migration-rows", set.source_rows, set.target_rows)),
        about(Check::of("migration-checksum", &set.source_checksum, &set.target_checksum)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_set_is_compared_with_its_source() {
        let sets = read("users, 1204, 1204, 9f3a, 9F3A\ndocuments,88_120,88120,aa11,aa12").unwrap();
        let checks: Vec<_> = sets.iter().flat_map(|s| checks(&serde_json::json!(s))).collect();
        assert_eq!(checks.iter().map(|c| c.ok).collect::<Vec<_>>(), [true, true, true, false]);
        assert_eq!(checks[3].about, "documents");
        let wrong = |text: &str| read(text).unwrap_err().id();
        assert_eq!(wrong("users,1,1,aaaa,aaaa\nusers,1,1,aaaa,aaaa"), "onboarding-dataset-twice");
        for text in ["users", "users,-1,1,aaaa,aaaa", "users,1,1,aaaa", "users,1,1,aaaa,aaaa,more", ",1,1,aaaa,aaaa", ""] {
            assert_eq!(wrong(text), "onboarding-dataset-malformed", "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(names in proptest::collection::btree_set("[가-힣a-z,\" ]{1,12}", 1..5), rows in any::<u64>(), sum in "[0-9a-f]{8}") {
            let sets: Vec<_> = names.iter().map(|n| n.trim()).filter(|n| !n.is_empty()).collect::<BTreeSet<_>>().into_iter()
                .map(|name| Dataset { name: name.into(), source_rows: rows, target_rows: rows, source_checksum: sum.clone(), target_checksum: sum.clone() })
                .collect();
            prop_assume!(!sets.is_empty());
            prop_assert_eq!(read(&as_lines(&sets)).unwrap(), sets);
        }
    }
}
