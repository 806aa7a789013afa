//! How often a password may be guessed. Counted in Postgres, so that it holds over all replicas, and for each account and
//! address together: somebody who attacks a break-glass account from elsewhere does not lock its owner out.
use crate::{
    db::Db,
    error::Error,
    personal::{ClientAddress, Email},
};
use sha2::{Digest, Sha256};

/// Sign-ins from one address in a minute.
const FROM_ADDRESS: i64 = 30;

/// The account as it is counted: whether it exists or not makes no difference.
pub fn account(email: &Email) -> Vec<u8> {
    Sha256::digest(email.exposed().trim().to_lowercase()).to_vec()
}

/// Counts this sign-in and lets it go on, or refuses it: after 5 failures in 15 minutes each one costs a growing pause of
/// 1 to 60 seconds, and 30 from one address in a minute cost a minute.
pub async fn admit(db: &Db, account: &[u8], address: &ClientAddress) -> Result<(), Error> {
    let wait = db.admit_login(account, address, pause, FROM_ADDRESS).await?;
    if wait > 0 { Err(Error::TooMany { retry_after: wait.unsigned_abs() }) } else { Ok(()) }
}

fn pause(failures: i64) -> i64 {
    match failures {
        ..5 => 0,
        n => (1_i64 << (n - 5).min(6)).min(60),
    }
}
