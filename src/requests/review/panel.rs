//! A broken glass as the page of its request shows it.
use super::{Review, Verdict, is_too_early, store};
use crate::{
    auth::{Caller, RequestsDecide, Scope},
    error::Error,
    i18n::Lang,
    page::{Opt, When},
    policy::words,
    requests::{Request, glass},
};
use sqlx::PgConnection;

pub struct Panel {
    /// Why it could not wait.
    pub emergency: String,
    /// Whose approvals were passed over.
    pub skipped: String,
    pub due: When,
    pub overdue: bool,
    pub review: Option<Reviewed>,
    pub form: Option<Form>,
    /// Why there is no form, while there is no review.
    pub why_not: String,
}

pub struct Reviewed {
    pub name: String,
    pub justified: bool,
    pub verdict: String,
    pub note: String,
    pub at: When,
}

pub struct Form {
    pub action: String,
    pub verdicts: Vec<Opt>,
    pub note: String,
    pub error: Option<String>,
}

/// What a reviewer typed and what was wrong with it.
#[derive(Default)]
pub struct Looked {
    pub verdict: String,
    pub note: String,
    pub error: Option<String>,
}

pub async fn of(conn: &mut PgConnection, l: Lang, caller: &Caller, request: &Request, typed: &Looked) -> Result<Option<Panel>, Error> {
    let Some(broken) = &request.glass else { return Ok(None) };
    let review = store::of(conn, request.id).await?;
    let may = caller.may(RequestsDecide::NAME) && glass::could_approve(conn, request, caller.id).await?;
    let opens = review.is_none() && may && !is_too_early(request);
    let verdicts = Verdict::ALL.map(|v| Opt { value: v.name().into(), label: verdict(l, v.name()), selected: typed.verdict == v.name() });
    let others = glass::skipped(conn, request).await?.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(", ");
    Ok(Some(Panel {
        emergency: broken.emergency.clone(),
        skipped: l.glass_skipped(words::needs(l, &request.ruling.needs)),
        due: When::new(l, broken.review_due_at),
        overdue: review.is_none() && broken.review_due_at <= chrono::Utc::now(),
        why_not: match (&review, may) {
            (Some(_), _) => String::new(),
            (None, true) => l.review_too_early(),
            (None, false) => l.review_by_whom(others),
        },
        form: opens.then(|| Form {
            action: format!("/requests/{}/review", request.short_id()),
            verdicts: verdicts.into(),
            note: typed.note.clone(),
            error: typed.error.clone(),
        }),
        review: review.map(|Review { reviewer, verdict: said, note, at, .. }| Reviewed {
            name: reviewer,
            justified: said == Verdict::Justified.name(),
            verdict: verdict(l, &said),
            note,
            at: When::new(l, at),
        }),
    }))
}

fn verdict(l: Lang, name: &str) -> String {
    l.find(&format!("review-{}", name.replace('_', "-"))).unwrap_or_default()
}
