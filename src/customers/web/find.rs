//! Organisations and people by id, or by part of a name, a company or an address.
use super::lists::called;
use crate::{
    auth::{CustomersRead, Scope},
    customers::{
        Org, User, is_org_id, is_user_id,
        store::{self, Filter},
    },
    error::Error,
    page::{
        FEW, Found, Reader,
        list::{Order, Slice},
    },
};
use sqlx::PgConnection;

/// One letter is in nearly every name.
const FEWEST_CHARACTERS: usize = 2;

pub async fn find(r: &Reader, conn: &mut PgConnection, q: &str) -> Result<Vec<Found>, Error> {
    if !r.caller.may(CustomersRead::NAME) || q.chars().count() < FEWEST_CHARACTERS {
        return Ok(Vec::new());
    }
    let (orgs, users) = if is_org_id(q) {
        (store::org(conn, q).await?.into_iter().collect(), Vec::new())
    } else if is_user_id(q) {
        (Vec::new(), store::user(conn, q).await?.into_iter().collect())
    } else {
        let filter = Filter { q: Some(q.to_owned()), paying: None };
        let first = Slice { order: Order { key: "name", down: false }, cursor: None, limit: FEW };
        (store::orgs(conn, &filter, first).await?, store::users(conn, &filter, first).await?)
    };
    Ok(orgs.iter().map(|org| found_org(r, org)).chain(users.iter().map(|user| found_user(r, user))).collect())
}

fn found_org(r: &Reader, org: &Org) -> Found {
    let detail = format!("{} · {} · {}", org.company, called(r.l, "tier", &org.tier), org.id);
    Found { group: r.l.customers_orgs_title(), name: org.name.clone(), detail, href: format!("/orgs/{}", org.id), icon: "building-2" }
}

fn found_user(r: &Reader, user: &User) -> Found {
    let detail = format!("{} · {} · {}", user.email, called(r.l, "plan", &user.plan), user.id);
    Found {
        group: r.l.customers_users_title(),
        name: user.name.exposed().to_owned(),
        detail,
        href: format!("/users/{}", user.id),
        icon: "user",
    }
}
