//! What payment providers say of the order that a payment step rests on. They are asked when it is handed in and whenever somebody
//! wants to know; what they answered is looked at anew each time the step is shown or decided, and stays as it was with the decision.
//! Money that a provider confirms makes the check pass, and people decide all the same. Where no provider can say anything, people decide
//! on what was handed in, and see that nobody confirmed it.
mod store;

use super::{
    Kind, Onboarding, Progress, Task,
    begin::workable,
    evidence::Check,
    store::{lock, tasks},
};
use crate::{
    app::App,
    auth::{OnboardingWork, Operator},
    db::Change,
    error::{Error, Problem},
    i18n::{Text, msg},
    page::{When, money},
    payments::{self, Expected, Found},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// What all checks begin with whose answer is a provider's.
const CHECK: &str = "payment-provider";

/// Whether there is anybody who could be asked.
pub fn is_asked(app: &App) -> bool {
    app.payments.names().next().is_some()
}

fn expected(onboarding: &Onboarding) -> Expected {
    Expected::Exactly(onboarding.expected_amount)
}

/// What providers say of the order in a piece of evidence.
pub(super) async fn check(conn: &mut PgConnection, onboarding: &Onboarding, evidence: &Value, asks: bool) -> Result<Check, Error> {
    let text = |field: &str| evidence[field].as_str().unwrap_or_default();
    let found = payments::find(conn, text("order_id"), expected(onboarding)).await?;
    // where nobody could say anything, it needs something that people can look at
    let by_hand = !asks || !text("reference").is_empty();
    Ok(of(&found, onboarding.expected_amount, by_hand))
}

fn of(found: &Found, expected: i64, by_hand: bool) -> Check {
    let (end, ok, open) = match found {
        Found::Nothing => ("-unknown", by_hand, true),
        Found::Unseen(_) => ("-unseen", by_hand, true),
        Found::NotPaid(_) => ("-unpaid", false, false),
        Found::Doubtful(_) => ("-doubtful", false, false),
        Found::Short(_) => ("-short", false, false),
        Found::Over(_) => ("-over", false, false),
        Found::Paid(_) => ("", true, false),
    };
    let mut check = Check { code: format!("{CHECK}{end}"), ok, open, ..Check::default() };
    if let Some(known) = found.known() {
        let payment = &known.payment;
        check.payment = Some(payment.short_id());
        check.at = payment.asked_at;
        check.why = match (payment.trouble(), found) {
            (Some(trouble), _) => format!("outcome-{}", trouble.name()),
            (None, Found::NotPaid(_)) => format!("state-{}", payment.state.name()),
            _ => String::new(),
        }
        .replace('_', "-");
        if let (Some(balance), false) = (payment.balance, matches!(found, Found::Unseen(_) | Found::NotPaid(_))) {
            (check.expected, check.found) = (expected.to_string(), balance.to_string());
        }
    }
    check
}

/// What providers say at this moment, in place of what they said before; whether that is something else.
pub(super) async fn renew(conn: &mut PgConnection, onboarding: &Onboarding, task: &mut Task, asks: bool) -> Result<bool, Error> {
    let Some(evidence) = &task.evidence else { return Ok(false) };
    let now = check(conn, onboarding, evidence, asks).await?;
    let was = task.checks.clone();
    task.checks.retain(|check| !check.code.starts_with(CHECK));
    task.checks.push(now);
    Ok(was.0 != task.checks.0)
}

/// Has providers asked about the order of evidence that is handed in; answers whose answers will come. Nobody pays twice with one order.
pub(super) async fn ask_at_first(app: &App, change: &mut Change, onboarding: &Onboarding, evidence: &Value) -> Result<Vec<i64>, Error> {
    if !is_ours(change, &onboarding.tenant_id, evidence).await? {
        return Err(Error::Invalid(vec![Problem::new("order_id", msg::onboarding_order_is_anothers())]));
    }
    payments::ask_all(app, change, evidence["order_id"].as_str().unwrap_or_default()).await
}

/// Whether the order of a piece of evidence is handed in for no other tenant.
pub(super) async fn is_ours(change: &mut Change, tenant: &str, evidence: &Value) -> Result<bool, Error> {
    Ok(!store::is_anothers(change, evidence["order_id"].as_str().unwrap_or_default(), tenant).await?)
}

/// Somebody wants to know what providers say now. Answers whom to wait for, and since when.
pub async fn ask_again(app: &App, operator: &Operator<OnboardingWork>, id: i64) -> Result<Asked, Error> {
    let mut change = app.db.begin(operator).await?;
    let onboarding = lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    let task = workable(&onboarding, &tasks(&mut change, id).await?, Kind::Payment)?;
    if task.state.is_done() {
        return Err(Error::Refused(msg::onboarding_step_is_done()));
    }
    let order = task.evidence.as_ref().and_then(|evidence| evidence["order_id"].as_str());
    let order = order.ok_or_else(|| Error::Refused(msg::onboarding_no_evidence()))?;
    let payments = payments::ask_all(app, &mut change, order).await?;
    if payments.is_empty() {
        return Err(Error::Refused(msg::onboarding_nobody_to_ask()));
    }
    let since = change.now();
    change.commit(onboarding.entry("onboarding.payment.asked").with("payments", payments.len())).await?;
    Ok(Asked { payments, since })
}

/// Providers that were asked, and since when.
pub struct Asked {
    pub payments: Vec<i64>,
    pub since: DateTime<Utc>,
}

/// Whether all have answered, waiting for them a little.
pub async fn answered(app: &App, asked: &Asked) -> Result<bool, Error> {
    let mut all = true;
    for payment in &asked.payments {
        all &= payments::answered(app, *payment, asked.since).await?;
    }
    Ok(all)
}

/// What is known now of the payment that a step rests on that was passed.
async fn passed(conn: &mut PgConnection, onboarding: &Onboarding, tasks: &[Task]) -> Result<Option<Found>, Error> {
    let Some(task) = tasks.iter().find(|task| task.kind == Kind::Payment && task.state == Progress::Passed) else { return Ok(None) };
    let order = task.evidence.as_ref().and_then(|evidence| evidence["order_id"].as_str()).unwrap_or_default();
    Ok(Some(payments::find(conn, order, expected(onboarding)).await?))
}

/// Whether the provider says by now that the money is not there, or another sum: nobody becomes active on a payment that was taken back.
pub(super) async fn is_contradicted(conn: &mut PgConnection, onboarding: &Onboarding, tasks: &[Task]) -> Result<bool, Error> {
    Ok(passed(conn, onboarding, tasks).await?.is_some_and(|found| found.denies(expected(onboarding))))
}

/// For whoever decides on the whole: what providers say of the payment now, whatever was said when the step was decided.
pub(super) async fn impact(conn: &mut PgConnection, onboarding: &Onboarding, tasks: &[Task]) -> Result<Option<Text>, Error> {
    let Some(found) = passed(conn, onboarding, tasks).await? else { return Ok(None) };
    let left = |payment: &payments::Payment| money::full(payment.balance.unwrap_or_default());
    if found.denies(expected(onboarding)) {
        return Ok(Some(msg::impact_onboarding_not_paid()));
    }
    Ok(Some(match &found {
        Found::Paid(known) => {
            msg::impact_onboarding_paid(left(&known.payment), known.payment.asked_at.map(When::exact).unwrap_or_default())
        }
        Found::Nothing | Found::Unseen(_) => msg::impact_onboarding_unconfirmed(),
        // what was confirmed once, and nobody has asked since, is no worse for that
        Found::Doubtful(known) if known.payment.trouble.is_none() => {
            msg::impact_onboarding_paid_old(left(&known.payment), known.payment.asked_at.map(When::exact).unwrap_or_default())
        }
        Found::NotPaid(_) | Found::Short(_) | Found::Over(_) | Found::Doubtful(_) => msg::impact_onboarding_not_paid(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::{Known, Payment, State as Paid};

    #[test]
    fn money_alone_passes_and_where_nobody_knows_people_need_something_to_look_at() {
        let known = |state, balance| {
            let payment = Payment { state, balance: Some(balance), amount: Some(1_000), ..Payment::default() };
            Box::new(Known { payment, age: None })
        };
        let check = |found: &Found, by_hand| of(found, 1_000, by_hand);
        let paid = check(&Found::Paid(known(Paid::Paid, 1_000)), false);
        assert_eq!((paid.code.as_str(), paid.ok, paid.open), ("payment-provider", true, false));
        for found in [
            Found::Short(known(Paid::PartlyCancelled, 400)),
            Found::Over(known(Paid::Paid, 1_000)),
            Found::Doubtful(known(Paid::Paid, 1_000)),
        ] {
            assert!(!check(&found, true).ok, "a receipt does not outweigh what a provider says: {found:?}");
        }
        let unpaid = check(&Found::NotPaid(known(Paid::AwaitingDeposit, 0)), true);
        assert_eq!((unpaid.ok, unpaid.why.as_str()), (false, "state-awaiting-deposit"));
        for found in [Found::Nothing, Found::Unseen(known(Paid::Heard, 0))] {
            let (without, with) = (check(&found, false), check(&found, true));
            assert_eq!((without.ok, with.ok, with.open), (false, true, true), "{found:?}");
        }
    }
}
