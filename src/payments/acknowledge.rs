//! Some troubles never end: a test payment stays one. Somebody says that they know, and why that is all right; from then on it is not
//! counted among what people should look at, until something else is the matter with it.
use super::{short_id, store};
use crate::{
    app::App,
    auth::{Operator, PaymentsCheck},
    error::{Error, Problem, check_reason},
    i18n::msg,
    ledger::Entry,
};

/// `seen` is the trouble that was shown: another one has to be looked at first.
pub async fn acknowledge(app: &App, operator: &Operator<PaymentsCheck>, payment: i64, seen: &str, why: &str) -> Result<(), Error> {
    let why = why.trim();
    if let Some(text) = check_reason(why) {
        return Err(Error::Invalid(vec![Problem::new("reason", text)]));
    }
    let mut change = app.db.begin(operator).await?;
    let found = store::lock(&mut change, payment).await?.ok_or(Error::NotFound)?;
    let Some(trouble) = found.trouble.filter(|trouble| trouble == seen) else {
        return Err(Error::Moved(msg::payment_trouble_moved()));
    };
    if let Some(who) = found.acknowledged_by {
        return Err(Error::Refused(msg::payment_acknowledged_already(who)));
    }
    store::acknowledge(&mut change, payment, operator.id(), why).await?;
    let entry = Entry::of("payment.trouble_acknowledged").on("payment", &short_id(payment)).with("look", trouble).because(why);
    change.commit(entry).await.map(drop)
}
