//! What the panel of decisions shows somebody: the form for a vote, or why there is none, and who may still give one.
use super::{
    Request, State,
    tally::{Standing, Tally},
    view::Typed,
    votes,
};
use crate::{
    app::App,
    auth::{Caller, RequestsDecide, Scope},
    error::Error,
    i18n::Lang,
    operations::Definition,
    page::When,
    policy::{self, Human, words},
};
use sqlx::PgConnection;

pub struct Need {
    pub label: String,
    pub have: usize,
    pub want: usize,
    /// Who may still fill it.
    pub who: Vec<String>,
    /// Who could if they were not away.
    pub away: Vec<String>,
    /// It was not asked for when the request was made.
    pub added: bool,
}

pub enum Decide {
    Open {
        action: String,
        effect: String,
        reason: String,
        error: Option<String>,
        stands_for: Option<String>,
    },
    /// It is approved and cools off: a rejection still stops it.
    Stop {
        action: String,
        at: String,
        reason: String,
        error: Option<String>,
    },
    Closed {
        why: String,
    },
}

/// Whether this person can decide the request as one of many, and what that would do.
pub async fn decision(app: &App, conn: &mut PgConnection, l: Lang, caller: &Caller, request: &Request) -> Result<Decide, Error> {
    let seen = Seen::of(app, conn, caller, request).await?;
    let decide = decide(l, caller, request, app.registry.find(&request.operation), &seen, &Typed::default());
    Ok(match decide {
        Decide::Open { .. } if !seen.tally.batch() => Decide::Closed { why: l.vote_not_in_batch() },
        other => other,
    })
}

/// What the panel of decisions looks at.
pub(super) struct Seen {
    pub tally: Tally,
    pub people: Vec<Human>,
    /// The caller's roles for this request, those lent to them included.
    pub roles: Vec<String>,
    /// Absent people for whom the caller stands in here.
    pub stands_for: Vec<String>,
    /// The human behind the account that looks.
    pub me: uuid::Uuid,
    pub stale_sign_in: bool,
    /// The glass was broken: nobody is waited for.
    pub skipped: bool,
}

impl Seen {
    pub async fn of(app: &App, conn: &mut PgConnection, caller: &Caller, request: &Request) -> Result<Self, Error> {
        let (tally, voter) = Tally::before(app, conn, request, caller.id).await?;
        let me = voter.human;
        let lent = tally.lent(voter.stands_in);
        let stands_for = lent.iter().map(|s| s.name.clone()).collect();
        let roles = voter.roles.into_iter().chain(lent.into_iter().flat_map(|s| s.roles)).collect();
        let stale_sign_in = match tally.step_up_minutes() {
            Some(minutes) => !votes::is_fresh(conn, caller, minutes).await?,
            None => false,
        };
        let mut people = policy::people(conn).await?;
        let own = tally.self_approval();
        people.retain(|p| (own || p.human != request.requester_human) && !tally.votes.iter().any(|v| v.human == p.human && v.approves));
        let lends = |s: &policy::StandIn| tally.delegation() && s.human != request.requester_human;
        for person in people.iter_mut().filter(|p| policy::may_decide(&p.roles)) {
            let lent: Vec<String> = person.stands_in.iter().filter(|s| lends(s)).flat_map(|s| s.roles.clone()).collect();
            person.roles.extend(lent);
        }
        Ok(Self { tally, people, roles, stands_for, me, stale_sign_in, skipped: request.glass.is_some() })
    }

    /// Names of a few who hold one of these roles.
    fn holders(&self, roles: &[String]) -> Vec<String> {
        let holds = |p: &&Human| p.away_until.is_none() && p.roles.iter().any(|r| roles.contains(r));
        self.people.iter().filter(holds).take(8).map(|p| p.name.clone()).collect()
    }

    /// Names of those who could vote if they were not away, each with the day of their return.
    fn away(&self, l: Lang, roles: &[String]) -> Vec<String> {
        let of = |p: &Human| p.away_until.map(|back| l.request_away_until(&p.name, When::new(l, back).absolute));
        self.people.iter().filter(|p| p.roles.iter().any(|r| roles.contains(r))).filter_map(of).take(8).collect()
    }

    fn eligible(&self) -> Vec<String> {
        self.holders(&self.tally.waits_for())
    }

    pub fn needs(&self, l: Lang) -> Vec<Need> {
        let (bound, added) = self.tally.standings();
        let need = |s: &Standing, added| Need {
            label: words::group(l, &s.need.group),
            have: s.have.into(),
            want: s.need.count.into(),
            who: if s.have < s.need.count && !self.skipped { self.holders(&s.need.roles) } else { Vec::new() },
            away: if s.have < s.need.count && !self.skipped { self.away(l, &s.need.roles) } else { Vec::new() },
            added,
        };
        bound.iter().map(|s| need(s, false)).chain(added.iter().map(|s| need(s, true))).collect()
    }
}

/// The form for a vote, or why there is none.
pub(super) fn decide(l: Lang, caller: &Caller, r: &Request, definition: Option<&dyn Definition>, seen: &Seen, typed: &Typed) -> Decide {
    let closed = |why| Decide::Closed { why };
    if r.state == State::Approved && r.runs_from().is_some_and(|t| t > chrono::Utc::now()) {
        return stop(l, caller, r, seen, typed);
    }
    if r.state != State::Pending {
        return closed(l.find(&format!("request-closed-{}", r.state.name())).unwrap_or_default());
    }
    let eligible = seen.eligible();
    if !caller.may(RequestsDecide::NAME) || !seen.tally.eligible(&seen.roles) {
        return closed(if eligible.is_empty() { l.request_nobody_eligible() } else { l.request_cannot_decide(eligible.join(", ")) });
    }
    if r.requester_human == seen.me && !seen.tally.self_approval() {
        return closed(if eligible.is_empty() { l.request_nobody_eligible() } else { l.request_cannot_decide_own(eligible.join(", ")) });
    }
    if seen.tally.votes.iter().any(|v| v.human == seen.me && v.approves) {
        return closed(l.request_voted_already());
    }
    let title = definition.map_or_else(|| r.operation.clone(), |d| d.title(l));
    let now = chrono::Utc::now();
    let later = r.not_before.max(r.ruling.cool_off().map(|wait| now + wait)).filter(|t| *t > now);
    let last = seen.tally.met_with(seen.me, seen.roles.clone());
    let effect = if let (true, Some(at)) = (last, later) {
        l.request_approve_runs_later(When::new(l, at).absolute, title)
    } else if last {
        l.request_approve_runs_now(title)
    } else {
        l.request_approve_waits_for_more()
    };
    let action = format!("/requests/{}/votes", r.short_id());
    let stands_for = (!seen.stands_for.is_empty()).then(|| l.decide_stands_for(seen.stands_for.join(", ")));
    Decide::Open { action, effect, reason: typed.reason.clone(), error: typed.error.clone(), stands_for }
}

/// While it cools off, everybody who could have approved it can still say no.
fn stop(l: Lang, caller: &Caller, r: &Request, seen: &Seen, typed: &Typed) -> Decide {
    let at = r.runs_from().map(|t| When::new(l, t).absolute).unwrap_or_default();
    let own = r.requester_human == seen.me && !seen.tally.self_approval();
    if !caller.may(RequestsDecide::NAME) || own || !seen.tally.eligible(&seen.roles) {
        return Decide::Closed { why: l.request_closed_approved_later(at) };
    }
    Decide::Stop { action: format!("/requests/{}/votes", r.short_id()), at, reason: typed.reason.clone(), error: typed.error.clone() }
}
