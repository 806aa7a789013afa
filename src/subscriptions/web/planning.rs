//! The forms that show what a change or an end would cost, as one types. Nothing is asked for here: the last step leads to the request's own
//! form, which shows before and after once more.
use super::{called, href};
use crate::{
    app::App,
    auth::{RequestsAsk, Scope, SubscriptionsChange},
    catalog::{
        Currency, Days,
        pricing::{Line, Step},
        today, words,
    },
    error::{Error, Problem},
    i18n::Lang,
    operations::{
        Refusal,
        form::{self, grouped},
    },
    page::{self, Action, Fact, Opt, Shell, Visit, list::Asked, money, query},
    subscriptions::{Priced, Quote, TOKENS, Wish, store},
    tenants,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};

#[derive(Template)]
#[template(path = "subscriptions/planning.html")]
struct Planning {
    shell: Shell,
    back: Action,
    title: String,
    lead: String,
    here: String,
    /// The plans that are sold; nothing where it shall end.
    plans: Option<Vec<Opt>>,
    from: String,
    earliest: String,
    /// What is in the way, by field.
    problems: Vec<(String, String)>,
    quote: Option<View>,
    /// Where it is asked for, if it may be.
    ask: Option<String>,
    ask_label: String,
    why_not: Option<String>,
}

/// What it comes to.
struct View {
    facts: Vec<Fact>,
    lines: Vec<LineView>,
    net: String,
    vat: String,
    total: String,
    /// What happens where no period is split.
    whole: Option<String>,
    usage: String,
    included: Option<String>,
}

struct LineView {
    id: String,
    label: String,
    what: String,
    how: Vec<String>,
    amount: String,
}

pub(super) async fn change(visit: Visit, State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response, Error> {
    draw(&app, &visit, &id, &asked, true).await
}

pub(super) async fn cancel(visit: Visit, State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response, Error> {
    draw(&app, &visit, &id, &asked, false).await
}

async fn draw(app: &App, visit: &Visit, id: &str, asked: &Asked, changes: bool) -> Result<Response, Error> {
    let (l, caller, today) = (visit.l, visit.caller()?, today());
    let mut conn = app.db.read().await?;
    let tenant = tenants::tenant(&mut conn, id).await?.ok_or(Error::NotFound)?;
    let typed = asked.get("from");
    let from = if typed.is_empty() { Ok(today) } else { form::day(typed) };
    let chosen = asked.get("plan");
    let mut problems: Vec<Problem> = from.as_ref().err().map(|text| Problem::new("from", text.clone())).into_iter().collect();
    let from = from.ok();
    let plans = match changes {
        true => Some(options(store::sold(&mut conn, from.unwrap_or(today)).await?, chosen, l)),
        false => None,
    };
    // an end is shown as soon as somebody comes here; a change needs a plan to be chosen
    let wanted = from.filter(|_| !changes || !chosen.is_empty());
    let mut quote = None;
    if let Some(from) = wanted {
        match Quote::of(&mut conn, &Wish { tenant: id, plan: Some(chosen).filter(|_| changes), from }).await {
            Ok(found) => {
                problems.extend(found.refusal(today));
                quote = Some(found);
            }
            Err(Refusal::Rule(problem)) => problems.push(problem),
            Err(Refusal::Failure(error)) => return Err(error),
        }
    }
    let name = store::plan_name(&mut conn, chosen).await?;
    drop(conn);
    let may = caller.may(SubscriptionsChange::NAME) && caller.may(RequestsAsk::NAME);
    let fine = quote.is_some() && problems.is_empty();
    let day = from.map_or_else(|| typed.to_owned(), |day| day.to_string());
    let operation = if changes { "subscription.change" } else { "subscription.cancel" };
    let fields = [("tenant_id", id), ("plan", if changes { chosen } else { "" }), ("from", &day)];
    page::html(&Planning {
        back: Action { href: href(id), label: format!("{} · {}", tenant.company, tenant.slug) },
        title: if changes { l.subscription_change_title() } else { l.subscription_cancel_title() },
        lead: if changes { l.subscription_change_lead() } else { l.subscription_cancel_lead() },
        here: format!("{}/{}", href(id), if changes { "change" } else { "cancel" }),
        plans,
        from: day.clone(),
        earliest: today.to_string(),
        quote: quote.filter(|q| q.has.is_some() || q.gets.is_some()).map(|quote| view(l, &quote, name.as_deref())),
        ask: (may && fine).then(|| format!("/requests/new/{operation}{}", query(&fields))),
        ask_label: if changes { l.subscription_ask_change() } else { l.subscription_ask_cancel() },
        why_not: (!may).then(|| l.subscription_why_not()),
        problems: problems.into_iter().map(|p| (p.field.clone(), l.say(&p.text))).collect(),
        shell: visit.shell(app).await?,
    })
}

fn options(sold: Vec<(String, String, i32)>, chosen: &str, l: Lang) -> Vec<Opt> {
    let known = sold.iter().any(|(code, ..)| code == chosen);
    let mut all = vec![Opt::any(l.subscription_choose_plan(), chosen)];
    all.extend(sold.into_iter().map(|(code, name, version)| Opt {
        selected: code == chosen,
        label: format!("{name} v{version}"),
        value: code,
    }));
    if !known && !chosen.is_empty() {
        all.push(Opt { value: chosen.into(), label: chosen.into(), selected: true });
    }
    all
}

/// `name` is what the plan is called that there would be.
fn view(l: Lang, quote: &Quote, name: Option<&str>) -> View {
    let p = &quote.proration;
    let base = |priced: &Priced| format!("{} v{} · {}", name.unwrap_or(&priced.plan), priced.version, money::full(priced.base()));
    let has = quote.has.as_ref();
    let mut facts = vec![Fact::new(
        l.subscription_before(),
        has.map_or_else(|| l.subscription_nothing(), |(s, was)| format!("{} · {}", called(s), money::full(was.base()))),
    )];
    facts.push(Fact::new(l.subscription_after(), quote.gets.as_ref().map_or_else(|| l.subscription_nothing(), base)));
    facts.push(Fact::new(l.subscription_period(), Days { starts: p.period.begins, ends: Some(p.period.ends) }.to_string()));
    facts.push(Fact::new(l.subscription_rest(), l.subscription_rest_of(p.rest.days, p.rest.of.get())));
    let line = |what: String, kind: &str, line: &Line| LineView {
        id: format!("{kind}-{}", line.key),
        label: line.key.clone(),
        what,
        how: line.steps.iter().filter(|step| !matches!(step, Step::Vat { .. })).map(|step| words::step(l, Currency::Krw, step)).collect(),
        amount: money::full(line.supply),
    };
    let mut lines: Vec<_> = p.taken_back().iter().map(|one| line(l.subscription_credit(), "credit", one)).collect();
    lines.extend(p.charged().iter().map(|one| line(l.subscription_charge(), "charge", one)));
    let charges = |priced: Option<&Priced>| priced.map(|priced| priced.charges.clone()).unwrap_or_default();
    let included = p.included(TOKENS, &charges(has.map(|(_, was)| was)), &charges(quote.gets.as_ref()));
    View {
        facts,
        lines,
        net: money::full(p.invoice.supply),
        vat: money::full(p.invoice.vat),
        total: money::full(p.invoice.total),
        whole: (!p.splits()).then(|| l.subscription_whole_period()),
        usage: l.subscription_usage(),
        included: (p.splits() && included > 0).then(|| l.subscription_included(grouped(i64::try_from(included).unwrap_or(i64::MAX)))),
    }
}
