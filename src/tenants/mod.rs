//! Whom we serve: companies with their registration number, and their tenants. A shared module: slices use it, and it uses none.
mod lookup;
pub mod registration;
mod store;
pub mod web;

pub use lookup::Lookup;
pub use registration::BizRegNo;
pub use store::{
    Called, Company, Tenant, companies_like, company_by_number, hold, like, lock, named, overwritten, slug_is_taken, tenant, tenants_of,
};

use crate::{
    db::Change,
    error::{Error, Problem},
    i18n::{Text, msg},
    ledger::Entry,
};
use rand::RngExt;
use serde_json::json;

/// Where a tenant's data lives.
pub const REGIONS: [&str; 4] = ["kr", "jp", "sg", "us"];
/// The time zones that are offered; any other that there is can be typed through the API.
pub const ZONES: [&str; 4] = ["Asia/Seoul", "Asia/Tokyo", "Asia/Singapore", "America/New_York"];

/// How a tenant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is being onboarded.
    Provisioning,
    Active,
    Suspended,
    Closed,
}

impl Status {
    pub const ALL: [Status; 4] = [Status::Provisioning, Status::Active, Status::Suspended, Status::Closed];

    pub fn name(self) -> &'static str {
        match self {
            Status::Provisioning => "provisioning",
            Status::Active => "active",
            Status::Suspended => "suspended",
            Status::Closed => "closed",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// As badges are coloured.
    pub fn tone(self) -> &'static str {
        match self {
            Status::Provisioning => "executing",
            Status::Active => "succeeded",
            Status::Suspended => "unknown",
            Status::Closed => "expired",
        }
    }
}

/// A tenant that is to be, as somebody typed it.
#[derive(Clone, Debug, Default)]
pub struct NewTenant {
    pub biz_reg_no: String,
    pub company: String,
    pub slug: String,
    pub region: String,
    pub time_zone: String,
}

/// The same once it makes sense.
#[derive(Clone, Debug)]
pub struct Checked {
    pub biz_reg_no: BizRegNo,
    pub company: String,
    pub slug: String,
    pub region: String,
    pub time_zone: String,
}

impl NewTenant {
    /// Everything that is wrong with it, without a look at the database.
    pub fn checked(&self) -> Result<Checked, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, text: Option<Text>| problems.extend(text.map(|text| Problem::new(field, text)));
        let number = BizRegNo::read(&self.biz_reg_no);
        wrong("biz_reg_no", number.as_ref().err().cloned());
        let company = self.company.trim();
        wrong("company", (!(2..=100).contains(&company.chars().count())).then(msg::company_name_malformed));
        let slug = self.slug.trim();
        wrong("slug", (!is_slug(slug)).then(msg::tenant_slug_malformed));
        let region = or(&self.region, REGIONS[0]);
        wrong("region", (!REGIONS.contains(&region)).then(|| msg::tenant_region_unknown(REGIONS.join(", "))));
        let zone = or(&self.time_zone, ZONES[0]);
        wrong("time_zone", zone.parse::<chrono_tz::Tz>().is_err().then(msg::tenant_zone_unknown));
        match number {
            Ok(biz_reg_no) if problems.is_empty() => Ok(Checked {
                biz_reg_no,
                company: company.to_owned(),
                slug: slug.to_owned(),
                region: region.to_owned(),
                time_zone: zone.to_owned(),
            }),
            _ => Err(problems),
        }
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.trim().is_empty() { otherwise } else { text.trim() }
}

/// Small letters, digits and single dashes, 3 to 32 of them, beginning with a letter: it becomes part of an address.
pub fn is_slug(text: &str) -> bool {
    (3..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Makes the tenant, and its company if nobody has its number yet. Answers the tenant's id.
pub async fn found(change: &mut Change, new: &Checked) -> Result<String, Error> {
    // two who onboard the same company at once wait for each other
    store::one_at_a_time(change, new.biz_reg_no.digits()).await?;
    let company = match store::company_by_number(change, new.biz_reg_no.digits()).await? {
        Some(company) if company.name != new.company => {
            return Err(Error::Invalid(vec![Problem::new("company", msg::company_is_called(&company.name))]));
        }
        Some(company) if company.status != "active" => {
            return Err(Error::Invalid(vec![Problem::new("biz_reg_no", msg::company_is_closed(&company.name))]));
        }
        Some(company) => company.id,
        None => {
            let id = id("cmp");
            store::add_company(change, &id, new).await?;
            let entry = Entry::of("company.added").on("company", &id);
            change.record(entry.after(json!({"name": new.company, "biz_reg_no": new.biz_reg_no.digits()}))).await?;
            id
        }
    };
    if store::slug_is_taken(change, &new.slug).await? {
        return Err(Error::Invalid(vec![Problem::new("slug", msg::tenant_slug_taken(&new.slug))]));
    }
    let id = id("tnt");
    if !store::add_tenant(change, &id, &company, new).await? {
        return Err(Error::Invalid(vec![Problem::new("slug", msg::tenant_slug_taken(&new.slug))]));
    }
    let after = json!({"company": company, "slug": new.slug, "region": new.region, "time_zone": new.time_zone});
    change.record(Entry::of("tenant.added").on("tenant", &id).after(after)).await?;
    Ok(id)
}

/// Makes it active. Whoever calls this has locked it.
pub async fn activate(change: &mut Change, id: &str) -> Result<(), Error> {
    store::activate(change, id).await?;
    let (before, after) = (json!({"status": Status::Provisioning.name()}), json!({"status": Status::Active.name()}));
    change.record(Entry::of("tenant.activated").on("tenant", id).before(before).after(after)).await?;
    Ok(())
}

fn id(prefix: &str) -> String {
    const LETTERS: &[u8] = b"0123456789abcdefghijkmnpqrstuvwxyz";
    let mut rng = rand::rng();
    let tail: String = (0..10).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect();
    format!("{prefix}_{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_part_of_an_address() {
        for good in ["hanbit", "hanbit-soft", "a1b", "x-1-y"] {
            assert!(is_slug(good), "{good}");
        }
        for bad in ["", "ab", "Hanbit", "1hanbit", "-hanbit", "hanbit-", "han--bit", "한빛소프트", "han bit", &"a".repeat(33)] {
            assert!(!is_slug(bad), "{bad}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let new = NewTenant { biz_reg_no: "1".into(), region: "mars".into(), time_zone: "Asia/Pyeongchang".into(), ..NewTenant::default() };
        let fields: Vec<_> = new.checked().unwrap_err().into_iter().map(|p| p.field).collect();
        assert_eq!(fields, ["biz_reg_no", "company", "slug", "region", "time_zone"]);
        let new =
            NewTenant {
                biz_reg_no: "124-81-00998".into(), company: " 한빛소프트 ".into(), slug: "hanbit".into(), ..NewTenant::default()
            };
        let checked = new.checked().unwrap();
        assert_eq!((&*checked.company, &*checked.region, &*checked.time_zone), ("한빛소프트", "kr", "Asia/Seoul"));
    }
}
