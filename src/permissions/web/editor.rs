//! The editor of a next version: what is typed is kept whatever is wrong with it, and shown as the matrix it would be.
use crate::{
    app::App,
    auth::{Csrf, RequestsAsk, Scope, Submitted},
    documents::tidy,
    error::Error,
    i18n::msg,
    page::{self, Action, Link, Shell, Visit},
    permissions::{
        document,
        matrix::Matrix,
        publish::is_code,
        store::{Version, versions},
    },
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

const BLANK: &str = include_str!("../template.toml");

#[derive(Template)]
#[template(path = "permissions/editor.html")]
struct Editor {
    shell: Shell,
    back: Action,
    title: String,
    code: String,
    /// A template that is there keeps its code.
    code_stands: bool,
    document: String,
    reason: String,
    errors: Vec<Link>,
    fine: Option<String>,
    /// Against the newest version, where there is one.
    matrix: Option<Matrix>,
    asks: bool,
}

/// What the form holds.
struct Typed {
    code: String,
    code_stands: bool,
    document: String,
    reason: String,
    checked: bool,
}

pub(super) async fn blank(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    let typed = Typed { code: String::new(), code_stands: false, document: BLANK.into(), reason: String::new(), checked: false };
    draw(&app, &visit, typed).await
}

pub(super) async fn next(visit: Visit, State(app): State<App>, Path(code): Path<String>) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let newest = versions(&mut conn, &code).await?.into_iter().next().ok_or(Error::NotFound)?;
    drop(conn);
    let typed = Typed { code, code_stands: true, document: newest.document, reason: String::new(), checked: false };
    draw(&app, &visit, typed).await
}

pub(super) async fn check(mut visit: Visit, State(app): State<App>, Csrf(given): Csrf<Submitted>) -> Result<Response, Error> {
    visit.read_at("/permissions");
    let typed = Typed {
        code: given.text("code").to_owned(),
        code_stands: given.get("stands").is_some(),
        document: tidy(given.text("document")),
        reason: given.text("reason").to_owned(),
        checked: true,
    };
    draw(&app, &visit, typed).await
}

async fn draw(app: &App, visit: &Visit, typed: Typed) -> Result<Response, Error> {
    let l = visit.l;
    let mut conn = app.db.read().await?;
    let all = if is_code(&typed.code) { versions(&mut conn, &typed.code).await? } else { Vec::new() };
    drop(conn);
    let mut errors = Vec::new();
    if typed.checked && !is_code(&typed.code) {
        errors.push(Link { label: l.say(&msg::permission_code_malformed()), href: "#field-code".into() });
    }
    let read = document::read(&typed.document);
    if let (true, Err(faults)) = (typed.checked, &read) {
        errors.extend(faults.iter().map(|fault| Link { label: l.say(&fault.text), href: "#field-document".into() }));
    }
    let before = all.first().map(Version::roles).transpose()?;
    let matrix = read.ok().map(|read| match &before {
        Some(before) => Matrix::diff(l, before, &read.roles),
        None => Matrix::of(l, &read.roles),
    });
    let number = all.first().map_or(1, |newest| newest.version + 1);
    let page = Editor {
        back: match typed.code_stands {
            true => Action { href: format!("/permissions/{}", typed.code), label: typed.code.clone() },
            false => Action { href: "/permissions".into(), label: l.permission_title() },
        },
        title: if typed.code_stands { l.permission_editor(&typed.code, number) } else { l.permission_new() },
        fine: (typed.checked && errors.is_empty()).then(|| l.permission_fine(matrix.as_ref().map_or(0, |m| m.roles.len()))),
        asks: visit.caller()?.may(RequestsAsk::NAME),
        shell: visit.shell(app).await?,
        code: typed.code,
        code_stands: typed.code_stands,
        document: typed.document,
        reason: typed.reason,
        errors,
        matrix,
    };
    let mut response = page::html(&page)?;
    if !page.errors.is_empty() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}
