//! A first tour by content: three things worth doing, each of them real.
use crate::{
    auth::{Caller, CustomersFix, LedgerRead, RequestsDecide, RequestsRead, Scope},
    error::Error,
    i18n::Lang,
    page::{
        When,
        list::{Order, Slice},
    },
    requests::{
        inbox::{self, Filter, Turn},
        short_id,
    },
};
use sqlx::PgConnection;

/// One step: where it leads, what it is for, and the keys that help on the way.
pub struct Step {
    pub href: String,
    pub icon: &'static str,
    pub title: String,
    pub text: String,
    pub keys: &'static [&'static str],
}

/// The steps this person can take now.
pub async fn steps(conn: &mut PgConnection, l: Lang, caller: &Caller) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    if caller.may(RequestsDecide::NAME) && caller.may(RequestsRead::NAME) {
        let next = Slice { order: Order { key: "expires", down: false }, cursor: None, limit: 1 };
        let waiting = inbox::list(conn, &Filter { waiting_for: Some(Turn::of(caller)), ..Filter::default() }, next).await?;
        steps.extend(waiting.first().map(|request| Step {
            href: format!("/requests/{}", short_id(request.id)),
            icon: "list-checks",
            title: l.tour_decide(short_id(request.id)),
            text: l.tour_decide_text(&request.target_label, When::new(l, request.expires_at).absolute),
            keys: &["A", "Ctrl Enter"],
        }));
    }
    if caller.may(CustomersFix::NAME) {
        steps.push(Step { href: "/orgs".into(), icon: "building-2", title: l.tour_fix(), text: l.tour_fix_text(), keys: &["G C", "/"] });
    }
    if caller.may(LedgerRead::NAME) {
        let href = "/ledger?range=last-week&action=request.".into();
        steps.push(Step { href, icon: "shield-check", title: l.tour_prove(), text: l.tour_prove_text(), keys: &["G L", "E"] });
    }
    Ok(steps)
}
