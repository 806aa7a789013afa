//! The pages of subscriptions: all of them, a tenant's own with what is planned, the forms that show what a change costs, and who is on
//! which version of a plan.
mod lists;
mod plan;
mod planning;
mod show;

use super::{Standing, Subscription, migration};
use crate::{auth::SubscriptionsRead, i18n::Lang, page::Badge, surface::Surface};

pub fn routes(surface: Surface) -> Surface {
    migration::web::routes(surface)
        .show::<SubscriptionsRead, _, _>("/subscriptions", lists::index)
        .show::<SubscriptionsRead, _, _>("/subscriptions.csv", lists::export)
        .show::<SubscriptionsRead, _, _>("/subscriptions/plans/{code}", plan::show)
        .show::<SubscriptionsRead, _, _>("/tenants/{id}/subscription", show::show)
        .show::<SubscriptionsRead, _, _>("/tenants/{id}/subscription/change", planning::change)
        .show::<SubscriptionsRead, _, _>("/tenants/{id}/subscription/cancel", planning::cancel)
}

fn href(tenant: &str) -> String {
    format!("/tenants/{tenant}/subscription")
}

/// How a subscription stands, in word, colour and shape.
fn badge(l: Lang, standing: Standing) -> Badge {
    let (key, label, icon) = match standing {
        Standing::Scheduled => ("pending", l.subscription_scheduled(), "clock"),
        Standing::Active => ("succeeded", l.subscription_active(), "circle-check"),
        Standing::Ended => ("expired", l.subscription_ended(), "history"),
        Standing::Undone => ("withdrawn", l.subscription_undone(), "undo-2"),
    };
    Badge { key, label, icon }
}

/// `프로 v3`.
fn called(s: &Subscription) -> String {
    format!("{} v{}", s.plan_name, s.version)
}
