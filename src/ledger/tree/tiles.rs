//! The tree in tiles of 256 hashes (C2SP tlog-tiles): what is stored, served and never changes once it is full.
//! A tile of level 0 holds the hashes of leaves, one of level n + 1 the roots of full tiles of level n.
use super::{Hash, Node, hashes, node_hash};
use std::{collections::HashMap, fmt, str::FromStr};

/// Hashes in a full tile.
pub const TILE_WIDTH: u16 = 1 << HEIGHT;
const HEIGHT: u8 = 8;
/// More levels would hold more leaves than a `u64` counts.
const LEVELS: u8 = 8;

/// A tile, with as many hashes as it has in a tree of some size. Its text is its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    pub level: u8,
    pub n: u64,
    pub width: u16,
}

impl TileId {
    /// The tile that tells the hash of this node, in a tree of this size.
    pub(super) fn of(node: Node, size: u64) -> Option<Self> {
        Self::at(node.level / HEIGHT, node.index >> (HEIGHT - node.level % HEIGHT), size)
    }

    fn at(level: u8, n: u64, size: u64) -> Option<Self> {
        let before = n.checked_mul(TILE_WIDTH.into())?;
        let width = across(size, level).checked_sub(before)?.min(TILE_WIDTH.into()) as u16;
        (width > 0).then_some(Self { level, n, width })
    }

    /// `x001/234.p/5`: where it is within its level. Bundles of entries are found the same way.
    pub fn place(&self) -> String {
        let (mut place, mut rest) = (format!("{:03}", self.n % 1000), self.n / 1000);
        while rest > 0 {
            place = format!("x{:03}/{place}", rest % 1000);
            rest /= 1000;
        }
        if self.width < TILE_WIDTH { format!("{place}.p/{}", self.width) } else { place }
    }

    /// The tile at this place, if that is how the place is spelled.
    pub fn at_place(level: u8, place: &str) -> Option<Self> {
        let (path, width) = place.split_once(".p/").map_or((place, Some(TILE_WIDTH)), |(path, width)| (path, width.parse().ok()));
        let n = path.split('/').try_fold(0u64, |n, part| {
            let digits: u64 = part.strip_prefix('x').unwrap_or(part).parse().ok()?;
            n.checked_mul(1000)?.checked_add(digits)
        });
        let tile = Self { level, n: n?, width: width? };
        ((1..=TILE_WIDTH).contains(&tile.width) && level < LEVELS && tile.place() == place).then_some(tile)
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/{}", self.level, self.place())
    }
}

impl FromStr for TileId {
    type Err = ();

    fn from_str(path: &str) -> Result<Self, ()> {
        let (level, place) = path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(())?;
        let tile = level.parse().ok().and_then(|level| Self::at_place(level, place)).ok_or(())?;
        if tile.to_string() == path { Ok(tile) } else { Err(()) }
    }
}

/// Hashes of this level of tiles in a tree of this size.
fn across(size: u64, level: u8) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(HEIGHT)).unwrap_or(0)
}

/// The tiles of a tree that may still grow: what [`grow`] asks for.
pub fn edge(size: u64) -> Vec<TileId> {
    (0..LEVELS).filter_map(|level| TileId::at(level, across(size, level) / u64::from(TILE_WIDTH), size)).collect()
}

/// The tiles that are new or wider when a tree grows from `old` to `new` leaves.
pub fn changed(old: u64, new: u64) -> Vec<TileId> {
    let tiles = (0..LEVELS).flat_map(|level| {
        let (from, to) = (across(old, level), across(new, level));
        let last = to.div_ceil(TILE_WIDTH.into());
        (if from < to { from / u64::from(TILE_WIDTH)..last } else { 0..0 }).filter_map(move |n| TileId::at(level, n, new))
    });
    tiles.collect()
}

/// The [`changed`] tiles when these leaves come to a tree of `old`. Nothing, if `tiles` lacks what is at its [`edge`].
pub fn grow(old: u64, tiles: &Tiles, leaves: &[Hash]) -> Option<Vec<(TileId, Vec<u8>)>> {
    let (mut grown, mut added, mut level) = (Vec::new(), leaves.to_vec(), 0);
    while !added.is_empty() {
        let first = across(old, level) / u64::from(TILE_WIDTH);
        let mut row = match TileId::at(level, first, old) {
            Some(edge) => tiles.hashes(level, first)?.get(..usize::from(edge.width))?.to_vec(),
            None => Vec::new(),
        };
        row.append(&mut added);
        for (n, tile) in (first..).zip(row.chunks(TILE_WIDTH.into())) {
            let tile_id = TileId { level, n, width: tile.len() as u16 };
            if tile_id.width == TILE_WIDTH {
                added.push(subtree(tile)?);
            }
            grown.push((tile_id, tile.concat()));
        }
        level += 1;
    }
    Some(grown)
}

/// The hash that a full tile has in the level above.
pub fn tile_root(data: &[u8]) -> Option<Hash> {
    hashes(data).filter(|tile| tile.len() == usize::from(TILE_WIDTH)).and_then(subtree)
}

/// The root over a power of two of hashes.
fn subtree(row: &[Hash]) -> Option<Hash> {
    let mut row = row.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.pop()
}

/// Tiles that were read, by level and number: they answer for the nodes within them.
#[derive(Clone, Debug, Default)]
pub struct Tiles(HashMap<(u8, u64), Vec<u8>>);

impl Tiles {
    pub fn node(&self, node: Node) -> Option<Hash> {
        let height = node.level % HEIGHT;
        let (tile, within) = (node.index >> (HEIGHT - height), node.index & ((1 << (HEIGHT - height)) - 1));
        let row = self.hashes(node.level / HEIGHT, tile)?;
        let from = (within as usize) << height;
        subtree(row.get(from..from + (1 << height))?)
    }

    fn hashes(&self, level: u8, n: u64) -> Option<&[Hash]> {
        hashes(self.0.get(&(level, n))?)
    }
}

impl FromIterator<(u8, u64, Vec<u8>)> for Tiles {
    fn from_iter<I: IntoIterator<Item = (u8, u64, Vec<u8>)>>(tiles: I) -> Self {
        Self(tiles.into_iter().map(|(level, n, data)| ((level, n), data)).collect())
    }
}
