//! Deciding many at once, never unseen: first a dry run that shows each request as it is and whether it can be decided, then
//! one vote for each, bound to what the dry run showed, each with its own outcome.
use super::list::Requests;
use crate::{
    app::App,
    auth::{Csrf, Operator, RequestsDecide, Submitted},
    error::{self, Error},
    i18n::Lang,
    page::{
        self, Badge, DiffRow, RiskTag, Shell, Visit,
        list::{Asked, Listing, Order, Slice},
        safe_next,
    },
    requests::{
        Request, State as Standing, parse_id, short_id, store,
        view::{self, Decide},
        votes::{self, Ballot, Cast},
    },
};
use askama::Template;
use axum::{extract::State, response::Response};
use sqlx::PgConnection;

/// More than this nobody reads; the filter can be made narrower.
const MOST: usize = 100;

#[derive(Template)]
#[template(path = "requests/bulk.html")]
struct DryRun {
    shell: Shell,
    back: String,
    items: Vec<Item>,
    /// Names these items, for what is typed about them.
    draft: String,
    ready: usize,
    blocked: usize,
    /// Why there are fewer than were asked for.
    cut: Option<String>,
    reason: String,
    problem: Option<String>,
}

/// One request of the dry run.
struct Item {
    id: String,
    href: String,
    title: String,
    target: String,
    requester: String,
    risk: RiskTag,
    state: Badge,
    diff: Vec<DiffRow>,
    /// What a vote signs; none if this person cannot decide it.
    binding: Option<String>,
    chosen: bool,
    /// What approving it does, or why it cannot be decided.
    says: String,
}

/// The dry run: of the selected rows, or of everything the filter matches.
pub(super) async fn check(
    operator: Operator<RequestsDecide>,
    mut visit: Visit,
    State(app): State<App>,
    Csrf(form): Csrf<Submitted>,
) -> Result<Response, Error> {
    visit.read_at(back(&form));
    let (ids, cut) = chosen(&app, &visit, &form).await?;
    dry_run(&app, &visit, &operator, &form, ids, cut, None).await
}

/// The list that people came from.
fn back(form: &Submitted) -> &str {
    safe_next(form.get("back").unwrap_or("/inbox"))
}

async fn chosen(app: &App, visit: &Visit, form: &Submitted) -> Result<(Vec<i64>, Option<String>), Error> {
    let all = form.get("all") == Some("1");
    let mut ids: Vec<i64> = if all {
        let asked = Asked::of("/inbox", form.text("state"));
        let mut conn = app.db.read().await?;
        let slice = Slice { order: Order { key: "created", down: true }, cursor: None, limit: MOST as i64 + 1 };
        Requests::read(&visit.reader(app)?, &mut conn, &asked, slice).await?.iter().map(|r| r.id).collect()
    } else {
        form.0.iter().filter(|(name, _)| name == "id").filter_map(|(_, id)| parse_id(id.trim()).ok()).collect()
    };
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(*id));
    let cut = (ids.len() > MOST).then(|| if all { visit.l.bulk_cut(MOST) } else { visit.l.bulk_cut_chosen(MOST) });
    ids.truncate(MOST);
    Ok((ids, cut))
}

#[allow(clippy::too_many_arguments, reason = "the page in all its states")]
async fn dry_run(
    app: &App,
    visit: &Visit,
    operator: &Operator<RequestsDecide>,
    form: &Submitted,
    ids: Vec<i64>,
    cut: Option<String>,
    problem: Option<String>,
) -> Result<Response, Error> {
    // drawn again after a problem: what was unticked stays so
    let ticked = |id: &str| problem.is_none() || form.0.iter().any(|(n, v)| n == "item" && v.split(':').next() == Some(id));
    let mut conn = app.db.read().await?;
    let mut items = Vec::new();
    for id in ids {
        if let Some(request) = store::find(&mut conn, id).await? {
            let item = item(app, &mut conn, visit, operator, &request).await?;
            items.push(Item { chosen: ticked(&item.id), ..item });
        }
    }
    drop(conn);
    let ready = items.iter().filter(|i| i.binding.is_some()).count();
    let page = DryRun {
        shell: visit.shell(app).await?,
        back: back(form).to_owned(),
        draft: items.iter().map(|i| i.id.as_str()).collect::<Vec<_>>().join(","),
        blocked: items.len() - ready,
        ready,
        items,
        cut,
        reason: form.text("reason").to_owned(),
        problem,
    };
    let mut response = page::html(&page)?;
    if page.problem.is_some() {
        *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

async fn item(
    app: &App,
    conn: &mut PgConnection,
    visit: &Visit,
    operator: &Operator<RequestsDecide>,
    request: &Request,
) -> Result<Item, Error> {
    let (l, definition) = (visit.l, app.registry.find(&request.operation));
    let (binding, says) = match view::decision(app, conn, l, operator.caller(), request).await? {
        Decide::Open { effect, .. } => (Some(request.binding_hex()), effect),
        Decide::Stop { at, .. } => (None, l.request_closed_approved_later(at)),
        Decide::Closed { why } => (None, why),
    };
    let label = |key: &str| definition.map_or_else(|| key.to_owned(), |d| d.label(l, key));
    Ok(Item {
        id: request.short_id(),
        href: format!("/requests/{}", request.short_id()),
        title: definition.map_or_else(|| request.operation.clone(), |d| d.title(l)),
        target: request.target_label.clone(),
        requester: request.requester.clone(),
        risk: RiskTag::new(l, &request.risk),
        state: view::badge(l, request.state),
        diff: page::diff(l, &request.before, &request.after, label).into_iter().filter(|row| row.changed).collect(),
        binding,
        chosen: true,
        says,
    })
}

#[derive(Template)]
#[template(path = "requests/bulk_done.html")]
struct Done {
    shell: Shell,
    back: String,
    approves: bool,
    outcomes: Vec<Outcome>,
    counted: usize,
    skipped: usize,
}

/// What became of one vote.
struct Outcome {
    id: String,
    href: String,
    kind: &'static str,
    says: String,
}

/// One vote for each request that is still what the dry run showed; the others say why not.
pub(super) async fn decide(
    operator: Operator<RequestsDecide>,
    mut visit: Visit,
    State(app): State<App>,
    Csrf(form): Csrf<Submitted>,
) -> Result<Response, Error> {
    visit.read_at(back(&form));
    let l = visit.l;
    let approves = match form.get("decision") {
        Some("approve") => true,
        Some("reject") => false,
        other => return Err(Error::Malformed(format!("decision is {other:?}; it must be approve or reject"))),
    };
    let reason = form.text("reason").to_owned();
    // `CR-12:binding`, as the dry run wrote it
    let pairs = form.0.iter().filter(|(name, _)| name == "item").filter_map(|(_, value)| value.split_once(':'));
    let ballots: Vec<(i64, String)> = pairs.filter_map(|(id, binding)| Some((parse_id(id).ok()?, binding.to_owned()))).take(MOST).collect();
    let problem = if ballots.is_empty() {
        Some(l.bulk_nothing())
    } else if !approves {
        error::check_reason(&reason).map(|text| l.say(&text))
    } else {
        None
    };
    if problem.is_some() {
        let (shown, _) = chosen(&app, &visit, &form).await?;
        let ids = if shown.is_empty() { ballots.into_iter().map(|(id, _)| id).collect() } else { shown };
        return dry_run(&app, &visit, &operator, &form, ids, None, problem).await;
    }
    let mut outcomes = Vec::new();
    for (id, binding) in ballots {
        outcomes.push(cast(&app, &operator, l, id, &Ballot { approves, binding, reason: reason.clone() }).await);
    }
    let counted = outcomes.iter().filter(|o| o.kind == "success").count();
    let back = back(&form).to_owned();
    page::html(&Done { shell: visit.shell(&app).await?, back, approves, skipped: outcomes.len() - counted, counted, outcomes })
}

async fn cast(app: &App, operator: &Operator<RequestsDecide>, l: Lang, id: i64, ballot: &Ballot) -> Outcome {
    let name = short_id(id);
    let (kind, says) = match votes::cast_one_of_many(app, operator, id, ballot).await {
        Ok(cast) => match cast.state() {
            Some(Standing::Approved) => ("success", l.vote_approved(&name)),
            Some(Standing::Denied) => ("success", l.vote_denied(&name)),
            Some(_) => ("success", l.vote_counted(&name)),
            None if matches!(cast, Cast::NotNeeded) => ("info", l.vote_not_needed(&name)),
            None => ("info", l.vote_counted_before(&name)),
        },
        // the votes before it are cast and told nowhere else, so even a failure is one line among the others
        Err(problem) => {
            if matches!(problem, Error::Internal(_) | Error::Unavailable(_) | Error::Neighbour(_)) {
                tracing::error!(request = id, cause = %problem, "one vote of many failed");
            }
            ("error", error::sentence(&problem, l))
        }
    };
    Outcome { href: format!("/requests/{name}"), id: name, kind, says }
}
