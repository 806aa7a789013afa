//! The page of a promotion: its terms, how much of it is left, who redeemed it, and the form that redeems it. And the list of all
//! redemptions.
use super::{
    Filter, Redemption,
    list::{BRIEF, Redemptions, place},
    redeem, store,
};
use crate::{
    app::App,
    auth::{CatalogChange, CatalogRead, Csrf, LedgerRead, Operator, PromotionsRedeem, RequestsAsk, Scope, Submitted},
    catalog::{
        promotions::{
            self, Offer, Standing, spelt,
            web::{badge, kinds, off},
        },
        today,
    },
    error::{self, Error, Problem},
    i18n::Lang,
    operations::form::grouped,
    page::{
        self, Badge, Fact, Field, Fields, Link, Meter, Shell, Table, Visit, export as file,
        list::{self, Asked, List, Listing, Slice},
        query,
    },
    requests::{hex, short_id},
    surface::Surface,
    tenants::{self, Lookup},
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<CatalogRead, _, _>("/catalog/promotions/{code}", show)
        .act::<PromotionsRedeem, _, _>("/catalog/promotions/{code}/redemptions", submit)
        .show::<CatalogRead, _, _>("/catalog/redemptions", index)
        .show::<CatalogRead, _, _>("/catalog/redemptions.csv", export)
}

#[derive(Template)]
#[template(path = "redemptions/index.html")]
struct Index {
    shell: Shell,
    list: List,
}

async fn index(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let list = list::page::<Redemptions>(&visit.reader(&app)?, &mut conn, &asked, visit.l.redemption_none()).await?;
    drop(conn);
    page::html(&Index { shell: visit.shell(&app).await?, list })
}

async fn export(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    file::csv::<Redemptions>(visit.reader(&app)?, asked).await
}

#[derive(Template)]
#[template(path = "redemptions/show.html")]
struct Show {
    shell: Shell,
    name: String,
    code: String,
    state: Badge,
    facts: Vec<Fact>,
    request: Link,
    /// Nothing if any number may redeem it.
    meter: Option<Meter>,
    count: String,
    newest: Table,
    all: String,
    csv: String,
    history: Option<String>,
    close: Option<String>,
    form: Option<Form>,
    /// Why nobody can redeem it, to those who otherwise could.
    why_not: Option<String>,
    errors: Vec<Link>,
    conflict: Option<String>,
}

struct Form {
    key: String,
    lookup: Lookup,
    field: Field,
}

/// How many tenants a search shows.
const FOUND: i64 = 20;

/// What could not be done, and what was typed.
#[derive(Default)]
struct Trouble {
    typed: Submitted,
    problems: Vec<Problem>,
    conflict: Option<Error>,
}

async fn show(visit: Visit, State(app): State<App>, Path(code): Path<String>, Query(typed): Query<Submitted>) -> Result<Response, Error> {
    draw(&app, &visit, &code, Trouble { typed, ..Trouble::default() }).await
}

async fn submit(
    operator: Operator<PromotionsRedeem>,
    mut visit: Visit,
    State(app): State<App>,
    Path(code): Path<String>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    let href = format!("/catalog/promotions/{}", spelt(&code));
    visit.read_at(&href);
    let tenant = typed.text("tenant").to_owned();
    // the form brings a key of its own, so that sending it twice redeems once; for another tenant it is another one
    let key = match typed.some("key") {
        Some(key) => hex(&Sha256::digest(format!("{key}/{tenant}"))),
        None => Uuid::now_v7().to_string(),
    };
    let mut trouble = Trouble { typed, ..Trouble::default() };
    match redeem(&app, &operator, &code, &tenant, &key).await {
        Ok(done) => {
            visit.say("success", visit.l.redemption_done(&done.redemption.code, &done.redemption.company)).await?;
            return Ok(Redirect::to(&href).into_response());
        }
        Err(Error::Invalid(problems)) => trouble.problems = problems,
        Err(refused @ Error::Refused(_)) => trouble.conflict = Some(refused),
        Err(other) => return Err(other),
    }
    draw(&app, &visit, &code, trouble).await
}

async fn draw(app: &App, visit: &Visit, code: &str, trouble: Trouble) -> Result<Response, Error> {
    let (l, caller, r) = (visit.l, visit.caller()?, visit.reader(app)?);
    let mut conn = app.db.read().await?;
    let offer = promotions::find(&mut conn, &spelt(code)).await?.ok_or(Error::NotFound)?;
    let wanted = Filter { code: Some(offer.code.clone()), ..Filter::default() };
    let newest = store::list(&mut conn, &wanted, Slice::newest(10)).await?;
    let standing = offer.standing(today());
    let may = caller.may(PromotionsRedeem::NAME);
    let open = standing == Standing::Active;
    let fields = Fields { l, prefix: "redeem-", typed: &trouble.typed, problems: &trouble.problems };
    // whoever was refused keeps what was typed, even if there is nothing left
    let form = if may && (open || !trouble.typed.text("tenant").is_empty()) { Some(form(&mut conn, &offer, &fields).await?) } else { None };
    drop(conn);
    let here = query(&[("promotion", &offer.code)]);
    let status = match &trouble.conflict {
        Some(refused) => refused.status(),
        None if !trouble.problems.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let asks = caller.may(CatalogChange::NAME) && caller.may(RequestsAsk::NAME) && standing != Standing::Ended;
    let place = |row: &Redemption| place(row);
    let shown = Show {
        state: badge(l, standing),
        facts: facts(l, &offer),
        request: Link { label: short_id(offer.request), href: format!("/requests/{}", short_id(offer.request)) },
        meter: offer.most.map(|most| Meter::new(l, "redeemed", l.redemption_meter(), i64::from(offer.redeemed), i64::from(most))),
        count: l.redemption_count(grouped(i64::from(offer.redeemed))),
        newest: Table::plain(&r, l.redemption_newest(), &Redemptions::columns(), BRIEF, &newest, place),
        all: format!("/catalog/redemptions{here}"),
        csv: format!("/catalog/redemptions.csv{here}"),
        history: caller.may(LedgerRead::NAME).then(|| format!("/ledger{}", query(&[("target", &offer.code)]))),
        close: asks.then(|| format!("/requests/new/promotion.close{}", query(&[("code", &offer.code)]))),
        why_not: (may && !open).then(|| why_not(l, &offer, standing)),
        form,
        errors: fields.links(),
        conflict: trouble.conflict.as_ref().map(|refused| error::sentence(refused, l)),
        shell: visit.shell(app).await?,
        name: offer.name,
        code: offer.code,
    };
    let mut response = page::html(&shown)?;
    *response.status_mut() = status;
    Ok(response)
}

async fn form(conn: &mut PgConnection, offer: &Offer, fields: &Fields<'_>) -> Result<Form, Error> {
    let (l, q) = (fields.l, fields.typed.text("q"));
    let found = if q.is_empty() { Vec::new() } else { tenants::like(conn, q, FOUND).await? };
    let mut field = fields.text("tenant", l.redemption_tenant(), l.redemption_tenant_hint(), "");
    if let Some(tenant) = tenants::named(conn, &field.value).await? {
        field.hint = format!("{} · {}", tenant.company, tenant.slug);
    }
    let lookup = Lookup::new(&format!("/catalog/promotions/{}", offer.code), "#redeem", q, found, l.tenant_find_none());
    Ok(Form { key: Uuid::now_v7().to_string(), lookup, field })
}

fn facts(l: Lang, o: &Offer) -> Vec<Fact> {
    let days = o.days.map_or_else(|| l.ui_none(), |days| days.to_string());
    let plans = if o.plans.is_empty() { l.promotion_every_plan() } else { o.plans.join(", ") };
    vec![
        Fact::new(l.promotion_off(), off(&o.terms)),
        Fact::new(l.promotion_on(), kinds(l, &o.terms.on)),
        Fact::new(l.promotion_plans(), plans),
        Fact::new(l.redemption_days(), days),
        Fact::new(l.redemption_most(), o.most.map_or_else(|| l.redemption_no_limit(), |most| grouped(i64::from(most)))),
    ]
}

fn why_not(l: Lang, o: &Offer, standing: Standing) -> String {
    match standing {
        Standing::Exhausted => l.exhausted(&o.code),
        _ => l.promotion_not_on(&o.code, today().to_string()),
    }
}
