//! Watching a request.
use crate::{
    app::App,
    auth::{Csrf, Operator, RequestsRead, Submitted},
    error::Error,
    page::Visit,
    requests::{parse_id, short_id, watching},
};
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

pub(super) async fn watch(
    operator: Operator<RequestsRead>,
    visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(form): Csrf<Submitted>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let on = form.get("watching") == Some("true");
    watching::watch(&app, &operator, id, on).await?;
    let (l, name) = (visit.l, short_id(id));
    visit.say("success", if on { l.watch_started(&name) } else { l.watch_stopped(&name) }).await?;
    Ok(Redirect::to(&format!("/requests/{name}")).into_response())
}
