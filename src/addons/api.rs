//! Add-ons and invoice previews as JSON.
use super::{
    Filter, Held, MOST, PAST,
    bill::{self, Basis, Wanted, When},
    list,
    store::{self, Asked},
};
use crate::{
    app::App,
    catalog::{
        pricing::{Usage, Vat},
        today, words,
    },
    error::{Error, Problem},
    i18n::msg,
    page::list::{Cursor, Order, PAGE, Slice, told},
    requests::{parse_id, short_id},
    tenants,
};
use chrono::NaiveDate;
use serde_json::{Value, json};

/// So many changes at once are the most that anybody means.
const MOST_CHANGES: usize = 50;

/// `{items, next}` of requests for add-ons.
pub async fn requests(app: &App, filter: &Filter, cursor: Option<&str>) -> Result<Value, Error> {
    let cursor = match cursor.filter(|text| !text.is_empty()) {
        None => None,
        Some(id) => Some(Cursor { value: String::new(), id: short_id(parse_id(id)?), back: false }),
    };
    let slice = Slice { order: Order { key: "id", down: true }, cursor: cursor.as_ref(), limit: PAGE as i64 + 1 };
    let mut conn = app.db.read().await?;
    let rows = list(&mut conn, filter, slice).await?;
    Ok(told(rows, asked, |row| short_id(row.id)))
}

fn asked(row: &Asked) -> Value {
    json!({
        "request": short_id(row.id), "state": row.state, "tenant": {"id": row.tenant_id, "label": row.label}, "addon": row.addon,
        "quantity": {"before": row.before["quantity"], "after": row.after["quantity"]}, "from": row.after["from"],
        "monthly_difference": row.difference(), "total": {"before": row.before["total"], "after": row.after["total"]},
        "preview_hash": row.after["invoice"], "requester": row.requester, "created_at": row.created_at,
    })
}

/// What a tenant has, and what it had.
pub async fn of_tenant(app: &App, tenant: &str) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    let tenant = tenants::tenant(&mut conn, tenant).await?.ok_or(Error::NotFound)?;
    let all = store::of(&mut conn, &tenant.id, PAST).await?;
    let now: Vec<_> = all.iter().filter(|held| held.undone_in.is_none() && held.days.has(today())).map(held).collect();
    Ok(json!({"tenant": tenant.id, "on": today(), "now": now, "history": all.iter().map(held).collect::<Vec<_>>()}))
}

fn held(h: &Held) -> Value {
    json!({
        "addon": h.code, "name": h.name, "version": h.version, "quantity": h.quantity, "from": h.days.starts, "until": h.days.ends,
        "standing": h.standing(today()), "request": short_id(h.request), "requester": h.requester, "created_at": h.created_at,
        "ended_in": h.ended_in.map(short_id), "undone_in": h.undone_in.map(short_id),
    })
}

/// What is asked of an invoice.
pub struct Question {
    /// The first day of a month; the running period, if nothing is said.
    pub month: Option<NaiveDate>,
    pub usage: Usage,
    /// Add-ons as they would be: code, quantity, and from when; the first day of the period, if nothing is said.
    pub changes: Vec<(String, u32, Option<NaiveDate>)>,
    pub promotions: Vec<String>,
    pub vat: Vat,
}

pub async fn preview(app: &App, tenant: &str, question: Question) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    if tenants::tenant(&mut conn, tenant).await?.is_none() {
        return Err(Error::NotFound);
    }
    for (field, count) in [("changes", question.changes.len()), ("promotions", question.promotions.len()), ("usage", question.usage.len())]
    {
        if count > MOST_CHANGES {
            return Err(Error::Invalid(vec![Problem::new(field, msg::estimate_too_many_kinds(MOST_CHANGES))]));
        }
    }
    let when = question.month.map_or_else(|| When::Day(today()), When::Month);
    let mut basis = Basis::read(&mut conn, tenant, when).await?;
    basis.check("usage", &question.usage).map_err(|problem| Error::Invalid(vec![problem]))?;
    let mut problems = Vec::new();
    for (code, quantity, from) in &question.changes {
        let from = from.unwrap_or(basis.period.starts.max(basis.subscription.days.starts));
        let had = basis.parts.iter().find(|part| part.code == *code && part.days.has(from)).map(|part| part.version);
        match bill::offer(&mut conn, code, had, from, basis.currency).await? {
            _ if i64::from(*quantity) > MOST => problems.push(Problem::new("changes", msg::addon_quantity_wrong(MOST))),
            Some((version, price)) => basis = basis.with(&Wanted { code, quantity: *quantity, from }, version, price),
            None => problems.push(Problem::new("changes", msg::estimate_addon_unknown(code, from.to_string()))),
        }
    }
    let on = basis.period.starts.max(basis.subscription.days.starts);
    match bill::named(&mut conn, &question.promotions, &basis, on).await {
        Ok(named) => basis.also(named),
        Err(Error::Invalid(found)) => problems.extend(found),
        Err(other) => return Err(other),
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    let bill = basis.bill(&question.usage, question.vat)?;
    Ok(json!({
        "tenant": basis.tenant.id, "plan": basis.subscription.plan, "version": basis.subscription.version, "period": basis.period,
        "share": basis.share(), "currency": basis.currency, "addons": basis.parts, "promotions": basis.promotions, "usage": question.usage,
        "invoice": bill.invoice, "total": words::amount(basis.currency, bill.invoice.total), "hash": bill.hash,
    }))
}
