//! Writes that are not privileged changes and so need neither operator nor entry: sessions, failed sign-ins, housekeeping.
use super::Db;
use crate::error::Error;
use serde_json::Value;
use std::net::IpAddr;
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

    /// The data of a living session. Notes once a minute that it is in use.
    pub async fn load_session(&self, key: &[u8]) -> Result<Option<Value>, Error> {
        let found = sqlx::query!(
            r#"select data, last_seen_at < now() - interval '1 minute' as "unseen!" from session
               where id_hash = $1 and expires_at > now() and last_seen_at > now() - interval '30 minutes'"#,
            key
        )
        .fetch_optional(&self.readers)
        .await?;
        let Some(session) = found else { return Ok(None) };
        if session.unseen {
            sqlx::query!("update session set last_seen_at = now() where id_hash = $1", key).execute(&self.writers).await?;
        }
        Ok(Some(session.data))
    }

    pub async fn delete_session(&self, key: &[u8]) -> Result<(), Error> {
        sqlx::query!("delete from session where id_hash = $1", key).execute(&self.writers).await?;
        Ok(())
    }

    /// Notes a failed sign-in. The account is a hash: people type passwords into the wrong field.
    pub async fn note_login_failure(&self, account: &[u8], address: IpAddr) -> Result<(), Error> {
        sqlx::query!("insert into login_failure (account, address) values ($1, $2::text::inet)", account, address.to_string())
            .execute(&self.writers)
            .await?;
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

    /// Removes what is over: dead sessions, old failures, outbox rows that every replica has seen.
    pub async fn sweep(&self) -> Result<(), Error> {
        sqlx::query!("delete from session where expires_at < now() or last_seen_at < now() - interval '30 minutes'")
            .execute(&self.writers)
            .await?;
        sqlx::query!("delete from login_failure where at < now() - interval '1 day'").execute(&self.writers).await?;
        sqlx::query!("delete from outbox where created_at < now() - interval '1 day'").execute(&self.writers).await?;
        sqlx::query_scalar!("select ledger.prepare_partitions(current_date, 3)").execute(&self.writers).await?;
        Ok(())
    }
}
