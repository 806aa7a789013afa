//! A list that people filter, sort, page, save and take away. Its whole state is its URL, so every view of it can be sent
//! to somebody; the page and the export read the same URL.
pub use super::asked::{Asked, Cursor, Order, Slice};

use super::{
    Chip, Opt,
    asked::CURSORS,
    table::{Column, Place, Reader, Sort, Table},
    views::{self, View},
};
use crate::error::Error;
use serde_json::{Value, json};
use sqlx::PgConnection;

/// Rows on a page.
pub const PAGE: usize = 50;
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
    /// The columns that are left when something stands beside the list; none: all.
    const BESIDE: &'static [&'static str] = &[];
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
    /// How many of them stand in sight; the others unfold, and are unfolded while one of them restricts.
    pub in_sight: usize,
    pub more_set: bool,
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

/// A page as the API tells it, of rows of which one more was read than fits.
pub fn told<T>(mut rows: Vec<T>, item: impl Fn(&T) -> Value, cursor: impl Fn(&T) -> String) -> Value {
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(cursor);
    json!({"items": rows.iter().map(item).collect::<Vec<_>>(), "next": next})
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
    let mut shown = visible(&all, asked, |c| c.shown);
    if !asked.get("selected").is_empty() && !L::BESIDE.is_empty() && asked.get("cols").is_empty() {
        shown.retain(|c| L::BESIDE.contains(&c.key));
    }
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
        head.sort = Some(Sort { key: column.key, href: asked.with(&[("sort", &turned)]), direction });
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
        in_sight: filters.len().min(if filters.len() > 5 { 4 } else { 5 }),
        more_set: filters.len() > 5 && filters[4..].iter().any(|f| !f.value.is_empty()),
        filtered: !chips.is_empty(),
        filters,
        chips,
        table,
    })
}

/// The columns the reader chose (`cols=a,b`), or those that are there anyway; the first always.
pub(super) fn visible<'a, T>(all: &'a [Column<T>], asked: &Asked, anyway: fn(&Column<T>) -> bool) -> Vec<&'a Column<T>> {
    let chosen: Vec<&str> = asked.pairs.iter().filter(|(n, _)| n == "cols").flat_map(|(_, v)| v.split(',')).collect();
    all.iter()
        .enumerate()
        .filter(|(i, c)| *i == 0 || if chosen.is_empty() { anyway(c) } else { chosen.contains(&c.key) })
        .map(|(_, c)| c)
        .collect()
}
