//! Onboardings as a list.
use super::{badge, called, form::workers};
use crate::{
    error::Error,
    i18n::Lang,
    onboarding::{Filter as Wanted, Kind, Listed, State, lists, short_id, waits},
    page::{
        Cell, Column, Detail, Place, Reader, When,
        list::{Asked, Filter, Listing, Slice},
    },
};
use sqlx::PgConnection;

pub(super) struct Onboardings;

/// What the URL asks for.
pub(super) fn wanted(asked: &Asked) -> Wanted {
    Wanted {
        state: asked.some("state"),
        step: asked.some("step"),
        // an id that cannot be read is nobody's
        owner: asked.some("owner").map(|id| id.parse().unwrap_or_default()),
        late: asked.get("late") == "yes",
        q: asked.some("q"),
    }
}

pub(super) fn place(o: &Listed) -> Place {
    let id = short_id(o.id);
    Place { href: format!("/onboarding/{id}"), id, beside: None, current: false }
}

/// The step whose turn it is, as people call it.
pub(super) fn step(l: Lang, o: &Listed) -> String {
    waits::step(l, o.step.as_deref().unwrap_or("approval"))
}

fn standing(r: &Reader, o: &Listed) -> Cell {
    if o.state != State::Open {
        return Cell::None;
    }
    let mut text = step(r.l, o);
    if let Some(progress) = &o.progress {
        text = format!("{text} · {}", called(r.l, "step", progress));
    }
    Cell::Text(match &o.waits_on {
        Some(on) => format!("{text} · {}", waits::outside(r.l, on)),
        None => text,
    })
}

impl Listing for Onboardings {
    type Row = Listed;
    const NAME: &'static str = "onboarding";
    const ORDERS: &'static [&'static str] = &["-id", "due"];
    const ICON: &'static str = "compass";

    fn caption(r: &Reader) -> String {
        r.l.onboarding_title()
    }

    fn columns() -> Vec<Column<Listed>> {
        type Of = Column<Listed>;
        let title = |r: &Reader, o: &Listed| {
            let mut below = vec![Detail::code(short_id(o.id)), Detail::text(&o.slug)];
            if o.late {
                below.push(Detail::mark(r.l.onboarding_late()));
            }
            Cell::Title { text: o.company.clone(), below }
        };
        vec![
            Of::new("id", Lang::onboarding_title, title, |o| short_id(o.id)).sorts(),
            Of::new("company", Lang::company_name, |_, o| Cell::Text(o.company.clone()), |o| o.company.clone()).hidden().in_files(),
            Of::new("slug", Lang::tenant_slug, |_, o| Cell::Code(o.slug.clone()), |o| o.slug.clone()).hidden().in_files(),
            Of::new("state", Lang::onboarding_state, |r, o| Cell::State(badge(r.l, o.state)), |o| o.state.name().to_owned()),
            Of::new("step", Lang::onboarding_step, standing, |o| o.step.clone().unwrap_or_default()),
            Of::new("done", Lang::onboarding_view_board, |r, o| Cell::Text(r.l.onboarding_done(o.done)), |o| o.done.to_string()).hidden(),
            Of::new("plan", Lang::onboarding_plan, |_, o| Cell::Code(o.plan_code.clone()), |o| o.plan_code.clone()),
            Of::new(
                "owner",
                Lang::onboarding_owner,
                |_, o| Cell::Text(o.step_owner.clone().unwrap_or_else(|| o.owner.clone())),
                |o| o.step_owner.clone().unwrap_or_else(|| o.owner.clone()),
            ),
            Of::new(
                "due",
                Lang::onboarding_due,
                |r, o| due_of(o).map_or(Cell::None, |at| Cell::Time(When::new(r.l, at))),
                |o| due_of(o).map(When::iso).unwrap_or_default(),
            )
            .end()
            .sorts(),
            Of::new("created", Lang::customers_since, |r, o| Cell::Date(When::new(r.l, o.created_at)), |o| When::iso(o.created_at))
                .end()
                .hidden(),
        ]
    }

    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter> {
        let states = State::ALL.map(|s| (s.name().to_owned(), badge(r.l, s).label)).to_vec();
        let mut steps: Vec<_> = Kind::ALL.map(|k| (k.name().to_owned(), waits::step(r.l, k.name()))).to_vec();
        steps.push(("approval".into(), waits::step(r.l, "approval")));
        let late = vec![("yes".to_owned(), r.l.onboarding_late())];
        vec![
            Filter::search(asked, r.l.onboarding_search(), r.l.onboarding_search_hint()),
            Filter::choice(asked, "state", r.l.onboarding_state(), r.l.onboarding_filter_state(), states),
            Filter::choice(asked, "step", r.l.onboarding_step(), r.l.onboarding_filter_step(), steps),
            Filter::choice(asked, "late", r.l.onboarding_due(), r.l.onboarding_filter_due(), late),
        ]
    }

    fn place(_: &Asked, row: &Listed) -> Place {
        place(row)
    }

    fn mark(o: &Listed, key: &str) -> (String, String) {
        let due = o.due_at.map(|at| at.to_rfc3339()).filter(|_| key == "due").unwrap_or_default();
        (due, short_id(o.id))
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Listed>, Error> {
        Ok(lists::list(conn, &wanted(asked), slice).await?)
    }
}

fn due_of(o: &Listed) -> Option<chrono::DateTime<chrono::Utc>> {
    o.step_due_at.or(o.due_at).filter(|_| o.state == State::Open)
}

/// Those who own onboardings, for the filter that stands above the board.
pub(super) async fn owners(r: &Reader, conn: &mut PgConnection, asked: &Asked) -> Result<Filter, Error> {
    Ok(Filter::choice(asked, "owner", r.l.onboarding_owner(), r.l.onboarding_filter_owner(), workers(conn).await?))
}
