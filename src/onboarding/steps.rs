//! The four steps: handing evidence in, deciding on it, saying on whom a step waits, and whose it is.
use super::{
    Kind, Onboarding, Progress, Task,
    begin::{owner_of, tell_whose_turn, workable},
    evidence::{self, Evidence},
    payment::{self, Asked},
    store::{self, lock, tasks},
};
use crate::{
    app::App,
    auth::{OnboardingWork, Operator},
    error::{self, Error, Problem},
    i18n::{Text, msg},
    ledger::Outcome,
    notices::{self, Kind as Notice},
    page::When,
    requests::hex,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What somebody decides on a step's evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Fail,
    /// It is left out, for a reason.
    Waive,
}

impl Verdict {
    pub const ALL: [Verdict; 3] = [Verdict::Pass, Verdict::Fail, Verdict::Waive];

    pub fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Waive => "waive",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }

    fn leads_to(self) -> Progress {
        match self {
            Verdict::Pass => Progress::Passed,
            Verdict::Fail => Progress::Failed,
            Verdict::Waive => Progress::Waived,
        }
    }
}

/// Whom a step can wait for outside of this house.
pub const OUTSIDE: [&str; 4] = ["customer", "bank", "sales", "engineering"];

/// The evidence's hash of a waiver that has none.
const NOTHING: [u8; 32] = [0; 32];

/// What a decision must quote: the hash of the evidence that was shown.
pub fn seen(task: &Task) -> String {
    hex(task.evidence_hash.as_deref().unwrap_or(&NOTHING))
}

/// Hands evidence in. It is checked by machine at once, and then waits for somebody's decision. On a step that was decided already this
/// is new evidence, and it is decided again. Answers the payments whose providers were asked, and since when.
pub async fn submit(app: &App, operator: &Operator<OnboardingWork>, id: i64, kind: Kind, given: Evidence) -> Result<Asked, Error> {
    let mut change = app.db.begin(operator).await?;
    let onboarding = lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    let task = workable(&onboarding, &tasks(&mut change, id).await?, kind)?;
    let given = evidence::complete(&mut change, kind, given).await?;
    if task.evidence_hash.as_deref() == Some(&given.hash[..]) && task.state != Progress::Failed {
        return Err(Error::Refused(msg::onboarding_same_evidence()));
    }
    match store::decided_before(&mut change, task.id, &given.hash).await?.as_deref() {
        None => {}
        Some("fail") => return Err(Error::Refused(msg::onboarding_evidence_rejected_before())),
        Some(_) => return Err(Error::Refused(msg::onboarding_same_evidence())),
    }
    let payments = match kind {
        Kind::Payment => payment::ask_at_first(app, &mut change, &onboarding, &given.value).await?,
        _ => Vec::new(),
    };
    let checks = evidence::check(&mut change, &onboarding, kind, &given.value, payment::is_asked(app)).await?;
    let failed = checks.iter().filter(|c| !c.ok).count();
    store::submit(&mut change, task.id, operator.id(), &given.value, &checks, &given.hash).await?;
    let outcome = if failed == 0 { Outcome::Success } else { Outcome::Failure };
    let entry = onboarding.entry("onboarding.evidence.submitted").outcome(outcome).with("step", kind.name()).with("checks", checks.len());
    let since = change.now();
    change.commit(entry.with("failed", failed).detail("evidence", json!(hex(&given.hash)))).await?;
    Ok(Asked { payments, since })
}

/// Decides on what `seen` names. The first decision counts: whoever comes later is told who and when, and whoever saw other evidence
/// that it changed.
pub async fn decide(
    app: &App,
    operator: &Operator<OnboardingWork>,
    id: i64,
    kind: Kind,
    verdict: Verdict,
    seen: &str,
    reason: &str,
) -> Result<(), Error> {
    let reason = reason.trim();
    let mut change = app.db.begin(operator).await?;
    let onboarding = lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    let before = tasks(&mut change, id).await?;
    let mut task = workable(&onboarding, &before, kind)?;
    if let (Some(who), Some(at), true) = (&task.decided_by, task.decided_at, seen == self::seen(&task)) {
        // a waiver of what was rejected is the way on, not another decision on it
        if !(verdict == Verdict::Waive && task.state == Progress::Failed) {
            return Err(Error::Refused(msg::onboarding_decided_already(When::exact(at), who)));
        }
    }
    if seen != self::seen(&task) {
        return Err(Error::Moved(msg::onboarding_evidence_moved()));
    }
    if let Some(text) = reason_problem(verdict, reason) {
        return Err(Error::Invalid(vec![Problem::new("reason", text)]));
    }
    let next = verdict.leads_to();
    if !task.state.may_become(next) {
        return Err(Error::Refused(msg::onboarding_no_evidence()));
    }
    // a decision rests on what is so now, and keeps it
    if evidence::renew(&mut change, &onboarding, &mut task, payment::is_asked(app)).await? {
        store::set_checks(&mut change, task.id, &task.checks).await?;
    }
    if verdict == Verdict::Pass && task.checks.iter().any(|c| !c.ok) {
        return Err(Error::Refused(msg::onboarding_checks_failed()));
    }
    let said = Some(reason).filter(|r| !r.is_empty());
    let hash = match (&task.evidence_hash, task.state) {
        // what was rejected keeps its decision; that it is left out is another one, of its own
        (Some(hash), Progress::Failed) => Sha256::digest([hash.as_slice(), verdict.name().as_bytes()].concat()).to_vec(),
        (Some(hash), _) => hash.clone(),
        (None, _) => NOTHING.to_vec(),
    };
    if !store::add_decision(&mut change, task.id, &hash, verdict.name(), said, operator.id()).await? {
        return Err(Error::Refused(msg::onboarding_same_evidence()));
    }
    store::decide(&mut change, task.id, operator.id(), next, said).await?;
    let after = tasks(&mut change, id).await?;
    if next.is_done() {
        tell_whose_turn(&mut change, &onboarding, &after).await?;
    } else if task.owner_id != operator.id() {
        tell(&mut change, &onboarding, &task, Notice::StepRejected).await?;
    }
    let outcome = if verdict == Verdict::Fail { Outcome::Denied } else { Outcome::Success };
    let mut entry = onboarding.entry(event_of(verdict)).outcome(outcome).with("step", kind.name()).detail("evidence", json!(hex(&hash)));
    if let Some(reason) = said {
        entry = entry.because(reason);
    }
    change.commit(entry).await?;
    Ok(())
}

fn event_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "onboarding.evidence.passed",
        Verdict::Fail => "onboarding.evidence.rejected",
        Verdict::Waive => "onboarding.step.waived",
    }
}

/// What a rejection says is read by whoever hands in something better, so it may be short; leaving a step out is a reason like any other.
fn reason_problem(verdict: Verdict, reason: &str) -> Option<Text> {
    match (verdict, reason.chars().count()) {
        (Verdict::Waive, _) => error::check_reason(reason),
        (_, 2001..) => Some(msg::reason_too_long()),
        (Verdict::Pass, _) => None,
        (Verdict::Fail, 0) => Some(msg::reason_missing()),
        (Verdict::Fail, 1..5) => Some(msg::onboarding_reason_too_short()),
        (Verdict::Fail, _) => None,
    }
}

async fn tell(change: &mut crate::db::Change, onboarding: &Onboarding, task: &Task, kind: Notice) -> Result<(), Error> {
    let topic = format!("{}/{}", onboarding.short_id(), task.kind.name());
    notices::tell_about(change, task.owner_id, kind, &topic, &onboarding.label()).await
}

/// Says on whom outside of this house a step waits, and for what; or that it does not any more.
pub async fn wait(app: &App, operator: &Operator<OnboardingWork>, id: i64, kind: Kind, on: &str, what: &str) -> Result<(), Error> {
    let (on, what) = (on.trim(), what.trim());
    let mut problems = Vec::new();
    if !on.is_empty() && !OUTSIDE.contains(&on) {
        problems.push(Problem::new("waits_on", msg::onboarding_waits_on_unknown()));
    }
    if !on.is_empty() && !(3..=200).contains(&what.chars().count()) {
        problems.push(Problem::new("waits_for", msg::onboarding_waits_for_malformed()));
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    let mut change = app.db.begin(operator).await?;
    let onboarding = lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    let task = workable(&onboarding, &tasks(&mut change, id).await?, kind)?;
    if task.state.is_done() {
        return Err(Error::Refused(msg::onboarding_step_is_done()));
    }
    let entry = match on {
        "" if task.waits_on.is_none() => return Ok(()),
        "" => {
            store::set_wait(&mut change, task.id, None, None).await?;
            onboarding.entry("onboarding.step.resumed")
        }
        on => {
            store::set_wait(&mut change, task.id, Some(on), Some(what)).await?;
            onboarding.entry("onboarding.step.blocked").with("on", on).because(what)
        }
    };
    change.commit(entry.with("step", kind.name())).await?;
    Ok(())
}

/// Gives a step to somebody else, or another day.
pub async fn assign(
    app: &App,
    operator: &Operator<OnboardingWork>,
    id: i64,
    kind: Kind,
    owner: Option<Uuid>,
    due: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    let mut change = app.db.begin(operator).await?;
    let now = change.now();
    if due.is_some_and(|at| at < now || at > now + TimeDelta::days(180)) {
        return Err(Error::Invalid(vec![Problem::new("due", msg::onboarding_due_out_of_range())]));
    }
    let onboarding = lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    if onboarding.state.is_over() {
        return Err(Error::Refused(msg::onboarding_is_over()));
    }
    let task = tasks(&mut change, id).await?.into_iter().find(|t| t.kind == kind).ok_or(Error::NotFound)?;
    if task.state.is_done() {
        return Err(Error::Refused(msg::onboarding_step_is_done()));
    }
    let owner = owner_of(&mut change, owner.unwrap_or(task.owner_id)).await?;
    store::assign(&mut change, task.id, owner, due).await?;
    if owner != task.owner_id && owner != operator.id() {
        tell(&mut change, &onboarding, &Task { owner_id: owner, ..task.clone() }, Notice::StepOpen).await?;
    }
    let entry = onboarding.entry("onboarding.step.assigned").with("step", kind.name()).with("owner", json!(owner));
    change.commit(entry.with("due", json!(due.or(task.due_at)))).await?;
    Ok(())
}
