//! The pages of payments: the list, one payment with every look and every event, and asking the provider again.
mod hooks;
mod list;

use super::{
    Name, Payment, State as Standing, acknowledge, answered, check, check_order, number,
    provider::Handle,
    store::{self, Looked, Told},
};
use crate::{
    app::App,
    auth::{Csrf, LedgerRead, Operator, PaymentsCheck, PaymentsRead, Scope, Submitted},
    error::Error,
    i18n::{Lang, Text, msg},
    ledger::{self, browse::Filter as Events},
    page::{
        self, Badge, Fact, Found, Opt, Reader, Shell, Table, Visit, When, export,
        list::{self as lists, Asked, List, Slice},
        money, query,
    },
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use list::{Payments, badge, called, href};
use sqlx::PgConnection;

/// So many looks and events stand on a page.
const SHOWN: i64 = 50;

pub fn routes(surface: Surface) -> Surface {
    surface
        .public_act("/hooks/payments/{provider}", hooks::take)
        .show::<PaymentsRead, _, _>("/payments", index)
        .show::<PaymentsRead, _, _>("/payments.csv", csv)
        .act::<PaymentsCheck, _, _>("/payments", look_up)
        .show::<PaymentsRead, _, _>("/payments/{id}", show)
        .act::<PaymentsCheck, _, _>("/payments/{id}/check", again)
        .act::<PaymentsCheck, _, _>("/payments/{id}/acknowledge", note)
}

/// By number or by order, for the search.
pub async fn find(r: &Reader, conn: &mut PgConnection, q: &str) -> Result<Vec<Found>, Error> {
    if !r.caller.may(PaymentsRead::NAME) || !Handle::is_sound(q) {
        return Ok(Vec::new());
    }
    let found = |p: Payment| Found {
        group: r.l.payments_title(),
        name: p.order_id.clone().unwrap_or_else(|| p.short_id()),
        detail: format!("{} · {} · {}", p.short_id(), p.provider.called(), called(r.l, "state", p.state.name())),
        href: href(p.id),
        icon: "receipt",
    };
    Ok(list::found(conn, q).await?.into_iter().map(found).collect())
}

#[derive(Template)]
#[template(path = "payments/index.html")]
struct Index {
    shell: Shell,
    list: List,
    /// Nothing for those who may not ask, or where there is nobody to ask.
    look_up: Option<LookUp>,
    /// Nobody is configured who could tell us of payments.
    off: bool,
}

/// The form that has a provider asked about an order.
struct LookUp {
    providers: Vec<Opt>,
    order: String,
    error: Option<String>,
}

async fn index(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    draw(&app, &visit, &asked, &Submitted::default(), None).await
}

async fn draw(app: &App, visit: &Visit, asked: &Asked, typed: &Submitted, wrong: Option<Text>) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let list = lists::page::<Payments>(&visit.reader(app)?, &mut conn, asked, visit.l.payments_empty()).await?;
    drop(conn);
    let chosen = typed.text("provider");
    let option = |name: Name| Opt { value: name.name().into(), label: name.called().into(), selected: name.name() == chosen };
    let providers: Vec<Opt> = app.payments.names().map(option).collect();
    let off = providers.is_empty();
    let look_up = (visit.caller()?.may(PaymentsCheck::NAME) && !off).then(|| LookUp {
        providers,
        order: typed.text("order").to_owned(),
        error: wrong.as_ref().map(|text| visit.l.say(text)),
    });
    let mut response = page::html(&Index { shell: visit.shell(app).await?, list, look_up, off })?;
    if wrong.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

async fn csv(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    export::csv::<Payments>(visit.reader(&app)?, asked).await
}

/// Has a provider asked about an order, told of or not.
async fn look_up(
    operator: Operator<PaymentsCheck>,
    mut visit: Visit,
    State(app): State<App>,
    Csrf(form): Csrf<Submitted>,
) -> Result<Response, Error> {
    visit.read_at("/payments");
    let order = form.text("order").to_owned();
    let provider = form.get("provider").and_then(Name::named).filter(|name| app.payments.get(*name).is_some());
    let wrong = match (&provider, order.as_str()) {
        (None, _) => Some(msg::payment_provider_missing()),
        (_, "") => Some(msg::payment_order_missing()),
        (_, order) if !Handle::is_sound(order) => Some(msg::payment_order_malformed()),
        _ => None,
    };
    let (Some(provider), None) = (provider, &wrong) else {
        return draw(&app, &visit, &Asked::of("/payments", ""), &form, wrong).await;
    };
    let id = check_order(&app, &operator, provider, &order).await?;
    visit.say("info", visit.l.payment_being_checked()).await?;
    Ok(Redirect::to(&href(id)).into_response())
}

#[derive(Template)]
#[template(path = "payments/show.html")]
struct Show {
    shell: Shell,
    title: String,
    id: String,
    state: Badge,
    facts: Vec<Fact>,
    trouble: Option<Trouble>,
    looks: Vec<Look>,
    events: Vec<Event>,
    /// Only for those who may read the ledger.
    history: Option<Table>,
    all_history: String,
    /// Whether the reader may have the provider asked; otherwise why not.
    checks: Result<(), String>,
}

/// What is the matter, and what to do.
struct Trouble {
    name: &'static str,
    what: String,
    advice: String,
    since: When,
    next: String,
    /// Who knows of it, since when, and what they said.
    known: Option<(String, When, String)>,
    /// For those who may say that they know of it.
    note: Option<Note>,
}

/// The form of that, with what was typed.
struct Note {
    reason: String,
    error: Option<String>,
}

struct Look {
    at: When,
    because: String,
    outcome: String,
    is_fine: bool,
    said: String,
    remarks: Vec<String>,
    detail: String,
}

struct Event {
    at: When,
    kind: String,
    claims: String,
    id: String,
}

async fn show(visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    draw_one(&app, &visit, &id, "", None).await
}

async fn draw_one(app: &App, visit: &Visit, id: &str, typed: &str, wrong: Option<&Text>) -> Result<Response, Error> {
    let (l, r) = (visit.l, visit.reader(app)?);
    let mut conn = app.db.read().await?;
    let payment = store::find(&mut conn, number(id).ok_or(Error::NotFound)?).await?.ok_or(Error::NotFound)?;
    let looks = store::looks(&mut conn, payment.id, SHOWN).await?;
    let events = store::events(&mut conn, payment.id, SHOWN).await?;
    let history = if r.caller.may(LedgerRead::NAME) {
        let events = ledger::browse::list(&mut conn, &Events::of_target(id), Slice::newest(20)).await?;
        Some(Table::plain(&r, l.payment_history(), &ledger::web::columns(), ledger::web::BRIEF, &events, ledger::web::place))
    } else {
        None
    };
    drop(conn);
    let checks = if !r.caller.may(PaymentsCheck::NAME) {
        Err(l.payment_check_not_permitted())
    } else if app.payments.get(payment.provider).is_none() {
        Err(l.payment_provider_off(payment.provider.called()))
    } else {
        Ok(())
    };
    let note = (r.caller.may(PaymentsCheck::NAME) && payment.acknowledged_at.is_none())
        .then(|| Note { reason: typed.to_owned(), error: wrong.map(|text| l.say(text)) });
    let mut response = page::html(&Show {
        shell: visit.shell(app).await?,
        title: payment.order_id.clone().unwrap_or_else(|| payment.short_id()),
        id: payment.short_id(),
        state: badge(l, payment.state),
        facts: facts(l, &payment),
        trouble: trouble(l, &payment, note),
        looks: looks.into_iter().map(|look| Look::new(l, look)).collect(),
        events: events.into_iter().map(|event| Event::new(l, event)).collect(),
        history,
        all_history: format!("/ledger{}", query(&[("target", id)])),
        checks,
    })?;
    if wrong.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// Somebody knows of the trouble.
async fn note(
    operator: Operator<PaymentsCheck>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(form): Csrf<Submitted>,
) -> Result<Response, Error> {
    let number = number(&id).ok_or(Error::NotFound)?;
    match acknowledge::acknowledge(&app, &operator, number, form.text("trouble"), form.text("reason")).await {
        Ok(()) => {
            visit.say("success", visit.l.payment_acknowledged_now()).await?;
            Ok(Redirect::to(&href(number)).into_response())
        }
        Err(Error::Invalid(problems)) => {
            visit.read_at(&href(number));
            draw_one(&app, &visit, &id, form.text("reason"), problems.first().map(|problem| &problem.text)).await
        }
        Err(error) => Err(error),
    }
}

async fn again(
    operator: Operator<PaymentsCheck>,
    visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Csrf<Submitted>,
) -> Result<Response, Error> {
    let id = number(&id).ok_or(Error::NotFound)?;
    let since = check(&app, &operator, id).await?;
    let (kind, text) =
        if answered(&app, id, since).await? { ("success", visit.l.payment_checked()) } else { ("info", visit.l.payment_being_checked()) };
    visit.say(kind, text).await?;
    Ok(Redirect::to(&href(id)).into_response())
}

fn facts(l: Lang, p: &Payment) -> Vec<Fact> {
    let when = |at: Option<_>| at.map_or_else(|| l.ui_none(), |at| When::new(l, at).absolute);
    let won = |won: Option<i64>| won.map_or_else(|| l.ui_none(), money::full);
    let or_none = |text: &str| if text.is_empty() { l.ui_none() } else { text.to_owned() };
    let said = if p.state == Standing::Heard { l.ui_none() } else { p.said_state.clone() };
    vec![
        Fact::new(l.payment_provider(), p.provider.called().into()),
        Fact::new(l.payment_order(), or_none(p.order_id.as_deref().unwrap_or_default())),
        Fact::new(l.payment_provider_id(), or_none(p.provider_id.as_deref().unwrap_or_default())),
        Fact::new(l.payment_amount(), won(p.amount)),
        Fact::new(l.payment_balance(), won(p.balance)),
        Fact::new(l.payment_payer(), or_none(p.payer.exposed())),
        Fact::new(l.payment_method(), or_none(&p.method)),
        Fact::new(l.payment_said(), said),
        Fact::new(l.payment_paid_at(), when(p.paid_at)),
        Fact::new(l.payment_asked_at(), when(p.asked_at)),
        Fact::new(l.payment_heard(), when(Some(p.heard_at))),
    ]
}

fn trouble(l: Lang, p: &Payment, note: Option<Note>) -> Option<Trouble> {
    let (why, since) = (p.trouble()?, p.trouble_since?);
    // a job that is a little late still comes
    let next = p.next_ask.filter(|at| *at > chrono::Utc::now() - chrono::TimeDelta::minutes(2));
    Some(Trouble {
        name: why.name(),
        what: called(l, "outcome", why.name()),
        advice: called(l, "advice", why.name()),
        since: When::new(l, since),
        next: if next.is_some() { l.payment_asked_again() } else { l.payment_not_asked_again() },
        known: p
            .acknowledged_by
            .clone()
            .zip(p.acknowledged_at)
            .map(|(who, at)| (l.payment_acknowledged(who), When::new(l, at), p.acknowledged_why.clone().unwrap_or_default())),
        note,
    })
}

impl Look {
    fn new(l: Lang, look: Looked) -> Self {
        let outcome = super::provider::Outcome::named(&look.outcome);
        let amounts = look.amount.map(|amount| {
            let balance = look.balance.unwrap_or_default();
            if balance == amount || balance == 0 {
                money::full(amount)
            } else {
                format!("{} / {}", money::full(balance), money::full(amount))
            }
        });
        let status = look.http_status.map(|status| format!("HTTP {status}"));
        let took = Some(format!("{} ms", (look.answered_at - look.asked_at).num_milliseconds().max(0)));
        let said = [Some(look.said_state).filter(|said| !said.is_empty()), amounts, status, took];
        Self {
            at: When::new(l, look.asked_at),
            because: called(l, "because", &look.because),
            outcome: called(l, "outcome", &look.outcome),
            is_fine: outcome
                .is_some_and(|o| o.counts() && o != super::provider::Outcome::UnknownState || o == super::provider::Outcome::Late),
            said: said.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            remarks: look.remarks.iter().map(|remark| called(l, "remark", remark)).collect(),
            detail: look.detail,
        }
    }
}

impl Event {
    fn new(l: Lang, event: Told) -> Self {
        let claims = [event.claimed_state, event.claimed_amount.map(money::full)];
        Self {
            at: When::new(l, event.received_at),
            kind: if event.kind.is_empty() { l.ui_none() } else { event.kind },
            claims: claims.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            id: event.event_id,
        }
    }
}
