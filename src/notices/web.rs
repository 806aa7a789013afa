//! The page of notices.
use super::{Kind, Told, newest};
use crate::{
    app::App,
    auth::{Csrf, RequestsRead, Submitted},
    error::Error,
    i18n::Lang,
    page::{self, Shell, Visit, When},
    requests::short_id,
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

/// Notices on a page.
const LENGTH: usize = 50;

pub fn routes(surface: Surface) -> Surface {
    surface.show::<RequestsRead, _, _>("/notices", index).act::<RequestsRead, _, _>("/notices/read", read)
}

#[derive(Template)]
#[template(path = "notices/index.html")]
struct Index {
    shell: Shell,
    rows: Vec<Row>,
    only_unread: bool,
    /// The newest that is shown: what comes later is not marked as read by somebody who has not seen it.
    up_to: Option<i64>,
    older: Option<String>,
}

struct Row {
    href: String,
    title: String,
    target: String,
    text: String,
    icon: &'static str,
    at: When,
    unread: bool,
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    unread: bool,
    before: Option<i64>,
}

async fn index(visit: Visit, State(app): State<App>, asked: Result<Query<Asked>, QueryRejection>) -> Result<Response, Error> {
    // an address that cannot be read shows everything
    let Query(asked) = asked.unwrap_or_default();
    let caller = visit.caller()?;
    let mut conn = app.db.read().await?;
    let mut told = newest(&mut conn, caller.id, asked.unread, asked.before, LENGTH as i64 + 1).await?;
    drop(conn);
    let more = told.len() > LENGTH;
    told.truncate(LENGTH);
    let unread = if asked.unread { "true" } else { "false" };
    let older =
        told.last().filter(|_| more).map(|t| format!("/notices{}", page::query(&[("unread", unread), ("before", &t.id.to_string())])));
    let up_to = told.iter().filter(|t| t.read_at.is_none()).map(|t| t.id).max();
    let rows = told.into_iter().map(|t| row(&app, visit.l, t)).collect();
    page::html(&Index { shell: visit.shell(&app).await?, rows, only_unread: asked.unread, up_to, older })
}

fn row(app: &App, l: Lang, t: Told) -> Row {
    let kind = Kind::named(&t.kind);
    // `ON-12/payment`: the thing, and which part of it
    let topic = t.topic.as_deref().map(|topic| topic.split_once('/').unwrap_or((topic, "")));
    let title = match (&t.operation, topic) {
        (Some(name), _) => app.registry.find(name).map_or_else(|| name.clone(), |d| d.title(l)),
        (None, Some((_, step))) => l.find(&format!("onboarding-step-{step}")).unwrap_or_else(|| l.nav_onboarding()),
        (None, None) => l.absence_title(),
    };
    let (href, title) = match (t.request.map(short_id), topic) {
        (Some(id), _) => (format!("/requests/{id}"), format!("{id} {title}")),
        (None, Some((id, step))) => (format!("/onboarding/{id}{}{step}", if step.is_empty() { "" } else { "#" }), format!("{id} {title}")),
        (None, None) => ("/absences".into(), title),
    };
    Row {
        href,
        title,
        target: t.target.or(t.label).unwrap_or_default(),
        text: kind.map_or_else(String::new, |kind| sentence(l, kind, t.actor.as_deref())),
        icon: kind.map_or("info", icon),
        at: When::new(l, t.at),
        unread: t.read_at.is_none(),
    }
}

/// What a notice says, in a sentence.
pub fn sentence(l: Lang, kind: Kind, who: Option<&str>) -> String {
    let name = who.unwrap_or("Countersign");
    match kind {
        Kind::Asked => who.map_or_else(|| l.notice_asked_nobody(), |who| l.notice_asked(who)),
        Kind::Reminded => l.notice_reminded(),
        Kind::Escalated => l.notice_escalated(),
        Kind::Questioned => l.notice_questioned(name),
        Kind::Commented => l.notice_commented(name),
        Kind::Approved => l.notice_approved(),
        Kind::Succeeded => l.notice_succeeded(),
        Kind::Finished => l.notice_finished(),
        Kind::Failed => l.notice_failed(),
        Kind::Partial => l.notice_partial(),
        Kind::Unknown => l.notice_unknown(),
        Kind::Denied => l.notice_denied(name),
        Kind::Expired => l.notice_expired(),
        Kind::Withdrawn => l.notice_withdrawn(name),
        Kind::Stale => l.notice_stale(),
        Kind::BrokeGlass => l.notice_broke_glass(name),
        Kind::ReviewOverdue => l.notice_review_overdue(),
        Kind::Reviewed => l.notice_reviewed(name),
        Kind::StandsIn => l.notice_stands_in(name),
        Kind::StepOpen => l.notice_step_open(),
        Kind::StepOverdue => l.notice_step_overdue(),
        Kind::StepRejected => l.notice_step_rejected(name),
    }
}

fn icon(kind: Kind) -> &'static str {
    match kind {
        Kind::Asked | Kind::Reminded => "clock",
        Kind::Escalated => "clock-alert",
        Kind::Questioned | Kind::Unknown => "circle-help",
        Kind::Commented => "pencil",
        Kind::Approved => "check",
        Kind::Succeeded | Kind::Finished => "circle-check",
        Kind::Failed => "octagon-x",
        Kind::Partial => "triangle-alert",
        Kind::Denied => "x",
        Kind::Expired => "clock-alert",
        Kind::Withdrawn => "undo-2",
        Kind::Stale => "git-compare",
        Kind::BrokeGlass | Kind::ReviewOverdue => "triangle-alert",
        Kind::Reviewed => "shield-check",
        Kind::StandsIn => "users",
        Kind::StepOpen => "list-checks",
        Kind::StepOverdue => "clock-alert",
        Kind::StepRejected => "x",
    }
}

async fn read(visit: Visit, State(app): State<App>, Csrf(form): Csrf<Submitted>) -> Result<Response, Error> {
    if let Some(up_to) = form.get("up_to").and_then(|id| id.parse().ok()) {
        app.db.read_notices(visit.caller()?.id, None, Some(up_to)).await?;
        visit.say("success", visit.l.notice_all_read()).await?;
    }
    Ok(Redirect::to("/notices").into_response())
}
