//! The page of insights, and its people as a file.
use super::{PERIODS, Person, Report, Sum};
use crate::{
    app::App,
    auth::InsightsRead,
    error::Error,
    i18n::Lang,
    operations::form::grouped,
    page::{
        self, Cell, Chart, Column, Day, Fact, Place, Plot, Reader, Series, Shell, Table, Tile, Visit, When, capped, chart, duration,
        export,
        list::{Asked, Filter, Listing, Slice},
    },
    surface::Surface,
};
use askama::Template;
use axum::{extract::State, response::Response};
use sqlx::PgConnection;

pub fn routes(surface: Surface) -> Surface {
    surface.show::<InsightsRead, _, _>("/insights", index).show::<InsightsRead, _, _>("/insights.csv", take_away)
}

#[derive(Template)]
#[template(path = "insights/index.html")]
struct Index {
    shell: Shell,
    periods: Vec<Period>,
    read: When,
    tiles: Vec<Tile>,
    weeks: Chart,
    people: Table,
    operations: Table,
    export: String,
    known_since: Option<String>,
    meanings: Vec<Fact>,
}

struct Period {
    label: String,
    href: String,
    current: bool,
}

async fn index(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let (l, days) = (visit.l, period(&asked));
    let report = app.insights.last(&app.db, days).await?;
    let r = visit.reader(&app)?;
    let columns = columns();
    let keys: Vec<&str> = columns.iter().map(|c| c.key).collect();
    page::html(&Index {
        shell: visit.shell(&app).await?,
        periods: PERIODS
            .iter()
            .map(|n| Period { label: l.insights_period(*n), href: format!("/insights?days={n}"), current: *n == days })
            .collect(),
        read: When::new(l, report.read_at),
        tiles: tiles(l, &report.all),
        weeks: weeks(l, &report),
        people: Table::plain(&r, l.insights_people(), &columns, &keys, &report.people, place),
        operations: Table::plain(&r, l.insights_operations(), &operation_columns(), OPERATION_KEYS, &report.operations, |(name, _)| {
            Place { id: name.clone(), href: format!("/inbox?tab=decided&operation={name}"), beside: None, current: false }
        }),
        export: format!("/insights.csv?days={days}"),
        known_since: report.known_since.map(|at| l.insights_known_since(When::new(l, at).absolute)),
        meanings: vec![
            Fact::new(l.insights_time(), l.insights_time_meaning()),
            Fact::new(l.insights_approval(), l.insights_approval_meaning()),
            Fact::new(l.insights_quick(), l.insights_quick_meaning()),
            Fact::new(l.insights_waiting(), l.insights_waiting_meaning()),
        ],
    })
}

async fn take_away(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    export::csv::<People>(visit.reader(&app)?, asked).await
}

fn period(asked: &Asked) -> u64 {
    asked.get("days").parse().ok().filter(|days| PERIODS.contains(days)).unwrap_or(PERIODS[0])
}

fn tiles(l: Lang, all: &Sum) -> Vec<Tile> {
    let some = all.decisions > 0;
    let tile = |label, value, hint| Tile { label, value, href: "/inbox?tab=decided", hint, trend: None, spark: None };
    vec![
        tile(l.insights_decisions(), grouped(all.decisions), l.insights_decisions_hint()),
        tile(
            l.insights_time(),
            if some { duration(l, all.median) } else { String::new() },
            l.insights_time_hint(if some { duration(l, all.p90) } else { l.insights_no_time() }),
        ),
        tile(l.insights_approval(), percent(all.approval()), l.insights_approval_hint(grouped(all.decisions - all.approvals))),
        tile(l.insights_quick(), percent(all.quickly()), l.insights_quick_hint(grouped(all.quick), grouped(all.watched))),
    ]
}

fn weeks(l: Lang, report: &Report) -> Chart {
    let values = |of: fn(&Sum) -> i64| report.weeks.iter().map(|(_, sum)| of(sum)).collect::<Vec<_>>();
    let busiest = report.weeks.iter().max_by_key(|(_, sum)| sum.decisions).filter(|(_, sum)| sum.decisions > 0);
    Plot {
        id: "weeks",
        title: l.insights_weeks(),
        finding: busiest.map_or_else(
            || l.insights_weeks_none(),
            |(week, sum)| l.insights_weeks_finding(grouped(sum.decisions), grouped(sum.quick), Day::new(l, *week).long),
        ),
        shape: chart::Shape::Bars,
        days: chart::days(l, &report.weeks.iter().map(|(week, _)| *week).collect::<Vec<_>>()),
        series: vec![
            Series::new(l.insights_decisions(), values(|s| s.decisions)),
            Series::new(l.insights_quick_short(), values(|s| s.quick)),
        ],
        limit: None,
    }
    .draw()
}

/// People, as a file; the page shows the same rows without a list's controls, since they are never many.
struct People;

fn place(person: &Person) -> Place {
    let href = format!("/ledger{}", page::query(&[("actor", &person.email), ("action", "request.voted")]));
    Place { id: person.id.simple().to_string(), href, beside: None, current: false }
}

fn columns() -> Vec<Column<Person>> {
    type Of = Column<Person>;
    vec![
        Of::new("person", Lang::insights_person, |_, p| Cell::Title { text: p.name.clone(), below: Vec::new() }, |p| p.name.clone()),
        Of::new("decisions", Lang::insights_decisions, |_, p| number(p.sum.decisions), |p| p.sum.decisions.to_string()).end(),
        Of::new("approval", Lang::insights_approval, |_, p| share(p.sum.approval()), |p| raw(p.sum.approval())).end(),
        Of::new("median", Lang::insights_median, |r, p| time(r.l, &p.sum, p.sum.median), |p| seconds(&p.sum, p.sum.median)).end(),
        Of::new("p90", Lang::insights_p90, |r, p| time(r.l, &p.sum, p.sum.p90), |p| seconds(&p.sum, p.sum.p90)).end(),
        Of::new("quick", Lang::insights_quick_short, |_, p| share(p.sum.quickly()), |p| raw(p.sum.quickly())).end(),
        Of::new(
            "waiting",
            Lang::insights_waiting,
            |_, p| p.waiting.map_or(Cell::None, |n| Cell::Number(capped(n))),
            |p| p.waiting.map_or_else(String::new, |n| n.to_string()),
        )
        .end(),
    ]
}

const OPERATION_KEYS: &[&str] = &["operation", "decisions", "approval", "median", "p90", "quick"];

fn operation_columns() -> Vec<Column<(String, Sum)>> {
    type Of = Column<(String, Sum)>;
    vec![
        Of::new(
            "operation",
            Lang::inbox_operation,
            |r, (name, _)| {
                let text = r.app.registry.find(name).map_or_else(|| name.clone(), |d| d.title(r.l));
                Cell::Title { text, below: Vec::new() }
            },
            |(name, _)| name.clone(),
        ),
        Of::new("decisions", Lang::insights_decisions, |_, (_, s)| number(s.decisions), |(_, s)| s.decisions.to_string()).end(),
        Of::new("approval", Lang::insights_approval, |_, (_, s)| share(s.approval()), |(_, s)| raw(s.approval())).end(),
        Of::new("median", Lang::insights_median, |r, (_, s)| time(r.l, s, s.median), |(_, s)| seconds(s, s.median)).end(),
        Of::new("p90", Lang::insights_p90, |r, (_, s)| time(r.l, s, s.p90), |(_, s)| seconds(s, s.p90)).end(),
        Of::new("quick", Lang::insights_quick_short, |_, (_, s)| share(s.quickly()), |(_, s)| raw(s.quickly())).end(),
    ]
}

fn number(count: i64) -> Cell {
    Cell::Number(grouped(count))
}

fn share(of: Option<f64>) -> Cell {
    of.map_or(Cell::None, |of| Cell::Number(percent(Some(of))))
}

fn time(l: Lang, sum: &Sum, took: f64) -> Cell {
    if sum.decisions > 0 { Cell::Number(duration(l, took)) } else { Cell::None }
}

fn seconds(sum: &Sum, took: f64) -> String {
    if sum.decisions > 0 { format!("{took:.0}") } else { String::new() }
}

fn raw(share: Option<f64>) -> String {
    share.map_or_else(String::new, |share| format!("{share:.4}"))
}

/// Whole percent; but what happened is not told as never, nor what did not always as always.
fn percent(share: Option<f64>) -> String {
    match share {
        None => String::new(),
        Some(share) if share > 0.0 && share < 0.005 => "<1%".into(),
        Some(share) if share < 1.0 && share > 0.995 => ">99%".into(),
        Some(share) => format!("{:.0}%", share * 100.0),
    }
}

impl Listing for People {
    type Row = Person;
    const NAME: &'static str = "insights";
    const ORDERS: &'static [&'static str] = &["person"];
    const ICON: &'static str = "chart-line";

    fn caption(r: &Reader) -> String {
        r.l.insights_people()
    }

    fn columns() -> Vec<Column<Person>> {
        columns()
    }

    fn filters(_: &Reader, _: &Asked) -> Vec<Filter> {
        Vec::new()
    }

    fn place(_: &Asked, person: &Person) -> Place {
        place(person)
    }

    fn mark(person: &Person, _: &str) -> (String, String) {
        (person.name.clone(), person.id.to_string())
    }

    async fn read(_: &Reader, conn: &mut PgConnection, asked: &Asked, slice: Slice<'_>) -> Result<Vec<Person>, Error> {
        // all of them come at once
        if slice.cursor.is_some() {
            return Ok(Vec::new());
        }
        Ok(Report::read(conn, period(asked)).await?.people)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_times_are_said_as_people_say_them() {
        let said: Vec<_> = [None, Some(0.0), Some(0.001), Some(0.5), Some(0.999), Some(1.0)].map(percent).into();
        assert_eq!(said, ["", "0%", "<1%", "50%", ">99%", "100%"]);
        let said: Vec<_> = [4.4, 119.0, 7_260.0, 180_000.0].map(|s| duration(Lang::En, s)).into();
        assert_eq!(said, ["4 s", "1 min", "2 h 1 min", "2 d 2 h"]);
        assert_eq!(duration(Lang::Ko, 7_260.0), "2시간 1분");
    }
}
