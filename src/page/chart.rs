//! Charts as the server draws them: numbers become places in percent, `ui/chart.html` makes SVG of them, and the stylesheet gives
//! colours and dashes. So one picture serves both themes, paper and forced colours, and text keeps its size on a phone.
use super::Day;
use crate::operations::form::grouped;
use chrono::NaiveDate;
use std::fmt;

/// Lines across, the one at zero included.
const GRIDLINES: u64 = 5;
/// Names below the axis.
const NAMES: usize = 6;
/// How far apart two end labels must be, in percent of the height.
const APART: f64 = 9.0;

/// What is to be drawn: counts over days. Nothing here is language or colour.
pub struct Plot {
    /// Unlike every other on its page.
    pub id: &'static str,
    pub title: String,
    /// What a reader should take away, in a sentence.
    pub finding: String,
    pub shape: Shape,
    /// From left to right, forecast included.
    pub days: Vec<Day>,
    pub series: Vec<Series>,
    pub limit: Option<Limit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Line,
    Bars,
}

/// One count for each day from the first on; what is expected follows what happened.
pub struct Series {
    pub label: String,
    pub values: Vec<i64>,
    pub forecast: Vec<i64>,
}

impl Series {
    pub fn new(label: String, values: Vec<i64>) -> Self {
        Self { label, values, forecast: Vec::new() }
    }
}

/// What the counts must stay below.
pub struct Limit {
    pub label: String,
    pub value: i64,
}

/// A place along an axis in percent.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Place(pub f64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        // two digits are a fiftieth of a pixel, and "33.3333333333" is a third of the page
        write!(f, "{}", (self.0 * 100.0).round() / 100.0)
    }
}

/// A chart ready for its template.
pub struct Chart {
    pub id: &'static str,
    pub title: String,
    pub finding: String,
    pub grid: Vec<Tick>,
    pub axis: Vec<Tick>,
    pub series: Vec<Drawn>,
    pub limit: Option<Tick>,
    /// Where the forecast begins, and how far it goes.
    pub forecast: Option<(Place, Place)>,
    /// One for each day: what stands there, in words.
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

pub struct Tick {
    pub at: Place,
    pub label: String,
    /// Left out where there is little room.
    pub minor: bool,
}

pub struct Drawn {
    pub label: String,
    /// `s1`, `s2`, …: says colour and dash.
    pub class: String,
    /// The mark at the end of a line, around zero.
    pub mark: &'static str,
    pub line: String,
    pub forecast: String,
    pub bars: Vec<Bar>,
    pub end: Option<End>,
}

pub struct Bar {
    pub x: Place,
    pub y: Place,
    pub width: Place,
    pub height: Place,
}

/// Where a line ends, and where its label stands without touching another.
pub struct End {
    pub x: Place,
    pub y: Place,
    pub label: Place,
}

pub struct Column {
    pub x: Place,
    pub width: Place,
    pub text: String,
}

/// A row of the table that says the same as the picture.
pub struct Row {
    pub day: String,
    pub forecast: bool,
    pub cells: Vec<Option<String>>,
}

/// Circle, square, diamond, triangle, cross, bar: told apart without colour.
const MARKS: [&str; 6] =
    ["M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0", "M-3-3h6v6h-6z", "M0-4 4 0 0 4-4 0z", "M0-4 4 3h-8z", "M-3-3 3 3M3-3-3 3", "M-4-1.5h8v3h-8z"];

impl Plot {
    /// The counts as a picture and as a table.
    pub fn draw(self) -> Chart {
        let all = || self.series.iter().flat_map(|s| s.values.iter().chain(&s.forecast));
        let ticks = ticks(all().copied().chain(self.limit.as_ref().map(|l| l.value)).max().unwrap_or(0));
        let top = ticks.last().copied().unwrap_or(1) as f64;
        let days = self.days.len();
        let x = |i: usize| {
            Place(match (self.shape, days) {
                (_, ..=1) => 50.0,
                (Shape::Line, n) => i as f64 * 100.0 / (n - 1) as f64,
                (Shape::Bars, n) => (i as f64 + 0.5) * 100.0 / n as f64,
            })
        };
        let y = |value: i64| Place(100.0 - value.max(0) as f64 * 100.0 / top);
        let known = self.series.iter().map(|s| s.values.len()).max().unwrap_or(0);
        let mut series: Vec<Drawn> =
            self.series.iter().enumerate().map(|(n, s)| s.drawn(n, self.series.len(), self.shape, days, &x, &y)).collect();
        keep_apart(series.iter_mut().filter_map(|s| s.end.as_mut()).collect());
        let value = |s: &Series, i: usize| s.values.iter().chain(&s.forecast).nth(i).map(|v| grouped(*v));
        let width = 100.0 / days.max(1) as f64;
        let text = |i: usize, day: &Day| {
            let said = self.series.iter().filter_map(|s| Some(format!("{} {}", s.label, value(s, i)?))).collect::<Vec<_>>();
            format!("{}: {}", day.long, said.join(", "))
        };
        Chart {
            id: self.id,
            grid: ticks
                .iter()
                .map(|t| i64::try_from(*t).unwrap_or(i64::MAX))
                .map(|t| Tick { at: y(t), label: grouped(t), minor: false })
                .collect(),
            axis: names(days).into_iter().map(|(i, minor)| Tick { at: x(i), label: self.days[i].short.clone(), minor }).collect(),
            limit: self.limit.as_ref().map(|l| Tick { at: y(l.value), label: format!("{} {}", l.label, grouped(l.value)), minor: false }),
            forecast: (self.series.iter().any(|s| !s.forecast.is_empty()) && known > 0)
                .then(|| (x(known - 1), Place(100.0 - x(known - 1).0))),
            columns: (self.days.iter().enumerate())
                .map(|(i, day)| Column { x: Place(x(i).0 - width / 2.0), width: Place(width), text: text(i, day) })
                .collect(),
            rows: (self.days.iter().enumerate())
                .map(|(i, day)| Row {
                    day: day.long.clone(),
                    forecast: i >= known,
                    cells: self.series.iter().map(|s| value(s, i)).collect(),
                })
                .collect(),
            title: self.title,
            finding: self.finding,
            series,
        }
    }
}

impl Series {
    fn drawn(&self, n: usize, of: usize, shape: Shape, days: usize, x: &dyn Fn(usize) -> Place, y: &dyn Fn(i64) -> Place) -> Drawn {
        let all: Vec<i64> = self.values.iter().chain(&self.forecast).copied().take(days).collect();
        let points = |from: usize, values: &[i64]| {
            values.iter().enumerate().map(|(i, v)| format!("{},{}", x(from + i), y(*v))).collect::<Vec<_>>().join(" ")
        };
        let known = self.values.len().min(all.len());
        // a third of each day's room stays empty, so that days do not run into each other
        let width = 100.0 / days.max(1) as f64 * 0.7 / of as f64;
        let bars = |(i, v): (usize, &i64)| Bar {
            x: Place(x(i).0 + width * (n as f64 - of as f64 / 2.0)),
            y: y(*v),
            width: Place(width),
            height: Place(100.0 - y(*v).0),
        };
        let line = shape == Shape::Line;
        Drawn {
            label: self.label.clone(),
            class: format!("s{}", n % MARKS.len() + 1),
            mark: MARKS[n % MARKS.len()],
            line: if line { points(0, &all[..known]) } else { String::new() },
            // begins where the known part ends, so that there is no gap
            forecast: if line && all.len() > known {
                points(known.saturating_sub(1), &all[known.saturating_sub(1)..])
            } else {
                String::new()
            },
            bars: if line { Vec::new() } else { all.iter().enumerate().map(bars).collect() },
            end: all.last().map(|v| End { x: x(all.len() - 1), y: y(*v), label: y(*v) }),
        }
    }
}

impl Chart {
    /// Nothing has been counted, which is not the same as having counted nothing.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|s| s.end.is_none())
    }
}

/// From zero to the first round number that is enough, in equal steps of 1, 2 or 5 and zeros.
pub fn ticks(max: i64) -> Vec<u64> {
    let max = max.max(1).unsigned_abs();
    let enough = max.div_ceil(GRIDLINES - 1);
    let mut power = 1_u64;
    let step = loop {
        match [1, 2, 5].into_iter().map(|n| n * power).find(|step| *step >= enough) {
            Some(step) => break step,
            None => power *= 10,
        }
    };
    (0..=max.div_ceil(step)).map(|n| n * step).collect()
}

/// Which days are named: the last always, and others at equal distances before it; every second of them only where there is room.
fn names(days: usize) -> Vec<(usize, bool)> {
    let step = days.div_ceil(NAMES).max(1);
    let mut names: Vec<_> = (0..days).rev().step_by(step).enumerate().map(|(n, i)| (i, n % 2 == 1)).collect();
    names.reverse();
    names
}

/// Moves labels down from each other, and up again where they would leave the picture.
fn keep_apart(mut ends: Vec<&mut End>) {
    ends.sort_by(|a, b| a.y.0.total_cmp(&b.y.0));
    let mut floor = f64::NEG_INFINITY;
    for end in &mut ends {
        end.label.0 = end.label.0.max(floor);
        floor = end.label.0 + APART;
    }
    let mut ceiling = 100.0;
    for end in ends.iter_mut().rev() {
        end.label.0 = end.label.0.min(ceiling);
        ceiling = end.label.0 - APART;
    }
}

/// A line without axes beside a number: which way it went. Drawn from zero in 96 × 24.
#[derive(Clone, Debug)]
pub struct Spark {
    pub points: String,
    pub x: Place,
    pub y: Place,
}

impl Spark {
    /// Nothing, unless there are two values to draw a line between.
    pub fn new(values: &[i64]) -> Option<Self> {
        if values.len() < 2 {
            return None;
        }
        let top = values.iter().copied().max().unwrap_or(0).max(1) as f64;
        let at = |(i, v): (usize, &i64)| {
            (Place(i as f64 * 92.0 / (values.len() - 1) as f64 + 2.0), Place(22.0 - (*v).max(0) as f64 * 20.0 / top))
        };
        let places: Vec<_> = values.iter().enumerate().map(at).collect();
        let (x, y) = *places.last()?;
        Some(Self { points: places.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" "), x, y })
    }
}

/// The days of a chart from dates.
pub fn days(l: crate::i18n::Lang, dates: &[NaiveDate]) -> Vec<Day> {
    dates.iter().map(|date| Day::new(l, *date)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;
    use proptest::prelude::*;

    fn plot(shape: Shape, series: Vec<Vec<i64>>) -> Chart {
        let first: NaiveDate = "2026-11-01".parse().unwrap();
        let dates: Vec<NaiveDate> = first.iter_days().take(series.iter().map(Vec::len).max().unwrap_or(0)).collect();
        let series = series.into_iter().enumerate().map(|(n, values)| Series::new(format!("S{n}"), values)).collect();
        Plot { id: "c", title: "T".into(), finding: "F".into(), shape, days: days(Lang::En, &dates), series, limit: None }.draw()
    }

    #[test]
    fn nothing_zero_and_one_draw_sensibly() {
        assert!(plot(Shape::Line, vec![]).is_empty());
        assert!(plot(Shape::Bars, vec![vec![]]).is_empty());
        let zero = plot(Shape::Line, vec![vec![0; 7]]);
        assert!(!zero.is_empty());
        assert_eq!(zero.grid.iter().map(|t| t.label.as_str()).collect::<Vec<_>>(), ["0", "1"]);
        assert!(zero.series[0].line.split(' ').all(|point| point.ends_with(",100")), "on the floor: {}", zero.series[0].line);
        let one = plot(Shape::Line, vec![vec![3]]);
        let end = one.series[0].end.as_ref().unwrap();
        assert_eq!((end.x, one.rows.len(), one.axis.len()), (Place(50.0), 1, 1));
        assert!(Spark::new(&[3]).is_none());
        assert_eq!(Spark::new(&[0, 0]).unwrap().points, "2,22 94,22");
    }

    #[test]
    fn a_forecast_begins_where_the_known_part_ends_and_a_limit_is_in_the_picture() {
        let mut all = plot(Shape::Line, vec![vec![1, 2, 3, 4, 5]]);
        assert!(all.forecast.is_none());
        let dates: Vec<NaiveDate> = "2026-11-01".parse::<NaiveDate>().unwrap().iter_days().take(5).collect();
        let series = vec![Series { label: "S".into(), values: vec![10, 20, 30], forecast: vec![40, 50] }];
        let limit = Some(Limit { label: "L".into(), value: 90 });
        all = Plot { id: "c", title: "T".into(), finding: "F".into(), shape: Shape::Line, days: days(Lang::En, &dates), series, limit }
            .draw();
        assert_eq!(all.series[0].line, "0,90 25,80 50,70");
        assert_eq!(all.series[0].forecast, "50,70 75,60 100,50");
        assert_eq!((all.forecast, all.limit.unwrap().at), (Some((Place(50.0), Place(50.0))), Place(10.0)));
        assert_eq!(all.rows.iter().filter(|row| row.forecast).count(), 2);
    }

    proptest! {
        /// The axis begins at zero, reaches every count, and has few and equal steps.
        #[test]
        fn nice_ticks_cover_the_data_and_begin_at_zero(max in prop_oneof![any::<i64>(), -5_i64..2_000]) {
            let ticks = ticks(max);
            let last = *ticks.last().unwrap();
            prop_assert_eq!(ticks[0], 0);
            prop_assert!(i128::from(last) >= i128::from(max));
            prop_assert!((2..=GRIDLINES as usize).contains(&ticks.len()), "{:?}", ticks);
            prop_assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] == ticks[1]));
            // and no further than it must: the data use half of the height at least
            prop_assert!(max < 1 || u128::from(last) <= max as u128 * 2 + 3, "{} for {max}", last);
        }

        /// Whatever is counted stays inside the picture, and so does every label.
        #[test]
        fn everything_is_inside(values in prop::collection::vec(prop::collection::vec(-3_i64..10_000, 0..40), 0..6), bars in any::<bool>()) {
            let chart = plot(if bars { Shape::Bars } else { Shape::Line }, values);
            let inside = |p: Place| (-0.001..=100.001).contains(&p.0);
            for drawn in &chart.series {
                prop_assert!(drawn.end.as_ref().is_none_or(|e| inside(e.x) && inside(e.y) && inside(e.label)));
                prop_assert!(drawn.bars.iter().all(|b| inside(b.x) && inside(b.y) && b.height.0 >= 0.0 && inside(Place(b.x.0 + b.width.0))));
            }
            let mut labels: Vec<f64> = chart.series.iter().filter_map(|s| s.end.as_ref()).map(|e| e.label.0).collect();
            labels.sort_by(f64::total_cmp);
            prop_assert!(labels.windows(2).all(|pair| pair[1] - pair[0] > APART - 0.001));
        }
    }
}
