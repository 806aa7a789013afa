//! `subscription.undo`: what was planned last for a tenant's subscription, and has not come yet, shall not come: a change or an end.
use super::{Subscription, end, find, services, store};
use crate::{
    auth::SubscriptionsChange,
    catalog::today,
    db::Change,
    error::Error,
    i18n::{Text, msg},
    operations::{Operation, Preview, Refusal, Risk, Target},
    tenants,
};
use async_trait::async_trait;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Undo {
    #[schemars(length(max = 40))]
    pub tenant_id: String,
}

/// What is planned and comes last. There is one of it at a time, so its size does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Planned {
    /// It ends, and nothing follows.
    End { on: NaiveDate, of: Subscription },
    /// Another one begins, where there was this one before or none.
    Change { to: Subscription, of: Option<Subscription> },
}

impl Planned {
    /// Of everything that a tenant was, is and will be subscribed to, the newest first.
    pub fn of(history: &[Subscription], today: NaiveDate) -> Option<Self> {
        let mut stands = history.iter().filter(|s| s.undone_in.is_none());
        let last = stands.next()?;
        match last.days.ends {
            Some(on) if on > today => Some(Planned::End { on, of: last.clone() }),
            None if last.days.starts > today => {
                // an end that was asked for by itself stays, even where the next one begins on that day
                let before = stands.next().filter(|s| s.ended_in == Some(last.request));
                Some(Planned::Change { to: last.clone(), of: before.cloned() })
            }
            _ => None,
        }
    }

    /// The day on which it would come.
    pub fn day(&self) -> NaiveDate {
        match self {
            Planned::End { on, .. } => *on,
            Planned::Change { to, .. } => to.days.starts,
        }
    }
}

#[async_trait]
impl Operation for Undo {
    const NAME: &'static str = "subscription.undo";
    const RISK: Risk = Risk::Medium;
    type Asks = SubscriptionsChange;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(tenants::lock(change, &self.tenant_id).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        let unknown = || Refusal::field("tenant_id", msg::subscription_tenant_unknown(&self.tenant_id));
        let tenant = tenants::tenant(conn, &self.tenant_id).await?.ok_or_else(unknown)?;
        let planned = self.planned(conn).await?.ok_or_else(|| Refusal::field("tenant_id", msg::subscription_nothing_planned()))?;
        let (before, after) = match &planned {
            Planned::End { on, of } => (state(Some(of), Some(*on)), state(Some(of), None)),
            Planned::Change { to, of } => (state(Some(to), None), state(of.as_ref(), None)),
        };
        let target = Target { kind: "tenant", label: format!("{} · {}", tenant.company, tenant.slug), id: tenant.id };
        Ok(Preview { target, before, after })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let planned = self.planned(change).await?.ok_or(Error::NotFound)?;
        let left = match &planned {
            Planned::End { of, .. } => Some(of.id),
            Planned::Change { to, of } => {
                store::undo(change, to.id).await?;
                of.as_ref().map(|of| of.id)
            }
        };
        if let Some(id) = left {
            end(change, id, None).await?;
        }
        services::follow_from(change, &self.tenant_id, today()).await?;
        let stands = match left {
            Some(id) => find(change, id).await?,
            None => store::history(change, &self.tenant_id, 20).await?.into_iter().find(|s| s.undone_in.is_none()),
        };
        let entry = match stands {
            Some(stands) => stands.entry("subscription.undone"),
            None => Subscription::none("subscription.undone", &self.tenant_id),
        };
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        let Ok(Some(planned)) = self.planned(conn).await else { return Ok(Vec::new()) };
        Ok(vec![msg::impact_subscription_undone(planned.day().to_string())])
    }
}

impl Undo {
    async fn planned(&self, conn: &mut PgConnection) -> Result<Option<Planned>, Error> {
        Ok(Planned::of(&store::history(conn, &self.tenant_id, super::MOST).await?, today()))
    }
}

fn state(of: Option<&Subscription>, until: Option<NaiveDate>) -> Map<String, Value> {
    Map::from_iter([
        ("plan".into(), json!(of.map(|s| &s.plan))),
        ("version".into(), json!(of.map(|s| s.version))),
        ("starts".into(), json!(of.map(|s| s.days.starts.to_string()))),
        ("ends".into(), json!(until.map(|day| day.to_string()))),
    ])
}
