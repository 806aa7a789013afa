//! The pages of templates: all of them, one with its matrix and what changed in it, and the editor of the next version.
mod editor;
mod list;
mod show;

use crate::{
    auth::{PermissionsChange, PermissionsRead},
    surface::Surface,
};

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<PermissionsRead, _, _>("/permissions", list::index)
        .show::<PermissionsRead, _, _>("/permissions.csv", list::export)
        .show::<PermissionsChange, _, _>("/permissions/new", editor::blank)
        .act::<PermissionsChange, _, _>("/permissions/draft", editor::check)
        .show::<PermissionsRead, _, _>("/permissions/{code}", show::show)
        .show::<PermissionsChange, _, _>("/permissions/{code}/next", editor::next)
}
