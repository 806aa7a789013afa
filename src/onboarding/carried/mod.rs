//! What another revision takes over from the one before it: steps that are done, and rest on nothing that changed. They are not done
//! again. What changes while the new revision is still a draft is looked at in the same way.
mod store;

use super::{Kind, Onboarding, Progress, Task, begin::Sold, payment, permission};
use crate::{db::Change, error::Error};

/// Whether what a step rests on is still what was sold.
fn is_same(before: &Onboarding, sold: &Sold, task: &Task) -> bool {
    let same = match task.kind {
        Kind::Contract => before.contract_number == sold.contract_number,
        Kind::Payment => before.expected_amount == sold.expected_amount,
        Kind::Permission => before.plan_code == sold.plan_code,
        Kind::Migration => true,
    };
    same && task.state.is_done()
}

/// Whether it would still be taken today: an order may be another tenant's by now, a template's version may not be the newest any more.
async fn holds(change: &mut Change, tenant: &str, task: &Task) -> Result<bool, Error> {
    match (task.kind, &task.evidence) {
        _ if task.state == Progress::Waived => Ok(true),
        (Kind::Payment, Some(evidence)) => payment::is_ours(change, tenant, evidence).await,
        (Kind::Permission, Some(evidence)) => Ok(permission::checks(change, evidence).await?.iter().all(|check| check.ok)),
        _ => Ok(true),
    }
}

/// Carries a step of `parent` over to the revision `again`, if it can be; whether it was.
pub(super) async fn over(change: &mut Change, parent: &Onboarding, sold: &Sold, again: i64, task: &Task) -> Result<bool, Error> {
    let carries = is_same(parent, sold, task) && holds(change, &parent.tenant_id, task).await?;
    if carries {
        store::carry(change, again, task.id).await?;
    }
    Ok(carries)
}

/// Before something else is sold in a draft: what was carried over for what was sold until now begins anew.
pub(super) async fn look_again(change: &mut Change, before: &Onboarding, sold: &Sold, tasks: &[Task]) -> Result<(), Error> {
    for task in tasks.iter().filter(|task| task.carried_from.is_some() && !is_same(before, sold, task)) {
        store::begin_anew(change, task.id).await?;
    }
    Ok(())
}
