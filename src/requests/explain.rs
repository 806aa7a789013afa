//! What a proposal says about itself, for those who read it before they ask or decide.
use crate::{
    error::Error,
    i18n::Lang,
    operations::{Definition, Proposal},
    page::Diff,
};
use serde_json::Value;
use sqlx::PgConnection;

/// The proposal of these fields, if the operation is still there and still understands them.
pub(super) fn proposal(definition: Option<&dyn Definition>, fields: &Value) -> Option<Box<dyn Proposal>> {
    definition?.parse(fields.as_object()?).ok()
}

/// Before and after, with what they show in short in full.
pub(super) async fn diff(
    conn: &mut PgConnection,
    l: Lang,
    definition: Option<&dyn Definition>,
    proposal: Option<&dyn Proposal>,
    before: &Value,
    after: &Value,
) -> Result<Diff, Error> {
    let label = |key: &str| definition.map_or_else(|| key.to_owned(), |d| d.label(l, key));
    let text = match proposal {
        Some(proposal) => proposal.long_text(conn, before).await?,
        None => None,
    };
    Ok(Diff::new(l, before, after, label).with(text, label))
}

/// What it touches, in sentences.
pub(super) async fn impact(conn: &mut PgConnection, l: Lang, proposal: Option<&dyn Proposal>) -> Result<Vec<String>, Error> {
    let Some(proposal) = proposal else { return Ok(Vec::new()) };
    Ok(proposal.impact(conn).await?.iter().map(|text| l.say(text)).collect())
}
