//! `catalog.withdraw`: a version that has not begun is taken back. The one before it goes on as if it had never been published.
use super::{Days, Kind, Standing, Version, is_code, store};
use crate::{
    auth::CatalogChange,
    db::Change,
    error::Error,
    i18n::{Text, msg},
    ledger::Entry,
    operations::{Operation, Preview, Refusal, Risk, Target},
};
use async_trait::async_trait;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Withdraw {
    pub kind: Kind,
    #[schemars(length(max = 40))]
    pub code: String,
    #[schemars(range(min = 1, max = 1_000_000))]
    pub version: i32,
}

#[async_trait]
impl Operation for Withdraw {
    const NAME: &'static str = "catalog.withdraw";
    const RISK: Risk = Risk::High;
    type Asks = CatalogChange;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(store::lock(change, self.kind, &self.code).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        let name = match is_code(&self.code) {
            true => store::name(conn, self.kind, &self.code).await?,
            false => None,
        };
        let name = name.ok_or_else(|| Refusal::field("code", msg::catalog_unknown(&self.code)))?;
        let versions = store::versions(conn, self.kind, &self.code).await?;
        let version = self.find(&versions, store::today(conn).await?)?;
        let old_name = version.took_name.as_ref().filter(|took| took.is == name).map(|took| took.was.clone());
        let target = Target { kind: self.kind.name(), id: self.code.clone(), label: format!("{name} · {}", self.code) };
        let back = old_name.as_deref().unwrap_or(&name);
        let was = predecessor(version, &versions).map(|old| old.days);
        let is = predecessor(version, &versions).map(|old| Days { ends: goes_on_until(old, version, &versions), ..old.days });
        Ok(Preview { target, before: state(version, &name, Some(version.days), was), after: state(version, back, None, is) })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let versions = store::versions(change, self.kind, &self.code).await?;
        let version = self.find(&versions, store::today(change).await?)?;
        // the name that came with it goes with it, unless somebody has given another one since
        let name = store::name(change, self.kind, &self.code).await?;
        if let Some(took) = version.took_name.as_ref().filter(|took| Some(&took.is) == name.as_ref()) {
            store::call(change, self.kind, &self.code, &took.was).await?;
        }
        store::withdraw(change, self.kind, &self.code, self.version).await.map_err(|error| match &error {
            // somebody has planned a subscription to it meanwhile; the database knows, and this module does not
            sqlx::Error::Database(cause) if cause.constraint() == Some("subscribed_version_stays") => {
                Refusal::field("version", msg::catalog_subscribed_to(self.version))
            }
            sqlx::Error::Database(cause) if cause.constraint() == Some("addon_version_stays") => {
                Refusal::field("version", msg::catalog_addon_is_had(self.version))
            }
            _ => error.into(),
        })?;
        if let Some(old) = predecessor(version, &versions) {
            store::end(change, self.kind, &self.code, old.version, goes_on_until(old, version, &versions)).await?;
        }
        let entry = Entry::of("catalog.withdrawn").on(self.kind.name(), &self.code).with("version", self.version);
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        let versions = store::versions(conn, self.kind, &self.code).await?;
        let Some(version) = versions.iter().find(|v| v.version == self.version) else { return Ok(Vec::new()) };
        Ok(vec![match predecessor(version, &versions) {
            Some(old) => msg::impact_catalog_goes_on(old.version),
            None => msg::impact_catalog_nothing_goes_on(),
        }])
    }
}

impl Withdraw {
    fn find<'a>(&self, versions: &'a [Version], today: NaiveDate) -> Result<&'a Version, Refusal> {
        let version = versions.iter().find(|v| v.version == self.version);
        let version = version.ok_or_else(|| Refusal::field("version", msg::catalog_version_unknown(self.version)))?;
        match version.standing(today) {
            Standing::Scheduled => Ok(version),
            Standing::Withdrawn => Err(Refusal::field("version", msg::catalog_withdrawn_already(self.version))),
            Standing::Active | Standing::Archived => {
                Err(Refusal::field("version", msg::catalog_has_begun(version.days.starts.to_string(), self.version)))
            }
        }
    }
}

/// The version that ended early because this one begins.
fn predecessor<'a>(version: &Version, versions: &'a [Version]) -> Option<&'a Version> {
    let was_ended = |v: &&Version| {
        let ends_there = v.days.ends == Some(version.days.starts) && v.meant_to_end != v.days.ends;
        v.currency == version.currency && v.withdrawn_at.is_none() && ends_there
    };
    versions.iter().find(was_ended)
}

/// Until when it goes on without `version`: as it was meant to, or to the beginning of whatever comes then.
fn goes_on_until(old: &Version, version: &Version, versions: &[Version]) -> Option<NaiveDate> {
    let follows = |v: &&Version| {
        v.currency == old.currency && v.withdrawn_at.is_none() && v.version != version.version && v.days.starts > old.days.starts
    };
    let next = versions.iter().filter(follows).map(|v| v.days.starts).min();
    old.meant_to_end.into_iter().chain(next).min()
}

fn state(version: &Version, name: &str, days: Option<Days>, predecessor: Option<Days>) -> Map<String, Value> {
    let told = |days: Option<Days>| json!(days.map(|days| days.to_string()));
    Map::from_iter([
        ("version".into(), json!(version.version)),
        ("name".into(), json!(name)),
        ("valid".into(), told(days)),
        ("predecessor".into(), told(predecessor)),
    ])
}
