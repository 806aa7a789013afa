//! Asking for another number of an add-on: which tenant, of what, how many and from when; then what its invoice would say, and only then the
//! request. Whatever is refused stands beside its field, with what was typed.
use super::super::{
    bill::{Basis, When},
    change::{ChangeAddon, read_usage, written},
    store,
};
use crate::{
    app::App,
    auth::{AddonsChange, Csrf, Operator, RequestsAsk, Scope, Submitted},
    catalog::{pricing::Usage, today, words},
    error::{Error, Problem},
    i18n::msg,
    operations::{Operation, form as schema},
    page::{self, Diff, Field, Fields, Link, Shell, Visit},
    requests::{
        short_id,
        submit::{self, Ask, Prospect},
    },
    tenants::{self, Lookup},
};
use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::{Map, json};
use uuid::Uuid;

#[derive(Template)]
#[template(path = "addons/new.html")]
struct New {
    shell: Shell,
    /// Before there is one.
    lookup: Option<Lookup>,
    /// Who it is for, as people call it.
    chosen: String,
    key: String,
    fields: Vec<Field>,
    reason: String,
    errors: Vec<Link>,
    shown: Option<Shown>,
    /// It has changed since it was shown.
    moved: bool,
}

/// What would come of it.
struct Shown {
    target: String,
    diff: Diff,
    seen: String,
}

/// How many tenants a search shows.
const FOUND: i64 = 20;

pub(super) async fn form(
    operator: Operator<RequestsAsk>,
    visit: Visit,
    State(app): State<App>,
    Query(typed): Query<Submitted>,
) -> Result<Response, Error> {
    submit::permitted(&app, &operator, ChangeAddon::NAME).await?;
    draw(&app, &visit, &typed, &[], None, StatusCode::OK).await
}

pub(super) async fn submit(
    operator: Operator<RequestsAsk>,
    mut visit: Visit,
    State(app): State<App>,
    Csrf(typed): Csrf<Submitted>,
) -> Result<Response, Error> {
    submit::permitted(&app, &operator, ChangeAddon::NAME).await?;
    visit.read_at("/addons/new");
    let ask = match ask_of(&app, &typed).await {
        Ok(ask) => ask,
        Err(Error::Invalid(problems)) => return draw(&app, &visit, &typed, &problems, None, StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(other) => return Err(other),
    };
    let seen = typed.text("seen");
    let asked = match submit::preview(&app, &operator, &ask).await {
        Ok(prospect) if typed.get("do") == Some("ask") && prospect.preview.after["invoice"] == seen => {
            submit::submit(&app, &operator, ask).await.map(|submitted| submitted.id)
        }
        Ok(prospect) => {
            let moved = !seen.is_empty() && prospect.preview.after["invoice"] != seen && typed.get("do") == Some("ask");
            let status = if moved { StatusCode::CONFLICT } else { StatusCode::OK };
            return draw(&app, &visit, &typed, &[], Some((prospect, moved)), status).await;
        }
        // the request that this very form made is there already
        Err(Error::Invalid(problems)) => match submit::submit(&app, &operator, ask).await {
            Ok(submitted) if submitted.replayed => Ok(submitted.id),
            _ => Err(Error::Invalid(problems)),
        },
        Err(other) => Err(other),
    };
    match asked {
        Ok(id) => {
            visit.say("success", visit.l.request_submitted_now(short_id(id))).await?;
            Ok(Redirect::to(&format!("/requests/{}", short_id(id))).into_response())
        }
        Err(Error::Invalid(problems)) => draw(&app, &visit, &typed, &problems, None, StatusCode::UNPROCESSABLE_ENTITY).await,
        Err(other) => Err(other),
    }
}

/// What was typed as what is asked for.
async fn ask_of(app: &App, typed: &Submitted) -> Result<Ask, Error> {
    let text = |name: &str| typed.text(name).to_owned();
    let mut usage = Usage::new();
    for (name, value) in typed.0.iter().filter(|(_, value)| !value.trim().is_empty()) {
        let Some(metric) = name.strip_prefix("use-") else { continue };
        let used = schema::number(value.trim()).and_then(|n| u64::try_from(n).ok());
        let Some(used) = used else { return Err(Error::Invalid(vec![Problem::new(name, msg::estimate_not_a_number(metric))])) };
        usage.insert(metric.to_owned(), used);
    }
    // the same rules as where it is typed as one text
    let usage = read_usage(&written(&usage)).map_err(|text| Error::Invalid(vec![Problem::new("estimate", text)]))?;
    let tenant = text("tenant");
    let known = tenants::named(&mut *app.db.read().await?, &tenant).await?;
    let mut fields = Map::from_iter([("tenant_id".to_owned(), json!(known.map_or(tenant, |known| known.id)))]);
    for name in ["addon", "from"] {
        if !text(name).is_empty() {
            fields.insert(name.to_owned(), json!(text(name)));
        }
    }
    if !text("quantity").is_empty() {
        fields.insert("quantity".to_owned(), schema::number(&text("quantity")).map_or_else(|| json!(text("quantity")), |n| json!(n)));
    }
    if !usage.is_empty() {
        fields.insert("estimate".to_owned(), json!(written(&usage)));
    }
    Ok(Ask {
        operation: ChangeAddon::NAME.to_owned(),
        fields,
        reason: text("reason"),
        not_before: None,
        break_glass: None,
        again_from: None,
        idempotency_key: Some(text("key").parse::<Uuid>().unwrap_or_else(|_| Uuid::now_v7()).to_string()),
    })
}

async fn draw(
    app: &App,
    visit: &Visit,
    typed: &Submitted,
    problems: &[Problem],
    prospect: Option<(Prospect, bool)>,
    status: StatusCode,
) -> Result<Response, Error> {
    let l = visit.l;
    let (tenant, q) = (typed.text("tenant"), typed.text("q"));
    let mut conn = app.db.read().await?;
    let basis = match tenants::named(&mut conn, tenant).await? {
        Some(known) => Basis::read(&mut conn, &known.id, When::Day(today())).await.ok(),
        None => None,
    };
    let lookup = match tenant.is_empty() {
        true => Some(Lookup::new("/addons/new", "", q, store::candidates(&mut conn, q, today(), FOUND).await?, l.addon_find_none())),
        false => None,
    };
    let f = Fields { l, prefix: "addon-", typed, problems };
    let mut addons = vec![(String::new(), l.addon_choose())];
    addons.extend(store::sold(&mut conn, today()).await?.into_iter().map(|(code, name)| (code.clone(), format!("{name} · {code}"))));
    drop(conn);
    let mut fields = vec![
        Field { error: f.error("tenant_id"), ..f.text("tenant", l.addon_tenant(), l.addon_tenant_hint(), "") },
        f.choice("addon", l.addon_addon(), l.addon_addon_hint(), addons, ""),
        f.of("quantity", "integer", l.addon_quantity(), l.addon_quantity_hint(), ""),
        f.of("from", "date", l.addon_from(), l.addon_from_hint(), ""),
    ];
    for metric in basis.iter().flat_map(|basis| basis.metrics()) {
        let field = f.of(&format!("use-{metric}"), "integer", l.addon_estimate_of(words::metric(l, metric)), l.addon_estimate_hint(), "");
        fields.push(Field { error: field.error.clone().or_else(|| f.error("estimate")), ..field.optional() });
    }
    let anchor = |field: &str| if field == "reason" { "#reason".to_owned() } else { format!("#addon-{}", field.trim_end_matches("_id")) };
    let errors = problems.iter().map(|p| Link { label: l.say(&p.text), href: anchor(&p.field) }).collect();
    let definition = app.registry.find(ChangeAddon::NAME);
    let (shown, moved) = match prospect {
        None => (None, false),
        Some((prospect, moved)) => {
            let (before, after) = (json!(prospect.preview.before), json!(prospect.preview.after));
            let diff = Diff::new(l, &before, &after, |key| definition.map_or_else(|| key.to_owned(), |d| d.label(l, key)));
            let seen = after["invoice"].as_str().unwrap_or_default().to_owned();
            (Some(Shown { target: prospect.preview.target.label, diff, seen }), moved)
        }
    };
    let page = New {
        shell: visit.shell(app).await?,
        lookup,
        chosen: basis
            .map(|b| format!("{} · {} · {} v{}", b.tenant.company, b.tenant.slug, b.subscription.plan, b.subscription.version))
            .unwrap_or_default(),
        key: typed.text("key").parse::<Uuid>().unwrap_or_else(|_| Uuid::now_v7()).to_string(),
        fields,
        reason: typed.text("reason").to_owned(),
        errors,
        shown,
        moved,
    };
    let mut response = page::html(&page)?;
    *response.status_mut() = status;
    Ok(response)
}

/// Who may ask, for the pages that lead here.
pub(super) fn may(caller: &crate::auth::Caller) -> bool {
    caller.may(AddonsChange::NAME) && caller.may(RequestsAsk::NAME)
}
