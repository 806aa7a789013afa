//! Requests in the shape that approvals had before there were operations: a tool, its arguments, and one of four statuses.
mod store;

use super::{State, short_id};
use crate::{app::App, error::Error, operations::TOOL_CALL};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// A request as those know it who approved tool calls.
pub struct Approval {
    pub id: i64,
    operation: String,
    target: String,
    requester: String,
    roles: Vec<String>,
    fields: Value,
    pub state: State,
    requested_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    responded_at: Option<DateTime<Utc>>,
    responder: Option<String>,
    reason: Option<String>,
}

/// Those that wait, oldest first, after the one with this id.
pub async fn pending(app: &App, after: i64, limit: i64) -> Result<Vec<Approval>, Error> {
    let mut conn = app.db.read().await?;
    Ok(store::read(&mut conn, None, after, limit).await?)
}

pub async fn find(app: &App, id: i64) -> Result<Approval, Error> {
    let mut conn = app.db.read().await?;
    store::read(&mut conn, Some(id), 0, 1).await?.pop().ok_or(Error::NotFound)
}

impl Approval {
    pub fn json(&self) -> Value {
        let (tool, role, arguments) = match self.operation.as_str() {
            TOOL_CALL => (json!(self.target), self.fields["role"].clone(), self.fields["arguments"].clone()),
            operation => (json!(operation), json!(self.roles.join(",")), self.fields.clone()),
        };
        json!({
            "id": short_id(self.id), "tool": tool, "requester": self.requester, "role": role, "arguments": arguments,
            "status": status(self.state), "requested_at": self.requested_at, "responded_at": self.responded_at, "responder": self.responder,
            "reason": self.reason, "expires_at": self.expires_at,
        })
    }
}

/// There were four. What was taken back or overtaken can be answered no more, and was not done: to the old clients it has expired.
fn status(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Approved | State::Executing | State::Succeeded | State::Failed | State::Partial | State::Unknown => "approved",
        State::Denied => "rejected",
        State::Expired | State::Withdrawn | State::Stale => "expired",
    }
}
