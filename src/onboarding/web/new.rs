//! The forms that begin an onboarding, amend its draft, and ask for it again.
use super::form::workers;
use crate::{
    app::App,
    auth::{Csrf, OnboardingWork, Operator, Submitted},
    catalog::today,
    error::{self, Error},
    onboarding::{
        Kind, Onboarding, State as Standing,
        begin::{self, NewSold},
        find, parse_id, short_id, tasks, waits,
    },
    page::{self, Field, Fields, Link, Shell, Visit},
    subscriptions,
    tenants::{NewTenant, REGIONS, ZONES},
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use sqlx::PgConnection;

#[derive(Template)]
#[template(path = "onboarding/new.html")]
struct New {
    shell: Shell,
    title: String,
    lead: String,
    back: Link,
    action: String,
    conflict: Option<String>,
    errors: Vec<Link>,
    groups: Vec<Group>,
    /// The steps of the revision before: what is carried over, unless the reader wants it anew.
    steps: Vec<Carried>,
    send: String,
    draft: bool,
}

/// Fields that belong together.
struct Group {
    title: String,
    fields: Vec<Field>,
}

struct Carried {
    kind: &'static str,
    title: String,
    /// It is done, and can be carried over.
    done: bool,
    chosen: bool,
}

/// Which form it is.
enum Form<'a> {
    Begin,
    Amend(&'a Onboarding),
    Again(&'a Onboarding),
}

const PREFIX: &str = "new-";

async fn draw(visit: &Visit, app: &App, form: Form<'_>, typed: &Submitted, error: Option<Error>) -> Result<Response, Error> {
    let l = visit.l;
    let status = error.as_ref().map_or(StatusCode::OK, Error::status);
    let (problems, conflict) = match error {
        None => (Vec::new(), None),
        Some(Error::Invalid(problems)) => (problems, None),
        Some(known @ (Error::Refused(_) | Error::NotPermitted(_))) => (Vec::new(), Some(error::sentence(&known, l))),
        Some(other) => return Err(other),
    };
    let fields = Fields { l, prefix: PREFIX, typed, problems: &problems };
    let mut conn = app.db.read().await?;
    let parent = match &form {
        Form::Begin => None,
        Form::Amend(o) | Form::Again(o) => Some(*o),
    };
    let mut groups = if parent.is_none() { tenant_groups(&fields) } else { Vec::new() };
    groups.extend(sold_groups(&fields, parent, &mut conn, visit.caller()?.id, !matches!(form, Form::Again(_))).await?);
    let steps = match &form {
        Form::Again(o) => tasks(&mut conn, o.id)
            .await?
            .into_iter()
            .map(|t| Carried {
                kind: t.kind.name(),
                title: waits::step(l, t.kind.name()),
                done: t.state.is_done(),
                chosen: !t.state.is_done() || typed.0.iter().any(|(n, v)| n == "redo" && v == t.kind.name()),
            })
            .collect(),
        _ => Vec::new(),
    };
    drop(conn);
    let at = parent.map(Onboarding::short_id);
    let (title, lead, action, send) = match &form {
        Form::Begin => (l.onboarding_new(), l.onboarding_lead(), "/onboarding/new".to_owned(), l.onboarding_start()),
        Form::Amend(o) => {
            (l.onboarding_amend(), o.company.clone(), format!("/onboarding/{}/edit", o.short_id()), l.onboarding_save_draft())
        }
        Form::Again(o) => {
            (l.onboarding_again(), l.onboarding_again_lead(), format!("/onboarding/{}/again", o.short_id()), l.onboarding_again())
        }
    };
    let errors = fields.links();
    let mut response = page::html(&New {
        back: match at {
            Some(id) => Link { href: format!("/onboarding/{id}"), label: id },
            None => Link { href: "/onboarding".into(), label: l.onboarding_title() },
        },
        draft: !matches!(form, Form::Amend(_)),
        shell: visit.shell(app).await?,
        title,
        lead,
        action,
        conflict,
        errors,
        groups,
        steps,
        send,
    })?;
    *response.status_mut() = status;
    Ok(response)
}

fn tenant_groups(f: &Fields<'_>) -> Vec<Group> {
    let l = f.l;
    let regions = REGIONS.map(|r| (r.to_owned(), super::called(l, "region", r))).to_vec();
    let zones = ZONES.map(|z| (z.to_owned(), z.to_owned())).to_vec();
    vec![
        Group {
            title: l.onboarding_group_company(),
            fields: vec![
                f.text("biz_reg_no", l.company_biz_reg_no(), l.onboarding_number_hint(), ""),
                f.text("company", l.company_name(), l.onboarding_company_hint(), ""),
            ],
        },
        Group {
            title: l.onboarding_group_tenant(),
            fields: vec![
                f.text("slug", l.tenant_slug(), l.onboarding_slug_hint(), ""),
                f.choice("region", l.tenant_region(), l.onboarding_region_hint(), regions, REGIONS[0]),
                f.choice("time_zone", l.tenant_time_zone(), l.onboarding_zone_hint(), zones, ZONES[0]),
            ],
        },
    ]
}

async fn sold_groups(
    f: &Fields<'_>,
    was: Option<&Onboarding>,
    conn: &mut PgConnection,
    reader: uuid::Uuid,
    owned: bool,
) -> Result<Vec<Group>, Error> {
    let l = f.l;
    let old = |of: fn(&Onboarding) -> String| was.map(of).unwrap_or_default();
    let mut who = vec![
        f.text("contact_name", l.onboarding_contact(), l.onboarding_contact_name_hint(), &old(|o| o.contact_name.exposed().to_owned())),
        f.text(
            "contact_email",
            l.onboarding_contact_email(),
            l.onboarding_contact_email_hint(),
            &old(|o| o.contact_email.exposed().to_owned()),
        ),
    ];
    if owned {
        let owner = was.map_or(reader, |o| o.owner_id).to_string();
        who.push(f.choice("owner", l.onboarding_owner(), l.onboarding_owner_hint(), workers(conn).await?, &owner));
    }
    // what was typed or sold before stays chosen, though it may not be on the shelf any more: it is said at the field
    let known = [f.typed.text("plan").to_owned(), old(|o| o.plan_code.clone())];
    let mut plans = vec![(String::new(), l.subscription_choose_plan())];
    plans.extend(subscriptions::sold(conn, today()).await?.into_iter().map(|(code, name, version)| (code, format!("{name} v{version}"))));
    for code in known {
        if !code.is_empty() && plans.iter().all(|(sold, _)| *sold != code) {
            plans.push((code.clone(), code));
        }
    }
    who.push(f.text("note", l.onboarding_note(), l.onboarding_note_hint(), &old(|o| o.note.clone())).optional());
    Ok(vec![
        Group {
            title: l.onboarding_group_sold(),
            fields: vec![
                f.choice("plan", l.onboarding_plan(), l.onboarding_plan_hint(), plans, &old(|o| o.plan_code.clone())),
                f.text("ai_services", l.onboarding_services(), l.onboarding_services_hint(), &old(|o| o.ai_services.join(", "))).optional(),
                f.text("contract_number", l.onboarding_contract(), l.onboarding_contract_hint(), &old(|o| o.contract_number.clone())),
                f.text("expected_amount", l.onboarding_amount(), l.onboarding_amount_hint(), &old(|o| o.expected_amount.to_string()))
                    .kind("integer"),
            ],
        },
        Group { title: l.onboarding_group_contact(), fields: who },
    ])
}

fn sold(typed: &Submitted) -> NewSold {
    let text = |name| typed.text(name).to_owned();
    NewSold {
        plan: text("plan"),
        ai_services: text("ai_services"),
        contract_number: text("contract_number"),
        expected_amount: text("expected_amount"),
        contact_name: text("contact_name"),
        contact_email: text("contact_email"),
        note: text("note"),
    }
}

/// An id that cannot be read is nobody's.
fn owner(typed: &Submitted) -> Option<uuid::Uuid> {
    typed.some("owner").map(|id| id.parse().unwrap_or_default())
}

fn is_draft(typed: &Submitted) -> bool {
    typed.get("as") == Some("draft")
}

fn to(id: i64) -> Response {
    Redirect::to(&format!("/onboarding/{}", short_id(id))).into_response()
}

pub(super) async fn form(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    draw(&visit, &app, Form::Begin, &Submitted::default(), None).await
}

pub(super) async fn begin(
    operator: Operator<OnboardingWork>,
    visit: Visit,
    State(app): State<App>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    let text = |name| typed.text(name).to_owned();
    let tenant = NewTenant {
        biz_reg_no: text("biz_reg_no"),
        company: text("company"),
        slug: text("slug"),
        region: text("region"),
        time_zone: text("time_zone"),
    };
    match begin::begin(&app, &operator, &tenant, &sold(&typed), owner(&typed), is_draft(&typed)).await {
        Ok(id) => {
            let name = short_id(id);
            visit
                .say("success", if is_draft(&typed) { visit.l.onboarding_drafted_now(name) } else { visit.l.onboarding_opened_now(name) })
                .await?;
            Ok(to(id))
        }
        Err(error) => draw(&visit, &app, Form::Begin, &typed, Some(error)).await,
    }
}

/// One that can be changed in this way; anything else leads back to its page.
async fn of(app: &App, id: &str, fits: impl Fn(Standing) -> bool) -> Result<Result<Onboarding, Response>, Error> {
    let mut conn = app.db.read().await?;
    let onboarding = find(&mut conn, parse_id(id)?).await?.ok_or(Error::NotFound)?;
    Ok(if fits(onboarding.state) { Ok(onboarding) } else { Err(to(onboarding.id)) })
}

pub(super) async fn edit(visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    match of(&app, &id, |s| s == Standing::Draft).await? {
        Ok(draft) => draw(&visit, &app, Form::Amend(&draft), &Submitted::default(), None).await,
        Err(elsewhere) => Ok(elsewhere),
    }
}

pub(super) async fn amend(
    operator: Operator<OnboardingWork>,
    visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    let Ok(draft) = of(&app, &id, |_| true).await? else { return Err(Error::NotFound) };
    match begin::amend(&app, &operator, draft.id, &sold(&typed), owner(&typed)).await {
        Ok(()) => {
            visit.say("success", visit.l.onboarding_amended_now()).await?;
            Ok(to(draft.id))
        }
        Err(error) => draw(&visit, &app, Form::Amend(&draft), &typed, Some(error)).await,
    }
}

pub(super) async fn again(visit: Visit, State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    match of(&app, &id, Standing::may_be_repeated).await? {
        Ok(parent) => draw(&visit, &app, Form::Again(&parent), &Submitted::default(), None).await,
        Err(elsewhere) => Ok(elsewhere),
    }
}

pub(super) async fn ask_again(
    operator: Operator<OnboardingWork>,
    visit: Visit,
    State(app): State<App>,
    Path(id): Path<String>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    let Ok(parent) = of(&app, &id, |_| true).await? else { return Err(Error::NotFound) };
    let redo: Vec<Kind> = typed.0.iter().filter(|(n, _)| n == "redo").filter_map(|(_, v)| Kind::named(v)).collect();
    match begin::again(&app, &operator, parent.id, &sold(&typed), &redo, is_draft(&typed)).await {
        Ok(id) => {
            visit.say("success", visit.l.onboarding_again_now(short_id(id))).await?;
            Ok(to(id))
        }
        Err(error) => draw(&visit, &app, Form::Again(&parent), &typed, Some(error)).await,
    }
}
