//! What a list's URL asks for: filter, order, and where the page begins.
use super::query;
use axum::{extract::FromRequestParts, http::request::Parts};
use std::convert::Infallible;

/// What says where a page begins rather than which list it is.
pub(super) const CURSORS: [&str; 3] = ["after", "before", "selected"];

/// What a list's URL asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub(super) path: String,
    pub(super) pairs: Vec<(String, String)>,
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
        Self {
            path: path.to_owned(),
            pairs: pairs.map(|(n, v)| (n.into_owned(), v.trim().replace('\0', ""))).filter(|(_, v)| !v.is_empty()).collect(),
        }
    }

    /// Where it was asked.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value, or nothing.
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    /// Every pair, in the order in which they stand there.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn some(&self, name: &str) -> Option<String> {
        Some(self.get(name).to_owned()).filter(|v| !v.is_empty())
    }

    /// Says what the reader did not say, or not well.
    pub fn set(&mut self, name: &str, value: &str) {
        self.pairs.retain(|(n, _)| n != name);
        self.pairs.insert(0, (name.to_owned(), value.to_owned()));
    }

    /// Leaves out what is dealt with.
    pub fn forget(&mut self, name: &str) {
        self.pairs.retain(|(n, _)| n != name);
    }

    /// This list with other values, from its beginning; an empty value takes a filter away.
    pub fn with(&self, changes: &[(&str, &str)]) -> String {
        self.link(&self.path, changes, &CURSORS)
    }

    /// This very page of the list with something beside it.
    pub fn beside(&self, id: &str) -> String {
        self.link(&self.path, &[("selected", id)], &["selected"])
    }

    pub(super) fn link(&self, path: &str, changes: &[(&str, &str)], without: &[&str]) -> String {
        let kept = self.pairs.iter().filter(|(n, _)| !without.contains(&n.as_str()) && changes.iter().all(|(c, _)| c != n));
        let all: Vec<_> = kept.map(|(n, v)| (n.as_str(), v.as_str())).chain(changes.iter().copied()).collect();
        format!("{path}{}", query(&all))
    }

    /// The filters and the order, without the page: what a saved view keeps.
    pub(super) fn state(&self) -> String {
        self.link("", &[], &CURSORS).trim_start_matches('?').to_owned()
    }

    pub(super) fn cursor(&self) -> Option<Cursor> {
        let parse = |name, back| {
            let (value, id) = self.get(name).rsplit_once('~')?;
            Some(Cursor { value: value.to_owned(), id: id.to_owned(), back })
        };
        parse("before", true).or_else(|| parse("after", false))
    }

    /// The order asked for, or the list's own.
    pub(super) fn order(&self, known: &'static [&'static str]) -> Order {
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

    /// The requests that expire next.
    pub fn soonest(limit: i64) -> Self {
        Self { order: Order { key: "expires", down: false }, cursor: None, limit }
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
