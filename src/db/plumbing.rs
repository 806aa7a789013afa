//! Writes that are not privileged changes and so need neither operator nor entry: sessions, saved views, failed sign-ins, housekeeping.
use super::Db;
use crate::{error::Error, notices::Kind, personal::ClientAddress};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

impl Db {
    /// A new session. Without a person it lives an hour, with a person 12 hours.
    pub async fn create_session(&self, key: &[u8], operator: Option<Uuid>, data: Value) -> Result<(), Error> {
        sqlx::query!(
            "insert into session (id_hash, operator_id, data, expires_at)
             values ($1, $2, $3, now() + case when $2::uuid is null then interval '1 hour' else interval '12 hours' end)",
            key,
            operator,
            data
        )
        .execute(&self.writers)
        .await?;
        Ok(())
    }

    /// Updates a session, but never brings a revoked one back.
    pub async fn save_session(&self, key: &[u8], data: Value) -> Result<(), Error> {
        sqlx::query!("update session set data = $2 where id_hash = $1", key, data).execute(&self.writers).await?;
        Ok(())
    }

    /// Notes, once a minute at most, that somebody is using a session.
    pub async fn touch_session(&self, key: &[u8]) -> Result<(), Error> {
        let unseen =
            sqlx::query_scalar!(r#"select last_seen_at < now() - interval '1 minute' as "unseen!" from session where id_hash = $1"#, key);
        if unseen.fetch_optional(&self.lookups).await? == Some(true) {
            sqlx::query!("update session set last_seen_at = now() where id_hash = $1", key).execute(&self.writers).await?;
        }
        Ok(())
    }

    /// The data of a living session.
    pub async fn load_session(&self, key: &[u8]) -> Result<Option<Value>, Error> {
        let data = sqlx::query_scalar!(
            "select data from session where id_hash = $1 and expires_at > now() and last_seen_at > now() - interval '30 minutes'",
            key
        );
        Ok(data.fetch_optional(&self.lookups).await?)
    }

    /// When a session ends if it is not used, and when it ends in any case.
    pub async fn session_end(&self, key: &[u8]) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>, Error> {
        let row =
            sqlx::query!(r#"select last_seen_at + interval '30 minutes' as "idle!", expires_at from session where id_hash = $1"#, key);
        Ok(row.fetch_optional(&self.lookups).await?.map(|r| (r.idle, r.expires_at)))
    }

    pub async fn delete_session(&self, key: &[u8]) -> Result<(), Error> {
        sqlx::query!("delete from session where id_hash = $1", key).execute(&self.writers).await?;
        Ok(())
    }

    /// Saves a view of a list; `false` if this person has too many of them.
    pub async fn save_view(&self, operator: Uuid, list: &str, name: &str, query: &str) -> Result<bool, Error> {
        let saved = sqlx::query!(
            "insert into saved_view (operator_id, list, name, query)
             select $1, $2, $3, $4 where (select count(*) from saved_view where operator_id = $1 and list = $2 and name <> $3) < 30
             on conflict (operator_id, list, name) do update set query = excluded.query",
            operator,
            list,
            name,
            query
        );
        Ok(saved.execute(&self.writers).await?.rows_affected() == 1)
    }

    pub async fn remove_view(&self, operator: Uuid, list: &str, name: &str) -> Result<(), Error> {
        sqlx::query!("delete from saved_view where operator_id = $1 and list = $2 and name = $3", operator, list, name)
            .execute(&self.writers)
            .await?;
        Ok(())
    }

    /// Counts a sign-in before its password is looked at, one at a time for each account and address, so that many at once
    /// cannot all find the count at zero. Answers the seconds to wait instead, if it comes too soon. `account` is a hash:
    /// people type passwords into the wrong field.
    pub async fn admit_login(
        &self,
        account: &[u8],
        address: &ClientAddress,
        pause: fn(i64) -> i64,
        most_from_address: i64,
    ) -> Result<i64, Error> {
        let (db, account, address) = (self.clone(), account.to_vec(), address.exposed().to_owned());
        let admitted = tokio::spawn(async move {
            let mut tx = db.writers.begin().await?;
            sqlx::query_scalar!("select pg_advisory_xact_lock(hashtextextended(encode($1, 'hex') || $2, 0))", account, address)
                .fetch_one(&mut *tx)
                .await?;
            let so_far = sqlx::query!(
                r#"select (select count(*) from login_failure where account = $1 and address = $2::text::inet and at > now() - interval '15 minutes') as "here!",
                     (select count(*) from login_failure where address = $2::text::inet and at > now() - interval '1 minute') as "from_address!",
                     coalesce((select extract(epoch from now() - max(at))::bigint from login_failure where account = $1 and address = $2::text::inet), 3600) as "since!""#,
                account, address
            ).fetch_one(&mut *tx).await?;
            let wait = (pause(so_far.here) - so_far.since).max(if so_far.from_address >= most_from_address { 60 } else { 0 });
            if wait <= 0 {
                sqlx::query!("insert into login_failure (account, address) values ($1, $2::text::inet)", account, address)
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
            Ok::<_, sqlx::Error>(wait.max(0))
        });
        Ok(admitted.await.map_err(anyhow::Error::from)??)
    }

    /// A sign-in that succeeded was no failure.
    pub async fn forgive_login(&self, account: &[u8], address: &ClientAddress) -> Result<(), Error> {
        sqlx::query!("delete from login_failure where account = $1 and address = $2::text::inet", account, address.exposed())
            .execute(&self.writers)
            .await?;
        Ok(())
    }

    /// Notes when this person first opened this request.
    pub async fn note_seen(&self, request: i64, operator: Uuid) -> Result<(), Error> {
        sqlx::query!("insert into request_seen (request_id, operator_id) values ($1, $2) on conflict do nothing", request, operator)
            .execute(&self.writers)
            .await?;
        Ok(())
    }

    /// Notes that somebody has read what they were told: about one request, or everything up to a notice.
    pub async fn read_notices(&self, operator: Uuid, request: Option<i64>, up_to: Option<i64>) -> Result<(), Error> {
        sqlx::query!(
            "update notice set read_at = now() where operator_id = $1 and read_at is null
               and ($2::bigint is null or request_id = $2) and ($3::bigint is null or id <= $3)",
            operator,
            request,
            up_to
        )
        .execute(&self.writers)
        .await?;
        Ok(())
    }

    /// Watches a request, or does so no more.
    pub async fn watch(&self, operator: Uuid, request: i64, watching: bool) -> Result<(), Error> {
        if watching {
            sqlx::query!("insert into watch (request_id, operator_id) values ($1, $2) on conflict do nothing", request, operator)
                .execute(&self.writers)
                .await?;
        } else {
            sqlx::query!("delete from watch where request_id = $1 and operator_id = $2", request, operator).execute(&self.writers).await?;
        }
        Ok(())
    }

    /// Puts a failed job off: 2, 4, 8, … seconds for the first `quick` tries, then five minutes.
    pub async fn postpone_job(&self, id: i64, failure: &str, quick: i16) -> Result<(), Error> {
        sqlx::query!(
            "update job set attempts = attempts + 1, last_error = left($2, 500),
               run_at = now() + case when attempts < $3 then make_interval(secs => 2 ^ (attempts + 1)) else interval '5 minutes' end
             where id = $1",
            id,
            failure,
            quick
        )
        .execute(&self.writers)
        .await?;
        Ok(())
    }

    /// Hides a job until then: whoever hides it works on it outside a transaction, and if they die somebody else finds it again.
    pub async fn hide_job(&self, id: i64, seconds: f64) -> Result<(), Error> {
        sqlx::query!("update job set run_at = now() + make_interval(secs => $2) where id = $1", id, seconds).execute(&self.writers).await?;
        Ok(())
    }

    /// The same for a job that is due, so that of several who found it at once only one goes on: `false` for the others.
    pub async fn take_job(&self, id: i64, seconds: f64) -> Result<bool, Error> {
        let taken =
            sqlx::query!("update job set run_at = now() + make_interval(secs => $2) where id = $1 and run_at <= now()", id, seconds);
        Ok(taken.execute(&self.writers).await?.rows_affected() == 1)
    }

    /// Makes room for the events to come; without it, nothing could be written one day.
    pub async fn prepare_partitions(&self) -> Result<(), Error> {
        sqlx::query_scalar!("select ledger.prepare_partitions(current_date, 3)").execute(&self.writers).await?;
        Ok(())
    }

    /// Removes what is over, 10,000 rows at a time: dead sessions, old failures, outbox rows that every replica has seen, notices
    /// of a quarter ago.
    pub async fn sweep(&self) -> Result<(), Error> {
        loop {
            let sessions = sqlx::query!(
                "delete from session where id_hash in (select id_hash from session
                 where expires_at < now() or last_seen_at < now() - interval '30 minutes' limit 10000)"
            );
            let failures = sqlx::query!(
                "delete from login_failure where ctid = any(array(select ctid from login_failure where at < now() - interval '1 day' limit 10000))"
            );
            let told = sqlx::query!(
                "delete from outbox where id in (select id from outbox where created_at < now() - interval '1 day' limit 10000)"
            );
            let notices =
                sqlx::query!("delete from notice where id in (select id from notice where at < now() - interval '90 days' limit 10000)");
            let mut gone = sessions.execute(&self.writers).await?.rows_affected();
            gone += failures.execute(&self.writers).await?.rows_affected();
            gone += notices.execute(&self.writers).await?.rows_affected();
            gone += told.execute(&self.writers).await?.rows_affected();
            // what pressed somebody to vote is settled by whoever voted; else the count of what is unread would grow for ever
            let settled = sqlx::query!(
                "update notice set read_at = now() where id in (select n.id from notice n join request r on r.id = n.request_id
                 where n.read_at is null and n.kind = any($1) and r.state <> 'pending' limit 10000)",
                &Kind::PRESSING as &[&str]
            );
            gone += settled.execute(&self.writers).await?.rows_affected();
            if gone < 10_000 {
                return Ok(());
            }
        }
    }
}
