//! The review after a broken glass.
use super::show;
use crate::{
    app::App,
    auth::{Csrf, Operator, RequestsDecide},
    error::{Error, Problem},
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
        Err(problem) => {
            let typed = |error| Typed { looked: Looked { verdict: form.verdict, note: form.note, error }, ..Typed::default() };
            return show::refused(&app, &visit, operator.caller(), id, problem, typed).await;
        }
    }
    Ok(Redirect::to(&format!("/requests/{name}")).into_response())
}
