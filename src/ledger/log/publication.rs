//! Checkpoints outside of the database, with the leaves they cover: a file that only grows. Whoever restores or forks the database
//! cannot take back what stands there, and what a restored database has lost comes back from it.
use crate::ledger::note::{Checkpoint, VerifyingKey};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The newest checkpoint is looked for in so many bytes at the end, and in more if there is none.
const TAIL: u64 = 64 * 1024;
/// So long a replica waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many leaves go on a line.
const BUNCH: usize = 1_000;

/// The file.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    path: PathBuf,
}

/// Nothing stands in it that cannot be held against the log.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Line {
    Checkpoint {
        /// When it was written, as older versions told; nothing holds it to be true.
        #[serde(default, skip_serializing)]
        #[allow(dead_code, reason = "older lines have it, and other fields are refused")]
        at: IgnoredAny,
        note: String,
    },
    /// The leaves under the checkpoint that follows, from this place on, in base64: they name nobody, and bring back what a
    /// restored database has lost.
    Leaves { from: u64, leaves: Vec<String> },
    /// It broke off while it was written, and never counted.
    #[serde(skip)]
    CutOff,
    /// Not ours, or not any more.
    #[serde(skip)]
    Strange(String),
}

impl Line {
    fn parse(line: &str) -> Self {
        // all of it is there, and its last quote or brace is not: that was changed
        let is_whole = || {
            let ends = ["}", "\"}"].into_iter().flat_map(|end| [0, 1, 2].map(|cut| (line.len().saturating_sub(cut), end)));
            ends.into_iter()
                .any(|(cut, end)| line.get(..cut).is_some_and(|begun| serde_json::from_str::<Line>(&(begun.to_owned() + end)).is_ok()))
        };
        match serde_json::from_str(line) {
            Ok(line) => line,
            Err(error) if error.is_eof() && !is_whole() => Line::CutOff,
            Err(_) => Line::Strange(line.to_owned()),
        }
    }
}

/// Why the file cannot be believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("cannot read or write {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    #[error("the last line of {0} is no checkpoint of this log, signed by a key it knows")]
    Foreign(PathBuf),
}

impl Copy {
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest checkpoint that was published here under this name; nothing before the first. A line that was cut off while it
    /// was written never counted as published, and those of another name that the keys know are of the time before.
    pub fn newest(&self, origin: &str, keys: &[VerifyingKey]) -> Result<Option<Checkpoint>, Broken> {
        Ok(self.newest_note(origin, keys)?.map(|(_, said)| said))
    }

    /// The same as it was signed, and what it says.
    pub fn newest_note(&self, origin: &str, keys: &[VerifyingKey]) -> Result<Option<(String, Checkpoint)>, Broken> {
        let Some(note) = self.last_note().map_err(|error| Broken::Unreadable(self.path.clone(), error))? else { return Ok(None) };
        let said = Checkpoint::open(&note, keys).map_err(|_| Broken::Foreign(self.path.clone()))?;
        Ok(Some((note, said)).filter(|(_, said)| said.origin == origin))
    }

    /// Whether no checkpoint was ever published here, under any name.
    pub fn is_blank(&self) -> Result<bool, Broken> {
        Ok(self.last_note().map_err(|error| Broken::Unreadable(self.path.clone(), error))?.is_none())
    }

    /// All of them, the smallest first; lines that cannot be believed are told by their number.
    pub fn all(&self, keys: &[VerifyingKey], mut bad: impl FnMut(usize, String)) -> Result<Vec<Checkpoint>, Broken> {
        let mut all = Vec::new();
        for line in self.lines()? {
            match line? {
                (n, Line::Checkpoint { note, .. }) => match Checkpoint::open(&note, keys) {
                    Ok(said) => all.push(said),
                    Err(error) => bad(n, error.to_string()),
                },
                (n, Line::Strange(_)) => bad(n, "is neither a checkpoint nor leaves".into()),
                (_, Line::Leaves { .. } | Line::CutOff) => {}
            }
        }
        all.sort_by_key(|said| said.size);
        Ok(all)
    }

    /// The leaves of these places; nothing if one of them is not here.
    pub fn leaves(&self, from: u64, until: u64) -> Result<Option<Vec<Vec<u8>>>, Broken> {
        let mut kept: Vec<Option<Vec<u8>>> = vec![None; (until - from) as usize];
        for line in self.lines()? {
            let (_, Line::Leaves { from: first, leaves }) = line? else { continue };
            for (index, leaf) in (first..).zip(leaves) {
                if (from..until).contains(&index) {
                    kept[(index - from) as usize] = BASE64_STANDARD.decode(leaf).ok();
                }
            }
        }
        Ok(kept.into_iter().collect())
    }

    /// Each whole line with its number, and none of a file that is not there; what follows the last line break was cut off while it was
    /// written.
    pub fn lines(&self) -> Result<impl Iterator<Item = Result<(usize, Line), Broken>>, Broken> {
        let broken = |error| Broken::Unreadable(self.path.clone(), error);
        let (mut file, mut line) = (self.open().map_err(broken)?.map(BufReader::new), Vec::new());
        Ok((1..).map_while(move |n| {
            line.clear();
            match file.as_mut()?.read_until(b'\n', &mut line) {
                Err(error) => Some(Err(broken(error))),
                Ok(_) => line.strip_suffix(b"\n").map(|line| Ok((n, Line::parse(&String::from_utf8_lossy(line))))),
            }
        }))
    }

    fn open(&self) -> std::io::Result<Option<File>> {
        match File::open(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    /// The last line that is a checkpoint. Leaves may follow it whose checkpoint was never written.
    fn last_note(&self) -> std::io::Result<Option<String>> {
        let Some(mut file) = self.open()? else { return Ok(None) };
        let length = file.metadata()?.len();
        let mut reach = TAIL;
        loop {
            file.seek(SeekFrom::Start(length.saturating_sub(reach)))?;
            let mut tail = Vec::new();
            (&mut file).take(reach).read_to_end(&mut tail)?;
            let tail = String::from_utf8_lossy(&tail);
            let whole = tail.rfind('\n').map_or("", |end| &tail[..end]);
            let mut lines = whole.rsplit('\n').peekable();
            while let Some(line) = lines.next() {
                // the first may have begun before what was read
                if lines.peek().is_none() && reach < length {
                    break;
                }
                match Line::parse(line) {
                    Line::Checkpoint { note, .. } => return Ok(Some(note)),
                    Line::Strange(line) => return Ok(Some(line)),
                    Line::Leaves { .. } | Line::CutOff => {}
                }
            }
            if reach >= length {
                return Ok(None);
            }
            reach *= 16;
        }
    }

    /// Adds leaves from a place on, whose checkpoint comes after them.
    pub fn add_leaves(&self, from: u64, leaves: &[Vec<u8>]) -> Result<(), Broken> {
        let bunches = leaves.chunks(BUNCH).enumerate().map(|(n, bunch)| Line::Leaves {
            from: from + (n * BUNCH) as u64,
            leaves: bunch.iter().map(|leaf| BASE64_STANDARD.encode(leaf)).collect(),
        });
        self.write(&bunches.collect::<Vec<_>>(), None).map(|_| ())
    }

    /// Adds a checkpoint whose leaves are here, unless there is a later one, and answers when all of it is on the disk.
    pub fn add(&self, note: &str, keys: &[VerifyingKey]) -> Result<(), Broken> {
        let file = self.write(&[Line::Checkpoint { at: IgnoredAny, note: note.to_owned() }], Some((note, keys)))?;
        file.sync_data().map_err(|error| Broken::Unreadable(self.path.clone(), error))
    }

    fn write(&self, lines: &[Line], unless_after: Option<(&str, &[VerifyingKey])>) -> Result<File, Broken> {
        let write = || -> std::io::Result<File> {
            let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
            // not every storage appends a line as a whole, and another replica may have been quicker
            patiently(&file)?;
            if let Some((note, keys)) = unless_after
                && self.last_note()?.is_some_and(|last| is_later(&last, note, keys))
            {
                file.unlock()?;
                return Ok(file);
            }
            let mut text = String::new();
            for line in lines {
                text = text + &serde_json::to_string(line)? + "\n";
            }
            // after a line that was cut off comes a new one
            if file.metadata()?.len() > 0 {
                let mut last = [0];
                file.seek(SeekFrom::End(-1))?;
                file.read_exact(&mut last)?;
                if last != *b"\n" {
                    text.insert(0, '\n');
                }
            }
            file.write_all(text.as_bytes())?;
            file.unlock()?;
            Ok(file)
        };
        write().map_err(|error| Broken::Unreadable(self.path.clone(), error))
    }
}

/// Locks the file, unless somebody who hangs has it: then the next turn tries again.
fn patiently(file: &File) -> std::io::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(PATIENCE / 200),
            Err(TryLockError::WouldBlock) => return Err(std::io::Error::from(std::io::ErrorKind::WouldBlock)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Whether one checkpoint is over at least as many leaves of the same log as another.
fn is_later(one: &str, other: &str, keys: &[VerifyingKey]) -> bool {
    match (Checkpoint::open(one, keys), Checkpoint::open(other, keys)) {
        (Ok(one), Ok(other)) => one.origin == other.origin && one.size >= other.size,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{
        note::{Note, SigningKey},
        tree::Frontier,
    };

    #[test]
    fn leaves_count_once_a_checkpoint_follows_them() {
        let folder = std::env::temp_dir().join(format!("countersign-copy-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let (copy, key) = (Copy::at(&folder.join("copy")), SigningKey::generate("log.example").unwrap());
        let leaves: Vec<Vec<u8>> = (0..2_500u32).map(|n| n.to_be_bytes().to_vec()).collect();
        let keys = [key.verifying_key()];
        let newest = || copy.newest("log.example", &keys).unwrap().map(|said| said.size);
        assert_eq!(newest(), None);
        let signed = |size: u64| {
            let said = Checkpoint { origin: "log.example".into(), size, root: Frontier::default().root() };
            Note::sign(&said.to_string(), &[&key]).unwrap()
        };
        copy.add_leaves(0, &leaves[..7]).unwrap();
        copy.add(&signed(7), &keys).unwrap();
        copy.add_leaves(7, &leaves[7..1_100]).unwrap();
        assert_eq!(newest(), Some(7), "leaves alone are not published");
        // it broke off there, and begins again
        copy.add_leaves(7, &leaves[7..2_000]).unwrap();
        copy.add_leaves(2_000, &leaves[2_000..]).unwrap();
        copy.add(&signed(2_500), &keys).unwrap();
        assert_eq!(newest(), Some(2_500));
        assert_eq!(copy.leaves(3, 2_500).unwrap().unwrap(), leaves[3..]);
        assert_eq!(copy.leaves(3, 2_501).unwrap(), None);
        // a replica that was slow comes too late
        copy.add(&signed(2_000), &keys).unwrap();
        assert_eq!(newest(), Some(2_500));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
