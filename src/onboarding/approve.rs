//! `onboarding.approve`: all four steps are done; the tenant becomes active. Bound to what was sold and to every step's evidence.
use super::{Content, Onboarding, State, Task, activation, begin::sold_json, parse_id, payment, permission, short_id, store};
use crate::{
    auth::OnboardingApprove,
    db::Change,
    error::Error,
    i18n::{Text, msg},
    operations::{Operation, Preview, Refusal, Risk, Target},
    page::money,
    tenants,
};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use validator::Validate;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct ApproveOnboarding {
    #[schemars(extend("x-lookup" = "/onboarding"))]
    pub onboarding_id: String,
    /// The hash of what was looked at. If anything of it changes, this request is stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub content: Option<String>,
}

#[async_trait]
impl Operation for ApproveOnboarding {
    const NAME: &'static str = "onboarding.approve";
    const RISK: Risk = Risk::High;
    type Asks = OnboardingApprove;

    async fn lock(&self, change: &mut Change) -> Result<(), Refusal> {
        lock(change, &self.onboarding_id).await
    }

    async fn preview(&self, conn: &mut PgConnection) -> Result<Preview, Refusal> {
        let seen = Seen::of(conn, &self.onboarding_id, self.content.as_deref()).await?;
        if let Some(task) = super::current(&seen.tasks) {
            return Err(Refusal::field("onboarding_id", msg::onboarding_step_missing(task.kind.name())));
        }
        if seen.onboarding.tenant_status != "provisioning" {
            return Err(Refusal::field("onboarding_id", msg::onboarding_tenant_active_already()));
        }
        if payment::is_contradicted(conn, &seen.onboarding, &seen.tasks).await? {
            return Err(Refusal::field("onboarding_id", msg::onboarding_payment_contradicted()));
        }
        let mut preview = seen.preview(State::Approved, "active");
        activation::show(conn, &seen.onboarding, &mut preview).await?;
        permission::show_in(conn, &mut preview, &seen.tasks).await?;
        Ok(preview)
    }

    async fn apply(&self, change: &mut Change, preview: &Preview) -> Result<(), Refusal> {
        let onboarding = end(change, &self.onboarding_id, State::Approved, None).await?;
        activation::activate(change, &onboarding, preview).await?;
        let entry = onboarding.entry("onboarding.approved");
        change.record(entry.before(json!(preview.before)).after(json!(preview.after))).await?;
        Ok(())
    }

    /// Whoever does not approve it sends it back: the revision is rejected, with what they said.
    async fn denied(&self, change: &mut Change, reason: &str) -> Result<(), Error> {
        let Some(onboarding) = store::lock(change, parse_id(&self.onboarding_id)?).await?.filter(|o| o.state == State::Open) else {
            return Ok(());
        };
        // it was asked for twice: the other one is still to be decided or done
        if store::is_asked_for(change, onboarding.id, Self::NAME).await? {
            return Ok(());
        }
        let request = change.request();
        store::close(change, onboarding.id, State::Rejected, Some(reason.trim()), request).await?;
        change.record(onboarding.entry("onboarding.returned").because(reason.trim())).await?;
        Ok(())
    }

    fn asked_at(&self) -> Option<String> {
        parse_id(&self.onboarding_id).ok().map(|id| format!("/onboarding/{}", short_id(id)))
    }

    async fn overwritten(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
        let mut found = store::overwritten(conn, "onboarding.approved", State::Approved).await?;
        found.extend(tenants::overwritten(conn).await?);
        Ok(found)
    }

    async fn impact(&self, conn: &mut PgConnection) -> Result<Vec<Text>, Error> {
        let Some(onboarding) = store::find(conn, parse_id(&self.onboarding_id)?).await? else { return Ok(Vec::new()) };
        let services = onboarding.ai_services.len();
        let tasks = store::tasks(conn, onboarding.id).await?;
        let mut said = vec![
            msg::impact_onboarding_active(onboarding.label()),
            msg::impact_onboarding_sold(money::full(onboarding.expected_amount), &onboarding.plan_code, services),
        ];
        said.extend(payment::impact(conn, &onboarding, &tasks).await?);
        Ok(said)
    }
}

/// Locks the onboarding and its tenant until the transaction ends.
pub(super) async fn lock(change: &mut Change, id: &str) -> Result<(), Refusal> {
    if let Ok(id) = parse_id(id)
        && let Some(onboarding) = store::lock(change, id).await?
    {
        tenants::lock(change, &onboarding.tenant_id).await?;
    }
    Ok(())
}

/// Closes it for the request that is being carried out; whoever asked for the onboarding, and whose it is, hear of it.
pub(super) async fn end(change: &mut Change, id: &str, state: State, reason: Option<&str>) -> Result<Onboarding, Refusal> {
    let onboarding = store::find(change, parse_id(id)?).await?.ok_or(Error::NotFound)?;
    let request = change.request();
    store::close(change, onboarding.id, state, reason, request).await?;
    if let Some(request) = request {
        for person in [onboarding.requester_id, onboarding.owner_id] {
            crate::notices::watch(change, request, person).await?;
        }
    }
    // they decided it a moment ago, and saw it happen
    change.spare_voters();
    Ok(onboarding)
}

/// A revision as it was looked at.
pub(super) struct Seen {
    pub onboarding: Onboarding,
    pub tasks: Vec<Task>,
    content: Content,
}

impl Seen {
    /// The open onboarding of this id, if it is still what was looked at.
    pub async fn of(conn: &mut PgConnection, id: &str, content: Option<&str>) -> Result<Self, Refusal> {
        let wrong = |text| Refusal::field("onboarding_id", text);
        let number = parse_id(id).map_err(|_| wrong(msg::onboarding_id_malformed()))?;
        let onboarding = store::find(conn, number).await?.ok_or_else(|| wrong(msg::onboarding_unknown(id)))?;
        if onboarding.state != State::Open {
            return Err(wrong(if onboarding.state == State::Draft { msg::onboarding_is_a_draft() } else { msg::onboarding_is_over() }));
        }
        let tasks = store::tasks(conn, number).await?;
        let now = Content::of(&onboarding, &tasks)?;
        if content.is_some_and(|seen| seen.trim() != now.hex()) {
            return Err(Refusal::field("content", msg::onboarding_content_moved()));
        }
        Ok(Self { onboarding, tasks, content: now })
    }

    /// Before and after: only how it stands changes, and everything it rests on is shown.
    pub fn preview(&self, state: State, tenant: &str) -> Preview {
        let o = &self.onboarding;
        let target = Target { kind: "tenant", id: o.tenant_id.clone(), label: o.label() };
        let of = |state: &str, tenant: &str| {
            let mut all = sold_json(o).as_object().cloned().unwrap_or_default();
            all.extend(self.tasks.iter().map(|t| (t.kind.name().to_owned(), json!(t.state.name()))));
            all.extend(Map::from_iter([
                ("onboarding".to_owned(), json!(state)),
                ("tenant".to_owned(), json!(tenant)),
                ("revision".to_owned(), json!(o.revision)),
                ("evidence".to_owned(), json!(self.content.short())),
            ]));
            all
        };
        let before: Map<String, Value> = of(o.state.name(), &o.tenant_status);
        Preview { target, before, after: of(state.name(), tenant) }
    }
}
