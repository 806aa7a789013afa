//! The pages of the catalog: plans and add-ons as lists, one product with its versions and what it would cost, and the editor of the next
//! version.
mod calculator;
mod editor;
mod lists;
mod show;

use super::{Kind, promotions};
use crate::{
    auth::{CatalogChange, CatalogRead},
    i18n::Lang,
    surface::Surface,
};
pub use lists::find;
use lists::{Addons, Plans, export, index};

pub fn routes(surface: Surface) -> Surface {
    promotions::web::routes(surface)
        .show::<CatalogRead, _, _>("/catalog/plans", index::<Plans>)
        .show::<CatalogRead, _, _>("/catalog/plans.csv", export::<Plans>)
        .show::<CatalogChange, _, _>("/catalog/plans/new", editor::blank::<Plans>)
        .act::<CatalogChange, _, _>("/catalog/plans/draft", editor::submit::<Plans>)
        .show::<CatalogRead, _, _>("/catalog/plans/{code}", show::show::<Plans>)
        .show::<CatalogChange, _, _>("/catalog/plans/{code}/next", editor::next::<Plans>)
        .show::<CatalogRead, _, _>("/catalog/addons", index::<Addons>)
        .show::<CatalogRead, _, _>("/catalog/addons.csv", export::<Addons>)
        .show::<CatalogChange, _, _>("/catalog/addons/new", editor::blank::<Addons>)
        .act::<CatalogChange, _, _>("/catalog/addons/draft", editor::submit::<Addons>)
        .show::<CatalogRead, _, _>("/catalog/addons/{code}", show::show::<Addons>)
        .show::<CatalogChange, _, _>("/catalog/addons/{code}/next", editor::next::<Addons>)
}

/// Which kind of product a page is about.
trait Sold: Send + Sync + 'static {
    const KIND: Kind;
}

impl Sold for Plans {
    const KIND: Kind = Kind::Plan;
}

impl Sold for Addons {
    const KIND: Kind = Kind::Addon;
}

fn href(kind: Kind, code: &str) -> String {
    format!("/catalog/{}/{code}", kind.path())
}

/// One of the catalog's lists, as the tabs above each name it.
pub(in crate::catalog) struct Tab {
    pub href: String,
    pub label: String,
    pub current: bool,
}

impl Tab {
    /// All of them; without a kind the list of promotions is the current one.
    pub fn all(l: Lang, current: Option<Kind>) -> Vec<Self> {
        let of =
            |kind: Kind| Tab { href: format!("/catalog/{}", kind.path()), label: lists::title(l, kind), current: current == Some(kind) };
        let promotions = Tab { href: "/catalog/promotions".into(), label: l.promotion_title(), current: current.is_none() };
        Kind::ALL.map(of).into_iter().chain([promotions]).collect()
    }
}
