//! Whose personal data an event's detail is, and how it is kept so that it can be erased: sealed with a key of that person, together
//! with the salt of the leaf's commitment. Once the key is gone, neither can be read or guessed any more, and no leaf has changed.
mod erase;
mod store;

pub use erase::EraseSubject;
pub use store::{Erasure, erasures, keys};

use super::Sealed;
use crate::error::Error;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use rand::RngExt;
use serde_json::Value;
use uuid::Uuid;

/// Types of targets that are persons: a customer's, and our own.
pub const KINDS: [&str; 2] = ["user", "operator"];

pub type Key = [u8; 32];
const NONCE: usize = 24;

/// Whom a target is, if it is somebody.
pub fn subject(kind: &str, id: &str) -> Option<String> {
    KINDS.contains(&kind).then(|| format!("{kind}:{id}"))
}

impl Sealed {
    /// Whose data its detail is, if it has one and it is somebody's.
    pub fn subject(&self) -> Option<String> {
        self.target.as_ref().filter(|_| self.opening.is_some()).and_then(|(kind, id)| subject(kind, id))
    }
}

/// A row of `ledger.detail`, with the key of its subject if that still exists.
#[derive(Default)]
pub struct Kept {
    pub salt: Option<Vec<u8>>,
    pub data: Option<Value>,
    pub sealed: Option<Vec<u8>>,
    pub key: Option<Vec<u8>>,
}

/// What an event's leaf commits to.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    /// Nothing is kept beside it.
    None,
    Open {
        salt: [u8; 32],
        value: Value,
    },
    /// It was sealed, and no key opens it: it was erased, if the ledger says so.
    Gone,
}

impl Kept {
    /// The only way to read a detail: pages, exports and the audit all come here.
    pub fn open(&self, event: Uuid) -> Detail {
        match self {
            Kept { sealed: Some(sealed), key, .. } => key
                .as_deref()
                .and_then(|key| unlock(key.try_into().ok()?, event, sealed))
                .map_or(Detail::Gone, |(salt, value)| Detail::Open { salt, value }),
            Kept { salt: Some(salt), data: Some(data), .. } => match salt.as_slice().try_into() {
                Ok(salt) => Detail::Open { salt, value: data.clone() },
                Err(_) => Detail::Gone,
            },
            _ => Detail::None,
        }
    }
}

impl Detail {
    pub fn value(&self) -> Option<&Value> {
        match self {
            Detail::Open { value, .. } => Some(value),
            Detail::None | Detail::Gone => None,
        }
    }
}

/// A nonce, and salt and value encrypted; only together with the event that they belong to they can be opened again.
pub fn lock(key: &Key, event: Uuid, salt: &[u8; 32], value: &Value) -> Result<Vec<u8>, Error> {
    let nonce: [u8; NONCE] = rand::rng().random();
    let text = [&salt[..], &serde_json::to_vec(value).map_err(anyhow::Error::from)?].concat();
    let locked = XChaCha20Poly1305::new(&(*key).into())
        .encrypt(&nonce.into(), Payload { msg: &text, aad: event.as_bytes() })
        .map_err(|_| anyhow::anyhow!("a detail cannot be sealed"))?;
    Ok([&nonce[..], &locked].concat())
}

fn unlock(key: Key, event: Uuid, sealed: &[u8]) -> Option<([u8; 32], Value)> {
    let (nonce, locked) = sealed.split_first_chunk::<NONCE>()?;
    let text = XChaCha20Poly1305::new(&key.into()).decrypt(&(*nonce).into(), Payload { msg: locked, aad: event.as_bytes() }).ok()?;
    let (salt, value) = text.split_first_chunk::<32>()?;
    Some((*salt, serde_json::from_slice(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_its_own_key_and_event_open_a_detail_and_no_byte_of_it_may_change() {
        let (key, event, salt) = ([7; 32], Uuid::from_u128(1), [9; 32]);
        let value = json!({"reason": "고객이 전화로 알려 왔습니다.", "after": {"plan": "pro"}});
        let sealed = lock(&key, event, &salt, &value).unwrap();
        assert!(!sealed.windows(3).any(|part| part == "고".as_bytes()));
        let open = |key: Option<Key>, event, sealed: &[u8]| {
            Kept { sealed: Some(sealed.to_vec()), key: key.map(Vec::from), ..Kept::default() }.open(event)
        };
        assert_eq!(open(Some(key), event, &sealed), Detail::Open { salt, value });
        assert_eq!(open(None, event, &sealed), Detail::Gone);
        assert_eq!(open(Some([8; 32]), event, &sealed), Detail::Gone);
        assert_eq!(open(Some(key), Uuid::from_u128(2), &sealed), Detail::Gone);
        assert_eq!(open(Some(key), event, &[]), Detail::Gone);
        for place in 0..sealed.len() {
            let mut other = sealed.clone();
            other[place] ^= 1;
            assert_eq!(open(Some(key), event, &other), Detail::Gone, "byte {place}");
        }
    }
}
