//! How much harm a tool can do, by its name and by the role of who calls it.
use crate::operations::{Operation, Risk};
use std::collections::BTreeMap;

/// Patterns of `server/tool` with their risks. What nobody has said anything about is high: a tool's own word for being harmless
/// counts for nothing.
#[derive(Clone, Debug, Default)]
pub struct Risks(Vec<Line>);

#[derive(Clone, Debug)]
struct Line {
    pattern: String,
    risk: Risk,
    roles: BTreeMap<String, Risk>,
}

impl Risks {
    /// From a table: `"github/get_*" = "low"`, or `"db/query" = { risk = "high", roles = { sre = "medium" } }`. Tells everything that
    /// is wrong with it.
    pub fn read(table: &toml::Table) -> Result<Self, Vec<String>> {
        let (mut lines, mut wrong) = (Vec::new(), Vec::new());
        for (pattern, value) in table {
            match line(pattern, value) {
                Ok(line) => lines.push(line),
                Err(what) => wrong.push(format!("{pattern:?}: {what}")),
            }
        }
        // the closest first: a name before a pattern, more of a name before less, and of equals the one that fears more
        let literal = |line: &Line| line.pattern.chars().filter(|c| *c != '*').count();
        lines.sort_by_key(|line| (line.pattern.contains('*'), std::cmp::Reverse((literal(line), line.risk))));
        if wrong.is_empty() { Ok(Self(lines)) } else { Err(wrong) }
    }

    pub fn of(&self, tool: &str, role: &str) -> Risk {
        let line = self.0.iter().find(|line| matches(&line.pattern, tool));
        line.map_or(super::ToolCall::RISK, |line| line.roles.get(role).copied().unwrap_or(line.risk))
    }
}

fn line(pattern: &str, value: &toml::Value) -> Result<Line, String> {
    if !pattern.contains('/') && pattern != "*" {
        return Err("a pattern is server/tool, where * stands for anything".into());
    }
    let no_roles = toml::Table::new();
    let (risk_of_all, roles) = match value {
        toml::Value::String(_) => (value, &no_roles),
        toml::Value::Table(table) => {
            if let Some(key) = table.keys().find(|key| !["risk", "roles"].contains(&key.as_str())) {
                return Err(format!("{key} is not known; say risk and roles"));
            }
            let roles = match table.get("roles") {
                None => &no_roles,
                Some(toml::Value::Table(roles)) => roles,
                Some(_) => return Err("roles must be a table of roles and risks".into()),
            };
            (table.get("risk").ok_or("risk is missing")?, roles)
        }
        _ => return Err("say a risk, or a table of risk and roles".into()),
    };
    let roles = roles.iter().map(|(role, value)| {
        crate::auth::Role::for_person(role).ok_or_else(|| format!("there is no role {role:?}"))?;
        Ok((role.clone(), risk(value)?))
    });
    Ok(Line { pattern: pattern.to_owned(), risk: risk(risk_of_all)?, roles: roles.collect::<Result<_, String>>()? })
}

fn risk(value: &toml::Value) -> Result<Risk, String> {
    let found = value.as_str().and_then(|name| Risk::ALL.into_iter().find(|risk| risk.name() == name));
    found.ok_or_else(|| format!("{} is no risk; it must be low, medium, high or critical", value.as_str().unwrap_or("what it says")))
}

/// `*` stands for any text, also for none.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        // the first place leaves most for those that follow
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn risks(text: &str) -> Result<Risks, Vec<String>> {
        Risks::read(&text.parse().unwrap())
    }

    #[test]
    fn the_closest_pattern_decides_a_role_may_differ_and_what_is_not_named_is_high() {
        let table = "'*' = 'medium'\n'github/*' = 'medium'\n'github/get_*' = 'low'\n'github/delete_repo' = 'critical'\n
            'github/*_repo' = 'high'\n'db/query' = { risk = 'high', roles = { sre = 'medium', cs = 'critical' } }";
        let risks = risks(table).unwrap();
        for (tool, role, risk) in [
            ("github/get_file", "ops", Risk::Low),
            ("github/delete_repo", "ops", Risk::Critical),
            ("github/create_repo", "ops", Risk::High),
            ("github/comment", "ops", Risk::Medium),
            ("db/query", "ops", Risk::High),
            ("db/query", "sre", Risk::Medium),
            ("db/query", "cs", Risk::Critical),
            ("mail/send", "ops", Risk::Medium),
        ] {
            assert_eq!(risks.of(tool, role), risk, "{tool} as {role}");
        }
        assert_eq!(Risks::default().of("github/get_file", "admin"), Risk::High);
    }

    #[test]
    fn a_table_that_says_something_else_than_it_means_is_refused() {
        for text in [
            "'query' = 'low'",
            "'db/query' = 'tiny'",
            "'db/query' = 3",
            "'db/query' = { roles = {} }",
            "'db/query' = { risk = 'low', role = 'sre' }",
            "'db/query' = { risk = 'high', roles = { boss = 'low' } }",
            "'db/query' = { risk = 'high', roles = 'sre' }",
        ] {
            assert_eq!(risks(text).unwrap_err().len(), 1, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_matches_what_a_regular_expression_would(pattern in "[ab*/]{0,6}", name in "[ab/]{0,8}") {
            let expected = regex::Regex::new(&format!("^{}$", pattern.replace('*', ".*"))).unwrap().is_match(&name);
            prop_assert_eq!(matches(&pattern, &name), expected);
        }
    }
}
