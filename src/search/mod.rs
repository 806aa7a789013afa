//! One field for everything: pages, things by number or name, and what can be asked for.
pub mod web;

use crate::{
    error::Error,
    i18n::Lang,
    page::{Found, Reader, mentions, nav},
};
use sqlx::PgConnection;

/// The pages of this reader's navigation, by their name in either language: people remember one of them.
pub async fn pages(r: &Reader, _: &mut PgConnection, q: &str) -> Result<Vec<Found>, Error> {
    let other = if r.l.is_ko() { Lang::En } else { Lang::Ko };
    let labels = nav(&r.app, &r.caller, other).into_iter().flat_map(|group| group.items).map(|item| item.label);
    let items =
        nav(&r.app, &r.caller, r.l).into_iter().flat_map(|group| group.items.into_iter().map(move |item| (group.label.clone(), item)));
    let found = items.zip(labels).filter_map(|((detail, item), other)| {
        let names = [item.label, other];
        let fits = mentions(&names, q);
        let [name, _] = names;
        fits.then(|| Found { group: r.l.found_pages(), name, detail, href: item.href.into(), icon: item.icon })
    });
    Ok(found.collect())
}
