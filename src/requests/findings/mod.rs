//! Unknown outcomes: nobody guesses. The other system is read, or people go and look; two of them who agree, neither the
//! requester, settle it, and what they found is written down.
mod store;

pub use store::all;

use super::{Request, State, execution::outside, store as requests};
use crate::{
    app::App,
    auth::{Operator, RequestsDecide},
    crash,
    error::{self, Error, Problem},
    i18n::msg,
    ledger::{Entry, Outcome},
};
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

/// How many people have to agree.
pub const AGREEING: usize = 2;

/// What somebody found out.
#[derive(Clone, Debug)]
pub struct Finding {
    pub operator_id: Uuid,
    /// Who is behind the account.
    pub human: Uuid,
    pub operator: String,
    /// `succeeded`, `failed` or `partial`.
    pub verdict: String,
    pub evidence: String,
    pub door: String,
    pub at: DateTime<Utc>,
    /// Whether the finder is still enabled and may still decide.
    pub stands: bool,
}

/// A finding as it comes in through a door.
#[derive(Clone, Debug)]
pub struct Report {
    pub verdict: State,
    pub evidence: String,
}

impl Report {
    /// The verdicts there are.
    pub const VERDICTS: [State; 3] = [State::Succeeded, State::Failed, State::Partial];
}

/// Records a finding; answers the state it settled, or `Unknown` while it waits for a second.
pub async fn report(app: &App, finder: &Operator<RequestsDecide>, id: i64, report: &Report) -> Result<State, Error> {
    let result = report_in(app, finder, id, report).await;
    if let Err(Error::NotPermitted(text)) = &result {
        let entry = Entry::of("access.denied").outcome(Outcome::Denied).request(id).with("why", text.id());
        app.db.record(finder.caller().into(), entry).await?;
    }
    result
}

async fn report_in(app: &App, finder: &Operator<RequestsDecide>, id: i64, report: &Report) -> Result<State, Error> {
    if let Some(text) = error::check_reason(&report.evidence) {
        return Err(Error::Invalid(vec![Problem::new("evidence", text)]));
    }
    let mut change = app.db.begin(finder).await?;
    let mut request = requests::lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    if finder.id() == request.requester_id {
        return Err(Error::NotPermitted(msg::finding_own_request()));
    }
    if request.state != State::Unknown {
        // said again after it was settled that way: nothing is wrong
        return if request.state == report.verdict { Ok(request.state) } else { Err(Error::Refused(msg::finding_settled_already())) };
    }
    let (verdict, evidence) = (report.verdict.name(), report.evidence.trim());
    store::save(&mut change, &request, finder.id(), verdict, evidence, finder.caller().door.name()).await?;
    let found = request.entry("request.examined").with("verdict", verdict).because(evidence);
    let requester = requests::standing(&mut change, request.requester_id).await?.0;
    let all = store::all(&mut change, id).await?;
    let agree = all.iter().filter(|f| f.stands && f.verdict == verdict && f.human != requester);
    // two accounts of one person are one
    let agreeing = agree.map(|f| f.human).collect::<std::collections::HashSet<_>>().len();
    if agreeing < AGREEING {
        change.announce("request", id, &json!({"id": request.short_id(), "state": "unknown"})).await?;
        change.commit(found).await?;
        return Ok(State::Unknown);
    }
    change.record(found).await?;
    let followed = report.verdict == State::Succeeded && outside::follow(app, &mut change, &request).await?;
    let outcome = json!({"code": "examined", "verdict": verdict});
    let entry = request.become_(&mut change, report.verdict, Some(outcome.clone())).await?.with("findings", agreeing);
    crash::point("finding.recording");
    change.commit(entry.with("followed", followed).detail("outcome", outcome)).await?;
    Ok(report.verdict)
}

/// Asks the other system how it is now. `None` if it cannot be asked, `true` if the answer settled it.
pub async fn read_back(app: &App, reader: &Operator<RequestsDecide>, id: i64) -> Result<Option<bool>, Error> {
    let mut conn = app.db.read().await?;
    let request: Request = requests::find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    drop(conn);
    if request.state != State::Unknown {
        return Err(Error::Refused(msg::finding_settled_already()));
    }
    tracing::info!(request = id, operator = %reader.id(), "reading back by hand");
    outside::read_back_now(app, &request).await
}
