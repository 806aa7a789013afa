//! `policy.replace`: another document takes the place of the policy. Countersigned like everything else, under the rules that it
//! would change.
use super::{Case, Policy, Version, document, shortage, simulator, store, version};
use crate::{
    auth::{PolicyPropose, Scope, roles_with},
    db::Change,
    documents::{Fault, changed_lines, tidy},
    error::Error,
    i18n::{Text, msg},
    ledger::Entry,
    operations::{LongText, Operation, Preview, Refusal, Risk, Target},
};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct ReplacePolicy {
    /// The whole document, in TOML.
    #[schemars(length(max = 20_000), extend("x-lines" = true))]
    pub document: String,
}

/// What it is about: type and id of its target.
pub(super) const TARGET: &str = "policy";

#[async_trait]
impl Operation for ReplacePolicy {
    const NAME: &'static str = "policy.replace";
    const RISK: Risk = Risk::Critical;
    type Asks = PolicyPropose;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(store::lock(change).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        let document = tidy(&self.document);
        let policy = version::check(&document).map_err(first)?;
        let newest = version::newest_id(conn).await?;
        let stored = store::version(conn, newest).await?;
        if tidy(&stored.document) == document {
            return Err(Refusal::field("document", msg::policy_unchanged()));
        }
        if let Some(lacking) = locks_out(conn, &policy).await? {
            return Err(Refusal::field("document", msg::policy_locks_out(lacking)));
        }
        let (gone, new) = changed_lines(&tidy(&stored.document), &document);
        let target = Target { kind: TARGET, id: TARGET.into(), label: "policy.toml".into() };
        let before = state(newest, &crate::requests::hex(&stored.hash), &gone);
        Ok(Preview { target, before, after: state(newest + 1, &version::hash_of(&document), &new) })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let document = tidy(&self.document);
        let id = version::newest_id(change).await? + 1;
        let request = change.request();
        store::add(change, id, &document, &version::digest(&document), request).await?;
        let entry = Entry::of("policy.replaced").on("policy", "policy").with("version", id).with("policy", version::hash_of(&document));
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        let Ok(policy) = version::check(&tidy(&self.document)) else { return Ok(Vec::new()) };
        let caught = simulator::waiting(conn, policy).await?;
        let capped = (caught.all >= simulator::LOOKED_AT).then(|| msg::impact_policy_newest(simulator::LOOKED_AT));
        let found = match caught {
            simulator::Caught { all: 0, .. } => msg::impact_policy_none(),
            simulator::Caught { all, more: 0 } => msg::impact_policy_same(all),
            simulator::Caught { all, more } => msg::impact_policy_more(all, more),
        };
        Ok([found].into_iter().chain(capped).collect())
    }

    /// The document that was in force, if it is the one that was shown.
    async fn long_text(&self, conn: &mut PgConnection, before: &Value) -> Result<Option<LongText>, Error> {
        let Some(id) = before["version"].as_i64().and_then(|id| i32::try_from(id).ok()) else { return Ok(None) };
        let stored = store::version(conn, id).await?;
        let shown = crate::requests::hex(&stored.hash);
        let same = before["hash"].as_str().is_some_and(|hash| shown.starts_with(hash));
        Ok(same.then(|| LongText { key: "lines", before: tidy(&stored.document), after: tidy(&self.document) }))
    }
}

fn first(faults: Vec<Fault>) -> Refusal {
    let text = faults.into_iter().next().map_or_else(msg::policy_unchanged, |fault| fault.text);
    Refusal::field("document", text)
}

fn state(version: i32, hash: &str, lines: &str) -> Map<String, Value> {
    Map::from_iter([("version".into(), json!(version)), ("hash".into(), json!(hash.get(..12))), ("lines".into(), json!(lines))])
}

/// Who is missing, if nobody who may propose the next policy could ever have it approved, at whatever hour they ask. Checked for
/// a week's hours, since rules may look at the clock.
async fn locks_out(conn: &mut PgConnection, policy: &Policy) -> Result<Option<String>, Refusal> {
    let people = store::people(conn).await?;
    let proposing = roles_with(PolicyPropose::NAME);
    let monday = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(4);
    let draft = Version { id: 0, hash: String::new(), policy: policy.clone() };
    let mut told = None;
    for proposer in people.iter().filter(|p| p.roles.iter().any(|r| proposing.contains(&r.as_str()))) {
        for hour in 0..7 * 24 {
            let fields = json!({"document": "[groups]"});
            let state = |version: i64, text: &str| json!({"version": version, "hash": text, "lines": text});
            let (before, after) = (state(1, "before"), state(2, "after"));
            let ruling = draft.rule(&Case {
                operation: ReplacePolicy::NAME,
                risk: ReplacePolicy::RISK,
                roles: &proposer.roles,
                fields: &fields,
                before: &before,
                after: &after,
                target_type: TARGET,
                target_id: TARGET,
                target_label: "policy.toml",
                at: monday + TimeDelta::hours(hour),
                door: "web",
            });
            if ruling.self_approval {
                return Err(Refusal::field("document", msg::policy_replaced_alone(&ruling.rule)));
            }
            match shortage(&ruling, proposer.human, &people) {
                None => return Ok(None),
                Some(shortage) => told = Some(shortage.told()),
            }
        }
    }
    Ok(Some(told.unwrap_or_else(|| document::NOBODY.to_owned())))
}
