//! Every operation there is. Registration is one line here.
use super::{
    Definition, Typed,
    outside::{Carried, Through},
};
use crate::{
    addons::change::ChangeAddon,
    catalog::{
        promotions::{close::Close, open::Open},
        publish::Publish,
        withdraw::Withdraw,
    },
    connectors::admin_api::{AdminApi, Settings},
    customers::{fix_tier::FixTier, grant_plan::GrantPlan},
    ledger::{log::Resume, subjects::EraseSubject},
    onboarding::{approve::ApproveOnboarding, reject::RejectOnboarding},
    payments,
    permissions::publish::PublishPermissions,
    policy::ReplacePolicy,
    subscriptions::{cancel::Cancel, change::Change, migration::operation::Migrate, undo::Undo},
    tools::{self, Tools},
};
use sqlx::PgConnection;
use std::sync::Arc;

/// What can be asked for, by name.
pub struct Registry(Vec<Box<dyn Definition>>);

impl Registry {
    /// With every effect in our own database.
    pub fn new() -> Self {
        Self::through(None, tools::Settings::default())
    }

    /// With an admin API that carries out what its settings name, or all that it can; and with what is said about tools.
    pub fn through(admin_api: Option<(&Arc<AdminApi>, &Settings)>, tools: tools::Settings) -> Self {
        let policy = Box::new(Typed::<ReplacePolicy>::default());
        let erase = Box::new(Typed::<EraseSubject>::default());
        let resume = Box::new(Typed::<Resume>::default());
        let approve = Box::new(Typed::<ApproveOnboarding>::default());
        let reject = Box::new(Typed::<RejectOnboarding>::default());
        let publish = Box::new(Typed::<Publish>::default());
        let withdraw = Box::new(Typed::<Withdraw>::default());
        let open = Box::new(Typed::<Open>::default());
        let close = Box::new(Typed::<Close>::default());
        let addon = Box::new(Typed::<ChangeAddon>::default());
        let permissions = Box::new(Typed::<PublishPermissions>::default());
        let (change, cancel, undo) =
            (Box::new(Typed::<Change>::default()), Box::new(Typed::<Cancel>::default()), Box::new(Typed::<Undo>::default()));
        let migrate = Box::new(Typed::<Migrate>::default());
        let tools = Box::new(Tools::new(tools));
        let (fix, grant) = (at::<FixTier>(admin_api), at::<GrantPlan>(admin_api));
        Self(vec![
            fix,
            grant,
            approve,
            reject,
            publish,
            withdraw,
            open,
            close,
            change,
            cancel,
            undo,
            migrate,
            addon,
            permissions,
            policy,
            resume,
            erase,
            tools,
        ])
    }

    /// One more; for tests of what no operation of ours does.
    pub fn with(mut self, definition: Box<dyn Definition>) -> Self {
        self.0.push(definition);
        self
    }

    pub fn all(&self) -> impl Iterator<Item = &dyn Definition> {
        self.0.iter().map(|d| &**d)
    }

    pub fn find(&self, name: &str) -> Option<&dyn Definition> {
        self.all().find(|d| d.name() == name)
    }
}

/// What no request changes, and the ledger tells of all the same: those that say something else than the last event about them.
pub async fn written_past(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    payments::overwritten(conn).await
}

fn at<O: Through<AdminApi>>(admin_api: Option<(&Arc<AdminApi>, &Settings)>) -> Box<dyn Definition> {
    let named = |s: &Settings| s.operations.as_ref().is_none_or(|names| names.iter().any(|name| name == O::NAME));
    match admin_api.filter(|(_, settings)| named(settings)) {
        Some((api, settings)) => Box::new(Carried::<O, AdminApi>::by(api.clone(), settings.guarantee)),
        None => Box::new(Typed::<O>::default()),
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        i18n::Lang,
        operations::{form, text_id},
    };

    #[test]
    fn every_operation_has_all_its_texts() {
        for operation in Registry::new().all() {
            let fields =
                form::fields(&operation.schema()).into_iter().flat_map(|f| [format!("field-{}", f.name), format!("field-{}-hint", f.name)]);
            for ending in ["title".into(), "description".into()].into_iter().chain(fields) {
                for l in Lang::ALL {
                    let id = text_id(operation.name(), &ending);
                    assert!(l.find(&id).is_some(), "{id} is missing in {}", l.code());
                }
            }
        }
    }
}
