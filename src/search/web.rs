//! The page that finds. The palette is this page's results, shown over another page.
use crate::{
    app::App,
    auth::PortalUse,
    error::Error,
    page::{self, Found, Shell, Visit, list::Asked},
    surface::Surface,
};
use askama::Template;
use axum::{extract::State, response::Response};

/// Longer texts are nobody's name; what is over is cut off.
const MOST_CHARACTERS: usize = 100;

pub fn routes(surface: Surface) -> Surface {
    surface.show::<PortalUse, _, _>("/search", index)
}

#[derive(Template)]
#[template(path = "search/index.html")]
struct Index {
    shell: Shell,
    q: String,
    groups: Vec<Group>,
    count: usize,
}

struct Group {
    label: String,
    found: Vec<Found>,
}

async fn index(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let r = visit.reader(&app)?;
    let q: String = asked.get("q").chars().take(MOST_CHARACTERS).collect();
    let mut groups: Vec<Group> = Vec::new();
    let mut conn = app.db.read().await?;
    for find in app.finders {
        for found in find(&r, &mut conn, q.trim()).await? {
            match groups.last_mut().filter(|group| group.label == found.group) {
                Some(group) => group.found.push(found),
                None => groups.push(Group { label: found.group.clone(), found: vec![found] }),
            }
        }
    }
    drop(conn);
    let count = groups.iter().map(|group| group.found.len()).sum();
    page::html(&Index { shell: visit.shell(&app).await?, q, groups, count })
}
