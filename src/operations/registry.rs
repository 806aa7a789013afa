//! Every operation there is. Registration is one line here.
use super::{Definition, Typed};
use crate::{
    customers::{fix_tier::FixTier, grant_plan::GrantPlan},
    policy::ReplacePolicy,
};

/// What can be asked for, by name.
pub struct Registry(Vec<Box<dyn Definition>>);

impl Registry {
    pub fn new() -> Self {
        Self(vec![
            Box::new(Typed::<FixTier>::default()),
            Box::new(Typed::<GrantPlan>::default()),
            Box::new(Typed::<ReplacePolicy>::default()),
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
