//! How an onboarding begins, and begins again: written down, opened, changed while it is a draft, taken back, asked for anew.
use super::{
    DUE_DAYS, EXPIRES_DAYS, Kind, Onboarding, Progress, State, Task, carried, is_in_order, parse_id, store,
    store::{New, lock, tasks},
};
use crate::{
    app::App,
    auth::{OnboardingWork, Operator, Scope, roles_with},
    catalog::today,
    db::Change,
    error::{self, Error, Problem},
    i18n::{Text, msg},
    notices::{self, Kind as Notice},
    personal::{Email, PersonName},
    subscriptions,
    tenants::{self, Checked, NewTenant},
};
use chrono::{DateTime, Days, NaiveTime, TimeZone, Utc};
use chrono_tz::Asia::Seoul;
use serde_json::json;
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The most of the first payment, in won.
const MOST: i64 = 1_000_000_000_000;
/// AI services that can be wanted.
const MOST_SERVICES: usize = 20;

/// What was sold, as somebody typed it.
#[derive(Clone, Debug, Default)]
pub struct NewSold {
    pub plan: String,
    /// Names with commas or semicolons between.
    pub ai_services: String,
    pub contract_number: String,
    /// Whole won, with VAT.
    pub expected_amount: String,
    pub contact_name: String,
    pub contact_email: String,
    pub note: String,
}

/// The same once it makes sense.
#[derive(Clone, Debug)]
pub struct Sold {
    pub plan_code: String,
    pub ai_services: Vec<String>,
    pub contract_number: String,
    pub expected_amount: i64,
    pub contact_name: PersonName,
    pub contact_email: Email,
    pub note: String,
}

impl NewSold {
    /// Everything that is wrong with it.
    pub fn checked(&self) -> Result<Sold, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, is_wrong: bool, text: fn() -> Text| {
            if is_wrong {
                problems.push(Problem::new(field, text()));
            }
        };
        let plan = self.plan.trim();
        let code = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        wrong("plan", !(2..=40).contains(&plan.len()) || !plan.chars().all(code), msg::onboarding_plan_malformed);
        let services: BTreeSet<&str> = self.ai_services.split([',', ';', '\n']).map(str::trim).filter(|s| !s.is_empty()).collect();
        let is_wrong = services.len() > MOST_SERVICES || services.iter().any(|s| s.len() > 40 || !s.chars().all(code));
        wrong("ai_services", is_wrong, msg::onboarding_services_malformed);
        let contract = self.contract_number.trim();
        wrong("contract_number", !(3..=60).contains(&contract.chars().count()), msg::onboarding_contract_malformed);
        let amount = amount(&self.expected_amount);
        wrong("expected_amount", amount.is_none(), msg::onboarding_amount_malformed);
        let (name, email) = (self.contact_name.trim(), self.contact_email.trim());
        wrong("contact_name", !(2..=60).contains(&name.chars().count()), msg::onboarding_contact_malformed);
        wrong("contact_email", !is_address(email), msg::onboarding_email_malformed);
        let note = self.note.trim();
        wrong("note", note.chars().count() > 1000, msg::onboarding_note_too_long);
        match amount {
            Some(expected_amount) if problems.is_empty() => Ok(Sold {
                plan_code: plan.to_owned(),
                ai_services: services.into_iter().map(str::to_owned).collect(),
                contract_number: contract.to_owned(),
                expected_amount,
                contact_name: name.to_owned().into(),
                contact_email: email.to_lowercase().into(),
                note: note.to_owned(),
            }),
            _ => Err(problems),
        }
    }
}

/// Won as people write them, and not more than fits: `1,650,000`.
pub(super) fn amount(text: &str) -> Option<i64> {
    crate::operations::form::number(text.trim().trim_end_matches('원')).filter(|n| (0..=MOST).contains(n))
}

/// One `@`, something on both sides, a dot in the domain, no blanks.
fn is_address(text: &str) -> bool {
    text.len() <= 200
        && !text.contains(char::is_whitespace)
        && text.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && domain.contains('.') && !domain.contains('@') && !domain.starts_with('.') && !domain.ends_with('.')
        })
}

/// Writes an onboarding of a new tenant down, and opens it unless it shall stay a draft. Tells everything that is wrong at once.
pub async fn begin(
    app: &App,
    operator: &Operator<OnboardingWork>,
    tenant: &NewTenant,
    sold: &NewSold,
    owner: Option<Uuid>,
    draft: bool,
) -> Result<i64, Error> {
    let (tenant, sold) = checked(tenant, sold)?;
    let mut change = app.db.begin(operator).await?;
    let owner = owner_of(&mut change, owner.unwrap_or(operator.id())).await?;
    let id = write_down(&mut change, &tenant, &sold, operator.id(), owner).await?;
    finish(change, id, draft).await
}

/// Both halves, or everything that is wrong with either.
pub(super) fn checked(tenant: &NewTenant, sold: &NewSold) -> Result<(Checked, Sold), Error> {
    match (tenant.checked(), sold.checked()) {
        (Ok(tenant), Ok(sold)) => Ok((tenant, sold)),
        (tenant, sold) => Err(Error::Invalid([tenant.err().unwrap_or_default(), sold.err().unwrap_or_default()].concat())),
    }
}

/// What was sold must be on the shelf: an approval pins the version of its day.
pub(super) async fn is_on_the_shelf(conn: &mut PgConnection, sold: &Sold) -> Result<(), Error> {
    subscriptions::in_force(conn, &sold.plan_code, today()).await?;
    Ok(())
}

pub(super) async fn write_down(change: &mut Change, tenant: &Checked, sold: &Sold, requester: Uuid, owner: Uuid) -> Result<i64, Error> {
    is_on_the_shelf(change, sold).await?;
    let tenant = tenants::found(change, tenant).await?;
    let new = New { tenant: &tenant, revision: 1, parent: None, sold, requester, owner };
    let id = store::insert(change, &new).await?.ok_or_else(|| Error::Refused(msg::onboarding_open_already()))?;
    for kind in Kind::ALL {
        store::insert_task(change, id, kind, owner).await?;
    }
    Ok(id)
}

/// Ends the transaction that wrote a revision down.
async fn finish(mut change: Change, id: i64, draft: bool) -> Result<i64, Error> {
    let onboarding = store::find(&mut change, id).await?.ok_or(Error::NotFound)?;
    let drafted = onboarding.entry("onboarding.drafted").after(sold_json(&onboarding));
    if draft {
        change.commit(drafted).await?;
        return Ok(id);
    }
    change.record(drafted).await?;
    open_in(change, &onboarding).await?;
    Ok(id)
}

/// What was sold, without whom to call: that is personal.
pub(super) fn sold_json(o: &Onboarding) -> serde_json::Value {
    json!({"plan": o.plan_code, "ai_services": o.ai_services, "contract_number": o.contract_number, "expected_amount": o.expected_amount})
}

/// A draft begins: its clock runs, and whoever owns the first step is told.
pub async fn open(app: &App, operator: &Operator<OnboardingWork>, id: i64) -> Result<(), Error> {
    let mut change = app.db.begin(operator).await?;
    let onboarding = lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    if onboarding.state != State::Draft {
        return Err(Error::Refused(msg::onboarding_not_a_draft()));
    }
    open_in(change, &onboarding).await
}

async fn open_in(mut change: Change, onboarding: &Onboarding) -> Result<(), Error> {
    let now = change.now();
    store::open(&mut change, onboarding.id, evening(now, DUE_DAYS), evening(now, EXPIRES_DAYS)).await?;
    let tasks = tasks(&mut change, onboarding.id).await?;
    for task in tasks.iter().filter(|t| !t.state.is_done()) {
        store::set_task_due(&mut change, task.id, evening(now, task.kind.days())).await?;
    }
    tell_whose_turn(&mut change, onboarding, &tasks).await?;
    let carried: Vec<_> = tasks.iter().filter(|t| t.carried_from.is_some()).map(|t| t.kind.name()).collect();
    change.commit(onboarding.entry("onboarding.opened").with("carried", json!(carried))).await?;
    Ok(())
}

/// Six in the evening, Korean time, so many days later.
fn evening(now: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    let day = now.with_timezone(&Seoul).date_naive() + Days::new(days.unsigned_abs());
    let six = day.and_time(NaiveTime::from_hms_opt(18, 0, 0).unwrap_or_default());
    Seoul.from_local_datetime(&six).earliest().map_or(now, |at| at.with_timezone(&Utc))
}

/// Tells the owner of the step whose turn it is now, unless they did it themselves.
pub(super) async fn tell_whose_turn(change: &mut Change, onboarding: &Onboarding, tasks: &[Task]) -> Result<(), Error> {
    let Some(task) = super::current(tasks).filter(|t| t.state == Progress::Pending && t.owner_id != change.actor().id) else {
        return Ok(());
    };
    let topic = format!("{}/{}", onboarding.short_id(), task.kind.name());
    notices::tell_about(change, task.owner_id, Notice::StepOpen, &topic, &onboarding.label()).await
}

/// What was sold is something else, while it is a draft.
pub async fn amend(app: &App, operator: &Operator<OnboardingWork>, id: i64, sold: &NewSold, owner: Option<Uuid>) -> Result<(), Error> {
    let sold = sold.checked().map_err(Error::Invalid)?;
    let mut change = app.db.begin(operator).await?;
    let before = lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    if before.state != State::Draft {
        return Err(Error::Refused(msg::onboarding_not_a_draft()));
    }
    is_on_the_shelf(&mut change, &sold).await?;
    let owner = owner_of(&mut change, owner.unwrap_or(before.owner_id)).await?;
    let old = tasks(&mut change, id).await?;
    carried::look_again(&mut change, &before, &sold, &old).await?;
    store::set_sold(&mut change, id, &sold, owner).await?;
    let after = store::find(&mut change, id).await?.ok_or(Error::NotFound)?;
    change.commit(after.entry("onboarding.amended").before(sold_json(&before)).after(sold_json(&after))).await?;
    Ok(())
}

/// It is not to be, says whoever asked for it.
pub async fn withdraw(app: &App, operator: &Operator<OnboardingWork>, id: i64, reason: &str) -> Result<(), Error> {
    if let Some(text) = error::check_reason(reason) {
        return Err(Error::Invalid(vec![Problem::new("reason", text)]));
    }
    let mut change = app.db.begin(operator).await?;
    let onboarding = lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    if onboarding.state.is_over() {
        return Err(Error::Refused(msg::onboarding_is_over()));
    }
    if ![onboarding.requester_id, onboarding.owner_id].contains(&operator.id()) {
        return Err(Error::NotPermitted(msg::onboarding_not_yours()));
    }
    store::close(&mut change, id, State::Withdrawn, Some(reason.trim()), None).await?;
    change.commit(onboarding.entry("onboarding.withdrawn").because(reason.trim())).await?;
    Ok(())
}

/// Another revision after one that was rejected, expired or withdrawn. What its steps rest on is carried over where nothing of it
/// changed: those steps are not done again. `redo` names more that shall be.
pub async fn again(
    app: &App,
    operator: &Operator<OnboardingWork>,
    id: i64,
    sold: &NewSold,
    redo: &[Kind],
    draft: bool,
) -> Result<i64, Error> {
    let sold = sold.checked().map_err(Error::Invalid)?;
    let mut change = app.db.begin(operator).await?;
    let parent = lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    let revisions = store::revisions(&mut change, &parent.tenant_id).await?;
    if let Some((open, ..)) = revisions.iter().find(|(_, _, state)| !state.is_over()) {
        return Err(Error::Refused(msg::onboarding_open_as(super::short_id(*open))));
    }
    if !parent.state.may_be_repeated() || revisions.first().map(|r| r.0) != Some(id) {
        return Err(Error::Refused(msg::onboarding_not_repeatable()));
    }
    is_on_the_shelf(&mut change, &sold).await?;
    let old = tasks(&mut change, id).await?;
    let new = New {
        tenant: &parent.tenant_id,
        revision: parent.revision + 1,
        parent: Some(id),
        sold: &sold,
        requester: operator.id(),
        owner: parent.owner_id,
    };
    let again = store::insert(&mut change, &new).await?.ok_or_else(|| Error::Refused(msg::onboarding_open_already()))?;
    for task in &old {
        if redo.contains(&task.kind) || !carried::over(&mut change, &parent, &sold, again, task).await? {
            store::insert_task(&mut change, again, task.kind, task.owner_id).await?;
        }
    }
    finish(change, again, draft).await
}

/// Somebody who may work on onboardings, and is there.
pub(super) async fn owner_of(change: &mut Change, id: Uuid) -> Result<Uuid, Error> {
    match store::worker(change, id, &roles_with(OnboardingWork::NAME)).await? {
        Some(_) => Ok(id),
        None => Err(Error::Invalid(vec![Problem::new("owner", msg::onboarding_owner_unknown())])),
    }
}

/// What a step can be worked on for: it is open, and those before it are done.
pub(super) fn workable(onboarding: &Onboarding, tasks: &[Task], kind: Kind) -> Result<Task, Error> {
    if onboarding.state != State::Open {
        return Err(Error::Refused(if onboarding.state == State::Draft {
            msg::onboarding_is_a_draft()
        } else {
            msg::onboarding_is_over()
        }));
    }
    if !is_in_order(tasks, kind) {
        return Err(Error::Refused(msg::onboarding_out_of_order()));
    }
    tasks.iter().find(|t| t.kind == kind).cloned().ok_or(Error::NotFound)
}

/// From an address.
pub fn step_of(id: &str, kind: &str) -> Result<(i64, Kind), Error> {
    Ok((parse_id(id)?, Kind::named(kind).ok_or(Error::NotFound)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sold_is_told_wrong_field_by_field() {
        let wrong =
            NewSold {
                ai_services: "kms, 나쁜이름".into(), expected_amount: "-1".into(), contact_email: "x".into(), ..NewSold::default()
            };
        let fields: Vec<_> = wrong.checked().unwrap_err().into_iter().map(|p| p.field).collect();
        assert_eq!(fields, ["plan", "ai_services", "contract_number", "expected_amount", "contact_name", "contact_email"]);
        let right = NewSold {
            plan: "pro-v3".into(),
            ai_services: "kms; advisor, kms".into(),
            contract_number: "HB-2026-0117".into(),
            expected_amount: "₩1,650,000".into(),
            contact_name: "김하늘".into(),
            contact_email: "Sky@Customer.example".into(),
            note: String::new(),
        };
        let sold = right.checked().unwrap();
        assert_eq!((sold.ai_services, sold.expected_amount), (vec!["advisor".to_owned(), "kms".to_owned()], 1_650_000));
        assert_eq!(amount("9999999999999999999999999999999999999999"), None);
    }

    #[test]
    fn things_are_due_at_six_in_korea() {
        let now = "2026-11-22T16:00:00Z".parse().unwrap();
        assert_eq!(evening(now, 2).to_rfc3339(), "2026-11-25T09:00:00+00:00", "the 23rd in Korea, and two days");
    }
}
