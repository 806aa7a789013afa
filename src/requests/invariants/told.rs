//! What events alone say of requests, without a database: whether whatever ran had been asked for and approved before.
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Kinds of events that say what a request did: each comes with the change itself.
pub(super) const EFFECTS: [&str; 6] = ["org.", "user.", "tool.", "policy.replaced", "subject.", "ledger.resumed"];

/// The requests so far, as the events told of them.
#[derive(Default)]
pub struct Told {
    requests: HashMap<String, Request>,
    /// Not everything is there: a request whose beginning is missing says nothing.
    incomplete: bool,
}

#[derive(Default)]
struct Request {
    binding: Value,
    /// Who approves what it is, and has not taken it back.
    approvers: HashSet<String>,
    approved: bool,
    glass_broken: bool,
    started: bool,
}

/// Whether it tells of a change that only a request can make.
pub fn is_effect(leaf: &Value) -> bool {
    let kind = leaf["kind"].as_str().unwrap_or_default();
    EFFECTS.iter().any(|effect| kind.starts_with(effect)) && leaf["outcome"] == "success"
}

impl Told {
    /// Events are missing, and it is known why.
    pub fn something_is_gone(&mut self) {
        self.incomplete = true;
    }

    /// Takes the next event of the log, and says what should have come before it.
    pub fn event(&mut self, leaf: &Value) -> Option<String> {
        let kind = leaf["kind"].as_str()?;
        let Some(id) = leaf["request"].as_str() else {
            return (is_effect(leaf) && !self.incomplete).then(|| format!("{kind}, which no request asked for"));
        };
        let (facts, actor) = (&leaf["facts"], leaf["actor"].as_str().unwrap_or_default());
        if kind == "request.submitted" {
            let asked = Request { binding: facts["binding"].clone(), ..Request::default() };
            return self.requests.insert(id.to_owned(), asked).map(|_| format!("{id} is asked for twice"));
        }
        let effect = is_effect(leaf);
        if !effect && !kind.starts_with("request.") {
            return None;
        }
        let Some(request) = self.requests.get_mut(id) else {
            return (!self.incomplete).then(|| format!("{kind} of {id}, which nobody asked for before"));
        };
        match kind {
            "request.voted" if facts["decision"] == "approve" && facts["binding"] == request.binding => {
                request.approvers.insert(actor.to_owned());
            }
            "request.vote_withdrawn" => {
                request.approvers.remove(actor);
            }
            "request.approved" => {
                request.approved = true;
                let needed = facts["approvals"].as_u64().unwrap_or_default();
                if (request.approvers.len() as u64) < needed {
                    return Some(format!("{id} counts as approved by {needed}, and {} approved it", request.approvers.len()));
                }
            }
            "request.broke_glass" => request.glass_broken = true,
            "request.started" => {
                request.started = true;
                if !request.approved && !request.glass_broken {
                    return Some(format!("{id} started, and had not been approved"));
                }
            }
            "request.succeeded" | "request.partial" | "request.unknown" if !request.started => {
                return Some(format!("{kind} of {id}, which had not started"));
            }
            _ if effect && !request.approved && !request.glass_broken => {
                return Some(format!("{kind} by {id}, which had not been approved"));
            }
            _ if effect && !request.started => return Some(format!("{kind} by {id}, which had not started")),
            _ => {}
        }
        None
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
        json!({"kind": kind, "actor": actor, "request": "CR-1", "outcome": "success", "facts": facts})
    }

    #[test]
    fn what_ran_was_asked_for_approved_and_started() {
        let [asked, voted, approved, started, done, over] = [
            of("request.submitted", "a", json!({"binding": "b1"})),
            of("request.voted", "b", json!({"decision": "approve", "binding": "b1"})),
            of("request.approved", "b", json!({"approvals": 1})),
            of("request.started", "w", json!({"attempt": 1})),
            of("org.tier.fixed", "w", json!({})),
            of("request.succeeded", "w", json!({"attempt": 1})),
        ];
        let whole = [&asked, &voted, &approved, &started, &done, &over].map(Clone::clone);
        assert_eq!(told(&whole), Vec::<String>::new());
        let without = |n: usize| told(&[&whole[..n], &whole[n + 1..]].concat());
        assert_eq!(without(0)[0], "request.voted of CR-1, which nobody asked for before");
        assert_eq!(without(1), ["CR-1 counts as approved by 1, and 0 approved it"]);
        assert_eq!(without(2), ["CR-1 started, and had not been approved", "org.tier.fixed by CR-1, which had not been approved"]);
        assert_eq!(without(3), ["org.tier.fixed by CR-1, which had not started", "request.succeeded of CR-1, which had not started"]);
        let alone = json!({"kind": "org.tier.fixed", "actor": "w", "outcome": "success"});
        assert_eq!(told(&[alone]), ["org.tier.fixed, which no request asked for"]);
        let rejects = of("request.voted", "b", json!({"decision": "reject", "binding": "b1"}));
        let of_another = of("request.voted", "b", json!({"decision": "approve", "binding": "b2"}));
        let taken_back = of("request.vote_withdrawn", "b", json!({}));
        for odd in [vec![rejects], vec![of_another], vec![voted.clone(), taken_back]] {
            let events = [vec![asked.clone()], odd, vec![approved.clone()]].concat();
            assert_eq!(told(&events), ["CR-1 counts as approved by 1, and 0 approved it"]);
        }
        let glass = of("request.broke_glass", "a", json!({}));
        assert_eq!(told(&[asked.clone(), glass, started.clone(), done.clone(), over.clone()]), Vec::<String>::new());
        assert_eq!(told(&[asked.clone(), asked]), ["CR-1 is asked for twice"]);
        let mut rest = Told::default();
        rest.something_is_gone();
        assert_eq!(rest.event(&over), None, "its beginning was retired");
    }
}
