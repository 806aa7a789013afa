//! Checkpoints outside of the database: a file that only grows, one line each. Whoever restores or forks the database cannot
//! take back what stands there.
use crate::ledger::note::{Checkpoint, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// The newest lines are read from so many bytes at the end; a line is a few hundred.
const TAIL: u64 = 64 * 1024;

/// The file.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Line {
    at: chrono::DateTime<chrono::Utc>,
    note: String,
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

    /// The newest checkpoint that was published here; nothing before the first. A line that was cut off while it was written never
    /// counted as published.
    pub fn newest(&self, origin: &str, keys: &[VerifyingKey]) -> Result<Option<Checkpoint>, Broken> {
        let Some(line) = self.last_line().map_err(|error| Broken::Unreadable(self.path.clone(), error))? else { return Ok(None) };
        let foreign = || Broken::Foreign(self.path.clone());
        let line: Line = serde_json::from_str(&line).map_err(|_| foreign())?;
        Checkpoint::open(&line.note, keys).ok().filter(|c| c.origin == origin).map(Some).ok_or_else(foreign)
    }

    /// All of them, the smallest first; lines that cannot be believed are told by their number.
    pub fn all(&self, keys: &[VerifyingKey], mut bad: impl FnMut(usize, String)) -> Result<Vec<Checkpoint>, Broken> {
        let text = std::fs::read_to_string(&self.path).map_err(|error| Broken::Unreadable(self.path.clone(), error))?;
        let mut all = Vec::new();
        // what follows the last line break was cut off while it was written
        for (n, line) in text.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n')) {
            let Ok(Line { note, .. }) = serde_json::from_str(line) else {
                // the beginning of a line that was cut off is not one that was changed
                continue;
            };
            match Checkpoint::open(&note, keys) {
                Ok(said) => all.push(said),
                Err(error) => bad(n + 1, error.to_string()),
            }
        }
        all.sort_by_key(|said| said.size);
        Ok(all)
    }

    fn last_line(&self) -> std::io::Result<Option<String>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let Some(end) = tail.iter().rposition(|b| *b == b'\n') else { return Ok(None) };
        let start = tail[..end].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        Ok(Some(String::from_utf8_lossy(&tail[start..end]).into_owned()))
    }

    /// Adds one, and answers when it is on the disk.
    pub fn append(&self, note: &str) -> Result<(), Broken> {
        let line = Line { at: chrono::Utc::now(), note: note.to_owned() };
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
            let mut text = serde_json::to_string(&line)? + "\n";
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
            file.sync_data()
        };
        write().map_err(|error| Broken::Unreadable(self.path.clone(), error))
    }
}
