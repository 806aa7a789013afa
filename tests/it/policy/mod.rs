//! Policy as data, over HTTP: who must countersign what, what may be proposed, and what a draft would have meant.
mod documents;
mod rulings;

use crate::support::{Desk, ORG, REASON, policy, policy_with, two_approvers};
use async_trait::async_trait;
use countersign::{
    auth::{CustomersFix, Service, operators},
    config::Config,
    db::{Change, Db},
    ledger::Entry,
    live::Live,
    operations::{Operation, Preview, Refusal, Risk, Target, Typed, registry::Registry},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

/// Large changes of credit need an approver and somebody from billing.
const LARGE: &str = "[[rule]]\nname = 'credit-large'\nwhen = { operation = 'org.tier.fix', change = { credit = { by_at_least = 100_000 } } }\n\
    needs = [{ group = 'approvers' }, { group = 'billing' }]";
/// As in the policy that is built in: two people change the policy.
const GUARDED: &str = "[[rule]]\nname = 'policy'\nwhen = { operation = 'policy.replace' }\nneeds = [{ group = 'guardians', count = 2 }]";

fn rule(terms: &str) -> String {
    format!("[[rule]]\nname = 'fixes'\nwhen = {{ operation = 'org.tier.fix' }}\nneeds = [{{ group = 'approvers' }}]\n{terms}")
}

async fn under(document: String) -> Desk {
    Desk::with(1, move |config: &mut Config| config.policy.clone_from(&document)).await
}

async fn console(desk: &Desk) -> Db {
    Db::connect(&desk.owner_url().await, Live::new().0).await.unwrap()
}

async fn ask(desk: &Desk, who: &str, fields: Value) -> String {
    let (status, request) = desk.token(who).await.fix(fields).await;
    assert_eq!(status, 201, "{request}");
    request["id"].as_str().unwrap().to_owned()
}

/// Low risk, and nothing but a note in the ledger.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
struct Note {
    text: String,
}

#[async_trait]
impl Operation for Note {
    const NAME: &'static str = "test.note";
    const RISK: Risk = Risk::Low;
    type Asks = CustomersFix;

    async fn lock(&self, _: &mut Change) -> Result<(), Refusal> {
        Ok(())
    }

    async fn preview(&self, _: &mut PgConnection) -> Result<Preview, Refusal> {
        let state = |text: &str| Map::from_iter([("text".to_owned(), json!(text))]);
        Ok(Preview { target: Target { kind: "note", id: "1".into(), label: "note".into() }, before: state(""), after: state(&self.text) })
    }

    async fn apply(&self, change: &mut Change, _: &Preview) -> Result<(), Refusal> {
        change.record(Entry::of("note.taken").on("note", "1")).await?;
        Ok(())
    }
}
