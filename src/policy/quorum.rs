//! Do these people meet these needs, each person one place only? A small matching of seats and people: counting alone would
//! let one human who is in two groups fill both, or refuse two who could have changed places.
use super::Need;
use crate::auth::{RequestsDecide, Scope, roles_with};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Somebody who approves, or could.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    /// The human behind the account: an agent's owner.
    pub human: Uuid,
    pub roles: Vec<String>,
}

/// Whether somebody with these roles may decide requests at all.
pub fn may_decide(roles: &[String]) -> bool {
    roles_with(RequestsDecide::NAME).iter().any(|deciding| roles.iter().any(|role| role == deciding))
}

/// How far the needs are met.
#[derive(Clone, Debug, PartialEq)]
pub struct Filled {
    /// How many of each need's places are taken, in the order of the needs.
    pub have: Vec<u8>,
    /// Whose approval would bring it further.
    pub open_roles: BTreeSet<String>,
    pub met: bool,
}

/// The best that these people can do. Accounts of the same human are one person.
pub fn fill(needs: &[Need], holders: &[Holder]) -> Filled {
    let mut people: Vec<Holder> = Vec::new();
    for holder in holders {
        match people.iter_mut().find(|p| p.human == holder.human) {
            Some(known) => known.roles.extend(holder.roles.iter().cloned()),
            None => people.push(holder.clone()),
        }
    }
    let seats: Vec<usize> = needs.iter().enumerate().flat_map(|(n, need)| std::iter::repeat_n(n, need.count.into())).collect();
    let may = |person: &Holder, seat: usize| person.roles.iter().any(|role| needs[seats[seat]].roles.contains(role));
    let mut sits: Vec<Option<usize>> = vec![None; seats.len()];
    for person in 0..people.len() {
        let free = (0..seats.len()).filter(|seat| may(&people[person], *seat)).collect();
        seat_somebody(person, free, &mut sits, &mut vec![false; seats.len()], &|p, s| may(&people[p], s));
    }
    let have = (0..needs.len()).map(|n| (0..seats.len()).filter(|s| seats[*s] == n && sits[*s].is_some()).count() as u8).collect();
    let all: BTreeSet<&String> = needs.iter().flat_map(|n| &n.roles).collect();
    let open_roles = all.into_iter().filter(|role| {
        let newcomer = people.len();
        let holds = |s: usize| needs[seats[s]].roles.contains(role);
        let free = (0..seats.len()).filter(|s| holds(*s)).collect();
        let may = |p: usize, s: usize| if p == newcomer { holds(s) } else { may(&people[p], s) };
        seat_somebody(newcomer, free, &mut sits.clone(), &mut vec![false; seats.len()], &may)
    });
    Filled { have, open_roles: open_roles.cloned().collect(), met: sits.iter().all(Option::is_some) }
}

/// Gives somebody a seat, asking others to change places if that helps.
fn seat_somebody(
    person: usize,
    wanted: Vec<usize>,
    sits: &mut Vec<Option<usize>>,
    tried: &mut Vec<bool>,
    may: &dyn Fn(usize, usize) -> bool,
) -> bool {
    for seat in wanted {
        if std::mem::replace(&mut tried[seat], true) {
            continue;
        }
        let moved = match sits[seat] {
            None => true,
            Some(other) => {
                let elsewhere = (0..sits.len()).filter(|s| may(other, *s)).collect();
                seat_somebody(other, elsewhere, sits, tried, may)
            }
        };
        if moved {
            sits[seat] = Some(person);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROLES: [&str; 4] = ["admin", "approver", "billing", "security"];

    fn needs() -> impl Strategy<Value = Vec<Need>> {
        let roles = prop::collection::vec(0usize..ROLES.len(), 1..3);
        prop::collection::vec((roles, 1u8..3), 1..4).prop_map(|all| {
            all.into_iter()
                .enumerate()
                .map(|(n, (roles, count))| Need {
                    group: format!("g{n}"),
                    roles: roles.into_iter().map(|r| ROLES[r].to_owned()).collect(),
                    count,
                })
                .collect()
        })
    }

    fn holders() -> impl Strategy<Value = Vec<Holder>> {
        prop::collection::vec((0u128..5, prop::collection::vec(0usize..ROLES.len(), 0..3)), 0..7).prop_map(|all| {
            all.into_iter()
                .map(|(n, roles)| Holder { human: Uuid::from_u128(n), roles: roles.into_iter().map(|r| ROLES[r].to_owned()).collect() })
                .collect()
        })
    }

    /// Every way to seat people, tried one after the other.
    fn brute(seats: &[&Need], people: &[(Uuid, Vec<String>)]) -> bool {
        let Some((seat, rest)) = seats.split_first() else { return true };
        (0..people.len()).any(|p| {
            let fits = people[p].1.iter().any(|r| seat.roles.contains(r));
            let others: Vec<_> = people.iter().enumerate().filter(|(n, _)| *n != p).map(|(_, p)| p.clone()).collect();
            fits && brute(rest, &others)
        })
    }

    fn humans(holders: &[Holder]) -> Vec<(Uuid, Vec<String>)> {
        let mut all = std::collections::BTreeMap::<Uuid, Vec<String>>::new();
        holders.iter().for_each(|h| all.entry(h.human).or_default().extend(h.roles.iter().cloned()));
        all.into_iter().collect()
    }

    /// Hall: every set of seats has at least as many people who may sit on one of them.
    fn hall(seats: &[&Need], people: &[(Uuid, Vec<String>)]) -> bool {
        (0u32..1 << seats.len()).all(|set| {
            let chosen: Vec<_> = seats.iter().enumerate().filter(|(n, _)| set >> n & 1 == 1).map(|(_, s)| s).collect();
            let near = people.iter().filter(|p| chosen.iter().any(|s| p.1.iter().any(|r| s.roles.contains(r)))).count();
            near >= chosen.len()
        })
    }

    proptest! {
        #[test]
        fn seats_are_filled_exactly_when_halls_condition_holds_and_every_try_agrees(needs in needs(), holders in holders()) {
            let seats: Vec<&Need> = needs.iter().flat_map(|n| std::iter::repeat_n(n, n.count.into())).collect();
            let people = humans(&holders);
            let filled = fill(&needs, &holders);
            prop_assert_eq!(filled.met, brute(&seats, &people));
            prop_assert_eq!(filled.met, hall(&seats, &people));
            prop_assert!(filled.have.iter().map(|n| usize::from(*n)).sum::<usize>() <= people.len(), "one human, one place");
            prop_assert_eq!(filled.met, filled.open_roles.is_empty());
        }

        #[test]
        fn an_open_role_is_one_whose_next_holder_brings_it_further(needs in needs(), holders in holders(), role in 0usize..ROLES.len()) {
            let before = fill(&needs, &holders);
            let mut more = holders.clone();
            more.push(Holder { human: Uuid::from_u128(99), roles: vec![ROLES[role].to_owned()] });
            let sum = |f: &Filled| f.have.iter().map(|n| u32::from(*n)).sum::<u32>();
            prop_assert_eq!(before.open_roles.contains(ROLES[role]), sum(&fill(&needs, &more)) > sum(&before));
        }

        #[test]
        fn another_account_of_the_same_human_changes_nothing(needs in needs(), holders in holders()) {
            let mut doubled = holders.clone();
            doubled.extend(holders.iter().cloned());
            prop_assert_eq!(fill(&needs, &doubled).met, fill(&needs, &holders).met);
        }
    }
}
