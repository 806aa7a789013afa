//! `subscription.migrate`: from a day on, those who are on one version of a plan have another. What is approved are the two price lists, the
//! day, and everybody by name or by checksum; what is done with the approval is to begin. The rest is the job's.
use super::{NAMED, Survey, href, job, store};
use crate::{
    auth::SubscriptionsChange,
    db::Change,
    error::Error,
    i18n::{Text, msg},
    jobs,
    ledger::Entry,
    operations::{Operation, Preview, Refusal, Risk, Target, form::grouped},
    page::money,
};
use async_trait::async_trait;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use std::time::Duration;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Migrate {
    #[schemars(length(max = 40), extend("x-lookup" = "/catalog/plans"))]
    pub plan: String,
    #[schemars(range(min = 1, max = 1_000_000))]
    pub from_version: i32,
    #[schemars(range(min = 1, max = 1_000_000))]
    pub to_version: i32,
    /// The first day with the new version, from midnight in Korea.
    #[schemars(with = "String", extend("format" = "date"))]
    pub from: NaiveDate,
    /// Ids or slugs of tenants, with spaces, commas or lines between them; everybody on the version, if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 20_000), extend("x-lines" = true))]
    pub tenants: Option<String>,
}

#[async_trait]
impl Operation for Migrate {
    const NAME: &'static str = "subscription.migrate";
    const RISK: Risk = Risk::High;
    type Asks = SubscriptionsChange;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(store::one_at_a_time(change, &self.plan).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        let survey = Survey::of(conn, self).await?;
        if let Some(problem) = survey.refusal() {
            return Err(Refusal::Rule(problem));
        }
        let (before, after) = survey.states();
        let label = format!("{} · v{} → v{}", survey.name, self.from_version, self.to_version);
        Ok(Preview { target: Target { kind: "plan", id: self.plan.clone(), label }, before, after })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let survey = Survey::of(change, self).await?;
        store::begin(change, &self.plan, (self.from_version, self.to_version), self.from, &survey.moving).await?;
        let entry = Entry::of("subscription.migration.begun")
            .on("plan", &self.plan)
            .with("from_version", self.from_version)
            .with("to_version", self.to_version)
            .with("from", self.from.to_string())
            .with("tenants", survey.moving.len())
            .with("checksum", survey.checksum());
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        let request = change.request();
        Ok(jobs::enqueue(change, job::JOB, json!({"request": request}), Duration::ZERO).await?)
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        let Ok(survey) = Survey::of(conn, self).await else { return Ok(Vec::new()) };
        Ok(impact(&survey))
    }

    fn followed_at(&self, request: i64) -> Option<String> {
        Some(href(request))
    }

    async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        store::overwritten(conn).await
    }
}

pub(super) fn impact(survey: &Survey) -> Vec<Text> {
    let (was, is, count) = (survey.was.base(), survey.is.base(), survey.moving.len());
    let all = (is - was).saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
    let mut said = vec![
        msg::impact_migration_price(money::full(is), money::full(was), count, money::full(all)),
        msg::impact_migration_anchor(survey.from.to_string()),
        msg::impact_migration_one_by_one(),
    ];
    said.extend(survey.reasons().into_iter().map(|(why, count)| match why {
        super::Why::Inactive => msg::impact_migration_inactive(count),
        super::Why::Begins => msg::impact_migration_begins(count),
        super::Why::Changes => msg::impact_migration_changes(count),
        super::Why::Ends => msg::impact_migration_ends(count),
        super::Why::Late | super::Why::Stopped | super::Why::Failed => msg::impact_migration_left_out(count),
    }));
    said
}

impl Migrate {
    /// Who is named, each once; nobody: everybody on the version.
    pub(super) fn named(&self) -> Result<Option<Vec<String>>, Refusal> {
        let Some(text) = &self.tenants else { return Ok(None) };
        let mut names: Vec<String> =
            text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() > NAMED {
            return Err(Refusal::field("tenants", msg::migration_too_many_named(grouped(NAMED as i64))));
        }
        Ok(Some(names).filter(|names| !names.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_named_as_people_paste_them() {
        let named = |tenants: Option<&str>| {
            let wish = Migrate {
                plan: "pro".into(),
                from_version: 1,
                to_version: 2,
                from: "2026-12-01".parse().unwrap(),
                tenants: tenants.map(str::to_owned),
            };
            wish.named().map_err(|_| ()).map(|names| names.map(|names| names.join("|")))
        };
        assert_eq!(named(Some("b, a\r\nc\ta;b ,")), Ok(Some("a|b|c".into())));
        assert_eq!((named(None), named(Some(" \n,"))), (Ok(None), Ok(None)));
        let many: String = (0..=NAMED).map(|n| format!("t{n} ")).collect();
        assert_eq!(named(Some(&many)), Err(()));
    }
}
