//! `/metrics`, behind a token of its own: whoever collects figures needs no account here.
use crate::{
    app::App,
    error::Error,
    insights::Report,
    metrics::{Gauges, store},
    requests::State as Standing,
    surface::Surface,
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::time::Instant;
use subtle::ConstantTimeEq;

/// The days of the gauges about decisions.
const PERIOD: u64 = 30;

pub fn routes(surface: Surface) -> Surface {
    surface.public_show("/metrics", scrape)
}

async fn scrape(State(app): State<App>, headers: HeaderMap) -> Result<Response, Error> {
    let expected = app.metrics_token.as_ref().ok_or(Error::NotFound)?;
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    // hashed first: neither content nor length of the token is told by how long this takes
    let same = given.is_some_and(|given| bool::from(Sha256::digest(given).ct_eq(&Sha256::digest(expected.expose_secret()))));
    if !same {
        return Ok((StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response());
    }
    let text = app.db.metrics().text(gauges(&app).await?).map_err(anyhow::Error::from)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(prometheus::TEXT_FORMAT))], text).into_response())
}

async fn gauges(app: &App) -> Result<Gauges, Error> {
    let gauges = Gauges::new();
    let pools = app.db.pools();
    // a database that is away is worth knowing, and the counters are still right
    let standing = match app.db.read().await {
        Ok(mut conn) => store::read(&mut conn).await.map_err(Error::from),
        Err(error) => Err(error),
    };
    if let Err(error) = &standing {
        tracing::warn!(%error, "a scrape without the database");
    }
    let report = app.insights.last(&app.db, PERIOD).await;
    local(app, &gauges, pools, standing.is_ok()).map_err(anyhow::Error::from)?;
    if let Ok(standing) = standing {
        shared(app, &gauges, standing).map_err(anyhow::Error::from)?;
    }
    if let Ok(report) = report {
        insights(&gauges, &report).map_err(anyhow::Error::from)?;
    }
    Ok(gauges)
}

/// What this replica alone knows.
fn local(app: &App, gauges: &Gauges, pools: [(&str, u32, usize); 3], up: bool) -> prometheus::Result<()> {
    gauges.one("countersign_database_up", "Whether the database answered this scrape.", f64::from(u8::from(up)))?;
    gauges.one("countersign_waiters", "API callers held until a request is over.", app.waiters.count() as f64)?;
    let connections =
        pools.iter().flat_map(|(pool, size, idle)| [([*pool, "idle"], *idle as f64), ([*pool, "used"], f64::from(*size) - *idle as f64)]);
    gauges.many("countersign_database_connections", "Connections to the database.", ["pool", "state"], connections)?;
    let version = [([env!("CARGO_PKG_VERSION"), app.replica.as_str()], 1.0)];
    gauges.many("countersign_info", "Which binary and which replica this is.", ["version", "replica"], version)
}

/// What every replica sees alike.
fn shared(app: &App, gauges: &Gauges, standing: store::Standing) -> prometheus::Result<()> {
    let none = Standing::OPEN.iter().flat_map(|state| app.registry.all().map(|d| ([state.name(), d.name()], 0.0)));
    let open = standing.requests.iter().map(|(state, operation, count)| ([state.as_str(), operation.as_str()], *count as f64));
    gauges.many("countersign_requests", "Open requests; counted to 100000.", ["state", "operation"], none.chain(open))?;
    let jobs = [(["ready"], standing.jobs_ready), (["later"], standing.jobs_later), (["failing"], standing.jobs_failing)];
    let jobs = jobs.map(|(state, count)| (state, count as f64));
    gauges.many("countersign_jobs", "Jobs in the queue: due, for later, and of either those that failed before.", ["state"], jobs)?;
    gauges.one("countersign_job_oldest_seconds", "How long the oldest job that is due has waited.", standing.oldest_job)?;
    gauges.one(
        "countersign_ledger_pending",
        "Events that no published checkpoint covers yet; counted to 20000.",
        standing.ledger_pending as f64,
    )?;
    gauges.one("countersign_ledger_pending_oldest_seconds", "Age of the oldest of them.", standing.oldest_pending)?;
    gauges.one("countersign_ledger_leaves", "Events that are in the log.", standing.leaves as f64)?;
    gauges.one("countersign_ledger_published", "Those of them under a published checkpoint.", standing.published as f64)?;
    gauges.one("countersign_ledger_checkpoint_age_seconds", "Age of the newest published checkpoint.", standing.checkpoint_age)?;
    gauges.one("countersign_ledger_halted", "Whether nothing is signed any more.", f64::from(u8::from(standing.halted)))?;
    gauges.one("countersign_reviews_due", "Requests that broke the glass and that nobody has reviewed.", standing.reviews_due as f64)?;
    gauges.one("countersign_reviews_overdue", "Those of them whose time for it is over.", standing.reviews_overdue as f64)?;
    let troubled = standing.troubled_payments.iter().map(|(provider, why, count)| ([provider.as_str(), why.as_str()], *count as f64));
    gauges.many(
        "countersign_payment_troubled",
        "Payments whose provider gave no answer that counts.",
        ["provider", "outcome"],
        troubled,
    )?;
    gauges.one("countersign_payment_trouble_oldest_seconds", "How long the oldest of them has been so.", standing.oldest_trouble)?;
    gauges.one("countersign_outbox", "Rows of the outbox that are kept; counted to 100000.", standing.outbox as f64)?;
    gauges.one("countersign_sessions", "People signed in; counted to 100000.", standing.sessions as f64)
}

/// The month as the page of insights shows it.
fn insights(gauges: &Gauges, report: &Report) -> prometheus::Result<()> {
    let all = &report.all;
    gauges.one("countersign_insight_decisions", "Votes of the last 30 days.", all.decisions as f64)?;
    if let Some(share) = all.approval() {
        gauges.one("countersign_insight_approval_ratio", "Approvals among them.", share)?;
        let times = [(["0.5"], all.median), (["0.9"], all.p90)];
        gauges.many("countersign_insight_decision_seconds", "From asking to the vote, of half and of nine tenths.", ["share"], times)?;
    }
    if let Some(share) = all.quickly() {
        gauges.one("countersign_insight_unread_ratio", "Votes within 5 seconds of opening the request, or without opening it.", share)?;
    }
    // by id: names and addresses do not belong into a database of figures
    let people: Vec<_> = report.people.iter().map(|p| (p.id.to_string(), p)).collect();
    let waiting = people.iter().filter_map(|(id, p)| Some(([id.as_str()], p.waiting? as f64)));
    gauges.many("countersign_insight_waiting", "Requests that wait for a person; counted to 1000.", ["operator"], waiting)?;
    let decided = people.iter().map(|(id, p)| ([id.as_str()], p.sum.decisions as f64));
    gauges.many("countersign_insight_votes", "Votes of a person in the last 30 days.", ["operator"], decided)
}

/// Measures each answer, by the template of its route.
pub async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let response = next.run(request).await;
    let class = ["1xx", "2xx", "3xx", "4xx", "5xx"][usize::from(response.status().as_u16() / 100 - 1).min(4)];
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    // methods that nobody mounted are whatever somebody typed
    let method = if matches!(method.as_str(), "GET" | "HEAD" | "POST") { method.as_str() } else { "other" };
    app.db.metrics().answered(method, route, class, began.elapsed());
    response
}
