//! A list as a file for a spreadsheet.
use super::{
    list::{Asked, Cursor, Listing, Slice, visible},
    table::{Column, Reader},
};
use crate::{error::Error, ledger::Entry};
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, TryStreamExt};
use serde_json::json;

/// Rows read at a time, and at most.
const CHUNK: i64 = 1_000;
const EXPORT_LIMIT: usize = 100_000;

/// The list as CSV: the same filter, order and columns, every row of it up to [`EXPORT_LIMIT`]. Rows are read and sent in
/// chunks, so memory does not grow with the list.
///
/// That somebody took a list away is written down first: an export is how data leaves.
pub async fn csv<L: Listing>(r: Reader, asked: Asked) -> Result<Response, Error> {
    let entry = Entry::of("list.exported").on("list", L::NAME).detail("query", json!(asked.state()));
    r.app.db.record((&r.caller).into(), entry).await?;
    let columns = L::columns();
    let shown = visible(&columns, &asked, |c| c.in_files);
    // a byte order mark, or Excel takes Korean for something else
    let head = format!("\u{feff}{}", line(shown.iter().map(|c| (c.label)(r.l)))?);
    let shown = shown.iter().map(|c| c.key).collect();
    let state = Export { r, asked, shown, cursor: None, sent: 0, done: false };
    let rows = futures::stream::try_unfold(state, Export::next::<L>).map_err(|error| {
        tracing::error!(list = L::NAME, cause = %error, "an export broke off");
        std::io::Error::other("the export broke off")
    });
    let body = Body::from_stream(futures::stream::once(async { Ok(head) }).chain(rows));
    let name =
        format!("attachment; filename=\"countersign-{}-{}.csv\"", L::NAME.replace('/', "-"), chrono::Utc::now().format("%Y%m%d-%H%M"));
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

/// A line of CSV in which nothing is a formula.
pub fn line(values: impl IntoIterator<Item = String>) -> Result<String, Error> {
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

    proptest! {
        /// Whatever a customer is called, the spreadsheet shows it and runs nothing.
        #[test]
        fn no_cell_of_an_export_is_a_formula(value in "[=+@\\-\t\r]?.{0,20}") {
            let text = line(["x".into(), value.clone()]).unwrap();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let back = reader.records().next().unwrap().unwrap()[1].to_owned();
            let quoted = ["'", &value].concat();
            prop_assert!(back == value || back == quoted);
            prop_assert!(!back.starts_with(['=', '+', '-', '@', '\t', '\r']) || back.parse::<f64>().is_ok());
        }
    }
}
