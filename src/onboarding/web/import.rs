//! The page that imports tenants: a file is checked first, and what was checked is imported then.
use super::form::Form;
use crate::{
    app::App,
    auth::{OnboardingWork, Operator},
    error::Error,
    i18n::Lang,
    onboarding::{
        import::{self, COLUMNS, LIMIT_TEXT, MOST_ROWS, Report},
        short_id,
    },
    page::{self, Shell, Visit, export},
};
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

#[derive(Template)]
#[template(path = "onboarding/import.html")]
struct Import {
    shell: Shell,
    hint: String,
    columns: String,
    error: Option<String>,
    told: Option<Told>,
}

/// What would happen, or what happened.
struct Told {
    counts: String,
    done: bool,
    rows: Vec<Row>,
    /// The text that was checked, for the second step; nothing where no row can be imported.
    text: Option<String>,
    run: String,
}

struct Row {
    line: u64,
    company: String,
    slug: String,
    ok: bool,
    result: String,
    why: String,
    href: Option<String>,
}

fn told(l: Lang, report: Report, done: bool, text: String) -> Told {
    let (accepted, refused) = (report.accepted(), report.refused());
    Told {
        counts: if done { l.import_done_counts(accepted, refused) } else { l.import_counts(accepted, report.encoding, refused) },
        done,
        text: (!done && accepted > 0).then_some(text),
        run: l.import_run(accepted),
        rows: report
            .rows
            .into_iter()
            .map(|row| {
                let ok = row.problems.is_empty();
                Row {
                    line: row.line,
                    company: row.company,
                    slug: row.slug,
                    ok,
                    result: match (ok, done) {
                        (true, true) => l.import_imported(),
                        (true, false) => l.import_accepted(),
                        (false, _) => l.import_refused(),
                    },
                    why: row.problems.iter().map(|p| l.say(&p.text)).collect::<Vec<_>>().join(" "),
                    href: row.id.map(|id| format!("/onboarding/{}", short_id(id))),
                }
            })
            .collect(),
    }
}

async fn draw(app: &App, visit: &Visit, told: Option<Told>, error: Option<String>) -> Result<Response, Error> {
    let l = visit.l;
    let columns = COLUMNS.map(|(name, korean)| format!("{korean} ({name})")).join(", ");
    let failed = error.is_some();
    let page = Import { shell: visit.shell(app).await?, hint: l.import_file_hint(MOST_ROWS, LIMIT_TEXT), columns, error, told };
    let mut response = page::html(&page)?;
    if failed {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

pub(super) async fn form(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    draw(&app, &visit, None, None).await
}

/// A file is looked at; the text of one that was looked at is imported.
pub(super) async fn run(
    operator: Operator<OnboardingWork>,
    mut visit: Visit,
    State(app): State<App>,
    form: Result<Form, Error>,
) -> Result<Response, Error> {
    visit.read_at("/onboarding/import");
    let form = match form {
        Ok(form) => form,
        Err(Error::TooLarge(_)) => return draw(&app, &visit, None, Some(visit.l.import_too_large(LIMIT_TEXT))).await,
        Err(other) => return Err(other),
    };
    let (bytes, trial) = match (form.file, form.typed.get("text")) {
        (Some(file), _) => (file.bytes, true),
        (None, Some(text)) if !text.is_empty() => (text.as_bytes().to_vec(), false),
        _ => return draw(&app, &visit, None, Some(visit.l.import_no_file())).await,
    };
    match import::import(&app, &operator, &bytes, trial).await {
        Ok(report) => {
            let text = import::decode(&bytes).map(|(text, _)| text).unwrap_or_default();
            draw(&app, &visit, Some(told(visit.l, report, !trial, text)), None).await
        }
        Err(Error::Invalid(problems)) => {
            let why = problems.iter().map(|p| visit.l.say(&p.text)).collect::<Vec<_>>().join(" ");
            draw(&app, &visit, None, Some(why)).await
        }
        Err(other) => Err(other),
    }
}

/// The column names and one row to write over.
pub(super) async fn template(visit: Visit) -> Result<Response, Error> {
    let _ = visit;
    let head = export::line(COLUMNS.map(|(_, korean)| korean.to_owned()))?;
    let example = export::line(
        [
            "124-81-00998",
            "한빛소프트",
            "hanbit",
            "kr",
            "Asia/Seoul",
            "pro",
            "kms; advisor",
            "HB-2026-0117",
            "1650000",
            "김하늘",
            "sky@customer.example",
            "",
        ]
        .map(str::to_owned),
    )?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"countersign-onboarding.csv\"")),
    ];
    Ok((headers, format!("\u{feff}{head}{example}")).into_response())
}
