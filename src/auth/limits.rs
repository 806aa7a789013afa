//! How often a password may be guessed. Counted in Postgres, so that it holds over all replicas; never a hard lock-out,
//! because break-glass sign-in must work when somebody attacks it.
use super::store;
use crate::{db::Db, error::Error};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// The account as it is counted: whether it exists or not makes no difference.
pub fn account(email: &str) -> Vec<u8> {
    Sha256::digest(email.trim().to_lowercase()).to_vec()
}

/// Refuses a sign-in that comes too soon: 5 failures of an account in 15 minutes cost a growing pause of 1 to 60 seconds,
/// 30 failures from one address in a minute cost the rest of that minute.
pub async fn check(db: &Db, account: &[u8], address: IpAddr) -> Result<(), Error> {
    let mut conn = db.read().await?;
    let failures = store::login_failures(&mut conn, account, &address.to_string()).await?;
    let pause = match failures.of_account {
        0..5 => 0,
        n => 1_i64 << (n - 5).min(6),
    }
    .min(60);
    let wait = (pause - failures.seconds_since).max(if failures.from_address >= 30 { 60 } else { 0 });
    if wait > 0 { Err(Error::TooMany { retry_after: wait.unsigned_abs() }) } else { Ok(()) }
}
