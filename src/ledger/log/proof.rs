//! What proves an event to anybody, and what others need to check the whole log.
use super::{
    Halt, store,
    tiles::{prove, row},
};
use crate::{
    error::Error,
    ledger::{
        leaf_hash,
        note::{Checkpoint, LogProof, VerifyingKey},
        tree::{self, Hash, TileId},
    },
};
use sqlx::PgConnection;
use uuid::Uuid;

/// How an event stands in the log.
pub enum Standing {
    /// A checkpoint that was published covers it.
    Proven(LogProof),
    /// The next checkpoint will.
    Waits,
    /// No checkpoint will until somebody has looked; this is why.
    Halted(Halt),
}

/// The proof of an event, under the newest checkpoint that was published.
pub async fn of(conn: &mut PgConnection, event: Uuid) -> Result<Standing, Error> {
    let (index, halted) = match (store::leaf_index(conn, event).await?, store::head(conn).await?.and_then(|head| head.why())) {
        (Some(index), _) => (index as u64, None),
        (None, Some(why)) => return Ok(Standing::Halted(why)),
        (None, None) => return Ok(Standing::Waits),
    };
    let Some(checkpoint) = store::newest_published(conn).await? else { return Ok(halted.map_or(Standing::Waits, Standing::Halted)) };
    let size = checkpoint.size as u64;
    let Some(proof) = tree::inclusion(index, size) else { return Ok(Standing::Waits) };
    let path = prove(conn, &proof).await?.ok_or_else(|| anyhow::anyhow!("tiles of the log are missing"))?;
    Ok(Standing::Proven(LogProof { index, path, checkpoint: checkpoint.note }))
}

/// Each step of a proof, as somebody who checks it by hand would take it.
pub struct Steps {
    pub leaf: Hash,
    pub index: u64,
    pub size: u64,
    pub path: Vec<Hash>,
    pub root: Hash,
    pub origin: String,
    /// Why it is not to be believed, if it is not.
    pub fault: Option<String>,
}

/// Takes the steps of a proof.
pub fn steps(proof: &LogProof, leaf: &[u8], keys: &[VerifyingKey]) -> Option<Steps> {
    let said: Checkpoint = proof.checkpoint.split_once("\n\n").and_then(|(text, _)| format!("{text}\n").parse().ok())?;
    let fault = proof.verify(leaf, keys).err().map(|error| error.to_string());
    let Checkpoint { origin, size, root } = said;
    Some(Steps { leaf: leaf_hash(leaf), index: proof.index, size, path: proof.path.clone(), root, origin, fault })
}

/// The newest checkpoint that was published, as it was signed.
pub async fn newest(conn: &mut PgConnection) -> sqlx::Result<Option<String>> {
    Ok(store::newest_published(conn).await?.map(|signed| signed.note))
}

/// The bytes of a tile as C2SP's tlog-tiles serves it; nothing if it is not, or not that wide.
pub async fn tile(conn: &mut PgConnection, tile: TileId) -> sqlx::Result<Option<Vec<u8>>> {
    let hashes = row(conn, tile).await?;
    Ok(hashes.and_then(|hashes| hashes.get(..usize::from(tile.width) * 32).map(<[u8]>::to_vec)))
}

/// The leaves of a tile of level 0, each behind its length in two bytes.
pub async fn entries(conn: &mut PgConnection, n: u64, width: u16) -> sqlx::Result<Option<Vec<u8>>> {
    let from = n as i64 * i64::from(tree::TILE_WIDTH);
    let leaves = store::leaves(conn, from, from + i64::from(width)).await?;
    let bundle = leaves.iter().flat_map(|leaf| (leaf.len() as u16).to_be_bytes().into_iter().chain(leaf.iter().copied()));
    Ok((leaves.len() == usize::from(width)).then(|| bundle.collect()))
}
