//! What people say about a request. A comment changes nothing, so it is an event of the ledger and nothing else; the timeline
//! shows it where it was said. A question is a comment that its requester is asked to answer.
use super::{State, store};
use crate::{
    app::App,
    auth::{Operator, RequestsAsk, RequestsDecide, Scope},
    error::{Error, Problem},
    i18n::msg,
    ledger::{Outcome, browse::Told},
    notices::{self, Kind},
};
use serde_json::json;
use uuid::Uuid;

/// A comment as it comes in through a door.
#[derive(Clone, Debug)]
pub struct Remark {
    pub text: String,
    /// Whether the requester is asked to answer.
    pub asks: bool,
}

const COMMENTED: &str = "request.commented";
const QUESTIONED: &str = "request.questioned";

/// Writes it down. Questions are for those who may decide, as long as there is something to decide.
pub async fn add(app: &App, operator: &Operator<RequestsAsk>, id: i64, remark: &Remark) -> Result<(), Error> {
    let text = remark.text.trim();
    let problem = match text.chars().count() {
        0..2 => Some(msg::comment_too_short()),
        2..=2000 => None,
        _ => Some(msg::reason_too_long()),
    };
    if let Some(problem) = problem {
        return Err(Error::Invalid(vec![Problem::new("text", problem)]));
    }
    let mut change = app.db.begin(operator).await?;
    let request = store::lock(&mut change, id).await?.ok_or(Error::NotFound)?;
    if remark.asks {
        change.require(RequestsDecide::NAME).await?;
        if request.state != State::Pending {
            return Err(Error::Refused(msg::question_too_late()));
        }
        if request.requester_id == operator.id() {
            return Err(Error::NotPermitted(msg::question_to_oneself()));
        }
    }
    change.announce("request", id, &json!({"id": request.short_id(), "state": request.state.name()})).await?;
    let kind = if remark.asks { QUESTIONED } else { COMMENTED };
    if remark.asks {
        notices::tell(&mut change, request.requester_human, Kind::Questioned, Some(id)).await?;
    } else {
        notices::tell_concerned(&mut change, &request, Kind::Commented).await?;
    }
    // whoever has said something wants to know what comes of it
    notices::watch(&mut change, id, operator.id()).await?;
    change.commit(request.entry(kind).outcome(Outcome::Success).because(text)).await?;
    Ok(())
}

/// The question that waits for the requester's answer, if one does.
pub fn open_question(story: &[Told], requester: Uuid) -> Option<&Told> {
    let question = story.iter().rposition(|told| told.event.kind == QUESTIONED)?;
    let answered = story[question + 1..].iter().any(|told| told.event.kind == COMMENTED && told.event.actor_id == requester);
    (!answered).then(|| &story[question])
}
