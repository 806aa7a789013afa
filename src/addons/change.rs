//! `addon.change`: a tenant has so many of an add-on from a day on, and none of it with a quantity of 0. Its preview is the invoice of the
//! period in which that day is, without the change and with it; the approval is bound to every number of both.
use super::{
    Held, MOST, PAST,
    bill::{self, Basis, Bill, Wanted, When},
    notation, store,
};
use crate::{
    auth::AddonsChange,
    catalog::{
        Kind,
        pricing::{Usage, Vat},
        today,
    },
    db::Change,
    error::Error,
    i18n::{Text, msg},
    ledger::Entry,
    operations::{Operation, Preview, Refusal, Risk, Target, form::number},
    page::money,
    subscriptions,
    tenants::{self, Status},
};
use async_trait::async_trait;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct ChangeAddon {
    #[schemars(length(max = 40))]
    pub tenant_id: String,
    /// The add-on's code.
    #[schemars(length(max = 40), extend("x-lookup" = "/catalog/addons"))]
    pub addon: String,
    /// How many of it from then on; 0 to give it up.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub quantity: i64,
    /// The first day, in Korea.
    #[schemars(with = "String", extend("format" = "date"))]
    pub from: NaiveDate,
    /// An estimate of what will be used in the period: `tokens 87,654,321; processed 48,123,672`. It changes nothing but the preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 500))]
    pub estimate: Option<String>,
}

/// A change that makes sense, with all that it rests on.
struct Plan {
    before: Basis,
    after: Basis,
    name: String,
    /// What is had on that day as things are.
    now: Option<Held>,
    version: i32,
    price: i64,
    usage: Usage,
}

#[async_trait]
impl Operation for ChangeAddon {
    const NAME: &'static str = "addon.change";
    const RISK: Risk = Risk::Medium;
    type Asks = AddonsChange;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(tenants::lock(change, &self.tenant_id).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        let plan = self.plan(conn).await?;
        let bill = |basis: &Basis| basis.bill(&plan.usage, Vat::default());
        let (was, is) = (bill(&plan.before)?, bill(&plan.after)?);
        let had = plan.now.as_ref();
        let before =
            self.state(&plan, &plan.before, &was, had.map_or(0, |held| i64::from(held.quantity)), had.map(|held| held.version), None);
        let version = (self.quantity > 0).then_some(plan.version);
        let after = self.state(&plan, &plan.after, &is, self.quantity, version, Some(self.from));
        let tenant = &plan.before.tenant;
        let label = format!("{} · {} · {}", tenant.company, tenant.slug, plan.name);
        Ok(Preview { target: Target { kind: "tenant", id: tenant.id.clone(), label }, before, after })
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let plan = self.plan(change).await?;
        match &plan.now {
            // nothing of it has been had for a day: it makes room
            Some(held) if held.days.starts == self.from => store::undo(change, held.id).await?,
            Some(held) => store::end(change, held.id, self.from).await?,
            None => {}
        }
        if self.quantity > 0 {
            let quantity = i32::try_from(self.quantity).map_err(anyhow::Error::from).map_err(Error::from)?;
            let new = store::New { tenant: &self.tenant_id, code: &self.addon, version: plan.version, quantity, from: self.from };
            store::add(change, &new).await?;
        }
        let entry = Entry::of("addon.changed")
            .on("tenant", &self.tenant_id)
            .with("addon", &*self.addon)
            .with("version", plan.version)
            .with("quantity", self.quantity)
            .with("from", self.from.to_string());
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        store::overwritten(conn).await
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        let Ok(plan) = self.plan(conn).await else { return Ok(Vec::new()) };
        let total = |basis: &Basis| basis.bill(&plan.usage, Vat::default()).map(|bill| bill.invoice.total);
        let (was, is) = (total(&plan.before)?, total(&plan.after)?);
        let period = plan.after.period.to_string();
        let mut said = vec![msg::impact_addon_invoice(money::full(is - was), money::full(is), period, money::full(was))];
        if plan.now.is_some() && self.quantity > 0 {
            said.push(msg::impact_addon_keeps_price(&plan.name, plan.version));
        }
        said.push(match plan.usage.is_empty() {
            true => msg::impact_addon_no_estimate(),
            false => msg::impact_addon_estimate(),
        });
        Ok(said)
    }

    fn reverse(&self, before: &Value) -> Option<Value> {
        let from = self.from.max(today()).to_string();
        Some(json!({"tenant_id": self.tenant_id, "addon": self.addon, "quantity": before["quantity"].as_i64()?, "from": from}))
    }
}

impl ChangeAddon {
    /// Every rule, in the order in which people fill the form in.
    async fn plan(&self, conn: &mut PgConnection) -> Result<Plan, Refusal> {
        let wrong = Refusal::field;
        // NUL is no text for Postgres, and nobody is called that
        let plain = |text: &str| !text.contains('\0');
        let found = if plain(&self.tenant_id) { tenants::tenant(conn, &self.tenant_id).await? } else { None };
        let Some(tenant) = found else {
            return Err(wrong("tenant_id", msg::addon_tenant_unknown(&self.tenant_id)));
        };
        if tenant.status != Status::Active.name() {
            return Err(wrong("tenant_id", msg::addon_tenant_not_active(&tenant.slug, &tenant.status)));
        }
        let known = if plain(&self.addon) { store::name(conn, &self.addon).await? } else { None };
        let Some(name) = known else { return Err(wrong("addon", msg::addon_unknown(&self.addon))) };
        if !(0..=MOST).contains(&self.quantity) {
            return Err(wrong("quantity", msg::addon_quantity_wrong(MOST)));
        }
        if self.from < today() {
            return Err(wrong("from", msg::addon_from_past(today().to_string())));
        }
        if self.from > today() + chrono::Days::new(731) {
            return Err(wrong("from", msg::addon_from_far()));
        }
        let had = store::of(conn, &self.tenant_id, PAST).await?;
        let mut mine = had.into_iter().filter(|held| held.code == self.addon && held.undone_in.is_none());
        if let Some(later) =
            mine.clone().find_map(|held| [Some(held.days.starts), held.days.ends].into_iter().flatten().find(|day| *day > self.from))
        {
            return Err(wrong("from", msg::addon_scheduled_already(&name, later.to_string())));
        }
        let now = mine.find(|held| held.days.has(self.from));
        if self.quantity == now.as_ref().map_or(0, |held| i64::from(held.quantity)) {
            return Err(wrong("quantity", msg::addon_unchanged(&name, self.quantity)));
        }
        let billed = self.billed(conn).await?;
        let before = Basis::read(conn, &self.tenant_id, When::Day(billed)).await?;
        let usage = self.usage()?;
        before.check("estimate", &usage).map_err(Refusal::Rule)?;
        // what is had keeps its price, whatever was published since
        let kept = now.as_ref().map(|held| held.version);
        let Some((version, price)) = bill::offer(conn, &self.addon, kept, self.from, before.currency).await? else {
            return Err(wrong("addon", msg::addon_not_sold(&name, self.from.to_string())));
        };
        let quantity = u32::try_from(self.quantity).unwrap_or_default();
        let after = before.clone().with(&Wanted { code: &self.addon, quantity, from: self.from }, version, price);
        Ok(Plan { before, after, name, now, version, price, usage })
    }

    /// The day whose period is shown. What is left of an ended subscription is given up, too: then it is the first of the subscription that
    /// comes, or the last of the one that was.
    async fn billed(&self, conn: &mut PgConnection) -> Result<NaiveDate, Error> {
        if self.quantity > 0 || subscriptions::of(conn, &self.tenant_id, self.from).await?.is_some() {
            return Ok(self.from);
        }
        if let Some(next) = subscriptions::upcoming(conn, &self.tenant_id, self.from).await? {
            return Ok(next.days.starts);
        }
        let past = subscriptions::history(conn, &self.tenant_id, PAST).await?;
        let ends = past.iter().filter(|s| s.undone_in.is_none()).filter_map(|s| s.days.ends).filter(|ends| *ends <= self.from).max();
        Ok(ends.and_then(|ends| ends.pred_opt()).unwrap_or(self.from))
    }

    fn usage(&self) -> Result<Usage, Refusal> {
        read_usage(self.estimate.as_deref().unwrap_or_default()).map_err(|text| Refusal::field("estimate", text))
    }

    fn state(
        &self,
        plan: &Plan,
        basis: &Basis,
        bill: &Bill,
        quantity: i64,
        version: Option<i32>,
        from: Option<NaiveDate>,
    ) -> Map<String, Value> {
        let invoice = &bill.invoice;
        let subscription = &basis.subscription;
        Map::from_iter([
            (Kind::Addon.name().to_owned(), json!(version.map(|version| format!("{} v{version}", self.addon)))),
            ("quantity".into(), json!(quantity)),
            ("from".into(), json!(from)),
            ("monthly".into(), json!(plan.price.saturating_mul(quantity))),
            ("plan".into(), json!(format!("{} v{}", subscription.plan, subscription.version))),
            ("period".into(), json!(basis.period.to_string())),
            ("estimate".into(), json!(Some(written(&plan.usage)).filter(|text| !text.is_empty()))),
            ("lines".into(), json!(notation::of(basis.currency, invoice))),
            ("supply".into(), json!(invoice.supply)),
            ("vat".into(), json!(invoice.vat)),
            ("total".into(), json!(invoice.total)),
            ("invoice".into(), json!(bill.hash)),
        ])
    }
}

/// `tokens 87,654,321; processed 48,123,672`, however it is spaced; nothing of a metric is the same as not to name it.
pub fn read_usage(text: &str) -> Result<Usage, Text> {
    let mut usage = Usage::new();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (metric, used) = part.split_once([' ', '=', ':']).ok_or_else(|| msg::addon_estimate_malformed(short(part)))?;
        let used = number(used.trim_matches([' ', '=', ':'])).and_then(|n| u64::try_from(n).ok());
        let used = used.ok_or_else(|| msg::addon_estimate_malformed(short(part)))?;
        if usage.insert(metric.trim().to_owned(), used).is_some() {
            return Err(msg::addon_estimate_twice(short(metric)));
        }
    }
    usage.retain(|_, used| *used > 0);
    Ok(usage)
}

/// The same as it is kept and shown.
pub fn written(usage: &Usage) -> String {
    usage.iter().map(|(metric, used)| format!("{metric} {}", crate::catalog::words::quantity(*used))).collect::<Vec<_>>().join("; ")
}

fn short(text: &str) -> String {
    text.trim().chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_estimate_is_read_as_people_write_it() {
        let read = |text: &str| read_usage(text).map(|usage| written(&usage)).map_err(|text| text.id());
        assert_eq!(read("tokens 87,654,321; processed 48,123,672").as_deref(), Ok("processed 48,123,672; tokens 87,654,321"));
        assert_eq!(read(" tokens=1 ; processed: ₩2 ;").as_deref(), Ok("processed 2; tokens 1"));
        assert_eq!(read("tokens 0").as_deref(), Ok(""));
        assert_eq!(read("").as_deref(), Ok(""));
        for (text, id) in [
            ("tokens", "addon-estimate-malformed"),
            ("tokens -1", "addon-estimate-malformed"),
            ("tokens 1.5", "addon-estimate-malformed"),
            ("tokens 99999999999999999999999999999999999999999", "addon-estimate-malformed"),
            ("tokens 1; tokens 2", "addon-estimate-twice"),
        ] {
            assert_eq!(read(text), Err(id), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(usage in prop::collection::btree_map("[a-z_]{1,12}", 1_u64..i64::MAX as u64, 0..5)) {
            prop_assert_eq!(read_usage(&written(&usage)).unwrap(), usage);
        }
    }
}
