//! `catalog.publish`: another version of a plan's or an add-on's price list. Nobody who is subscribed to an earlier one is charged by it.
use super::{
    Currency, Days, Kind, Version,
    charges::Charge,
    is_code, prices,
    store::{self, New},
};
use crate::{
    auth::CatalogChange,
    db::Change,
    documents::{changed_lines, tidy},
    error::Error,
    i18n::{Text, msg},
    ledger::Entry,
    operations::{LongText, Operation, Preview, Refusal, Risk, Target, form::grouped},
    requests::hex,
};
use async_trait::async_trait;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Publish {
    pub kind: Kind,
    #[schemars(length(max = 40))]
    pub code: String,
    /// What it is called; may be left out of a product that has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 240))]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Currency")]
    pub currency: Option<Currency>,
    /// The first day, in Korea.
    #[schemars(with = "String", extend("format" = "date"))]
    pub starts: NaiveDate,
    /// The day after the last one. Without it, it lasts until another version begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date"))]
    pub ends: Option<NaiveDate>,
    /// The price list, in TOML.
    #[schemars(length(max = 20_000), extend("x-lines" = true))]
    pub prices: String,
}

/// What a version takes over from: its name, the version whose place it takes, and its own number.
struct Place<'a> {
    name: Option<String>,
    /// The version in its currency that begins last before it and was not withdrawn.
    predecessor: Option<&'a Version>,
    number: i32,
}

#[async_trait]
impl Operation for Publish {
    const NAME: &'static str = "catalog.publish";
    const RISK: Risk = Risk::High;
    type Asks = CatalogChange;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(store::lock(change, self.kind, &self.code).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        if !is_code(&self.code) {
            return Err(Refusal::field("code", msg::catalog_code_malformed()));
        }
        let document = tidy(&self.prices);
        self.charges(&document)?;
        let versions = store::versions(conn, self.kind, &self.code).await?;
        let place = self.place(store::name(conn, self.kind, &self.code).await?, &versions);
        let name = self.name(&place)?;
        self.fits(&versions, store::today(conn).await?)?;
        let old = place.predecessor.map(|v| tidy(&v.document)).unwrap_or_default();
        let same_name = place.name.as_ref() == Some(&name);
        if old == document && same_name && place.predecessor.is_some_and(|v| v.days.ends.is_none()) && self.ends.is_none() {
            return Err(Refusal::field("prices", msg::catalog_unchanged()));
        }
        let (gone, new) = changed_lines(&old, &document);
        let follows = place.predecessor.map(|v| v.version);
        // only what is of its own currency: a price list in another one that comes in between changes nothing of this
        let before = match place.predecessor {
            Some(v) => state(follows, place.name.as_deref(), Some(v.currency), Some(v.days), &hex(&v.hash), &gone),
            None => state(None, None, None, None, "", ""),
        };
        let after = state(follows, Some(&name), Some(self.currency()), Some(self.days()), &hex(&digest(&document)), &new);
        let target = Target { kind: self.kind.name(), id: self.code.clone(), label: format!("{name} · {}", self.code) };
        Ok(Preview { target, before, after })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let document = tidy(&self.prices);
        let versions = store::versions(change, self.kind, &self.code).await?;
        let place = self.place(store::name(change, self.kind, &self.code).await?, &versions);
        let name = self.name(&place)?;
        store::call(change, self.kind, &self.code, &name).await?;
        if let Some(old) = self.ended(&place) {
            store::end(change, self.kind, &self.code, old.version, Some(self.starts)).await?;
        }
        let hash = digest(&document);
        let new = New { version: place.number, currency: self.currency(), days: self.days(), document: &document, hash: &hash };
        store::add(change, self.kind, &self.code, &new).await?;
        match store::draft(change, self.kind, &self.code).await? {
            Some(draft) if tidy(&draft.document) == document => _ = store::discard(change, self.kind, &self.code).await?,
            // somebody has gone on with it, or with something else: it becomes a draft of the version after this one
            Some(_) => store::renumber(change, self.kind, &self.code, place.number + 1).await?,
            None => {}
        }
        let entry =
            Entry::of("catalog.published").on(self.kind.name(), &self.code).with("version", place.number).with("prices", hex(&hash));
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        store::overwritten(conn).await
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        let (versions, today) = (store::versions(conn, self.kind, &self.code).await?, store::today(conn).await?);
        let place = self.place(store::name(conn, self.kind, &self.code).await?, &versions);
        let mut said = vec![match self.ended(&place) {
            Some(old) => msg::impact_catalog_ends(self.starts.to_string(), old.version),
            None => msg::impact_catalog_nothing_ends(),
        }];
        said.extend(self.gaps(&versions));
        said.push(msg::impact_catalog_pinned());
        if let (Some(was), Ok(is)) = (&place.name, self.name(&place))
            && *was != is
        {
            said.push(msg::impact_catalog_renamed(is, was));
        }
        if self.starts < today {
            said.push(msg::impact_catalog_past(self.starts.to_string()));
        }
        for charge in prices::read(&tidy(&self.prices)).unwrap_or_default() {
            for end in charge.drops() {
                said.push(msg::impact_catalog_drops(grouped(i64::try_from(end).unwrap_or(i64::MAX)), &charge.key));
            }
        }
        Ok(said)
    }

    /// The price list whose place it takes, if it is the one that was shown.
    async fn long_text(&self, conn: &mut PgConnection, before: &Value) -> Result<Option<LongText>, Error> {
        let after = tidy(&self.prices);
        let Some(number) = before["follows"].as_i64() else { return Ok(Some(LongText { key: "lines", before: String::new(), after })) };
        let versions = store::versions(conn, self.kind, &self.code).await?;
        let shown = versions.iter().find(|v| i64::from(v.version) == number);
        let same = |v: &&Version| before["hash"].as_str().is_some_and(|hash| hex(&v.hash).starts_with(hash));
        Ok(shown.filter(same).map(|v| LongText { key: "lines", before: tidy(&v.document), after }))
    }
}

impl Publish {
    fn currency(&self) -> Currency {
        self.currency.unwrap_or_default()
    }

    pub(super) fn days(&self) -> Days {
        Days { starts: self.starts, ends: self.ends }
    }

    fn charges(&self, document: &str) -> Result<Vec<Charge>, Refusal> {
        prices::read_for(self.kind, document).map_err(|faults| {
            let first = faults.into_iter().next().map_or_else(msg::catalog_unchanged, |fault| fault.text);
            Refusal::field("prices", first)
        })
    }

    fn place<'a>(&self, name: Option<String>, versions: &'a [Version]) -> Place<'a> {
        let mine = |v: &&Version| v.currency == self.currency() && v.withdrawn_at.is_none() && v.days.starts < self.starts;
        let predecessor = versions.iter().filter(mine).max_by_key(|v| v.days.starts);
        Place { name, predecessor, number: versions.first().map_or(1, |newest| newest.version + 1) }
    }

    /// The version that ends because this one begins.
    fn ended<'a>(&self, place: &Place<'a>) -> Option<&'a Version> {
        place.predecessor.filter(|old| old.days.meets(&self.days()))
    }

    fn name(&self, place: &Place<'_>) -> Result<String, Refusal> {
        let given = self.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        match given.map(str::to_owned).or_else(|| place.name.clone()) {
            None => Err(Refusal::field("name", msg::field_required())),
            Some(name) if name.chars().count() > 80 => Err(Refusal::field("name", msg::catalog_name_too_long())),
            Some(name) => Ok(name),
        }
    }

    /// Days next to its own on which nothing is sold in its currency.
    fn gaps(&self, versions: &[Version]) -> Vec<Text> {
        let others = || versions.iter().filter(|v| v.currency == self.currency() && v.withdrawn_at.is_none()).map(|v| v.days);
        let mut said = Vec::new();
        let before = others().filter(|days| days.starts < self.starts);
        // one without an end is ended by this one
        if let Some(ended) = before.map(|days| days.ends.unwrap_or(self.starts)).max().filter(|ended| *ended < self.starts) {
            said.push(gap(ended, self.starts));
        }
        if let Some(ends) = self.ends {
            match others().map(|days| days.starts).filter(|starts| *starts >= ends).min() {
                Some(next) if next > ends => said.push(gap(ends, next)),
                Some(_) => {}
                None => said.push(msg::impact_catalog_stops(ends.to_string())),
            }
        }
        said
    }

    /// Whether its days are free. A version without an end makes room for one that begins later, as long as no day that has passed
    /// gets another price.
    fn fits(&self, versions: &[Version], today: NaiveDate) -> Result<(), Refusal> {
        if self.ends.is_some_and(|ends| ends <= self.starts) {
            return Err(Refusal::field("ends", msg::catalog_days_empty()));
        }
        for old in versions.iter().filter(|v| v.currency == self.currency() && v.withdrawn_at.is_none()) {
            if !old.days.meets(&self.days()) {
                continue;
            }
            let makes_room = old.days.ends.is_none() && old.days.starts < self.starts;
            if !makes_room {
                return Err(Refusal::field("starts", msg::catalog_days_taken(old.days.to_string(), old.version)));
            }
            // today's price stands until midnight: somebody may have been charged by it
            if self.starts <= today {
                let tomorrow = today.succ_opt().unwrap_or(today);
                return Err(Refusal::field("starts", msg::catalog_days_past(tomorrow.to_string(), old.version)));
            }
        }
        Ok(())
    }
}

/// From `from` to the day before `until`.
fn gap(from: NaiveDate, until: NaiveDate) -> Text {
    msg::impact_catalog_gap(Days { starts: from, ends: Some(until) }.to_string())
}

pub(super) fn digest(document: &str) -> [u8; 32] {
    Sha256::digest(document.as_bytes()).into()
}

fn state(
    follows: Option<i32>,
    name: Option<&str>,
    currency: Option<Currency>,
    days: Option<Days>,
    hash: &str,
    lines: &str,
) -> Map<String, Value> {
    Map::from_iter([
        ("follows".into(), json!(follows)),
        ("name".into(), json!(name)),
        ("currency".into(), json!(currency)),
        ("valid".into(), json!(days.map(|days| days.to_string()))),
        ("hash".into(), json!(hash.get(..12))),
        ("lines".into(), json!(lines)),
    ])
}
