//! A draft of the policy: what is wrong with it, what it would have meant, and the way to propose it.
use crate::{
    app::App,
    auth::{Csrf, PolicyPropose, RequestsAsk, Scope, Submitted},
    documents::tidy,
    error::Error,
    i18n::Lang,
    operations::form::{grouped, number},
    page::{self, Fact, Link, Shell, Visit},
    policy::{
        self, Policy,
        simulator::{self, Report, Sums},
        words,
    },
    requests::short_id,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::Utc;

#[derive(Template)]
#[template(path = "policy/draft.html")]
struct Draft {
    shell: Shell,
    document: String,
    days: String,
    most_days: u32,
    reason: String,
    faults: Vec<String>,
    fine: Option<String>,
    report: Option<ReportView>,
    proposes: bool,
}

struct ReportView {
    lead: String,
    capped: Option<String>,
    empty: bool,
    facts: Vec<Fact>,
    lines: Vec<LineView>,
}

struct LineView {
    operation: String,
    rule: String,
    needs: String,
    requests: String,
    changed: String,
    nobody: String,
    waits: String,
    examples: Vec<Link>,
}

/// What the form holds.
struct Typed {
    document: String,
    days: String,
    reason: String,
}

pub(super) async fn form(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let document = policy::in_force(&app, &mut conn).await?.policy.document.clone();
    drop(conn);
    let typed = Typed { document, days: simulator::DAYS.to_string(), reason: String::new() };
    draw(&app, &visit, typed, Vec::new(), None, None).await
}

pub(super) async fn try_it(mut visit: Visit, State(app): State<App>, Csrf(form): Csrf<Submitted>) -> Result<Response, Error> {
    visit.read_at("/policy/simulate");
    let l = visit.l;
    let text = |name: &str| form.text(name).to_owned();
    let typed = Typed { document: tidy(&text("document")), days: text("days"), reason: text("reason") };
    let draft = match policy::check(&typed.document) {
        Ok(draft) => draft,
        Err(faults) => return draw(&app, &visit, typed, faults.iter().map(|f| l.say(&f.text)).collect(), None, None).await,
    };
    let fine = l.policy_draft_fine(draft.groups.len(), draft.rules.len());
    if form.get("do") == Some("check") {
        return draw(&app, &visit, typed, Vec::new(), Some(fine), None).await;
    }
    let days = number(&typed.days).and_then(|n| u32::try_from(n).ok()).unwrap_or(simulator::DAYS).clamp(1, simulator::MOST_DAYS);
    let mut conn = app.db.read().await?;
    let report = simulator::replay(&mut conn, &draft, days, Utc::now()).await?;
    drop(conn);
    let view = worded(&app, l, &draft, report);
    draw(&app, &visit, typed, Vec::new(), Some(fine), Some(view)).await
}

async fn draw(
    app: &App,
    visit: &Visit,
    typed: Typed,
    faults: Vec<String>,
    fine: Option<String>,
    report: Option<ReportView>,
) -> Result<Response, Error> {
    let caller = visit.caller()?;
    let page = Draft {
        shell: visit.shell(app).await?,
        document: typed.document,
        days: typed.days,
        most_days: simulator::MOST_DAYS,
        reason: typed.reason,
        fine,
        report,
        proposes: caller.may(PolicyPropose::NAME) && caller.may(RequestsAsk::NAME),
        faults,
    };
    let mut response = page::html(&page)?;
    if !page.faults.is_empty() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn worded(app: &App, l: Lang, draft: &Policy, report: Report) -> ReportView {
    let count = |n: usize| grouped(n as i64);
    let all = &report.all;
    let fact = |label, n| Fact::new(label, count(n));
    let lines = report.lines.iter().map(|line| {
        let rule = draft.rules.iter().find(|r| r.name == line.rule);
        LineView {
            operation: app.registry.find(&line.operation).map_or_else(|| line.operation.clone(), |d| d.title(l)),
            rule: words::rule(l, &line.rule),
            needs: rule.map_or_else(
                String::new,
                |r| {
                    if r.needs.is_empty() { l.policy_report_at_once() } else { words::needs(l, &r.needs) }
                },
            ),
            requests: count(line.sums.requests),
            changed: count(line.sums.more + line.sums.fewer + line.sums.others),
            nobody: count(line.sums.nobody),
            waits: waits(l, &line.sums),
            examples: line.examples.iter().map(|id| short_id(*id)).map(|id| Link { href: format!("/requests/{id}"), label: id }).collect(),
        }
    });
    ReportView {
        lead: l.policy_report_lead(report.days, all.requests),
        capped: report.capped.then(|| l.policy_report_capped(grouped(simulator::MOST))),
        empty: all.requests == 0,
        facts: vec![
            fact(l.policy_report_more(), all.more),
            fact(l.policy_report_fewer(), all.fewer),
            fact(l.policy_report_others(), all.others),
            fact(l.policy_report_at_once(), all.at_once),
            fact(l.policy_report_nobody(), all.nobody),
            Fact::new(l.policy_report_waiting(), waits(l, all)),
        ],
        lines: lines.collect(),
    }
}

fn waits(l: Lang, sums: &Sums) -> String {
    match (sums.waited, sums.would_wait) {
        (Some(was), Some(is)) => l.policy_report_from_to(seconds(l, is), seconds(l, was)),
        _ => l.value_none(),
    }
}

/// As roughly as an estimate is.
fn seconds(l: Lang, seconds: i64) -> String {
    let minutes = u32::try_from((seconds + 30) / 60).unwrap_or(0);
    match minutes {
        0 => l.policy_seconds(seconds.max(0)),
        1..120 => l.policy_minutes(minutes),
        120..2880 => l.policy_hours(minutes / 60),
        _ => l.policy_days(minutes / 1440),
    }
}
