//! Times as people say them: a day in Korea, `today`, or how long ago.
use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Asia::Seoul;

const LAST_WEEK: &str = "last-week";

/// From when: the beginning of a day or of last week, or so long ago.
pub(super) fn since(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    ago(text, now).or_else(|| if text == LAST_WEEK { range(text, now).0 } else { midnight(day(text, now)?) })
}

/// Until when: the end of a day or of last week, or so long ago.
pub(super) fn until(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    ago(text, now)
        .or_else(|| if text == LAST_WEEK { range(text, now).1 } else { midnight(day(text, now)?.checked_add_days(Days::new(1))?) })
}

/// Beginning and end of a named range; weeks begin on Monday.
pub(super) fn range(name: &str, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let today = now.with_timezone(&Seoul).date_naive();
    let back = |days: u64| today.checked_sub_days(Days::new(days)).and_then(midnight);
    let weekday = u64::from(today.weekday().num_days_from_monday());
    match name {
        "today" => (back(0), None),
        "week" => (back(6), None),
        LAST_WEEK => (back(weekday + 7), back(weekday)),
        _ => (back(29), None),
    }
}

/// `90m`, `24h`, `7d`, `2w`; or a full time with its zone, as APIs write it.
fn ago(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    let unit = text.chars().last()?;
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 60 * 24,
        'w' => 60 * 24 * 7,
        _ => return None,
    };
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|n| (0..100_000).contains(n))?;
    now.checked_sub_signed(TimeDelta::minutes(number * minutes))
}

fn day(text: &str, now: DateTime<Utc>) -> Option<NaiveDate> {
    let today = now.with_timezone(&Seoul).date_naive();
    match text {
        "today" => Some(today),
        "yesterday" => today.pred_opt(),
        // years that Postgres knows, too
        _ => text.parse().ok().filter(|day: &NaiveDate| (1..=9999).contains(&day.year())),
    }
}

/// When a day begins in Korea.
fn midnight(day: NaiveDate) -> Option<DateTime<Utc>> {
    Some(Seoul.from_local_datetime(&day.and_hms_opt(0, 0, 0)?).single()?.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn last_week_is_from_monday_to_sunday_in_korea() {
        for now in ["2026-11-15T15:00:00Z", "2026-11-19T03:00:00Z", "2026-11-22T14:59:00Z"] {
            assert_eq!(range("last-week", at(now)), (Some(at("2026-11-08T15:00:00Z")), Some(at("2026-11-15T15:00:00Z"))), "{now}");
        }
        let now = at("2026-11-19T03:00:00Z");
        assert_eq!((since("last-week", now), until("last-week", now)), range("last-week", now), "the line says it as the form does");
        assert_eq!(range("today", at("2026-11-20T15:30:00Z")).0, Some(at("2026-11-20T15:00:00Z")), "midnight is Korean");
    }

    #[test]
    fn days_are_whole_and_spans_end_now() {
        let now = at("2026-11-21T03:00:00Z");
        assert_eq!(since("2026-11-20", now), Some(at("2026-11-19T15:00:00Z")));
        assert_eq!(until("2026-11-20", now), Some(at("2026-11-20T15:00:00Z")));
        assert_eq!(since("yesterday", now), since("2026-11-20", now));
        assert_eq!(since("24h", now), Some(at("2026-11-20T03:00:00Z")));
        assert_eq!((since("7d", now), until("7d", now)), (Some(at("2026-11-14T03:00:00Z")), Some(at("2026-11-14T03:00:00Z"))));
        for wrong in ["", "d", "-3d", "7y", "2026-13-01", "99999999999999d", "어제"] {
            assert_eq!(since(wrong, now), None, "{wrong}");
        }
    }
}
