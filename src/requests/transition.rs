//! The only way a request changes its state: one conditional update, one outbox row, one entry for the ledger.
use super::{Request, State, Vote, store};
use crate::{
    db::Change,
    error::Error,
    i18n::msg,
    ledger::{Entry, Outcome},
    metrics::{Became, Fact},
    notices::{self, Kind},
};
use serde_json::{Value, json};

impl Request {
    /// Moves the request on and answers the entry to write; the caller adds what it knows and records it.
    pub(super) async fn become_(&mut self, change: &mut Change, next: State, outcome: Option<Value>) -> Result<Entry, Error> {
        self.become_by(change, next, outcome, None).await
    }

    /// The same by a vote, which is saved in the same statement.
    pub(super) async fn become_by(
        &mut self,
        change: &mut Change,
        next: State,
        outcome: Option<Value>,
        vote: Option<&Vote>,
    ) -> Result<Entry, Error> {
        if !self.state.may_become(next) {
            return Err(Error::Internal(anyhow::anyhow!("{}: {} cannot become {}", self.short_id(), self.state.name(), next.name())));
        }
        let now = change.now();
        if next == State::Approved {
            // an emergency does not cool off
            self.run_after = self.ruling.cool_off().filter(|_| self.glass.is_none()).map(|wait| now + wait);
            self.execute_by = Some(self.runs_from().unwrap_or(now).max(now) + self.ruling.execute_within());
        }
        if matches!(next, State::Approved | State::Denied) {
            self.decided_at = Some(now);
        }
        if !next.is_open() {
            self.closed_at = Some(now);
        }
        self.waits_for.clear();
        self.outcome = outcome.or(self.outcome.take());
        let from = std::mem::replace(&mut self.state, next);
        if !store::save_state(change, self, vote).await? {
            return Err(Error::Refused(msg::request_changed_meanwhile()));
        }
        self.version += 1;
        self.tell(change, next).await?;
        change.measure(Fact::Became(Became {
            operation: self.operation.clone(),
            state: next.name(),
            after: (now - self.created_at).to_std().unwrap_or_default(),
            by_people: self.is_decided_by_people(),
        }));
        change.announce("request", self.id, &json!({"id": self.short_id(), "from": from.name(), "state": next.name()})).await?;
        Ok(self.entry(event_kind(next)).outcome(event_outcome(next)).with("binding", self.binding_hex()).with("from", from.name()))
    }
}

impl Request {
    /// Tells those whom the new state concerns.
    async fn tell(&self, change: &mut Change, next: State) -> Result<(), Error> {
        let kind = match next {
            State::Pending | State::Executing => return Ok(()),
            // what runs now will be told when it has run
            State::Approved if self.runs_from().is_none_or(|t| t <= change.now()) => return Ok(()),
            State::Approved => Kind::Approved,
            // whoever asked for what needs nobody saw it happen
            State::Succeeded if self.ruling.approvals == 0 => return Ok(()),
            State::Succeeded => Kind::Succeeded,
            State::Failed => Kind::Failed,
            State::Partial => Kind::Partial,
            State::Unknown => Kind::Unknown,
            State::Denied => Kind::Denied,
            State::Expired => Kind::Expired,
            State::Withdrawn => Kind::Withdrawn,
            State::Stale => Kind::Stale,
        };
        notices::tell_concerned(change, self, kind).await?;
        if next == State::Unknown {
            // two of them have to find out
            notices::tell_deciders(change, self, kind, &self.ruling.voter_roles()).await?;
        }
        Ok(())
    }
}

impl Request {
    /// Whether the ledger tells of the transitions it made, and no others, and of its votes. It does not where a database was restored and
    /// the ledger came back from the copy.
    pub(super) async fn is_as_told(&self, change: &mut Change) -> Result<bool, Error> {
        let kinds = State::ALL.map(event_kind);
        Ok(store::is_told(change, self.id, self.version, event_kind(self.state), &kinds).await?)
    }
}

pub(super) fn event_kind(state: State) -> &'static str {
    match state {
        State::Pending => "request.submitted",
        State::Approved => "request.approved",
        State::Executing => "request.started",
        State::Succeeded => "request.succeeded",
        State::Failed => "request.failed",
        State::Partial => "request.partial",
        State::Unknown => "request.unknown",
        State::Denied => "request.denied",
        State::Expired => "request.expired",
        State::Withdrawn => "request.withdrawn",
        State::Stale => "request.stale",
    }
}

fn event_outcome(state: State) -> Outcome {
    match state {
        State::Denied => Outcome::Denied,
        State::Failed | State::Expired | State::Stale => Outcome::Failure,
        State::Partial => Outcome::Partial,
        State::Unknown => Outcome::Unknown,
        _ => Outcome::Success,
    }
}
