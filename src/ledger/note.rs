//! What the log says under its signature: notes (C2SP signed-note), checkpoints (tlog-checkpoint) and the proof of one
//! event (tlog-proof). All three are text, so that an operator can read what a program verifies.
use super::tree::{self, Hash};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use ed25519_dalek::{Signature, Signer};
use rand::RngExt;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// Why a note is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("this is not a key for notes")]
    Key,
    #[error("this is not a note")]
    Note,
    #[error("this is not a checkpoint")]
    Checkpoint,
    #[error("this is not a proof")]
    Proof,
    #[error("no known key has signed it")]
    Unsigned,
    #[error("the signature of {0} is not over this text")]
    Forged(String),
    #[error("the proof does not lead from this leaf to the checkpoint")]
    Unproven,
}

/// Ed25519 as C2SP numbers it.
const ALGORITHM: u8 = 1;
/// Nobody needs more lines, and each costs a verification.
const MAX_LINES: usize = 100;

/// Name and number of a key, as a signature line gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyId {
    name: String,
    hash: [u8; 4],
}

impl KeyId {
    fn of(name: &str, public: &ed25519_dalek::VerifyingKey) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::Key);
        }
        let digest = Sha256::new().chain_update(name).chain_update([b'\n', ALGORITHM]).chain_update(public.as_bytes()).finalize();
        Ok(Self { name: name.to_owned(), hash: [digest[0], digest[1], digest[2], digest[3]] })
    }

    fn hex(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.hash))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// What both kinds of key share: name, hash and 32 bytes behind the algorithm's number.
fn read_key(text: &str) -> Option<(&str, &str, [u8; 32])> {
    let mut parts = text.splitn(3, '+');
    let (name, hash, key) = (parts.next()?, parts.next()?, parts.next()?);
    let (algorithm, bytes) = BASE64.decode(key).ok()?.split_first().map(|(first, rest)| (*first, rest.to_vec()))?;
    (algorithm == ALGORITHM).then(|| Some((name, hash, bytes.try_into().ok()?)))?
}

fn show_key(id: &KeyId, bytes: &[u8; 32]) -> String {
    format!("{}+{}+{}", id.name, id.hex(), BASE64.encode([&[ALGORITHM], &bytes[..]].concat()))
}

/// The private half. It is wiped when dropped, and neither printed nor compared.
pub struct SigningKey {
    id: KeyId,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        Self::of(name, &rand::rng().random())
    }

    /// `PRIVATE+KEY+name+hash+base64`
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, hash, seed) = text.trim().strip_prefix("PRIVATE+KEY+").and_then(read_key).ok_or(NoteError::Key)?;
        Some(Self::of(name, &seed)?).filter(|key| key.id.hex() == hash).ok_or(NoteError::Key)
    }

    fn of(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        Ok(Self { id: KeyId::of(name, &key.verifying_key())?, key })
    }

    /// What [`SigningKey::parse`] reads.
    pub fn secret(&self) -> SecretString {
        format!("PRIVATE+KEY+{}", show_key(&self.id, self.key.as_bytes())).into()
    }

    pub fn name(&self) -> &str {
        &self.id.name
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey { id: self.id.clone(), key: self.key.verifying_key() }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}+{})", self.id.name, self.id.hex())
    }
}

/// The public half. Its text is `name+hash+base64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    id: KeyId,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, hash, bytes) = read_key(text.trim()).ok_or(NoteError::Key)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| NoteError::Key)?;
        let id = KeyId::of(name, &key)?;
        if id.hex() == hash { Ok(Self { id, key }) } else { Err(NoteError::Key) }
    }

    pub fn name(&self) -> &str {
        &self.id.name
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_key(&self.id, self.key.as_bytes()))
    }
}

/// A text and the lines that sign it. What it says counts once [`Note::verify`] has given it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    lines: Vec<(KeyId, Vec<u8>)>,
}

impl Note {
    /// The note over a text that ends with a line break.
    pub fn sign(text: &str, keys: &[&SigningKey]) -> Result<String, NoteError> {
        if keys.is_empty() || !is_text(text) {
            return Err(NoteError::Note);
        }
        let lines = keys.iter().map(|key| {
            let signature = key.key.sign(text.as_bytes()).to_bytes();
            format!("— {} {}\n", key.id.name, BASE64.encode([&key.id.hash, &signature[..]].concat()))
        });
        Ok(format!("{text}\n{}", lines.collect::<String>()))
    }

    pub fn parse(note: &str) -> Result<Self, NoteError> {
        Self::read(note).ok_or(NoteError::Note)
    }

    fn read(note: &str) -> Option<Self> {
        // an empty line may be part of the text; the last one ends it
        let at = note.rfind("\n\n")? + 1;
        let (text, lines) = (&note[..at], note[at + 1..].strip_suffix('\n')?);
        if !is_text(text) || lines.split('\n').count() > MAX_LINES {
            return None;
        }
        let lines = lines.split('\n').map(|line| {
            let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
            let bytes = BASE64.decode(signature).ok()?;
            let (hash, signature) = bytes.split_first_chunk()?;
            (is_name(name) && !signature.is_empty()).then(|| (KeyId { name: name.to_owned(), hash: *hash }, signature.to_vec()))
        });
        Some(Self { text: text.to_owned(), lines: lines.collect::<Option<_>>()? })
    }

    /// The text, if a known key has signed it. Lines of other keys say nothing; a line of a known key that is wrong spoils it.
    pub fn verify(&self, known: &[VerifyingKey]) -> Result<&str, NoteError> {
        let mut signed = false;
        for (id, signature) in &self.lines {
            for known in known.iter().filter(|key| key.id == *id) {
                let signature = Signature::from_slice(signature).ok();
                let good = signature.is_some_and(|it| known.key.verify_strict(self.text.as_bytes(), &it).is_ok());
                if !good {
                    return Err(NoteError::Forged(id.name.clone()));
                }
                signed = true;
            }
        }
        if signed { Ok(&self.text) } else { Err(NoteError::Unsigned) }
    }
}

fn is_text(text: &str) -> bool {
    text.ends_with('\n') && !text.contains(|c: char| c < ' ' && c != '\n')
}

/// A whole number as C2SP writes it: one spelling for each.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

fn hash(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok()?.try_into().ok()
}

/// How large the log is and what it holds. Its text is what a log signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// What a signed checkpoint says, if a key of its log has signed it: one that is named as the origin.
    pub fn open(note: &str, keys: &[VerifyingKey]) -> Result<Self, NoteError> {
        let note = Note::parse(note)?;
        let checkpoint: Self = note.text.parse()?;
        let of_this_log: Vec<_> = keys.iter().filter(|key| key.name() == checkpoint.origin).cloned().collect();
        note.verify(&of_this_log)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, BASE64.encode(self.root))
    }
}

impl FromStr for Checkpoint {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let read = || {
            let mut lines = text.strip_suffix('\n')?.split('\n');
            let checkpoint = Self { origin: lines.next()?.to_owned(), size: number(lines.next()?)?, root: hash(lines.next()?)? };
            // whatever else a log may say, it says nothing that is empty
            (!checkpoint.origin.is_empty() && lines.all(|line| !line.is_empty())).then_some(checkpoint)
        };
        read().ok_or(NoteError::Checkpoint)
    }
}

/// What proves one event to anybody, offline: its place, the way up to the root, and the checkpoint that tells the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    pub index: u64,
    pub path: Vec<Hash>,
    /// As it was signed, with every line under it.
    pub checkpoint: String,
}

impl LogProof {
    /// The checkpoint that this leaf is covered by.
    pub fn verify(&self, leaf: &[u8], keys: &[VerifyingKey]) -> Result<Checkpoint, NoteError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, keys)?;
        let hash = super::leaf_hash(leaf);
        let proven = tree::verify_inclusion(&hash, self.index, checkpoint.size, &self.path, &checkpoint.root);
        proven.then_some(checkpoint).ok_or(NoteError::Unproven)
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "c2sp.org/tlog-proof@v1\nindex {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", BASE64.encode(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for LogProof {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let read = || {
            let (head, checkpoint) = text.split_once("\n\n")?;
            let mut lines = head.strip_prefix("c2sp.org/tlog-proof@v1\n")?.split('\n').peekable();
            // what an application may add; nothing vouches for it
            lines.next_if(|line| line.strip_prefix("extra ").is_some_and(|extra| BASE64.decode(extra).is_ok()));
            let index = number(lines.next()?.strip_prefix("index ")?)?;
            Some(Self { index, path: lines.map(hash).collect::<Option<_>>()?, checkpoint: checkpoint.to_owned() })
        };
        read().ok_or(NoteError::Proof)
    }
}

#[cfg(test)]
mod tests;
