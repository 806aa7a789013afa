//! Saying something about a request.
use super::show;
use crate::{
    app::App,
    auth::{Csrf, Operator, RequestsAsk},
    error::Error,
    page::Visit,
    requests::{
        comments::{self, Remark},
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
    text: String,
    #[serde(default)]
    kind: String,
}

pub(super) async fn add(
    operator: Operator<RequestsAsk>,
    mut visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(form): Csrf<Form>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let (l, name) = (visit.l, short_id(id));
    visit.read_at(&format!("/requests/{name}"));
    let remark = Remark { text: form.text, asks: form.kind == "question" };
    match comments::add(&app, &operator, id, &remark).await {
        Ok(()) => {
            visit.say("success", if remark.asks { l.question_sent(&name) } else { l.comment_sent(&name) }).await?;
            Ok(Redirect::to(&format!("/requests/{name}")).into_response())
        }
        Err(problem) => {
            let typed = |error| Typed { remark: remark.text, remark_error: error, ..Typed::default() };
            show::refused(&app, &visit, operator.caller(), id, problem, typed).await
        }
    }
}
