//! `user.plan.grant`: a person's plan was not applied; grant it, for ever or until a day.
use super::{Plan, User, is_user_id, store};
use crate::{
    auth::CustomersFix,
    db::Change,
    error::Error,
    i18n::{Text, msg},
    ledger::Entry,
    operations::{Operation, Preview, Refusal, Risk, Target},
};
use async_trait::async_trait;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct GrantPlan {
    #[schemars(extend("x-lookup" = "/users"))]
    pub user_id: String,
    pub plan: Plan,
    /// Last day of the plan, in Korea. Without it the plan does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date"))]
    pub until: Option<NaiveDate>,
}

#[async_trait]
impl Operation for GrantPlan {
    const NAME: &'static str = "user.plan.grant";
    const RISK: Risk = Risk::Medium;
    type Asks = CustomersFix;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        Ok(store::lock_user(change, &self.user_id).await?)
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        self.check(store::today_in_korea(conn).await?)?;
        self.change(store::user(conn, &self.user_id).await?)
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        store::set_plan(change, &self.user_id, self.plan.name(), self.until).await?;
        let entry = Entry::of("user.plan.granted").on("user", &self.user_id);
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        store::overwritten_users(conn).await
    }

    async fn impact(&self, _: &mut PgConnection) -> Result<Vec<Text>, Error> {
        Ok(vec![match self.until {
            _ if self.plan == Plan::Free => msg::impact_plan_free(),
            Some(until) => msg::impact_plan_until(until.to_string()),
            None => msg::impact_plan_for_ever(),
        }])
    }

    fn reverse(&self, before: &Value) -> Option<Value> {
        Some(json!({"user_id": self.user_id, "plan": before["plan"], "until": before["until"]}))
    }
}

impl GrantPlan {
    /// The rules that need no look at the person; `today` is the day in Korea.
    pub(super) fn check(&self, today: NaiveDate) -> Result<(), Refusal> {
        if !is_user_id(&self.user_id) {
            return Err(Refusal::field("user_id", msg::user_id_malformed()));
        }
        if self.plan == Plan::Free && self.until.is_some() {
            return Err(Refusal::field("until", msg::user_free_does_not_end()));
        }
        if self.until.is_some_and(|until| until < today) {
            return Err(Refusal::field("until", msg::user_until_is_past()));
        }
        Ok(())
    }

    /// Before and after for the person as they are, wherever they were read.
    pub(super) fn change(&self, user: Option<User>) -> Result<Preview, Refusal> {
        let user = user.ok_or_else(|| Refusal::field("user_id", msg::user_unknown(&self.user_id)))?;
        let before = state(&user.plan, user.plan_until);
        let after = state(self.plan.name(), self.until);
        if before == after {
            return Err(Refusal::field("plan", msg::user_has_plan_already(user.name.exposed(), self.plan.name())));
        }
        let target = Target { kind: "user", id: user.id, label: format!("{} · {}", user.name.exposed(), user.email) };
        Ok(Preview { target, before, after })
    }
}

pub(super) fn state(plan: &str, until: Option<NaiveDate>) -> Map<String, Value> {
    Map::from_iter([("plan".into(), json!(plan)), ("until".into(), json!(until))])
}
