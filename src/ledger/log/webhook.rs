//! Publication to somebody else: the newest checkpoint is posted to an address outside, as it was signed. Its signature says whose
//! it is, so nothing else has to.
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use url::Url;

/// Waits between tries, the last one again and again.
const PATIENCE: [Duration; 4] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(300)];

/// Where checkpoints are posted.
pub(super) struct Webhook {
    url: Url,
    http: reqwest::Client,
}

impl Webhook {
    pub fn to(url: &Url) -> anyhow::Result<Self> {
        // where an answer sends us was not configured by anybody
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(10)).build()?;
        Ok(Self { url: url.clone(), http })
    }

    /// Posts each until it is taken, or until there is a newer one: that covers it.
    pub async fn follow(&self, mut newest: watch::Receiver<Option<Arc<str>>>) {
        while newest.changed().await.is_ok() {
            let mut tries = 0;
            loop {
                let Some(note) = newest.borrow_and_update().clone() else { break };
                match self.post(&note).await {
                    Ok(()) => break,
                    Err(error) => tracing::warn!(%error, to = self.url.host_str(), "a checkpoint was not taken; it is sent again"),
                }
                tokio::time::sleep(PATIENCE[tries.min(PATIENCE.len() - 1)]).await;
                tries += 1;
            }
        }
    }

    async fn post(&self, note: &str) -> reqwest::Result<()> {
        let request = self.http.post(self.url.clone()).header("content-type", "text/plain; charset=utf-8").body(note.to_owned());
        request.send().await.and_then(|answer| answer.error_for_status()).map(drop).map_err(reqwest::Error::without_url)
    }
}
