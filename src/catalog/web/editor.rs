//! The editor of a next version: typed text is kept whatever is wrong with it, and nothing is sold by it until it is countersigned.
use super::{
    Sold,
    calculator::{Calculator, Typed},
    href,
    lists::{new_of, title},
    show::{addons, warnings},
};
use crate::{
    app::App,
    auth::{CatalogChange, Csrf, Operator, RequestsAsk, Scope, Submitted},
    catalog::{
        Currency, Kind,
        drafts::{self, Draft},
        prices, store, today,
    },
    documents::tidy,
    error::{self, Error, Problem},
    page::{self, Action, Chunk, Link, Opt, Shell, Visit, When},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

#[derive(Template)]
#[template(path = "catalog/editor.html")]
struct Editor {
    shell: Shell,
    back: Action,
    title: String,
    action: String,
    kind: &'static str,
    code: String,
    /// A product that is there keeps its code.
    code_stands: bool,
    draft: Draft,
    currencies: Vec<Opt>,
    /// Who saved it last, and when.
    saved: Option<(String, When)>,
    errors: Vec<Link>,
    fine: Option<String>,
    warnings: Vec<String>,
    /// Against the newest version that was published.
    changes: Option<Vec<Chunk>>,
    calculator: Option<Calculator>,
    reason: String,
    asks: bool,
}

impl Editor {
    /// What is wrong with a field, said where it is put right.
    fn error(&self, field: &str) -> Option<String> {
        let here = format!("#field-{field}");
        let said: Vec<_> = self.errors.iter().filter(|error| error.href == here).map(|error| error.label.as_str()).collect();
        (!said.is_empty()).then(|| said.join(" "))
    }
}

/// What a form of the editor holds.
struct Form {
    code: String,
    code_stands: bool,
    draft: Draft,
}

pub(super) async fn blank<S: Sold>(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    let draft = Draft { version: 1, currency: Currency::Krw.code().into(), document: template(S::KIND).into(), ..Draft::default() };
    let form = Form { code: String::new(), code_stands: false, draft };
    Drawing { app: &app, visit: &visit, kind: S::KIND, given: None }.page(form, Vec::new(), None).await
}

/// The draft of the next version, or the newest version as a beginning.
pub(super) async fn next<S: Sold>(visit: Visit, State(app): State<App>, Path(code): Path<String>) -> Result<Response, Error> {
    let mut conn = app.db.read().await?;
    let draft = match store::draft(&mut conn, S::KIND, &code).await? {
        Some(draft) => draft,
        None => {
            let name = store::name(&mut conn, S::KIND, &code).await?.ok_or(Error::NotFound)?;
            let versions = store::versions(&mut conn, S::KIND, &code).await?;
            let newest = versions.iter().find(|v| v.withdrawn_at.is_none()).or(versions.first()).ok_or(Error::NotFound)?;
            Draft {
                version: versions[0].version + 1,
                name,
                currency: newest.currency.code().into(),
                document: tidy(&newest.document),
                ..Draft::default()
            }
        }
    };
    drop(conn);
    let form = Form { code, code_stands: true, draft };
    Drawing { app: &app, visit: &visit, kind: S::KIND, given: None }.page(form, Vec::new(), None).await
}

/// Saves, discards, checks or prices what was typed.
pub(super) async fn submit<S: Sold>(
    operator: Operator<CatalogChange>,
    mut visit: Visit,
    State(app): State<App>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    let kind = S::KIND;
    visit.read_at(&format!("/catalog/{}", kind.path()));
    let text = |name: &str| typed.text(name).to_owned();
    let draft = Draft {
        version: text("version").parse().unwrap_or(1),
        name: text("name"),
        currency: Currency::named(&text("currency")).unwrap_or_default().code().into(),
        starts: text("starts"),
        ends: text("ends"),
        document: tidy(typed.text("prices")),
        revision: text("revision").parse().unwrap_or(0),
        ..Draft::default()
    };
    let form = Form { code: text("code"), code_stands: typed.get("stands").is_some(), draft };
    let drawing = Drawing { app: &app, visit: &visit, kind, given: Some(&typed) };
    match typed.get("do") {
        Some("discard") => {
            drafts::discard(&app, &operator, kind, &form.code, form.draft.revision).await?;
            visit.say("success", visit.l.catalog_draft_discarded()).await?;
            Ok(Redirect::to(&format!("/catalog/{}", kind.path())).into_response())
        }
        Some("save") => match drafts::save(&app, &operator, kind, &form.code, &form.draft).await {
            Ok(_) => {
                visit.say("success", visit.l.catalog_draft_saved()).await?;
                Ok(Redirect::to(&format!("{}/next", href(kind, &form.code))).into_response())
            }
            Err(Error::Invalid(problems)) => drawing.page(form, problems, None).await,
            Err(refused @ Error::Refused(_)) => {
                // who has read why and saves again means it
                let mut conn = app.db.read().await?;
                let stored = store::draft(&mut conn, kind, &form.code).await?;
                let draft = Draft {
                    version: drafts::next_version(&mut conn, kind, &form.code).await?,
                    revision: stored.map_or(0, |stored| stored.revision),
                    ..form.draft
                };
                drop(conn);
                drawing.page(Form { draft, ..form }, Vec::new(), Some(refused)).await
            }
            Err(other) => Err(other),
        },
        _ => drawing.page(form, Vec::new(), None).await,
    }
}

struct Drawing<'a> {
    app: &'a App,
    visit: &'a Visit,
    kind: Kind,
    /// What was sent, if something was.
    given: Option<&'a Submitted>,
}

impl Drawing<'_> {
    async fn page(&self, form: Form, problems: Vec<Problem>, refused: Option<Error>) -> Result<Response, Error> {
        let (l, kind) = (self.visit.l, self.kind);
        let done = self.given.and_then(|given| given.get("do")).unwrap_or_default();
        let mut errors: Vec<Link> = problems.iter().map(|p| Link { label: l.say(&p.text), href: format!("#field-{}", p.field) }).collect();
        errors.extend(refused.iter().map(|refused| Link { label: error::sentence(refused, l), href: "#editor-form".into() }));
        let mut status = refused.as_ref().map_or(StatusCode::OK, Error::status);
        let checked = ["check", "price"].contains(&done);
        let read = prices::read_for(kind, &form.draft.document);
        if let (true, Err(faults)) = (checked, &read) {
            errors.extend(faults.iter().map(|fault| Link { label: l.say(&fault.text), href: "#field-prices".into() }));
        }
        if !errors.is_empty() && refused.is_none() {
            status = StatusCode::UNPROCESSABLE_ENTITY;
        }
        let charges = read.unwrap_or_default();
        let currency = Currency::named(&form.draft.currency).unwrap_or_default();
        let mut conn = self.app.db.read().await?;
        let versions = store::versions(&mut conn, kind, &form.code).await?;
        let calculator = match kind {
            Kind::Plan if !charges.is_empty() => {
                let on = form.draft.starts.parse().unwrap_or_else(|_| today());
                let addons = addons(&mut conn, on).await?;
                let plan = form.code_stands.then_some(form.code.as_str());
                let typed = Typed { l, currency, charges: &charges, plan, addons: &addons, on };
                Some(typed.calculate(&mut conn, |name| self.given.and_then(|given| given.get(name)), done == "price").await?)
            }
            _ => None,
        };
        drop(conn);
        let old = versions.iter().find(|v| v.withdrawn_at.is_none()).map(|newest| tidy(&newest.document));
        let page = Editor {
            back: match form.code_stands {
                true => Action { href: href(kind, &form.code), label: form.draft.name.clone() },
                false => Action { href: format!("/catalog/{}", kind.path()), label: title(l, kind) },
            },
            title: if form.code_stands { l.catalog_editor(&form.code, form.draft.version) } else { new_of(l, kind) },
            action: format!("/catalog/{}/draft", kind.path()),
            kind: kind.name(),
            currencies: Currency::ALL.map(|c| Opt { value: c.code().into(), label: c.code().into(), selected: c == currency }).into(),
            saved: (form.draft.revision > 0 && !form.draft.saved_by.is_empty())
                .then(|| (form.draft.saved_by.clone(), When::new(l, form.draft.saved_at))),
            fine: (checked && errors.is_empty()).then(|| l.catalog_prices_fine(charges.len())),
            warnings: warnings(l, &charges),
            changes: old.filter(|old| *old != form.draft.document).map(|old| page::lines(&old, &form.draft.document)),
            reason: self.given.and_then(|given| given.get("reason")).unwrap_or_default().to_owned(),
            asks: self.visit.caller()?.may(RequestsAsk::NAME),
            shell: self.visit.shell(self.app).await?,
            code: form.code,
            code_stands: form.code_stands,
            draft: form.draft,
            errors,
            calculator,
        };
        let mut response = page::html(&page)?;
        *response.status_mut() = status;
        Ok(response)
    }
}

/// What a first price list may look like.
fn template(kind: Kind) -> &'static str {
    match kind {
        Kind::Plan => include_str!("../plan.toml"),
        Kind::Addon => include_str!("../addon.toml"),
    }
}
