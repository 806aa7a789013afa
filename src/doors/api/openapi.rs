//! The OpenAPI 3.1 document, put together from the operations' own schemas. A test holds it against the mounted routes.
use super::{
    absences::NewAbsence,
    approvals::{NewCall, Rejection},
    catalog::{NewEstimate, NewPrices},
    comments::NewComment,
    endpoints::{self, Endpoint},
    findings::NewFinding,
    notices::{ReadNotices, Watching},
    payments::{PaymentAcknowledgement, PaymentLookup},
    policy::NewDraft,
    redemptions::NewRedemption,
    requests::{NewRequest, NewReview, NewVote},
};
use crate::operations::registry::Registry;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

const PROBLEMS: [(u16, &str); 4] = [
    (400, "The request cannot be read"),
    (401, "No valid token or session"),
    (403, "The scope is missing"),
    (503, "Try again; the database is away"),
];

pub(super) fn schema<T: JsonSchema>() -> Value {
    let mut schema =
        SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator().into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
    }
    schema
}

/// The whole document.
pub fn document(registry: &Registry, server: &str) -> Value {
    let mut schemas = Map::new();
    schemas.insert("NewRequest".into(), schema::<NewRequest>());
    schemas.insert("NewVote".into(), schema::<NewVote>());
    schemas.insert("NewReview".into(), schema::<NewReview>());
    schemas.insert("NewComment".into(), schema::<NewComment>());
    schemas.insert("NewFinding".into(), schema::<NewFinding>());
    schemas.insert("NewAbsence".into(), schema::<NewAbsence>());
    schemas.insert("ReadNotices".into(), schema::<ReadNotices>());
    schemas.insert("Watching".into(), schema::<Watching>());
    schemas.insert("NewDraft".into(), schema::<NewDraft>());
    schemas.insert("NewPrices".into(), schema::<NewPrices>());
    schemas.insert("NewEstimate".into(), schema::<NewEstimate>());
    schemas.insert("Rejection".into(), schema::<Rejection>());
    schemas.insert("NewCall".into(), schema::<NewCall>());
    schemas.insert("PaymentLookup".into(), schema::<PaymentLookup>());
    schemas.insert("NewRedemption".into(), schema::<NewRedemption>());
    schemas.insert("PaymentAcknowledgement".into(), schema::<PaymentAcknowledgement>());
    schemas.append(&mut endpoints::onboarding_schemas());
    schemas.append(&mut endpoints::subscription_schemas());
    schemas.append(&mut endpoints::addons_schemas());
    schemas.insert("Problem".into(), json!({
        "type": "object", "required": ["type", "code", "title", "status"],
        "properties": {"type": {"type": "string"}, "code": {"type": "string"}, "title": {"type": "string"}, "detail": {"type": "string"},
            "next": {"type": "string"}, "status": {"type": "integer"}, "instance": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object", "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"}}}}},
    }));
    for operation in registry.all() {
        let mut fields = operation.schema();
        if let Some(object) = fields.as_object_mut() {
            object.remove("$schema");
        }
        schemas.insert(format!("fields.{}", operation.name()), fields);
    }
    let mut paths = Map::new();
    for endpoint in endpoints::all() {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.to_lowercase()] = describe(endpoint);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Countersign", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "A privileged change is asked for, countersigned, done once, and written down for good."},
        "servers": [{"url": server}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer", "description": "Personal API token"},
            "session": {"type": "apiKey", "in": "cookie", "name": "countersign", "description": "`__Host-countersign` over TLS"},
        }},
    })
}

fn describe(e: &Endpoint) -> Value {
    let in_path = e.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> =
        in_path.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})).collect();
    parameters.extend(e.parameters.iter().map(|(name, description)| {
        let place = if *name == "Idempotency-Key" { "header" } else { "query" };
        let kind = if *name == "timeout" { "integer" } else { "string" };
        // the only header, and it is required
        json!({"name": name, "in": place, "required": place == "header", "description": description, "schema": {"type": kind}})
    }));
    let mut responses = Map::new();
    for (status, description) in e.answers {
        let content = match status {
            // the request itself, whatever became of it
            403 | 408 if e.path.ends_with("/wait") || e.path == "/api/approvals" => {
                json!({"application/json": {"schema": {"type": "object"}}})
            }
            200..300 => json!({"application/json": {"schema": {"type": "object"}}}),
            _ => json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}),
        };
        responses.insert(status.to_string(), json!({"description": description, "content": content}));
    }
    for (status, description) in PROBLEMS {
        responses.entry(status.to_string()).or_insert_with(|| {
            json!({"description": description, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}})
        });
    }
    let id = format!("{}{}", e.method.to_lowercase(), e.path.replace(['/', '{', '}', '.'], "_"));
    let mut described = json!({"operationId": id, "summary": e.summary, "parameters": parameters, "responses": responses});
    if let Some(body) = e.body {
        described["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{body}")}}}});
    }
    described
}
