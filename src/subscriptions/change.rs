//! `subscription.change`: from a day on a tenant has another plan, in the version that is in force on that day. Approved as it was previewed,
//! to the won: a price list that is another one by then makes the request stale.
use super::{Quote, Wish, begin, end, services, store};
use crate::{
    auth::SubscriptionsChange,
    catalog::today,
    crash,
    db::Change as Open,
    error::Error,
    i18n::{Text, msg},
    operations::{Operation, Preview, Refusal, Risk, Target},
    page::money,
    tenants,
};
use async_trait::async_trait;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Change {
    #[schemars(length(max = 40))]
    pub tenant_id: String,
    #[schemars(length(max = 40), extend("x-lookup" = "/catalog/plans"))]
    pub plan: String,
    /// The first day with it, from midnight in Korea.
    #[schemars(with = "String", extend("format" = "date"))]
    pub from: NaiveDate,
}

#[async_trait]
impl Operation for Change {
    const NAME: &'static str = "subscription.change";
    const RISK: Risk = Risk::High;
    type Asks = SubscriptionsChange;

    async fn lock(&self, change: &mut Open) -> Result<(), Refusal> {
        Ok(tenants::lock(change, &self.tenant_id).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        preview(conn, &self.wish()).await
    }

    async fn apply(&self, change: &mut Open, preview: &Preview) -> Result<(), Refusal> {
        let has = store::of(change, &self.tenant_id, self.from).await?;
        if let Some(has) = &has {
            end(change, has.id, Some(self.from)).await?;
        }
        crash::point("subscription.ended");
        // as it was previewed: another version may have been published since, within this very moment
        let version = preview.after["version"].as_i64().and_then(|n| i32::try_from(n).ok()).unwrap_or_default();
        let new = begin(change, &self.tenant_id, &self.plan, version, self.from).await?;
        services::follow_from(change, &self.tenant_id, self.from).await?;
        let entry = new.entry(if has.is_some() { "subscription.changed" } else { "subscription.begun" });
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        store::overwritten(conn).await
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        let Ok(quote) = Quote::of(conn, &self.wish()).await else { return Ok(Vec::new()) };
        Ok(impact(&quote))
    }
}

impl Change {
    fn wish(&self) -> Wish<'_> {
        Wish { tenant: &self.tenant_id, plan: Some(&self.plan), from: self.from }
    }
}

/// Of a change or of an end, if it may be.
pub(super) async fn preview(conn: &mut PgConnection, wish: &Wish<'_>) -> Result<Preview, Refusal> {
    let quote = Quote::of(conn, wish).await?;
    if let Some(problem) = quote.refusal(today()) {
        return Err(Refusal::Rule(problem));
    }
    let (before, after) = quote.states();
    let target = Target { kind: "tenant", id: quote.tenant.id.clone(), label: quote.label() };
    Ok(Preview { target, before, after })
}

pub(super) fn impact(quote: &Quote) -> Vec<Text> {
    let p = &quote.proration;
    let mut said = vec![match p.splits() {
        true => msg::impact_subscription_net(
            money::full(p.charge()),
            money::full(p.credit()),
            p.rest.days,
            money::full(p.invoice.supply),
            p.rest.of.get(),
            money::full(p.invoice.total),
        ),
        false => msg::impact_subscription_whole(quote.from.to_string()),
    }];
    said.push(match &quote.gets {
        Some(gets) => msg::impact_subscription_pinned(&gets.plan, gets.version),
        None => msg::impact_subscription_stops(quote.from.to_string()),
    });
    if quote.gets.is_none() {
        said.push(msg::impact_subscription_addons());
    }
    said.push(msg::impact_subscription_usage());
    said
}
