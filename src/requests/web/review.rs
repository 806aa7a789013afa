//! The review after a broken glass.
use super::show;
use crate::{
    app::App,
    auth::{Csrf, Operator, RequestsDecide},
    error::{self, Error, Problem},
    i18n::msg,
    page::Visit,
    requests::{
        parse_id,
        review::{self, Verdict, panel::Looked},
        short_id,
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
    note: String,
}

pub(super) async fn record(
    operator: Operator<RequestsDecide>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(form): Csrf<Form>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let (l, name) = (visit.l, short_id(id));
    visit.read_at(&format!("/requests/{name}"));
    let result = match Verdict::named(&form.verdict) {
        Some(verdict) => review::record(&app, &operator, id, verdict, &form.note).await,
        None => Err(Error::Invalid(vec![Problem::new("verdict", msg::review_no_verdict())])),
    };
    match result {
        Ok(()) => visit.say("success", l.review_recorded(&name)).await?,
        Err(problem @ (Error::Refused(_) | Error::NotPermitted(_) | Error::Invalid(_))) => {
            let (error, conflict) = match &problem {
                Error::Invalid(problems) => (problems.first().map(|p| l.say(&p.text)), None),
                other => (None, Some(error::sentence(other, l))),
            };
            let typed = Typed { conflict, looked: Looked { verdict: form.verdict, note: form.note, error }, ..Typed::default() };
            return show::page(&app, &visit, operator.caller(), id, typed, problem.status()).await;
        }
        Err(other) => return Err(other),
    }
    Ok(Redirect::to(&format!("/requests/{name}")).into_response())
}
