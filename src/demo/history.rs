//! A year of requests, played on the customers it is about: what is shown as before and after really followed one from
//! the other, and the customers end up as the history left them.
use super::{PROBLEM_ORG, Scale, matters::Matter, names};
use crate::{
    auth::Role,
    ledger::{self, Entry, Outcome, Sealed},
    operations::registry::Registry,
    policy::Version,
    requests::{Request, Ruling, State},
};
use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc, Weekday};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

pub struct Org {
    pub id: String,
    pub company: usize,
    pub name: String,
    pub tier: &'static str,
    pub credit: i64,
}

pub struct User {
    pub id: String,
    pub name: String,
    pub email: String,
    pub plan: &'static str,
    /// Organisations with the role there.
    pub member_of: Vec<(usize, &'static str)>,
}

/// Somebody who asks or decides.
pub struct Actor {
    pub id: Uuid,
    pub name: String,
    pub roles: Vec<Role>,
}

/// A vote of the history.
pub struct Voted {
    pub voter: Uuid,
    pub approves: bool,
    pub reason: Option<&'static str>,
    pub at: DateTime<Utc>,
}

/// A request with all that happened to it.
pub struct Story {
    pub request: Request,
    pub vote: Option<Voted>,
    pub ended: Option<DateTime<Utc>>,
    pub review: Option<super::emergencies::Reviewed>,
    pub events: Vec<Sealed>,
}

impl Story {
    /// It expires then, and not when it would.
    pub(super) fn expires(&mut self, at: DateTime<Utc>) {
        self.request.expires_at = truncated(at);
        self.request.rebind();
        self.events = vec![submitted(&self.request)];
    }
}

pub struct World {
    pub companies: Vec<(String, String)>,
    pub orgs: Vec<Org>,
    pub users: Vec<User>,
    pub(super) rng: StdRng,
    executor: Uuid,
    /// Whether templates of roles are there, so that tenants get some.
    rights: bool,
    /// Targets that a waiting request is about: nothing else happens to them, so that what it shows stays true.
    waited_for: HashSet<String>,
    /// When a value of a customer was last set, by what has been told so far.
    set: HashMap<(String, String), DateTime<Utc>>,
}

pub(super) const TIERS: [&str; 4] = ["free", "starter", "pro", "enterprise"];

impl World {
    /// The customers as they were a year ago.
    pub fn new(scale: Scale, executor: Uuid) -> Self {
        let mut rng = StdRng::seed_from_u64(20_261_121);
        let companies: Vec<_> = (0..scale.companies).map(|n| (names::id("cmp", &mut rng), names::company(n))).collect();
        let mut orgs: Vec<Org> = (0..scale.orgs)
            .map(|n| {
                let company = n % scale.companies;
                let tier = *[TIERS[0], TIERS[1], TIERS[1], TIERS[2], TIERS[2], TIERS[3]].choose(&mut rng).expect("not empty");
                let credit = if tier == "free" { 0 } else { rng.random_range(1..200) * 1_000 };
                Org { id: names::id("org", &mut rng), company, name: names::team(n / scale.companies), tier, credit }
            })
            .collect();
        orgs[0] = Org { id: PROBLEM_ORG.into(), company: 0, name: "데이터플랫폼팀".into(), tier: "free", credit: 0 };
        let users = (0..scale.users)
            .map(|n| {
                let home = rng.random_range(0..scale.orgs);
                let mut member_of = vec![(home, *["owner", "admin", "member", "member", "member"].choose(&mut rng).expect("not empty"))];
                if rng.random_bool(0.3) {
                    let other = rng.random_range(0..scale.orgs);
                    if other != home {
                        member_of.push((other, "member"));
                    }
                }
                let plan = if rng.random_bool(0.35) { "pro" } else { "free" };
                User {
                    id: names::id("usr", &mut rng),
                    name: names::person(&mut rng),
                    email: format!("user{n:05}@customer{:02}.example", orgs[home].company),
                    plan,
                    member_of,
                }
            })
            .collect();
        Self { companies, orgs, users, rng, executor, rights: scale.catalog, waited_for: HashSet::new(), set: HashMap::new() }
    }

    /// Times of requests over the year before `now`, oldest first: office hours mostly, fewer at night and at weekends.
    pub fn times(&mut self, count: usize, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let mut times = Vec::with_capacity(count);
        while times.len() < count {
            let at = now - TimeDelta::milliseconds(self.rng.random_range(6 * 3_600_000..365 * 86_400_000_i64));
            let local = at.with_timezone(&chrono_tz::Asia::Seoul);
            let weekend = matches!(local.weekday(), Weekday::Sat | Weekday::Sun);
            let chance = match (weekend, local.hour()) {
                (true, _) => 0.06,
                (false, 9..19) => 1.0,
                (false, 7..9 | 19..23) => 0.25,
                _ => 0.04,
            };
            if self.rng.random_bool(chance) {
                times.push(at);
            }
        }
        times.sort_unstable();
        times
    }

    /// One request of the past, and its end.
    pub fn past(&mut self, id: i64, at: DateTime<Utc>, people: &[Actor], registry: &Registry, policy: &Version) -> Story {
        let mut story = self.asked(id, at, people, registry, policy);
        let deciders: Vec<Uuid> = people
            .iter()
            .filter(|p| p.roles.iter().any(|r| matches!(r, Role::Admin | Role::Approver)) && p.id != story.request.requester_id)
            .map(|p| p.id)
            .collect();
        let voter = deciders[self.rng.random_range(0..deciders.len())];
        // most are decided within the hour, some take a day: log-normal with a median of about twelve minutes
        let minutes = (2.5 + 1.3 * self.normal()).exp().clamp(0.3, 2_000.0);
        let decided = (at + TimeDelta::milliseconds((minutes * 60_000.0) as i64)).min(Utc::now() - TimeDelta::minutes(1));
        // nothing of the last days can have expired yet
        let fate = self.rng.random_range(if story.request.expires_at < Utc::now() { 0..100 } else { 9..100 });
        match fate {
            0..6 => self.denied(&mut story, voter, decided),
            6..9 => end(&mut story, State::Expired, None, self.executor, story_expiry),
            9..11 => {
                let (requester, when) = (story.request.requester_id, at + TimeDelta::minutes(7));
                end(&mut story, State::Withdrawn, None, requester, move |_| when);
            }
            11..13 => {
                self.approved(&mut story, voter, decided);
                let why = json!({"code": "target_moved", "was": story.request.before, "is": story.request.after});
                end(&mut story, State::Stale, Some(why), self.executor, move |_| decided + TimeDelta::milliseconds(180));
            }
            _ => {
                self.approved(&mut story, voter, decided);
                self.executed(&mut story, decided + TimeDelta::milliseconds(150));
            }
        }
        story
    }

    /// A request that waits now; `minutes_left` until it expires.
    pub fn waiting(
        &mut self,
        id: i64,
        at: DateTime<Utc>,
        minutes_left: Option<i64>,
        people: &[Actor],
        registry: &Registry,
        policy: &Version,
    ) -> Story {
        let mut story = self.asked(id, at, people, registry, policy);
        let requester = people.iter().find(|p| p.id == story.request.requester_id).expect("one of them asked");
        let r = &mut story.request;
        self.waited_for.insert(r.target_id.clone());
        // a few are of the kinds that the past has not: much credit at once, and plans that end
        if r.fields["credit"].is_i64() && self.rng.random_bool(0.2) {
            let credit = json!(self.rng.random_range(15..40) * 100_000);
            (r.fields["credit"], r.after["credit"]) = (credit.clone(), credit);
        } else if r.fields["plan"] == "pro" && self.rng.random_bool(0.5) {
            let until = json!((Utc::now() + TimeDelta::days(self.rng.random_range(30..365))).date_naive());
            (r.fields["until"], r.after["until"]) = (until.clone(), until);
        }
        let roles: Vec<String> = requester.roles.iter().map(|role| role.name().to_owned()).collect();
        r.judge(policy, registry.find(&r.operation).expect("it was asked for"), &roles);
        if let Some(minutes) = minutes_left {
            r.expires_at = truncated(Utc::now() + TimeDelta::minutes(minutes));
        }
        r.rebind();
        story.events = vec![submitted(&story.request)];
        story
    }

    pub(super) fn asked(&mut self, id: i64, at: DateTime<Utc>, people: &[Actor], registry: &Registry, policy: &Version) -> Story {
        let askers: Vec<&Actor> = people.iter().filter(|p| p.roles.iter().any(|r| r.holds("customers:fix"))).collect();
        let requester = askers[self.rng.random_range(0..askers.len())];
        let matter = loop {
            let asked = if self.rng.random_bool(0.6) { self.fix() } else { self.grant() };
            if !self.waited_for.contains(&asked.target.1) {
                break asked;
            }
        };
        Self::story(id, at, requester, matter, registry, policy)
    }

    /// Somebody asked for this.
    pub(super) fn story(id: i64, at: DateTime<Utc>, requester: &Actor, matter: Matter, registry: &Registry, policy: &Version) -> Story {
        let Matter { operation: name, fields, target, before, after, reason } = matter;
        let definition = registry.find(name).expect("the demo asks for operations that exist");
        let roles: Vec<String> = requester.roles.iter().map(|r| r.name().to_owned()).collect();
        let mut request = Request {
            id,
            operation: name.into(),
            operation_version: definition.version(),
            fields,
            reason,
            risk: definition.risk().name().into(),
            requester_id: requester.id,
            requester: requester.name.clone(),
            requester_human: requester.id,
            door: "web".into(),
            target_type: target.0.into(),
            target_id: target.1,
            target_label: target.2,
            before,
            after,
            binding: Vec::new(),
            binding_salt: None,
            created_at: truncated(at),
            expires_at: truncated(at),
            not_before: None,
            ruling: Ruling::default(),
            state: State::Pending,
            version: 1,
            execute_by: None,
            decided_at: None,
            closed_at: None,
            outcome: None,
            run_after: None,
            waits_for: Vec::new(),
            escalated_at: None,
            glass: None,
        };
        request.judge(policy, definition, &roles);
        request.rebind();
        let events = vec![submitted(&request)];
        Story { request, vote: None, ended: None, review: None, events }
    }

    fn denied(&mut self, story: &mut Story, voter: Uuid, at: DateTime<Utc>) {
        let reason = *names::DENIALS.choose(&mut self.rng).expect("not empty");
        self.denied_because(story, voter, at, reason);
    }

    pub(super) fn denied_because(&mut self, story: &mut Story, voter: Uuid, at: DateTime<Utc>, reason: &'static str) {
        vote(story, voter, false, Some(reason), at);
        end(story, State::Denied, None, voter, move |_| at);
        story.request.decided_at = Some(truncated(at));
    }

    pub(super) fn approved(&mut self, story: &mut Story, voter: Uuid, at: DateTime<Utc>) {
        vote(story, voter, true, None, at);
        let r = &mut story.request;
        r.state = State::Approved;
        r.version += 1;
        r.decided_at = Some(truncated(at));
        r.execute_by = Some(truncated(at) + r.ruling.execute_within());
        story.events.push(seal(voter, "web", at, 2, about(r, "request.approved").with("binding", r.binding_hex()).with("approvals", 1)));
    }

    pub(super) fn executed(&mut self, story: &mut Story, at: DateTime<Utc>) {
        let r = &story.request;
        let kind = match r.operation.as_str() {
            "org.tier.fix" => "org.tier.fixed",
            "catalog.publish" => "catalog.published",
            "promotion.open" => "promotion.opened",
            "subscription.change" => "subscription.changed",
            "subscription.migrate" => "subscription.migration.begun",
            "addon.change" => "addon.changed",
            "permissions.publish" => "permissions.published",
            _ if r.target_type == "tool" => "tool.released",
            _ if r.target_type == "tenant" => "onboarding.approved",
            _ => "user.plan.granted",
        };
        let executor = self.executor;
        story.events.push(seal(executor, "worker", at, 1, about(r, "request.started").with("binding", r.binding_hex()).with("attempt", 1)));
        let told = match kind {
            "subscription.changed" => super::subscriptions::changed(r),
            "subscription.migration.begun" => super::subscriptions::moves(r),
            "addon.changed" => super::addons::changed(r),
            _ => about(r, kind),
        };
        story.events.push(seal(executor, "worker", at, 2, told.before(r.before.clone()).after(r.after.clone())));
        if r.operation == "onboarding.approve" {
            let active = about(r, "tenant.activated").before(json!({"status": "provisioning"})).after(json!({"status": "active"}));
            let all = [active].into_iter().chain(super::subscriptions::begun(r, at)).zip(3..);
            story.events.extend(all.map(|(entry, nth)| seal(executor, "worker", at, nth, entry)));
            story.events.extend(self.rights.then(|| super::rights::applied(&r.target_id, r.id, at)));
        }
        // what was asked for later may have been decided earlier
        let mut last = |key: &str| {
            let before = self.set.entry((r.target_id.clone(), key.to_owned())).or_default();
            let is_last = *before <= at;
            *before = at.max(*before);
            is_last
        };
        if let Some(org) = self.orgs.iter_mut().find(|o| o.id == r.target_id) {
            if let Some(tier) = TIERS.into_iter().find(|t| r.after["tier"] == *t).filter(|_| last("tier")) {
                org.tier = tier;
            }
            if let Some(credit) = r.after["credit"].as_i64().filter(|_| last("credit")) {
                org.credit = credit;
            }
        } else if let Some(user) = self.users.iter_mut().find(|u| u.id == r.target_id).filter(|_| last("plan")) {
            user.plan = if r.after["plan"] == "pro" { "pro" } else { "free" };
        }
        story.request.version += 1;
        story.ended = Some(truncated(at));
        end(story, State::Succeeded, Some(json!({"code": "done"})), executor, move |_| at);
    }

    /// A standard normal number (Box–Muller).
    fn normal(&mut self) -> f64 {
        let (u, v): (f64, f64) = (self.rng.random_range(f64::EPSILON..1.0), self.rng.random());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

fn story_expiry(request: &Request) -> DateTime<Utc> {
    request.expires_at
}

pub(super) fn truncated(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.timestamp_millis()).expect("a time of this century")
}

pub(super) fn about(r: &Request, kind: &'static str) -> Entry {
    Entry::of(kind).request(r.id).on(&r.target_type, &r.target_id)
}

pub(super) fn seal(actor: Uuid, door: &'static str, at: DateTime<Utc>, nth: u16, entry: Entry) -> Sealed {
    ledger::seal(actor, door, None, truncated(at), nth, entry).expect("demo entries are small")
}

pub(super) fn submitted(r: &Request) -> Sealed {
    let entry = about(r, "request.submitted")
        .with("operation", &*r.operation)
        .with("binding", r.binding_hex())
        .with("rule", &*r.ruling.rule)
        .because(&r.reason)
        .before(r.before.clone())
        .after(r.after.clone());
    seal(r.requester_id, "web", r.created_at, 1, entry)
}

fn vote(story: &mut Story, voter: Uuid, approves: bool, reason: Option<&'static str>, at: DateTime<Utc>) {
    let r = &story.request;
    let mut entry =
        about(r, "request.voted").with("decision", if approves { "approve" } else { "reject" }).with("binding", r.binding_hex());
    if let Some(reason) = reason {
        entry = entry.because(reason);
    }
    story.events.push(seal(voter, "web", at, 1, entry));
    story.vote = Some(Voted { voter, approves, reason, at: truncated(at) });
}

fn end(story: &mut Story, state: State, outcome: Option<Value>, actor: Uuid, when: impl Fn(&Request) -> DateTime<Utc>) {
    let at = when(&story.request);
    let r = &mut story.request;
    (r.state, r.outcome, r.closed_at) = (state, outcome, Some(truncated(at)));
    r.version += 1;
    let (kind, ended) = match state {
        State::Denied => ("request.denied", Outcome::Denied),
        State::Expired => ("request.expired", Outcome::Failure),
        State::Withdrawn => ("request.withdrawn", Outcome::Success),
        State::Stale => ("request.stale", Outcome::Failure),
        _ => ("request.succeeded", Outcome::Success),
    };
    let door = if matches!(state, State::Denied | State::Withdrawn) { "web" } else { "worker" };
    story.events.push(seal(actor, door, at, 9, about(r, kind).outcome(ended).with("binding", r.binding_hex())));
}
