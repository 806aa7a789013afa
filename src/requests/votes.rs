//! Countersigning: one vote for each human, on exactly what they saw.
use super::{Request, State, Vote, execution, expiry, store, tally::Tally};
use crate::{
    app::App,
    auth::{Caller, Operator, RequestsBreakGlass, RequestsDecide, Scope, roles_with},
    crash,
    db::Change,
    error::{self, Error, Problem},
    i18n::msg,
    ledger::{Entry, Outcome},
    metrics::Fact,
    operations::Proposal,
    page::When,
};
use serde_json::json;
use sqlx::{PgConnection, types::Json};

/// A vote as it comes in through a door.
#[derive(Clone, Debug)]
pub struct Ballot {
    pub approves: bool,
    /// Hex of the binding that the voter was shown.
    pub binding: String,
    pub reason: String,
}

/// What a vote did.
pub enum Cast {
    /// It counts; this is the request now.
    Counted(Box<Counted>),
    /// The same vote by the same person was counted before.
    CountedBefore,
    /// Others had decided the same already; it was not needed.
    NotNeeded,
}

/// A request as a vote left it.
pub struct Counted {
    pub request: Request,
    pub votes: Vec<Vote>,
}

impl Cast {
    /// Where the request stands now, if the vote counts.
    pub fn state(&self) -> Option<State> {
        match self {
            Cast::Counted(counted) => Some(counted.request.state),
            Cast::CountedBefore | Cast::NotNeeded => None,
        }
    }
}

/// Casts a vote. Refusals because of who the voter is are written down.
pub async fn cast(app: &App, voter: &Operator<RequestsDecide>, id: i64, ballot: &Ballot) -> Result<Cast, Error> {
    write_down(app, voter, id, cast_in(app, voter, id, ballot, false).await).await
}

/// The same as one of many; the policy may ask for each to be looked at alone.
pub async fn cast_one_of_many(app: &App, voter: &Operator<RequestsDecide>, id: i64, ballot: &Ballot) -> Result<Cast, Error> {
    write_down(app, voter, id, cast_in(app, voter, id, ballot, true).await).await
}

async fn write_down(app: &App, voter: &Operator<RequestsDecide>, id: i64, result: Result<Cast, Error>) -> Result<Cast, Error> {
    if let Err(Error::NotPermitted(text)) = &result {
        let entry = Entry::of("access.denied").outcome(Outcome::Denied).request(id).with("why", text.id());
        app.db.record(voter.caller().into(), entry).await?;
    }
    result
}

async fn cast_in(app: &App, voter: &Operator<RequestsDecide>, id: i64, ballot: &Ballot, many: bool) -> Result<Cast, Error> {
    let mut change = app.db.begin(voter).await?;
    let mut request = store::lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    if expiry::is_due(&request, change.now()) {
        expiry::expire(change, request).await?;
        return Err(Error::Refused(msg::request_expired()));
    }
    let (tally, voter_now) = Tally::before(app, &mut change, &request, voter.id()).await?;
    let human = voter_now.human;
    let stands_for = tally.lent(voter_now.stands_in);
    let mut roles = voter_now.roles.clone();
    roles.extend(stands_for.iter().flat_map(|s| s.roles.iter().cloned()));
    let mine = tally.votes.iter().find(|v| v.human == human);
    if request.state != State::Pending {
        // a rejection still stops what has been approved but not begun
        let stops = request.state == State::Approved && !ballot.approves;
        if !stops {
            return settled(&request, &tally.votes, mine, ballot);
        }
    }
    if !request.is_as_told(&mut change).await? {
        return Err(Error::Refused(msg::request_told_otherwise()));
    }
    if human == tally.requester() && !tally.self_approval() {
        return Err(Error::NotPermitted(msg::vote_own_request()));
    }
    if !tally.eligible(&roles) {
        return Err(Error::NotPermitted(msg::vote_not_eligible()));
    }
    if ballot.binding != request.binding_hex() {
        return Err(Error::Refused(msg::vote_stale_binding()));
    }
    check_reason(ballot)?;
    if mine.is_some_and(|v| v.approves == ballot.approves) {
        return Ok(Cast::CountedBefore);
    }
    if mine.is_some_and(|v| v.voter_id != voter.id()) {
        return Err(Error::NotPermitted(msg::vote_one_for_each_human()));
    }
    if ballot.approves {
        if many && !tally.batch() {
            return Err(Error::NotPermitted(msg::vote_not_in_batch()));
        }
        if let Some(minutes) = tally.step_up_minutes()
            && !is_fresh(&mut change, voter.caller(), minutes).await?
        {
            let by_token = voter.caller().token().is_some();
            return Err(Error::NotPermitted(if by_token { msg::vote_step_up_token(minutes) } else { msg::vote_step_up(minutes) }));
        }
    }
    let vote = Vote {
        voter_id: voter.id(),
        human,
        voter: voter.caller().name.clone(),
        approves: ballot.approves,
        binding: request.binding.clone(),
        reason: Some(ballot.reason.trim().to_owned()).filter(|r| !r.is_empty()),
        door: voter.caller().door.name().into(),
        at: change.now(),
        roles: voter_now.roles,
        stands_for: Json(stands_for),
    };
    change.measure(Fact::Voted { approves: ballot.approves });
    let mut voted = request
        .entry("request.voted")
        .with("decision", if ballot.approves { "approve" } else { "reject" })
        .with("binding", request.binding_hex());
    if !vote.stands_for.is_empty() {
        voted = voted.with("stands_for", json!(vote.stands_for.iter().map(|s| s.id).collect::<Vec<_>>()));
    }
    if let Some(reason) = &vote.reason {
        voted = voted.because(reason);
    }
    // nobody else votes while the request is locked
    let tally = tally.with(vote.clone());
    if !ballot.approves {
        change.record(voted).await?;
        let entry = request.become_by(&mut change, State::Denied, None, Some(&vote)).await?;
        if let Some(proposal) = proposal(app, &request) {
            change.on_behalf_of(id);
            proposal.denied(&mut change, &ballot.reason).await?;
        }
        change.commit(entry).await?;
    } else if tally.met() {
        change.record(voted).await?;
        approve(change, &mut request, tally.have(), Some(&vote)).await?;
    } else {
        store::save_vote(&mut change, &request, &vote).await?;
        request.waits_for = tally.waits_for();
        store::save_turn(&mut change, id, &request.waits_for).await?;
        change.announce("request", id, &serde_json::json!({"id": request.short_id(), "state": "pending"})).await?;
        change.commit(voted).await?;
    }
    Ok(Cast::Counted(Box::new(Counted { request, votes: tally.votes })))
}

/// What was asked for, unless its operation means something else by now.
fn proposal(app: &App, request: &Request) -> Option<Box<dyn Proposal>> {
    let definition = app.registry.find(&request.operation).filter(|d| d.version() == request.operation_version)?;
    definition.parse(request.fields.as_object()?).ok()
}

/// Whether this session was signed in with within so many minutes. A token never is: whoever has it need not be there.
pub(super) async fn is_fresh(conn: &mut PgConnection, caller: &Caller, minutes: u32) -> Result<bool, Error> {
    let Some(session) = caller.session() else { return Ok(false) };
    Ok(store::session_age(conn, session).await?.is_some_and(|age| age < i64::from(minutes)))
}

/// With the vote that made it enough, if it was a vote.
pub(super) async fn approve(mut change: Change, request: &mut Request, approvals: usize, vote: Option<&Vote>) -> Result<(), Error> {
    let entry = request.become_by(&mut change, State::Approved, None, vote).await?.with("approvals", approvals);
    execution::enqueue(&mut change, request).await?;
    crash::point("vote.recording");
    change.commit(entry).await?;
    crash::point("vote.recorded");
    Ok(())
}

/// How far the approvals of a request reach.
pub(super) struct Quorum {
    /// Whether they suffice, under the policy it was made with and under the one in force.
    pub met: bool,
    /// The approvals that count now.
    pub have: usize,
}

/// Counts the approvals that stand now, inside the transaction that depends on them.
pub(super) async fn quorum(app: &App, conn: &mut PgConnection, request: &Request) -> Result<Quorum, Error> {
    let tally = Tally::of(app, conn, request).await?;
    let met = match request.glass {
        // needs nobody else, but still the permission, and a policy that allows it
        Some(_) => tally.break_glass() && store::holds_one_of(conn, request.requester_id, &roles_with(RequestsBreakGlass::NAME)).await?,
        None => tally.met(),
    };
    Ok(Quorum { met, have: tally.have() })
}

/// The answer to a vote that comes after the decision: the same is harmless, the opposite is a conflict.
fn settled(request: &Request, votes: &[Vote], mine: Option<&Vote>, ballot: &Ballot) -> Result<Cast, Error> {
    if mine.is_some_and(|v| v.approves == ballot.approves) {
        return Ok(Cast::CountedBefore);
    }
    let approved =
        matches!(request.state, State::Approved | State::Executing | State::Succeeded | State::Partial | State::Unknown | State::Failed);
    if (approved && ballot.approves) || (request.state == State::Denied && !ballot.approves) {
        tracing::info!(request = request.id, "a vote that was not needed");
        return Ok(Cast::NotNeeded);
    }
    Err(Error::Refused(match request.state {
        State::Expired => msg::request_expired(),
        State::Withdrawn => msg::request_withdrawn(),
        State::Stale => msg::request_stale(),
        // the last vote of those that it follows from
        state => {
            let decisive = votes.iter().filter(|v| v.approves != (state == State::Denied)).max_by_key(|v| v.at);
            let at = decisive.map(|v| v.at).or(request.decided_at).unwrap_or(request.created_at);
            msg::request_decided_already(When::exact(at), decisive.map_or("Countersign", |v| &v.voter))
        }
    }))
}

fn check_reason(ballot: &Ballot) -> Result<(), Error> {
    let problem = if ballot.approves && ballot.reason.trim().is_empty() {
        None
    } else if ballot.approves {
        (ballot.reason.chars().count() > 2000).then(msg::reason_too_long)
    } else {
        error::check_reason(&ballot.reason)
    };
    problem.map_or(Ok(()), |text| Err(Error::Invalid(vec![Problem::new("reason", text)])))
}
