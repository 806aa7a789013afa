//! Could this ever be approved? Said when it is asked for, not after days of waiting.
use super::{Filled, Holder, Human, Need, Ruling, fill, may_decide};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Who is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Shortage {
    /// Each need with how many people it lacks.
    pub lacking: Vec<(Need, u8)>,
}

impl Shortage {
    /// `billing × 1, approvers × 2`: the same in every language.
    pub fn told(&self) -> String {
        self.lacking.iter().map(|(need, count)| format!("{} × {count}", need.group)).collect::<Vec<_>>().join(", ")
    }
}

/// Those who are there before `until`, each with the roles that they can use for a request of this human: their own, and where the
/// policy lets somebody stand in, those of people who will not be back. Whoever asks cannot lend their roles to it.
pub fn present(people: &[Human], ruling: &Ruling, requester: Uuid, until: DateTime<Utc>) -> Vec<Human> {
    let gone: Vec<Uuid> = people.iter().filter(|p| p.away_until.is_some_and(|back| back >= until)).map(|p| p.id).collect();
    let there = people.iter().filter(|p| !gone.contains(&p.id));
    let lent =
        |p: &Human| p.stands_in.iter().filter(|s| gone.contains(&s.id) && s.human != requester).flat_map(|s| s.roles.clone()).collect();
    let extra = |p: &Human| -> Vec<String> { if ruling.delegation && may_decide(&p.roles) { lent(p) } else { Vec::new() } };
    there.map(|p| Human { roles: p.roles.iter().cloned().chain(extra(p)).collect(), ..p.clone() }).collect()
}

/// Who is missing, if everybody who may approved a request of this human.
pub fn shortage(ruling: &Ruling, requester: Uuid, people: &[Human]) -> Option<Shortage> {
    let holders: Vec<Holder> = people
        .iter()
        .filter(|p| ruling.self_approval || p.human != requester)
        .map(|p| Holder { human: p.human, roles: p.roles.clone() })
        .collect();
    let Filled { have, met, .. } = fill(&ruling.needs, &holders);
    let lacking = ruling.needs.iter().zip(have).filter(|(need, have)| *have < need.count);
    (!met).then(|| Shortage { lacking: lacking.map(|(need, have)| (need.clone(), need.count - have)).collect() })
}
