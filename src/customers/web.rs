//! The pages of customers: organisations and people, each with their history.
use super::{
    Org, User,
    store::{self, Cursor},
};
use crate::{
    app::App,
    auth::{Caller, CustomersFix, CustomersRead, LedgerRead, Operator, RequestsRead, Scope},
    error::Error,
    i18n::Lang,
    ledger::{self, browse::Filter as Events, web::EventRow},
    operations::form::grouped,
    page::{self, Action, Fact, Shell, Visit, When, query},
    requests::{self, view::RequestRow},
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use serde::Deserialize;

const PAGE: usize = 50;

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<CustomersRead, _, _>("/orgs", orgs)
        .show::<CustomersRead, _, _>("/orgs/{id}", org)
        .show::<CustomersRead, _, _>("/users", users)
        .show::<CustomersRead, _, _>("/users/{id}", user)
}

struct OrgRow {
    id: String,
    href: String,
    name: String,
    company: String,
    tier: String,
    credit: String,
    members: String,
}

impl From<&Org> for OrgRow {
    fn from(o: &Org) -> Self {
        Self {
            href: format!("/orgs/{}", o.id),
            id: o.id.clone(),
            name: o.name.clone(),
            company: o.company.clone(),
            tier: o.tier.clone(),
            credit: grouped(o.credit),
            members: grouped(o.members),
        }
    }
}

struct UserRow {
    id: String,
    href: String,
    name: String,
    email: String,
    plan: String,
    until: Option<String>,
    orgs: String,
}

impl From<&User> for UserRow {
    fn from(u: &User) -> Self {
        Self {
            href: format!("/users/{}", u.id),
            id: u.id.clone(),
            name: u.name.clone(),
            email: u.email.clone(),
            plan: u.plan.clone(),
            until: u.plan_until.map(|d| d.to_string()),
            orgs: grouped(u.orgs),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    q: String,
    /// `name~id` of the last row of the page before.
    after: String,
    /// `name~id` of the first row of the page after.
    before: String,
}

impl Asked {
    fn cursor(&self) -> Option<Cursor> {
        let parse = |text: &str, back| text.rsplit_once('~').map(|(name, id)| Cursor { name: name.into(), id: id.into(), back });
        parse(&self.before, true).or_else(|| parse(&self.after, false))
    }
}

/// One page of a list, with links to its neighbours.
struct Paged<T> {
    rows: Vec<T>,
    next: Option<String>,
    previous: Option<String>,
}

fn paged<T>(path: &str, asked: &Asked, mut rows: Vec<T>, key: impl Fn(&T) -> (&str, &str)) -> Paged<T> {
    let back = !asked.before.is_empty();
    let more = rows.len() > PAGE;
    if more {
        if back {
            rows.remove(0);
        } else {
            rows.truncate(PAGE);
        }
    }
    let link = |name: &str, row: Option<&T>| {
        row.map(|row| {
            let (label, id) = key(row);
            format!("{path}{}", query(&[("q", &asked.q), (name, &format!("{label}~{id}"))]))
        })
    };
    let next = link("after", rows.last()).filter(|_| back || more);
    let previous = link("before", rows.first()).filter(|_| if back { more } else { !asked.after.is_empty() });
    Paged { rows, next, previous }
}

#[derive(Template)]
#[template(path = "customers/orgs.html")]
struct Orgs {
    shell: Shell,
    q: String,
    rows: Vec<OrgRow>,
    next: Option<String>,
    previous: Option<String>,
}

async fn orgs(visit: Visit, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let found = store::orgs(&mut conn, asked.q.trim(), asked.cursor().as_ref(), PAGE as i64 + 1).await?;
    drop(conn);
    let page = paged("/orgs", &asked, found, |o| (&o.name, &o.id));
    page::html(&Orgs {
        shell: visit.shell(&app).await?,
        q: asked.q.clone(),
        rows: page.rows.iter().map(OrgRow::from).collect(),
        next: page.next,
        previous: page.previous,
    })
}

#[derive(Template)]
#[template(path = "customers/users.html")]
struct Users {
    shell: Shell,
    q: String,
    rows: Vec<UserRow>,
    next: Option<String>,
    previous: Option<String>,
}

async fn users(visit: Visit, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let found = store::users(&mut conn, asked.q.trim(), asked.cursor().as_ref(), PAGE as i64 + 1).await?;
    drop(conn);
    let page = paged("/users", &asked, found, |u| (&u.name, &u.id));
    page::html(&Users {
        shell: visit.shell(&app).await?,
        q: asked.q.clone(),
        rows: page.rows.iter().map(UserRow::from).collect(),
        next: page.next,
        previous: page.previous,
    })
}

#[derive(Template)]
#[template(path = "customers/org.html")]
struct OrgPage {
    shell: Shell,
    title: String,
    id: String,
    facts: Vec<Fact>,
    actions: Vec<Action>,
    members: Vec<UserRow>,
    open: Vec<RequestRow>,
    history: Vec<EventRow>,
}

async fn org(operator: Operator<CustomersRead>, visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let l = visit.l;
    let mut conn = app.db.read().await?;
    let org = store::org(&mut conn, &id).await?.ok_or(Error::NotFound)?;
    let members = store::members(&mut conn, &id, 50).await?;
    let (open, history) = around(&app, &mut conn, l, operator.caller(), "org", &id).await?;
    drop(conn);
    let fact = |label: String, value: String| Fact { label, value };
    let facts = vec![
        fact(l.customers_company(), org.company.clone()),
        fact(l.customers_tier(), org.tier.clone()),
        fact(l.customers_credit(), grouped(org.credit)),
        fact(l.customers_members(), grouped(org.members)),
        fact(l.customers_since(), When::new(l, org.created_at).absolute),
    ];
    let actions = actions(&app, l, operator.caller(), "org", &id);
    page::html(&OrgPage {
        shell: visit.shell(&app).await?,
        title: org.name,
        id,
        facts,
        actions,
        members: members.iter().map(UserRow::from).collect(),
        open,
        history,
    })
}

#[derive(Template)]
#[template(path = "customers/user.html")]
struct UserPage {
    shell: Shell,
    title: String,
    id: String,
    facts: Vec<Fact>,
    actions: Vec<Action>,
    orgs: Vec<OrgRow>,
    open: Vec<RequestRow>,
    history: Vec<EventRow>,
}

async fn user(operator: Operator<CustomersRead>, visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let l = visit.l;
    let mut conn = app.db.read().await?;
    let user = store::user(&mut conn, &id).await?.ok_or(Error::NotFound)?;
    let orgs = store::orgs_of(&mut conn, &id, 50).await?;
    let (open, history) = around(&app, &mut conn, l, operator.caller(), "user", &id).await?;
    drop(conn);
    let fact = |label: String, value: String| Fact { label, value };
    let facts = vec![
        fact(l.customers_email(), user.email.clone()),
        fact(l.customers_plan(), user.plan.clone()),
        fact(l.customers_until(), user.plan_until.map_or_else(|| l.customers_no_end(), |d| d.to_string())),
        fact(l.customers_since(), When::new(l, user.created_at).absolute),
    ];
    let actions = actions(&app, l, operator.caller(), "user", &id);
    page::html(&UserPage {
        shell: visit.shell(&app).await?,
        title: user.name,
        id,
        facts,
        actions,
        orgs: orgs.iter().map(OrgRow::from).collect(),
        open,
        history,
    })
}

/// Requests that are open for a customer, and what has happened to it; history only for those who may read the ledger.
async fn around(
    app: &App,
    conn: &mut sqlx::PgConnection,
    l: Lang,
    caller: &Caller,
    kind: &str,
    id: &str,
) -> Result<(Vec<RequestRow>, Vec<EventRow>), Error> {
    let filter = requests::inbox::Filter {
        target: Some((kind.into(), id.into())),
        states: Some(requests::State::OPEN.iter().map(|s| s.name()).collect()),
        ..Default::default()
    };
    let open = if caller.may(RequestsRead::NAME) { requests::inbox::list(conn, &filter, None, false, 10).await? } else { Vec::new() };
    let history = if caller.may(LedgerRead::NAME) {
        ledger::browse::list(conn, &Events { target: Some(id.into()), ..Events::default() }, None, false, 20).await?
    } else {
        Vec::new()
    };
    Ok((open.iter().map(|r| RequestRow::new(app, l, r)).collect(), history.iter().map(|e| EventRow::new(l, e)).collect()))
}

/// What can be asked for here: every operation whose fields begin with this kind's id.
fn actions(app: &App, l: Lang, caller: &Caller, kind: &str, id: &str) -> Vec<Action> {
    let field = format!("{kind}_id");
    if !caller.may(CustomersFix::NAME) {
        return Vec::new();
    }
    let fits = app.registry.all().filter(|d| caller.may(d.scope()) && d.schema()["properties"].get(&field).is_some());
    fits.map(|d| Action { href: format!("/requests/new/{}{}", d.name(), query(&[(&field, id)])), label: d.title(l) }).collect()
}
