//! Carries signals between replicas. NOTIFY makes it quick and is batched, because Postgres serialises notifying
//! commits; the poll of the outbox makes it certain. Nothing depends on a notification arriving.
use super::Db;
use crate::live::Signal;
use sqlx::postgres::PgListener;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

const CHANNEL: &str = "countersign";
const POLL: Duration = Duration::from_secs(1);
/// Between two notifications.
const PAUSE: Duration = Duration::from_millis(10);

impl Db {
    /// Runs until the replica stops.
    pub async fn relay(self, mut born_here: UnboundedReceiver<Signal>) {
        let (send, listen, poll) = (self.clone(), self.clone(), self);
        tokio::join!(
            async move { send.send_on(&mut born_here).await },
            async move { listen.listen().await },
            async move { poll.poll().await },
        );
    }

    async fn send_on(&self, born_here: &mut UnboundedReceiver<Signal>) {
        let mut batch = Vec::new();
        // a notification carries 8,000 bytes at most
        while born_here.recv_many(&mut batch, 200).await > 0 {
            let text = batch.drain(..).map(|s| format!("{}:{}", s.outbox, s.request)).collect::<Vec<_>>().join(",");
            if let Err(error) = sqlx::query("select pg_notify($1, $2)").bind(CHANNEL).bind(text).execute(&self.writers).await {
                tracing::warn!(%error, "could not notify the other replicas; they will find it by polling");
            }
            // a lone signal goes out at once; of many, those that come meanwhile go together
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn listen(&self) {
        loop {
            if let Err(error) = self.listen_once().await {
                tracing::warn!(%error, "lost the notification connection; polling goes on");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn listen_once(&self) -> sqlx::Result<()> {
        let mut listener = PgListener::connect_with(&self.readers).await?;
        listener.listen(CHANNEL).await?;
        loop {
            let notification = listener.recv().await?;
            for (outbox, request) in notification.payload().split(',').filter_map(|s| s.split_once(':')) {
                if let (Ok(outbox), Ok(request)) = (outbox.parse(), request.parse()) {
                    self.live.relay(Signal { request, outbox });
                }
            }
        }
    }

    async fn poll(&self) {
        let mut every = tokio::time::interval(POLL);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            // five seconds back: a transaction may commit late, and `relay` tells each row once
            let found = sqlx::query!(
                r#"select id, request_id as "request!" from outbox
                where created_at > now() - interval '5 seconds' and request_id is not null order by id"#
            )
            .fetch_all(&self.readers)
            .await;
            match found {
                Ok(rows) => rows.into_iter().for_each(|r| self.live.relay(Signal { request: r.request, outbox: r.id })),
                Err(error) => tracing::debug!(%error, "poll of the outbox"),
            }
        }
    }
}
