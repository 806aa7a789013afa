//! A tenant's subscription: what it has, what is planned, what it had, and which AI services it may use.
use super::{badge, called, href};
use crate::{
    app::App,
    auth::{RequestsAsk, RequestsRead, Scope, SubscriptionsChange},
    catalog::{Days, today},
    error::Error,
    operations::form::grouped,
    page::{self, Action, Badge, Fact, Link, Shell, Table, Visit, When, list::Slice, money, query},
    requests::{self, short_id},
    subscriptions::{MOST, Period, Standing, Subscription, quote, store, undo::Planned},
    tenants,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use chrono::NaiveDate;

#[derive(Template)]
#[template(path = "subscriptions/show.html")]
struct Show {
    shell: Shell,
    back: Action,
    title: String,
    tenant: String,
    state: Option<Badge>,
    facts: Vec<Fact>,
    /// The plan, in the version it is pinned to.
    plan: Option<Link>,
    planned: Option<PlannedView>,
    change: Option<String>,
    cancel: Option<String>,
    /// Why neither can be asked for, where that is so.
    why_not: Option<String>,
    services: Vec<ServiceRow>,
    open: Table,
    history: Vec<Past>,
}

/// What comes next, and how to stop it.
struct PlannedView {
    text: String,
    undo: Option<String>,
}

struct ServiceRow {
    name: String,
    model: Option<String>,
    quota: Option<String>,
    badge: Badge,
    changed: When,
    request: Link,
}

/// One subscription in the story of all.
struct Past {
    badge: Badge,
    title: String,
    days: String,
    future: bool,
    /// The requests that began, ended and undid it.
    requests: Vec<Link>,
}

pub(super) async fn show(visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let (l, r, today) = (visit.l, visit.reader(&app)?, today());
    let mut conn = app.db.read().await?;
    let tenant = tenants::tenant(&mut conn, &id).await?.ok_or(Error::NotFound)?;
    let history = store::history(&mut conn, &id, MOST).await?;
    let services = store::services(&mut conn, &id).await?;
    let current = history.iter().find(|s| s.standing(today) == Standing::Active);
    let price = match current {
        Some(current) => Some(quote::pinned(&mut conn, current).await.map_err(Error::from)?),
        None => None,
    };
    let filter = requests::inbox::Filter {
        target: Some(("tenant".into(), id.clone())),
        states: Some(requests::State::OPEN.iter().map(|s| s.name()).collect()),
        ..Default::default()
    };
    let open = match r.caller.may(RequestsRead::NAME) {
        true => requests::inbox::list(&mut conn, &filter, Slice::newest(10)).await?,
        false => Vec::new(),
    };
    drop(conn);
    let may = r.caller.may(SubscriptionsChange::NAME) && r.caller.may(RequestsAsk::NAME);
    let planned = Planned::of(&history, today);
    let at = |step: &str| Some(format!("{}/{step}", href(&id)));
    let free = planned.is_none() && tenant.status == tenants::Status::Active.name();
    let facts = match (current, &price) {
        (Some(s), Some(price)) => {
            let period = Period::of(s.anchor, today);
            vec![
                Fact::new(l.subscription_base(), money::full(price.base())),
                Fact::new(l.subscription_tokens(), price.tokens().map_or_else(|| l.subscription_no_tokens(), grouped)),
                Fact::new(l.subscription_days(), s.days.to_string()),
                Fact::new(l.subscription_period(), Days { starts: period.begins, ends: Some(period.ends) }.to_string()),
                Fact::new(l.subscription_anchor(), l.subscription_anchor_day(s.anchor)),
            ]
        }
        _ => Vec::new(),
    };
    page::html(&Show {
        back: Action { href: format!("/tenants/{id}"), label: format!("{} · {}", tenant.company, tenant.slug) },
        title: format!("{} · {}", tenant.company, tenant.slug),
        state: current.map(|s| badge(l, s.standing(today))),
        plan: current.map(|s| Link { label: called(s), href: format!("/catalog/plans/{}?version={}", s.plan, s.version) }),
        facts,
        planned: planned.as_ref().map(|planned| PlannedView {
            text: match planned {
                Planned::End { on, .. } => l.subscription_will_end(on.to_string()),
                Planned::Change { to, .. } => l.subscription_will_change(to.days.starts.to_string(), called(to)),
            },
            undo: may.then(|| format!("/requests/new/subscription.undo{}", query(&[("tenant_id", &id)]))),
        }),
        change: at("change").filter(|_| may && free),
        cancel: at("cancel").filter(|_| may && free && current.is_some()),
        why_not: (!may).then(|| l.subscription_why_not()),
        services: services
            .into_iter()
            .map(|s| ServiceRow {
                badge: match s.state == "active" {
                    true => Badge { key: "succeeded", label: l.service_active(), icon: "circle-check" },
                    false => Badge { key: "expired", label: l.service_stopped(), icon: "minus" },
                },
                name: s.service,
                model: s.model,
                quota: s.token_quota.map(grouped),
                changed: When::new(l, s.changed_at),
                request: request(s.request_id),
            })
            .collect(),
        open: Table::plain(&r, l.customers_open(), &requests::web::columns(), requests::web::BRIEF, &open, requests::web::place),
        history: history.iter().map(|s| past(l, s, today)).collect(),
        shell: visit.shell(&app).await?,
        tenant: id,
    })
}

fn past(l: crate::i18n::Lang, s: &Subscription, today: NaiveDate) -> Past {
    let standing = s.standing(today);
    let mut requests = vec![request(s.request)];
    requests.extend(s.ended_in.into_iter().chain(s.undone_in).filter(|id| *id != s.request).map(request));
    Past { badge: badge(l, standing), title: called(s), days: s.days.to_string(), future: standing == Standing::Scheduled, requests }
}

fn request(id: i64) -> Link {
    Link { href: format!("/requests/{}", short_id(id)), label: short_id(id) }
}
