//! `permissions.publish`: another version of a template of roles. Tenants that have an earlier one keep it.
use super::{
    digest,
    document::{self, Document},
    matrix::Matrix,
    store::{self, Version},
};
use crate::{
    auth::PermissionsChange,
    db::Change,
    documents::{changed_lines, tidy},
    error::Error,
    i18n::{Lang, Text, msg},
    ledger::Entry,
    operations::{LongText, Operation, Preview, Refusal, Risk, Target},
    requests::hex,
};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct PublishPermissions {
    #[schemars(length(max = 40))]
    pub code: String,
    /// The template, in TOML.
    #[schemars(length(max = 20_000), extend("x-lines" = true))]
    pub document: String,
}

#[async_trait]
impl Operation for PublishPermissions {
    const NAME: &'static str = "permissions.publish";
    const RISK: Risk = Risk::High;
    type Asks = PermissionsChange;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(store::lock(change, &self.code).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        if !is_code(&self.code) {
            return Err(Refusal::field("code", msg::permission_code_malformed()));
        }
        let text = tidy(&self.document);
        let read = self.read(&text)?;
        let versions = store::versions(conn, &self.code).await?;
        let newest = versions.first();
        let old = newest.map(|v| tidy(&v.document)).unwrap_or_default();
        if old == text {
            return Err(Refusal::field("document", msg::permission_unchanged()));
        }
        let (gone, new) = changed_lines(&old, &text);
        let before = match newest {
            Some(v) => state(Some(v.version), Some(&v.name), &hex(&v.hash), &gone),
            None => state(None, None, "", ""),
        };
        let after = state(Some(newest.map_or(1, |v| v.version + 1)), Some(&read.name), &hex(&digest(&text)), &new);
        let target = Target { kind: "permissions", id: self.code.clone(), label: format!("{} · {}", read.name, self.code) };
        Ok(Preview { target, before, after })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let text = tidy(&self.document);
        let (read, hash) = (self.read(&text)?, digest(&text));
        let version = store::newest(change, &self.code).await?.unwrap_or(0) + 1;
        store::add(change, &self.code, version, &read.name, &text, &hash).await?;
        let entry = Entry::of("permissions.published").on("permissions", &self.code).with("version", version).with("hash", hex(&hash));
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        let versions = store::versions(conn, &self.code).await?;
        let tenants: i64 = versions.iter().map(|v| v.tenants).sum();
        let mut said = vec![msg::impact_permission_kept(tenants)];
        let after = document::read(&tidy(&self.document)).map(|read| read.roles).unwrap_or_default();
        let before = versions.first().map(Version::roles).transpose()?.unwrap_or_default();
        // the languages differ in names alone, and none is told here
        let matrix = Matrix::diff(Lang::En, &before, &after);
        said.push(msg::impact_permission_cells(matrix.gained, matrix.lost));
        Ok(said)
    }

    /// The version before it, if it is the one that was shown.
    async fn long_text(&self, conn: &mut PgConnection, before: &Value) -> Result<Option<LongText>, Error> {
        let after = tidy(&self.document);
        let Some(number) = before["version"].as_i64() else { return Ok(Some(LongText { key: "lines", before: String::new(), after })) };
        let versions = store::versions(conn, &self.code).await?;
        let shown = versions.iter().find(|v| i64::from(v.version) == number);
        let same = |v: &&Version| before["hash"].as_str().is_some_and(|hash| hex(&v.hash).starts_with(hash));
        Ok(shown.filter(same).map(|v| LongText { key: "lines", before: tidy(&v.document), after }))
    }
}

impl PublishPermissions {
    fn read(&self, text: &str) -> Result<Document, Refusal> {
        document::read(text).map_err(|faults| {
            let first = faults.into_iter().next().map_or_else(msg::permission_unchanged, |fault| fault.text);
            Refusal::field("document", first)
        })
    }
}

/// How a template is called in addresses and requests.
pub fn is_code(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 40 && !["new", "draft"].contains(&text) && text.starts_with(plain) && text.chars().all(|c| plain(c) || c == '-')
}

fn state(version: Option<i32>, name: Option<&str>, hash: &str, lines: &str) -> Map<String, Value> {
    Map::from_iter([
        ("version".into(), json!(version)),
        ("name".into(), json!(name)),
        ("hash".into(), json!(hash.get(..12))),
        ("lines".into(), json!(lines)),
    ])
}
