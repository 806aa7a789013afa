//! The ledger's list: a line and a form that say the same, and the way to take away what they find.
use super::{
    list::Events,
    log::{self, Status},
};
use crate::{
    app::App,
    auth::{LedgerExport, LedgerRead, LedgerResume, Operator, Scope},
    error::{Error, Problem},
    i18n::msg,
    ledger::{
        browse::{self, MOST, Query},
        export::{self, Export, Format},
        query::KEYS,
        reading,
        retire::{self, Month},
    },
    operations::form::grouped,
    page::{
        self, Shell, Visit,
        list::{self as lists, Asked, List},
    },
};
use askama::Template;
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use chrono::Utc;

#[derive(Template)]
#[template(path = "ledger/index.html")]
struct Index {
    shell: Shell,
    status: Status,
    /// Whether the log is halted and the reader may ask how it goes on.
    resumes: bool,
    list: List,
    line: String,
    /// What may stand before a colon.
    known: String,
    mistake: Option<String>,
    /// How many there are; nothing where nobody counted.
    count: String,
    /// The newest month that is not here any more.
    retired: Option<Month>,
    /// What the export's form carries along.
    fields: Vec<(&'static str, String)>,
    formats: [(&'static str, String); 3],
    /// Whether the reader may take reasons, before and after away, too.
    opens: bool,
    /// How an export is checked without us: the log's public keys, and what to type.
    keys: Vec<String>,
    command: String,
}

pub(super) async fn index(
    operator: Operator<LedgerRead>,
    visit: Visit,
    State(app): State<App>,
    mut asked: Asked,
) -> Result<Response, Error> {
    let l = visit.l;
    let line = asked.some("line");
    let read = match &line {
        Some(line) => Query::from_line(line).map_err(|mistake| l.say(&mistake.text)),
        None => Query::from_fields(|name| asked.get(name)).map_err(|problem| l.say(&problem.text)),
    };
    if let Ok(query) = &read
        && (line.is_some() || !asked.get("kind").is_empty())
    {
        // one address for one question, whichever way it was asked
        let fields = query.fields();
        let changes: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).chain([("line", ""), ("kind", "")]).collect();
        return Ok(Redirect::to(&asked.with(&changes)).into_response());
    }
    let begins = asked.get("after").is_empty() && asked.get("before").is_empty();
    if let Ok(query) = &read
        && !query.is_empty()
        && begins
        && !visit.follows
    {
        reading::asked(&app, &operator, query).await?;
    }
    asked.forget("line");
    let mut conn = app.db.read().await?;
    let mut list = lists::page::<Events>(&visit.reader(&app)?, &mut conn, &asked, l.ledger_empty()).await?;
    let mut count = None;
    match &read {
        Ok(_) if begins && list.next.is_none() => count = Some(list.table.rows.len() as i64),
        Ok(query) => count = browse::count(&mut conn, &query.filter(Utc::now())).await?,
        Err(_) => {
            list.table.rows.clear();
            (list.previous, list.next, list.filtered, list.empty) = (None, None, true, l.ledger_line_nothing());
        }
    }
    let status = Status::of(&mut conn, l).await?;
    let retired = retire::newest(&mut conn).await?;
    drop(conn);
    let fields = read.as_ref().map(|query| query.fields()).unwrap_or_default();
    let fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    page::html(&Index {
        shell: visit.shell(&app).await?,
        resumes: status.is_halted() && operator.caller().may(LedgerResume::NAME),
        status,
        line: line.or_else(|| read.as_ref().ok().map(Query::line)).unwrap_or_default(),
        known: KEYS.map(|key| format!("{key}:")).join(" "),
        mistake: read.err(),
        count: count.map(|n| if n > MOST { l.ledger_count_more(grouped(MOST)) } else { l.ledger_count(grouped(n)) }).unwrap_or_default(),
        list,
        retired,
        fields,
        formats: Format::ALL.map(|format| (format.name(), format.label(l))),
        opens: operator.caller().may(LedgerExport::NAME),
        keys: log::public_keys(&app),
        command: log::verifying(&app, "export EXPORT.ndjson"),
    })
}

/// The list as a spreadsheet, with the columns that were chosen.
pub(super) async fn csv(visit: Visit, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    query(&asked)?;
    page::export::csv::<Events>(visit.reader(&app)?, asked).await
}

/// For pages and for clients alike: `format`, the fields or a `line`, `openings=yes`, `proofs=yes`, `from` a place in the log, and `after` an event.
pub async fn export(operator: Operator<LedgerRead>, State(app): State<App>, asked: Asked) -> Result<Response, Error> {
    let format = match asked.get("format") {
        "" => Format::Ndjson,
        name => Format::named(name).ok_or_else(|| {
            let known = Format::ALL.map(Format::name).join(", ");
            Error::Invalid(vec![Problem::new("format", msg::ledger_format_unknown(known))])
        })?,
    };
    let is = |name: &str| matches!(asked.get(name), "yes" | "true" | "1");
    let (openings, proofs) = (is("openings"), is("proofs"));
    let (from, after) = (export::place(asked.get("from"))?, export::cursor(asked.get("after"))?);
    let export = Export { format, query: query(&asked)?, openings, proofs, from, after };
    let bytes = export::begin(&app, &operator, export).await?;
    let name = format!("attachment; filename=\"countersign-ledger-{}.{}\"", Utc::now().format("%Y%m%d-%H%M"), format.ending());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(anyhow::Error::from)?),
    ];
    Ok((headers, Body::from_stream(bytes)).into_response())
}

/// What a client asks for, as a line or as fields; what is wrong is told with its field.
pub fn query(asked: &Asked) -> Result<Query, Error> {
    let query = match asked.some("line") {
        Some(line) => Query::from_line(&line).map_err(|mistake| Problem::new("line", mistake.text)),
        None => Query::from_fields(|name| asked.get(name)),
    };
    query.map_err(|problem| Error::Invalid(vec![problem]))
}
