//! JSON in, JSON out. Bearer tokens and browser sessions alike; what is wrong is told as RFC 9457 problems.
mod absences;
mod addons;
mod admin;
mod approvals;
mod catalog;
mod comments;
mod docs;
mod endpoints;
mod events;
mod findings;
mod imports;
mod key;
mod ledger;
mod notices;
mod onboarding;
mod openapi;
mod operations;
mod payments;
mod permissions;
mod policy;
mod redemptions;
mod requests;
mod subscriptions;

use crate::{
    app::App,
    auth::{
        AddonsRead, CatalogChange, CatalogRead, CustomersRead, LedgerRead, OnboardingRead, OnboardingWork, PaymentsCheck, PaymentsRead,
        PermissionsRead, PolicyRead, PortalUse, PromotionsRedeem, RequestsAsk, RequestsDecide, RequestsRead, SubscriptionsChange,
        SubscriptionsRead,
    },
    error::Error,
    i18n::Lang,
    page,
    surface::Surface,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{header, request::Parts},
};
use serde::de::DeserializeOwned;

use key::Key;
pub use openapi::document;

pub fn routes(surface: Surface) -> Surface {
    surface
        .show::<PortalUse, _, _>("/events", events::stream)
        .show::<PortalUse, _, _>("/api/operations", operations::list)
        .show::<PortalUse, _, _>("/api/operations/{name}", operations::show)
        .show::<RequestsRead, _, _>("/api/requests", requests::list)
        .act::<RequestsAsk, _, _>("/api/requests", requests::create)
        .show::<RequestsRead, _, _>("/api/requests/{id}", requests::show)
        .show::<RequestsRead, _, _>("/api/requests/{id}/wait", requests::wait)
        .act::<RequestsDecide, _, _>("/api/requests/{id}/votes", requests::vote)
        .drop::<RequestsDecide, _, _>("/api/requests/{id}/votes/mine", requests::unvote)
        .act::<RequestsAsk, _, _>("/api/requests/{id}/withdraw", requests::withdraw)
        .act::<RequestsAsk, _, _>("/api/requests/{id}/comments", comments::add)
        .act::<RequestsRead, _, _>("/api/requests/{id}/watch", notices::watch)
        .act::<RequestsDecide, _, _>("/api/requests/{id}/findings", findings::report)
        .act::<RequestsDecide, _, _>("/api/requests/{id}/read-back", findings::read_back)
        .show::<RequestsRead, _, _>("/api/notices", notices::list)
        .act::<RequestsRead, _, _>("/api/notices/read", notices::read)
        .show::<RequestsRead, _, _>("/api/absences", absences::list)
        .act::<RequestsDecide, _, _>("/api/absences", absences::plan)
        .act::<RequestsDecide, _, _>("/api/absences/{id}/end", absences::end)
        .act::<RequestsDecide, _, _>("/api/requests/{id}/review", requests::review)
        .show::<PolicyRead, _, _>("/api/policy", policy::show)
        .act::<PolicyRead, _, _>("/api/policy/simulate", policy::simulate)
        .act::<RequestsAsk, _, _>("/api/approvals", approvals::create)
        .show::<RequestsDecide, _, _>("/api/approvals/pending", approvals::pending)
        .act::<RequestsDecide, _, _>("/api/approvals/{id}/approve", approvals::approve)
        .act::<RequestsDecide, _, _>("/api/approvals/{id}/reject", approvals::reject)
        .show::<CustomersRead, _, _>("/api/admin/users", admin::users)
        .show::<CustomersRead, _, _>("/api/admin/users/{id}", admin::user)
        .show::<CustomersRead, _, _>("/api/admin/users/{id}/detail", admin::user_detail)
        .show::<CustomersRead, _, _>("/api/admin/orgs", admin::orgs)
        .show::<CustomersRead, _, _>("/api/admin/orgs/{id}", admin::org)
        .show::<CatalogRead, _, _>("/api/catalog/{shelf}", catalog::list)
        .show::<CatalogRead, _, _>("/api/catalog/{shelf}/{code}", catalog::show)
        .show::<CatalogRead, _, _>("/api/catalog/{shelf}/{code}/versions/{version}", catalog::version)
        .act::<CatalogChange, _, _>("/api/catalog/{shelf}/{code}/versions/{version}", catalog::draft)
        .act::<CatalogRead, _, _>("/api/catalog/preview", catalog::preview)
        .show::<CatalogRead, _, _>("/api/promotions/{code}/redemptions", redemptions::list)
        .act::<PromotionsRedeem, _, _>("/api/promotions/{code}/redemptions", redemptions::redeem)
        .show::<CatalogRead, _, _>("/api/tenants/{id}/promotions", redemptions::of_tenant)
        .show::<PermissionsRead, _, _>("/api/permissions", permissions::list)
        .show::<PermissionsRead, _, _>("/api/permissions/{code}", permissions::show)
        .show::<PermissionsRead, _, _>("/api/permissions/{code}/versions/{version}", permissions::version)
        .show::<CustomersRead, _, _>("/api/tenants/{id}/roles", permissions::of_tenant)
        .show::<AddonsRead, _, _>("/api/addons", addons::list)
        .show::<AddonsRead, _, _>("/api/tenants/{id}/addons", addons::of_tenant)
        .act::<AddonsRead, _, _>("/api/tenants/{id}/invoice-preview", addons::preview)
        .show::<PaymentsRead, _, _>("/api/payments", payments::list)
        .act::<PaymentsCheck, _, _>("/api/payments", payments::look_up)
        .show::<PaymentsRead, _, _>("/api/payments/{id}", payments::show)
        .act::<PaymentsCheck, _, _>("/api/payments/{id}/check", payments::check)
        .act::<PaymentsCheck, _, _>("/api/payments/{id}/acknowledge", payments::acknowledge)
        .show::<CustomersRead, _, _>("/api/companies", onboarding::companies)
        .show::<CustomersRead, _, _>("/api/tenants/{id}", onboarding::tenant)
        .show::<OnboardingRead, _, _>("/api/onboarding", onboarding::list)
        .act::<OnboardingWork, _, _>("/api/onboarding", onboarding::create)
        .show::<OnboardingRead, _, _>("/api/onboarding/success", onboarding::success)
        .act::<OnboardingWork, _, _>("/api/onboarding/import", imports::import)
        .show::<OnboardingRead, _, _>("/api/onboarding/{id}", onboarding::show)
        .act::<OnboardingWork, _, _>("/api/onboarding/{id}/open", onboarding::open)
        .act::<OnboardingWork, _, _>("/api/onboarding/{id}/withdraw", onboarding::withdraw)
        .act::<OnboardingWork, _, _>("/api/onboarding/{id}/again", onboarding::again)
        .act::<RequestsAsk, _, _>("/api/onboarding/{id}/approve", onboarding::approve)
        .act::<RequestsAsk, _, _>("/api/onboarding/{id}/reject", onboarding::reject)
        .act::<OnboardingWork, _, _>("/api/onboarding/{id}/payment/ask", onboarding::ask_payment)
        .act::<OnboardingWork, _, _>("/api/onboarding/{id}/{step}/evidence", onboarding::submit)
        .act::<OnboardingWork, _, _>("/api/onboarding/{id}/{step}/decision", onboarding::decide)
        .act::<OnboardingWork, _, _>("/api/onboarding/{id}/{step}/wait", onboarding::wait)
        .act::<OnboardingWork, _, _>("/api/onboarding/{id}/{step}/assign", onboarding::assign)
        .show::<SubscriptionsRead, _, _>("/api/subscriptions", subscriptions::list)
        .show::<SubscriptionsRead, _, _>("/api/tenants/{id}/subscription", subscriptions::show)
        .show::<SubscriptionsRead, _, _>("/api/subscriptions/migrations/{request}", subscriptions::migration)
        .act::<SubscriptionsChange, _, _>("/api/subscriptions/migrations/{request}/stop", subscriptions::stop)
        .act::<SubscriptionsRead, _, _>("/api/subscriptions/preview", subscriptions::preview)
        .show::<LedgerRead, _, _>("/api/ledger", ledger::list)
        .show::<LedgerRead, _, _>("/api/ledger/export", crate::ledger::web::export)
        .show::<LedgerRead, _, _>("/api/ledger/{event}", ledger::show)
        .show::<LedgerRead, _, _>("/api/v1/audit/logs", ledger::logs)
        .show::<PortalUse, _, _>("/api/openapi.json", docs::json)
        .show::<PortalUse, _, _>("/api/docs", docs::page)
}

/// A JSON body. A browser sends `application/json` across sites only after asking, so it also guards sessions.
struct Body<T>(T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let is_json = request.headers().get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"application/json"));
        if !is_json {
            return Err(Error::Malformed("send the body as application/json".into()));
        }
        let bytes = Bytes::from_request(request, app).await.map_err(|_| Error::TooLarge("256 KiB"))?;
        serde_json::from_slice(&bytes).map(Body).map_err(|error| Error::Malformed(error.to_string()))
    }
}

/// Query parameters, with a problem instead of plain text when they are wrong.
struct Query<T>(T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(value)| Query(value))
            .map_err(|error| Error::Malformed(error.to_string()))
    }
}

/// The language a client asked for.
struct Language(Lang);

impl FromRequestParts<App> for Language {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        Ok(Self(page::lang_of(&parts.headers)))
    }
}
