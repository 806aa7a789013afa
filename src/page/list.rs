//! A list that people filter, sort, page, save and take away. Its whole state is its URL, so every view of it can be sent
//! to somebody; the page and the export read the same URL.
use super::{
    Chip, Opt,
    query,
    table::{Column, Place, Reader, Sort, Table},
    views::{self, View},
};
use crate::{
    error::Error,
    ledger::Entry,
};
use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, TryStreamExt};
use serde_json::json;
use sqlx::PgConnection;
use std::convert::Infallible;

/// Rows on a page.
pub const PAGE: usize = 50;
/// Rows an export reads at a time, and at most.
const CHUNK: i64 = 1_000;
const EXPORT_LIMIT: usize = 100_000;
/// What says where a page begins rather than which list it is.
const CURSORS: [&str; 3] = ["after", "before", "selected"];

/// What a list's URL asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    path: String,
    pairs: Vec<(String, String)>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let path = parts.uri.path();
        Ok(Self::of(path.strip_suffix(".csv").unwrap_or(path), parts.uri.query().unwrap_or_default()))
    }
}

impl Asked {
    pub fn of(path: &str, query: &str) -> Self {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        // NUL is no text for Postgres, and nobody types it
        Self { path: path.to_owned(), pairs: pairs.map(|(n, v)| (n.into_owned(), v.trim().replace('\0', ""))).filter(|(_, v)| !v.is_empty()).collect() }
    }

    /// The value, or nothing.
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    pub fn some(&self, name: &str) -> Option<String> {
        Some(self.get(name).to_owned()).filter(|v| !v.is_empty())
    }

    /// Says what the reader did not say, or not well.
    pub fn set(&mut self, name: &str, value: &str) {
        self.pairs.retain(|(n, _)| n != name);
        self.pairs.insert(0, (name.to_owned(), value.to_owned()));
    }

    /// This list with other values, from its beginning; an empty value takes a filter away.
    pub fn with(&self, changes: &[(&str, &str)]) -> String {
        self.link(&self.path, changes, &CURSORS)
    }

    /// This very page of the list with something beside it.
    pub fn beside(&self, id: &str) -> String {
        self.link(&self.path, &[("selected", id)], &["selected"])
    }

    fn link(&self, path: &str, changes: &[(&str, &str)], without: &[&str]) -> String {
        let kept = self.pairs.iter().filter(|(n, _)| !without.contains(&n.as_str()) && changes.iter().all(|(c, _)| c != n));
        let all: Vec<_> = kept.map(|(n, v)| (n.as_str(), v.as_str())).chain(changes.iter().copied()).collect();
        format!("{path}{}", query(&all))
    }

    /// The filters and the order, without the page: what a saved view keeps.
    fn state(&self) -> String {
        self.link("", &[], &CURSORS).trim_start_matches('?').to_owned()
    }

    fn cursor(&self) -> Option<Cursor> {
        let parse = |name, back| {
            let (value, id) = self.get(name).rsplit_once('~')?;
            Some(Cursor { value: value.to_owned(), id: id.to_owned(), back })
        };
        parse("before", true).or_else(|| parse("after", false))
    }

    /// The order asked for, or the list's own.
    fn order(&self, known: &'static [&'static str]) -> Order {
        let asked = self.get("sort");
        let key = known.iter().find(|k| k.trim_start_matches('-') == asked.trim_start_matches('-'));
        match key {
            Some(key) => Order { key: key.trim_start_matches('-'), down: asked.starts_with('-') },
            None => Order { key: known[0].trim_start_matches('-'), down: known[0].starts_with('-') },
        }
    }
}

/// By what a list is sorted, and whether the largest comes first.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    pub key: &'static str,
    pub down: bool,
}

/// Where a page begins: after, or before (`back`), the row with this value and id.
#[derive(Clone, Debug)]
pub struct Cursor {
    pub value: String,
    pub id: String,
    pub back: bool,
}

/// One read of a list: what the store needs to know besides the filter.
#[derive(Clone, Copy, Debug)]
pub struct Slice<'a> {
    pub order: Order,
    pub cursor: Option<&'a Cursor>,
    pub limit: i64,
}

impl Slice<'_> {
    /// The newest rows of a list whose ids grow with time.
    pub fn newest(limit: i64) -> Self {
        Self { order: Order { key: "created", down: true }, cursor: None, limit }
    }

    /// Whether the page lies before the cursor, so that rows come in reverse.
    pub fn back(&self) -> bool {
        self.cursor.is_some_and(|c| c.back)
    }

    /// The direction to read in: ascending, or not.
    pub fn up(&self) -> bool {
        self.order.down == self.back()
    }

    /// The cursor's value and id, for queries that compare pairs.
    pub fn at(&self) -> (Option<&str>, Option<&str>) {
        self.cursor.map(|c| (c.value.as_str(), c.id.as_str())).unzip()
    }
}

/// One control of a list's filter.
pub struct Filter {
    pub name: &'static str,
    pub label: String,
    pub value: String,
    pub kind: FilterKind,
}

pub enum FilterKind {
    Search { hint: String },
    Text { hint: String },
    Choice(Vec<Opt>),
    Date,
}

impl Filter {
    pub fn search(asked: &Asked, label: String, hint: String) -> Self {
        Self { name: "q", label, value: asked.get("q").to_owned(), kind: FilterKind::Search { hint } }
    }

    pub fn text(asked: &Asked, name: &'static str, label: String, hint: &str) -> Self {
        Self { name, label, value: asked.get(name).to_owned(), kind: FilterKind::Text { hint: hint.to_owned() } }
    }

    pub fn date(asked: &Asked, name: &'static str, label: String) -> Self {
        Self { name, label, value: asked.get(name).to_owned(), kind: FilterKind::Date }
    }

    /// `any` is the choice that does not restrict.
    pub fn choice(asked: &Asked, name: &'static str, label: String, any: String, options: Vec<(String, String)>) -> Self {
        let chosen = asked.get(name);
        let options = options.into_iter().map(|(value, label)| Opt { selected: value == chosen, value, label });
        let kind = FilterKind::Choice(std::iter::once(Opt::any(any, chosen)).chain(options).collect());
        Self { name, label, value: chosen.to_owned(), kind }
    }

    fn chip(&self, asked: &Asked) -> Option<Chip> {
        let value = match &self.kind {
            FilterKind::Choice(options) => options.iter().find(|o| o.selected).map_or(self.value.as_str(), |o| &o.label),
            _ => &self.value,
        };
        (!self.value.is_empty()).then(|| Chip { label: format!("{}: {value}", self.label), href: asked.with(&[(self.name, "")]) })
    }
}

/// One kind of list: its columns, its filters, and where its rows come from.
pub trait Listing: Send + Sync + 'static {
    type Row: Send + Sync;
    /// Names the list in saved views and exports; its page is at `/NAME`.
    const NAME: &'static str;
    /// What it may be sorted by; the first is its own order. A leading `-`: the largest first.
    const ORDERS: &'static [&'static str];
    /// Rows can be chosen for something done to many.
    const CHOOSES: bool = false;
    const ICON: &'static str;

    fn caption(r: &Reader) -> String;
    fn columns() -> Vec<Column<Self::Row>>;
    fn filters(r: &Reader, asked: &Asked) -> Vec<Filter>;
    fn place(asked: &Asked, row: &Self::Row) -> Place;
    /// What a cursor at this row says: the value sorted by, and the id.
    fn mark(row: &Self::Row, key: &str) -> (String, String);
    fn read(
        r: &Reader,
        conn: &mut PgConnection,
        asked: &Asked,
        slice: Slice<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Error>> + Send;
}

/// A list ready for `ui/list.html`.
pub struct List {
    pub name: &'static str,
    pub path: String,
    /// The page as it is now, for a refresh.
    pub here: String,
    pub filters: Vec<Filter>,
    /// What the filter form carries along besides its own controls.
    pub kept: Vec<(String, String)>,
    /// What the column chooser carries along.
    pub rest: Vec<(String, String)>,
    pub chips: Vec<Chip>,
    pub clear: String,
    pub columns: Vec<Choice>,
    pub own_columns: String,
    pub views: Vec<View>,
    /// What a view saved now would keep.
    pub state: String,
    pub export: String,
    pub table: Table,
    pub previous: Option<String>,
    pub next: Option<String>,
    /// What a list without rows says, and its picture.
    pub empty: String,
    pub icon: &'static str,
    pub filtered: bool,
}

/// A column that can be shown or hidden; the first always stands.
pub struct Choice {
    pub key: &'static str,
    pub label: String,
    pub shown: bool,
}

/// Reads the page of the list that the URL asks for. `empty` is what a list without rows and filters says.
pub async fn page<L: Listing>(r: &Reader, conn: &mut PgConnection, asked: &Asked, empty: String) -> Result<List, Error> {
    let (order, cursor) = (asked.order(L::ORDERS), asked.cursor());
    let slice = Slice { order, cursor: cursor.as_ref(), limit: PAGE as i64 + 1 };
    let mut rows = L::read(r, conn, asked, slice).await?;
    let more = rows.len() > PAGE;
    if more {
        // the surplus one is at the far end of the direction we went
        if slice.back() {
            rows.remove(0);
        } else {
            rows.truncate(PAGE);
        }
    }
    let link = |name: &str, row: Option<&L::Row>| {
        row.map(|row| {
            let (value, id) = L::mark(row, order.key);
            asked.link(&asked.path, &[(name, &format!("{value}~{id}"))], &CURSORS)
        })
    };
    let next = link("after", rows.last()).filter(|_| slice.back() || more);
    let previous = link("before", rows.first()).filter(|_| if slice.back() { more } else { cursor.is_some() });

    let all = L::columns();
    let shown = visible(&all, asked);
    let mut table = Table::of(r, L::caption(r), &shown, &rows, |row| L::place(asked, row));
    table.chooses = L::CHOOSES;
    for (head, column) in table.heads.iter_mut().zip(&shown).filter(|(_, c)| c.sorts) {
        let (current, down) = (order.key == column.key, order.down);
        let turned = if current && !down { format!("-{}", column.key) } else { column.key.to_owned() };
        let direction = match (current, down) {
            (false, _) => "none",
            (true, false) => "ascending",
            (true, true) => "descending",
        };
        head.sort = Some(Sort { href: asked.with(&[("sort", &turned)]), direction });
    }
    let filters = L::filters(r, asked);
    let chips: Vec<Chip> = filters.iter().filter_map(|f| f.chip(asked)).collect();
    let names: Vec<&str> = filters.iter().map(|f| f.name).collect();
    let own = |name: &str| names.contains(&name) || CURSORS.contains(&name);
    let clear: Vec<(&str, &str)> = names.iter().map(|name| (*name, "")).collect();
    Ok(List {
        name: L::NAME,
        path: asked.path.clone(),
        here: asked.link(&asked.path, &[], &[]),
        rest: asked.pairs.iter().filter(|(n, _)| n != "cols" && !CURSORS.contains(&n.as_str())).cloned().collect(),
        own_columns: asked.with(&[("cols", "")]),
        icon: L::ICON,
        kept: asked.pairs.iter().filter(|(n, _)| !own(n)).cloned().collect(),
        clear: asked.with(&clear),
        columns: all.iter().map(|c| Choice { key: c.key, label: (c.label)(r.l), shown: shown.iter().any(|s| s.key == c.key) }).collect(),
        views: views::of(conn, r.caller.id, L::NAME, &asked.state()).await?,
        state: asked.state(),
        export: asked.link(&format!("{}.csv", asked.path), &[], &CURSORS),
        previous,
        next,
        empty: if chips.is_empty() { empty } else { r.l.list_filtered_empty() },
        filtered: !chips.is_empty(),
        filters,
        chips,
        table,
    })
}

/// The columns the reader chose (`cols=a,b`), or those shown anyway; the first always.
fn visible<'a, T>(all: &'a [Column<T>], asked: &Asked) -> Vec<&'a Column<T>> {
    let chosen: Vec<&str> = asked.pairs.iter().filter(|(n, _)| n == "cols").flat_map(|(_, v)| v.split(',')).collect();
    all.iter().enumerate().filter(|(i, c)| *i == 0 || if chosen.is_empty() { c.shown } else { chosen.contains(&c.key) }).map(|(_, c)| c).collect()
}

/// The list as CSV: the same filter, order and columns, every row of it up to [`EXPORT_LIMIT`]. Rows are read and sent in
/// chunks, so memory does not grow with the list.
///
/// That somebody took a list away is written down first: an export is how data leaves.
pub async fn export<L: Listing>(r: Reader, asked: Asked) -> Result<Response, Error> {
    let entry = Entry::of("list.exported").on("list", L::NAME).detail("query", json!(asked.state()));
    r.app.db.record((&r.caller).into(), entry).await?;
    let columns = L::columns();
    let shown: Vec<&'static str> = visible(&columns, &asked).iter().map(|c| c.key).collect();
    // a byte order mark, or Excel takes Korean for something else
    let head = format!("\u{feff}{}", line(visible(&columns, &asked).iter().map(|c| (c.label)(r.l)))?);
    let state = Export { r, asked, shown, cursor: None, sent: 0, done: false };
    let rows = futures::stream::try_unfold(state, Export::next::<L>).map_err(|error| {
        tracing::error!(list = L::NAME, cause = %error, "an export broke off");
        std::io::Error::other("the export broke off")
    });
    let body = Body::from_stream(futures::stream::once(async { Ok(head) }).chain(rows));
    let name = format!("attachment; filename=\"countersign-{}-{}.csv\"", L::NAME, chrono::Utc::now().format("%Y%m%d-%H%M"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(anyhow::Error::from)?),
    ];
    Ok((headers, body).into_response())
}

/// An export on its way.
struct Export {
    r: Reader,
    asked: Asked,
    shown: Vec<&'static str>,
    cursor: Option<Cursor>,
    sent: usize,
    done: bool,
}

impl Export {
    /// The next chunk as text, with its connection given back before it is sent.
    async fn next<L: Listing>(mut self) -> Result<Option<(String, Self)>, Error> {
        if self.done {
            return Ok(None);
        }
        let order = self.asked.order(L::ORDERS);
        let mut conn = self.r.app.db.read().await?;
        let rows = L::read(&self.r, &mut conn, &self.asked, Slice { order, cursor: self.cursor.as_ref(), limit: CHUNK }).await?;
        drop(conn);
        let columns = L::columns();
        let shown: Vec<&Column<L::Row>> = self.shown.iter().filter_map(|key| columns.iter().find(|c| c.key == *key)).collect();
        let text = rows.iter().map(|row| line(shown.iter().map(|c| (c.raw)(row)))).collect::<Result<String, Error>>()?;
        self.sent += rows.len();
        self.done = (rows.len() as i64) < CHUNK || self.sent >= EXPORT_LIMIT;
        self.cursor = rows.last().map(|row| L::mark(row, order.key)).map(|(value, id)| Cursor { value, id, back: false });
        Ok(Some((text, self)))
    }
}

fn line(values: impl IntoIterator<Item = String>) -> Result<String, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(values.into_iter().map(harmless)).map_err(anyhow::Error::from)?;
    let bytes = writer.into_inner().map_err(|e| anyhow::anyhow!("{e}"))?;
    Ok(String::from_utf8(bytes).map_err(anyhow::Error::from)?)
}

/// A spreadsheet runs text that begins like a formula; with an apostrophe it stays text. Numbers stay numbers.
fn harmless(value: String) -> String {
    let begins = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if begins && value.parse::<f64>().is_err() { format!("'{value}") } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_link_keeps_the_filter_and_begins_anew() {
        let asked = Asked::of("/orgs", "q=%ED%95%9C%EB%B9%9B&sort=-credit&after=3~org_1&selected=x");
        assert_eq!(asked.with(&[("tier", "pro")]), "/orgs?q=%ED%95%9C%EB%B9%9B&sort=-credit&tier=pro");
        assert_eq!(asked.with(&[("q", "")]), "/orgs?sort=-credit");
        assert_eq!(asked.state(), "q=%ED%95%9C%EB%B9%9B&sort=-credit");
    }

    #[test]
    fn unknown_orders_and_broken_cursors_are_the_lists_own() {
        let order = Asked::of("/x", "sort=%27;drop").order(&["-id", "name"]);
        assert_eq!((order.key, order.down), ("id", true));
        assert!(Asked::of("/x", "after=nothing").cursor().is_none());
    }

    proptest! {
        /// Whatever a customer is called, the spreadsheet shows it and runs nothing.
        #[test]
        fn no_cell_of_an_export_is_a_formula(value in "[=+@\\-\t\r]?.{0,20}") {
            let text = line([value.clone(), "x".into()]).unwrap();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let back = reader.records().next().unwrap().unwrap()[0].to_owned();
            let quoted = ["'", &value].concat();
            prop_assert!(back == value || back == quoted);
            prop_assert!(!back.starts_with(['=', '+', '-', '@', '\t', '\r']) || back.parse::<f64>().is_ok());
        }
    }
}
