//! The form: which version, to which, from when and who; then everybody who would be moved and what it costs them, and those who would not and
//! why. Nothing is asked for here: the last step leads to the request's own check.
use super::super::{Candidate, Survey, Why, operation::Migrate, store};
use crate::{
    app::App,
    auth::{Csrf, RequestsAsk, Scope, Submitted, SubscriptionsChange},
    catalog::{Days, today},
    error::{Error, Problem},
    i18n::{Lang, msg},
    operations::{Operation, Refusal, form::grouped},
    page::{self, Action, Fact, Link, Opt, Shell, Visit, list::Asked, money},
    subscriptions::{Priced, store as subscriptions},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

/// So many names stand there; the others are in the list of subscriptions.
const AT_ONCE: usize = 50;

#[derive(Template)]
#[template(path = "subscriptions/migrate.html")]
struct Form {
    shell: Shell,
    back: Action,
    name: String,
    here: String,
    was: Vec<Opt>,
    is: Vec<Opt>,
    typed: Typed,
    earliest: String,
    errors: Vec<Link>,
    /// What is wrong, by field.
    problems: Vec<(String, String)>,
    /// Only one version is in force or will be.
    alone: bool,
    view: Option<View>,
    /// Where it is asked for, if it may be.
    ask: Option<String>,
    why_not: Option<String>,
}

/// The fields as they were typed.
#[derive(Clone, Default)]
struct Typed {
    plan: String,
    from_version: String,
    to_version: String,
    from: String,
    tenants: String,
    reason: String,
}

struct View {
    facts: Vec<Fact>,
    compare: String,
    /// Each with its page and, where it stays, why.
    moving: People,
    staying: People,
}

struct People {
    count: String,
    first: Vec<Person>,
    /// Where the others are, if there are any.
    more: Option<Link>,
}

struct Person {
    link: Link,
    why: Option<String>,
}

impl Form {
    fn problem(&self, field: &str) -> Option<&String> {
        self.problems.iter().find(|(name, _)| name == field).map(|(_, text)| text)
    }
}

pub(super) async fn show(visit: Visit, State(app): State<App>, Path(code): Path<String>, asked: Asked) -> Result<Response, Error> {
    let typed = Typed::of(&code, |name| asked.get(name));
    draw(&app, &visit, typed).await
}

/// The same as it was typed: lists of tenants are too long for an address.
pub(super) async fn check(
    mut visit: Visit,
    State(app): State<App>,
    Path(code): Path<String>,
    Csrf(form): Csrf<Submitted>,
) -> Result<Response, Error> {
    visit.read_at(&format!("/subscriptions/plans/{code}/migrate"));
    draw(&app, &visit, Typed::of(&code, |name| form.get(name).unwrap_or_default())).await
}

impl Typed {
    fn of<'a>(plan: &str, get: impl Fn(&str) -> &'a str) -> Self {
        let text = |name: &str| get(name).trim().replace('\0', "");
        Self {
            plan: plan.to_owned(),
            from_version: text("from_version"),
            to_version: text("to_version"),
            from: text("from"),
            tenants: text("tenants"),
            reason: text("reason"),
        }
    }

    fn is_blank(&self) -> bool {
        [&self.from_version, &self.to_version, &self.from].into_iter().any(String::is_empty)
    }

    fn wish(&self) -> Result<Migrate, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut version = |field: &str, text: &str| {
            let number = text.trim_start_matches(['v', 'V']).parse().ok().filter(|n| *n > 0);
            if number.is_none() {
                problems.push(Problem::new(field, msg::field_not_integer()));
            }
            number.unwrap_or_default()
        };
        let (from_version, to_version) = (version("from_version", &self.from_version), version("to_version", &self.to_version));
        let from = self.from.parse();
        if from.is_err() {
            problems.push(Problem::new("from", msg::field_not_a_date()));
        }
        let tenants = Some(self.tenants.clone()).filter(|text| !text.is_empty());
        match from {
            Ok(from) if problems.is_empty() => Ok(Migrate { plan: self.plan.clone(), from_version, to_version, from, tenants }),
            _ => Err(problems),
        }
    }
}

async fn draw(app: &App, visit: &Visit, mut typed: Typed) -> Result<Response, Error> {
    let (l, caller, today) = (visit.l, visit.caller()?, today());
    let mut conn = app.db.read().await?;
    let name = subscriptions::plan_name(&mut conn, &typed.plan).await?.ok_or(Error::NotFound)?;
    let subscribers = subscriptions::subscribers(&mut conn, &typed.plan, today).await?;
    let versions = store::versions(&mut conn, &typed.plan).await?;
    let (mut problems, mut survey) = (Vec::new(), None);
    if !typed.is_blank() {
        match typed.wish() {
            Ok(wish) => match Survey::of(&mut conn, &wish).await {
                Ok(found) => {
                    problems.extend(found.refusal());
                    survey = Some(found);
                }
                Err(Refusal::Rule(problem)) => problems.push(problem),
                Err(Refusal::Failure(error)) => return Err(error),
            },
            Err(wrong) => problems = wrong,
        }
    }
    drop(conn);
    // those that are in force, or will be
    let open: Vec<_> = versions.into_iter().filter(|(_, _, ends)| ends.is_none_or(|ends| ends > today)).collect();
    let usual = subscribers.iter().rev().find(|s| s.active > 0).map(|s| s.version);
    if typed.from_version.is_empty() {
        typed.from_version = usual.map(|version| version.to_string()).unwrap_or_default();
    }
    let newest = open.iter().find(|(version, ..)| version.to_string() != typed.from_version);
    if typed.to_version.is_empty() {
        typed.to_version = newest.map(|(version, ..)| version.to_string()).unwrap_or_default();
    }
    if typed.from.is_empty() {
        let begins = open.iter().find(|(version, ..)| version.to_string() == typed.to_version).map_or(today, |(_, starts, _)| *starts);
        typed.from = begins.max(today + chrono::Days::new(1)).to_string();
    }
    let counted = |s: &subscriptions::Subscribers| (s.version.to_string(), l.migration_version_of(grouped(s.active), s.version));
    let spelt = |(version, starts, ends): &(i32, chrono::NaiveDate, Option<chrono::NaiveDate>)| {
        (version.to_string(), l.migration_version_from(Days { starts: *starts, ends: *ends }.to_string(), *version))
    };
    let may = caller.may(SubscriptionsChange::NAME) && caller.may(RequestsAsk::NAME);
    let fine = survey.is_some() && problems.is_empty();
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Form {
        back: Action { href: format!("/subscriptions/plans/{}", typed.plan), label: l.subscribers_title() },
        here: format!("/subscriptions/plans/{}/migrate", typed.plan),
        was: options(subscribers.iter().map(counted).collect(), &typed.from_version),
        is: options(open.iter().map(spelt).collect(), &typed.to_version),
        earliest: today.to_string(),
        alone: open.iter().all(|(version, ..)| subscribers.iter().all(|s| s.version == *version)) && open.len() < 2,
        errors: problems.iter().map(|p| Link { label: l.say(&p.text), href: format!("#field-{}", p.field) }).collect(),
        problems: problems.iter().map(|p| (p.field.clone(), l.say(&p.text))).collect(),
        ask: (may && fine).then(|| format!("/requests/new/{}", Migrate::NAME)),
        why_not: (!may).then(|| l.migration_why_not()),
        view: survey.map(|survey| view(l, &survey)),
        shell: visit.shell(app).await?,
        name,
        typed,
    };
    let mut response = page::html(&page)?;
    *response.status_mut() = status;
    Ok(response)
}

/// The choices with the one that was made, even if it is none of them.
fn options(all: Vec<(String, String)>, chosen: &str) -> Vec<Opt> {
    let known = all.iter().any(|(value, _)| value == chosen);
    let mut options: Vec<Opt> = all.into_iter().map(|(value, label)| Opt { selected: value == chosen, value, label }).collect();
    if !known && !chosen.is_empty() {
        options.push(Opt { value: chosen.into(), label: format!("v{chosen}"), selected: true });
    }
    options
}

fn view(l: Lang, survey: &Survey) -> View {
    let (was, is) = (&survey.was, &survey.is);
    let each = is.base() - was.base();
    let all = each.saturating_mul(i64::try_from(survey.moving.len()).unwrap_or(i64::MAX));
    let base = |version: i32, base: i64| format!("v{version} · {}", money::full(base));
    View {
        facts: vec![
            Fact::new(format!("{} · {}", l.migration_month(), l.subscription_before()), base(was.version, was.base())),
            Fact::new(format!("{} · {}", l.migration_month(), l.subscription_after()), base(is.version, is.base())),
            Fact::new(l.migration_month_each(), money::full(each)),
            Fact::new(l.migration_month_all(), money::full(all)),
            Fact::new(l.migration_day(), survey.from.to_string()),
        ],
        compare: format!("/catalog/plans/{}?from={}&to={}#compare", was.plan, was.version, is.version),
        moving: people(l, was, survey.moving.iter().map(|c| (c, None))),
        staying: people(l, was, survey.left.iter().map(|(c, why)| (c, Some(*why)))),
    }
}

fn people<'a>(l: Lang, was: &Priced, all: impl ExactSizeIterator<Item = (&'a Candidate, Option<Why>)>) -> People {
    let count = |n: usize| grouped(n as i64);
    let more = all.len().saturating_sub(AT_ONCE);
    let person = |(c, why): (&Candidate, Option<Why>)| Person {
        link: Link { href: format!("/tenants/{}/subscription", c.tenant_id), label: c.called() },
        why: why.map(|why| l.say(&why.text())),
    };
    People {
        count: l.migration_count(count(all.len())),
        more: (more > 0).then(|| Link {
            href: format!("/subscriptions?plan={}&version={}", was.plan, was.version),
            label: l.migration_more(count(more)),
        }),
        first: all.take(AT_ONCE).map(person).collect(),
    }
}
