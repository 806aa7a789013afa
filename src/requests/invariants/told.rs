//! What events alone say of requests, without a database: whether whatever ran had been asked for and approved before, as it was
//! asked for, and on nothing else.
use super::super::{State, transition::event_kind};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// What `ledger.erase_subject` leaves of a text.
const ERASED: &str = "[지워짐 · erased]";
/// Kinds of events that say what a request did: each comes with the change itself.
pub(super) const EFFECTS: [&str; 19] = [
    "org.",
    "user.",
    "tool.",
    "onboarding.approved",
    "onboarding.rejected",
    "tenant.activated",
    "catalog.",
    "promotion.opened",
    "promotion.closed",
    "subscription.begun",
    "subscription.changed",
    "subscription.cancelled",
    "subscription.undone",
    "subscription.migration.begun",
    "permissions.",
    "addon.",
    "policy.replaced",
    "subject.",
    "ledger.resumed",
];

/// And kinds that say what followed after the request was over: for one of many, or that the rest does not follow.
const SEQUELS: [&str; 2] = ["subscription.migrated", "subscription.migration.stopped"];

/// The requests so far, as the events told of them.
#[derive(Default)]
pub struct Told {
    pub(super) requests: HashMap<i64, Asked>,
    /// Not everything is there: a request whose beginning is missing says nothing.
    pub(super) incomplete: bool,
    /// Since the last of what is missing nobody wrote that a month was retired: until then something open could have begun in it.
    may_lack: bool,
}

/// A request as the events tell of it.
pub(super) struct Asked {
    /// Hex of the binding.
    pub binding: Box<str>,
    target: Box<str>,
    requester: Box<str>,
    /// How many must approve; 0 where nobody has to.
    needed: u64,
    approves_itself: bool,
    /// Who voted on what it is and has not taken it back: whether they approve, and what they said, hashed.
    pub votes: Vec<Voted>,
    pub state: State,
    /// How many transitions it made.
    pub steps: i32,
    glass_broken: bool,
    started: bool,
    /// Whether something was changed by it since it started.
    took_effect: bool,
    /// Why it was asked for, and why it could not wait.
    pub reason: Opened,
    pub emergency: Opened,
    /// Some of its events came back from the copy: the database has lost what went with them.
    pub came_back: bool,
}

pub(super) struct Voted {
    pub voter: Box<str>,
    pub approves: bool,
    pub reason: Opened,
}

/// What stands beside a leaf, as far as it can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Opened {
    /// Nobody looked.
    #[default]
    Unknown,
    Erased,
    /// SHA-256 of the text, and of no bytes where there is none.
    Text([u8; 32]),
}

impl Opened {
    pub fn text(text: Option<&str>) -> Self {
        Self::Text(Sha256::digest(text.unwrap_or_default()).into())
    }

    /// Whether it may be this text.
    pub fn may_be(self, text: Option<&str>) -> bool {
        match self {
            Self::Unknown => true,
            Self::Erased => text.is_none_or(|text| text == ERASED),
            Self::Text(_) => self == Self::text(text),
        }
    }
}

/// Whether it tells of a change that only a request can make.
pub fn is_effect(leaf: &Value) -> bool {
    let kind = leaf["kind"].as_str().unwrap_or_default();
    EFFECTS.iter().any(|effect| kind.starts_with(effect)) && leaf["outcome"] == "success"
}

/// The number in `CR-12`.
pub(super) fn number(leaf: &Value) -> Option<i64> {
    leaf["request"].as_str()?.strip_prefix("CR-")?.parse().ok()
}

impl Told {
    /// Events are missing, and it is known why.
    pub fn something_is_gone(&mut self) {
        (self.incomplete, self.may_lack) = (true, true);
    }

    /// Takes the next event of the log, and says what should have come before it.
    pub fn event(&mut self, leaf: &Value) -> Option<String> {
        let kind = leaf["kind"].as_str()?;
        let effect = is_effect(leaf);
        let sequel = SEQUELS.contains(&kind) && leaf["outcome"] == "success";
        let Some(id) = leaf["request"].as_str() else {
            self.may_lack &= kind != "ledger.retired";
            return (effect || sequel).then(|| format!("{kind}, which no request asked for"));
        };
        let number = number(leaf)?;
        if kind == event_kind(State::Pending) {
            return self.requests.insert(number, Asked::new(leaf)).map(|_| format!("{id} is asked for twice"));
        }
        if sequel {
            let begun = self.may_lack || self.requests.get(&number).is_some_and(|request| request.took_effect);
            return (!begun).then(|| format!("{kind} by {id}, which had not begun it"));
        }
        if !effect && !kind.starts_with("request.") {
            return None;
        }
        let Some(request) = self.requests.get_mut(&number) else {
            let excused = if effect { self.may_lack } else { self.incomplete };
            return (!excused).then(|| format!("{kind} of {id}, which nobody asked for before"));
        };
        match State::ALL.into_iter().find(|state| event_kind(*state) == kind) {
            Some(next) => request.becomes(id, next, leaf),
            None if effect => request.acts(id, kind, leaf),
            None => {
                request.hears(kind, leaf);
                None
            }
        }
    }

    /// What stands beside the event that was taken last: its detail, or that this was erased.
    pub fn opened(&mut self, leaf: &Value, detail: Option<&Value>) {
        let Some(request) = number(leaf).and_then(|number| self.requests.get_mut(&number)) else { return };
        let opened = detail.map_or(Opened::Erased, |detail| Opened::text(detail["reason"].as_str()));
        match leaf["kind"].as_str().unwrap_or_default() {
            "request.submitted" => request.reason = opened,
            "request.broke_glass" => request.emergency = opened,
            "request.voted" => {
                let vote = request.votes.iter_mut().find(|vote| leaf["actor"] == *vote.voter);
                vote.into_iter().for_each(|vote| vote.reason = opened);
            }
            _ => {}
        }
    }

    /// The event that was taken last came back from the copy.
    pub fn came_back(&mut self, leaf: &Value) {
        if let Some(request) = number(leaf).and_then(|number| self.requests.get_mut(&number)) {
            request.came_back = true;
        }
    }
}

/// Type and id.
fn target(leaf: &Value) -> Box<str> {
    let of = |name: &str| leaf["target"][name].as_str().unwrap_or_default();
    format!("{}:{}", of("type"), of("id")).into()
}

impl Asked {
    fn new(leaf: &Value) -> Self {
        let facts = &leaf["facts"];
        Self {
            binding: facts["binding"].as_str().unwrap_or_default().into(),
            target: target(leaf),
            requester: leaf["actor"].as_str().unwrap_or_default().into(),
            needed: facts["approvals"].as_u64().unwrap_or_default(),
            approves_itself: facts["self_approval"] == true,
            votes: Vec::new(),
            state: State::Pending,
            steps: 1,
            glass_broken: false,
            started: false,
            took_effect: false,
            reason: Opened::Unknown,
            emergency: Opened::Unknown,
            came_back: false,
        }
    }

    fn becomes(&mut self, id: &str, next: State, leaf: &Value) -> Option<String> {
        let (kind, facts) = (event_kind(next), &leaf["facts"]);
        let from = std::mem::replace(&mut self.state, next);
        self.steps += 1;
        self.started |= next == State::Executing;
        if facts["binding"] != *self.binding {
            return Some(format!("{kind} of {id}, and of something else than {id} asked for"));
        }
        match next {
            State::Approved => {
                let needed = facts["approvals"].as_u64().unwrap_or_default().max(if self.glass_broken { 0 } else { self.needed });
                let approve = self.votes.iter().filter(|vote| vote.approves && (self.approves_itself || vote.voter != self.requester));
                let have = approve.count() as u64;
                (have < needed).then(|| format!("{id} counts as approved by {needed}, and {have} approved it"))
            }
            State::Executing => (from != State::Approved).then(|| format!("{id} started, and had not been approved")),
            State::Succeeded | State::Partial | State::Unknown | State::Failed if !self.started => {
                Some(format!("{kind} of {id}, which had not started"))
            }
            // where another system did it, our own tables may not have been able to follow
            State::Succeeded if !self.took_effect && facts["followed"] != false => Some(format!("{kind} of {id}, which changed nothing")),
            _ => None,
        }
    }

    fn acts(&mut self, id: &str, kind: &str, leaf: &Value) -> Option<String> {
        self.took_effect = true;
        if !self.started {
            let why = if self.state == State::Approved { "started" } else { "been approved" };
            return Some(format!("{kind} by {id}, which had not {why}"));
        }
        if !matches!(self.state, State::Executing | State::Unknown) {
            return Some(format!("{kind} by {id}, which was over"));
        }
        (target(leaf) != self.target).then(|| format!("{kind} by {id}, on something else than {id} was about"))
    }

    fn hears(&mut self, kind: &str, leaf: &Value) {
        let (facts, actor) = (&leaf["facts"], leaf["actor"].as_str().unwrap_or_default());
        match kind {
            "request.voted" if facts["binding"] == *self.binding => {
                self.votes.retain(|vote| *vote.voter != *actor);
                self.votes.push(Voted { voter: actor.into(), approves: facts["decision"] == "approve", reason: Opened::Unknown });
            }
            "request.vote_withdrawn" => self.votes.retain(|vote| *vote.voter != *actor),
            "request.broke_glass" => self.glass_broken = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(events: &[Value]) -> Vec<String> {
        let mut told = Told::default();
        events.iter().filter_map(|event| told.event(event)).collect()
    }

    fn of(kind: &str, actor: &str, facts: Value) -> Value {
        let target = json!({"type": "org", "id": "org_1"});
        json!({"kind": kind, "actor": actor, "request": "CR-1", "outcome": "success", "target": target, "facts": facts})
    }

    #[test]
    fn what_ran_was_asked_for_approved_and_started() {
        let [asked, voted, approved, started, done, over] = [
            of("request.submitted", "a", json!({"binding": "b1", "approvals": 1})),
            of("request.voted", "b", json!({"decision": "approve", "binding": "b1"})),
            of("request.approved", "b", json!({"binding": "b1", "approvals": 1})),
            of("request.started", "w", json!({"binding": "b1", "attempt": 1})),
            of("org.tier.fixed", "w", json!({})),
            of("request.succeeded", "w", json!({"binding": "b1", "attempt": 1})),
        ];
        let whole = [&asked, &voted, &approved, &started, &done, &over].map(Clone::clone);
        assert_eq!(told(&whole), Vec::<String>::new());
        let without = |n: usize| told(&[&whole[..n], &whole[n + 1..]].concat());
        assert_eq!(without(0)[0], "request.voted of CR-1, which nobody asked for before");
        assert_eq!(without(1), ["CR-1 counts as approved by 1, and 0 approved it"]);
        assert_eq!(without(2), ["CR-1 started, and had not been approved"]);
        assert_eq!(without(3), ["org.tier.fixed by CR-1, which had not started", "request.succeeded of CR-1, which had not started"]);
        assert_eq!(without(4), ["request.succeeded of CR-1, which changed nothing"]);
        let elsewhere = of("request.succeeded", "w", json!({"binding": "b1", "followed": false}));
        assert_eq!(told(&[&whole[..4], &[elsewhere]].concat()), [""; 0]);
        // once, on its target, and as it was approved
        assert_eq!(told(&[&whole[..], std::slice::from_ref(&done)].concat()), ["org.tier.fixed by CR-1, which was over"]);
        let mut other = done.clone();
        other["target"]["id"] = json!("org_2");
        let on_another = told(&[&whole[..4], &[other, over.clone()]].concat());
        assert_eq!(on_another, ["org.tier.fixed by CR-1, on something else than CR-1 was about"]);
        for kind in SEQUELS {
            let follows = of(kind, "w", json!({}));
            assert_eq!(told(&[&whole[..], std::slice::from_ref(&follows)].concat()), [""; 0], "it may follow when the request is over");
            assert_eq!(told(&[&whole[..4], &[follows]].concat()), [format!("{kind} by CR-1, which had not begun it")]);
        }
        let of_something_else = of("request.started", "w", json!({"binding": "b2"}));
        let swapped = told(&[&whole[..3], &[of_something_else], &whole[4..]].concat());
        assert_eq!(swapped, ["request.started of CR-1, and of something else than CR-1 asked for"]);
        let alone = json!({"kind": "org.tier.fixed", "actor": "w", "outcome": "success"});
        assert_eq!(told(&[alone]), ["org.tier.fixed, which no request asked for"]);

        let rejects = of("request.voted", "b", json!({"decision": "reject", "binding": "b1"}));
        let of_another = of("request.voted", "b", json!({"decision": "approve", "binding": "b2"}));
        let own = of("request.voted", "a", json!({"decision": "approve", "binding": "b1"}));
        let taken_back = of("request.vote_withdrawn", "b", json!({}));
        for odd in [vec![rejects], vec![of_another], vec![own.clone()], vec![voted.clone(), taken_back]] {
            let events = [vec![asked.clone()], odd, vec![approved.clone()]].concat();
            assert_eq!(told(&events), ["CR-1 counts as approved by 1, and 0 approved it"]);
        }
        // whoever says that none were needed is held against what was asked
        let forged = of("request.approved", "b", json!({"binding": "b1", "approvals": 0}));
        assert_eq!(told(&[asked.clone(), forged.clone()]), ["CR-1 counts as approved by 1, and 0 approved it"]);
        let by_oneself = of("request.submitted", "a", json!({"binding": "b1", "approvals": 1, "self_approval": true}));
        assert_eq!(told(&[by_oneself, own, approved.clone()]), [""; 0]);
        let glass = of("request.broke_glass", "a", json!({}));
        assert_eq!(told(&[asked.clone(), glass, forged, started.clone(), done.clone(), over.clone()]), Vec::<String>::new());
        assert_eq!(told(&[asked.clone(), asked]), ["CR-1 is asked for twice"]);
        let mut rest = Told::default();
        rest.something_is_gone();
        assert_eq!((rest.event(&done), rest.event(&over)), (None, None), "its beginning was retired");
        rest.event(&json!({"kind": "ledger.retired", "outcome": "success"}));
        assert_eq!(rest.event(&over), None, "something may still be said of it");
        assert!(rest.event(&done).is_some(), "and nothing that was open then is retired");
    }
}
