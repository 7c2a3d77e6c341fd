//! Requests with an Idempotency-Key that are not about records: done once at most, and answered again as they were.
//!
//! The key is claimed on disk before the request is done, and the answer kept after it. A crash in between leaves the
//! claim: whoever repeats the request is told that nobody knows, as doing it twice would be worse. Records keep their
//! answers in the transaction of the write itself, see [`super::records`].

use super::Installation;
use crate::catalog::{Actor, AnswerName, Answers};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::IdempotencyKey;
use crate::model::idempotency::Claim;
pub use crate::model::idempotency::GivenAnswer;
use crate::tenancy::TenantScope;
use std::collections::HashSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How long a repeated request waits for the first.
const WAIT: Duration = Duration::from_secs(10);

/// Keys of requests that are being done now.
#[derive(Default)]
pub(super) struct InProgress {
    places: Mutex<HashSet<Place>>,
    left: Notify,
}

/// Whose key, of which tenant; the same key elsewhere is another one.
type Place = (Option<TenantId>, String, String);

/// What became of a request that came with a key.
pub enum Asked {
    /// Nobody has done it yet.
    New(Box<Claimed>),
    /// It was answered so.
    Before(GivenAnswer),
}

/// A claim to do a request: to be kept or released. Dropped, it stays, and nobody knows what became of the request.
pub struct Claimed {
    installation: Arc<Installation>,
    scope: Option<TenantScope>,
    name: AnswerName,
    place: Place,
}

/// Claims `key` for a request of `actor` with this digest; of the scope's tenant, where there is one.
///
/// # Errors
/// 409 `idempotency_key_reused` for another request, `idempotency_in_progress` while the first is being done,
/// `idempotency_outcome_unknown` where it was broken off.
pub async fn claim(
    installation: &Arc<Installation>,
    scope: Option<TenantScope>,
    actor: Actor,
    key: &IdempotencyKey,
    request: String,
) -> Result<Asked> {
    let name = AnswerName { actor: actor.to_string(), key: key.as_str().to_owned() };
    let place = (scope.as_ref().map(|scope| scope.tenant().id), name.actor.clone(), name.key.clone());
    if tokio::time::timeout(WAIT, installation.repeats.enter(&place)).await.is_err() {
        return Err(Error::conflict(
            "idempotency_in_progress",
            "The first request with this Idempotency-Key is still being done. Repeat this one in a moment.",
        ));
    }
    // From here on the place is left with the claim.
    let claimed = Claimed { installation: Arc::clone(installation), scope, name, place };
    let claim = claimed.answers("claim_answer", move |answers, name| answers.claim(name, &request)).await?;
    match claim {
        Claim::New => Ok(Asked::New(Box::new(claimed))),
        Claim::Answered(GivenAnswer { body: None, .. }) => Err(Error::conflict(
            "secret_shown_once",
            "This request was done, and its answer held a secret that is shown once. Remove what it made and make \
             another, with another Idempotency-Key.",
        )),
        Claim::Answered(answer) => Ok(Asked::Before(answer)),
        Claim::Reused => Err(IdempotencyKey::reused()),
        Claim::Unfinished => Err(Error::conflict(
            "idempotency_outcome_unknown",
            "The first request with this Idempotency-Key was broken off, and may have been done. Look whether it was; \
             if not, send it with another key.",
        )),
    }
}

impl Claimed {
    /// Keeps the answer.
    ///
    /// # Errors
    /// As the database says.
    pub async fn keep(self, answer: GivenAnswer) -> Result<()> {
        self.answers("keep_answer", move |answers, name| answers.keep(name, &answer)).await
    }

    /// Lets go of the key: the request was refused.
    ///
    /// # Errors
    /// As the database says.
    pub async fn release(self) -> Result<()> {
        self.answers("release_answer", |answers, name| answers.release(name)).await
    }

    /// Writes where the answer belongs: in the tenant's file, or in the catalog.
    async fn answers<T, F>(&self, what: &'static str, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Answers<'_>, &AnswerName) -> Result<T> + Send + 'static,
    {
        let name = self.name.clone();
        match &self.scope {
            Some(scope) => scope.answers(move |answers| act(answers, &name)).await,
            None => self.installation.catalog.write(what, move |tx| act(&tx.answers(), &name)).await,
        }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.installation.repeats.leave(&self.place);
    }
}

impl InProgress {
    /// Waits until nobody is there.
    async fn enter(&self, place: &Place) {
        loop {
            let mut left = pin!(self.left.notified());
            // Before the look, so that nobody leaves unseen in between.
            left.as_mut().enable();
            if self.places.lock().unwrap_or_else(PoisonError::into_inner).insert(place.clone()) {
                return;
            }
            left.await;
        }
    }

    fn leave(&self, place: &Place) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).remove(place);
        self.left.notify_waiters();
    }
}
