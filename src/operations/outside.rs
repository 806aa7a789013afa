//! Effects in other systems. Nothing there commits together with our database, so each says what it can promise, is told a
//! key that stays the same however often it is asked, and can be asked what it knows.
use super::{Definition, Guarantee, LongText, Operation, Preview, Problem, Proposal, Refusal, Risk, form};
use crate::{auth::Scope, db::Change, error::Error, i18n::Text};
use async_trait::async_trait;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use std::sync::Arc;

/// What another system answered. Each carries a receipt: what was asked and answered, without secrets.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done(Value),
    /// Some of it was done, and the rest never will be.
    Partly(Value),
    /// It said no, and nothing happened.
    Refused(Value),
    /// It was not reached: nothing can have happened.
    NotSent(Value),
    /// No answer, a broken one, or a failure: it may have happened.
    Unsure(Value),
}

impl Answer {
    pub fn receipt(&self) -> &Value {
        let (Answer::Done(receipt)
        | Answer::Partly(receipt)
        | Answer::Refused(receipt)
        | Answer::NotSent(receipt)
        | Answer::Unsure(receipt)) = self;
        receipt
    }
}

/// The other system of one proposal.
#[async_trait]
pub trait Outside: Send + Sync {
    fn guarantee(&self) -> Guarantee;
    /// Reads the target, for the preview.
    async fn look(&self) -> Result<Value, Refusal>;
    /// Makes it so. `key` is the same for every attempt of a request.
    async fn dispatch(&self, key: &str, preview: &Preview) -> Answer;
    /// Whether the target is now as it was to become: what was read, and `true` if that settles it.
    async fn probe(&self, preview: &Preview) -> Result<(Value, bool), Refusal>;
}

/// An operation that a system of type `S` can carry out.
#[async_trait]
pub trait Through<S: Send + Sync + 'static>: Operation {
    async fn look(&self, system: &S) -> Result<Value, Refusal>;
    /// As [`Operation::preview`], from what the system said.
    async fn preview(&self, conn: &mut PgConnection, seen: &Value) -> Result<Preview, Refusal>;
    async fn dispatch(&self, system: &S, key: &str, preview: &Preview) -> Answer;
    /// The state of the target, with the keys of before and after, as `seen` tells it.
    fn state(&self, seen: &Value) -> Option<Map<String, Value>>;
}

/// Makes a definition of an operation's type and the system that carries it out.
pub struct Carried<O, S> {
    system: Arc<S>,
    guarantee: Guarantee,
    operation: std::marker::PhantomData<fn() -> O>,
}

impl<O, S> Carried<O, S> {
    pub fn by(system: Arc<S>, guarantee: Guarantee) -> Self {
        Self { system, guarantee, operation: std::marker::PhantomData }
    }
}

impl<O: Through<S>, S: Send + Sync + 'static> Definition for Carried<O, S> {
    fn name(&self) -> &'static str {
        O::NAME
    }
    fn version(&self) -> i16 {
        O::VERSION
    }
    fn risk(&self) -> Risk {
        O::RISK
    }
    fn guarantee(&self) -> Guarantee {
        self.guarantee
    }
    fn scope(&self) -> &'static str {
        O::Asks::NAME
    }
    fn schema(&self) -> Value {
        SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator().into_root_schema_for::<O>().to_value()
    }
    fn parse(&self, fields: &Map<String, Value>) -> Result<Box<dyn Proposal>, Vec<Problem>> {
        let operation = form::parse::<O>(&self.schema(), fields)?;
        Ok(Box::new(Errand { operation, system: self.system.clone(), guarantee: self.guarantee }))
    }
}

/// A proposal together with the system it is for.
struct Errand<O, S> {
    operation: O,
    system: Arc<S>,
    guarantee: Guarantee,
}

#[async_trait]
impl<O: Through<S>, S: Send + Sync + 'static> Proposal for Errand<O, S> {
    fn outside(&self) -> Option<&dyn Outside> {
        Some(self)
    }
    fn fields(&self) -> Result<Value, Error> {
        self.operation.fields()
    }
    async fn lock(&self, _: &mut Change) -> Result<(), Refusal> {
        // the other system's rows cannot be locked; the unique index on running requests holds the target
        Ok(())
    }
    async fn preview(&self, conn: &mut PgConnection, seen: &Value) -> Result<Preview, Refusal> {
        Through::preview(&self.operation, conn, seen).await
    }
    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        Operation::apply(&self.operation, change, preview).await
    }
    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        Operation::impact(&self.operation, conn).await
    }
    fn reverse(&self, before: &Value) -> Option<Value> {
        Operation::reverse(&self.operation, before)
    }
    async fn long_text(&self, conn: &mut PgConnection, before: &Value) -> Result<Option<LongText>, Error> {
        Operation::long_text(&self.operation, conn, before).await
    }
}

#[async_trait]
impl<O: Through<S>, S: Send + Sync + 'static> Outside for Errand<O, S> {
    fn guarantee(&self) -> Guarantee {
        self.guarantee
    }
    async fn look(&self) -> Result<Value, Refusal> {
        Through::look(&self.operation, &self.system).await
    }
    async fn dispatch(&self, key: &str, preview: &Preview) -> Answer {
        Through::dispatch(&self.operation, &self.system, key, preview).await
    }
    async fn probe(&self, preview: &Preview) -> Result<(Value, bool), Refusal> {
        let state = self.operation.state(&Through::look(&self.operation, &self.system).await?);
        let settled = state.as_ref().is_some_and(|state| *state == preview.after);
        // no more than what before and after show: the rest is somebody's record
        Ok((state.map_or(Value::Null, Value::Object), settled))
    }
}
