//! The pages of add-ons: what was asked for, the form to ask, what one tenant has, and its invoice as it would be.
mod list;
mod new;
mod sheet;
mod tenant;

use super::{Filter, Standing};
use crate::{
    auth::{AddonsRead, RequestsAsk},
    i18n::Lang,
    page::Badge,
    surface::Surface,
};

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<AddonsRead, _, _>("/addons", list::index)
        .show::<AddonsRead, _, _>("/addons.csv", list::export)
        .show::<RequestsAsk, _, _>("/addons/new", new::form)
        .act::<RequestsAsk, _, _>("/addons/new", new::submit)
        .show::<AddonsRead, _, _>("/tenants/{id}/addons", tenant::show)
        .show::<AddonsRead, _, _>("/tenants/{id}/invoice-preview", sheet::show)
}

fn badge(l: Lang, standing: Standing) -> Badge {
    let (key, label, icon) = match standing {
        Standing::Scheduled => ("pending", l.addon_scheduled(), "clock"),
        Standing::Active => ("succeeded", l.addon_active(), "circle-check"),
        Standing::Ended => ("expired", l.addon_ended(), "history"),
        Standing::Undone => ("withdrawn", l.addon_undone(), "undo-2"),
    };
    Badge { key, label, icon }
}
