//! How many connections there may be at once, and what becomes of those beyond.
//!
//! Each has a place. When all are taken, idle ones are closed sooner, and a few spare places remain in which health
//! checks are answered and everything else is told to come back; those beyond wait in the backlog of the kernel.

use crate::clock::monotonic;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections beyond the bound that get a short answer.
const SPARE: usize = 64;
/// How often the log says that the bound is reached.
const TELL_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Places {
    most: usize,
    regular: Arc<Semaphore>,
    spare: Arc<Semaphore>,
    told: Option<Instant>,
}

/// Held as long as the connection lasts.
pub(super) struct Place {
    /// Whether it is one for a short answer.
    pub(super) is_spare: bool,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(most: usize) -> Places {
        let most = most.min(Semaphore::MAX_PERMITS);
        let (regular, spare) = (Arc::new(Semaphore::new(most)), Arc::new(Semaphore::new(SPARE)));
        Places { most, regular, spare, told: None }
    }

    /// Whether less than an eighth is free.
    pub(super) fn is_crowded(&self) -> impl Fn() -> bool + Send + 'static {
        let (regular, few) = (Arc::clone(&self.regular), self.most.div_ceil(8));
        move || regular.available_permits() < few
    }

    /// A place, waiting for one if even the spare ones are taken. None never happens: nobody closes the semaphores.
    pub(super) async fn take(&mut self) -> Option<Place> {
        if let Ok(permit) = Arc::clone(&self.regular).try_acquire_owned() {
            return Some(Place { is_spare: false, _permit: permit });
        }
        self.tell();
        let (permit, is_spare) = tokio::select! {
            biased;
            permit = Arc::clone(&self.regular).acquire_owned() => (permit, false),
            permit = Arc::clone(&self.spare).acquire_owned() => (permit, true),
        };
        permit.ok().map(|permit| Place { is_spare, _permit: permit })
    }

    fn tell(&mut self) {
        let now = monotonic();
        if self.told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY) {
            self.told = Some(now);
            tracing::warn!(
                connections = self.most,
                "all connections are taken; raise max_connections, or look who holds them"
            );
        }
    }
}
