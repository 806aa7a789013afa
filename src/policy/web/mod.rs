//! The policy in words, the document itself, and a place to try another one.
mod draft;

use super::{Version, store, words};
use crate::{
    app::App,
    auth::PolicyRead,
    error::Error,
    i18n::Lang,
    operations::registry::Registry,
    page::{self, Link, Shell, Visit, When},
    requests,
    surface::Surface,
};
use askama::Template;
use axum::{extract::State, response::Response};

const VERSIONS: i64 = 50;

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<PolicyRead, _, _>("/policy", index)
        .show::<PolicyRead, _, _>("/policy/simulate", draft::form)
        .act::<PolicyRead, _, _>("/policy/simulate", draft::try_it)
}

#[derive(Template)]
#[template(path = "policy/index.html")]
struct Index {
    shell: Shell,
    version: i32,
    hash: String,
    hash_short: String,
    rules: Vec<RuleView>,
    groups: Vec<GroupView>,
    versions: Vec<VersionView>,
    document: String,
    /// What the configuration lets through, whatever the rules say.
    off: Vec<String>,
}

/// A rule as it is read.
struct RuleView {
    name: String,
    number: Option<String>,
    when: Vec<String>,
    asks: String,
    terms: Vec<String>,
}

struct GroupView {
    label: String,
    name: String,
    roles: String,
    people: Vec<String>,
}

struct VersionView {
    id: i32,
    at: When,
    who: String,
    request: Option<Link>,
    reason: Option<String>,
    hash: String,
    hash_short: String,
}

async fn index(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    let l = visit.l;
    let mut conn = app.db.read().await?;
    let version = super::in_force(&app, &mut conn).await?;
    let (people, versions) = (super::people(&mut conn).await?, store::versions(&mut conn, VERSIONS).await?);
    drop(conn);
    let groups = version.policy.groups.iter().map(|(name, roles)| GroupView {
        label: words::group(l, name),
        name: name.clone(),
        roles: roles.iter().map(|r| words::role(l, r)).collect::<Vec<_>>().join(", "),
        people: people.iter().filter(|p| p.roles.iter().any(|r| roles.contains(r))).map(|p| p.name.clone()).collect(),
    });
    let page = Index {
        shell: visit.shell(&app).await?,
        version: version.id,
        hash_short: version.hash[..12].to_owned(),
        hash: version.hash.clone(),
        rules: rules(l, &app.registry, &version),
        groups: groups.collect(),
        versions: versions
            .into_iter()
            .map(|v| {
                let hash = requests::hex(&v.hash);
                VersionView {
                    id: v.id,
                    at: When::new(l, v.created_at),
                    who: v.requester.unwrap_or_else(|| l.policy_adopted()),
                    request: v.request.map(requests::short_id).map(|id| Link { href: format!("/requests/{id}"), label: id }),
                    reason: v.reason,
                    hash_short: hash[..12].to_owned(),
                    hash,
                }
            })
            .collect(),
        document: version.policy.document.clone(),
        off: app.registry.all().filter(|d| d.holding().off).map(|d| l.policy_off(d.title(l))).collect(),
    };
    page::html(&page)
}

fn rules(l: Lang, registry: &Registry, version: &Version) -> Vec<RuleView> {
    let view = |(n, rule): (usize, &super::Rule)| {
        // a rule about one operation calls fields as that operation does
        let operation = rule.when.iter().find_map(|c| match c {
            super::Condition::Operation(names) if names.len() == 1 => Some(names[0].as_str()),
            _ => None,
        });
        RuleView {
            name: words::rule(l, &rule.name),
            number: (!rule.when.is_empty()).then(|| l.policy_rule_number(n + 1)),
            when: rule.when.iter().map(|c| words::condition(l, registry, operation, c)).collect(),
            asks: words::asks(l, &rule.needs, rule.terms.self_approval == Some(true)),
            terms: words::terms(l, &rule.terms),
        }
    };
    version.policy.rules.iter().enumerate().map(view).collect()
}
