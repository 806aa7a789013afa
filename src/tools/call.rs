//! `tool.call`: an agent wants to call a tool, with exactly these arguments. The effect is the release itself.
use crate::{
    auth::ToolsCall,
    db::Change,
    i18n::msg,
    ledger::{self, Entry},
    operations::{Operation, Preview, Refusal, Risk, TOOL_CALL, Target, legible},
    requests::hex,
};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct ToolCall {
    /// The server that has the tool, as its callers know it.
    #[schemars(extend("maxLength" = 64))]
    pub server: String,
    #[schemars(extend("maxLength" = 128))]
    pub tool: String,
    /// The role in which it is called; the caller must hold it.
    pub role: String,
    /// What the tool is given, as it is: a JSON object.
    pub arguments: Map<String, Value>,
}

/// Bytes of the arguments as people read them.
const LONGEST: usize = 64 * 1024;

/// How a tool is called in patterns, and as the target of its calls.
pub(super) fn full_name(server: &str, tool: &str) -> String {
    format!("{server}/{tool}")
}

#[async_trait]
impl Operation for ToolCall {
    const NAME: &'static str = TOOL_CALL;
    const RISK: Risk = Risk::High;
    type Asks = ToolsCall;

    /// Each call is a thing of its own; nothing is there to be locked.
    async fn lock(&self, _: &mut Change) -> Result<(), Refusal> {
        Ok(())
    }

    async fn preview(&self, _: &mut PgConnection) -> Result<Preview, Refusal> {
        for (field, name) in [("server", &self.server), ("tool", &self.tool)] {
            if !is_name(name) {
                return Err(Refusal::field(field, msg::tool_name_malformed()));
            }
        }
        let arguments = Value::Object(self.arguments.clone());
        if !is_exact(&arguments) {
            return Err(Refusal::field("arguments", msg::tool_number_inexact()));
        }
        let text = legible(&arguments);
        if text.len() > LONGEST {
            return Err(Refusal::field("arguments", msg::tool_arguments_too_deep(LONGEST / 1024)));
        }
        let state = |release: &str, arguments: Option<&str>| {
            Map::from_iter([("release".into(), json!(release)), ("role".into(), json!(self.role)), ("arguments".into(), json!(arguments))])
        };
        let target = Target { kind: "tool", id: full_name(&self.server, &self.tool), label: format!("{} · {}", self.server, self.tool) };
        Ok(Preview { target, before: state("held", None), after: state("released", Some(&text)) })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let hash = hex(&Sha256::digest(ledger::canonical(&Value::Object(self.arguments.clone()))?));
        // a hash of few possible values tells them, so it stands beside the leaf and not in it
        let entry =
            Entry::of("tool.released").on("tool", &preview.target.id).with("role", &*self.role).detail("arguments_sha256", json!(hash));
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }
}

/// No `/` and no `*`: both mean something in patterns.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c))
}

/// Whether every reader of JSON understands each number as the same one (RFC 7493).
fn is_exact(value: &Value) -> bool {
    const MOST: f64 = 9_007_199_254_740_991.0;
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|n| n.abs() <= MOST),
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(items) => items.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}
