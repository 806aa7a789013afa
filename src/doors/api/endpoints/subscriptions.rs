//! The endpoints of subscriptions.
use super::{
    super::{
        openapi::schema,
        subscriptions::{MigrationStop, NewSubscriptionPreview},
    },
    Endpoint, LIST, get, post,
};
use serde_json::{Map, Value};

pub const ENDPOINTS: &[Endpoint] = &[
    get(
        "/api/subscriptions",
        "Subscriptions, those that began last first",
        &[
            ("q", "Part of a company's name, the beginning of a slug, or a tenant's id"),
            ("plan", "The code of a plan"),
            ("version", "One of its versions"),
            ("state", "active, scheduled, ended or undone; without it, all but those that were undone"),
            ("cursor", "`next` of the page before"),
        ],
        LIST,
    ),
    get(
        "/api/tenants/{id}/subscription",
        "What a tenant is, will be and was subscribed to, and its AI services",
        &[],
        &[(200, "`current`, `next`, `history` and `ai_services`"), (404, "No such tenant")],
    ),
    get(
        "/api/subscriptions/migrations/{request}",
        "How far the migration is that a request of `subscription.migrate` began, and its tenants in the order of their turns",
        &[("state", "pending, moved or skipped"), ("cursor", "`next` of the page before")],
        &[(200, "What was begun, `counts`, `items` and `next`"), (404, "No such request, or it has not begun")],
    ),
    post(
        "/api/subscriptions/migrations/{request}/stop",
        "Leave out all tenants of a migration that still wait; those that have moved stay as they are",
        Some("MigrationStop"),
        &[],
        &[
            (200, "The migration"),
            (404, "No such request, or it has not begun"),
            (409, "Nobody waits any more"),
            (422, "The reason is missing or too short"),
        ],
    ),
    post(
        "/api/subscriptions/preview",
        "What a change costs, or an end where no plan is named: `subscription.change` and `subscription.cancel` ask for it",
        Some("NewSubscriptionPreview"),
        &[],
        &[
            (200, "Credit, charge and net in won, with their steps; `refused` says why it may not be, if it may not"),
            (422, "No such tenant, or a plan that is not sold on that day"),
        ],
    ),
];

/// The bodies of these.
pub fn schemas() -> Map<String, Value> {
    Map::from_iter([
        ("MigrationStop".into(), schema::<MigrationStop>()),
        ("NewSubscriptionPreview".into(), schema::<NewSubscriptionPreview>()),
    ])
}
