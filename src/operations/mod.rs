//! What can be asked for. Each operation is one Rust type in its own slice; from that one definition come the web form, the
//! CLI's arguments, the API's body and its schema. A door never knows a particular operation.
pub mod form;
mod legible;
pub mod outside;
pub mod registry;

pub use form::{Field, Kind};
pub use legible::legible;
pub use outside::{Answer, Outside};

use crate::{
    auth::Scope,
    db::Change,
    error::{Error, Problem},
    i18n::{Lang, Text},
};
use async_trait::async_trait;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use std::marker::PhantomData;
use validator::Validate;

/// The one operation that the spine knows by name: its approvals had a shape of their own, and most of them need nobody.
pub const TOOL_CALL: &str = "tool.call";

/// How much harm a mistake does; the policy turns it into a number of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    Low,
    Medium,
    High,
    Critical,
}

impl Risk {
    pub const ALL: [Risk; 4] = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];

    pub fn name(self) -> &'static str {
        match self {
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "high",
            Risk::Critical => "critical",
        }
    }
}

/// What can be promised about an effect when a machine dies in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Guarantee {
    /// The effect commits in the same transaction as its outcome: exactly once.
    Transactional,
    /// Another system does it once for each key it is given: asked again with the same key until it answers.
    Keyed,
    /// Another system does it as often as it is asked, and can be read: asked once, then read back.
    Probeable,
    /// Another system does it and tells nothing: asked once, and whoever does not know asks a human.
    Opaque,
}

impl Guarantee {
    pub const ALL: [Guarantee; 4] = [Guarantee::Transactional, Guarantee::Keyed, Guarantee::Probeable, Guarantee::Opaque];

    pub fn name(self) -> &'static str {
        match self {
            Guarantee::Transactional => "transactional",
            Guarantee::Keyed => "keyed",
            Guarantee::Probeable => "probeable",
            Guarantee::Opaque => "opaque",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guarantee| guarantee.name() == name)
    }
}

/// What a request is about. `kind` and `id` never change; the label is for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: String,
    pub label: String,
}

/// The target as it is and as it would be: flat objects with the same keys.
#[derive(Clone, Debug)]
pub struct Preview {
    pub target: Target,
    pub before: Map<String, Value>,
    pub after: Map<String, Value>,
}

/// Why a preview or an effect is not possible.
#[derive(Debug)]
pub enum Refusal {
    /// A rule of the slice, about one field.
    Rule(Problem),
    /// Not a rule but a failure: the database.
    Failure(Error),
}

impl Refusal {
    pub fn field(field: &str, text: Text) -> Self {
        Refusal::Rule(Problem::new(field, text))
    }
}
impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Refusal::Failure(error.into())
    }
}
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Failure(error)
    }
}
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rule(problem) => Error::Invalid(vec![problem]),
            Refusal::Failure(error) => error,
        }
    }
}

/// One thing that can be asked for. Its fields are the type's own; its texts are `op-<name>-title`, `-description`,
/// `-field-<field>` and `-field-<field>-hint` in the slice's message files (dots and underscores become dashes).
#[async_trait]
pub trait Operation: Serialize + DeserializeOwned + JsonSchema + Validate + Clone + Send + Sync + 'static {
    /// Dotted: noun, then verb.
    const NAME: &'static str;
    /// Raised when fields change their meaning; requests of an older version become stale.
    const VERSION: i16 = 1;
    const RISK: Risk;
    /// Runs although the ledger is halted and nothing proves its approvals yet: only what ends the halt.
    const WHILE_HALTED: bool = false;
    /// Who may ask.
    type Asks: Scope;

    /// Locks the target until the transaction ends, so that what is previewed there is what is changed.
    async fn lock(&self, change: &mut Change) -> Result<(), Refusal>;
    /// Reads the target, checks the rules, and computes before and after. The same when asked and when run.
    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal>;
    /// Makes it so, and records what changed.
    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal>;

    /// What follows in our own database where somebody rejects it, in the transaction of that vote.
    async fn denied(&self, _: &mut Change, _reason: &str) -> Result<(), Error> {
        Ok(())
    }
    /// What it touches beyond the values that change, in a few sentences for those who decide; one query at the most.
    async fn impact(&self, _: &mut PgConnection) -> Result<Vec<Text>, Error> {
        Ok(Vec::new())
    }
    /// Fields that ask for what was there before, where that can be asked for.
    fn reverse(&self, _before: &Value) -> Option<Value> {
        None
    }
    /// Where before and after show a long text in short: the whole text on both sides, under its key.
    async fn long_text(&self, _: &mut PgConnection, _before: &Value) -> Result<Option<LongText>, Error> {
        Ok(None)
    }
    /// The page on which it is asked for, and asked for again, where the form that all operations have does not do.
    fn asked_at(&self) -> Option<String> {
        None
    }
    /// The page where what it began is followed until it is done, where it does not end with the request.
    fn followed_at(&self, _request: i64) -> Option<String> {
        None
    }
    /// Requests that were the last to set a value which is another one now: somebody changed it past the portal.
    async fn overwritten(_: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        Ok(Vec::new())
    }
}

/// A text of many lines as it was and as it would be.
#[derive(Clone, Debug)]
pub struct LongText {
    pub key: &'static str,
    pub before: String,
    pub after: String,
}

/// What the configuration says about how requests wait; nothing, but for calls of tools.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holding {
    /// How long they wait, unless a rule about this very operation says otherwise.
    pub seconds: Option<u32>,
    /// They do not wait at all: somebody switched it off.
    pub off: bool,
}

/// An operation as doors and the request spine see it.
#[async_trait]
pub trait Definition: Send + Sync {
    fn name(&self) -> &'static str;
    fn version(&self) -> i16;
    fn risk(&self) -> Risk;
    /// The risk of these very fields; of most operations it is always the same.
    fn risk_of(&self, _fields: &Value) -> Risk {
        self.risk()
    }
    /// What is wrong with these fields if somebody with these roles asks for them.
    fn objection(&self, _fields: &Value, _roles: &[String]) -> Option<Problem> {
        None
    }
    fn holding(&self) -> Holding {
        Holding::default()
    }
    fn guarantee(&self) -> Guarantee;
    /// As [`Operation::WHILE_HALTED`].
    fn while_halted(&self) -> bool {
        false
    }
    fn scope(&self) -> &'static str;
    /// As [`Operation::overwritten`].
    async fn overwritten(&self, _: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        Ok(Vec::new())
    }
    /// JSON schema (2020-12) of the fields.
    fn schema(&self) -> Value;
    /// The fields of a request, checked for type, range and unknown names.
    fn parse(&self, fields: &Map<String, Value>) -> Result<Box<dyn Proposal>, Vec<Problem>>;

    fn title(&self, l: Lang) -> String {
        self.text(l, "title")
    }
    fn description(&self, l: Lang) -> String {
        self.text(l, "description")
    }
    /// The text of this operation with this ending; a test makes sure that none is missing.
    fn text(&self, l: Lang, ending: &str) -> String {
        let id = text_id(self.name(), ending);
        l.find(&id).unwrap_or(id)
    }
    /// The label of a field or of a key in before and after.
    fn label(&self, l: Lang, field: &str) -> String {
        l.find(&text_id(self.name(), &format!("field-{field}"))).unwrap_or_else(|| field.to_owned())
    }
}

/// `op-` and name and ending, with dashes alone.
pub fn text_id(name: &str, ending: &str) -> String {
    format!("op-{name}-{ending}").replace(['.', '_'], "-")
}

/// One operation with its fields: what was asked for.
#[async_trait]
pub trait Proposal: Send + Sync {
    /// Where the effect is in another system: that system.
    fn outside(&self) -> Option<&dyn Outside> {
        None
    }
    /// The fields as they are bound, stored and shown.
    fn fields(&self) -> Result<Value, Error>;
    async fn lock(&self, change: &mut Change) -> Result<(), Refusal>;
    /// `seen` is what the other system said of its target, and null where there is no other system.
    async fn preview(&self, conn: &mut PgConnection, seen: &Value) -> Result<Preview, Refusal>;
    /// Makes it so in our own database; where the effect is in another system, follows what was done there.
    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal>;
    /// As [`Operation::denied`].
    async fn denied(&self, _: &mut Change, _reason: &str) -> Result<(), Error> {
        Ok(())
    }
    /// As [`Operation::impact`].
    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error>;
    /// As [`Operation::reverse`].
    fn reverse(&self, before: &Value) -> Option<Value>;
    /// As [`Operation::asked_at`].
    fn asked_at(&self) -> Option<String> {
        None
    }
    /// As [`Operation::followed_at`].
    fn followed_at(&self, _request: i64) -> Option<String> {
        None
    }
    /// As [`Operation::long_text`].
    async fn long_text(&self, conn: &mut PgConnection, before: &Value) -> Result<Option<LongText>, Error>;
}

impl dyn Proposal + '_ {
    /// What the other system says of the target; null where there is none. Asked before a transaction begins: nobody else
    /// waits for a slow neighbour.
    pub async fn look(&self) -> Result<Value, Refusal> {
        match self.outside() {
            Some(outside) => outside.look().await,
            None => Ok(Value::Null),
        }
    }
}

/// Makes a definition of an operation's type.
pub struct Typed<O>(PhantomData<fn() -> O>);

impl<O> Default for Typed<O> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[async_trait]
impl<O: Operation> Definition for Typed<O> {
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
        Guarantee::Transactional
    }
    fn while_halted(&self) -> bool {
        O::WHILE_HALTED
    }
    fn scope(&self) -> &'static str {
        O::Asks::NAME
    }
    async fn overwritten(&self, conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        O::overwritten(conn).await
    }
    fn schema(&self) -> Value {
        SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator().into_root_schema_for::<O>().to_value()
    }
    fn parse(&self, fields: &Map<String, Value>) -> Result<Box<dyn Proposal>, Vec<Problem>> {
        form::parse::<O>(&self.schema(), fields).map(|operation| Box::new(operation) as Box<dyn Proposal>)
    }
}

#[async_trait]
impl<O: Operation> Proposal for O {
    fn fields(&self) -> Result<Value, Error> {
        Ok(serde_json::to_value(self).map_err(anyhow::Error::from)?)
    }
    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Operation::lock(self, change).await
    }
    async fn preview(&self, conn: &mut PgConnection, _: &Value) -> Result<Preview, Refusal> {
        Operation::preview(self, conn).await
    }
    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        Operation::apply(self, change, preview).await
    }
    async fn denied(&self, change: &mut Change, reason: &str) -> Result<(), Error> {
        Operation::denied(self, change, reason).await
    }
    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        Operation::impact(self, conn).await
    }
    fn reverse(&self, before: &Value) -> Option<Value> {
        Operation::reverse(self, before)
    }
    fn asked_at(&self) -> Option<String> {
        Operation::asked_at(self)
    }
    fn followed_at(&self, request: i64) -> Option<String> {
        Operation::followed_at(self, request)
    }
    async fn long_text(&self, conn: &mut PgConnection, before: &Value) -> Result<Option<LongText>, Error> {
        Operation::long_text(self, conn, before).await
    }
}
