//! The pages of help: all topics, and one.
use super::{TOPICS, Topic};
use crate::{
    app::App,
    auth::PortalUse,
    error::Error,
    i18n::Lang,
    page::{self, Shell, Visit},
    surface::Surface,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};

pub fn routes(surface: Surface) -> Surface {
    surface.show::<PortalUse, _, _>("/help", index).show::<PortalUse, _, _>("/help/{topic}", show)
}

/// A topic in lists.
struct Entry {
    href: String,
    title: &'static str,
    lead: &'static str,
    current: bool,
}

fn entries(l: Lang, current: &str) -> Vec<Entry> {
    let entry = |topic: &'static Topic| {
        let article = topic.article(l);
        Entry { href: topic.href(), title: article.title, lead: article.lead, current: topic.name == current }
    };
    TOPICS.iter().map(entry).collect()
}

#[derive(Template)]
#[template(path = "help/index.html")]
struct Index {
    shell: Shell,
    topics: Vec<Entry>,
}

async fn index(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    page::html(&Index { shell: visit.shell(&app).await?, topics: entries(visit.l, "") })
}

#[derive(Template)]
#[template(path = "help/show.html")]
struct Show {
    shell: Shell,
    topics: Vec<Entry>,
    title: &'static str,
    html: &'static str,
}

async fn show(visit: Visit, State(app): State<App>, Path(name): Path<String>) -> Result<Response, Error> {
    let topic = Topic::named(&name).ok_or(Error::NotFound)?;
    let article = topic.article(visit.l);
    page::html(&Show { shell: visit.shell(&app).await?, topics: entries(visit.l, topic.name), title: article.title, html: article.html })
}
