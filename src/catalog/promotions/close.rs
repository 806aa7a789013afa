//! `promotion.close`: from today on nobody redeems it any more. Who did keeps its terms.
use super::{Standing, spelt, store};
use crate::{
    auth::CatalogChange,
    catalog::{Days, store as catalog},
    db::Change,
    error::Error,
    i18n::{Text, msg},
    ledger::Entry,
    operations::{Operation, Preview, Refusal, Risk, Target},
};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Close {
    #[schemars(length(max = 40), extend("x-lookup" = "/catalog/promotions"))]
    pub code: String,
}

#[async_trait]
impl Operation for Close {
    const NAME: &'static str = "promotion.close";
    const RISK: Risk = Risk::Medium;
    type Asks = CatalogChange;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(store::lock(change, &spelt(&self.code)).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        let code = spelt(&self.code);
        let offer = store::find(conn, &code).await?.ok_or_else(|| Refusal::field("code", msg::promotion_unknown(&code)))?;
        if offer.standing(catalog::today(conn).await?) == Standing::Ended {
            return Err(Refusal::field("code", msg::promotion_closed_already(&code)));
        }
        let state = |days: Option<Days>| Map::from_iter([("valid".to_owned(), json!(days.map(|days| days.to_string())))]);
        let target = Target { kind: "promotion", id: code, label: format!("{} · {}", offer.name, offer.code) };
        Ok(Preview { target, before: state(offer.days), after: state(None) })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let today = catalog::today(change).await?;
        store::end(change, &spelt(&self.code), today).await?;
        let entry = Entry::of("promotion.closed").on("promotion", &spelt(&self.code));
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        let redeemed = store::find(conn, &spelt(&self.code)).await?.map_or(0, |offer| offer.redeemed);
        Ok(vec![msg::impact_promotion_kept(i64::from(redeemed))])
    }
}
