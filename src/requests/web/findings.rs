//! Settling an unknown outcome: what somebody found, and reading the other system again.
use super::show;
use crate::{
    app::App,
    auth::{Csrf, Operator, RequestsDecide, Submitted},
    error::{Error, Problem},
    i18n::msg,
    page::Visit,
    requests::{
        State as Standing,
        fate::Reported,
        findings::{self, Report},
        parse_id, short_id,
        view::Typed,
    },
};
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Form {
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    evidence: String,
}

pub(super) async fn report(
    operator: Operator<RequestsDecide>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(form): Csrf<Form>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let (l, name) = (visit.l, short_id(id));
    visit.read_at(&format!("/requests/{name}"));
    let verdict = Report::VERDICTS.into_iter().find(|state| state.name() == form.verdict);
    let result = match verdict {
        Some(verdict) => findings::report(&app, &operator, id, &Report { verdict, evidence: form.evidence.clone() }).await,
        None => Err(Error::Invalid(vec![Problem::new("verdict", msg::finding_no_verdict())])),
    };
    match result {
        Ok(Standing::Unknown) => visit.say("success", l.finding_recorded(&name)).await?,
        Ok(_) => visit.say("success", l.finding_settled(&name)).await?,
        Err(problem) => {
            let typed = |error| {
                let reported = Reported { verdict: form.verdict, evidence: form.evidence, error };
                Typed { reported, ..Typed::default() }
            };
            return show::refused(&app, &visit, operator.caller(), id, problem, typed).await;
        }
    }
    Ok(Redirect::to(&format!("/requests/{name}")).into_response())
}

pub(super) async fn read_back(
    operator: Operator<RequestsDecide>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    _: Csrf<Submitted>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let (l, name) = (visit.l, short_id(id));
    visit.read_at(&format!("/requests/{name}"));
    match findings::read_back(&app, &operator, id).await {
        Ok(Some(true)) => visit.say("success", l.finding_settled(&name)).await?,
        Ok(Some(false)) => visit.say("info", l.finding_read_open()).await?,
        Ok(None) => visit.say("info", l.finding_unreadable()).await?,
        Err(problem) => return show::refused(&app, &visit, operator.caller(), id, problem, |_| Typed::default()).await,
    }
    Ok(Redirect::to(&format!("/requests/{name}")).into_response())
}
