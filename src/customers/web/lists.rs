//! Organisations and people as lists.
use crate::{
    customers::{
        Org, Plan, Tier, User,
        store::{self, Filter as Wanted},
    },
    error::Error,
    i18n::Lang,
    operations::form::grouped,
    page::{
        Cell, Column, Detail, Place, Reader, When,
        list::{Asked, Filter, Listing, Slice},
    },
};
use sqlx::PgConnection;

pub(super) struct Orgs;
pub(super) struct Users;

pub(super) const ORG_BRIEF: &[&str] = &["name", "company", "tier", "credit", "members"];
pub(super) const USER_BRIEF: &[&str] = &["name", "email", "plan", "until"];

pub(super) fn org_place(org: &Org) -> Place {
    Place { id: org.id.clone(), href: format!("/orgs/{}", org.id), beside: None, current: false }
}

pub(super) fn user_place(user: &User) -> Place {
    Place { id: user.id.clone(), href: format!("/users/{}", user.id), beside: None, current: false }
}

fn wanted(asked: &Asked, paying: &str) -> Wanted {
    Wanted { q: asked.some("q"), paying: asked.some(paying) }
}

/// A value as it is called here, such as `Pro` for `pro`.
pub(super) fn called(l: Lang, kind: &str, value: &str) -> String {
    l.find(&format!("value-{kind}-{value}")).unwrap_or_else(|| value.to_owned())
}

impl Listing for Orgs {
    type Row = Org;
    const NAME: &'static str = "orgs";
    const ORDERS: &'static [&'static str] = &["name", "credit"];
    const ICON: &'static str = "building-2";

    fn caption(r: &Reader) -> String {
        r.l.customers_orgs_title()
    }

    fn columns() -> Vec<Column<Org>> {
        type Of = Column<Org>;
        let title = |_: &Reader, o: &Org| Cell::Title { text: o.name.clone(), below: vec![Detail::code(&o.id)] };
        vec![
            Of::new("name", Lang::customers_org, title, |o| o.name.clone()).sorts(),
            Of::new("id", Lang::customers_id, |_, o| Cell::Code(o.id.clone()), |o| o.id.clone()).hidden(),
            Of::new("company", Lang::customers_company, |_, o| Cell::Text(o.company.clone()), |o| o.company.clone()),
            Of::new("tier", Lang::customers_tier, |r, o| Cell::Tag(called(r.l, "tier", &o.tier)), |o| o.tier.clone()),
            Of::new("credit", Lang::customers_credit, |_, o| Cell::Number(grouped(o.credit)), |o| o.credit.to_string()).end().sorts(),
            Of::new("members", Lang::customers_members, |_, o| Cell::Number(grouped(o.members)), |o| o.members.to_string()).end(),
            Of::new("since", Lang::customers_since, |r, o| Cell::Date(When::new(r.l, o.created_at)), |o| When::iso(o.created_at))
                .end()
                .hidden(),
        ]
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        let tiers = Tier::ALL.into_iter().map(|t| (t.name().to_owned(), called(r.l, "tier", t.name()))).collect();
        vec![
            Filter::search(asked, r.l.customers_orgs_search(), r.l.customers_orgs_search_hint()),
            Filter::choice(asked, "tier", r.l.customers_tier(), r.l.filter_any_tier(), tiers),
        ]
    }

    fn place(_: &Asked, row: &Org) -> Place {
        org_place(row)
    }

    fn mark(row: &Org, key: &str) -> (String, String) {
        (if key == "credit" { row.credit.to_string() } else { row.name.clone() }, row.id.clone())
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Org>, Error> {
        Ok(store::orgs(conn, &wanted(asked, "tier"), slice).await?)
    }
}

impl Listing for Users {
    type Row = User;
    const NAME: &'static str = "users";
    const ORDERS: &'static [&'static str] = &["name", "email"];
    const ICON: &'static str = "users";

    fn caption(r: &Reader) -> String {
        r.l.customers_users_title()
    }

    fn columns() -> Vec<Column<User>> {
        type Of = Column<User>;
        let title = |_: &Reader, u: &User| Cell::Title { text: u.name.exposed().to_owned(), below: vec![Detail::code(&u.id)] };
        vec![
            Of::new("name", Lang::customers_name, title, |u| u.name.exposed().to_owned()).sorts(),
            Of::new("id", Lang::customers_id, |_, u| Cell::Code(u.id.clone()), |u| u.id.clone()).hidden().in_files(),
            Of::new("email", Lang::customers_email, |_, u| Cell::Text(u.email.to_string()), |u| u.email.to_string()).sorts(),
            Of::new("plan", Lang::customers_plan, |r, u| Cell::Tag(called(r.l, "plan", &u.plan)), |u| u.plan.clone()),
            Of::new(
                "until",
                Lang::customers_until,
                |_, u| Cell::text(u.plan_until.map(|d| d.to_string())),
                |u| u.plan_until.map(|d| d.to_string()).unwrap_or_default(),
            ),
            Of::new("orgs", Lang::customers_orgs, |_, u| Cell::Number(grouped(u.orgs)), |u| u.orgs.to_string()).end(),
            Of::new("since", Lang::customers_since, |r, u| Cell::Date(When::new(r.l, u.created_at)), |u| When::iso(u.created_at))
                .end()
                .hidden(),
        ]
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        let plans = Plan::ALL.into_iter().map(|p| (p.name().to_owned(), called(r.l, "plan", p.name()))).collect();
        vec![
            Filter::search(asked, r.l.customers_users_search(), r.l.customers_users_search_hint()),
            Filter::choice(asked, "plan", r.l.customers_plan(), r.l.filter_any_plan(), plans),
        ]
    }

    fn place(_: &Asked, row: &User) -> Place {
        user_place(row)
    }

    /// The id alone: a name or an address has no place in a link.
    fn mark(row: &User, _: &str) -> (String, String) {
        (String::new(), row.id.clone())
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<User>, Error> {
        Ok(store::users(conn, &wanted(asked, "plan"), slice).await?)
    }
}
