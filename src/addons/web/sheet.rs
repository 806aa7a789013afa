//! A tenant's invoice as it would be: on the screen with what can be asked of it, and on paper as a sheet of A4. All of it stands in the
//! address, so that it can be sent to somebody.
use super::super::{
    bill::{self, Basis, Bill, When},
    period::month,
};
use crate::{
    app::App,
    catalog::{
        charges::Kind,
        pricing::{Line, Usage, Vat},
        today, words,
    },
    error::{Error, Problem},
    i18n::{Lang, msg},
    operations::{Refusal, form::number},
    page::{self, Action, Fact, Shell, Visit, list::Asked},
    subscriptions,
    tenants::{self, registration},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use sqlx::PgConnection;

#[derive(Template)]
#[template(path = "addons/sheet.html")]
struct Show {
    shell: Shell,
    back: Action,
    here: String,
    month: String,
    inputs: Vec<Input>,
    promotions: String,
    errors: Vec<String>,
    sheet: Option<Sheet>,
}

struct Input {
    name: String,
    label: String,
    value: String,
}

/// What is printed.
struct Sheet {
    period: String,
    supplier: Option<Vec<Fact>>,
    buyer: Vec<Fact>,
    facts: Vec<Fact>,
    lines: Vec<Row>,
    supply: String,
    vat: String,
    total: String,
    hash: String,
    /// The usage is somebody's guess, or there is none.
    estimated: bool,
}

struct Row {
    label: String,
    kind: String,
    quantity: String,
    amount: String,
    discount: String,
    supply: String,
    vat: String,
    total: String,
    steps: Vec<String>,
}

/// What the address asks for, as it could be read.
struct Question {
    usage: Usage,
    codes: Vec<String>,
    problems: Vec<Problem>,
}

pub(super) async fn show(visit: Visit, State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response, Error> {
    let l = visit.l;
    let mut conn = app.db.read().await?;
    let tenant = tenants::tenant(&mut conn, &id).await?.ok_or(Error::NotFound)?;
    let typed = asked.get("month");
    let wanted = match typed {
        "" => match subscriptions::current(&mut conn, &id).await? {
            Some(_) => Some(When::Day(today())),
            None => month(&today().format("%Y-%m").to_string()).map(When::Month),
        },
        text => month(text).map(When::Month),
    };
    let mut question = question(&asked);
    let basis = match wanted {
        None => Err(Problem::new("month", msg::sheet_month_malformed())),
        Some(when) => match Basis::read(&mut conn, &id, when).await {
            Ok(basis) => Ok(basis),
            Err(Refusal::Rule(problem)) => Err(problem),
            Err(Refusal::Failure(error)) => return Err(error),
        },
    };
    let (inputs, sheet) = match basis {
        Err(problem) => {
            question.problems.push(problem);
            (Vec::new(), None)
        }
        Ok(basis) => {
            let inputs = inputs(l, &basis, &asked);
            (inputs, priced(&app, &mut conn, l, basis, &mut question).await?)
        }
    };
    drop(conn);
    let wrong = !question.problems.is_empty();
    let mut response = page::html(&Show {
        back: Action { href: format!("/tenants/{id}/addons"), label: format!("{} · {}", tenant.company, tenant.slug) },
        here: format!("/tenants/{id}/invoice-preview"),
        month: if typed.is_empty() { today().format("%Y-%m").to_string() } else { typed.to_owned() },
        promotions: asked.get("promotions").to_owned(),
        errors: question.problems.iter().map(|p| l.say(&p.text)).collect(),
        inputs,
        sheet,
        shell: visit.shell(&app).await?,
    })?;
    if wrong {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn question(asked: &Asked) -> Question {
    let mut question = Question { usage: Usage::new(), codes: Vec::new(), problems: Vec::new() };
    for (name, value) in asked.all().filter(|(name, _)| name.starts_with("use-")) {
        let metric = name.trim_start_matches("use-");
        match number(value).and_then(|n| u64::try_from(n).ok()) {
            Some(0) => {}
            Some(used) => _ = question.usage.insert(metric.to_owned(), used),
            None => question.problems.push(Problem::new(name, msg::estimate_not_a_number(metric))),
        }
    }
    let codes = asked.get("promotions").split([',', ' ']).filter(|code| !code.is_empty());
    question.codes = codes.take(50).map(str::to_owned).collect();
    question
}

fn inputs(l: Lang, basis: &Basis, asked: &Asked) -> Vec<Input> {
    let input = |metric: &str| {
        let name = format!("use-{metric}");
        Input { label: l.addon_estimate_of(words::metric(l, metric)), value: asked.get(&name).to_owned(), name }
    };
    basis.metrics().into_iter().map(input).collect()
}

/// The sheet, if nothing is wrong with what was asked.
async fn priced(app: &App, conn: &mut PgConnection, l: Lang, mut basis: Basis, q: &mut Question) -> Result<Option<Sheet>, Error> {
    if let Err(problem) = basis.check("usage", &q.usage) {
        q.problems.push(problem);
    }
    match bill::named(conn, &q.codes, &basis, basis.period.starts.max(basis.subscription.days.starts)).await {
        Ok(named) => basis.also(named),
        Err(Error::Invalid(found)) => q.problems.extend(found),
        Err(other) => return Err(other),
    }
    if !q.problems.is_empty() {
        return Ok(None);
    }
    match basis.bill(&q.usage, Vat::default()) {
        Ok(bill) => Ok(Some(sheet(app, l, &basis, &q.usage, &bill))),
        Err(Error::Invalid(found)) => {
            q.problems.extend(found);
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

fn sheet(app: &App, l: Lang, basis: &Basis, usage: &Usage, bill: &Bill) -> Sheet {
    let won = |minor: i64| words::amount(basis.currency, minor);
    let number = |number: Option<&str>| number.map_or_else(|| l.company_no_number(), registration::shown);
    let (share, subscription) = (basis.share(), &basis.subscription);
    let days = match share.days == share.of.get() {
        true => basis.period.to_string(),
        false => format!("{} · {}", basis.period, l.sheet_days(share.days, share.of.get())),
    };
    let mut facts = vec![
        Fact::new(l.sheet_period(), days),
        Fact::new(l.sheet_plan(), format!("{} · {} v{}", subscription.plan_name, subscription.plan, subscription.version)),
        Fact::new(l.sheet_usage(), used(l, usage)),
    ];
    if !basis.promotions.is_empty() {
        let codes: Vec<_> = basis.promotions.iter().map(|p| p.code.as_str()).collect();
        facts.push(Fact::new(l.sheet_promotions(), codes.join(", ")));
    }
    let row = |line: &Line| Row {
        label: line.key.clone(),
        kind: words::kind(l, line.kind),
        quantity: quantity(basis, usage, line),
        amount: won(line.amount),
        discount: won(-line.discount),
        supply: won(line.supply),
        vat: won(line.vat),
        total: won(line.total),
        steps: line.steps.iter().map(|step| words::step(l, basis.currency, step)).collect(),
    };
    let invoice = &bill.invoice;
    Sheet {
        period: basis.period.to_string(),
        supplier: app
            .supplier
            .as_ref()
            .map(|s| vec![Fact::new(l.company_name(), s.name.clone()), Fact::new(l.company_biz_reg_no(), registration::shown(&s.number))]),
        buyer: vec![
            Fact::new(l.company_name(), basis.tenant.company.clone()),
            Fact::new(l.company_biz_reg_no(), number(basis.tenant.biz_reg_no.as_deref())),
            Fact::new(l.tenant_slug(), basis.tenant.slug.clone()),
        ],
        facts,
        lines: invoice.lines.iter().map(row).collect(),
        supply: won(invoice.supply),
        vat: won(invoice.vat),
        total: won(invoice.total),
        hash: bill.hash.clone(),
        estimated: basis.charges.iter().any(|charge| charge.metric.is_some()),
    }
}

fn used(l: Lang, usage: &Usage) -> String {
    let said: Vec<_> = usage.iter().map(|(metric, used)| format!("{} {}", words::metric(l, metric), words::quantity(*used))).collect();
    if said.is_empty() { l.sheet_no_usage() } else { said.join(" · ") }
}

/// What a line counts: how many of an add-on, or what was used.
fn quantity(basis: &Basis, usage: &Usage, line: &Line) -> String {
    use crate::catalog::pricing::Step;
    let each = line.steps.iter().find_map(|step| match step {
        Step::Each { quantity, .. } => Some(u64::from(*quantity)),
        _ => None,
    });
    match (line.kind, each) {
        (Kind::Addon, Some(n)) => words::quantity(n),
        (Kind::Base, _) => "1".into(),
        _ => {
            let charge = basis.charges.iter().find(|charge| charge.key == line.key);
            let used = charge.and_then(|charge| usage.get(charge.metric.as_deref()?)).copied().unwrap_or(0);
            words::quantity(used)
        }
    }
}
