//! `promotion.open`: another code that makes plans cheaper.
use super::{
    is_code, spelt,
    store::{self, New, Terms},
};
use crate::{
    auth::CatalogChange,
    catalog::{Currency, Days, charges::Kind, pricing::Off, words},
    db::Change,
    error::Error,
    i18n::{Text, msg},
    ledger::Entry,
    operations::{Operation, Preview, Refusal, Risk, Target},
};
use async_trait::async_trait;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use sqlx::PgConnection;
use std::collections::BTreeSet;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Open {
    #[schemars(length(max = 40))]
    pub code: String,
    #[schemars(length(max = 240))]
    pub name: String,
    /// So many percent off: `15`, `7.5`. Or `won`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 20))]
    pub percent: Option<String>,
    /// So many won off, for each period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 1_000_000_000_000_i64))]
    pub won: Option<i64>,
    pub on: Cheaper,
    /// Codes of plans with commas between; every plan, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 400))]
    pub plans: Option<String>,
    #[schemars(with = "String", extend("format" = "date"))]
    pub starts: NaiveDate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date"))]
    pub ends: Option<NaiveDate>,
    /// How many customers may redeem it; as many as want to, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 1_000_000_000))]
    pub most: Option<i32>,
}

/// Which lines of an invoice become cheaper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cheaper {
    Base,
    Usage,
    // base and usage
    Plan,
    Addons,
    Everything,
}

impl Cheaper {
    pub fn kinds(self) -> BTreeSet<Kind> {
        match self {
            Cheaper::Base => [Kind::Base].into(),
            Cheaper::Usage => [Kind::Usage].into(),
            Cheaper::Plan => [Kind::Base, Kind::Usage].into(),
            Cheaper::Addons => [Kind::Addon].into(),
            Cheaper::Everything => [Kind::Base, Kind::Addon, Kind::Usage, Kind::Fee].into(),
        }
    }
}

#[async_trait]
impl Operation for Open {
    const NAME: &'static str = "promotion.open";
    const RISK: Risk = Risk::High;
    type Asks = CatalogChange;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(store::lock(change, &spelt(&self.code)).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        let code = spelt(&self.code);
        if !is_code(&code) {
            return Err(Refusal::field("code", msg::promotion_code_malformed()));
        }
        if let Some(other) = store::find(conn, &code).await? {
            return Err(Refusal::field("code", msg::promotion_code_used(&code, other.name)));
        }
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 80 {
            return Err(Refusal::field("name", msg::catalog_name_too_long()));
        }
        let terms = self.terms()?;
        if self.ends.is_some_and(|ends| ends <= self.starts) {
            return Err(Refusal::field("ends", msg::catalog_days_empty()));
        }
        let unknown = store::unknown_plans(conn, &self.plans()).await?;
        if !unknown.is_empty() {
            return Err(Refusal::field("plans", msg::promotion_plans_unknown(unknown.join(", "))));
        }
        let off = match terms.off {
            Off::Share(share) => words::percent(share),
            Off::Won(won) => words::amount(Currency::Krw, won),
        };
        let after = Map::from_iter([
            ("name".into(), json!(name)),
            ("off".into(), json!(off)),
            ("on".into(), json!(self.on)),
            ("plans".into(), json!(Some(self.plans().join(", ")).filter(|plans| !plans.is_empty()))),
            ("valid".into(), json!(self.days().to_string())),
            ("most".into(), json!(self.most)),
        ]);
        let before = after.keys().map(|key| (key.clone(), json!(null))).collect();
        let target = Target { kind: "promotion", id: code.clone(), label: format!("{name} · {code}") };
        Ok(Preview { target, before, after })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let (code, terms, plans) = (spelt(&self.code), self.terms()?, self.plans());
        let new = New { code: &code, name: self.name.trim(), terms: &terms, plans: &plans, days: self.days(), most: self.most };
        store::add(change, &new).await?;
        // in the leaf, which lasts: what it must still say when somebody checks it
        let entry = Entry::of("promotion.opened").on("promotion", &code).with("terms", json!({"terms": terms, "plans": plans}));
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        store::overwritten(conn).await
    }

    async fn impact(&self, _: &mut PgConnection) -> Result<Vec<Text>, Error> {
        Ok(vec![
            match self.most {
                Some(most) => msg::impact_promotion_most(i64::from(most)),
                None => msg::impact_promotion_no_limit(),
            },
            msg::impact_promotion_copied(),
        ])
    }
}

impl Open {
    fn days(&self) -> Days {
        Days { starts: self.starts, ends: self.ends }
    }

    fn plans(&self) -> Vec<String> {
        let codes = self.plans.as_deref().unwrap_or_default().split(',');
        codes.map(|code| code.trim().to_owned()).filter(|code| !code.is_empty()).collect()
    }

    fn terms(&self) -> Result<Terms, Refusal> {
        let percent = self.percent.as_deref().map(|text| text.trim().trim_end_matches('%')).filter(|text| !text.is_empty());
        let off = match (percent, self.won) {
            (Some(percent), None) => {
                let read = percent.parse::<Decimal>().ok().and_then(|percent| percent.checked_div(Decimal::ONE_HUNDRED));
                Off::Share(read.ok_or_else(|| Refusal::field("percent", msg::promotion_percent_wrong()))?)
            }
            (None, Some(won)) => Off::Won(won),
            _ => return Err(Refusal::field("percent", msg::promotion_percent_or_won())),
        };
        if !off.is_sensible() {
            return Err(Refusal::field("percent", msg::promotion_percent_wrong()));
        }
        Ok(Terms { off, on: self.on.kinds() })
    }
}
