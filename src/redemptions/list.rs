//! Redemptions as a list: who redeemed what, and when.
use super::{Filter as Wanted, Redemption, store};
use crate::{
    catalog::promotions::{spelt, web::off},
    error::Error,
    i18n::Lang,
    page::{
        Cell, Column, Detail, Link, Place, Reader, When,
        list::{Asked, Filter, Listing, Slice},
    },
    requests::hex,
};
use sqlx::PgConnection;

pub(super) struct Redemptions;

/// The columns of a promotion's own page.
pub(super) const BRIEF: &[&str] = &["tenant", "plan", "off", "by", "at"];

impl Listing for Redemptions {
    type Row = Redemption;
    const NAME: &'static str = "catalog/redemptions";
    const ORDERS: &'static [&'static str] = &["-id"];
    const ICON: &'static str = "receipt";

    fn caption(r: &Reader) -> String {
        r.l.redemption_title()
    }

    fn columns() -> Vec<Column<Redemption>> {
        type Of = Column<Redemption>;
        let title = |_: &Reader, row: &Redemption| Cell::Title { text: row.company.clone(), below: vec![Detail::code(&row.slug)] };
        let code =
            |_: &Reader, row: &Redemption| Cell::Link(Link { label: row.code.clone(), href: format!("/catalog/promotions/{}", row.code) });
        vec![
            Of::new("tenant", Lang::redemption_tenant, title, |row| row.company.clone()),
            Of::new("slug", Lang::tenant_slug, |_, row| Cell::Code(row.slug.clone()), |row| row.slug.clone()).hidden().in_files(),
            Of::new("id", Lang::customers_id, |_, row| Cell::Code(row.tenant_id.clone()), |row| row.tenant_id.clone()).hidden().in_files(),
            Of::new("code", Lang::promotion_code, code, |row| row.code.clone()),
            Of::new("plan", Lang::redemption_plan, |_, row| Cell::text(row.plan.clone()), |row| row.plan.clone().unwrap_or_default()),
            Of::new("off", Lang::promotion_off, |_, row| Cell::Number(off(&row.terms.0)), |row| off(&row.terms.0)).end(),
            Of::new("by", Lang::redemption_by, |_, row| Cell::Text(row.by.clone()), |row| row.by.clone()),
            Of::new("hash", Lang::redemption_hash, |_, row| Cell::Code(hex(&row.hash)[..12].to_owned()), |row| hex(&row.hash))
                .hidden()
                .in_files(),
            Of::new("at", Lang::redemption_at, |r, row| Cell::Time(When::new(r.l, row.at)), |row| When::iso(row.at)).end(),
        ]
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        vec![
            Filter::search(asked, r.l.redemption_search(), r.l.redemption_search_hint()),
            Filter::text(asked, "promotion", r.l.promotion_code(), "LAUNCH15"),
            Filter::text(asked, "tenant", r.l.redemption_tenant_id(), "tnt_"),
        ]
    }

    fn place(_: &Asked, row: &Redemption) -> Place {
        place(row)
    }

    fn mark(row: &Redemption, _: &str) -> (String, String) {
        (String::new(), row.id.to_string())
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Redemption>, Error> {
        let code = asked.some("promotion").map(|code| spelt(&code));
        let wanted = Wanted { q: asked.some("q"), code, tenant: asked.some("tenant") };
        Ok(store::list(conn, &wanted, slice).await?)
    }
}

pub(super) fn place(row: &Redemption) -> Place {
    Place { id: row.id.to_string(), href: format!("/tenants/{}", row.tenant_id), beside: None, current: false }
}
