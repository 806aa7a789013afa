//! Redeeming promotions: a tenant takes a code's terms, once, while there are some left, and keeps them whatever becomes of the code. A
//! shared module: it knows tenants and the catalog, and slices use it.
pub mod json;
mod list;
mod store;
pub mod web;

pub use store::{Filter, Redemption, list, of};

use crate::{
    app::App,
    auth::{Operator, PromotionsRedeem},
    catalog::{
        promotions::{self, Offer, Standing, spelt},
        today,
    },
    db::Change,
    error::{Error, Problem},
    i18n::msg,
    ledger::{self, Entry},
    requests::hex,
    tenants::{self, Status, Tenant},
};
use chrono::NaiveDate;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

/// What came of it.
pub struct Redeemed {
    pub redemption: Redemption,
    /// It was there already, under the same key.
    pub replayed: bool,
}

/// Redeems a code for a tenant, which is named by its id or its slug. The same key answers the same redemption, however often it is sent.
///
/// The row comes first and the counter after it: a tenant that has redeemed hears so, even when nothing is left, and only those who came
/// too late hear that. The counter goes up only while it is below its limit, in one statement; otherwise the row is undone.
pub async fn redeem(app: &App, operator: &Operator<PromotionsRedeem>, code: &str, tenant: &str, key: &str) -> Result<Redeemed, Error> {
    let (code, tenant) = (spelt(code), tenant.trim());
    let mut conn = app.db.read().await?;
    let known = store::by_key(&mut conn, operator.id(), key).await?;
    drop(conn);
    if let Some(known) = known {
        return replay(known, &code, tenant);
    }
    let mut change = app.db.begin(operator).await?;
    let offer = promotions::find(&mut change, &code).await?.ok_or(Error::NotFound)?;
    let tenant = found(&mut change, tenant).await?;
    let plan = (app.plan_of)(&mut change, &tenant.id).await?;
    eligible(&offer, plan.as_deref(), today())?;
    let hash: [u8; 32] = Sha256::digest(ledger::canonical(&json!(offer.terms()))?).into();
    let new = store::New { code: &code, tenant: &tenant.id, plan: plan.as_deref(), terms: &offer.terms, hash: &hash, key };
    let Some(id) = store::add(&mut change, operator.id(), &new).await? else {
        drop(change);
        let mut conn = app.db.read().await?;
        return match store::by_key(&mut conn, operator.id(), key).await? {
            Some(known) => replay(known, &code, &tenant.id),
            None => Err(Error::Refused(msg::already_redeemed(&code, &tenant.slug))),
        };
    };
    let Some(redeemed) = promotions::count(&mut change, &code, today()).await? else {
        return Err(too_late(&mut change, &code).await?);
    };
    let redemption = store::find(&mut change, id).await?.ok_or(Error::NotFound)?;
    let entry = Entry::of("promotion.redeemed").on("tenant", &tenant.id).with("promotion", &*code).with("terms", hex(&hash));
    let state = |terms, redeemed: i32| json!({"promotion": code, "off": terms, "plan": plan, "redeemed": redeemed, "most": offer.most});
    change.commit(entry.before(state(None, redeemed - 1)).after(state(Some(offer.terms.off), redeemed))).await?;
    Ok(Redeemed { redemption, replayed: false })
}

/// The same key for something else is a mistake of the caller's.
fn replay(known: Redemption, code: &str, tenant: &str) -> Result<Redeemed, Error> {
    if known.code != code || ![&known.tenant_id, &known.slug].into_iter().any(|name| name == tenant) {
        return Err(Error::Invalid(vec![Problem::new("idempotency_key", msg::idempotency_key_reused())]));
    }
    Ok(Redeemed { redemption: known, replayed: true })
}

/// The tenant of an id or a slug, which stays as it is until the transaction ends.
async fn found(change: &mut Change, name: &str) -> Result<Tenant, Error> {
    let wrong = |text| Error::Invalid(vec![Problem::new("tenant", text)]);
    if name.is_empty() {
        return Err(wrong(msg::field_required()));
    }
    let id = tenants::hold(change, name).await?.ok_or_else(|| wrong(msg::redemption_tenant_unknown(name)))?;
    let tenant = tenants::tenant(change, &id).await?.ok_or(Error::NotFound)?;
    match Status::named(&tenant.status) {
        Some(Status::Closed) | None => Err(wrong(msg::redemption_tenant_closed(&tenant.slug))),
        Some(_) => Ok(tenant),
    }
}

/// Whether it may be redeemed today by somebody with this plan; whether something is left is not asked here.
fn eligible(offer: &Offer, plan: Option<&str>, today: NaiveDate) -> Result<(), Error> {
    if let Standing::Scheduled | Standing::Ended = offer.standing(today) {
        return Err(Error::Refused(msg::promotion_not_on(&offer.code, today.to_string())));
    }
    match plan {
        Some(plan) if !offer.fits(plan) => Err(Error::Refused(msg::promotion_other_plans(&offer.code, offer.plans.join(", ")))),
        None if !offer.plans.is_empty() => Err(Error::Refused(msg::redemption_no_plan(&offer.code, offer.plans.join(", ")))),
        _ => Ok(()),
    }
}

/// Why the counter did not go up.
async fn too_late(conn: &mut PgConnection, code: &str) -> Result<Error, Error> {
    let offer = promotions::find(conn, code).await?.ok_or(Error::NotFound)?;
    Ok(match offer.standing(today()) {
        Standing::Ended => Error::Refused(msg::promotion_not_on(code, today().to_string())),
        _ => Error::Refused(msg::exhausted(code)),
    })
}
