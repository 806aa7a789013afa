//! The catalog as JSON.
use super::{
    Currency, Kind, Product, Version,
    charges::Charge,
    estimate::{self, Question},
    prices, store, today, words,
};
use crate::{
    app::App,
    documents::{Fault, tidy},
    error::{Error, Problem},
    page::list::{Cursor, Order, PAGE, Slice, told},
    requests::{hex, short_id},
};
use chrono::NaiveDate;
use serde_json::{Value, json};

/// `{items, next}` of products whose name or code fits.
pub async fn list(app: &App, kind: Kind, q: &str, cursor: Option<&str>) -> Result<Value, Error> {
    let cursor = match cursor.filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => {
            let (name, code) = text.rsplit_once('~').ok_or_else(|| Error::Malformed("cursor is not one of ours".into()))?;
            Some(Cursor { value: name.into(), id: code.into(), back: false })
        }
    };
    let wanted = store::Filter { q: Some(q.trim().to_owned()).filter(|q| !q.is_empty()), standing: None };
    let slice = Slice { order: Order { key: "name", down: false }, cursor: cursor.as_ref(), limit: PAGE as i64 + 1 };
    let mut conn = app.db.read().await?;
    let rows = store::products(&mut conn, kind, today(), &wanted, slice).await?;
    Ok(told(rows, product, |p| format!("{}~{}", p.name, p.code)))
}

fn product(p: &Product) -> Value {
    json!({"kind": p.kind, "code": p.code, "name": p.name, "version": p.version, "since": p.since, "currency": p.currency, "next": p.next, "drafted": p.drafted})
}

/// A product with its versions, newest first, and the one in force on a day.
pub async fn show(app: &App, kind: Kind, code: &str, on: Option<NaiveDate>) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    let name = store::name(&mut conn, kind, code).await?.ok_or(Error::NotFound)?;
    let versions = store::versions(&mut conn, kind, code).await?;
    let on = on.unwrap_or_else(today);
    let in_force: Vec<_> = versions.iter().filter(|v| v.withdrawn_at.is_none() && v.days.has(on)).map(version).collect();
    Ok(json!({
        "kind": kind, "code": code, "name": name, "on": on, "in_force": in_force, "versions": versions.iter().map(version).collect::<Vec<_>>(),
    }))
}

/// One version, whole.
pub async fn whole(app: &App, kind: Kind, code: &str, number: i32) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    let listed = estimate::find(&mut conn, kind, code, Some(number), None, Currency::Krw).await?.ok_or(Error::NotFound)?;
    let mut value = version(&listed.version);
    value["document"] = json!(tidy(&listed.version.document));
    value["charges"] = json!(listed.charges);
    Ok(value)
}

fn version(v: &Version) -> Value {
    json!({
        "version": v.version, "currency": v.currency, "starts": v.days.starts, "ends": v.days.ends, "standing": v.standing(today()), "hash": hex(&v.hash),
        "request": short_id(v.request), "published_at": v.published_at, "withdrawn_at": v.withdrawn_at,
    })
}

/// Which price list is asked about.
pub enum Asked {
    /// By its number, or the one in force in a currency.
    Published { plan: String, version: Option<i32>, currency: Currency, on: Option<NaiveDate> },
    /// One that somebody has just written.
    Written { document: String, currency: Currency, on: Option<NaiveDate> },
}

/// What a period would cost, with the steps that lead to each number.
pub async fn preview(app: &App, asked: Asked, question: &Question) -> Result<Value, Error> {
    let mut conn = app.db.read().await?;
    let (charges, currency, on, of) = match asked {
        Asked::Published { plan, version: number, currency, on } => {
            let listed = estimate::find(&mut conn, Kind::Plan, &plan, number, on, currency).await?.ok_or(Error::NotFound)?;
            let on = on.unwrap_or_else(|| if listed.version.days.has(today()) { today() } else { listed.version.days.starts });
            (listed.charges, listed.version.currency, on, json!({"plan": plan, "version": listed.version.version}))
        }
        Asked::Written { document, currency, on } => {
            let problems = |faults: Vec<Fault>| faults.into_iter().map(|f| Problem::new("prices", f.text)).collect();
            let charges: Vec<Charge> = prices::read_for(Kind::Plan, &tidy(&document)).map_err(|faults| Error::Invalid(problems(faults)))?;
            (charges, currency, on.unwrap_or_else(today), Value::Null)
        }
    };
    let invoice = estimate::estimate(&mut conn, &charges, currency, question, on).await?;
    let warnings: Vec<Value> = charges
        .iter()
        .flat_map(|charge| {
            charge.drops().into_iter().map(|end| json!({"charge": charge.key, "costs_less_above": end.saturating_add(charge.included)}))
        })
        .collect();
    Ok(
        json!({"of": of, "on": on, "currency": currency, "invoice": invoice, "total": words::amount(currency, invoice.total), "warnings": warnings}),
    )
}
