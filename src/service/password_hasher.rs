//! argon2id, bounded in number and memory, on threads of its own.

use crate::error::{Error, Result};
use crate::model::password::Password;
use crate::niceness;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// m = 19 MiB, t = 2, p = 1 (OWASP's recommendation for argon2id).
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
/// Hashes at once: each takes a core and 19 MiB.
const AT_ONCE: usize = 2;
/// Sign-ins that may wait for their turn.
const WAITING: usize = 64;
/// New passwords that may: they have places of their own, so that a flood of sign-ups keeps nobody from signing in.
const WAITING_NEW: usize = 16;
const WAIT: Duration = Duration::from_secs(10);

pub(super) struct PasswordHasher {
    turns: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    queue_new: Arc<Semaphore>,
    dummy: Arc<OnceLock<String>>,
}

/// What came of comparing a password.
pub(super) enum Compared {
    /// It is wrong, or there is nobody with it.
    Wrong,
    /// It is right.
    Right,
    /// It is right, and was stored with weaker parameters: here is a new hash.
    RightRehash(String),
}

impl PasswordHasher {
    pub(super) fn new() -> PasswordHasher {
        PasswordHasher {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            queue: Arc::new(Semaphore::new(WAITING)),
            queue_new: Arc::new(Semaphore::new(WAITING_NEW)),
            dummy: Arc::default(),
        }
    }

    /// The PHC string of a new password.
    pub(super) async fn hash(&self, password: Password) -> Result<String> {
        self.run(&self.queue_new, move || hash(&password)).await?
    }

    /// Compares with a stored hash; without one it takes the same time and is wrong.
    pub(super) async fn compare(&self, password: Password, stored: Option<String>) -> Result<Compared> {
        let dummy = Arc::clone(&self.dummy);
        self.run(&self.queue, move || compare(&password, stored, &dummy)).await?
    }

    /// Runs `act` on a thread of its own. The permit moves into it: a request that is dropped meanwhile does not make
    /// room for another hash.
    async fn run<T: Send + 'static>(
        &self,
        queue: &Arc<Semaphore>,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let _place = Arc::clone(queue).try_acquire_owned().map_err(|_| busy())?;
        let turn: OwnedSemaphorePermit = tokio::time::timeout(WAIT, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| busy())?
            .map_err(Error::internal)?;
        let (answer, result) = oneshot::channel();
        std::thread::Builder::new().name("argon2".to_owned()).spawn(move || {
            niceness::give_way();
            // The caller may have gone away.
            let _ = answer.send(act());
            drop(turn);
        })?;
        result.await.map_err(Error::internal)
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params =
        Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &Password) -> Result<String> {
    let salt = crate::random::bytes::<16>();
    let hash = argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| Error::internal(error.to_string()))?;
    Ok(hash.to_string())
}

fn compare(password: &Password, stored: Option<String>, dummy: &OnceLock<String>) -> Result<Compared> {
    let known = stored.is_some();
    let stored = match stored {
        Some(stored) => stored,
        None => match dummy.get() {
            Some(hash) => hash.clone(),
            None => {
                let made = hash(&Password::given("nobody has this password".to_owned()))?;
                dummy.get_or_init(|| made).clone()
            }
        },
    };
    let parsed = PasswordHash::new(&stored).map_err(|error| Error::internal(error.to_string()))?;
    // The parameters are those in the hash, whatever ours are now.
    let right = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
    if !(known && right) {
        return Ok(Compared::Wrong);
    }
    let weaker = Params::try_from(&parsed)
        .is_ok_and(|params| params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES);
    if weaker { hash(password).map(Compared::RightRehash) } else { Ok(Compared::Right) }
}

fn busy() -> Error {
    Error::unavailable(
        "sign_in_busy",
        "Too many people are signing in or up at this moment. Try again shortly.",
        2,
    )
}
