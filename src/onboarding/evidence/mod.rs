//! What a step rests on: read from what was typed, hashed, and checked by machine where there is something to check it against.
mod datasets;
mod store;

pub use datasets::{Dataset, as_lines};

use super::{Kind, Onboarding, Progress, State, Task, payment, permission, store::tasks};
use crate::{
    error::{Error, Problem},
    i18n::{Text, msg},
    ledger,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

/// One thing that a machine looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its text is `onboarding-check-<code>`.
    pub code: String,
    /// Which of several, such as the name of a data set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    pub ok: bool,
    /// No machine could say: it is for people to find out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expected: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub found: String,
    /// Of a payment: its text is `payment-<why>`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// When the question was asked whose answer this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// The payment that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
}

impl Check {
    pub(super) fn of(code: &str, expected: impl ToString, found: impl ToString) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        Self { code: code.into(), ok: expected == found, expected, found, ..Self::default() }
    }
}

/// Evidence as it is kept, and what identifies it.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub value: Value,
    pub hash: [u8; 32],
}

/// The fields of each kind's evidence, in the order of its form.
pub fn fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Contract => &["contract_number", "sha256", "file_name"],
        Kind::Payment => &["order_id", "amount", "payer", "paid_on", "reference"],
        Kind::Permission => &["template", "version"],
        Kind::Migration => &["datasets"],
    }
}

/// Those that may be left empty.
pub fn optional(field: &str) -> bool {
    ["file_name", "payer", "paid_on", "reference"].contains(&field)
}

/// Evidence from what was typed, or everything that is wrong with it.
pub fn read(kind: Kind, typed: impl Fn(&str) -> String) -> Result<Evidence, Vec<Problem>> {
    let text = |field: &str| typed(field).trim().to_owned();
    let mut problems = Vec::new();
    for field in fields(kind) {
        let value = text(field);
        if value.is_empty() {
            // without a template there is no version to ask for
            if !(optional(field) || *field == "version" && text("template").is_empty()) {
                problems.push(Problem::new(*field, msg::field_required()));
            }
        } else if let Some(wrong) = malformed(field, &value) {
            problems.push(Problem::new(*field, wrong));
        }
    }
    let value = match kind {
        Kind::Contract => {
            json!({"contract_number": text("contract_number"), "sha256": text("sha256").to_lowercase(), "file_name": text("file_name")})
        }
        Kind::Payment => json!({
            "order_id": text("order_id"), "amount": super::begin::amount(&text("amount")), "payer": text("payer"), "paid_on": text("paid_on"),
            "reference": text("reference"),
        }),
        Kind::Permission => json!({"template": text("template"), "version": text("version").parse::<u32>().ok()}),
        Kind::Migration => match datasets::read(&text("datasets")) {
            Ok(sets) => json!({"datasets": sets}),
            Err(wrong) if problems.is_empty() => {
                problems.push(Problem::new("datasets", wrong));
                Value::Null
            }
            Err(_) => Value::Null,
        },
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    of(value).map_err(|_| vec![Problem::new("evidence", msg::field_not_an_object())])
}

/// Evidence as it is kept, from what it says.
pub fn of(value: Value) -> Result<Evidence, Error> {
    Ok(Evidence { hash: Sha256::digest(ledger::canonical(&value)?).into(), value })
}

/// With what the machine knows of what it names, so that the hash covers that, too.
pub(super) async fn complete(conn: &mut PgConnection, kind: Kind, given: Evidence) -> Result<Evidence, Error> {
    match kind {
        Kind::Permission => of(permission::with_hash(conn, given.value).await?),
        _ => Ok(given),
    }
}

fn malformed(field: &str, value: &str) -> Option<Text> {
    let longer_than = |most: usize| (value.chars().count() > most).then(|| msg::field_too_long(most));
    let name = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    match field {
        "sha256" => (value.len() != 64 || !value.bytes().all(|b| b.is_ascii_hexdigit())).then(msg::onboarding_hash_malformed),
        "amount" => super::begin::amount(value).is_none().then(msg::onboarding_amount_malformed),
        "paid_on" => value.parse::<NaiveDate>().is_err().then(msg::field_not_a_date),
        "version" => value.parse::<u32>().ok().filter(|n| (1..=9_999).contains(n)).is_none().then(msg::onboarding_version_malformed),
        "order_id" | "template" => (value.len() > 64 || !value.chars().all(name)).then(msg::onboarding_code_malformed),
        "datasets" => None,
        "contract_number" => longer_than(60),
        _ => longer_than(200),
    }
}

/// What machines make of it; `asks` says whether there is a payment provider to ask. What nobody can check by machine has nothing here,
/// and is for people alone.
pub(super) async fn check(
    conn: &mut PgConnection,
    onboarding: &Onboarding,
    kind: Kind,
    evidence: &Value,
    asks: bool,
) -> Result<Vec<Check>, Error> {
    let text = |field: &str| evidence[field].as_str().unwrap_or_default();
    Ok(match kind {
        Kind::Contract => {
            let anothers = store::file_is_anothers(conn, text("sha256"), &onboarding.tenant_id).await?;
            let file = Check { code: "contract-file".into(), ok: !anothers, ..Check::default() };
            vec![Check::of("contract-number", &onboarding.contract_number, text("contract_number")), file]
        }
        Kind::Payment => {
            let handed_in = Check::of("payment-amount", onboarding.expected_amount, &evidence["amount"]);
            vec![handed_in, payment::check(conn, onboarding, evidence, asks).await?]
        }
        Kind::Permission => permission::checks(conn, evidence).await?,
        Kind::Migration => evidence["datasets"].as_array().into_iter().flatten().flat_map(datasets::checks).collect(),
    })
}

/// The steps as they are now: what machines make of evidence that nobody has decided on is what they make of it at this moment.
pub async fn current_tasks(conn: &mut PgConnection, onboarding: &Onboarding, asks: bool) -> Result<Vec<Task>, Error> {
    let mut all = tasks(conn, onboarding.id).await?;
    for task in &mut all {
        renew(conn, onboarding, task, asks).await?;
    }
    Ok(all)
}

/// Whether something of a step's checks is different now: money may have come or gone, another version may have been published.
pub(super) async fn renew(conn: &mut PgConnection, onboarding: &Onboarding, task: &mut Task, asks: bool) -> Result<bool, Error> {
    match task.kind {
        _ if onboarding.state != State::Open || task.state != Progress::Running => Ok(false),
        Kind::Payment => payment::renew(conn, onboarding, task, asks).await,
        Kind::Permission => permission::renew(conn, task).await,
        Kind::Contract | Kind::Migration => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(kind: Kind, pairs: &[(&str, &str)]) -> Result<Evidence, Vec<Problem>> {
        read(kind, |field| pairs.iter().find(|(n, _)| *n == field).map_or_else(String::new, |(_, v)| (*v).to_owned()))
    }

    #[test]
    fn evidence_says_which_field_is_wrong() {
        let fields = |kind, pairs: &[_]| of(kind, pairs).unwrap_err().into_iter().map(|p| p.field).collect::<Vec<_>>();
        assert_eq!(fields(Kind::Contract, &[("sha256", "xyz")]), ["contract_number", "sha256"]);
        assert_eq!(
            fields(Kind::Payment, &[("order_id", "한글"), ("amount", "-5"), ("paid_on", "어제")]),
            ["order_id", "amount", "paid_on"]
        );
        assert_eq!(fields(Kind::Permission, &[("template", "std"), ("version", "0")]), ["version"]);
        assert_eq!(fields(Kind::Migration, &[("datasets", "users,1")]), ["datasets"]);
        assert_eq!(fields(Kind::Migration, &[]), ["datasets"]);
    }

    #[test]
    fn the_same_evidence_has_the_same_hash_however_it_was_typed() {
        let hash = |amount: &str| of(Kind::Payment, &[("order_id", "o-1"), ("amount", amount)]).unwrap().hash;
        assert_eq!(hash("1650000"), hash(" ₩1,650,000 "));
        assert_ne!(hash("1650000"), hash("1650001"));
    }

    proptest! {
        #[test]
        fn whatever_is_typed_gets_an_answer(text in "(?s).{0,80}") {
            for kind in Kind::ALL {
                let _ = read(kind, |_| text.clone());
            }
        }
    }
}
