//! That a leaf is in a tree, and that a tree is the beginning of another (RFC 9162, section 2.1.3 and 2.1.4).
use super::{Hash, Node, TileId, empty_root, fold, node_hash};
use std::{collections::BTreeSet, iter, ops::Range};

/// What a proof consists of, before its hashes are read: ranges of leaves, from the leaf up to the root.
/// [`Proof::tiles`] says what to read, [`Proof::hashes`] makes the proof of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    ranges: Vec<Range<u64>>,
    /// of the tree it is a proof in
    size: u64,
}

impl Proof {
    /// The tiles that hold its hashes, to be read at once. A tile that has grown since serves as well.
    pub fn tiles(&self) -> Vec<TileId> {
        let tiles: BTreeSet<_> = self.ranges.iter().flat_map(nodes).filter_map(|node| TileId::of(node, self.size)).collect();
        tiles.into_iter().collect()
    }

    /// The proof. `hash` answers for complete subtrees, such as [`super::Tiles::node`]; a node it does not know makes no proof.
    pub fn hashes(&self, hash: impl Fn(Node) -> Option<Hash>) -> Option<Vec<Hash>> {
        self.ranges.iter().map(|range| fold(&nodes(range).map(&hash).collect::<Option<Vec<_>>>()?)).collect()
    }
}

/// That the leaf at `index` is in the tree of this size. Nothing, if it cannot be.
pub fn inclusion(index: u64, size: u64) -> Option<Proof> {
    let (mut all, mut ranges) = (0..size, Vec::new());
    if !all.contains(&index) {
        return None;
    }
    while let Some(middle) = split(&all) {
        if index < middle {
            ranges.push(middle..all.end);
            all.end = middle;
        } else {
            ranges.push(all.start..middle);
            all.start = middle;
        }
    }
    ranges.reverse();
    Some(Proof { ranges, size })
}

/// The root of a tree of this size, as the one hash of a proof. An empty tree has none to read.
pub fn root(size: u64) -> Proof {
    Proof { ranges: iter::once(0..size).filter(|all| !all.is_empty()).collect(), size }
}

/// That the tree of size `new` begins with the tree of size `old`. Nothing, if `old` is larger; every tree begins with the empty one.
pub fn consistency(old: u64, new: u64) -> Option<Proof> {
    let (mut all, mut ranges) = (0..new, Vec::new());
    if old > new {
        return None;
    }
    // whoever checks it has the root of the old tree, if that is where this ends
    let mut root_is_known = true;
    while old != 0 && old != all.end {
        let middle = split(&all)?;
        if old <= middle {
            ranges.push(middle..all.end);
            all.end = middle;
        } else {
            ranges.push(all.start..middle);
            all.start = middle;
            root_is_known = false;
        }
    }
    if !root_is_known {
        ranges.push(all);
    }
    ranges.reverse();
    Some(Proof { ranges, size: new })
}

pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            climb_to_right_child(&mut node, &mut last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

pub fn verify_consistency(old: u64, new: u64, old_root: &Hash, new_root: &Hash, proof: &[Hash]) -> bool {
    if old == 0 || old >= new {
        // nothing is shown by a path: all begin with the empty tree, and each with itself
        let holds = if old == new { old_root == new_root } else { old < new };
        return holds && proof.is_empty() && (old != 0 || *old_root == empty_root());
    }
    let (mut node, mut last) = (old - 1, new - 1);
    let levels = node.trailing_ones();
    (node, last) = (node >> levels, last >> levels);
    // an old tree that is complete is a node of the new one, and its root begins the proof
    let mut rest = proof.iter();
    let Some(&first) = (if node == 0 { Some(old_root) } else { rest.next() }) else {
        return false;
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            climb_to_right_child(&mut node, &mut last);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// The last node of an uneven level has no sibling there: it is carried up to where it has one.
fn climb_to_right_child(node: &mut u64, last: &mut u64) {
    if *node & 1 == 0 {
        let levels = node.trailing_zeros().min(u64::BITS - 1);
        (*node, *last) = (*node >> levels, *last >> levels);
    }
}

/// Where a tree of more than one leaf divides: at the largest power of two that is smaller than it.
fn split(all: &Range<u64>) -> Option<u64> {
    let leaves = all.end - all.start;
    (leaves > 1).then(|| all.start + (1 << (leaves - 1).ilog2()))
}

/// The complete subtrees that a range consists of, from the left. It begins where a subtree of its own size may.
fn nodes(range: &Range<u64>) -> impl Iterator<Item = Node> {
    let Range { mut start, end } = range.clone();
    std::iter::from_fn(move || {
        let level = (end - start).checked_ilog2()?;
        let node = Node { level: level as u8, index: start >> level };
        start += 1 << level;
        Some(node)
    })
}
