//! Add-ons, and what an invoice would say.
use super::{CURSOR, Endpoint, LIST, get, post};
use crate::doors::api::{addons::NewInvoicePreview, openapi::schema};
use serde_json::{Map, Value};

pub const ENDPOINTS: &[Endpoint] = &[
    get(
        "/api/addons",
        "Requests for add-ons, newest first; `addon.change` makes one",
        &[
            ("standing", "waiting, done or not-done"),
            ("addon", "The add-on's code"),
            ("tenant", "The tenant's id"),
            ("q", "A request's id, or part of a company's name or slug"),
            CURSOR,
        ],
        LIST,
    ),
    get(
        "/api/tenants/{id}/addons",
        "What a tenant has on top of its plan, and what it had",
        &[],
        &[(200, "Add-ons with their days"), (404, "No such tenant")],
    ),
    post(
        "/api/tenants/{id}/invoice-preview",
        "What an invoice of a period would say, with the steps that lead to each number, and its hash",
        Some("NewInvoicePreview"),
        &[],
        &[
            (200, "The invoice"),
            (404, "No such tenant"),
            (422, "No subscription in that month, or something that is not sold or not counted"),
        ],
    ),
];

/// The bodies of these.
pub fn schemas() -> Map<String, Value> {
    Map::from_iter([("NewInvoicePreview".into(), schema::<NewInvoicePreview>())])
}
