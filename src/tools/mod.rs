//! Calls of tools that wait for people: an agent asks, people see the very arguments, and the release is for exactly that call.
//! What a tool does is none of our business; the caller runs it once it has seen that it was released.
mod call;
mod risks;

pub use call::ToolCall;
pub use risks::Risks;

use crate::{
    error::Problem,
    i18n::msg,
    operations::{Definition, Guarantee, Holding, Proposal, Risk, Typed},
};
use serde_json::{Map, Value};

/// What the configuration says about calls of tools.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `APPROVAL_WORKFLOW_ENABLED`: whether anything waits at all.
    pub held: bool,
    /// `APPROVAL_TIMEOUT`: seconds until a call that waits expires.
    pub timeout: u32,
    pub risks: Risks,
}

impl Default for Settings {
    fn default() -> Self {
        Self { held: true, timeout: 300, risks: Risks::default() }
    }
}

/// `tool.call` under these settings.
pub struct Tools {
    settings: Settings,
    call: Typed<ToolCall>,
}

impl Tools {
    pub fn new(settings: Settings) -> Self {
        Self { settings, call: Typed::default() }
    }
}

impl Definition for Tools {
    fn name(&self) -> &'static str {
        self.call.name()
    }
    fn version(&self) -> i16 {
        self.call.version()
    }
    /// Of a tool that nobody has said anything about.
    fn risk(&self) -> Risk {
        self.call.risk()
    }
    fn guarantee(&self) -> Guarantee {
        self.call.guarantee()
    }
    fn scope(&self) -> &'static str {
        self.call.scope()
    }
    fn schema(&self) -> Value {
        self.call.schema()
    }
    fn parse(&self, fields: &Map<String, Value>) -> Result<Box<dyn Proposal>, Vec<Problem>> {
        self.call.parse(fields)
    }
    fn risk_of(&self, fields: &Value) -> Risk {
        let text = |key: &str| fields[key].as_str().unwrap_or_default();
        self.settings.risks.of(&call::full_name(text("server"), text("tool")), text("role"))
    }
    /// A role may lower the risk, so nobody acts in one that they do not hold.
    fn objection(&self, fields: &Value, roles: &[String]) -> Option<Problem> {
        let role = fields["role"].as_str().unwrap_or_default();
        (!roles.iter().any(|held| held == role)).then(|| Problem::new("role", msg::tool_role_not_held(role)))
    }
    fn holding(&self) -> Holding {
        Holding { seconds: Some(self.settings.timeout), off: !self.settings.held }
    }
}
