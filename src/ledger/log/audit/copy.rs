//! The leaves of the file outside: they bring back what a database has lost, so each must be the one that was signed.
use super::{Report, store};
use crate::ledger::{
    leaf_hash,
    log::publication::{Copy, Line},
    note::{Checkpoint, VerifyingKey},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sqlx::PgConnection;
use std::collections::{BTreeSet, HashMap};

/// Goes through the file. A leaf counts as it was last written before a checkpoint over it; `ended` answers how many leaves count of a
/// log that went on under another name. The log has so many leaves now, and the file has grown since; it must have all of them
/// `from_the_start`, or from its own beginning.
pub(super) async fn check(
    conn: &mut PgConnection,
    copy: &Copy,
    keys: &[VerifyingKey],
    ended: impl Fn(&str) -> Option<u64>,
    (size, from_the_start): (u64, bool),
    report: &mut Report,
) -> anyhow::Result<()> {
    let (mut wrong, mut reach, mut name) = (BTreeSet::new(), None, None);
    for line in copy.lines()? {
        match line? {
            (_, Line::Leaves { from, leaves }) => {
                let end = (from + leaves.len() as u64).min(size);
                let kept: HashMap<_, _> = store::hashes(conn, from as i64, end as i64).await?.into_iter().collect();
                for (index, leaf) in (from..end).zip(leaves) {
                    let hash = BASE64_STANDARD.decode(leaf).map(|leaf| leaf_hash(&leaf).to_vec());
                    if hash.is_ok_and(|hash| kept.get(&(index as i64)) == Some(&hash)) {
                        wrong.remove(&index);
                    } else {
                        wrong.insert(index);
                    }
                }
                let so_far = reach.get_or_insert(if from_the_start { 0 } else { from });
                if from <= *so_far {
                    *so_far = end.max(*so_far);
                }
            }
            (n, Line::Checkpoint { note, .. }) => {
                // one that cannot be believed is told of elsewhere
                let Ok(said) = Checkpoint::open(&note, keys) else { continue };
                let counts = ended(&said.origin).unwrap_or(size).min(said.size).min(size);
                let rest = wrong.split_off(&said.size);
                for index in std::mem::replace(&mut wrong, rest).into_iter().filter(|index| *index < counts) {
                    report.fault(format!("{}: leaf {index}", copy.path().display()), "is not the one in the log");
                }
                // a file of checkpoints alone has none to compare
                if let Some(so_far) = &mut reach {
                    // another name may begin in the middle of a file that had lost its end
                    let goes_on = name.as_ref().is_none_or(|name| *name == said.origin);
                    if *so_far < counts && goes_on {
                        report
                            .fault(format!("{}:{n}", copy.path().display()), format!("the leaves from {so_far} on are missing before it"));
                    }
                    let known = if ended(&said.origin).is_some() { counts } else { *so_far };
                    *so_far = known.max(counts);
                }
                name = Some(said.origin);
            }
            (_, Line::CutOff | Line::Strange(_)) => {}
        }
    }
    Ok(())
}
