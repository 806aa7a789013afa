//! What a search finds. Each slice looks in what is its own; only `app.rs` knows whom to ask.
use super::Reader;
use crate::error::Error;
use sqlx::PgConnection;
use std::pin::Pin;

/// Somewhere to go: a page, a thing, or something to do.
pub struct Found {
    /// What such things are called together.
    pub group: String,
    pub name: String,
    pub detail: String,
    pub href: String,
    pub icon: &'static str,
}

/// How one slice looks for text, which is empty when nothing was typed yet. Finds nothing that the reader may not see.
pub type Finder = for<'a> fn(&'a Reader, &'a mut PgConnection, &'a str) -> Finding<'a>;
pub type Finding<'a> = Pin<Box<dyn Future<Output = Result<Vec<Found>, Error>> + Send + 'a>>;

/// The most that one finder gives of one kind.
pub const FEW: i64 = 5;

/// Whether any of these contains the text, whatever the case.
pub fn mentions(texts: &[String], q: &str) -> bool {
    let q = q.to_lowercase();
    texts.iter().any(|text| text.to_lowercase().contains(&q))
}
