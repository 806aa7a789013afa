//! The page itself: the components, and links that dress it in each theme, density and language.
use super::{
    samples,
    upload::{self, LIMIT, LIMIT_TEXT, Seen},
};
use crate::page::list::Asked;
use crate::{
    app::App,
    auth::PortalUse,
    error::Error,
    page::{
        self, Badge, Chart, Chip, Diff, Fact, Field, Meter, Money, RiskTag, Shell, Table, Task, Tile, Upload, Visit, When,
        preferences::CHOICES,
    },
    requests::{
        self,
        view::{Decide, RequestView, Step},
    },
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{DefaultBodyLimit, State},
    handler::Handler,
    response::Response,
};
use chrono::Utc;

pub fn routes(surface: Surface) -> Surface {
    let seen = Seen::default();
    let receive = move |operator, visit, app, headers, form| upload::upload(operator, visit, app, headers, seen.clone(), form);
    surface.show::<PortalUse, _, _>("/style", index).act::<PortalUse, _, _>("/style/upload", receive.layer(DefaultBodyLimit::max(LIMIT)))
}

#[derive(Template)]
#[template(path = "style/index.html")]
struct Index {
    shell: Shell,
    switches: Vec<Switch>,
    colours: Vec<Colours>,
    states: Vec<Badge>,
    risks: Vec<RiskTag>,
    fields: Vec<Field>,
    chips: Vec<Chip>,
    table: Table,
    facts: Vec<Fact>,
    changes: Diff,
    steps: Vec<Step>,
    panels: Vec<Panel>,
    tasks: Vec<Task>,
    tiles: Vec<Tile>,
    charts: Vec<Chart>,
    meters: Vec<Meter>,
    amounts: Vec<Money>,
    uploads: Vec<Upload>,
    now: When,
    limit: &'static str,
}

/// One thing that can be changed about how the page looks.
struct Switch {
    label: String,
    links: Vec<Choice>,
}

struct Choice {
    label: String,
    href: String,
    current: bool,
}

struct Colours {
    label: String,
    names: &'static [&'static str],
}

/// A component that stands for itself, already drawn.
pub(super) struct Panel {
    pub label: String,
    pub html: String,
}

/// The real decision panel, on its own.
#[derive(Template)]
#[template(path = "style/_decision.html")]
struct Decision<'a> {
    shell: &'a Shell,
    request: &'a RequestView,
}

async fn index(mut visit: Visit, State(app): State<App>, look: Asked) -> Result<Response, Error> {
    if !app.demo {
        return Err(Error::NotFound);
    }
    visit.try_on(look.get("lang"), look.get("theme"), look.get("density"));
    let (l, now, shell) = (visit.l, Utc::now(), visit.shell(&app).await?);
    let panels = samples::decisions(l, now)
        .into_iter()
        .map(|(label, request)| {
            let html = Decision { shell: &shell, request: &request }.render().map_err(anyhow::Error::from)?;
            Ok(Panel { label, html })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let mut table =
        Table::plain(&visit.reader(&app)?, l.inbox_title(), &requests::web::columns(), requests::web::BRIEF, &samples::rows(now), |row| {
            let place = requests::web::place(row);
            page::Place { current: row.id % 10 == 2, href: "#table".into(), ..place }
        });
    table.chooses = true;
    page::html(&Index {
        switches: switches(&shell),
        colours: samples::COLOURS
            .iter()
            .map(|(key, names)| Colours { label: l.find(&format!("style-colour-{key}")).unwrap_or_default(), names })
            .collect(),
        states: samples::states(l),
        risks: samples::risks(l),
        fields: samples::fields(l),
        chips: samples::chips(l),
        table,
        facts: vec![Fact::new(l.value_tier(), "Enterprise".into()), Fact::new(l.value_credit(), "12,400,000".into())],
        changes: samples::changes(l),
        steps: samples::steps(l, now),
        panels: samples::apart(panels),
        tasks: samples::tasks(l),
        tiles: samples::tiles(l),
        charts: samples::charts(l),
        meters: samples::meters(l),
        amounts: samples::money(l),
        uploads: samples::uploads(l),
        now: When::new(l, now - chrono::TimeDelta::minutes(12)),
        limit: LIMIT_TEXT,
        shell,
    })
}

/// Links to this page as it would be otherwise; what is not changed stays as it is shown.
fn switches(shell: &Shell) -> Vec<Switch> {
    let l = shell.l;
    let now = [("lang", l.code()), ("theme", shell.theme), ("density", shell.density)];
    let label = |name: &str, value: &str| match name {
        // a language is named in itself
        "lang" => {
            if value == "ko" {
                "한국어".to_owned()
            } else {
                "English".to_owned()
            }
        }
        _ => l.find(&format!("{name}-{value}")).unwrap_or_default(),
    };
    let switch = |name: &'static str, current: &str| {
        let values = CHOICES.iter().find(|(n, _)| *n == name).map_or(&[][..], |(_, values)| values);
        let link = |value: &&'static str| {
            let pairs: Vec<(&str, &str)> = now.iter().map(|(n, v)| (*n, if *n == name { value } else { *v })).collect();
            Choice { label: label(name, value), href: format!("/style{}", page::query(&pairs)), current: *value == current }
        };
        let title = match name {
            "lang" => l.style_language(),
            "theme" => l.theme_label(),
            _ => l.density_label(),
        };
        Switch { label: title, links: values.iter().map(link).collect() }
    };
    now.iter().map(|(name, current)| switch(name, current)).collect()
}
