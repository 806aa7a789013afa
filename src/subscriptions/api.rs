//! Subscriptions as the API shows them.
use super::{MOST, Priced, Quote, Standing, Subscription, TOKENS, Wish, quote, store, undo::Planned};
use crate::{
    app::App,
    catalog::{pricing::Line, today},
    error::{Error, Problem},
    i18n::Lang,
    page::list::{Cursor, Order, PAGE, Slice, told},
    requests::short_id,
    tenants,
};
use chrono::NaiveDate;
use serde_json::{Value, json};

/// What is asked for; empty fields do not restrict.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Asked {
    #[serde(default)]
    pub q: String,
    #[serde(default)]
    pub plan: String,
    pub version: Option<i32>,
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub cursor: String,
}

/// `{items, next}`, those that began last first.
pub async fn list(app: &App, asked: &Asked) -> Result<Value, Error> {
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    if let Some(state) = some(&asked.state).filter(|state| Standing::named(state).is_none()) {
        return Err(Error::Malformed(format!("{state:?} is no state of a subscription")));
    }
    let filter = store::Filter { q: some(&asked.q), plan: some(&asked.plan), version: asked.version, standing: some(&asked.state) };
    let cursor = match some(&asked.cursor) {
        Some(text) => {
            let known = text.split_once('~').filter(|(day, id)| day.parse::<NaiveDate>().is_ok() && id.parse::<i64>().is_ok());
            let (day, id) = known.ok_or_else(|| Error::Malformed("cursor is not one of ours".into()))?;
            Some(Cursor { value: day.into(), id: id.into(), back: false })
        }
        None => None,
    };
    let slice = Slice { order: Order { key: "from", down: true }, cursor: cursor.as_ref(), limit: PAGE as i64 + 1 };
    let today = today();
    let rows = store::list(&mut *app.db.read().await?, today, &filter, slice).await?;
    Ok(told(rows, |s| shown(s, today), |s| format!("{}~{}", s.days.starts, s.id)))
}

/// What a tenant has today, what comes next, what it was subscribed to, and which AI services it may use.
pub async fn of(app: &App, tenant: &str) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    let tenant = tenants::tenant(&mut conn, tenant).await?.ok_or(Error::NotFound)?;
    let today = today();
    let history = store::history(&mut conn, &tenant.id, MOST).await?;
    let services = store::services(&mut conn, &tenant.id).await?;
    let current = history.iter().find(|s| s.standing(today) == Standing::Active);
    let price = match current {
        Some(current) => Some(quote::pinned(&mut conn, current).await.map_err(Error::from)?),
        None => None,
    };
    let mut shown_now = current.map(|s| shown(s, today));
    if let (Some(now), Some(price)) = (&mut shown_now, &price) {
        now["price"] = priced(price);
    }
    let planned = Planned::of(&history, today).map(|planned| {
        let (what, plan) = match &planned {
            Planned::End { .. } => ("cancel", None),
            Planned::Change { to, .. } => ("change", Some(json!({"plan": to.plan, "version": to.version}))),
        };
        json!({"what": what, "on": planned.day(), "to": plan})
    });
    let services: Vec<_> = services
        .iter()
        .map(|s| json!({"service": s.service, "model": s.model, "token_quota": s.token_quota, "state": s.state, "request": short_id(s.request_id), "changed_at": s.changed_at}))
        .collect();
    Ok(json!({
        "tenant": {"id": tenant.id, "slug": tenant.slug, "company": tenant.company, "status": tenant.status}, "current": shown_now, "next": planned,
        "history": history.iter().map(|s| shown(s, today)).collect::<Vec<_>>(), "ai_services": services,
    }))
}

/// What a change or an end would cost; whether it may be is told beside the numbers.
pub async fn preview(app: &App, l: Lang, wish: &Wish<'_>) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    let quote = Quote::of(&mut conn, wish).await.map_err(Error::from)?;
    if quote.has.is_none() && quote.gets.is_none() {
        return Err(Error::Invalid(quote.refusal(wish.from).into_iter().collect()));
    }
    let p = &quote.proration;
    let refused = quote.refusal(today()).map(|Problem { field, text }| json!({"field": field, "code": text.id(), "message": l.say(&text)}));
    let lines = |lines: &[Line]| {
        lines
            .iter()
            .map(|line| json!({"key": line.key, "exact": line.exact, "amount": line.amount, "discount": line.discount, "supply": line.supply, "steps": line.steps}))
            .collect::<Vec<_>>()
    };
    let charges = |priced: Option<&Priced>| priced.map(|p| p.charges.clone()).unwrap_or_default();
    let (was, is) = (charges(quote.has.as_ref().map(|(_, p)| p)), charges(quote.gets.as_ref()));
    Ok(json!({
        "tenant": quote.tenant.id, "from": quote.from, "before": quote.has.as_ref().map(|(_, was)| priced(was)), "after": quote.gets.as_ref().map(priced),
        "period": {"begins": p.period.begins, "last": p.period.last(), "days": p.rest.days, "of": p.rest.of},
        "credit": p.credit(), "charge": p.charge(), "net": p.invoice.supply, "vat": p.invoice.vat, "total": p.invoice.total,
        "lines": {"credit": lines(p.taken_back()), "charge": lines(p.charged())},
        "included": {TOKENS: p.included(TOKENS, &was, &is)}, "refused": refused,
    }))
}

fn priced(p: &Priced) -> Value {
    json!({"plan": p.plan, "version": p.version, "base": p.base(), "tokens": p.tokens()})
}

fn shown(s: &Subscription, today: NaiveDate) -> Value {
    json!({
        "tenant": {"id": s.tenant_id, "slug": s.slug, "company": s.company}, "plan": s.plan, "name": s.plan_name, "version": s.version,
        "from": s.days.starts, "until": s.days.ends, "state": s.standing(today).name(), "anchor_day": s.anchor, "request": short_id(s.request),
        "ended_in": s.ended_in.map(short_id), "undone_in": s.undone_in.map(short_id), "created_at": s.created_at,
    })
}
