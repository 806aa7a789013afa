//! Roles and scopes as a table, and what of it changes: between two versions, or between what a tenant has and what it would get.
use super::{SCOPES, document::Role, scope_name};
use crate::i18n::Lang;

/// A table of scopes by roles.
pub struct Matrix {
    pub roles: Vec<Head>,
    pub rows: Vec<Row>,
    /// It compares; without, it only shows.
    pub compares: bool,
    pub gained: usize,
    pub lost: usize,
}

pub struct Head {
    pub key: String,
    pub name: String,
    /// A role that comes, or goes.
    pub change: Option<Turn>,
}

pub struct Row {
    pub scope: &'static str,
    pub name: String,
    pub cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub has: bool,
    pub change: Option<Turn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Gained,
    Lost,
}

impl Turn {
    fn of(had: bool, has: bool) -> Option<Self> {
        match (had, has) {
            (false, true) => Some(Turn::Gained),
            (true, false) => Some(Turn::Lost),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Turn::Gained => "gained",
            Turn::Lost => "lost",
        }
    }
}

impl Matrix {
    pub fn of(l: Lang, roles: &[Role]) -> Self {
        let mut matrix = Self::diff(l, roles, roles);
        matrix.compares = false;
        matrix
    }

    /// What becomes of each scope of each role. Roles that go stand at the end.
    pub fn diff(l: Lang, before: &[Role], after: &[Role]) -> Self {
        let find = |roles: &'_ [Role], key: &str| roles.iter().find(|role| role.key == key).cloned();
        let gone = before.iter().filter(|role| find(after, &role.key).is_none());
        let pairs: Vec<(&Role, Option<Role>, Option<Role>)> =
            after.iter().chain(gone).map(|role| (role, find(before, &role.key), find(after, &role.key))).collect();
        let holds = |role: &Option<Role>, scope: &str| role.as_ref().is_some_and(|role| role.has(scope));
        let cell = |(_, was, is): &(&Role, Option<Role>, Option<Role>), scope: &str| {
            let (had, has) = (holds(was, scope), holds(is, scope));
            Cell { has, change: Turn::of(had, has) }
        };
        let rows: Vec<Row> = SCOPES
            .iter()
            .map(|scope| Row { scope, name: scope_name(l, scope), cells: pairs.iter().map(|pair| cell(pair, scope)).collect() })
            .collect();
        let count = |turn: Turn| rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.change == Some(turn)).count();
        Self {
            gained: count(Turn::Gained),
            lost: count(Turn::Lost),
            roles: pairs
                .iter()
                .map(|(role, was, is)| Head {
                    key: role.key.clone(),
                    name: role.name.clone(),
                    change: Turn::of(was.is_some(), is.is_some()),
                })
                .collect(),
            rows,
            compares: true,
        }
    }

    pub fn is_same(&self) -> bool {
        self.gained == 0 && self.lost == 0 && self.roles.iter().all(|role| role.change.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn role(key: &str, scopes: &[&str]) -> Role {
        Role { key: key.into(), name: key.into(), scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect() }
    }

    #[test]
    fn what_comes_and_what_goes_is_marked() {
        let before = [role("owner", &["members:manage", "audit:view"]), role("guest", &["knowledge:read"])];
        let after = [role("owner", &["members:manage", "agents:run"]), role("member", &["agents:run"])];
        let matrix = Matrix::diff(Lang::En, &before, &after);
        let heads: Vec<_> = matrix.roles.iter().map(|head| (&*head.key, head.change)).collect();
        assert_eq!(heads, [("owner", None), ("member", Some(Turn::Gained)), ("guest", Some(Turn::Lost))]);
        let row = |scope: &str| matrix.rows.iter().find(|row| row.scope == scope).unwrap().cells.clone();
        assert_eq!(row("audit:view")[0], Cell { has: false, change: Some(Turn::Lost) });
        assert_eq!(row("members:manage")[0], Cell { has: true, change: None });
        assert_eq!((matrix.gained, matrix.lost), (2, 2));
        assert!(!matrix.is_same() && Matrix::diff(Lang::En, &after, &after).is_same());
    }

    fn roles() -> impl Strategy<Value = Vec<Role>> {
        let scopes = proptest::sample::subsequence(SCOPES.to_vec(), 1..SCOPES.len());
        proptest::collection::btree_map("[a-d]", scopes, 0..4)
            .prop_map(|all| all.into_iter().map(|(key, scopes)| role(&key, &scopes)).collect())
    }

    proptest! {
        /// From the cells of the diff and their marks alone, both sides can be read again.
        #[test]
        fn a_diff_says_both_sides(before in roles(), after in roles()) {
            let matrix = Matrix::diff(Lang::Ko, &before, &after);
            for (place, head) in matrix.roles.iter().enumerate() {
                for row in &matrix.rows {
                    let cell = row.cells[place];
                    let had = cell.has != cell.change.is_some();
                    let in_side = |side: &[Role]| side.iter().any(|role| role.key == head.key && role.has(row.scope));
                    prop_assert_eq!((had, cell.has), (in_side(&before), in_side(&after)));
                }
            }
        }
    }
}
