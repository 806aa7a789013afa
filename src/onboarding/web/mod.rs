//! The pages of onboardings: the board and the lists, one onboarding with its steps, the forms, and the import.
mod act;
mod board;
mod form;
mod import;
mod list;
mod new;
mod show;

use super::{Filter, State, lists, parse_id, short_id, waits};
use crate::{
    auth::{OnboardingRead, OnboardingWork, RequestsAsk, Scope},
    error::Error,
    i18n::Lang,
    page::{
        Badge, FEW, Found, Reader,
        list::{Order, Slice},
    },
    surface::Surface,
};
use axum::{extract::DefaultBodyLimit, handler::Handler};
use sqlx::PgConnection;

/// Of a contract's file, which is hashed and thrown away.
const FILE_LIMIT: usize = 2 * 1024 * 1024;

pub fn routes(surface: Surface) -> Surface {
    let file = || DefaultBodyLimit::max(FILE_LIMIT + 64 * 1024);
    let csv = || DefaultBodyLimit::max(super::import::LIMIT + 64 * 1024);
    surface
        .show::<OnboardingRead, _, _>("/onboarding", board::index)
        .show::<OnboardingRead, _, _>("/onboarding.csv", board::export)
        .show::<OnboardingWork, _, _>("/onboarding/new", new::form)
        .act::<OnboardingWork, _, _>("/onboarding/new", new::begin)
        .show::<OnboardingWork, _, _>("/onboarding/import", import::form)
        .act::<OnboardingWork, _, _>("/onboarding/import", import::run.layer(csv()))
        .show::<OnboardingWork, _, _>("/onboarding/import/template.csv", import::template)
        .show::<OnboardingRead, _, _>("/onboarding/{id}", show::show)
        .show::<OnboardingWork, _, _>("/onboarding/{id}/edit", new::edit)
        .act::<OnboardingWork, _, _>("/onboarding/{id}/edit", new::amend)
        .show::<OnboardingWork, _, _>("/onboarding/{id}/again", new::again)
        .act::<OnboardingWork, _, _>("/onboarding/{id}/again", new::ask_again)
        .act::<OnboardingWork, _, _>("/onboarding/{id}/open", act::open)
        .act::<OnboardingWork, _, _>("/onboarding/{id}/withdraw", act::withdraw)
        .act::<RequestsAsk, _, _>("/onboarding/{id}/approve", act::approve)
        .act::<RequestsAsk, _, _>("/onboarding/{id}/reject", act::reject)
        .act::<OnboardingWork, _, _>("/onboarding/{id}/payment/ask", act::ask_payment)
        .act::<OnboardingWork, _, _>("/onboarding/{id}/{step}/evidence", act::submit.layer(file()))
        .act::<OnboardingWork, _, _>("/onboarding/{id}/{step}/decision", act::decide)
        .act::<OnboardingWork, _, _>("/onboarding/{id}/{step}/wait", act::wait)
        .act::<OnboardingWork, _, _>("/onboarding/{id}/{step}/assign", act::assign)
}

/// How an onboarding stands, in word, colour and shape.
fn badge(l: Lang, state: State) -> Badge {
    let (key, icon) = match state {
        State::Draft => ("expired", "pencil"),
        State::Open => ("executing", "loader"),
        State::Approved => ("succeeded", "circle-check"),
        State::Rejected => ("denied", "x"),
        State::Expired => ("expired", "clock-alert"),
        State::Withdrawn => ("expired", "undo-2"),
    };
    Badge { key, label: called(l, "onboarding", state.name()), icon }
}

/// A value as it is called here.
fn called(l: Lang, kind: &str, value: &str) -> String {
    l.find(&format!("value-{kind}-{value}")).unwrap_or_else(|| value.to_owned())
}

/// Onboardings by number, company or slug.
pub async fn find(r: &Reader, conn: &mut PgConnection, q: &str) -> Result<Vec<Found>, Error> {
    let is_id = q.to_ascii_lowercase().starts_with("on-") && parse_id(q).is_ok();
    if !r.caller.may(OnboardingRead::NAME) || (q.chars().count() < 2 && !is_id) {
        return Ok(Vec::new());
    }
    let filter = Filter { q: Some(q.to_owned()), ..Filter::default() };
    let newest = Slice { order: Order { key: "id", down: true }, cursor: None, limit: FEW };
    let found = lists::list(conn, &filter, newest).await?;
    Ok(found
        .into_iter()
        .map(|o| Found {
            group: r.l.onboarding_title(),
            name: format!("{} {}", short_id(o.id), o.company),
            detail: o
                .step
                .as_deref()
                .filter(|_| o.state == State::Open)
                .map_or_else(|| badge(r.l, o.state).label, |step| waits::step(r.l, step)),
            href: format!("/onboarding/{}", short_id(o.id)),
            icon: "compass",
        })
        .collect())
}
