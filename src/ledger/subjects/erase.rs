//! `subject.erase`: what the ledger and closed requests hold about a person is made unreadable, for good. Leaves, hashes, proofs and
//! bindings stay: that something happened, when and by whom, is not taken back.
use super::store;
use crate::{
    auth::PersonalErase,
    db::Change,
    error::Error,
    i18n::{Text, msg},
    ledger::Entry,
    operations::{Operation, Preview, Refusal, Risk, Target},
};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

/// Whose data it is: a customer's person, or one of our own.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    User,
    Operator,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct EraseSubject {
    pub kind: Kind,
    #[schemars(length(max = 64), extend("x-lookup" = "/users"))]
    pub id: String,
}

#[async_trait]
impl Operation for EraseSubject {
    const NAME: &'static str = "subject.erase";
    const RISK: Risk = Risk::Critical;
    type Asks = PersonalErase;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(store::lock(change, self.kind.name(), &self.id).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        let about = store::about(conn, self.kind.name(), &self.id).await?;
        if about.at_work {
            return Err(Refusal::field("id", msg::erase_at_work()));
        }
        if let Some(open) = about.open {
            return Err(Refusal::field("id", msg::erase_open_request(crate::requests::short_id(open))));
        }
        if about.details == 0 && about.requests == 0 && !about.has_key {
            return Err(Refusal::field("id", msg::erase_nothing(&self.id)));
        }
        // what is said about an erasure is not about the person: neither its target nor its label names them, and it stays
        let id = format!("{}:{}", self.kind.name(), self.id);
        let target = Target { kind: "subject", label: id.clone(), id };
        Ok(Preview { target, before: state(about.details, about.requests), after: state(0, 0) })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let request = change.request().ok_or_else(|| Error::from(anyhow::anyhow!("an erasure is done for a request")))?;
        store::erase(change, request, self.kind.name(), &self.id).await?;
        let told = |name: &str| preview.before.get(name).cloned().unwrap_or_default();
        let entry = Entry::of("subject.erased").on("subject", &preview.target.id);
        change.record(entry.with("details", told("details")).with("requests", told("requests"))).await?;
        Ok(())
    }

    async fn impact(&self, _: &mut PgConnection) -> Result<Vec<Text>, Error> {
        Ok(vec![msg::impact_erase_for_good(), msg::impact_erase_stays()])
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Operator => "operator",
        }
    }
}

fn state(details: i64, requests: i64) -> Map<String, Value> {
    Map::from_iter([("details".into(), json!(details)), ("requests".into(), json!(requests))])
}
