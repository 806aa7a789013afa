//! The providers of one replica, as they are configured.
use super::{
    Name, portone,
    provider::{Handle, Outcome, Provider},
    toss,
};
use crate::jobs;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Which providers there are, and how to reach them.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub portone: Option<portone::Settings>,
    pub toss: Option<toss::Settings>,
}

/// The providers of one replica.
pub struct Providers {
    all: Vec<Arc<dyn Provider>>,
    /// Looks at a time: fewer than workers, so that a provider that hangs does not hold up what was approved.
    pub(super) looks: Semaphore,
}

const LOOKS: usize = jobs::WORKERS - 1;

impl Providers {
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let mut all: Vec<Arc<dyn Provider>> = Vec::new();
        if let Some(settings) = &settings.portone {
            all.push(Arc::new(portone::PortOne::new(settings.clone())?));
        }
        if let Some(settings) = &settings.toss {
            all.push(Arc::new(toss::Toss::new(settings.clone())?));
        }
        Ok(Self { all, looks: Semaphore::new(LOOKS) })
    }

    /// Nothing where it is not configured.
    pub fn get(&self, name: Name) -> Option<&Arc<dyn Provider>> {
        self.all.iter().find(|provider| provider.name() == name)
    }

    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.all.iter().map(|provider| provider.name())
    }

    /// For `doctor`: whether each can be reached and takes our secret. It is asked for a payment that there is not.
    pub async fn check(&self) -> Vec<(Name, anyhow::Result<String>)> {
        let mut said = Vec::new();
        for provider in &self.all {
            let result = match provider.look(&Handle::Order("countersign-doctor".into())).await {
                Ok(_) => Ok("answers".to_owned()),
                Err(failure) if failure.why == Outcome::NotFound => Ok("answers, and takes the secret".to_owned()),
                Err(failure) => Err(anyhow::anyhow!("{}: {}", failure.why.name(), failure.detail)),
            };
            said.push((provider.name(), result));
        }
        said
    }
}
