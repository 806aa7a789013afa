//! Asking for an onboarding to be approved or rejected, from its own page: bound to what was looked at there.
use super::{Content, State, find, short_id, tasks, under_way};
use crate::{
    app::App,
    auth::{Operator, RequestsAsk},
    error::{self, Error, Problem},
    i18n::msg,
    onboarding::{approve::ApproveOnboarding, reject::RejectOnboarding},
    operations::Operation,
    requests::{
        self,
        submit::{self, Ask},
    },
};
use serde_json::{Map, json};
use uuid::Uuid;

/// Makes the countersigned request; answers its number. `content` is the hash of what was looked at: if that changed, nothing is asked.
pub async fn ask(
    app: &App,
    operator: &Operator<RequestsAsk>,
    operation: &'static str,
    id: i64,
    content: &str,
    reason: &str,
    key: Option<String>,
) -> Result<i64, Error> {
    submit::permitted(app, operator, operation).await?;
    let mut conn = app.db.read().await?;
    let onboarding = find(&mut conn, id).await?.ok_or(Error::NotFound)?;
    let tasks = tasks(&mut conn, id).await?;
    if onboarding.state != State::Open {
        return Err(Error::Refused(if onboarding.state == State::Draft {
            msg::onboarding_is_a_draft()
        } else {
            msg::onboarding_is_over()
        }));
    }
    let replayed = key.is_some();
    if let Some(request) = under_way(&mut conn, &onboarding.tenant_id, &[ApproveOnboarding::NAME, RejectOnboarding::NAME]).await?
        && !replayed
    {
        return Err(Error::Refused(msg::onboarding_under_way(requests::short_id(request))));
    }
    if content.trim() != Content::of(&onboarding, &tasks)?.hex() {
        return Err(Error::Moved(msg::onboarding_content_moved()));
    }
    drop(conn);
    if let Some(text) = error::check_reason(reason) {
        return Err(Error::Invalid(vec![Problem::new("reason", text)]));
    }
    let fields = Map::from_iter([("onboarding_id".to_owned(), json!(short_id(id))), ("content".to_owned(), json!(content.trim()))]);
    let ask = Ask {
        operation: operation.to_owned(),
        fields,
        reason: reason.trim().to_owned(),
        not_before: None,
        break_glass: None,
        again_from: None,
        idempotency_key: Some(key.unwrap_or_else(|| Uuid::now_v7().to_string())),
    };
    Ok(submit::submit(app, operator, ask).await?.id)
}
