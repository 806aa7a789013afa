//! Help inside the product: `docs/help/`, rendered by the build.
pub mod web;

use crate::{
    error::Error,
    i18n::Lang,
    page::{Found, Reader, mentions},
};
use sqlx::PgConnection;

/// One topic in both languages.
pub struct Topic {
    pub name: &'static str,
    pub ko: Article,
    pub en: Article,
}

/// A text as people read it.
pub struct Article {
    pub title: &'static str,
    /// Its first sentence.
    pub lead: &'static str,
    /// All of it but the title.
    pub html: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/help.rs"));

impl Topic {
    pub fn named(name: &str) -> Option<&'static Self> {
        TOPICS.iter().find(|topic| topic.name == name)
    }

    pub fn article(&self, l: Lang) -> &Article {
        match l {
            Lang::Ko => &self.ko,
            Lang::En => &self.en,
        }
    }

    pub fn href(&self) -> String {
        format!("/help/{}", self.name)
    }
}

/// Topics by their title in either language, once something is typed.
pub async fn find(r: &Reader, _: &mut PgConnection, q: &str) -> Result<Vec<Found>, Error> {
    let fits = |topic: &&Topic| !q.is_empty() && mentions(&[topic.ko.title.into(), topic.en.title.into()], q);
    let found = TOPICS.iter().filter(fits).map(|topic| {
        let article = topic.article(r.l);
        Found { group: r.l.nav_help(), name: article.title.into(), detail: article.lead.into(), href: topic.href(), icon: "circle-help" }
    });
    Ok(found.collect())
}
