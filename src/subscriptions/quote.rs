//! A change as it would be: what a tenant has on a day, what it would have instead, and what the rest of the period costs. Asked by the
//! operations, the pages and the API, so that all of them tell the same.
use super::{Proration, Subscription, store};
use crate::{
    catalog::{
        Currency, Kind,
        charges::{Charge, Model},
        estimate::{self, Listed},
    },
    error::Problem,
    i18n::msg,
    operations::{Refusal, form},
    redemptions,
    tenants::{self, Status, Tenant},
};
use chrono::{Days, NaiveDate};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

/// So many days ahead a change can be planned.
pub(super) const FURTHEST: u64 = 366;

/// A version of a plan with its price list.
#[derive(Clone, Debug)]
pub struct Priced {
    pub plan: String,
    pub version: i32,
    pub charges: Vec<Charge>,
}

impl Priced {
    pub(super) fn new(plan: &str, listed: Listed) -> Self {
        Self { plan: plan.to_owned(), version: listed.version.version, charges: listed.charges }
    }

    /// What a period costs whatever is used, in won.
    pub fn base(&self) -> i64 {
        let flat = self.charges.iter().filter_map(|charge| match charge.model {
            Model::Flat { amount } => Some(amount),
            _ => None,
        });
        flat.fold(0, i64::saturating_add)
    }

    /// AI tokens a period that the price includes; nothing, if the price list has no word of them.
    pub fn tokens(&self) -> Option<i64> {
        let named = self.charges.iter().filter(|charge| charge.metric.as_deref() == Some(TOKENS));
        named.map(|charge| i64::try_from(charge.included).unwrap_or(i64::MAX)).reduce(i64::saturating_add)
    }
}

/// What AI usage is counted in.
pub const TOKENS: &str = "tokens";

/// What is wanted of a tenant's subscription from a day on.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    pub tenant: &'a str,
    /// The code of the plan it shall be; none: it ends.
    pub plan: Option<&'a str>,
    pub from: NaiveDate,
}

#[derive(Clone, Debug)]
pub struct Quote {
    pub tenant: Tenant,
    /// The subscription on that day, and the price list it is to.
    pub has: Option<(Subscription, Priced)>,
    /// What there would be instead.
    pub gets: Option<Priced>,
    pub from: NaiveDate,
    pub proration: Proration,
    /// Another one begins later.
    upcoming: Option<Subscription>,
}

impl Quote {
    /// Everything that can be said without asking whether it may be done.
    pub async fn of(conn: &mut PgConnection, wish: &Wish<'_>) -> Result<Self, Refusal> {
        form::meant(wish.from).map_err(|text| Refusal::field("from", text))?;
        let unknown = || Refusal::field("tenant_id", msg::subscription_tenant_unknown(wish.tenant));
        let tenant = tenants::tenant(conn, wish.tenant).await?.ok_or_else(unknown)?;
        let has = match store::of(conn, wish.tenant, wish.from).await? {
            Some(subscription) => {
                let priced = pinned(conn, &subscription).await?;
                Some((subscription, priced))
            }
            None => None,
        };
        let gets = match wish.plan {
            Some(plan) => Some(in_force(conn, plan, wish.from).await?),
            None => None,
        };
        let anchor = has.as_ref().map_or(1, |(subscription, _)| subscription.anchor);
        let charges = |priced: Option<&Priced>| priced.map(|priced| priced.charges.clone()).unwrap_or_default();
        let promotions = redemptions::of(conn, &tenant.id).await?;
        let proration = Proration::of(anchor, wish.from, &charges(has.as_ref().map(|(_, p)| p)), &charges(gets.as_ref()), &promotions)
            .map_err(|_| Refusal::field("plan", msg::estimate_too_much()))?;
        let upcoming = store::upcoming(conn, wish.tenant, wish.from).await?;
        Ok(Self { tenant, has, gets, from: wish.from, proration, upcoming })
    }

    /// Why it may not be done, if it may not.
    pub fn refusal(&self, today: NaiveDate) -> Option<Problem> {
        let of = |field: &str, text| Some(Problem::new(field, text));
        let last = today + Days::new(FURTHEST);
        if self.from < today {
            return of("from", msg::subscription_day_past(today.to_string()));
        }
        if self.from > last {
            return of("from", msg::subscription_day_too_far(last.to_string()));
        }
        if ![Status::Active.name(), Status::Suspended.name()].contains(&&*self.tenant.status) {
            return of("tenant_id", msg::subscription_tenant_not_active());
        }
        if let Some(next) = &self.upcoming {
            return of("from", msg::subscription_planned_already(next.days.starts.to_string()));
        }
        match (&self.has, &self.gets) {
            (None, None) => return of("tenant_id", msg::subscription_none_on(self.from.to_string())),
            (Some((has, _)), _) if has.days.ends.is_some() => {
                return of("from", msg::subscription_planned_already(has.days.ends.unwrap_or(self.from).to_string()));
            }
            (Some((has, _)), _) if has.days.starts == self.from => {
                return of("from", msg::subscription_begins_then(self.from.to_string()));
            }
            (Some((_, was)), Some(is)) if (&was.plan, was.version) == (&is.plan, is.version) => {
                return of("plan", msg::subscription_same_plan(&is.plan, is.version));
            }
            _ => {}
        }
        None
    }

    /// Before and after, for whoever decides; flat, and with the same keys on both sides.
    pub fn states(&self) -> (Map<String, Value>, Map<String, Value>) {
        let p = &self.proration;
        let has = self.has.as_ref();
        let before = state(has.map(|(_, priced)| priced), has.map(|(s, _)| s.days.starts), has.and_then(|(s, _)| s.days.ends), None);
        let after = match &self.gets {
            Some(gets) => state(Some(gets), Some(self.from), None, Some(p)),
            // it ends: what it was stays what it was until that day
            None => state(has.map(|(_, priced)| priced), has.map(|(s, _)| s.days.starts), Some(self.from), Some(p)),
        };
        (before, after)
    }

    /// What pages, lists and notices call it.
    pub fn label(&self) -> String {
        format!("{} · {}", self.tenant.company, self.tenant.slug)
    }
}

fn state(of: Option<&Priced>, from: Option<NaiveDate>, until: Option<NaiveDate>, proration: Option<&Proration>) -> Map<String, Value> {
    let day = |day: Option<NaiveDate>| json!(day.map(|day| day.to_string()));
    Map::from_iter([
        ("plan".into(), json!(of.map(|p| &p.plan))),
        ("version".into(), json!(of.map(|p| p.version))),
        ("base".into(), json!(of.map(Priced::base))),
        ("tokens".into(), json!(of.and_then(Priced::tokens))),
        ("starts".into(), day(from)),
        ("ends".into(), day(until)),
        ("days".into(), json!(proration.map(|p| format!("{}/{}", p.rest.days, p.rest.of)))),
        ("credit".into(), json!(proration.map(Proration::credit))),
        ("charge".into(), json!(proration.map(Proration::charge))),
        ("net".into(), json!(proration.map(|p| p.invoice.supply))),
        ("vat".into(), json!(proration.map(|p| p.invoice.vat))),
    ])
}

/// The price list that a subscription is to.
pub async fn pinned(conn: &mut PgConnection, s: &Subscription) -> Result<Priced, Refusal> {
    let listed = estimate::find(conn, Kind::Plan, &s.plan, Some(s.version), None, Currency::Krw).await?;
    let listed =
        listed.ok_or_else(|| anyhow::anyhow!("plan {} has no version {}", s.plan, s.version)).map_err(crate::error::Error::from)?;
    Ok(Priced::new(&s.plan, listed))
}

/// The version of a plan that is in force on a day, in won.
pub async fn in_force(conn: &mut PgConnection, plan: &str, on: NaiveDate) -> Result<Priced, Refusal> {
    match estimate::find(conn, Kind::Plan, plan, None, Some(on), Currency::Krw).await? {
        Some(listed) => Ok(Priced::new(plan, listed)),
        None => Err(Refusal::field("plan", msg::subscription_plan_not_sold(on.to_string(), plan))),
    }
}
