//! What is not here any more, and where it went: details that were erased, and events that were exported.
use super::log;
use crate::{
    app::App,
    error::Error,
    i18n::Lang,
    ledger::{
        browse::Whole,
        retire,
        subjects::{self, Detail},
    },
    page::{self, Fact, Shell, Visit},
    requests,
};
use askama::Template;
use axum::response::Response;
use sqlx::PgConnection;
use uuid::Uuid;

/// What the page of an event says instead of what was erased.
pub(super) struct Gone {
    pub text: String,
    /// Good, if the ledger says who erased it; bad, if nobody says so.
    pub kind: &'static str,
    /// The event of the erasure.
    pub by: Option<Uuid>,
}

impl Gone {
    pub async fn of(conn: &mut PgConnection, l: Lang, whole: &Whole) -> Result<Option<Self>, Error> {
        if whole.detail != Detail::Gone {
            return Ok(None);
        }
        let e = &whole.event;
        let subject = e.target_type.as_deref().zip(e.target_id.as_deref()).and_then(|(kind, id)| subjects::subject(kind, id));
        let erasures = match subject {
            Some(subject) => subjects::erasures(conn, Some(&subject)).await?,
            None => Vec::new(),
        };
        Ok(Some(match erasures.into_iter().find(|erasure| erasure.event > e.id) {
            Some(erasure) => Self { text: l.ledger_erased(), kind: "info", by: Some(erasure.event) },
            None => Self { text: l.ledger_unopenable(), kind: "error", by: None },
        }))
    }
}

#[derive(Template)]
#[template(path = "ledger/retired.html")]
struct Retired {
    shell: Shell,
    lead: String,
    facts: Vec<Fact>,
    hash: String,
    by: Uuid,
    id: Uuid,
    /// Where the proof is, if there is one.
    proof: Option<String>,
}

/// The page of an event that was exported and dropped, if it ever was in the log.
pub(super) async fn page(app: &App, visit: &Visit, conn: &mut PgConnection, id: Uuid) -> Result<Response, Error> {
    let l = visit.l;
    let gone = retire::find(conn, id).await?.ok_or(Error::NotFound)?;
    let told = |name: &str| page::shown(&gone.facts[name]).unwrap_or_default();
    let proof = log::is_proven(conn, id).await?.then(|| format!("/ledger/{id}/proof"));
    let page = Retired {
        shell: visit.shell(app).await?,
        lead: l.ledger_retired_lead(told("month")),
        facts: vec![
            Fact { label: l.ledger_retired_index(), value: gone.leaf_index.to_string() },
            Fact { label: l.ledger_retired_file(), value: told("file") },
            Fact { label: l.ledger_retired_hash(), value: told("sha256") },
        ],
        hash: requests::hex(&gone.hash),
        by: gone.by,
        id,
        proof,
    };
    page::html(&page)
}
