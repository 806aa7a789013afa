//! Every endpoint of the API, as its documents describe it; those of one part of the API may stand beside it.
mod addons;
mod onboarding;
mod subscriptions;

pub use addons::schemas as addons_schemas;
pub use onboarding::schemas as onboarding_schemas;
pub use subscriptions::schemas as subscription_schemas;

use super::{catalog, payments, permissions, redemptions};

/// One endpoint: method, path, summary, parameters, body, what it answers.
pub struct Endpoint {
    pub method: &'static str,
    pub path: &'static str,
    pub summary: &'static str,
    pub parameters: &'static [(&'static str, &'static str)],
    pub body: Option<&'static str>,
    pub answers: &'static [(u16, &'static str)],
}

pub(super) const LIST: &[(u16, &str)] = &[(200, "`{items, next}`: pass `next` as `cursor` for more")];
const ACTOR: (&str, &str) = ("actor", "Addresses, ids or parts of names, with commas between; `-` in front leaves out");
const ACTION: (&str, &str) = ("action", "Kinds of events or their beginnings: `request.`, `org.tier.fixed`");
const TARGET: (&str, &str) = ("target", "Ids of targets");
const REQUEST: (&str, &str) = ("request", "Requests: `CR-12`");
const OUTCOME: (&str, &str) = ("outcome", "success, failure, partial, denied, unknown");
const SINCE: (&str, &str) = ("since", "A day in Korea, a time, or how long ago: `2026-11-20`, `7d`");
const UNTIL: (&str, &str) = ("until", "The same; a day is included");
const WORDS: (&str, &str) = ("q", "Words of reason, before and after");
const LINE: (&str, &str) = ("line", "All of these as one line, instead: `actor:kim -outcome:success since:7d`");
pub(super) const CURSOR: (&str, &str) = ("cursor", "`next` of the page before");
const EVENTS: &[(&str, &str)] = &[ACTOR, ACTION, TARGET, REQUEST, OUTCOME, SINCE, UNTIL, WORDS, LINE, CURSOR];
const TAKEN: &[(&str, &str)] = &[
    ("format", "ndjson, csv or ocsf"),
    ("openings", "`yes`: with reasons, before and after; needs `ledger:export`"),
    ("proofs", "`yes`: NDJSON with a filter brings each event's proof along"),
    ("from", "In the order of the log, from this index on: `next` of the export before"),
    ("after", "Go on after this event"),
    ACTOR,
    ACTION,
    TARGET,
    REQUEST,
    OUTCOME,
    SINCE,
    UNTIL,
    WORDS,
    LINE,
];
const LOGS: &[(&str, &str)] =
    &[ACTION, ("user_id", "Whose"), ("tenant_id", "An organisation"), ("resource_id", "Id of a target"), OUTCOME, SINCE, UNTIL, CURSOR];

pub(super) const fn get(
    path: &'static str,
    summary: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    answers: &'static [(u16, &'static str)],
) -> Endpoint {
    Endpoint { method: "GET", path, summary, parameters, body: None, answers }
}

pub(super) const fn post(
    path: &'static str,
    summary: &'static str,
    body: Option<&'static str>,
    parameters: &'static [(&'static str, &'static str)],
    answers: &'static [(u16, &'static str)],
) -> Endpoint {
    Endpoint { method: "POST", path, summary, parameters, body, answers }
}

/// Every endpoint of the API.
pub fn all() -> impl Iterator<Item = &'static Endpoint> {
    let parts = onboarding::ENDPOINTS.iter().chain(catalog::ENDPOINTS).chain(payments::ENDPOINTS);
    ENDPOINTS
        .iter()
        .chain(parts)
        .chain(permissions::ENDPOINTS)
        .chain(redemptions::ENDPOINTS)
        .chain(subscriptions::ENDPOINTS)
        .chain(addons::ENDPOINTS)
}

const ENDPOINTS: &[Endpoint] = &[
    get("/api/operations", "What can be asked for", &[], LIST),
    get("/api/operations/{name}", "One operation: schema, risk, policy", &[], &[(200, "The operation"), (404, "No such operation")]),
    get(
        "/api/requests",
        "Requests, newest first",
        &[
            ("state", "One or more states, with commas between"),
            ("operation", "Name of an operation"),
            ("q", "A request's id, or words of target and reason"),
            ("break_glass", "Those that broke the glass: `all`, `due` for review, or `reviewed`"),
            ("cursor", "`next` of the page before"),
        ],
        LIST,
    ),
    post(
        "/api/requests",
        "Ask for an operation",
        Some("NewRequest"),
        &[("Idempotency-Key", "A key of your own, quoted or not. The same key gives the same request; kept as long as the request")],
        &[
            (201, "The request, or its result when the policy asks for nobody or the glass is broken"),
            (404, "No such operation"),
            (422, "Fields are not valid, or the key was used for something else"),
        ],
    ),
    get("/api/requests/{id}", "One request", &[], &[(200, "The request"), (404, "No such request")]),
    get(
        "/api/requests/{id}/wait",
        "Wait for the outcome",
        &[("timeout", "Seconds to wait, 60 at most, 30 by default")],
        &[(200, "It is closed"), (202, "Still open"), (403, "It was rejected"), (404, "No such request"), (408, "It has expired")],
    ),
    post(
        "/api/requests/{id}/votes",
        "Approve or reject",
        Some("NewVote"),
        &[],
        &[
            (200, "Counted, counted before, or not needed: see `vote`"),
            (404, "No such request"),
            (409, "Decided otherwise, expired, or changed since it was read"),
            (422, "The reason is missing"),
        ],
    ),
    Endpoint {
        method: "DELETE",
        path: "/api/requests/{id}/votes/mine",
        summary: "Take one's own approval back, as long as the request waits for others",
        parameters: &[],
        body: None,
        answers: &[(200, "Taken back"), (404, "No such request"), (409, "There is no vote, or something has followed from it")],
    },
    post(
        "/api/requests/{id}/withdraw",
        "Take one's own request back",
        None,
        &[],
        &[(200, "Withdrawn"), (404, "No such request"), (409, "Too late")],
    ),
    post(
        "/api/requests/{id}/comments",
        "Comment on a request, or ask its requester something",
        Some("NewComment"),
        &[],
        &[(204, "Recorded"), (404, "No such request"), (409, "Too late to ask"), (422, "The text is too short or too long")],
    ),
    post(
        "/api/requests/{id}/findings",
        "Say what became of a request whose outcome is unknown",
        Some("NewFinding"),
        &[],
        &[
            (200, "Recorded; settled once two people agree"),
            (404, "No such request"),
            (409, "Settled otherwise, or not unknown"),
            (422, "The evidence is missing"),
        ],
    ),
    post(
        "/api/requests/{id}/read-back",
        "Read the other system again",
        None,
        &[],
        &[(200, "The request, settled if that settled it"), (404, "No such request"), (409, "Its outcome is not unknown")],
    ),
    post(
        "/api/requests/{id}/review",
        "Say afterwards whether breaking the glass was justified",
        Some("NewReview"),
        &[],
        &[
            (200, "Recorded, for good"),
            (404, "No such request"),
            (409, "Reviewed before, not over yet, or the glass was not broken"),
            (422, "The note is too short or too long"),
        ],
    ),
    get("/api/policy", "The policy in force", &[], &[(200, "The document, and its groups and rules as they were understood")]),
    post(
        "/api/policy/simulate",
        "Try a draft of the policy on the past",
        Some("NewDraft"),
        &[],
        &[(200, "What would have been different; waiting times are an estimate"), (422, "The document has faults, each with its line")],
    ),
    post(
        "/api/requests/{id}/watch",
        "Watch a request, or do so no more",
        Some("Watching"),
        &[],
        &[(204, "Done"), (404, "No such request")],
    ),
    get(
        "/api/notices",
        "What the caller was told, newest first",
        &[("unread", "`true`: only what is not read"), ("cursor", "`next` of the page before")],
        LIST,
    ),
    post("/api/notices/read", "Mark as read", Some("ReadNotices"), &[], &[(204, "Done")]),
    get("/api/absences", "Who is away, or will be within two weeks", &[], LIST),
    post(
        "/api/absences",
        "Plan an absence of one’s own",
        Some("NewAbsence"),
        &[],
        &[(201, "Planned"), (422, "The times or the delegate are wrong")],
    ),
    post(
        "/api/absences/{id}/end",
        "Be back early, or not go",
        None,
        &[],
        &[(204, "Ended, or over before"), (404, "No such absence of one’s own")],
    ),
    post(
        "/api/approvals",
        "Ask to call a tool, in the old shape",
        Some("NewCall"),
        &[("Idempotency-Key", "A key of your own for this very call. The same key gives the same answer as things are then")],
        &[
            (200, "It may run"),
            (201, "It waits; `links.wait` is where to wait"),
            (403, "It was rejected, or taken back"),
            (408, "It has expired"),
            (422, "Fields are not valid, or the key was used for something else"),
        ],
    ),
    get("/api/approvals/pending", "What waits for an approval, in the old shape", &[("cursor", "`next` of the page before")], LIST),
    post(
        "/api/approvals/{id}/approve",
        "Approve a request as it is now, in the old shape",
        None,
        &[],
        &[(200, "Approved, or approved before"), (404, "No such request"), (409, "Decided otherwise or expired")],
    ),
    post(
        "/api/approvals/{id}/reject",
        "Reject, in the old shape",
        Some("Rejection"),
        &[],
        &[
            (200, "Rejected, or rejected before"),
            (404, "No such request"),
            (409, "Decided otherwise or expired"),
            (422, "The reason is missing"),
        ],
    ),
    get(
        "/api/admin/users",
        "People at customers",
        &[("q", "Part of a name or address, or an id"), ("cursor", "`next` of the page before")],
        LIST,
    ),
    get("/api/admin/users/{id}", "One person", &[], &[(200, "The person"), (404, "No such person")]),
    get("/api/admin/users/{id}/detail", "One person with their organisations", &[], &[(200, "The person"), (404, "No such person")]),
    get("/api/admin/orgs", "Organisations", &[("q", "Part of a name, or an id"), ("cursor", "`next` of the page before")], LIST),
    get("/api/admin/orgs/{id}", "One organisation", &[], &[(200, "The organisation"), (404, "No such organisation")]),
    get("/api/ledger", "Events of the ledger, newest first", EVENTS, LIST),
    get(
        "/api/ledger/export",
        "Every event of a filter, oldest first, as a stream",
        TAKEN,
        &[(200, "NDJSON, CSV or OCSF; the last line of NDJSON says `complete`"), (422, "The filter or the format is not known")],
    ),
    get("/api/ledger/{event}", "One event: leaf, hash, and what it commits to", &[], &[(200, "The event"), (404, "No such event")]),
    get(
        "/api/ledger/{event}/proof",
        "The proof that an event is in the log (c2sp.org/tlog-proof)",
        &[],
        &[(200, "Text"), (404, "No such event, or no checkpoint over it yet")],
    ),
    get(
        "/api/v1/audit/logs",
        "The ledger in its old shape, newest first",
        LOGS,
        &[(200, "`{logs, next}`: pass `next` as `cursor` for more")],
    ),
    get("/api/openapi.json", "This document", &[], &[(200, "OpenAPI 3.1")]),
    get("/api/docs", "This document for people", &[], &[(200, "HTML")]),
];
