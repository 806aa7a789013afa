//! Points in time as people read them: Korean time, exact and relative.
use crate::i18n::Lang;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Asia::Seoul;

/// A point in time for `<time>`: machine-readable, exact, and as people say it.
#[derive(Clone, Debug)]
pub struct When {
    pub iso: String,
    pub absolute: String,
    pub relative: String,
    /// `18:12`: enough for what was read today.
    pub clock: String,
}

impl When {
    /// As exports write it: UTC, to the second.
    pub fn iso(at: DateTime<Utc>) -> String {
        at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    /// Korean time to the second, the same in every language: `2026-11-20 18:12:04`.
    pub fn exact(at: DateTime<Utc>) -> String {
        at.with_timezone(&Seoul).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    pub fn new(l: Lang, at: DateTime<Utc>) -> Self {
        Self {
            iso: Self::iso(at),
            absolute: absolute(l, at),
            relative: relative(l, at, Utc::now()),
            clock: at.with_timezone(&Seoul).format("%H:%M").to_string(),
        }
    }
}

/// A calendar day in Korea, as sentences and axes say it.
#[derive(Clone, Debug)]
pub struct Day {
    /// `11월 12일(월)` or `Mon 12 Nov`.
    pub long: String,
    /// `11. 12.` or `12 Nov`.
    pub short: String,
}

impl Day {
    pub fn new(l: Lang, date: NaiveDate) -> Self {
        match l {
            Lang::Ko => Self {
                long: format!("{}월 {}일({})", date.month(), date.day(), weekday(date)),
                short: format!("{}. {}.", date.month(), date.day()),
            },
            Lang::En => Self { long: date.format("%a %-d %b").to_string(), short: date.format("%-d %b").to_string() },
        }
    }

    /// The last `count` days, today included, the oldest first.
    pub fn last(count: u64, now: DateTime<Utc>) -> Vec<NaiveDate> {
        let today = now.with_timezone(&Seoul).date_naive();
        (0..count).rev().filter_map(|back| today.checked_sub_days(Days::new(back))).collect()
    }

    /// When a day begins in Korea, where every day has 24 hours.
    pub fn begin(date: NaiveDate) -> DateTime<Utc> {
        let midnight = date.and_time(chrono::NaiveTime::MIN);
        Seoul.from_local_datetime(&midnight).earliest().map_or_else(|| midnight.and_utc(), |at| at.with_timezone(&Utc))
    }
}

fn weekday(date: NaiveDate) -> char {
    ['월', '화', '수', '목', '금', '토', '일'][date.weekday().num_days_from_monday() as usize]
}

/// Korean time, in the order each language has: `2026. 11. 20. (금) 18:12` or `20 Nov 2026, 18:12`.
fn absolute(l: Lang, at: DateTime<Utc>) -> String {
    let local = at.with_timezone(&Seoul);
    match l {
        Lang::Ko => {
            let day = weekday(local.date_naive());
            format!("{}. {}. {}. ({day}) {}", local.year(), local.month(), local.day(), local.format("%H:%M"))
        }
        Lang::En => local.format("%-d %b %Y, %H:%M").to_string(),
    }
}

fn relative(l: Lang, at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds();
    let (ago, s) = (seconds >= 0, seconds.abs());
    match (s, ago) {
        (0..45, true) => l.time_now(),
        (0..45, false) => l.time_soon(),
        (45..3600, true) => l.time_minutes_ago((s / 60).max(1)),
        (45..3600, false) => l.time_in_minutes((s / 60).max(1)),
        (3600..86_400, true) => l.time_hours_ago(s / 3600),
        (3600..86_400, false) => l.time_in_hours(s / 3600),
        (86_400..2_592_000, true) => l.time_days_ago(s / 86_400),
        (86_400..2_592_000, false) => l.time_in_days(s / 86_400),
        _ => absolute(l, at),
    }
}

/// What a browser's field for date and time sends, in Korean time.
pub fn typed_time(text: &str) -> Option<DateTime<Utc>> {
    let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S"));
    at.ok()?.and_local_timezone(Seoul).earliest().map(|at| at.to_utc())
}

/// How long something took, in its two largest units.
pub fn duration(l: Lang, seconds: f64) -> String {
    let s = seconds.max(0.0).round() as i64;
    match s {
        0..60 => l.insights_seconds(s),
        60..3600 => l.insights_minutes(s / 60),
        3600..86_400 => l.insights_hours(s / 3600, s % 3600 / 60),
        _ => l.insights_days(s / 86_400, s % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_korean_and_said_as_people_say_them() {
        let at: DateTime<Utc> = "2026-11-20T09:12:00Z".parse().unwrap();
        assert_eq!(absolute(Lang::Ko, at), "2026. 11. 20. (금) 18:12");
        assert_eq!(absolute(Lang::En, at), "20 Nov 2026, 18:12");
        assert_eq!(When::new(Lang::Ko, at).clock, "18:12");
        assert_eq!(relative(Lang::Ko, at, at + chrono::TimeDelta::minutes(12)), "12분 전");
        assert_eq!(relative(Lang::En, at, at - chrono::TimeDelta::hours(3)), "in 3 hours");
    }

    #[test]
    fn days_are_those_of_korea() {
        // a quarter past midnight in Seoul, still yesterday in UTC
        let now: DateTime<Utc> = "2026-11-11T15:15:00Z".parse().unwrap();
        let days = Day::last(30, now);
        assert_eq!((days.len(), days[29].to_string().as_str()), (30, "2026-11-12"));
        assert_eq!(Day::begin(days[29]).to_rfc3339(), "2026-11-11T15:00:00+00:00");
        assert_eq!(Day::new(Lang::Ko, days[29]).long, "11월 12일(목)");
        assert_eq!(Day::new(Lang::En, days[29]).short, "12 Nov");
    }
}
