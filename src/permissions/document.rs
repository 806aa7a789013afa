//! A template as it is written: TOML, so that it is read, compared and kept just as it was decided. Whatever is doubtful is refused as a
//! whole, with its line.
//!
//! ```toml
//! name = "표준"
//!
//! [roles.member]
//! name = "구성원"
//! scopes = ["knowledge:read", "agents:run"]
//! ```
use super::SCOPES;
use crate::{
    documents::{Fault, Reader, Section},
    i18n::msg,
};
use serde::Serialize;

/// As much as a column and a form take, in bytes.
pub const LONGEST: usize = 20_000;
/// So many roles are a mistake.
const MOST: usize = 20;
/// Without it nobody could ever let anybody in.
const NEEDED: &str = "members:manage";

/// What a template says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub name: String,
    /// In the order in which they are written.
    pub roles: Vec<Role>,
}

/// One role of a tenant's people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Role {
    pub key: String,
    pub name: String,
    /// In the order of [`SCOPES`].
    pub scopes: Vec<String>,
}

impl Role {
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|had| had == scope)
    }
}

/// Reads a template and tells everything that is wrong with it.
pub fn read(document: &str) -> Result<Document, Vec<Fault>> {
    let table = Reader::parse(document, LONGEST)?;
    let mut r = Reader::new(document);
    let root = Section::root(&table);
    r.only(&root, &["name", "roles"]);
    let name = named(&mut r, &root);
    let mut roles = Vec::new();
    if let Some(all) = r.required(&root, "roles").and_then(|value| r.section(value, "roles".into())) {
        let entries = all.entries();
        if entries.is_empty() || entries.len() > MOST {
            r.fault(all.at, |line| msg::permission_fault_count(line, MOST));
        }
        for (key, value) in entries.into_iter().take(MOST) {
            let path = all.key(&key);
            if !is_role(&key) {
                r.fault(value.span().start, |line| msg::permission_fault_key(&key, line));
            }
            roles.extend(r.section(value, path).and_then(|section| role(&mut r, key, &section)));
        }
        if r.faults.is_empty() && !roles.iter().any(|role: &Role| role.has(NEEDED)) {
            r.fault(all.at, |line| msg::permission_fault_nobody(line, NEEDED));
        }
    }
    r.done(Document { name, roles })
}

fn named<'d>(r: &mut Reader<'d>, section: &Section<'_, 'd>) -> String {
    let Some(value) = r.required(section, "name") else { return String::new() };
    let Some(name) = r.text(value, &section.key("name")) else { return String::new() };
    let (name, key) = (name.trim().to_owned(), section.key("name"));
    if !(1..=80).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        r.fault(value.span().start, |line| msg::permission_fault_name(key, line));
    }
    name
}

fn role<'d>(r: &mut Reader<'d>, key: String, section: &Section<'_, 'd>) -> Option<Role> {
    r.only(section, &["name", "scopes"]);
    let name = named(r, section);
    let value = r.required(section, "scopes")?;
    let path = section.key("scopes");
    let mut held: Vec<String> = Vec::new();
    for item in r.list(value, &path) {
        let Some(scope) = r.text(item, &path) else { continue };
        let at = item.span().start;
        if !SCOPES.contains(&scope.as_str()) {
            r.fault(at, |line| msg::document_fault_unknown_value(&path, SCOPES.join(", "), line, &scope));
        } else if held.contains(&scope) {
            r.fault(at, |line| msg::permission_fault_twice(&key, line, &scope));
        } else {
            held.push(scope);
        }
    }
    if held.is_empty() && r.faults.is_empty() {
        r.fault(value.span().start, |line| msg::permission_fault_no_scopes(&key, line));
    }
    let scopes = SCOPES.iter().filter(|scope| held.iter().any(|had| had == *scope)).map(|scope| (*scope).to_owned()).collect();
    Some(Role { key, name, scopes })
}

fn is_role(key: &str) -> bool {
    key.len() <= 40
        && key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;
    use proptest::prelude::*;

    const GOOD: &str = include_str!("template.toml");

    #[test]
    fn roles_keep_their_order_and_scopes_have_theirs() {
        let read = read(GOOD).unwrap();
        assert_eq!(read.name, "표준");
        assert_eq!(read.roles.iter().map(|role| &*role.key).collect::<Vec<_>>(), ["owner", "manager", "member"]);
        assert_eq!(read.roles[2].scopes, ["knowledge:read", "agents:run"]);
    }

    #[test]
    fn whatever_is_wrong_is_told_with_its_line() {
        let told = |document: &str| -> Vec<(usize, &'static str)> {
            read(document).unwrap_err().into_iter().map(|fault| (fault.line, fault.text.id())).collect()
        };
        assert_eq!(told("name = ''\nroles = 5"), [(1, "permission-fault-name"), (2, "document-fault-kind")]);
        assert_eq!(told("name = 'x'"), [(1, "document-fault-missing")]);
        assert_eq!(told("name = 'x'\n[roles]"), [(2, "permission-fault-count")]);
        let with = |scopes: &str| format!("name = 'x'\n[roles.a]\nname = 'A'\nscopes = {scopes}\n");
        assert_eq!(told(&with("['root']")), [(4, "document-fault-unknown-value")]);
        assert_eq!(told(&with("['audit:view', 'audit:view']")), [(4, "permission-fault-twice")]);
        assert_eq!(told(&with("[]")), [(4, "permission-fault-no-scopes")]);
        assert_eq!(told(&with("['audit:view']"))[0].1, "permission-fault-nobody");
        assert_eq!(told(&with("['members:manage']\nmore = 1")), [(5, "document-fault-unknown-key")]);
        assert_eq!(told("name = 'x'\n[roles.Ä]\nname = 'A'\nscopes = ['members:manage']")[0].1, "document-fault-toml");
        assert_eq!(told("name = 'x'\n[roles.\"Bad key\"]\nname = 'A'\nscopes = ['members:manage']")[0].1, "permission-fault-key");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_gets_an_answer(text in "(?s).{0,200}") {
            if let Err(faults) = read(&text) {
                prop_assert!(!faults.is_empty() && faults.iter().all(|fault| !Lang::Ko.say(&fault.text).is_empty()));
            }
        }
    }
}
