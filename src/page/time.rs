//! Points in time as people read them: Korean time, exact and relative.
use crate::i18n::Lang;
use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Asia::Seoul;

/// A point in time for `<time>`: machine-readable, exact, and as people say it.
#[derive(Clone, Debug)]
pub struct When {
    pub iso: String,
    pub absolute: String,
    pub relative: String,
}

impl When {
    /// As exports write it: UTC, to the second.
    pub fn iso(at: DateTime<Utc>) -> String {
        at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    pub fn new(l: Lang, at: DateTime<Utc>) -> Self {
        Self { iso: Self::iso(at), absolute: absolute(l, at), relative: relative(l, at, Utc::now()) }
    }
}

/// Korean time, in the order each language has: `2026. 11. 20. (금) 18:12` or `20 Nov 2026, 18:12`.
fn absolute(l: Lang, at: DateTime<Utc>) -> String {
    let local = at.with_timezone(&Seoul);
    match l {
        Lang::Ko => {
            let day = ['월', '화', '수', '목', '금', '토', '일'][local.weekday().num_days_from_monday() as usize];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_korean_and_said_as_people_say_them() {
        let at: DateTime<Utc> = "2026-11-20T09:12:00Z".parse().unwrap();
        assert_eq!(absolute(Lang::Ko, at), "2026. 11. 20. (금) 18:12");
        assert_eq!(absolute(Lang::En, at), "20 Nov 2026, 18:12");
        assert_eq!(relative(Lang::Ko, at, at + chrono::TimeDelta::minutes(12)), "12분 전");
        assert_eq!(relative(Lang::En, at, at - chrono::TimeDelta::hours(3)), "in 3 hours");
    }
}
