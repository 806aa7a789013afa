//! The pages of requests: the inbox, one request, and asking for one.
mod bulk;
mod choose;
mod comments;
mod drafts;
mod find;
mod findings;
mod inbox;
mod list;
mod new;
mod review;
mod seen;
mod show;
mod watch;

pub use find::{actions, requests as find};
pub use list::{BRIEF, columns, place};

use crate::{
    auth::{RequestsAsk, RequestsDecide, RequestsRead},
    surface::Surface,
};

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<RequestsRead, _, _>("/inbox", inbox::index)
        .show::<RequestsRead, _, _>("/inbox.csv", inbox::export)
        .show::<RequestsAsk, _, _>("/requests/new", choose::choose)
        .show::<RequestsAsk, _, _>("/requests/new/{operation}", new::form)
        .act::<RequestsAsk, _, _>("/requests/new/{operation}", new::ask)
        .act::<RequestsDecide, _, _>("/requests/bulk", bulk::check)
        .act::<RequestsDecide, _, _>("/requests/bulk/votes", bulk::decide)
        .show::<RequestsRead, _, _>("/requests/{id}", show::show)
        .act::<RequestsDecide, _, _>("/requests/{id}/votes", show::vote)
        .act::<RequestsDecide, _, _>("/requests/{id}/votes/withdraw", show::unvote)
        .act::<RequestsAsk, _, _>("/requests/{id}/withdraw", show::withdraw)
        .act::<RequestsAsk, _, _>("/requests/{id}/comments", comments::add)
        .act::<RequestsRead, _, _>("/requests/{id}/watch", watch::watch)
        .act::<RequestsDecide, _, _>("/requests/{id}/findings", findings::report)
        .act::<RequestsDecide, _, _>("/requests/{id}/read-back", findings::read_back)
        .act::<RequestsDecide, _, _>("/requests/{id}/review", review::record)
}
