//! Ways out of a halt. Nothing ends a halt but what people decided about this very one, by `ledger.resume`: what was published comes
//! back from the copy, or the log goes on from what there is, under another name and another key.
use super::{Halt, Log, Stop, Turn, Way, publication::Broken, store, tiles};
use crate::{
    auth::LedgerResume,
    db::Change,
    error::Error,
    i18n::msg,
    ledger::{
        Entry, leaf_hash, note,
        tree::{Frontier, Hash},
    },
    operations::{Operation, Preview, Refusal, Risk, Target},
};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;
use validator::Validate;

/// So many hashes of leaves are read at once.
const HASHES: i64 = 50_000;

impl Log {
    /// Does what was decided about the halt; without a decision it lasts.
    pub(super) async fn resume(&self, mut tx: Transaction<'static, Postgres>, head: store::Head) -> Result<Turn, Stop> {
        let why = head.why().map(|why| why.to_string()).unwrap_or_default();
        let way = match store::way_out(&mut tx).await? {
            None => return Ok(Turn::Halted(why)),
            Some(Way::Epoch(origin)) if origin != self.origin() => return Err(Stop::Name(origin)),
            Some(way) => way,
        };
        let head = mend(&mut tx, head).await?;
        match way {
            Way::Epoch(origin) => store::resume(&mut tx, &origin).await?,
            Way::Replay => self.replay(&mut tx, &head).await?,
        }
        tx.commit().await?;
        tracing::warn!(why, "the ledger goes on, as people decided");
        Ok(Turn::More)
    }

    async fn replay(&self, conn: &mut PgConnection, head: &store::Head) -> Result<(), Stop> {
        match self.compare(conn, head).await {
            // it was the wrong file, or the newer database is back: nothing is missing
            Ok(()) => return Ok(store::resume(conn, &head.origin).await?),
            Err(Stop::Halt(_)) => {}
            Err(other) => return Err(other),
        }
        let (copy, keys, origin, from) = (self.copy.clone(), self.keys.clone(), head.origin.clone(), head.size as u64);
        let found = tokio::task::spawn_blocking(move || {
            let Some((note, published)) = copy.newest_note(&origin, &keys)?.filter(|(_, said)| said.size > from) else {
                return Ok(None);
            };
            Ok::<_, Broken>(copy.leaves(from, published.size)?.map(|leaves| (note, published, leaves)))
        });
        let found = found.await.map_err(Halt::broken)?;
        let again = |what: &str| Stop::Again(format!("{what}; what was halted stays so"));
        let Some((signed, published, leaves)) = found.map_err(Stop::Copy)? else {
            return Err(again("the copy has not all of the leaves that are missing"));
        };
        let mut frontier = Frontier::from_bytes(from, &head.frontier).ok_or_else(|| again("the head’s frontier is broken"))?;
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        hashes.iter().for_each(|hash| frontier.push(*hash));
        if frontier.root() != published.root {
            return Err(again("with the copy’s leaves the tree has another root than was published"));
        }
        store::replay(conn, &leaves).await?;
        let batch = leaves.into_iter().map(waiting).collect::<Result<Vec<_>, _>>().map_err(|error| again(&error.to_string()))?;
        store::append(conn, head.size, &batch, &hashes).await?;
        tiles::grow(conn, from, &hashes).await?;
        let size = published.size as i64;
        store::advance(conn, head.size, size, &frontier.to_bytes(), &published.root).await?;
        store::sign(conn, size, &published.root, &signed).await?;
        store::published(conn, size).await?;
        Ok(store::resume(conn, &head.origin).await?)
    }
}

/// The head with a frontier that fits its root: a broken one is made again from the hashes of all leaves.
async fn mend(conn: &mut PgConnection, mut head: store::Head) -> Result<store::Head, Stop> {
    if Frontier::from_bytes(head.size as u64, &head.frontier).is_some_and(|frontier| frontier.root()[..] == head.root) {
        return Ok(head);
    }
    let mut frontier = Frontier::default();
    while (frontier.size() as i64) < head.size {
        let bunch = store::hashes(conn, frontier.size() as i64, head.size, HASHES).await?;
        if bunch.is_empty() {
            break;
        }
        for hash in bunch {
            frontier.push(hash.try_into().map_err(|_| Halt::broken("the hash of a leaf is none"))?);
        }
    }
    if frontier.root()[..] != head.root {
        return Err(Stop::Again("the leaves have another root than the head; what was halted stays so".into()));
    }
    head.frontier = frontier.to_bytes();
    store::advance(conn, head.size, head.size, &head.frontier, &frontier.root()).await?;
    Ok(head)
}

/// Event and time of a leaf.
fn waiting(leaf: Vec<u8>) -> anyhow::Result<store::Waiting> {
    #[derive(Deserialize)]
    struct Said {
        id: Uuid,
        at: chrono::DateTime<chrono::Utc>,
    }
    let Said { id, at } = serde_json::from_slice(&leaf)?;
    Ok(store::Waiting { event_id: id, recorded_at: at, leaf })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    Replay,
    Epoch,
}

/// `ledger.resume`: the halted log goes on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Resume {
    pub way: Choice,
    /// The log's name from then on; only for a new epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub origin: Option<String>,
}

#[async_trait]
impl Operation for Resume {
    const NAME: &'static str = "ledger.resume";
    const RISK: Risk = Risk::Critical;
    const WHILE_HALTED: bool = true;
    type Asks = LedgerResume;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(store::lock_decisions(change).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        let head = store::head(conn).await?;
        let Some((why, head)) = head.and_then(|head| Some((head.why()?.to_string(), head))) else {
            return Err(Refusal::field("way", msg::ledger_not_halted()));
        };
        let origin = match (self.way, self.origin.as_deref().map(str::trim).filter(|name| !name.is_empty())) {
            (Choice::Replay, None) => head.origin.clone(),
            (Choice::Replay, Some(_)) => return Err(Refusal::field("origin", msg::ledger_replay_keeps_name())),
            (Choice::Epoch, Some(name)) if name != head.origin && note::is_name(name) => name.to_owned(),
            (Choice::Epoch, _) => return Err(Refusal::field("origin", msg::ledger_epoch_needs_name(format!("{}/2", head.origin)))),
        };
        let target = Target { kind: "ledger", id: "ledger".into(), label: head.origin.clone() };
        let state = |halted: &str, origin: &str, way: Option<Choice>| {
            Map::from_iter([
                ("halted".into(), json!(halted)),
                ("origin".into(), json!(origin)),
                ("leaves".into(), json!(head.size)),
                ("way".into(), json!(way)),
            ])
        };
        Ok(Preview { target, before: state(&why, &head.origin, None), after: state("", &origin, Some(self.way)) })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let (head, request) = (store::head(change).await?, change.request());
        let (Some(head), Some(request)) = (head, request) else { return Err(Error::Internal(anyhow::anyhow!("nothing is halted")).into()) };
        let way = match self.way {
            Choice::Replay => Way::Replay,
            Choice::Epoch => Way::Epoch(preview.after["origin"].as_str().unwrap_or_default().to_owned()),
        };
        store::decide(change, request, &way, &head).await?;
        let newest = store::checkpoint(change, 1).await?;
        // how far the leaves come back, whose details are lost for good
        let outside = match (self.way, head.why()) {
            (Choice::Replay, Some(Halt::Older { published, .. })) => Some(published),
            _ => None,
        };
        let entry = Entry::of("ledger.resumed")
            .on("ledger", "ledger")
            .with("way", json!(self.way))
            .with("leaves", head.size)
            .with("published", head.published_size)
            .with("checkpoint", newest.map_or(Value::Null, Value::String));
        let entry = match outside {
            Some(published) => entry.with("outside", published),
            None => entry,
        };
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }
}
