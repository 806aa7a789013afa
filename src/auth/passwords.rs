//! Break-glass passwords: argon2id with the crate's defaults (19 MiB, 2 passes), two at a time, because each one costs memory.
use crate::error::Error;
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use std::{sync::LazyLock, time::Duration};
use tokio::{sync::Semaphore, task::spawn_blocking};

static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// Compared against when there is no such account, so that the answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("nobody has this password").expect("defaults are valid"));

/// A password may not be shorter. NIST SP 800-63B-4 asks for 15 where it is the only factor, as it is here.
pub const MIN_LENGTH: usize = 15;

/// The PHC string to store.
pub async fn hash(password: String) -> anyhow::Result<String> {
    let _permit = AT_ONCE.acquire().await?;
    spawn_blocking(move || hash_now(&password)).await?
}

fn hash_now(password: &str) -> anyhow::Result<String> {
    Ok(Argon2::default().hash_password(password.as_bytes()).map_err(|e| anyhow::anyhow!("argon2: {e}"))?.to_string())
}

/// Whether the password fits; without a stored hash it takes as long and never fits. Waits two seconds for its turn.
pub async fn verify(password: String, stored: Option<String>) -> Result<bool, Error> {
    let turn = tokio::time::timeout(Duration::from_secs(2), AT_ONCE.acquire()).await;
    let _permit = turn.map_err(|_| Error::Unavailable("too many sign-ins at once".into()))?.map_err(anyhow::Error::from)?;
    spawn_blocking(move || {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODY.clone());
        let stored = PasswordHash::new(&stored).map_err(|e| anyhow::anyhow!("stored password: {e}"))?;
        Ok::<_, Error>(Argon2::default().verify_password(password.as_bytes(), &stored).is_ok() && known)
    })
    .await
    .map_err(anyhow::Error::from)?
}
