//! The board of what is under way, step by step, and the lists behind its tabs.
use super::list::{Onboardings, owners, wanted};
use crate::{
    app::App,
    auth::{OnboardingWork, Scope},
    error::Error,
    i18n::Lang,
    onboarding::{Kind, Listed, kpi::Success, lists, short_id, waits},
    page::{
        self, Shell, Visit, When, capped, export as files,
        list::{self, Asked, Filter, List},
        query,
    },
};
use askama::Template;
use axum::{extract::State, response::Response};

/// Cards of one column; the rest is a list.
const CARDS: i64 = 12;

#[derive(Template)]
#[template(path = "onboarding/board.html")]
struct Board {
    shell: Shell,
    tabs: Vec<Tab>,
    works: bool,
    success: Option<String>,
    success_of: String,
    owner: Filter,
    columns: Vec<Lane>,
}

#[derive(Template)]
#[template(path = "onboarding/list.html")]
struct Index {
    shell: Shell,
    tabs: Vec<Tab>,
    works: bool,
    list: List,
}

struct Tab {
    label: String,
    href: String,
    count: Option<String>,
    current: bool,
}

/// One step of the board with what is there.
struct Lane {
    key: &'static str,
    title: String,
    cards: Vec<Card>,
    /// Where the rest is, if there is more.
    more: Option<String>,
}

struct Card {
    href: String,
    id: String,
    company: String,
    slug: String,
    owner: String,
    /// Whom it waits for outside of this house.
    waits: Option<String>,
    state: String,
    due: Option<When>,
    late: bool,
    done: String,
}

pub(super) async fn index(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let (l, r) = (visit.l, visit.reader(&app)?);
    let works = visit.caller()?.may(OnboardingWork::NAME);
    let mut conn = app.db.read().await?;
    let (counts, late) = (lists::counts(&mut conn).await?, lists::late(&mut conn).await?);
    let is_list = asked.get("view") == "list" || ["state", "step", "late", "q", "after", "before"].iter().any(|n| !asked.get(n).is_empty());
    let mut tabs = vec![Tab { label: l.onboarding_view_board(), href: "/onboarding".into(), count: None, current: !is_list }];
    for state in ["open", "draft", "approved", "rejected", "expired", "withdrawn"] {
        let count = counts.iter().find(|count| count.state.name() == state).map_or(0, |count| count.all);
        tabs.push(Tab {
            label: super::called(l, "onboarding", state),
            href: format!("/onboarding{}", query(&[("view", "list"), ("state", state)])),
            count: (count > 0).then(|| capped(count)),
            current: is_list && asked.get("state") == state,
        });
    }
    tabs.push(Tab {
        label: l.onboarding_view_late(),
        href: format!("/onboarding{}", query(&[("view", "list"), ("late", "yes")])),
        count: (late > 0).then(|| capped(late)),
        current: is_list && asked.get("late") == "yes" && asked.get("state").is_empty(),
    });
    if is_list {
        let mut asked = asked;
        asked.set("view", "list");
        let list = list::page::<Onboardings>(&r, &mut conn, &asked, l.onboarding_none()).await?;
        drop(conn);
        return page::html(&Index { shell: visit.shell(&app).await?, tabs, works, list });
    }
    let success = Success::of(&counts);
    let owner = owners(&r, &mut conn, &asked).await?;
    let rows = lists::board(&mut conn, wanted(&asked).owner, CARDS + 1).await?;
    let columns = Kind::ALL.map(Kind::name).into_iter().chain(["approval"]).map(|key| lane(l, key, &rows, asked.get("owner"))).collect();
    drop(conn);
    let success_of = l.onboarding_success_of(success.completed, success.open, success.over());
    page::html(&Board { shell: visit.shell(&app).await?, tabs, works, success: success.percent(), success_of, owner, columns })
}

/// Of all that is under way, what stands at this step.
fn lane(l: Lang, key: &'static str, rows: &[Listed], owner: &str) -> Lane {
    let here = || rows.iter().filter(|o| o.step.as_deref().unwrap_or("approval") == key);
    let href = format!("/onboarding{}", query(&[("view", "list"), ("state", "open"), ("step", key), ("owner", owner)]));
    let cards: Vec<_> = here().take(CARDS as usize).map(|o| card(l, o)).collect();
    Lane { key, title: waits::step(l, key), more: (here().count() > cards.len()).then_some(href), cards }
}

fn card(l: Lang, o: &Listed) -> Card {
    Card {
        href: format!("/onboarding/{}", short_id(o.id)),
        id: short_id(o.id),
        company: o.company.clone(),
        slug: o.slug.clone(),
        owner: o.step_owner.clone().unwrap_or_else(|| o.owner.clone()),
        waits: o.waits_on.as_deref().map(|on| waits::outside(l, on)),
        state: o.progress.as_deref().map_or_else(|| waits::step(l, "approval"), |p| super::called(l, "step", p)),
        due: o.step_due_at.or(o.due_at).map(|at| When::new(l, at)),
        late: o.late,
        done: l.onboarding_done(o.done),
    }
}

pub(super) async fn export(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    files::csv::<Onboardings>(visit.reader(&app)?, asked).await
}
