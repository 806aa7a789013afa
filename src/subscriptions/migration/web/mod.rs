//! The pages of migrations: the form that shows who would be moved and what that costs, and how far one is.
mod form;
mod progress;

use super::{Counts, Migration};
use crate::{
    auth::{SubscriptionsChange, SubscriptionsRead},
    error::Error,
    i18n::Lang,
    page::{Badge, Link},
    requests::short_id,
    surface::Surface,
};
use sqlx::PgConnection;

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<SubscriptionsRead, _, _>("/subscriptions/plans/{code}/migrate", form::show)
        .act::<SubscriptionsRead, _, _>("/subscriptions/plans/{code}/migrate", form::check)
        .show::<SubscriptionsRead, _, _>("/subscriptions/migrations/{request}", progress::show)
        .show::<SubscriptionsRead, _, _>("/subscriptions/migrations/{request}/rows.csv", progress::export)
        .act::<SubscriptionsChange, _, _>("/subscriptions/migrations/{request}/stop", progress::stop)
}

/// One of those of a plan, in a line.
pub struct Brief {
    pub link: Link,
    pub versions: String,
    pub from: String,
    pub state: Badge,
    pub progress: String,
}

/// The last few migrations of a plan.
pub async fn recent(conn: &mut PgConnection, l: Lang, plan: &str) -> Result<Vec<Brief>, Error> {
    let brief = |(m, counts): (Migration, Counts)| Brief {
        link: Link { href: super::href(m.request), label: short_id(m.request) },
        versions: l.migration_versions(m.from_version, m.to_version),
        from: m.from.to_string(),
        state: state(l, &m),
        progress: progress::words(l, &counts),
    };
    Ok(super::store::of_plan(conn, plan, 10).await?.into_iter().map(brief).collect())
}

/// Whether it still runs.
fn state(l: Lang, m: &Migration) -> Badge {
    match m.finished_at {
        Some(_) => Badge { key: "succeeded", label: l.migration_finished(), icon: "circle-check" },
        None => Badge { key: "executing", label: l.migration_running(), icon: "loader" },
    }
}
