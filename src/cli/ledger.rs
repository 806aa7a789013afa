//! `countersign ledger`: the ledger and its proofs as files, through a server, and checking such files without one.
use super::{End, client::Client, client::problem, server::print_log};
use crate::ledger::{export::verify as offline, note::VerifyingKey};
use anyhow::{Context, bail, ensure};
use clap::Args;
use futures::StreamExt;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    fs::File,
    io::{AsyncWrite, AsyncWriteExt},
};

/// So many streams without a single event in a row, and it is given up.
const TRIES: u32 = 5;

#[derive(Args)]
pub(super) struct Export {
    /// What to export, as on the page: `actor:kim -outcome:success since:7d "refunded twice"`. Without it, everything.
    line: Option<String>,
    #[arg(long, default_value = "ndjson", value_parser = ["ndjson", "csv", "ocsf"])]
    format: String,
    #[arg(long)]
    actor: Option<String>,
    #[arg(long)]
    action: Option<String>,
    #[arg(long)]
    target: Option<String>,
    #[arg(long)]
    request: Option<String>,
    #[arg(long)]
    outcome: Option<String>,
    #[arg(long)]
    since: Option<String>,
    #[arg(long)]
    until: Option<String>,
    /// Words of reason, before and after.
    #[arg(long)]
    text: Option<String>,
    /// With reasons, before and after; needs the scope ledger:export.
    #[arg(long)]
    openings: bool,
    /// With a filter, as NDJSON: with the proof of each event. Such an export is not gone on with when it breaks off.
    #[arg(long)]
    proofs: bool,
    /// In the order of the log, from this index on: `next` of the export before.
    #[arg(long)]
    from: Option<u32>,
    /// Into this file instead of standard output.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Export {
    fn query(&self, after: Option<&str>) -> anyhow::Result<String> {
        let fields = [
            ("actor", &self.actor),
            ("action", &self.action),
            ("target", &self.target),
            ("request", &self.request),
            ("outcome", &self.outcome),
            ("since", &self.since),
            ("until", &self.until),
            ("q", &self.text),
            ("line", &self.line),
        ];
        let given: Vec<(&str, &str)> = fields.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        if self.line.is_some() && given.len() > 1 {
            bail!("give the filter as a line or as options, not as both");
        }
        let yes = |asked: bool| if asked { "yes" } else { "" };
        let from = self.from.map(|from| from.to_string()).unwrap_or_default();
        let more = [
            ("format", self.format.as_str()),
            ("openings", yes(self.openings)),
            ("proofs", yes(self.proofs)),
            ("from", &from),
            ("after", after.unwrap_or_default()),
        ];
        Ok(crate::page::query(&[given.as_slice(), &more].concat()))
    }

    /// The place of an event that went with its month, if the line is one.
    fn retired(&self, line: &[u8]) -> Option<u64> {
        let line: Value = serde_json::from_slice(line).ok().filter(|_| self.format == "ndjson")?;
        line["retired"].as_str().and(line["index"].as_u64())
    }

    /// The id of the event that a whole line is about.
    fn id_of(&self, line: &[u8]) -> Option<String> {
        let id = match self.format.as_str() {
            "csv" => String::from_utf8_lossy(line.get(..36)?).into_owned(),
            format => {
                let event: Value = serde_json::from_slice(line).ok()?;
                let id = if format == "ocsf" { &event["metadata"]["uid"] } else { &event["event"]["id"] };
                id.as_str()?.to_owned()
            }
        };
        id.parse::<uuid::Uuid>().ok().map(|_| id)
    }
}

pub(super) async fn export(export: Export) -> anyhow::Result<End> {
    if let Err(error) = export.query(None) {
        eprintln!("countersign: {error:#}");
        return Ok(End::Usage);
    }
    let client = Client::from_env()?;
    match &export.out {
        Some(path) => {
            let mut file = File::create(path).await.with_context(|| format!("cannot write {}", path.display()))?;
            run(&client, &export, &mut file).await
        }
        None => run(&client, &export, &mut tokio::io::stdout()).await,
    }
}

/// How a stream ended.
enum Ended {
    Whole,
    Broken,
    Refused(End),
}

/// What there is so far.
#[derive(Default)]
struct So {
    /// The last event whose line is written in whole.
    last: Option<String>,
    events: u64,
    /// The last place of an event that went with its month.
    retired: Option<u64>,
    /// Whether the head of CSV is there.
    headed: bool,
    /// A record of CSV whose quotes are still open.
    open: Vec<u8>,
}

async fn run(client: &Client, export: &Export, out: &mut (impl AsyncWrite + Unpin)) -> anyhow::Result<End> {
    let (mut so, mut tries) = (So::default(), 0);
    loop {
        let before = so.events;
        match stream(client, export, out, &mut so).await? {
            Ended::Whole => {
                out.flush().await?;
                eprintln!("{} events", so.events);
                return Ok(End::Done);
            }
            Ended::Refused(end) => return Ok(end),
            // the proofs of another stream would lead to another checkpoint
            Ended::Broken if export.proofs && so.events > 0 => bail!("the export broke off after {} events; begin again", so.events),
            Ended::Broken => {
                tries = if so.events > before { 1 } else { tries + 1 };
                if tries > TRIES {
                    bail!("the export broke off after {} events", so.events);
                }
                eprintln!("the export broke off after {} events; going on", so.events);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn stream(client: &Client, export: &Export, out: &mut (impl AsyncWrite + Unpin), so: &mut So) -> anyhow::Result<Ended> {
    let Ok(response) = client.send(&format!("/api/ledger/export{}", export.query(so.last.as_deref())?)).await else {
        return Ok(Ended::Broken);
    };
    let status = response.status();
    if status.as_u16() == 503 {
        return Ok(Ended::Broken);
    }
    if !status.is_success() {
        let body = response.text().await.unwrap_or_default();
        let body = serde_json::from_str(&body).unwrap_or_else(|_| json!({"title": body}));
        return problem(status, &body).map(Ended::Refused);
    }
    so.open.clear();
    let (mut chunks, mut rest) = (response.bytes_stream(), Vec::new());
    while let Some(chunk) = chunks.next().await {
        let Ok(chunk) = chunk else { return Ok(Ended::Broken) };
        rest.extend_from_slice(&chunk);
        // only whole lines are written: what is cut off comes again
        let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = rest.drain(..whole).collect();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if take(export, out, so, line).await? {
                return Ok(Ended::Whole);
            }
        }
    }
    // NDJSON says itself when it is complete; the others end with their stream
    let whole = rest.is_empty() && so.open.is_empty() && export.format != "ndjson";
    Ok(if whole { Ended::Whole } else { Ended::Broken })
}

/// Writes one line; `true` when it was the marker that there are no more.
async fn take(export: &Export, out: &mut (impl AsyncWrite + Unpin), so: &mut So, line: &[u8]) -> anyhow::Result<bool> {
    if export.format == "ndjson" && line.starts_with(b"{\"complete\"") {
        // the number is that of all streams together
        let rest = line.windows(7).position(|part| part == b",\"next\"").map_or(&line[..0], |at| &line[at..]);
        out.write_all(format!("{{\"complete\":true,\"events\":{}", so.events).as_bytes()).await?;
        out.write_all(rest).await?;
        return Ok(true);
    }
    so.open.extend_from_slice(line);
    if export.format == "csv" && so.open.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
        return Ok(false);
    }
    if let Some(place) = export.retired(&so.open) {
        // a stream that is gone on with repeats those after the last event
        if so.retired.replace(place).is_some_and(|last| last >= place) {
            so.retired = so.retired.max(Some(place));
            so.open.clear();
            return Ok(false);
        }
    } else if let Some(id) = export.id_of(&so.open) {
        (so.last, so.events) = (Some(id), so.events + 1);
    } else if std::mem::replace(&mut so.headed, true) {
        // the head comes with every stream that begins at the beginning
        so.open.clear();
    }
    out.write_all(&so.open).await?;
    so.open.clear();
    Ok(false)
}

/// Checks an export, with nothing but the keys.
pub(super) fn verify(from: &Path, keys: &[String], copy: Option<PathBuf>, json: bool) -> anyhow::Result<End> {
    let keys: Vec<_> =
        keys.iter().map(|key| VerifyingKey::parse(key).with_context(|| format!("--key {key:?}"))).collect::<Result<_, _>>()?;
    ensure!(!keys.is_empty(), "no key to check signatures with: give --key, and get it from somebody other than the portal");
    let report = offline::verify(from, &keys, copy.as_deref())?;
    let whole = report.faults.is_empty();
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_log(&report);
    }
    Ok(if whole { End::Done } else { End::Failed })
}

/// Writes both files that prove an event.
pub(super) async fn prove(event: uuid::Uuid, out: &Path) -> anyhow::Result<End> {
    let client = Client::from_env()?;
    for (path, ending) in [("proof", "tlog-proof"), ("leaf", "leaf")] {
        let bytes = match fetch(&client, &format!("/ledger/{event}/{path}")).await? {
            Ok(bytes) => bytes,
            Err(end) => return Ok(end),
        };
        let file = out.join(format!("{event}.{ending}"));
        tokio::fs::write(&file, bytes).await.with_context(|| format!("cannot write {}", file.display()))?;
        println!("{}", file.display());
    }
    Ok(End::Done)
}

/// What is at a path; or it was said why not.
async fn fetch(client: &Client, path: &str) -> anyhow::Result<Result<Vec<u8>, End>> {
    let response = client.send(path).await.context("the server cannot be reached")?;
    let status = response.status();
    let bytes = response.bytes().await?;
    if status.is_success() {
        return Ok(Ok(bytes.to_vec()));
    }
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!({"title": String::from_utf8_lossy(&bytes)}));
    problem(status, &body).map(Err)
}

pub(super) async fn checkpoint() -> anyhow::Result<End> {
    Ok(match fetch(&Client::from_env()?, "/ledger/checkpoint").await? {
        Ok(note) => {
            print!("{}", String::from_utf8_lossy(&note));
            End::Done
        }
        Err(end) => end,
    })
}
