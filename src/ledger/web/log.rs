//! The log for those who check it: checkpoint, tiles and proofs as C2SP defines them, and what the pages say about it.
use crate::{
    app::App,
    error::Error,
    i18n::Lang,
    ledger::{
        browse,
        log::{self, proof},
        note::VerifyingKey,
        tree::TileId,
    },
    operations::form::grouped,
    page::When,
    requests::hex,
};
use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use sqlx::PgConnection;
use uuid::Uuid;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The newest checkpoint, as it was signed.
pub(super) async fn checkpoint(State(app): State<App>) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let note = proof::newest(&mut conn).await?.ok_or(Error::NotFound)?;
    Ok(([(header::CONTENT_TYPE, TEXT)], note).into_response())
}

/// `tile/0/x001/234`, `tile/1/000.p/7`, and `tile/entries/000` for the leaves themselves.
pub(super) async fn tile(State(app): State<App>, Path(path): Path<String>) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let found = match path.strip_prefix("entries/") {
        Some(place) => {
            let tile = TileId::at_place(0, place).ok_or(Error::NotFound)?;
            proof::entries(&mut conn, tile.n, tile.width).await?
        }
        None => proof::tile(&mut conn, format!("tile/{path}").parse().map_err(|()| Error::NotFound)?).await?,
    };
    Ok(([(header::CONTENT_TYPE, BYTES)], found.ok_or(Error::NotFound)?).into_response())
}

/// The proof of an event as a file.
pub(super) async fn prove(State(app): State<App>, Path(event): Path<String>) -> Result<Response, Error> {
    let event: Uuid = event.parse().map_err(|_| Error::NotFound)?;
    let mut conn = app.db.read().await?;
    match proof::of(&mut conn, event).await? {
        proof::Standing::Proven(found) => {
            let name = HeaderValue::from_str(&format!("attachment; filename=\"{event}.tlog-proof\"")).map_err(anyhow::Error::from)?;
            Ok(([(header::CONTENT_TYPE, TEXT), (header::CONTENT_DISPOSITION, name)], found.to_string()).into_response())
        }
        _ => Err(Error::NotFound),
    }
}

/// Whether a published checkpoint covers an event.
pub(super) async fn is_proven(conn: &mut PgConnection, event: Uuid) -> Result<bool, Error> {
    Ok(matches!(proof::of(conn, event).await?, proof::Standing::Proven(_)))
}

/// The exact bytes that a proof is about.
pub(super) async fn leaf(State(app): State<App>, Path(event): Path<String>) -> Result<Response, Error> {
    let event: Uuid = event.parse().map_err(|_| Error::NotFound)?;
    let whole = browse::find(&mut *app.db.read().await?, event).await?.ok_or(Error::NotFound)?;
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{event}.leaf\"")).map_err(anyhow::Error::from)?;
    Ok(([(header::CONTENT_TYPE, BYTES), (header::CONTENT_DISPOSITION, name)], whole.leaf).into_response())
}

/// What the page of an event says about its proof.
pub(super) enum Sealed {
    Proven(Proven),
    /// Why there is no proof yet, and whether that is bad.
    Not {
        kind: String,
        text: String,
    },
}

pub(super) struct Proven {
    pub verdict: String,
    pub kind: String,
    /// Each step in words, with the hash that comes of it.
    pub steps: Vec<(String, String)>,
    pub path: Vec<String>,
    /// How it is checked without us: the log's public keys, and what to type.
    pub keys: Vec<String>,
    pub command: String,
}

impl Sealed {
    pub async fn of(app: &App, conn: &mut PgConnection, l: Lang, event: Uuid, leaf: &[u8]) -> Result<Self, Error> {
        let found = match proof::of(conn, event).await? {
            proof::Standing::Proven(found) => found,
            proof::Standing::Waits => return Ok(Self::Not { kind: "info".into(), text: l.ledger_unsealed() }),
            proof::Standing::Halted(why) => return Ok(Self::Not { kind: "error".into(), text: l.ledger_halted(why.text(l)) }),
        };
        let keys: &[VerifyingKey] = app.log.as_ref().map_or(&[], |log| log.keys());
        let steps = proof::steps(&found, leaf, keys).ok_or_else(|| anyhow::anyhow!("a checkpoint cannot be read"))?;
        let (kind, verdict) = match &steps.fault {
            None => ("success", l.ledger_proven()),
            Some(fault) => ("error", l.ledger_not_proven(fault)),
        };
        Ok(Self::Proven(Proven {
            verdict,
            kind: kind.into(),
            keys: public_keys(app),
            command: verifying(app, &format!("proof {event}.tlog-proof {event}.leaf")),
            path: steps.path.iter().map(|hash| hex(hash)).collect(),
            steps: vec![
                (l.ledger_step_leaf(), hex(&steps.leaf)),
                (l.ledger_step_root(steps.path.len(), steps.index, steps.size), hex(&steps.root)),
                (l.ledger_step_signed(), steps.origin),
            ],
        }))
    }
}

/// The keys whose signatures count, as verifiers take them.
pub(super) fn public_keys(app: &App) -> Vec<String> {
    app.log.as_ref().map_or(&[][..], |log| log.keys()).iter().map(VerifyingKey::to_string).collect()
}

/// What to type to check something with `static/verify.py`.
pub(super) fn verifying(app: &App, what: &str) -> String {
    let keys = public_keys(app).iter().map(|key| format!(" --key '{key}'")).collect::<String>();
    format!("python3 verify.py {what}{}", if keys.is_empty() { " --key KEY" } else { &keys })
}

/// What the ledger's page says about the whole log.
pub(super) struct Status {
    pub kind: &'static str,
    pub text: String,
}

impl Status {
    /// The alarm: events that have waited longer for a checkpoint, in seconds.
    const LATE: f64 = 5.0;

    pub fn is_halted(&self) -> bool {
        self.kind == "error"
    }

    pub async fn of(conn: &mut PgConnection, l: Lang) -> Result<Self, Error> {
        let Some(head) = log::head(conn).await? else { return Ok(Self { kind: "warning", text: l.ledger_never_signed() }) };
        if let Some(why) = head.why() {
            return Ok(Self { kind: "error", text: l.ledger_halted(why.text(l)) });
        }
        let (pending, oldest) = log::lag(conn).await?;
        let Some(at) = head.published_at else { return Ok(Self { kind: "warning", text: l.ledger_never_signed() }) };
        let at = When::new(l, at).absolute;
        Ok(if oldest > Self::LATE {
            Self { kind: "warning", text: l.ledger_late(pending, oldest.round() as i64) }
        } else {
            Self { kind: "info", text: l.ledger_signed(at, grouped(head.published_size)) }
        })
    }
}
