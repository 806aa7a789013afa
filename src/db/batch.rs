//! Many questions of one kind, asked at the same time, become one query: a thousand callers that arrive together cost one
//! connection instead of standing in line for eight.
use crate::error::Error;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex},
};
use tokio::sync::{Semaphore, oneshot};

type Answer<V> = Result<Option<V>, Arc<Error>>;
type Asked<K, V> = Arc<Mutex<HashMap<K, Vec<oneshot::Sender<Answer<V>>>>>>;

/// A question is only ever answered by a query that began after it was asked, so an answer is never older than the question.
pub struct Batch<K, V> {
    asked: Asked<K, V>,
    /// How many queries may be on their way.
    running: Arc<Semaphore>,
}

impl<K, V> Batch<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub fn new(at_once: usize) -> Self {
        Self { asked: Arc::default(), running: Arc::new(Semaphore::new(at_once)) }
    }

    /// The value of `key` as one of the queries that `read` makes finds it. Whoever asks first reads for all that ask until their
    /// turn comes; that goes on if they leave.
    pub async fn ask<F, R>(&self, key: K, read: F) -> Result<Option<V>, Error>
    where
        F: FnOnce(Vec<K>) -> R + Send + 'static,
        R: Future<Output = Result<HashMap<K, V>, Error>> + Send,
    {
        let (tell, told) = oneshot::channel();
        let first = {
            let mut asked = self.asked.lock().expect("no panic while held");
            let first = asked.is_empty();
            asked.entry(key).or_default().push(tell);
            first
        };
        if first {
            let (asked, running) = (self.asked.clone(), self.running.clone());
            tokio::spawn(async move {
                let Ok(_turn) = running.acquire_owned().await else { return };
                answer(&asked, read).await;
            });
        }
        match told.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(match &*error {
                Error::Unavailable(text) => Error::Unavailable(text.clone()),
                Error::Neighbour(text) => Error::Neighbour(text.clone()),
                other => Error::Internal(anyhow::anyhow!("{other}")),
            }),
            Err(_) => Err(Error::Unavailable("the reader was stopped".into())),
        }
    }
}

async fn answer<K, V, F, R>(asked: &Asked<K, V>, read: F)
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    F: FnOnce(Vec<K>) -> R + Send + 'static,
    R: Future<Output = Result<HashMap<K, V>, Error>> + Send,
{
    let mut waiting = std::mem::take(&mut *asked.lock().expect("no panic while held"));
    if waiting.is_empty() {
        return;
    }
    match read(waiting.keys().cloned().collect()).await {
        Ok(mut found) => {
            for (key, tellers) in waiting.drain() {
                let value = found.remove(&key);
                // who is gone does not mind
                tellers.into_iter().for_each(|tell| drop(tell.send(Ok(value.clone()))));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            waiting.into_values().flatten().for_each(|tell| drop(tell.send(Err(error.clone()))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    #[tokio::test]
    async fn ten_thousand_who_ask_at_once_cost_a_few_queries_and_each_gets_their_own_answer() {
        let (batch, queries) = (Arc::new(Batch::<u32, u32>::new(1)), Arc::new(AtomicUsize::new(0)));
        let ask = |n: u32| {
            let (batch, queries) = (batch.clone(), queries.clone());
            async move {
                let key = n % 100;
                let read = move |keys: Vec<u32>| async move {
                    queries.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Ok(keys.into_iter().filter(|k| *k != 7).map(|k| (k, k * 2)).collect())
                };
                (key, batch.ask(key, read).await.unwrap())
            }
        };
        for (key, value) in futures::future::join_all((0..10_000).map(ask)).await {
            assert_eq!(value, (key != 7).then_some(key * 2));
        }
        assert!(queries.load(Ordering::Relaxed) < 10, "{queries:?} queries");
    }

    #[tokio::test]
    async fn an_answer_is_never_older_than_the_question() {
        let (batch, now) = (Arc::new(Batch::<u8, usize>::new(4)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..200 {
            let asked_at = now.fetch_add(1, Ordering::SeqCst);
            let clock = now.clone();
            let read = move |keys: Vec<u8>| async move {
                let read_at = clock.load(Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok(keys.into_iter().map(|k| (k, read_at)).collect())
            };
            let (one, two) = tokio::join!(batch.ask(1, read.clone()), batch.ask(1, read));
            assert!(one.unwrap().unwrap() > asked_at && two.unwrap().unwrap() > asked_at);
        }
    }

    #[tokio::test]
    async fn a_failure_is_everybodys_and_the_next_question_is_asked_again() {
        let batch = Batch::<u8, u8>::new(1);
        let away = |_: Vec<u8>| async { Err(Error::Unavailable("away".into())) };
        assert!(matches!(batch.ask(1, away).await, Err(Error::Unavailable(_))));
        assert_eq!(batch.ask(1, |_| async { Ok(HashMap::from([(1, 2)])) }).await.unwrap(), Some(2));
    }
}
