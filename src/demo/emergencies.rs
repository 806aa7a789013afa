//! What broke the glass in the demo's year, and what was said of it afterwards.
use super::{
    history::{Actor, Story, World, about, seal, submitted, truncated},
    names,
};
use crate::{
    auth::Role,
    operations::registry::Registry,
    policy::Version,
    requests::{Glass, State, glass},
};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{SeedableRng, rngs::StdRng, seq::IndexedRandom};
use uuid::Uuid;

/// What somebody said about a broken glass of the history.
pub struct Reviewed {
    pub reviewer: Uuid,
    pub justified: bool,
    pub note: &'static str,
    pub at: DateTime<Utc>,
}

impl World {
    /// A request that broke the glass, and what was said of it, if anything was.
    pub fn broken(
        &mut self,
        id: i64,
        at: DateTime<Utc>,
        said: Option<(bool, &'static str)>,
        people: &[Actor],
        registry: &Registry,
        policy: &Version,
    ) -> Story {
        // drawn apart, so that the rest of the year is what it would be without
        let usual = std::mem::replace(&mut self.rng, StdRng::seed_from_u64(id as u64));
        let mut story = std::iter::repeat_with(|| self.asked(id, at, people, registry, policy))
            .find(|story| story.request.ruling.break_glass)
            .expect("the demo's policy lets somebody break the glass");
        let emergency = *names::EMERGENCIES.choose(&mut self.rng).expect("not empty");
        self.rng = usual;
        let r = &mut story.request;
        r.glass = Some(Glass { emergency: emergency.into(), review_due_at: r.created_at + r.ruling.review_within() });
        (r.state, r.decided_at, r.execute_by) = (State::Approved, Some(r.created_at), Some(r.created_at + r.ruling.execute_within()));
        r.version += 1;
        r.waits_for.clear();
        r.rebind();
        let skipped: Vec<String> = r.ruling.needs.iter().map(|need| format!("{} × {}", need.group, need.count)).collect();
        let broke = about(r, glass::BROKE).with("binding", r.binding_hex()).with("rule", &*r.ruling.rule).with("skipped", skipped);
        let approved = about(r, "request.approved").with("binding", r.binding_hex()).with("approvals", 0);
        story.events = vec![
            submitted(r),
            seal(r.requester_id, "web", r.created_at, 2, broke.because(emergency)),
            seal(r.requester_id, "web", r.created_at, 3, approved),
        ];
        self.executed(&mut story, at + TimeDelta::milliseconds(150));
        if let Some((justified, note)) = said {
            let reviewers = people.iter().filter(|p| p.id != story.request.requester_id && p.roles.contains(&Role::Approver));
            let (reviewer, at) = (reviewers.map(|p| p.id).next().expect("the demo has an approver"), at + TimeDelta::minutes(95));
            let reviewed = about(&story.request, "request.reviewed").with("verdict", if justified { "justified" } else { "not_justified" });
            story.events.push(seal(reviewer, "web", at, 1, reviewed.because(note)));
            story.review = Some(Reviewed { reviewer, justified, note, at: truncated(at) });
        }
        story
    }
}
