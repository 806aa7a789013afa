//! The endpoints of onboardings, companies and tenants.
use super::{
    super::{
        imports::NewImport,
        onboarding::{NewEvidence, NewOnboarding, NewRevision, OnboardingDecision, OnboardingReason, StepDecision, StepOwner, StepWait},
        openapi::schema,
    },
    Endpoint, LIST, get, post,
};
use serde_json::{Map, Value};

const ONE: &[(u16, &str)] = &[(200, "The onboarding, with its steps"), (404, "No such onboarding")];
const CHANGED: &[(u16, &str)] = &[
    (200, "The onboarding as it is now"),
    (404, "No such onboarding or step"),
    (409, "It is over, out of order, or was decided already: the problem says by whom and when"),
    (412, "What was looked at has changed"),
    (422, "Fields are not valid"),
];

pub const ENDPOINTS: &[Endpoint] = &[
    get("/api/companies", "Companies by name", &[("q", "Part of a name, the beginning of a registration number, a slug, or an id")], LIST),
    get("/api/tenants/{id}", "One tenant", &[], &[(200, "The tenant"), (404, "No such tenant")]),
    get(
        "/api/onboarding",
        "Onboardings, newest first",
        &[
            ("state", "draft, open, approved, rejected, expired or withdrawn"),
            ("step", "contract, payment, permission, migration, or approval where all are done"),
            ("late", "`yes`: only what is overdue"),
            ("q", "An id, or part of a company's name, a slug, a plan or a contract's number"),
            ("cursor", "`next` of the page before"),
        ],
        LIST,
    ),
    post(
        "/api/onboarding",
        "Begin an onboarding",
        Some("NewOnboarding"),
        &[],
        &[(201, "The onboarding"), (409, "The tenant has one that is open"), (422, "Fields are not valid")],
    ),
    get("/api/onboarding/success", "How many onboardings succeed", &[], &[(200, "Counts, and the percentage of those that are over")]),
    post(
        "/api/onboarding/import",
        "Import tenants from a CSV, row by row",
        Some("NewImport"),
        &[],
        &[(200, "What became of each row, or would"), (422, "The file cannot be read as a whole")],
    ),
    get("/api/onboarding/{id}", "One onboarding", &[], ONE),
    post("/api/onboarding/{id}/open", "Start a draft", None, &[], CHANGED),
    post("/api/onboarding/{id}/withdraw", "Withdraw it", Some("OnboardingReason"), &[], CHANGED),
    post(
        "/api/onboarding/{id}/again",
        "Ask again after a rejection: another revision that carries over what did not change",
        Some("NewRevision"),
        &[],
        &[(201, "The new revision"), (404, "No such onboarding"), (409, "It cannot be asked for again, or another revision is open")],
    ),
    post(
        "/api/onboarding/{id}/approve",
        "Ask for its approval: a request of `onboarding.approve`, bound to `content`",
        Some("OnboardingDecision"),
        &[],
        &[
            (201, "The request's id"),
            (404, "No such onboarding"),
            (409, "It is over, or a request waits already"),
            (412, "`content` has changed"),
            (422, "The reason is missing"),
        ],
    ),
    post(
        "/api/onboarding/{id}/reject",
        "Ask for its rejection: a request of `onboarding.reject`, bound to `content`",
        Some("OnboardingDecision"),
        &[],
        &[
            (201, "The request's id"),
            (404, "No such onboarding"),
            (409, "It is over, or a request waits already"),
            (412, "`content` has changed"),
            (422, "The reason is missing"),
        ],
    ),
    post(
        "/api/onboarding/{id}/payment/ask",
        "Have payment providers asked about the order of its payment step",
        None,
        &[],
        &[
            (200, "The onboarding after that"),
            (202, "The onboarding as it is known; the answer takes longer"),
            (404, "No such onboarding"),
            (409, "It is over or out of order, nothing was handed in, or no provider is configured"),
        ],
    ),
    post("/api/onboarding/{id}/{step}/evidence", "Hand evidence in for a step", Some("NewEvidence"), &[], CHANGED),
    post("/api/onboarding/{id}/{step}/decision", "Decide on a step's evidence", Some("StepDecision"), &[], CHANGED),
    post("/api/onboarding/{id}/{step}/wait", "Say whom a step waits for", Some("StepWait"), &[], CHANGED),
    post("/api/onboarding/{id}/{step}/assign", "Give a step to somebody, or another day", Some("StepOwner"), &[], CHANGED),
];

/// The bodies of these.
pub fn schemas() -> Map<String, Value> {
    Map::from_iter([
        ("NewOnboarding".into(), schema::<NewOnboarding>()),
        ("NewRevision".into(), schema::<NewRevision>()),
        ("NewEvidence".into(), schema::<NewEvidence>()),
        ("NewImport".into(), schema::<NewImport>()),
        ("OnboardingReason".into(), schema::<OnboardingReason>()),
        ("OnboardingDecision".into(), schema::<OnboardingDecision>()),
        ("StepDecision".into(), schema::<StepDecision>()),
        ("StepOwner".into(), schema::<StepOwner>()),
        ("StepWait".into(), schema::<StepWait>()),
    ])
}
