//! What is to be done next, and whose it is: the line at the top of an onboarding, and the reason on each step that does not go on.
use super::{Onboarding, Progress, State, Task, current};
use crate::{i18n::Lang, page};

/// The next thing to do, and on whom it waits.
pub struct Next {
    pub text: String,
    /// Names, or what they are called together.
    pub who: String,
    /// It is the reader's own turn.
    pub mine: bool,
    /// The step it is about, if it is about one.
    pub step: Option<&'static str>,
}

/// `deciders` are the people who can approve the countersigned request that is under way, if one is.
pub fn next(l: Lang, onboarding: &Onboarding, tasks: &[Task], reader: uuid::Uuid, deciders: Option<&[String]>) -> Next {
    let of = |text: String, who: &str, mine: bool| Next { text, who: who.to_owned(), mine, step: None };
    let requester = |text| of(text, &onboarding.requester, onboarding.requester_id == reader);
    match onboarding.state {
        State::Draft => of(l.onboarding_next_open(), &onboarding.owner, onboarding.owner_id == reader),
        State::Approved => of(l.onboarding_next_nothing(), "", false),
        State::Rejected | State::Expired | State::Withdrawn => requester(l.onboarding_next_again()),
        State::Open => {
            if let Some(names) = deciders {
                return of(l.onboarding_next_countersign(), &names.join(", "), false);
            }
            let Some(task) = current(tasks) else { return requester(l.onboarding_next_approve()) };
            let (at, step) = (Some(task.kind.name()), step(l, task.kind.name()));
            if let (Some(on), Some(what)) = (&task.waits_on, &task.waits_for) {
                return Next { step: at, ..of(l.onboarding_next_outside(step, what), &outside(l, on), false) };
            }
            let text = match task.state {
                Progress::Running if task.checks.iter().any(|c| !c.ok) => l.onboarding_next_correct(step),
                Progress::Running => l.onboarding_next_decide(step),
                Progress::Failed => l.onboarding_next_replace(step),
                _ => l.onboarding_next_hand_in(step),
            };
            Next { step: at, ..of(text, &task.owner, task.owner_id == reader) }
        }
    }
}

/// How a step shows in a checklist, and why it does not go on.
pub fn progress(l: Lang, onboarding: &Onboarding, tasks: &[Task], task: &Task) -> (page::Progress, String) {
    let before = tasks.iter().take_while(|t| t.kind != task.kind).find(|t| !t.state.is_done());
    match task.state {
        Progress::Passed if task.carried_from.is_some() => (page::Progress::Done, l.onboarding_carried()),
        Progress::Passed => (page::Progress::Done, String::new()),
        Progress::Waived => (page::Progress::Skipped, task.reason.clone().unwrap_or_default()),
        Progress::Failed => (page::Progress::Blocked, l.onboarding_why_failed(&task.owner)),
        _ if onboarding.state != State::Open => (page::Progress::ToDo, String::new()),
        _ => match (before, &task.waits_on, &task.waits_for) {
            (Some(before), ..) => (page::Progress::ToDo, l.onboarding_why_order(step(l, before.kind.name()), before_whom(l, before))),
            (None, Some(on), Some(what)) => (page::Progress::Waiting, l.onboarding_why_outside(what, outside(l, on))),
            _ if task.state == Progress::Running && task.checks.iter().any(|c| !c.ok) => {
                (page::Progress::Blocked, l.onboarding_why_checks(&task.owner))
            }
            _ if task.state == Progress::Running => (page::Progress::Waiting, l.onboarding_why_decision(&task.owner)),
            _ => (page::Progress::Doing, l.onboarding_why_evidence(&task.owner)),
        },
    }
}

/// Who holds up a step: somebody outside, or its owner.
fn before_whom(l: Lang, task: &Task) -> String {
    task.waits_on.as_deref().map_or_else(|| task.owner.clone(), |on| outside(l, on))
}

/// What a step is called.
pub fn step(l: Lang, kind: &str) -> String {
    l.find(&format!("onboarding-step-{kind}")).unwrap_or_else(|| kind.to_owned())
}

/// Whom a step waits for outside of this house.
pub fn outside(l: Lang, on: &str) -> String {
    l.find(&format!("onboarding-outside-{on}")).unwrap_or_else(|| on.to_owned())
}
