//! Signing in and out, language and theme, and the page that says who may do what.
use super::{
    AccessRead, Csrf, IdentitySync, MATRIX, PortalUse, Role, Service, Submitted, limits, oidc, operators, passwords, sessions, store,
};
use crate::{
    app::App,
    db::Actor,
    demo,
    error::{self, Error},
    i18n::msg,
    ledger::{Entry, Outcome},
    page::{
        self, Shell, Visit,
        preferences::{CHOICES, allowed},
        safe_next,
    },
    personal::{ClientAddress, Email},
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{ConnectInfo, Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;
use uuid::Uuid;

const PENDING: &str = "oidc";

pub fn routes(surface: Surface) -> Surface {
    surface
        .public_show("/login", login)
        .public_act("/login", sign_in)
        .public_show("/auth/start", start)
        .public_show("/auth/callback", callback)
        .act::<PortalUse, _, _>("/logout", logout)
        .public_act("/preferences", preferences)
        .act::<PortalUse, _, _>("/session/extend", extend)
        .show::<AccessRead, _, _>("/access", matrix)
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    shell: Shell,
    next: String,
    email: Email,
    error: Option<String>,
    sso: Option<String>,
    demo: Vec<DemoSignIn>,
    demo_password: Option<&'static str>,
}

struct DemoSignIn {
    email: &'static str,
    roles: String,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
    /// Somebody who is signed in shows once more who they are.
    #[serde(default)]
    again: String,
}

async fn login(visit: Visit, State(app): State<App>, Query(Next { next, again }): Query<Next>) -> Result<Response, Error> {
    if again != "1"
        && let Some(id) = sessions::operator_of(&visit.session).await?
    {
        let mut conn = app.db.read().await?;
        if store::operator(&mut conn, id).await?.is_some() {
            return Ok(Redirect::to(safe_next(&next)).into_response());
        }
        visit.session.flush().await?;
    }
    whole_login_page(&app, &visit, &next, Email::default(), None, &again).await
}

async fn login_page(app: &App, visit: &Visit, next: &str, email: Email, problem: Option<&Error>) -> Result<Response, Error> {
    whole_login_page(app, visit, next, email, problem, "").await
}

/// `again` is not empty if somebody who is signed in shows once more who they are.
async fn whole_login_page(
    app: &App,
    visit: &Visit,
    next: &str,
    email: Email,
    problem: Option<&Error>,
    again: &str,
) -> Result<Response, Error> {
    let next = safe_next(next);
    let demo = if app.demo {
        demo::PEOPLE
            .iter()
            .map(|p| DemoSignIn { email: p.email, roles: p.roles.iter().map(|r| r.name()).collect::<Vec<_>>().join(", ") })
            .collect()
    } else {
        Vec::new()
    };
    let page = Login {
        shell: visit.shell(app).await?,
        next: next.to_owned(),
        email,
        error: problem.map(|e| error::sentence(e, visit.l)),
        sso: app.provider.is_some().then(|| format!("/auth/start{}", page::query(&[("next", next), ("again", again)]))),
        demo,
        demo_password: app.demo.then_some(demo::PASSWORD),
    };
    let mut response = page::html(&page)?;
    if let Some(problem) = problem {
        *response.status_mut() = match problem {
            // the form is shown again; 409 and the like would say something about the account
            Error::Refused(_) => StatusCode::UNAUTHORIZED,
            other => other.status(),
        };
        if let Error::TooMany { retry_after } = problem {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
        }
    }
    Ok(response)
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    email: Email,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// Break-glass sign-in. Unknown account, disabled account and wrong password get one answer in one time.
async fn sign_in(
    visit: Visit,
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    form: Result<Csrf<Credentials>, Error>,
) -> Result<Response, Error> {
    let form = match form {
        Ok(Csrf(form)) => form,
        // the page was open for longer than its session lives: a new one, with a word of why
        Err(Error::Forged) => return login_page(&app, &visit, "/", Email::default(), Some(&Error::Forged)).await,
        Err(other) => return Err(other),
    };
    let from = ClientAddress::from(from.ip());
    let account = limits::account(&form.email);
    let result = match limits::admit(&app.db, &account, &from).await {
        Ok(()) => check_password(&app, &form).await,
        Err(error) => Err(error),
    };
    let opened = match result {
        Ok((id, hash)) => welcome(&app, &visit, id, "password", Some(&hash)).await,
        Err(error) => Err(error),
    };
    match opened {
        Ok(()) => {
            app.db.forgive_login(&account, &from).await?;
            Ok(Redirect::to(&start_page(&app, &visit, &form.next).await?).into_response())
        }
        Err(error @ (Error::Refused(_) | Error::TooMany { .. })) => {
            // one that came too soon was not looked at: nothing to write down, or strangers could fill the ledger
            if matches!(error, Error::Refused(_)) {
                let who = json!({"account_sha256": crate::requests::hex(&account), "address": from.exposed()});
                let entry = Entry::of("session.refused")
                    .outcome(Outcome::Denied)
                    .with("how", "password")
                    .with("why", error.code())
                    .detail("who", who);
                app.db.record(Actor::from(Service::Identity.operator::<IdentitySync>().caller()), entry).await?;
            }
            login_page(&app, &visit, &form.next, form.email, Some(&error)).await
        }
        Err(other) => Err(other),
    }
}

/// The account and the stored hash that the password fitted.
async fn check_password(app: &App, form: &Credentials) -> Result<(Uuid, String), Error> {
    let owner = {
        let mut conn = app.db.read().await?;
        store::password_owner(&mut conn, &form.email).await?
    };
    let (id, stored) = owner.map_or((None, None), |o| (Some(o.id), o.password_hash));
    let fits = passwords::verify(form.password.clone(), stored.clone()).await?;
    id.zip(stored).filter(|_| fits).ok_or(Error::Refused(msg::login_failed()))
}

/// A new session, and its entry. The session is stored first and the account looked at again after it: whoever disables
/// the account or changes the password meanwhile either ends this session or is seen here.
async fn welcome(app: &App, visit: &Visit, id: Uuid, how: &str, password_hash: Option<&str>) -> Result<(), Error> {
    sessions::sign_in(&visit.session, id).await?;
    let mut change = app.db.begin(&Service::Identity.operator::<IdentitySync>()).await?;
    if !store::still_opens(&mut change, id, password_hash).await? {
        visit.session.flush().await?;
        return Err(Error::Refused(msg::login_failed()));
    }
    change.commit(Entry::of("session.opened").on("operator", &id.to_string()).with("how", how)).await?;
    Ok(())
}

/// Where somebody begins who did not ask for a page: with what their role is for.
async fn start_page(app: &App, visit: &Visit, next: &str) -> Result<String, Error> {
    let next = safe_next(next);
    if next != "/" {
        return Ok(next.to_owned());
    }
    let id = sessions::operator_of(&visit.session).await?.ok_or(Error::SignedOut)?;
    let mut conn = app.db.read().await?;
    let roles = store::operator(&mut conn, id).await?.map(|o| o.roles).unwrap_or_default();
    Ok(match roles.as_slice() {
        [Role::Auditor] => "/ledger",
        roles if roles.contains(&Role::Approver) => "/inbox",
        _ => "/",
    }
    .to_owned())
}

async fn start(visit: Visit, State(app): State<App>, Query(Next { next, again }): Query<Next>) -> Result<Response, Error> {
    let provider = app.provider.as_ref().ok_or(Error::NotFound)?;
    match provider.depart(safe_next(&next).to_owned(), again == "1").await {
        Ok((url, pending)) => {
            visit.session.insert(PENDING, pending).await?;
            Ok(Redirect::to(url.as_str()).into_response())
        }
        Err(problem @ Error::Refused(_)) => login_page(&app, &visit, &next, Email::default(), Some(&problem)).await,
        Err(other) => Err(other),
    }
}

async fn callback(visit: Visit, State(app): State<App>, Query(answer): Query<oidc::Callback>) -> Result<Response, Error> {
    let provider = app.provider.as_ref().ok_or(Error::NotFound)?;
    // taken, so that an answer counts once
    let pending: Option<oidc::Pending> = visit.session.remove(PENDING).await?;
    let Some(pending) = pending else {
        return login_page(&app, &visit, "/", Email::default(), Some(&Error::Refused(msg::login_sso_lost()))).await;
    };
    let next = pending.next.clone();
    let arrived = match provider.arrive(pending, answer).await {
        Ok(person) => {
            let account = operators::Account {
                issuer: provider.issuer(),
                subject: &person.subject,
                email: &person.email,
                email_verified: person.email_verified,
                name: &person.name,
                roles: person.roles,
            };
            operators::sync(&app.db, &Service::Identity.operator(), account).await
        }
        Err(error) => Err(error),
    };
    match arrived {
        Ok(id) => {
            welcome(&app, &visit, id, "oidc", None).await?;
            Ok(Redirect::to(&start_page(&app, &visit, &next).await?).into_response())
        }
        Err(problem @ Error::Refused(_)) => {
            let entry = Entry::of("session.refused").outcome(Outcome::Denied).with("how", "oidc").with("why", problem.code());
            app.db.record(Actor::from(Service::Identity.operator::<IdentitySync>().caller()), entry).await?;
            login_page(&app, &visit, &next, Email::default(), Some(&problem)).await
        }
        Err(other) => Err(other),
    }
}

/// Ends the session in the database, not only in the browser.
async fn logout(operator: super::Operator<PortalUse>, visit: Visit, State(app): State<App>, _: Csrf<Submitted>) -> Result<Redirect, Error> {
    app.db.record(operator.caller().into(), Entry::of("session.closed").on("operator", &operator.id().to_string())).await?;
    visit.session.flush().await?;
    Ok(Redirect::to("/login"))
}

/// Preferences are kept in cookies: they work before signing in.
async fn preferences(State(app): State<App>, Csrf(form): Csrf<Submitted>) -> Result<Response, Error> {
    let back = form.text("back");
    let mut response = Redirect::to(if back.starts_with("/login") { "/login" } else { safe_next(back) }).into_response();
    let secure = if app.public_url.scheme() == "https" { "; Secure" } else { "" };
    for (name, _) in CHOICES {
        if let Some(value) = form.get(name).and_then(|value| allowed(name, value)) {
            let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax{secure}");
            response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_str(&cookie).map_err(anyhow::Error::from)?);
        }
    }
    Ok(response)
}

/// The visit itself has made the session younger; this says until when it lasts now.
async fn extend(_: super::Operator<PortalUse>, visit: Visit, State(app): State<App>, _: Csrf<Submitted>) -> Result<Response, Error> {
    let end = sessions::end(&app.db, &visit.session).await?.ok_or(Error::SignedOut)?;
    Ok(axum::Json(json!({"end": end.at, "extends": end.extends})).into_response())
}

#[derive(Template)]
#[template(path = "access/matrix.html")]
struct Matrix {
    shell: Shell,
    roles: Vec<String>,
    rows: Vec<ScopeRow>,
}

struct ScopeRow {
    scope: &'static str,
    description: String,
    cells: Vec<bool>,
}

async fn matrix(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    let rows = MATRIX
        .iter()
        .filter(|(_, roles)| roles.iter().any(|r| *r != Role::Service))
        .map(|(scope, roles)| ScopeRow {
            scope,
            description: visit.l.find(&format!("scope-{}", scope.replace(':', "-"))).unwrap_or_default(),
            cells: Role::PEOPLE.iter().map(|role| roles.contains(role)).collect(),
        })
        .collect();
    let roles = Role::PEOPLE.iter().map(|r| r.name().to_owned()).collect();
    page::html(&Matrix { shell: visit.shell(&app).await?, roles, rows })
}
