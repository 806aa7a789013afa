//! What people are told: that something waits for them, and what became of what they had a part in. Each notice is written by
//! the transaction that it tells of. They are read in the portal; whatever sends mail or messages reads the same rows.
mod store;
pub mod web;

pub use store::{Told, newest, unread};

use crate::{db::Change, error::Error, requests::Request};
use uuid::Uuid;

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request waits for the reader's vote.
    Asked,
    /// It still does.
    Reminded,
    /// It has waited long, and the reader is not one of those who were asked.
    Escalated,
    /// Somebody wants to know something from whoever asked for it.
    Questioned,
    Commented,
    /// It has its votes and runs later.
    Approved,
    Succeeded,
    /// What it began is done, tenant by tenant.
    Finished,
    Failed,
    Partial,
    Unknown,
    Denied,
    Expired,
    Withdrawn,
    Stale,
    /// It ran without the reader's approval, and waits to be reviewed.
    BrokeGlass,
    ReviewOverdue,
    Reviewed,
    /// Somebody is away and the reader stands in for them.
    StandsIn,
    /// A step of an onboarding is the reader's to do.
    StepOpen,
    /// It should have been done by now.
    StepOverdue,
    /// What it rested on was rejected.
    StepRejected,
}

impl Kind {
    pub const ALL: [Kind; 22] = [
        Kind::Asked,
        Kind::Reminded,
        Kind::Escalated,
        Kind::Questioned,
        Kind::Commented,
        Kind::Approved,
        Kind::Succeeded,
        Kind::Finished,
        Kind::Failed,
        Kind::Partial,
        Kind::Unknown,
        Kind::Denied,
        Kind::Expired,
        Kind::Withdrawn,
        Kind::Stale,
        Kind::BrokeGlass,
        Kind::ReviewOverdue,
        Kind::Reviewed,
        Kind::StandsIn,
        Kind::StepOpen,
        Kind::StepOverdue,
        Kind::StepRejected,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Asked => "asked",
            Kind::Reminded => "reminded",
            Kind::Escalated => "escalated",
            Kind::Questioned => "questioned",
            Kind::Commented => "commented",
            Kind::Approved => "approved",
            Kind::Succeeded => "succeeded",
            Kind::Finished => "finished",
            Kind::Failed => "failed",
            Kind::Partial => "partial",
            Kind::Unknown => "unknown",
            Kind::Denied => "denied",
            Kind::Expired => "expired",
            Kind::Withdrawn => "withdrawn",
            Kind::Stale => "stale",
            Kind::BrokeGlass => "broke-glass",
            Kind::ReviewOverdue => "review-overdue",
            Kind::Reviewed => "reviewed",
            Kind::StandsIn => "stands-in",
            Kind::StepOpen => "step-open",
            Kind::StepOverdue => "step-overdue",
            Kind::StepRejected => "step-rejected",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Those that say nothing any more once the request is decided.
    pub const PRESSING: [&'static str; 3] = ["asked", "reminded", "escalated"];
}

/// Tells those whose vote would bring the request further: who holds one of its open roles and is there, and who stands in for
/// somebody who is not. Whoever was told and has not read it is not told again.
pub async fn tell_deciders(change: &mut Change, request: &Request, kind: Kind, roles: &[String]) -> Result<(), Error> {
    Ok(store::tell_deciders(change, request, kind.name(), roles).await?)
}

/// Tells everybody who has a part in the request when the transaction ends: who asked, who voted, who watches it.
pub async fn tell_concerned(change: &mut Change, request: &Request, kind: Kind) -> Result<(), Error> {
    change.notify(kind.name(), request.id, request.requester_human).await
}

/// Tells the holders of these roles, whether they may decide it or not.
pub async fn tell_holders(change: &mut Change, request: &Request, kind: Kind, roles: &[String]) -> Result<(), Error> {
    Ok(store::tell_holders(change, request, kind.name(), roles).await?)
}

/// Tells these people, whether they are there or not.
pub async fn tell_people(change: &mut Change, request: &Request, kind: Kind, people: &[Uuid]) -> Result<(), Error> {
    Ok(store::tell_people(change, request, kind.name(), people).await?)
}

/// From now on this person is told what becomes of the request.
pub async fn watch(change: &mut Change, request: i64, operator: Uuid) -> Result<(), Error> {
    Ok(store::watch(change, request, operator).await?)
}

/// Tells one person.
pub async fn tell(change: &mut Change, operator: Uuid, kind: Kind, request: Option<i64>) -> Result<(), Error> {
    Ok(store::tell(change, operator, kind.name(), request).await?)
}

/// Tells one person of something that is no request, such as a step of an onboarding; once, until they have read it.
pub async fn tell_about(change: &mut Change, operator: Uuid, kind: Kind, topic: &str, label: &str) -> Result<(), Error> {
    Ok(store::tell_about(change, operator, kind.name(), topic, label).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
        assert!(Kind::PRESSING.into_iter().all(|name| Kind::named(name).is_some()));
    }
}
