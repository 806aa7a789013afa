//! The pages of customers: organisations and people, each with their history.
mod find;
mod lists;

pub use find::find;

use super::store;
use crate::{
    app::App,
    auth::{CustomersFix, CustomersRead, LedgerRead, RequestsRead, Scope},
    error::Error,
    ledger::{self, browse::Filter as Events},
    operations::form::grouped,
    page::{
        self, Action, Fact, Reader, Shell, Table, Visit, When, export,
        list::{self, Asked, List, Listing, Slice},
        query,
    },
    requests,
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use lists::{ORG_BRIEF, Orgs, USER_BRIEF, Users, called, org_place, user_place};
use sqlx::PgConnection;

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<CustomersRead, _, _>("/orgs", index::<Orgs>)
        .show::<CustomersRead, _, _>("/orgs.csv", export::<Orgs>)
        .show::<CustomersRead, _, _>("/orgs/{id}", org)
        .show::<CustomersRead, _, _>("/users", index::<Users>)
        .show::<CustomersRead, _, _>("/users.csv", export::<Users>)
        .show::<CustomersRead, _, _>("/users/{id}", user)
}

#[derive(Template)]
#[template(path = "customers/index.html")]
struct Index {
    shell: Shell,
    list: List,
}

async fn index<L: Listing>(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let list = list::page::<L>(&visit.reader(&app)?, &mut conn, &asked, visit.l.customers_none()).await?;
    drop(conn);
    page::html(&Index { shell: visit.shell(&app).await?, list })
}

async fn export<L: Listing>(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    export::csv::<L>(visit.reader(&app)?, asked).await
}

/// An organisation or a person: what is so now, what is asked for, what happened, and who belongs to it.
#[derive(Template)]
#[template(path = "customers/show.html")]
struct Show {
    shell: Shell,
    back: Action,
    title: String,
    id: String,
    facts: Vec<Fact>,
    actions: Vec<Action>,
    /// Why there is nothing to ask for, where there is not.
    no_actions: Option<String>,
    related_title: String,
    related: Table,
    open: Table,
    history: Option<Table>,
    all_history: String,
}

async fn org(visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let (l, r) = (visit.l, visit.reader(&app)?);
    let mut conn = app.db.read().await?;
    let org = store::org(&mut conn, &id).await?.ok_or(Error::NotFound)?;
    let members = store::members(&mut conn, &id, 50).await?;
    let around = Around::of(&r, &mut conn, "org", &id).await?;
    drop(conn);
    let facts = vec![
        Fact::new(l.customers_company(), org.company.clone()),
        Fact::new(l.customers_tier(), called(l, "tier", &org.tier)),
        Fact::new(l.customers_credit(), grouped(org.credit)),
        Fact::new(l.customers_members(), grouped(org.members)),
        Fact::new(l.customers_since(), When::new(l, org.created_at).absolute),
    ];
    let related = Table::plain(&r, l.customers_members(), &Users::columns(), USER_BRIEF, &members, user_place);
    let back = Action { href: "/orgs".into(), label: l.customers_orgs_title() };
    around.show(&app, &visit, back, org.name, facts, (l.customers_members(), related)).await
}

async fn user(visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let (l, r) = (visit.l, visit.reader(&app)?);
    let mut conn = app.db.read().await?;
    let user = store::user(&mut conn, &id).await?.ok_or(Error::NotFound)?;
    let orgs = store::orgs_of(&mut conn, &id, 50).await?;
    let around = Around::of(&r, &mut conn, "user", &id).await?;
    drop(conn);
    let facts = vec![
        Fact::new(l.customers_email(), user.email.exposed().to_owned()),
        Fact::new(l.customers_plan(), called(l, "plan", &user.plan)),
        Fact::new(l.customers_until(), user.plan_until.map_or_else(|| l.customers_no_end(), |d| d.to_string())),
        Fact::new(l.customers_since(), When::new(l, user.created_at).absolute),
    ];
    let related = Table::plain(&r, l.customers_orgs(), &Orgs::columns(), ORG_BRIEF, &orgs, org_place);
    let back = Action { href: "/users".into(), label: l.customers_users_title() };
    around.show(&app, &visit, back, user.name.exposed().to_owned(), facts, (l.customers_orgs(), related)).await
}

/// What surrounds a customer: requests that are open for it, what happened to it, and what can be asked for.
struct Around {
    id: String,
    open: Table,
    /// Only for those who may read the ledger.
    history: Option<Table>,
    actions: Vec<Action>,
    no_actions: Option<String>,
}

impl Around {
    async fn of(r: &Reader, conn: &mut PgConnection, kind: &str, id: &str) -> Result<Self, Error> {
        let filter = requests::inbox::Filter {
            target: Some((kind.into(), id.into())),
            states: Some(requests::State::OPEN.iter().map(|s| s.name()).collect()),
            ..Default::default()
        };
        let open =
            if r.caller.may(RequestsRead::NAME) { requests::inbox::list(conn, &filter, Slice::newest(10)).await? } else { Vec::new() };
        let columns = requests::web::columns();
        let open = Table::plain(r, r.l.customers_open(), &columns, requests::web::BRIEF, &open, requests::web::place);
        let history = if r.caller.may(LedgerRead::NAME) {
            let events = ledger::browse::list(conn, &Events::of_target(id), Slice::newest(20)).await?;
            let columns = ledger::web::columns();
            Some(Table::plain(r, r.l.customers_history(), &columns, ledger::web::BRIEF, &events, ledger::web::place))
        } else {
            None
        };
        let actions = actions(r, kind, id);
        let no_actions = actions.is_empty().then(|| r.l.customers_no_actions());
        Ok(Self { id: id.to_owned(), open, history, actions, no_actions })
    }

    async fn show(
        self,
        app: &App,
        visit: &Visit,
        back: Action,
        title: String,
        facts: Vec<Fact>,
        related: (String, Table),
    ) -> Result<Response, Error> {
        let Self { id, open, history, actions, no_actions } = self;
        let (related_title, related) = related;
        let all_history = format!("/ledger{}", query(&[("target", &id)]));
        let shell = visit.shell(app).await?;
        page::html(&Show { shell, back, title, id, facts, actions, no_actions, related_title, related, open, history, all_history })
    }
}

/// What can be asked for here: every operation that has this kind's id among its fields.
fn actions(r: &Reader, kind: &str, id: &str) -> Vec<Action> {
    let field = format!("{kind}_id");
    if !r.caller.may(CustomersFix::NAME) {
        return Vec::new();
    }
    let fits = r.app.registry.all().filter(|d| r.caller.may(d.scope()) && d.schema()["properties"].get(&field).is_some());
    fits.map(|d| Action { href: format!("/requests/new/{}{}", d.name(), query(&[(&field, id)])), label: d.title(r.l) }).collect()
}
