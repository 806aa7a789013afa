//! The tree's hashes as they are stored: rows of 256, how they grow with the leaves, and what can be told from them.
use super::{Halt, Stop, store};
use crate::ledger::tree::{self, Frontier, Hash, Node, Proof, TileId, Tiles};
use sqlx::PgConnection;
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
};

/// Adds leaves behind the first `size`, and what becomes full above them.
pub(super) async fn grow(conn: &mut PgConnection, size: u64, leaves: &[Hash]) -> Result<(), Stop> {
    let edge = read(conn, &tree::edge(size)).await?;
    let grown = tree::grow(size, &edge, leaves).ok_or_else(|| Halt::broken("tiles of the tree are missing"))?;
    let rows: Vec<_> = grown.into_iter().map(|(tile, hashes)| ((i16::from(tile.level), tile.n as i64), hashes)).collect();
    Ok(store::save_tiles(conn, &rows).await?)
}

/// The root of the first `size` leaves; nothing if tiles are missing.
pub async fn root_at(conn: &mut PgConnection, size: u64) -> sqlx::Result<Option<Hash>> {
    if size == 0 {
        return Ok(Some(Frontier::default().root()));
    }
    Ok(prove(conn, &tree::root(size)).await?.and_then(|mut hashes| hashes.pop()))
}

/// The hashes of a proof; nothing if tiles are missing.
pub async fn prove(conn: &mut PgConnection, proof: &Proof) -> sqlx::Result<Option<Vec<Hash>>> {
    let tiles = read(conn, &proof.tiles()).await?;
    Ok(proof.hashes(|node| tiles.node(node)))
}

/// The ways from many leaves up to the root of the first `size`, in their order; nothing if tiles are missing or a leaf is not below.
pub async fn prove_each(conn: &mut PgConnection, leaves: &[i64], size: u64) -> sqlx::Result<Option<Vec<Vec<Hash>>>> {
    let proofs: Option<Vec<_>> = leaves.iter().map(|leaf| tree::inclusion(*leaf as u64, size)).collect();
    let Some(proofs) = proofs else { return Ok(None) };
    let wanted: BTreeSet<TileId> = proofs.iter().flat_map(Proof::tiles).collect();
    let tiles = read(conn, &wanted.into_iter().collect::<Vec<_>>()).await?;
    // neighbours have most of their way in common
    let known = RefCell::new(HashMap::new());
    let node = |node: Node| {
        let found = known.borrow().get(&node).copied().or_else(|| tiles.node(node))?;
        known.borrow_mut().insert(node, found);
        Some(found)
    };
    Ok(proofs.iter().map(|proof| proof.hashes(node)).collect())
}

/// The hashes of one tile, as far as it is filled.
pub(super) async fn row(conn: &mut PgConnection, tile: TileId) -> sqlx::Result<Option<Vec<u8>>> {
    Ok(rows(conn, &[(i16::from(tile.level), tile.n as i64)]).await?.pop().map(|(_, hashes)| hashes))
}

/// The same of many, by level and place.
pub(super) async fn rows(conn: &mut PgConnection, wanted: &[(i16, i64)]) -> sqlx::Result<Vec<((i16, i64), Vec<u8>)>> {
    store::tiles(conn, wanted).await
}

async fn read(conn: &mut PgConnection, wanted: &[TileId]) -> sqlx::Result<Tiles> {
    let wanted: Vec<_> = wanted.iter().map(|tile| (i16::from(tile.level), tile.n as i64)).collect();
    let rows = store::tiles(conn, &wanted).await?;
    Ok(rows.into_iter().map(|((level, n), hashes)| (level as u8, n as u64, hashes)).collect())
}
