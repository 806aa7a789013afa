//! Against two implementations of other people: `ct-merkle`, which keeps a whole tree, and Cloudflare's `tlog_tiles`, which
//! reads single nodes and tiles. Where a tree is too large to build, all sides read the same invented nodes.
use super::*;
use crate::ledger::leaf_hash;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
use proptest::prelude::*;
use std::{collections::HashMap, sync::LazyLock};
use tlog_tiles as theirs;

type Whole = MemoryBackedTree<Sha256, String>;

const MOST: u64 = 5_000;
/// Beyond this, `tlog_tiles` runs out of bits for the number of a stored hash.
const HUGE: u64 = 1 << 48;

fn leaf(index: u64) -> String {
    format!("leaf {index}")
}

/// The same leaves in our frontiers, one for each size, and in the store that `tlog_tiles` reads.
struct Grown {
    frontiers: Vec<Frontier>,
    stored: Stored,
}

impl Grown {
    fn root(&self, size: u64) -> Hash {
        self.frontiers[size as usize].root()
    }
}

static GROWN: LazyLock<Grown> = LazyLock::new(|| {
    let mut grown = Grown { frontiers: vec![Frontier::default()], stored: Stored(vec![]) };
    for index in 0..MOST {
        let mut frontier = grown.frontiers[index as usize].clone();
        frontier.push(leaf_hash(leaf(index).as_bytes()));
        grown.frontiers.push(frontier);
        let more = theirs::stored_hashes(index, leaf(index).as_bytes(), &grown.stored).unwrap();
        grown.stored.0.extend(more);
    }
    grown
});

struct Stored(Vec<theirs::Hash>);

impl Stored {
    fn node(&self, node: Node) -> Option<Hash> {
        self.0.get(theirs::stored_hash_index(node.level, node.index) as usize).map(|hash| hash.0)
    }

    fn tile(&self, tile: TileId) -> Vec<u8> {
        their_tile(tile).read_data(self).unwrap()
    }

    fn tiles(&self, tiles: &[TileId]) -> Tiles {
        tiles.iter().map(|&tile| (tile.level, tile.n, self.tile(tile))).collect()
    }
}

impl theirs::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<theirs::Hash>, theirs::Error> {
        Ok(indexes.iter().map(|&index| self.0[index as usize]).collect())
    }
}

/// A tree of any size: each node has a hash of its own, and nothing else holds between them.
struct Invented;

impl Invented {
    fn node(node: Node) -> Option<Hash> {
        Some(Sha256::new().chain_update([node.level]).chain_update(node.index.to_be_bytes()).finalize().into())
    }
}

impl theirs::HashReader for Invented {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<theirs::Hash>, theirs::Error> {
        let nodes = indexes.iter().map(|&index| theirs::split_stored_hash_index(index));
        Ok(nodes.map(|(level, index)| theirs::Hash(Invented::node(Node { level, index }).unwrap())).collect())
    }
}

fn their_tile(tile: TileId) -> theirs::Tile {
    theirs::Tile::new(8, tile.level, tile.n, tile.width.into(), false)
}

fn theirs(proof: &[Hash]) -> Vec<theirs::Hash> {
    proof.iter().copied().map(theirs::Hash).collect()
}

fn ours(proof: Vec<theirs::Hash>) -> Vec<Hash> {
    proof.into_iter().map(|hash| hash.0).collect()
}

fn whole_root(root: Hash, size: u64) -> RootHash<Sha256> {
    RootHash::new(root.into(), size)
}

#[test]
fn roots_agree() {
    let mut whole = Whole::new();
    for size in 0..=MOST {
        if size <= 600 || size % 97 == 0 {
            let root = GROWN.root(size);
            assert_eq!(root, theirs::tree_hash(size, &GROWN.stored).unwrap().0, "tlog_tiles, {size} leaves");
            assert_eq!(root[..], whole.root().as_bytes()[..], "ct-merkle, {size} leaves");
        }
        whole.push(leaf(size));
    }
}

#[test]
fn every_proof_in_small_trees_agrees() {
    let mut whole = Whole::new();
    for size in 1..=130 {
        whole.push(leaf(size - 1));
        let root = GROWN.root(size);
        for index in 0..size {
            let proof = inclusion(index, size).unwrap().hashes(|node| GROWN.stored.node(node)).unwrap();
            assert_eq!(proof.concat(), whole.prove_inclusion(index as usize).as_bytes(), "{index} in {size}");
            assert!(verify_inclusion(&leaf_hash(leaf(index).as_bytes()), index, size, &proof, &root), "{index} in {size}");
        }
        for old in 1..=size {
            let proof = consistency(old, size).unwrap().hashes(|node| GROWN.stored.node(node)).unwrap();
            assert_eq!(proof.concat(), whole.prove_consistency((size - old) as usize).as_bytes(), "{old} to {size}");
            assert!(verify_consistency(old, size, &GROWN.root(old), &root, &proof), "{old} to {size}");
        }
    }
}

#[test]
fn what_cannot_be_is_not_proven() {
    let (empty, one) = (GROWN.root(0), GROWN.root(1));
    assert_eq!((inclusion(0, 0), inclusion(7, 7), consistency(8, 7)), (None, None, None));
    for size in [0, 1, 7] {
        assert_eq!(consistency(0, size).unwrap().hashes(|_| None), Some(vec![]));
        assert!(verify_consistency(0, size, &empty, &GROWN.root(size), &[]));
        assert!(verify_consistency(size, size, &GROWN.root(size), &GROWN.root(size), &[]));
    }
    assert!(!verify_consistency(0, 1, &one, &one, &[]), "another root for nothing");
    assert!(!verify_consistency(0, 0, &empty, &one, &[]), "two roots for nothing");
    assert!(!verify_consistency(0, 1, &empty, &one, &[one]), "a proof that is not needed");
    assert!(!verify_consistency(1, 1, &one, &one, &[one]), "a proof that is not needed");
    assert!(!verify_consistency(1, 1, &one, &empty, &[]), "two roots for one leaf");
    assert!(!verify_consistency(2, 1, &one, &one, &[]), "a log that shrinks");
    assert!(!verify_consistency(1, 2, &one, &one, &[]), "a log that grows by nothing");
    assert!(!verify_inclusion(&one, 0, 0, &[], &one), "a leaf in no tree");
    assert!(!verify_inclusion(&one, 1, 1, &[], &one), "a leaf beyond the tree");
}

/// A proof and everything that is wrong with it.
fn spoiled(proof: &[Hash], bit: usize) -> Vec<Vec<Hash>> {
    let mut wrong = vec![[proof, &[[0; 32]]].concat(), [&[[0; 32]], proof].concat()];
    if !proof.is_empty() {
        let mut flipped = proof.concat();
        let bit = bit % (flipped.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        wrong.push(hashes(&flipped).unwrap().to_vec());
        wrong.push(proof[1..].to_vec());
        wrong.push(proof[..proof.len() - 1].to_vec());
    }
    if proof.len() > 1 {
        wrong.push(proof.iter().rev().copied().collect());
    }
    wrong
}

proptest! {
    #[test]
    fn inclusion_is_proven_and_nothing_else((size, index) in (1..=MOST).prop_flat_map(|n| (Just(n), 0..n)), bit in any::<usize>()) {
        let (root, hash) = (GROWN.root(size), leaf_hash(leaf(index).as_bytes()));
        let proof = inclusion(index, size).unwrap();
        let tiles = proof.tiles();
        let proof = proof.hashes(|node| GROWN.stored.tiles(&tiles).node(node)).unwrap();
        prop_assert!(verify_inclusion(&hash, index, size, &proof, &root));
        prop_assert!(theirs::check_record(&theirs(&proof), size, theirs::Hash(root), index, theirs::Hash(hash)).is_ok());
        prop_assert!(whole_root(root, size).verify_inclusion(&leaf(index), index, &InclusionProof::from_bytes(proof.concat())).is_ok());
        prop_assert_eq!(&proof, &ours(theirs::prove_record(size, index, &GROWN.stored).unwrap()));
        for wrong in spoiled(&proof, bit) {
            prop_assert!(!verify_inclusion(&hash, index, size, &wrong, &root));
        }
        for other in [index ^ 1, index + 1, index / 2, size - 1, 0] {
            prop_assert!(other == index || !verify_inclusion(&hash, other, size, &proof, &root));
        }
        prop_assert!(!verify_inclusion(&root, index, size, &proof, &hash) || size == 1);
        prop_assert!(!verify_inclusion(&hash, index, size, &proof, &GROWN.root(size - 1)));
        prop_assert!(!verify_inclusion(&hash, index, size * 4, &proof, &root));
    }

    #[test]
    fn growth_is_proven_and_nothing_else((new, old) in (1..=MOST).prop_flat_map(|n| (Just(n), 1..=n)), bit in any::<usize>()) {
        let (old_root, new_root) = (GROWN.root(old), GROWN.root(new));
        let proof = consistency(old, new).unwrap();
        let tiles = proof.tiles();
        let proof = proof.hashes(|node| GROWN.stored.tiles(&tiles).node(node)).unwrap();
        prop_assert!(verify_consistency(old, new, &old_root, &new_root, &proof));
        prop_assert!(theirs::check_tree(&theirs(&proof), new, theirs::Hash(new_root), old, theirs::Hash(old_root)).is_ok());
        if old < new {
            let whole = ConsistencyProof::try_from_bytes(proof.concat()).unwrap();
            prop_assert!(whole_root(new_root, new).verify_consistency(&whole_root(old_root, old), &whole).is_ok());
        }
        prop_assert_eq!(&proof, &ours(theirs::prove_tree(new, old, &GROWN.stored).unwrap()));
        for wrong in spoiled(&proof, bit) {
            prop_assert!(!verify_consistency(old, new, &old_root, &new_root, &wrong));
        }
        prop_assert!(!verify_consistency(old, new, &GROWN.root(old - 1), &new_root, &proof));
        prop_assert!(!verify_consistency(old, new, &old_root, &GROWN.root(new - 1), &proof));
        prop_assert!(!verify_consistency(old, new * 4, &old_root, &new_root, &proof));
    }

    /// Of a size that nobody can build.
    #[test]
    fn huge_trees_agree((size, index, old) in (1..HUGE).prop_flat_map(|n| (Just(n), 0..n, 1..=n))) {
        let proof = inclusion(index, size).unwrap().hashes(Invented::node).unwrap();
        prop_assert_eq!(proof, ours(theirs::prove_record(size, index, &Invented).unwrap()));
        let proof = consistency(old, size).unwrap().hashes(Invented::node).unwrap();
        prop_assert_eq!(proof, ours(theirs::prove_tree(size, old, &Invented).unwrap()));
    }

    #[test]
    fn a_proof_asks_for_the_tiles_it_needs((new, old) in (1..=MOST).prop_flat_map(|n| (Just(n), 0..n)), more in 0..=MOST) {
        for proof in [inclusion(old, new).unwrap(), consistency(old, new).unwrap()] {
            let tiles = proof.tiles();
            let made = proof.hashes(|node| GROWN.stored.node(node));
            prop_assert!(made.is_some());
            for without in 0..tiles.len() {
                let rest: Vec<_> = [&tiles[..without], &tiles[without + 1..]].concat();
                let rest = GROWN.stored.tiles(&rest);
                prop_assert_eq!(proof.hashes(|node| rest.node(node)), None, "{} was not needed", tiles[without]);
            }
            // a store keeps the widest only
            let needed = |wide: &TileId| tiles.iter().any(|it| (it.level, it.n) == (wide.level, wide.n));
            let wider = edge(new + more.min(MOST - new)).into_iter().filter(needed);
            let wider: Vec<_> = tiles.iter().copied().filter(|it| it.width == TILE_WIDTH).chain(wider).collect();
            if wider.len() == tiles.len() {
                let wider = GROWN.stored.tiles(&wider);
                prop_assert_eq!(proof.hashes(|node| wider.node(node)), made);
            }
        }
    }

    #[test]
    fn tiles_grow_as_theirs(batches in prop::collection::vec(0u64..700, 1..8)) {
        let (mut size, mut kept) = (0, HashMap::<(u8, u64), Vec<u8>>::new());
        for batch in batches {
            let new = (size + batch).min(MOST);
            let leaves: Vec<_> = (size..new).map(|index| leaf_hash(leaf(index).as_bytes())).collect();
            // of all that is kept only the edge is read, and of that what the tree of this size has
            let wider = |it: TileId| (it.level, it.n, [&kept[&(it.level, it.n)][..], &[7; 32]].concat());
            let read = edge(size).into_iter().map(wider).collect();
            let grown = grow(size, &read, &leaves).unwrap();
            prop_assert!(grow(size, &Tiles::default(), &leaves).is_none() || edge(size).is_empty() || leaves.is_empty() || size % 256 == 0);
            let mut ids: Vec<_> = grown.iter().map(|(tile, _)| *tile).collect();
            ids.sort();
            prop_assert_eq!(&ids, &changed(size, new));
            for (tile, data) in grown {
                prop_assert_eq!(&data, &GROWN.stored.tile(tile), "{}", tile);
                let above = GROWN.stored.node(Node { level: 8 * (tile.level + 1), index: tile.n });
                prop_assert_eq!(tile_root(&data), above.filter(|_| tile.width == TILE_WIDTH));
                kept.insert((tile.level, tile.n), data);
            }
            size = new;
        }
    }

    #[test]
    fn changes_agree(sizes in (0..HUGE, 0..3_000_000u64)) {
        let (old, new) = (sizes.0, sizes.0 + sizes.1);
        let theirs: Vec<_> = theirs::Tile::new_tiles(8, old, new).iter().map(|it| (it.level(), it.level_index(), it.width())).collect();
        let ours: Vec<_> = changed(old, new).iter().map(|it| (it.level, it.n, u32::from(it.width))).collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn paths_agree(level in 0u8..8, n in prop_oneof![0u64..2_000, any::<u64>()], width in 1u16..=256) {
        let tile = TileId { level, n, width };
        prop_assert_eq!(tile.to_string(), their_tile(tile).path().replacen("tile/8/", "tile/", 1));
        prop_assert_eq!(tile.to_string().parse(), Ok(tile));
    }

    #[test]
    fn only_one_spelling_of_a_path_is_read(path in "(tile/)?[0-9x]{1,3}(/x?[0-9]{1,4}){1,4}(\\.p/[0-9]{1,4})?") {
        if let Ok(tile) = path.parse::<TileId>() {
            prop_assert_eq!(tile.to_string(), path);
        }
    }

    #[test]
    fn a_frontier_is_kept_as_bytes(size in 0..=MOST, other in 0..=MOST) {
        let frontier = &GROWN.frontiers[size as usize];
        let bytes = frontier.to_bytes();
        prop_assert_eq!(Frontier::from_bytes(size, &bytes), Some(frontier.clone()));
        prop_assert_eq!(Frontier::from_bytes(other, &bytes).is_some(), other.count_ones() == size.count_ones());
        prop_assert_eq!(Frontier::from_bytes(size, &[&bytes[..], &[0]].concat()), None);
    }

    #[test]
    fn nothing_makes_it_panic(
        (a, b, bits) in (any::<u64>(), any::<u64>(), 0u32..64), proof in prop::collection::vec(any::<Hash>(), 0..70), root in any::<Hash>(),
    ) {
        let a = a >> bits;
        for (a, b) in [(a, b), (b, a), (a, a), (a, u64::MAX), (0, b), (a.saturating_sub(1), a)] {
            prop_assert!(!verify_inclusion(&root, a, b, &proof, &root) || b == 1);
            prop_assert!(!verify_consistency(a, b, &root, &root, &proof) || a == b);
            for proof in [inclusion(a, b), consistency(a, b)].into_iter().flatten() {
                prop_assert!(proof.hashes(Invented::node).is_some());
                prop_assert!(proof.tiles().len() <= 64);
            }
            edge(a);
        }
        Tiles::default().node(Node { level: bits as u8 * 4, index: a });
    }
}

#[test]
fn odd_paths_are_refused() {
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/+0/000",
        "tile/8/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/000/000",
        "tile/0/x001/x000",
        "tile/0/1000",
        "tile/0/+01",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/+1",
        "tile/0/000.p/1.p/1",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0//000",
        "tile/entries/000",
        "tile/data/000",
        "tile/0/0é0",
    ] {
        assert_eq!(path.parse::<TileId>(), Err(()), "{path}");
        let place = path.strip_prefix("tile/0/");
        assert_eq!(place.and_then(|place| TileId::at_place(0, place)), None, "{path}");
    }
    assert_eq!("tile/0/x001/x234/067".parse(), Ok(TileId { level: 0, n: 1_234_067, width: 256 }));
    assert_eq!("tile/1/273.p/112".parse(), Ok(TileId { level: 1, n: 273, width: 112 }));
}

/// The example of the specification.
#[test]
fn seventy_thousand_leaves() {
    let tiles = changed(0, 70_000);
    let widths = |level| tiles.iter().filter(move |it| it.level == level).map(|it| it.width).collect::<Vec<_>>();
    assert_eq!(widths(0), [vec![256; 273], vec![112]].concat());
    assert_eq!((widths(1), widths(2), widths(3)), (vec![256, 17], vec![1], vec![]));
    assert_eq!(changed(255, 256), [TileId { level: 0, n: 0, width: 256 }, TileId { level: 1, n: 0, width: 1 }]);
}
