//! How far the approvals of a request reach, under the policy it was made with and under the one in force: tightening a policy
//! reaches requests that wait, and loosening it changes nothing for them.
mod store;

use super::{Request, Ruling, Vote};
use crate::{
    app::App,
    error::Error,
    operations::{Definition, Risk},
    policy::{self, Case, Filled, Holder, Need, StandIn, Version, fill},
};
use sqlx::PgConnection;
use std::collections::BTreeSet;
use store::{Standings, Voter};
use uuid::Uuid;

pub(super) struct Tally {
    pub votes: Vec<Vote>,
    /// What the policy in force says; nothing if the operation does not exist any more, or its requester may not ask for it any more.
    pub now: Option<Ruling>,
    /// Everybody whose approval counts, with the roles they hold now.
    counted: Vec<Holder>,
    pub bound: Filled,
    pub current: Option<Filled>,
    bound_ruling: Ruling,
    /// What makes a vote count: it is on this binding, and not by this human.
    binding: Vec<u8>,
    requester: Uuid,
}

/// One need as it stands.
pub(super) struct Standing<'a> {
    pub need: &'a Need,
    pub have: u8,
}

impl Request {
    /// What a rule may look at.
    pub(super) fn case<'a>(&'a self, risk: Risk, roles: &'a [String]) -> Case<'a> {
        Case {
            operation: &self.operation,
            risk,
            roles,
            fields: &self.fields,
            before: &self.before,
            after: &self.after,
            target_type: &self.target_type,
            target_id: &self.target_id,
            target_label: &self.target_label,
            at: self.created_at,
            door: &self.door,
        }
    }
}

impl Request {
    /// What policy and configuration say about it now.
    fn ruled(&self, policy: &Version, definition: &dyn Definition, roles: &[String]) -> Ruling {
        policy.rule_held(&self.case(definition.risk_of(&self.fields), roles), definition.holding())
    }

    /// Takes over what a policy says about it, and all that follows from that.
    pub(crate) fn judge(&mut self, policy: &Version, definition: &dyn Definition, roles: &[String]) {
        let ruling = self.ruled(policy, definition, roles);
        self.risk = definition.risk_of(&self.fields).name().into();
        self.expires_at = self.created_at + ruling.pending();
        self.waits_for = ruling.voter_roles();
        self.ruling = ruling;
    }
}

impl Tally {
    pub async fn of(app: &App, conn: &mut PgConnection, request: &Request) -> Result<Self, Error> {
        let standings = store::standings(conn, request, None).await?;
        Self::by(app, conn, request, standings).await
    }

    /// The same, with somebody who wants to vote.
    pub async fn before(app: &App, conn: &mut PgConnection, request: &Request, voter: Uuid) -> Result<(Self, Voter), Error> {
        let mut standings = store::standings(conn, request, Some(voter)).await?;
        let voter = standings.voter.take().ok_or(Error::SignedOut)?;
        Ok((Self::by(app, conn, request, standings).await?, voter))
    }

    async fn by(app: &App, conn: &mut PgConnection, request: &Request, s: Standings) -> Result<Self, Error> {
        let (human, roles) = s.requester;
        // whoever may not ask for it any more is not helped by those who approved
        let may_ask = |d: &&dyn Definition| d.objection(&request.fields, &roles).is_none();
        let now = match app.registry.find(&request.operation).filter(may_ask) {
            Some(definition) => Some(request.ruled(&*policy::numbered(app, conn, s.policy).await?, definition, &roles)),
            None => None,
        };
        Ok(Self::count(s.votes, now, request.ruling.clone(), request.binding.clone(), human))
    }

    fn count(votes: Vec<Vote>, now: Option<Ruling>, bound_ruling: Ruling, binding: Vec<u8>, requester: Uuid) -> Self {
        let own_counts = bound_ruling.self_approval && now.as_ref().is_some_and(|r| r.self_approval);
        let lent = bound_ruling.delegation && now.as_ref().is_some_and(|r| r.delegation);
        let counted = counted(&votes, &binding, requester, own_counts, lent);
        let bound = fill(&bound_ruling.needs, &counted);
        let current = now.as_ref().map(|r| fill(&r.needs, &counted));
        Self { votes, now, counted, bound, current, bound_ruling, binding, requester }
    }

    /// As it is once this vote is cast, instead of an earlier one by the same account.
    pub fn with(self, vote: Vote) -> Self {
        let mut votes = self.votes;
        votes.retain(|v| v.voter_id != vote.voter_id);
        votes.push(vote);
        votes.sort_by_key(|v| (v.at, v.voter_id));
        Self::count(votes, self.now, self.bound_ruling, self.binding, self.requester)
    }

    /// The human who asked, whatever account they used.
    pub fn requester(&self) -> Uuid {
        self.requester
    }

    pub fn met(&self) -> bool {
        self.bound.met && self.current.as_ref().is_some_and(|f| f.met)
    }

    /// How many people's approvals count for something.
    pub fn have(&self) -> usize {
        let fills = |h: &&Holder| self.needs().iter().any(|n| n.roles.iter().any(|r| h.roles.contains(r)));
        self.counted.iter().filter(fills).map(|h| h.human).collect::<BTreeSet<_>>().len()
    }

    /// The roles whose holders would bring it further.
    pub fn waits_for(&self) -> Vec<String> {
        let open = self.bound.open_roles.iter().chain(self.current.iter().flat_map(|f| &f.open_roles));
        open.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The needs of both policies; those that are the same once.
    pub fn needs(&self) -> Vec<&Need> {
        let mut all: Vec<&Need> = self.bound_ruling.needs.iter().collect();
        all.extend(self.now.iter().flat_map(|r| &r.needs).filter(|n| !self.bound_ruling.needs.contains(n)));
        all
    }

    /// The same with how far each is met: first those it was made with, then what the policy in force adds.
    pub fn standings(&self) -> (Vec<Standing<'_>>, Vec<Standing<'_>>) {
        let zip = |needs, have: &[u8]| -> Vec<Standing<'_>> {
            std::iter::zip(needs, have).map(|(need, have)| Standing { need, have: *have }).collect()
        };
        let bound = zip(&self.bound_ruling.needs, &self.bound.have);
        let added = match (&self.now, &self.current) {
            (Some(r), Some(f)) if r.needs != self.bound_ruling.needs => zip(&r.needs, &f.have),
            _ => Vec::new(),
        };
        (bound, added)
    }

    /// Whether somebody with these roles has a say in it.
    pub fn eligible(&self, roles: &[impl AsRef<str>]) -> bool {
        self.needs().iter().any(|need| roles.iter().any(|role| need.roles.iter().any(|r| r == role.as_ref())))
    }

    /// Whether this person's approval would be enough, with those that are there.
    pub fn met_with(&self, human: Uuid, roles: Vec<String>) -> bool {
        let mut all = self.counted.clone();
        all.push(Holder { human, roles });
        fill(&self.bound_ruling.needs, &all).met && self.now.as_ref().is_some_and(|r| fill(&r.needs, &all).met)
    }

    /// Only if it was allowed when asked and still is: closing the exception reaches requests that wait.
    pub fn self_approval(&self) -> bool {
        self.both(|r| r.self_approval)
    }

    /// Whether somebody may use the roles of an absent person for whom they stand in.
    pub fn delegation(&self) -> bool {
        self.both(|r| r.delegation)
    }

    /// Those of the absent people whose roles may be used for this request: never those of whoever asked.
    pub fn lent(&self, stands_in: Vec<StandIn>) -> Vec<StandIn> {
        stands_in.into_iter().filter(|s| self.delegation() && s.human != self.requester).collect()
    }

    pub fn batch(&self) -> bool {
        self.both(|r| r.batch)
    }

    pub fn break_glass(&self) -> bool {
        self.both(|r| r.break_glass)
    }

    fn both(&self, allows: impl Fn(&Ruling) -> bool) -> bool {
        allows(&self.bound_ruling) && self.now.as_ref().is_some_and(allows)
    }

    /// The stricter of both.
    pub fn step_up_minutes(&self) -> Option<u32> {
        let now = self.now.as_ref().and_then(|r| r.step_up_minutes);
        [self.bound_ruling.step_up_minutes, now].into_iter().flatten().min()
    }
}

/// Whose approvals count: of exactly this request, and never of the human who asked unless that is allowed. Those who are disabled
/// have no roles and fill no need. Roles that were lent count where that is allowed, but nobody's twice: not if their holder
/// voted too, and for the first who used them only.
fn counted(votes: &[Vote], binding: &[u8], requester: Uuid, own_counts: bool, lent: bool) -> Vec<Holder> {
    let counts = |v: &&Vote| v.approves && v.binding == binding && (own_counts || v.human != requester);
    let counting: Vec<&Vote> = votes.iter().filter(counts).collect();
    let mut used: BTreeSet<Uuid> = counting.iter().map(|v| v.human).chain([requester]).collect();
    let mut holder = |v: &&Vote| {
        let mut roles = v.roles.clone();
        // whoever may not decide any more stands in for nobody
        if lent && policy::may_decide(&roles) {
            roles.extend(v.stands_for.iter().filter(|s| used.insert(s.human)).flat_map(|s| s.roles.iter().cloned()));
        }
        Holder { human: v.human, roles }
    };
    counting.iter().map(&mut holder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The last of them may not decide.
    const ROLES: [&str; 4] = ["admin", "approver", "billing", "cs"];

    /// Something that happens to a request or to the people around it.
    #[derive(Clone, Debug)]
    enum Happens {
        Votes { account: u128, approves: bool, binding: u8, stands_for: Option<u128> },
        Gets { account: u128, role: usize },
        Loses { account: u128, role: usize },
        Disabled { account: u128 },
    }

    fn happens() -> impl Strategy<Value = Happens> {
        prop_oneof![
            (0u128..6, any::<bool>(), 0u8..2, prop::option::of(0u128..6))
                .prop_map(|(account, approves, binding, stands_for)| Happens::Votes { account, approves, binding, stands_for }),
            (0u128..6, 0usize..4).prop_map(|(account, role)| Happens::Gets { account, role }),
            (0u128..6, 0usize..4).prop_map(|(account, role)| Happens::Loses { account, role }),
            (0u128..6).prop_map(|account| Happens::Disabled { account }),
        ]
    }

    /// Accounts 4 and 5 are agents of human 0.
    fn human(account: u128) -> Uuid {
        Uuid::from_u128(if account > 3 { 0 } else { account })
    }

    proptest! {
        /// Whatever is voted, for whomever, and whoever changes roles or leaves: the human who asked is nobody's quorum, and a
        /// quorum is as many humans who were there as people whose authority it took.
        #[test]
        fn the_requesters_own_human_never_counts(
            story in prop::collection::vec(happens(), 0..40), count in 1u8..3, group in 1usize..=3, lent in any::<bool>(),
        ) {
            let mut roles: BTreeMap<u128, BTreeSet<&str>> = BTreeMap::new();
            let mut votes: BTreeMap<u128, (bool, u8, Option<u128>)> = BTreeMap::new();
            let mut disabled = BTreeSet::new();
            for event in story {
                match event {
                    Happens::Votes { account, approves, binding, stands_for } => { votes.insert(account, (approves, binding, stands_for)); }
                    Happens::Gets { account, role } => { roles.entry(account).or_default().insert(ROLES[role]); }
                    Happens::Loses { account, role } => { roles.entry(account).or_default().remove(ROLES[role]); }
                    Happens::Disabled { account } => { disabled.insert(account); }
                }
            }
            let held = |account: &u128| -> Vec<String> {
                roles.get(account).filter(|_| !disabled.contains(account)).into_iter().flatten().map(|r| (*r).to_owned()).collect()
            };
            let absent = |account: &u128| StandIn {
                id: Uuid::from_u128(*account), human: human(*account), name: String::new(), roles: held(account),
            };
            let all: Vec<Vote> = votes.iter().map(|(account, (approves, binding, stands_for))| Vote {
                voter_id: Uuid::from_u128(*account), human: human(*account), voter: String::new(), approves: *approves, binding: vec![*binding],
                reason: None, door: "web".into(), at: chrono::DateTime::UNIX_EPOCH, roles: held(account),
                stands_for: sqlx::types::Json(stands_for.iter().map(absent).collect()),
            }).collect();
            let needs = [Need { group: "g".into(), roles: ROLES[..group].iter().map(|r| (*r).to_owned()).collect(), count }];
            let counted = counted(&all, &[1], human(0), false, lent);
            prop_assert!(counted.iter().all(|h| h.human != human(0)));
            let counting = || all.iter().filter(|v| v.approves && v.binding == [1] && v.human != human(0) && policy::may_decide(&v.roles));
            let fits = |roles: &[String]| roles.iter().any(|r| needs[0].roles.contains(r));
            let met = fill(&needs, &counted).met;
            if !lent {
                let able: BTreeSet<Uuid> = counting().filter(|v| fits(&v.roles)).map(|v| v.human).collect();
                prop_assert_eq!(met, able.len() >= usize::from(count));
            }
            if met {
                // so many people were there, and so many lent or had the authority; the one who asked is none of them
                let there: BTreeSet<Uuid> = counting().map(|v| v.human).collect();
                let authorities: BTreeSet<Uuid> = counting().filter(|v| fits(&v.roles)).map(|v| v.human)
                    .chain(counting().flat_map(|v| v.stands_for.iter()).filter(|s| fits(&s.roles) && s.human != human(0)).map(|s| s.human)).collect();
                prop_assert!(there.len() >= usize::from(count) && authorities.len() >= usize::from(count));
            }
        }
    }
}
