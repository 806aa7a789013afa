//! What can be asked for, to choose from.
use crate::{
    app::App,
    auth::{Operator, RequestsAsk},
    error::Error,
    i18n::Lang,
    operations::{Definition, Risk},
    page::{self, RiskTag, Shell, Visit},
};
use askama::Template;
use axum::{extract::State, response::Response};

/// An operation as a form is headed with it.
pub(super) struct OperationRow {
    pub href: String,
    pub name: &'static str,
    pub title: String,
    pub description: String,
    pub risk: RiskTag,
}

impl OperationRow {
    pub fn new(l: Lang, d: &dyn Definition) -> Self {
        let risk: Risk = d.risk();
        Self {
            href: format!("/requests/new/{}", d.name()),
            name: d.name(),
            title: d.title(l),
            description: d.description(l),
            risk: RiskTag::new(l, risk.name()),
        }
    }
}

#[derive(Template)]
#[template(path = "requests/choose.html")]
struct Choose {
    shell: Shell,
    operations: Vec<OperationRow>,
}

pub(super) async fn choose(operator: Operator<RequestsAsk>, visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    let permitted = app.registry.all().filter(|d| operator.caller().may(d.scope()));
    let operations = permitted.map(|d| OperationRow::new(visit.l, d)).collect();
    page::html(&Choose { shell: visit.shell(&app).await?, operations })
}
