//! One plan or add-on: the price list that is looked at, what it would cost, all its versions, and how two of them differ.
use super::{
    Sold,
    calculator::{Calculator, Typed},
    href,
    lists::title,
};
use crate::{
    app::App,
    auth::{CatalogChange, LedgerRead, RequestsAsk, Scope, SubscriptionsRead},
    catalog::{
        Kind, Standing, Version,
        charges::{Charge, Model},
        prices, store, today, words,
    },
    documents::tidy,
    error::Error,
    i18n::Lang,
    page::{
        self, Action, Badge, Chunk, Fact, Link, Opt, Shell, Visit, When,
        list::{Asked, Order, Slice},
        query,
    },
    requests::{hex, short_id},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use chrono::NaiveDate;
use sqlx::PgConnection;

/// Add-ons that the calculator offers.
const ADDONS: i64 = 12;

#[derive(Template)]
#[template(path = "catalog/show.html")]
struct Show {
    shell: Shell,
    back: Action,
    name: String,
    code: String,
    here: String,
    actions: Vec<Action>,
    /// The version that is looked at; none was published yet if there is none.
    shown: Option<Looked>,
    versions: Vec<VersionRow>,
    comparison: Option<Comparison>,
    history: Option<String>,
    /// Who is on which version; of a plan alone.
    subscribers: Option<String>,
}

/// A version with its price list.
struct Looked {
    version: i32,
    badge: Badge,
    facts: Vec<Fact>,
    charges: Vec<ChargeRow>,
    document: String,
    warnings: Vec<String>,
    calculator: Option<Calculator>,
    on: String,
}

struct ChargeRow {
    key: String,
    kind: String,
    metric: Option<String>,
    said: Vec<String>,
}

struct VersionRow {
    version: i32,
    href: String,
    badge: Badge,
    days: String,
    /// The version that ended it earlier than it was meant to end.
    cut: Option<String>,
    published: When,
    requester: String,
    request: Link,
    hash: String,
    hash_short: String,
    /// Where its withdrawal is asked for, as long as it has not begun.
    withdraw: Option<String>,
}

/// Two price lists line by line.
struct Comparison {
    from: Vec<Opt>,
    to: Vec<Opt>,
    title: String,
    lines: Option<Vec<Chunk>>,
}

pub(super) async fn show<S: Sold>(visit: Visit, State(app): State<App>, Path(code): Path<String>, asked: Asked) -> Result<Response, Error> {
    let l = visit.l;
    let caller = visit.caller()?;
    let (kind, today) = (S::KIND, today());
    let mut conn = app.db.read().await?;
    let name = store::name(&mut conn, kind, &code).await?;
    let draft = store::draft(&mut conn, kind, &code).await?;
    let name = match (name, &draft) {
        (Some(name), _) => name,
        (None, Some(draft)) if draft.name.is_empty() => code.clone(),
        (None, Some(draft)) => draft.name.clone(),
        (None, None) => return Err(Error::NotFound),
    };
    let versions = store::versions(&mut conn, kind, &code).await?;
    let wanted: Option<i32> = asked.some("version").map(|text| text.parse().map_err(|_| Error::NotFound)).transpose()?;
    let looked = match wanted {
        Some(number) => Some(versions.iter().find(|v| v.version == number).ok_or(Error::NotFound)?),
        None => versions.iter().find(|v| v.standing(today) == Standing::Active).or(versions.first()),
    };
    let shown = match looked {
        Some(version) => Some(look(&mut conn, l, (kind, &code), version, &asked, today).await?),
        None => None,
    };
    drop(conn);
    let may = caller.may(CatalogChange::NAME);
    let next = if draft.is_some() { l.catalog_draft_open() } else { l.catalog_next_version() };
    let rows =
        versions.iter().map(|v| row(l, kind, &code, (v, cut_by(v, &versions)), today, may && caller.may(RequestsAsk::NAME))).collect();
    let page = Show {
        back: Action { href: format!("/catalog/{}", kind.path()), label: title(l, kind) },
        here: href(kind, &code),
        actions: may.then(|| Action { href: format!("{}/next", href(kind, &code)), label: next }).into_iter().collect(),
        comparison: compare(l, &versions, &asked),
        // by its path: subscriptions know the catalog, and not the other way round
        subscribers: (kind == Kind::Plan && caller.may(SubscriptionsRead::NAME)).then(|| format!("/subscriptions/plans/{code}")),
        history: caller.may(LedgerRead::NAME).then(|| format!("/ledger{}", query(&[("target", &code)]))),
        shell: visit.shell(&app).await?,
        name,
        code,
        shown,
        versions: rows,
    };
    page::html(&page)
}

async fn look(
    conn: &mut PgConnection,
    l: Lang,
    (kind, code): (Kind, &str),
    v: &Version,
    asked: &Asked,
    today: NaiveDate,
) -> Result<Looked, Error> {
    let charges = prices::read_for(kind, &tidy(&v.document))
        .map_err(|faults| anyhow::anyhow!("{} {code} version {} cannot be read: {faults:?}", kind.name(), v.version))?;
    let on = if v.days.has(today) { today } else { v.days.starts };
    let calculator = match kind {
        Kind::Addon => None,
        Kind::Plan => {
            let addons = addons(conn, on).await?;
            let typed = Typed { l, currency: v.currency, charges: &charges, plan: Some(code), addons: &addons, on };
            Some(typed.calculate(conn, |name| Some(asked.get(name)).filter(|text| !text.is_empty()), asked.get("price") == "yes").await?)
        }
    };
    Ok(Looked {
        version: v.version,
        badge: badge(l, v.standing(today)),
        facts: vec![
            Fact::new(l.catalog_days(), v.days.to_string()),
            Fact::new(l.catalog_currency(), v.currency.code().to_owned()),
            Fact::new(l.catalog_published(), When::new(l, v.published_at).absolute),
        ],
        charges: charges.iter().map(|charge| charge_row(l, v, charge)).collect(),
        warnings: warnings(l, &charges),
        document: tidy(&v.document),
        on: on.to_string(),
        calculator,
    })
}

/// The add-ons that are sold on a day, with their names.
pub(super) async fn addons(conn: &mut PgConnection, on: NaiveDate) -> Result<Vec<(String, String)>, Error> {
    let sold = store::Filter { q: None, standing: Some("active".into()) };
    let first = Slice { order: Order { key: "name", down: false }, cursor: None, limit: ADDONS };
    let found = store::products(conn, Kind::Addon, on, &sold, first).await?;
    Ok(found.into_iter().map(|p| (p.code, p.name)).collect())
}

/// What is allowed and may still be a mistake.
pub(super) fn warnings(l: Lang, charges: &[Charge]) -> Vec<String> {
    let falls =
        |charge: &Charge| charge.drops().into_iter().map(|end| l.catalog_drops(words::quantity(end), &charge.key)).collect::<Vec<_>>();
    charges.iter().flat_map(falls).collect()
}

fn charge_row(l: Lang, v: &Version, charge: &Charge) -> ChargeRow {
    let kind = match charge.model {
        Model::Flat { .. } => l.price_model_flat(),
        Model::PerUnit { .. } => l.price_model_per_unit(),
        Model::Graduated { .. } => l.price_model_graduated(),
        Model::Volume { .. } => l.price_model_volume(),
        Model::Package { .. } => l.price_model_package(),
        Model::Percentage { .. } => l.price_model_percentage(),
    };
    let metric = charge.metric.as_deref().map(|metric| words::metric(l, metric));
    ChargeRow { key: charge.key.clone(), kind, metric, said: words::charge(l, v.currency, charge) }
}

/// The version whose beginning ended another one earlier than that was meant to end.
fn cut_by(v: &Version, versions: &[Version]) -> Option<i32> {
    let cuts = |other: &&Version| {
        other.version != v.version && other.currency == v.currency && other.withdrawn_at.is_none() && Some(other.days.starts) == v.days.ends
    };
    versions.iter().filter(|_| v.meant_to_end != v.days.ends).find(cuts).map(|other| other.version)
}

fn row(l: Lang, kind: Kind, code: &str, (v, cut): (&Version, Option<i32>), today: NaiveDate, may: bool) -> VersionRow {
    let standing = v.standing(today);
    let number = v.version.to_string();
    let withdraw = may && standing == Standing::Scheduled;
    let fields = [("kind", kind.name()), ("code", code), ("version", &number)];
    let hash = hex(&v.hash);
    let id = short_id(v.request);
    VersionRow {
        version: v.version,
        href: format!("{}?version={}", href(kind, code), v.version),
        badge: badge(l, standing),
        days: v.days.to_string(),
        cut: cut.map(|by| l.catalog_cut_by(by)),
        published: When::new(l, v.published_at),
        requester: v.requester.clone(),
        request: Link { href: format!("/requests/{id}"), label: id },
        hash_short: hash[..12].to_owned(),
        hash,
        withdraw: withdraw.then(|| format!("/requests/new/catalog.withdraw{}", query(&fields))),
    }
}

pub(super) fn badge(l: Lang, standing: Standing) -> Badge {
    let (key, label, icon) = match standing {
        Standing::Scheduled => ("pending", l.catalog_scheduled(), "clock"),
        Standing::Active => ("succeeded", l.catalog_active(), "circle-check"),
        Standing::Archived => ("expired", l.catalog_archived(), "history"),
        Standing::Withdrawn => ("withdrawn", l.catalog_withdrawn(), "x"),
    };
    Badge { key, label, icon }
}

/// `from` and `to` of the address, or the two newest; nothing where there is only one.
fn compare(l: Lang, versions: &[Version], asked: &Asked) -> Option<Comparison> {
    let [newest, before, ..] = versions else { return None };
    let chosen = |name: &str, usual: &Version| {
        let number = asked.get(name).parse().unwrap_or(usual.version);
        versions.iter().find(|v| v.version == number).map_or(usual.version, |v| v.version)
    };
    let (from, to) = (chosen("from", before), chosen("to", newest));
    let options = |chosen: i32| {
        let option = |v: &Version| Opt { value: v.version.to_string(), label: format!("v{}", v.version), selected: v.version == chosen };
        versions.iter().map(option).collect()
    };
    let document = |number: i32| versions.iter().find(|v| v.version == number).map(|v| tidy(&v.document)).unwrap_or_default();
    let (was, is) = (document(from), document(to));
    Some(Comparison {
        from: options(from),
        to: options(to),
        title: l.catalog_comparison(from, to),
        lines: (was != is).then(|| page::lines(&was, &is)),
    })
}
