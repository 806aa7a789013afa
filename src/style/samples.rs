//! What the components are shown with. Everything is made up here and nothing is read, so a picture of the page changes only when
//! a component does.
use super::web::Panel;
use crate::{
    i18n::Lang,
    page::{
        Badge, Chart, Chip, Day, Diff, Field, Meter, Money, Opt, Plot, Progress, RiskTag, Series, Spark, Table, Task, Tile, Trend, Upload,
        When,
        chart::{Limit, Shape},
    },
    requests::{
        State,
        fate::Fate,
        inbox::Listed,
        view::{self, Decide, RequestView, Step},
    },
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::json;

/// Every colour that has a name.
pub const COLOURS: &[(&str, &[&str])] = &[
    ("surface", &["c-canvas", "c-subtle", "c-inset", "c-raised", "c-selected", "c-accent-soft"]),
    ("text", &["c-fg", "c-muted", "c-faint", "c-link"]),
    ("control", &["c-accent", "c-accent-hover", "c-control", "c-line", "c-focus"]),
    (
        "status",
        &[
            "pending-solid",
            "approved-solid",
            "denied-solid",
            "expired-solid",
            "executing-solid",
            "succeeded-solid",
            "failed-solid",
            "unknown-solid",
        ],
    ),
    ("chart", &["ch-1", "ch-2", "ch-3", "ch-4", "ch-5", "ch-6"]),
];

pub fn states(l: Lang) -> Vec<Badge> {
    State::ALL.into_iter().map(|state| view::badge(l, state)).collect()
}

pub fn risks(l: Lang) -> Vec<RiskTag> {
    ["low", "medium", "high", "critical"].into_iter().map(|key| RiskTag::new(l, key)).collect()
}

pub fn chips(l: Lang) -> Vec<Chip> {
    let chip = |label, value| Chip { label: format!("{label}: {value}"), href: "#chips".into() };
    vec![chip(l.table_state(), view::badge(l, State::Pending).label), chip(l.table_risk(), RiskTag::new(l, "high").label)]
}

pub fn fields(l: Lang) -> Vec<Field> {
    let field = |id: &str, label, kind| Field { id: id.into(), name: id.into(), label, kind, ..Field::default() };
    let tier =
        |value: &str, selected| Opt { value: value.into(), label: l.find(&format!("value-tier-{value}")).unwrap_or_default(), selected };
    vec![
        Field { required: true, ..field("sample-rest", l.style_field_rest(), "text") },
        Field { hint: l.style_field_hint_text(), value: "org_hanbit0001".into(), ..field("sample-hint", l.style_field_hint(), "text") },
        Field {
            required: true,
            value: "12.5".into(),
            error: Some(l.field_not_integer()),
            ..field("sample-error", l.style_field_error(), "integer")
        },
        Field {
            options: vec![Opt::any(l.form_keep(), "pro"), tier("starter", false), tier("pro", true)],
            ..field("sample-choice", l.style_field_choice(), "choice")
        },
        Field { value: "2026-12-31".into(), ..field("sample-date", l.style_field_date(), "date") },
    ]
}

/// One request in each state.
pub fn rows(now: DateTime<Utc>) -> Vec<Listed> {
    let row = |(i, state): (usize, State)| Listed {
        id: 2_041 + i as i64,
        operation: "org.tier.fix".into(),
        target_id: "org_hanbit0001".into(),
        target_label: "한빛소프트".into(),
        requester: "최민아".into(),
        reason: String::new(),
        before: json!({"tier": "free", "credit": 0}),
        after: json!({"tier": "pro", "credit": 120_000}),
        state,
        risk: ["low", "medium", "high", "critical"][i % 4].into(),
        created_at: now - TimeDelta::minutes(12 + 47 * i as i64),
        expires_at: now + TimeDelta::hours(3),
        closed_at: None,
        broke_glass: state == State::Failed,
    };
    State::ALL.into_iter().enumerate().map(row).collect()
}

/// Short and long values, and more rows that did not change than are shown.
pub fn changes(l: Lang) -> Diff {
    let before = json!({"tier": "free", "credit": 0, "reason": l.style_diff_before(), "name": "한빛소프트", "plan": "Pro", "orgs": 12,
        "users": 120, "email": "ops@hanbit.example", "until": null});
    let after = json!({"tier": "enterprise", "credit": 12_400_000, "reason": l.style_diff_after(), "name": "한빛소프트", "plan": "Pro",
        "orgs": 12, "users": 120, "email": "ops@hanbit.example", "until": "2026-12-31"});
    Diff::new(l, &before, &after, |key| l.find(&format!("value-{key}")).unwrap_or_else(|| key.to_owned()))
}

pub fn steps(l: Lang, now: DateTime<Utc>) -> Vec<Step> {
    let step = |icon, tone, title, actor: &str, minutes: i64| Step {
        icon,
        tone,
        title,
        actor: actor.into(),
        at: Some(When::new(l, now - TimeDelta::minutes(minutes))),
        reason: None,
        href: Some("#timeline".into()),
        future: false,
    };
    vec![
        Step { reason: Some(l.style_reason()), ..step("plus", "neutral", l.event_request_submitted(), "최민아", 42) },
        step("check", "approved", l.event_request_approved(), "이서연", 12),
        Step { at: None, href: None, future: true, ..step("loader", "future", l.request_future_execution(), "", 0) },
    ]
}

/// The panel in each state it can be in.
pub fn decisions(l: Lang, now: DateTime<Utc>) -> Vec<(String, RequestView)> {
    let open = |reason: &str, error| Decide::Open {
        action: "/preferences".into(),
        effect: l.request_approve_runs_now(l.op_org_tier_fix_title()),
        reason: reason.into(),
        error,
        stands_for: None,
    };
    let closed = |why| Decide::Closed { why };
    vec![
        (l.style_decide_idle(), request(l, now, open("", None))),
        (l.style_decide_reason(), request(l, now, open(l.style_too_short().as_str(), Some(l.reason_too_short())))),
        (
            l.style_decide_own(),
            RequestView {
                withdraw: Some("/preferences".into()), ..request(l, now, closed(l.request_cannot_decide_own("이서연, 홍서진")))
            },
        ),
        (l.style_decide_not_permitted(), request(l, now, closed(l.request_cannot_decide("이서연, 홍서진")))),
        (l.style_decide_voted(), RequestView { unvote: Some("/preferences".into()), ..request(l, now, closed(l.request_voted_already())) }),
        (
            l.style_decide_stop(),
            request(
                l,
                now,
                Decide::Stop {
                    action: "/preferences".into(),
                    at: When::new(l, now + TimeDelta::minutes(10)).absolute,
                    reason: String::new(),
                    error: None,
                },
            ),
        ),
        (l.style_decide_over(), request(l, now, closed(l.request_closed_expired()))),
    ]
}

fn request(l: Lang, now: DateTime<Utc>, decide: Decide) -> RequestView {
    RequestView {
        id: "CR-2048".into(),
        href: "#decide".into(),
        title: l.op_org_tier_fix_title(),
        state: view::badge(l, State::Pending),
        risk: RiskTag::new(l, "medium"),
        created: When::new(l, now),
        expires: None,
        not_before: None,
        requester: "최민아".into(),
        target_label: "한빛소프트".into(),
        target_href: None,
        asked_at: None,
        followed: None,
        reason: l.style_reason(),
        diff: Diff::default(),
        raw: String::new(),
        binding: "9f".repeat(32),
        binding_short: "9f9f9f9f".into(),
        policy: Vec::new(),
        sign_in_again: None,
        needs: Vec::new(),
        votes: Vec::new(),
        timeline: Vec::new(),
        outcome: None,
        fate: Fate::default(),
        glass: None,
        talk: None,
        open_question: None,
        escalated: None,
        watching: false,
        decide,
        withdraw: None,
        unvote: None,
        unvote_why: None,
        reverse: None,
        impact: Vec::new(),
        similar: None,
        conflict: None,
        related: Table::default(),
    }
}

/// Several panels on one page: each gets names of its own for what would otherwise be there twice.
pub fn apart(panels: Vec<Panel>) -> Vec<Panel> {
    let rename = |(n, panel): (usize, Panel)| {
        let mut html = panel.html;
        for attribute in [" id=\"", " for=\"", " data-for=\"", " aria-labelledby=\"", " aria-describedby=\""] {
            html = html.split(attribute).enumerate().fold(String::new(), |done, (i, part)| match (i, part.split_once('"')) {
                (1.., Some((names, rest))) => {
                    let names = names.split(' ').map(|name| format!("{name}-{n}")).collect::<Vec<_>>().join(" ");
                    format!("{done}{attribute}{names}\"{rest}")
                }
                _ => done + part,
            });
        }
        Panel { html, ..panel }
    };
    panels.into_iter().enumerate().map(rename).collect()
}

pub fn tasks(l: Lang) -> Vec<Task> {
    let note = |progress| match progress {
        Progress::Waiting => l.style_task_waiting(),
        Progress::Blocked => l.style_task_blocked(),
        Progress::Skipped => l.style_task_skipped(),
        _ => String::new(),
    };
    let owner = |i: usize| if i.is_multiple_of(2) { "최민아" } else { "오태경" };
    let task = |(i, progress): (usize, Progress)| Task::new(l, l.style_task(i as i64 + 1), progress, owner(i), note(progress));
    Progress::ALL.into_iter().enumerate().map(task).collect()
}

pub fn tiles(l: Lang) -> Vec<Tile> {
    let tile = |label, value: &str, hint| Tile { label, value: value.into(), href: "#tiles", hint, trend: None, spark: None };
    let up = [2, 4, 3, 6, 5, 8, 7, 9, 8, 11, 10, 14, 13, 17];
    let down: Vec<i64> = up.iter().rev().copied().collect();
    vec![
        Tile {
            trend: Some(Trend { icon: "trending-up", text: l.dashboard_open_more(5) }),
            spark: Spark::new(&up),
            ..tile(l.dashboard_tile_open(), "17", l.dashboard_tile_open_hint())
        },
        Tile {
            trend: Some(Trend { icon: "trending-down", text: l.dashboard_closed_fewer(3) }),
            spark: Spark::new(&down),
            ..tile(l.dashboard_tile_closed(), "1,204", l.dashboard_tile_closed_hint())
        },
        Tile {
            trend: Some(Trend { icon: "minus", text: l.dashboard_open_same() }),
            spark: Spark::new(&[0; 14]),
            ..tile(l.dashboard_tile_waiting(), "0", l.dashboard_tile_waiting_hint())
        },
        tile(l.style_tile_none(), "", l.style_tile_none_hint()),
    ]
}

/// Lines, bars, a limit with a forecast, one point, and nothing.
pub fn charts(l: Lang) -> Vec<Chart> {
    let first = NaiveDate::from_ymd_opt(2026, 10, 14).unwrap_or_default();
    let days = |count| -> Vec<Day> { first.iter_days().take(count).map(|date| Day::new(l, date)).collect() };
    let wave = |count: i64, base: i64, by: i64| -> Vec<i64> {
        (0..count).map(|i| base + (i * i * 7 + i * by) % 13 - if matches!(i % 7, 3 | 4) { base / 2 } else { 0 }).collect()
    };
    let plot =
        |id, title, finding, shape, count, series, limit| Plot { id, title, finding, shape, days: days(count), series, limit }.draw();
    let (asked, closed) = (l.dashboard_asked(), l.dashboard_closed());
    let both = |count| vec![Series::new(asked.clone(), wave(count, 9, 3)), Series::new(closed.clone(), wave(count, 8, 5))];
    let six = (0..6).map(|n| Series::new(l.style_series(n + 1), (0..12).map(|i| 4 + n * 6 + (i * (n + 2)) % 5).collect())).collect();
    let usage = Series {
        label: l.style_usage(),
        values: (0..20).map(|i| 2_400 + i * 110).collect(),
        forecast: (20..30).map(|i| 2_400 + i * 110).collect(),
    };
    vec![
        plot("chart-lines", l.style_chart_lines(), l.style_chart_lines_finding(), Shape::Line, 30, both(30), None),
        plot("chart-bars", l.style_chart_bars(), l.style_chart_bars_finding(), Shape::Bars, 14, both(14), None),
        plot("chart-six", l.style_chart_six(), l.style_chart_six_finding(), Shape::Line, 12, six, None),
        plot(
            "chart-limit",
            l.style_chart_limit(),
            l.style_chart_limit_finding(),
            Shape::Line,
            30,
            vec![usage],
            Some(Limit { label: l.style_limit(), value: 5_000 }),
        ),
        plot(
            "chart-one",
            l.style_chart_one(),
            l.style_chart_one_finding(),
            Shape::Line,
            1,
            vec![Series::new(asked.clone(), vec![3])],
            None,
        ),
        plot("chart-none", l.style_chart_none(), String::new(), Shape::Line, 0, Vec::new(), None),
    ]
}

pub fn meters(l: Lang) -> Vec<Meter> {
    let meter = |id, used| Meter::new(l, id, l.style_meter(), used, 1_000);
    vec![meter("meter-ok", 420), meter("meter-near", 800), meter("meter-full", 1_000), meter("meter-over", 1_180)]
}

pub fn money(l: Lang) -> Vec<Money> {
    [482_310_000, 12_400_000, 1_234_500_000_000, 59_000, -3_300_000, 0].into_iter().map(|won| Money::new(l, won)).collect()
}

pub fn uploads(l: Lang) -> Vec<Upload> {
    let row = |name: &str, state, text, percent, hash: &str| Upload { name: name.into(), state, text, percent, hash: hash.into() };
    vec![
        row("pricing-2027.pdf", "queued", l.upload_queued(), 0, ""),
        row("onboarding-guide.docx", "sending", "64%".into(), 64, ""),
        row("faq.md", "verifying", l.upload_verifying(), 100, ""),
        row("contract-hanbit.pdf", "done", l.upload_done(), 100, "5f70bf18a086"),
        row("contract-hanbit (1).pdf", "duplicate", l.upload_duplicate(), 100, "5f70bf18a086"),
        row("video.mp4", "failed", l.upload_failed(), 31, ""),
        row("draft.txt", "cancelled", l.upload_cancelled(), 12, ""),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_side_by_side_share_no_name() {
        let html = r#"<p id="a b-not" class="x"></p><label for="a"></label><i aria-describedby="a c">id="a"</i>"#;
        let panels = apart(vec![Panel { label: String::new(), html: html.into() }, Panel { label: String::new(), html: html.into() }]);
        assert!(panels[0].html.contains(r#"for="a-0""#) && panels[1].html.contains(r#"aria-describedby="a-1 c-1""#));
    }

    #[test]
    fn every_sample_is_told_in_both_languages() {
        for l in Lang::ALL {
            assert_eq!(states(l).len(), State::ALL.len());
            assert!(charts(l).iter().take(5).all(|c| !c.is_empty()));
            assert_eq!(meters(l).iter().map(|m| m.level).collect::<Vec<_>>(), ["ok", "near", "full", "over"]);
            assert!(changes(l).rows.iter().any(|row| row.words.is_some()));
        }
    }
}
