//! The Merkle tree of RFC 9162 (as RFC 6962 before it), without I/O: hashes, and the right edge that a growing log keeps.
//! The tests hold it against two implementations of other people.
mod proofs;
mod tiles;

pub use proofs::{Proof, consistency, inclusion, root, verify_consistency, verify_inclusion};
pub use tiles::{TILE_WIDTH, TileId, Tiles, changed, edge, grow, tile_root};

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

/// The hash of two subtrees. Its first byte keeps it from ever being the hash of a leaf.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A complete subtree: `level` 0 is a leaf, `index` counts the subtrees of that level from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    pub level: u8,
    pub index: u64,
}

/// The complete subtrees that a tree of this size consists of, largest first: one for each bit that is set in the size.
/// It is all a log needs to take the next leaf and to tell its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn push(&mut self, leaf_hash: Hash) {
        let mut hash = leaf_hash;
        // a leaf completes as many subtrees as the size has ones at its end
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        fold(&self.peaks).unwrap_or_else(empty_root)
    }

    /// The hashes alone: how many there are follows from the size, which is kept beside them.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Self> {
        let peaks = hashes(bytes)?;
        (peaks.len() == size.count_ones() as usize).then(|| Self { size, peaks: peaks.to_vec() })
    }
}

/// The root of no leaves: SHA-256 of nothing.
fn empty_root() -> Hash {
    Sha256::digest(b"").into()
}

/// The hash of neighbouring subtrees, each smaller than the one before it, as RFC 9162 builds it from the right.
fn fold(subtrees: &[Hash]) -> Option<Hash> {
    subtrees.iter().rev().copied().reduce(|right, left| node_hash(&left, &right))
}

/// Hashes in a row, if it is a whole number of them.
fn hashes(bytes: &[u8]) -> Option<&[Hash]> {
    let (hashes, rest) = bytes.as_chunks();
    rest.is_empty().then_some(hashes)
}

#[cfg(test)]
mod tests;
