//! What a tenant's invoice for a period would say: its plan's pinned version, its add-ons at theirs, the promotions it redeemed, and a usage
//! that somebody estimates. Priced by the one function that prices, and bound by a hash over everything it rests on and comes to.
use super::{Held, PAST, period::Period, store};
use crate::{
    catalog::{
        self, Currency, Days, Kind,
        charges::{Charge, Model},
        estimate,
        pricing::{Addon, Invoice, Order, Promotion, Share, TooMuch, Usage, Vat, price},
    },
    error::{Error, Problem},
    i18n::{Text, msg},
    ledger,
    operations::Refusal,
    redemptions,
    requests::hex,
    subscriptions::{self, Subscription},
    tenants::{self, Tenant},
};
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

/// So many of an add-on at one price, for some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    pub code: String,
    pub version: i32,
    pub price: i64,
    pub quantity: u32,
    pub days: Days,
}

/// Everything that an invoice of a period rests on but the usage.
#[derive(Clone, Debug)]
pub struct Basis {
    pub tenant: Tenant,
    pub subscription: Subscription,
    pub currency: Currency,
    pub charges: Vec<Charge>,
    /// The hash of the plan's price list, in hex.
    pub prices: String,
    pub period: Period,
    pub parts: Vec<Part>,
    pub promotions: Vec<Promotion>,
}

/// The invoice, and the hash by which an approval is bound to it.
#[derive(Clone, Debug)]
pub struct Bill {
    pub invoice: Invoice,
    pub hash: String,
}

/// What is asked for in place of what a tenant has of an add-on.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub code: &'a str,
    pub quantity: u32,
    pub from: NaiveDate,
}

/// The days that are asked about: those of the period to which a day belongs, or of the one that begins in a month.
#[derive(Clone, Copy, Debug)]
pub enum When {
    Day(NaiveDate),
    Month(NaiveDate),
}

/// The subscription that is charged in that period. Where a tenant changed its plan within it, each has an invoice of its own, and this is
/// the later one's.
async fn charged(conn: &mut PgConnection, tenant: &str, when: When) -> Result<Option<(Subscription, Period)>, Error> {
    match when {
        When::Day(day) => {
            let found = subscriptions::of(conn, tenant, day).await?;
            Ok(found.and_then(|s| Period::of(day, s.anchor).map(|period| (s, period))))
        }
        When::Month(month) => {
            let all = subscriptions::history(conn, tenant, PAST).await?;
            let charged = all.into_iter().filter(|s| s.undone_in.is_none()).find_map(|s| {
                let period = Period::beginning(month, s.anchor)?;
                period.share(&[s.days]).map(|_| (s, period))
            });
            Ok(charged)
        }
    }
}

impl Basis {
    /// As everything stands, with the terms of what the tenant redeemed.
    pub async fn read(conn: &mut PgConnection, tenant: &str, when: When) -> Result<Self, Refusal> {
        let wrong = |text: Text| Refusal::field("tenant_id", text);
        let Some(tenant) = tenants::tenant(conn, tenant).await? else { return Err(wrong(msg::addon_tenant_unknown(tenant))) };
        let Some((subscription, period)) = charged(conn, &tenant.id, when).await? else {
            let on = match when {
                When::Day(day) => day.to_string(),
                When::Month(month) => month.format("%Y-%m").to_string(),
            };
            return Err(wrong(msg::addon_no_subscription(&on, &tenant.slug)));
        };
        let listed = estimate::find(conn, Kind::Plan, &subscription.plan, Some(subscription.version), None, Currency::Krw).await?;
        let listed = listed
            .ok_or_else(|| anyhow::anyhow!("{} v{} has no price list", subscription.plan, subscription.version))
            .map_err(Error::from)?;
        let mut parts = Vec::new();
        for held in store::of(conn, &tenant.id, PAST).await?.iter().filter(|held| held.undone_in.is_none()).rev() {
            if period.share(&[held.days, subscription.days]).is_some() {
                parts.push(part(conn, held).await?);
            }
        }
        let (currency, promotions) = (listed.version.currency, redemptions::of(conn, &tenant.id).await?);
        Ok(Self { tenant, subscription, currency, charges: listed.charges, prices: hex(&listed.version.hash), period, parts, promotions })
    }

    /// The same with another number of an add-on from a day on; `version` and `price` are those it is had at.
    pub fn with(mut self, wanted: &Wanted<'_>, version: i32, price: i64) -> Self {
        self.parts.retain(|part| part.code != wanted.code || part.days.starts < wanted.from);
        for part in self.parts.iter_mut().filter(|part| part.code == wanted.code && part.days.ends.is_none_or(|ends| ends > wanted.from)) {
            part.days.ends = Some(wanted.from);
        }
        let days = Days { starts: wanted.from, ends: None };
        if wanted.quantity > 0 && self.period.share(&[days, self.subscription.days]).is_some() {
            self.parts.push(Part { code: wanted.code.to_owned(), version, price, quantity: wanted.quantity, days });
        }
        self
    }

    /// With promotions that are named to see what they would come to; what was redeemed already counts once.
    pub fn also(&mut self, named: Vec<Promotion>) {
        for promotion in named {
            if self.promotions.iter().all(|redeemed| redeemed.code != promotion.code) {
                self.promotions.push(promotion);
            }
        }
    }

    /// How much of the period the plan is charged for.
    pub fn share(&self) -> Share {
        self.period.share(&[self.subscription.days]).unwrap_or(Share::WHOLE)
    }

    /// What it comes to with this usage.
    pub fn bill(&self, usage: &Usage, vat: Vat) -> Result<Bill, Error> {
        let addons: Vec<Addon> = self
            .parts
            .iter()
            .map(|part| Addon {
                key: part.code.clone(),
                price: part.price,
                quantity: part.quantity,
                share: self.period.share(&[part.days, self.subscription.days]),
            })
            .collect();
        let order = Order { charges: &self.charges, usage, addons: &addons, promotions: &self.promotions, share: self.share(), vat };
        let invoice = price(&order).map_err(|TooMuch| Error::Invalid(vec![Problem::new("usage", msg::estimate_too_much())]))?;
        let all = json!({
            "tenant": self.tenant.id, "plan": self.subscription.plan, "version": self.subscription.version, "prices": self.prices,
            "currency": self.currency, "period": self.period, "days": self.share(), "addons": self.parts, "promotions": self.promotions,
            "usage": usage, "vat": vat, "invoice": invoice,
        });
        Ok(Bill { hash: hex(&Sha256::digest(ledger::canonical(&all)?)), invoice })
    }

    /// What the plan counts, each once.
    pub fn metrics(&self) -> Vec<&str> {
        let mut metrics: Vec<&str> = Vec::new();
        for metric in self.charges.iter().filter_map(|charge| charge.metric.as_deref()) {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        metrics
    }

    /// Refuses a usage of what the plan does not count: it would silently be free.
    pub fn check(&self, field: &str, usage: &Usage) -> Result<(), Problem> {
        let known = self.metrics();
        let unknown: Vec<&str> = usage.keys().map(String::as_str).filter(|metric| !known.contains(metric)).collect();
        match unknown.is_empty() {
            true => Ok(()),
            false => Err(Problem::new(field, msg::estimate_metric_unknown(known.join(", "), unknown.join(", ")))),
        }
    }
}

/// The price of a version of an add-on, for each of it and a whole period.
pub(super) async fn offer(
    conn: &mut PgConnection,
    code: &str,
    version: Option<i32>,
    on: NaiveDate,
    currency: Currency,
) -> Result<Option<(i32, i64)>, Error> {
    let Some(listed) = estimate::find(conn, Kind::Addon, code, version, Some(on), currency).await? else { return Ok(None) };
    let price = listed.charges.iter().find_map(|charge| match charge.model {
        Model::Flat { amount } => Some(amount),
        _ => None,
    });
    Ok(price.map(|price| (listed.version.version, price)))
}

async fn part(conn: &mut PgConnection, held: &Held) -> Result<Part, Error> {
    let found = offer(conn, &held.code, Some(held.version), held.days.starts, Currency::Krw).await?;
    let (version, price) = found.ok_or_else(|| anyhow::anyhow!("{} v{} has no price", held.code, held.version))?;
    Ok(Part { code: held.code.clone(), version, price, quantity: u32::try_from(held.quantity).unwrap_or_default(), days: held.days })
}

/// The terms of promotions that are named to see what they would come to, for a subscription to this plan on this day.
pub async fn named(conn: &mut PgConnection, codes: &[String], basis: &Basis, on: NaiveDate) -> Result<Vec<Promotion>, Error> {
    catalog::promotions::terms(conn, codes, Some(&basis.subscription.plan), basis.currency, on).await
}
