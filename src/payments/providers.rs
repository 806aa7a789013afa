//! The providers of one replica, as they are configured.
use super::{
    Name, portone,
    provider::{Handle, Outcome, Provider},
    toss,
};
use crate::jobs;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Which providers there are, and how to reach them.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub portone: Option<portone::Settings>,
    pub toss: Option<toss::Settings>,
}

/// The providers of one replica.
pub struct Providers {
    all: Vec<Arc<dyn Provider>>,
    looks: [Semaphore; Name::ALL.len()],
}

/// Looks at one provider at a time. All together are fewer than workers: one that hangs holds up neither another one nor what was
/// approved.
const LOOKS: usize = (jobs::WORKERS - 1) / Name::ALL.len();

impl Providers {
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let mut all: Vec<Arc<dyn Provider>> = Vec::new();
        if let Some(settings) = &settings.portone {
            all.push(Arc::new(portone::PortOne::new(settings.clone())?));
        }
        if let Some(settings) = &settings.toss {
            all.push(Arc::new(toss::Toss::new(settings.clone())?));
        }
        Ok(Self { all, looks: Name::ALL.map(|_| Semaphore::new(LOOKS)) })
    }

    /// One of the few looks at a time, if it is free.
    pub(super) fn may_look(&self, name: Name) -> Option<SemaphorePermit<'_>> {
        self.looks[name as usize].try_acquire().ok()
    }

    /// The jobs that are for another moment, or for a replica with other secrets.
    pub fn not_now(&self) -> Vec<&'static str> {
        let busy = |name: &Name| self.get(*name).is_none() || self.looks[*name as usize].available_permits() == 0;
        Name::ALL.into_iter().filter(busy).map(Name::job).collect()
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
