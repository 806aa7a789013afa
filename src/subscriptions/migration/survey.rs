//! A migration as it would be: who would be moved, who would not and why, and what a month costs before and after. Asked by the operation,
//! by its page and by the job, so that all of them tell the same.
use super::{
    super::{Priced, quote::FURTHEST},
    Candidate, MOST, NAMED, Why,
    operation::Migrate,
    store,
};
use crate::{
    catalog::{Currency, Kind, estimate, is_code, today},
    error::Problem,
    i18n::{Text, msg},
    operations::{Refusal, form::grouped},
    requests::{hex, short_id},
};
use chrono::{Days, NaiveDate};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// So many are named one by one to those who decide; of more there are their number and a checksum.
const FEW: usize = 50;

#[derive(Clone, Debug)]
pub struct Survey {
    pub name: String,
    pub was: Priced,
    pub is: Priced,
    pub from: NaiveDate,
    pub moving: Vec<Candidate>,
    pub left: Vec<(Candidate, Why)>,
    /// More are on it than one request moves.
    too_many: bool,
    /// The request that still moves some of this plan.
    running: Option<i64>,
}

impl Survey {
    /// Everything that can be said where fields make sense; whether it may be done is [`Survey::refusal`].
    pub async fn of(conn: &mut PgConnection, wish: &Migrate) -> Result<Self, Refusal> {
        let (plan, from) = (&*wish.plan, wish.from);
        let name = match is_code(plan) {
            true => super::super::store::plan_name(conn, plan).await?,
            false => None,
        };
        let name = name.ok_or_else(|| Refusal::field("plan", msg::migration_plan_unknown(plan)))?;
        if wish.from_version == wish.to_version {
            return Err(Refusal::field("to_version", msg::migration_same_version(wish.to_version)));
        }
        let unknown = |field: &'static str, version: i32| move || Refusal::field(field, msg::migration_version_unknown(plan, version));
        let was = estimate::find(conn, Kind::Plan, plan, Some(wish.from_version), None, Currency::Krw).await?;
        let was = was.ok_or_else(unknown("from_version", wish.from_version))?;
        let is = estimate::find(conn, Kind::Plan, plan, Some(wish.to_version), None, Currency::Krw).await?;
        let is = is.ok_or_else(unknown("to_version", wish.to_version))?;
        let wrong = |field: &str, text: Text| Err(Refusal::field(field, text));
        let (today, last) = (today(), today() + Days::new(FURTHEST));
        if from < today {
            return wrong("from", msg::subscription_day_past(today.to_string()));
        }
        if from > last {
            return wrong("from", msg::subscription_day_too_far(last.to_string()));
        }
        if is.version.withdrawn_at.is_some() {
            return wrong("to_version", msg::migration_version_withdrawn(wish.to_version));
        }
        if is.version.currency != Currency::Krw {
            return wrong("to_version", msg::migration_version_not_in_won(wish.to_version));
        }
        if !is.version.days.has(from) {
            return wrong(
                "to_version",
                msg::migration_version_not_in_force(from.to_string(), is.version.days.to_string(), wish.to_version),
            );
        }
        let named = wish.named()?;
        let ids = match &named {
            Some(names) => Some(resolve(conn, names).await?),
            None => None,
        };
        let found = store::candidates(conn, (plan, wish.from_version), (today, from), ids.as_deref(), MOST as i64 + 1).await?;
        if let (Some(names), Some(ids)) = (&named, &ids) {
            elsewhere(names, ids, &found, plan, wish.from_version)?;
        }
        let running = store::running(conn, plan).await?;
        let mut survey = Self {
            name,
            was: Priced::new(plan, was),
            is: Priced::new(plan, is),
            from,
            too_many: found.len() > MOST,
            running,
            moving: Vec::new(),
            left: Vec::new(),
        };
        for candidate in found.into_iter().take(MOST) {
            match candidate.why_not(from) {
                None => survey.moving.push(candidate),
                Some(why) => survey.left.push((candidate, why)),
            }
        }
        Ok(survey)
    }

    /// Why it may not be done, if it may not.
    pub fn refusal(&self) -> Option<Problem> {
        let of = |field: &str, text| Some(Problem::new(field, text));
        if let Some(request) = self.running {
            return of("plan", msg::migration_runs_already(&self.was.plan, short_id(request)));
        }
        if self.too_many {
            return of("tenants", msg::migration_too_many(grouped(MOST as i64), grouped(NAMED as i64)));
        }
        match (self.moving.is_empty(), self.left.is_empty()) {
            (true, true) => of("from_version", msg::migration_nobody(self.was.version)),
            (true, false) => of("from_version", msg::migration_all_left_out(self.left.len(), self.was.version)),
            _ => None,
        }
    }

    /// How many are left out for each reason, in the order of the reasons.
    pub fn reasons(&self) -> BTreeMap<Why, usize> {
        let mut reasons = BTreeMap::new();
        self.left.iter().for_each(|(_, why)| *reasons.entry(*why).or_default() += 1);
        reasons
    }

    /// Before and after, for whoever decides. Who it is about stands on the side of what would be: whoever joins or leaves is seen there.
    pub fn states(&self) -> (Map<String, Value>, Map<String, Value>) {
        let state = |priced: &Priced, of: Option<&Self>| {
            let lines = |all: Vec<String>| Some(all.join("\n")).filter(|text| !text.is_empty());
            let few = of.filter(|s| s.moving.len() <= FEW);
            let few_left = of.filter(|s| s.left.len() <= FEW);
            Map::from_iter([
                ("plan".into(), json!(priced.plan)),
                ("version".into(), json!(priced.version)),
                ("base".into(), json!(priced.base())),
                ("from".into(), json!(of.map(|s| s.from.to_string()))),
                ("moving".into(), json!(of.map(|s| s.moving.len()))),
                ("left_out".into(), json!(of.map(|s| s.left.len()))),
                ("who".into(), json!(few.and_then(|s| lines(s.moving.iter().map(Candidate::called).collect())))),
                ("left".into(), json!(few_left.and_then(|s| lines(s.left.iter().map(|(c, _)| c.called()).collect())))),
                ("checksum".into(), json!(of.map(Self::checksum))),
            ])
        };
        (state(&self.was, None), state(&self.is, Some(self)))
    }

    /// SHA-256 over everybody: those who move by their subscription, in order, and after them those who do not, with the reason.
    pub fn checksum(&self) -> String {
        let mut ids: Vec<i64> = self.moving.iter().map(|c| c.id).collect();
        ids.sort_unstable();
        let mut left: Vec<(i64, Why)> = self.left.iter().map(|(c, why)| (c.id, *why)).collect();
        left.sort_unstable();
        let lines = ids.iter().map(|id| format!("{id}\n")).chain(left.iter().map(|(id, why)| format!("{id} {}\n", why.name())));
        hex(&Sha256::digest(lines.collect::<String>()))
    }
}

/// The ids of tenants that are named by id or slug; whoever is not there is told.
async fn resolve(conn: &mut PgConnection, names: &[String]) -> Result<Vec<String>, Refusal> {
    let plain = names.iter().all(|name| !name.contains('\0'));
    let known = if plain { store::called(conn, names).await? } else { Vec::new() };
    let missing: Vec<&String> = names.iter().filter(|name| known.iter().all(|(id, slug)| id != *name && slug != *name)).collect();
    if !missing.is_empty() {
        return Err(Refusal::field("tenants", msg::migration_tenants_unknown(some_of(&missing))));
    }
    Ok(known.into_iter().map(|(id, _)| id).collect())
}

/// Everybody who is named has to be on the version.
fn elsewhere(names: &[String], ids: &[String], found: &[Candidate], plan: &str, version: i32) -> Result<(), Refusal> {
    if found.len() == ids.len() {
        return Ok(());
    }
    let there = |name: &String| found.iter().any(|c| c.tenant_id == *name || c.slug == *name);
    let missing: Vec<&String> = names.iter().filter(|name| !there(name)).collect();
    Err(Refusal::field("tenants", msg::migration_tenants_elsewhere(plan, some_of(&missing), version)))
}

/// The first few of them.
fn some_of(names: &[&String]) -> String {
    let mut text = names.iter().take(5).map(|name| name.chars().take(40).collect::<String>()).collect::<Vec<_>>().join(", ");
    if names.len() > 5 {
        text.push_str(" …");
    }
    text
}
