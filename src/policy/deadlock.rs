//! Could this ever be approved? Said when it is asked for, not after days of waiting.
use super::{Filled, Holder, Human, Need, Ruling, fill};
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
