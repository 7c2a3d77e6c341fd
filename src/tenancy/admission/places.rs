//! Places: how many requests of one tenant or key may be under way at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests of one tenant or key that may be under way at once, as its plan says.
pub(super) struct Places {
    free: Arc<Semaphore>,
    most: AtomicU32,
    /// Places that are no longer there once they are given back.
    owed: AtomicU32,
    waiting: AtomicU32,
}

/// How long one more than that waits for a place. Browsers send in bursts that are over in less.
const WAIT_FOR_PLACE: Duration = Duration::from_millis(250);

impl Places {
    pub(super) fn new(most: u32) -> Places {
        Places {
            free: Arc::new(Semaphore::new(most as usize)),
            most: AtomicU32::new(most),
            owed: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
        }
    }

    /// There are so many from now on; those that are taken count. To be called by one at a time.
    pub(super) fn resize(&self, most: u32) {
        let before = self.most.swap(most, Relaxed);
        if most > before {
            let more = most - before;
            let owed = self.owed.fetch_update(Relaxed, Relaxed, |owed| Some(owed.saturating_sub(more)));
            let let_off = owed.unwrap_or_else(|owed| owed).min(more);
            self.free.add_permits((more - let_off) as usize);
        } else {
            let fewer = before - most;
            let gone = u32::try_from(self.free.forget_permits(fewer as usize)).unwrap_or(fewer);
            self.owed.fetch_add(fewer.saturating_sub(gone), Relaxed);
        }
    }

    /// A place that came free, unless there are fewer by now.
    fn settled(&self, place: OwnedSemaphorePermit) -> Option<OwnedSemaphorePermit> {
        if self.owed.fetch_update(Relaxed, Relaxed, |owed| owed.checked_sub(1)).is_ok() {
            place.forget();
            return None;
        }
        Some(place)
    }

    /// How many there are, and how many of them are free.
    pub(super) fn standing(&self) -> (u32, u32) {
        let free = u32::try_from(self.free.available_permits()).unwrap_or(u32::MAX);
        (self.most.load(Relaxed), free.saturating_sub(self.owed.load(Relaxed)))
    }

    /// Waits a moment for a place, as long as no more wait than there are places.
    pub(super) async fn take(&self) -> Option<OwnedSemaphorePermit> {
        while let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            if let Some(place) = self.settled(place) {
                return Some(place);
            }
        }
        let _waiting = Waiting::begin(&self.waiting, self.most.load(Relaxed))?;
        let coming = async {
            loop {
                let place = Arc::clone(&self.free).acquire_owned().await.ok()?;
                if let Some(place) = self.settled(place) {
                    return Some(place);
                }
            }
        };
        tokio::time::timeout(WAIT_FOR_PLACE, coming).await.ok()?
    }
}

/// One who waits, also when it is given up.
pub(super) struct Waiting<'w>(&'w AtomicU32);

impl<'w> Waiting<'w> {
    /// One more, unless there are so many.
    pub(super) fn begin(waiting: &'w AtomicU32, most: u32) -> Option<Waiting<'w>> {
        let before = waiting.fetch_add(1, Relaxed);
        let waits = Waiting(waiting);
        (before < most).then_some(waits)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn as_many_wait_for_a_place_as_there_are_and_not_one_more() {
        let places = Places::new(1);
        let held = places.take().await.unwrap();
        let mut waits = std::pin::pin!(places.take());
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(places.take().await.is_none());
        drop(held);
        assert!(waits.await.is_some());
        assert_eq!(places.standing(), (1, 1));
        // Who gives up waiting leaves room for another.
        let held = places.take().await.unwrap();
        {
            let mut gone = std::pin::pin!(places.take());
            assert!(gone.as_mut().now_or_never().is_none());
        }
        let mut waits = std::pin::pin!(places.take());
        assert!(waits.as_mut().now_or_never().is_none());
        drop(held);
        assert!(waits.await.is_some());
    }

    #[tokio::test]
    async fn with_fewer_or_more_places_those_that_are_taken_count() {
        let places = Places::new(3);
        let mut held = vec![places.take().await.unwrap(), places.take().await.unwrap()];
        places.resize(1);
        assert_eq!(places.standing(), (1, 0));
        assert!(places.take().now_or_never().is_none());
        // The first that is given back is gone.
        held.pop();
        assert!(places.take().now_or_never().is_none());
        held.pop();
        assert!(places.take().now_or_never().flatten().is_some());
        assert_eq!(places.standing(), (1, 1));
        // What was owed is let off before there are more.
        held.push(places.take().await.unwrap());
        places.resize(0);
        places.resize(2);
        assert_eq!(places.standing(), (2, 1));
        held.push(places.take().await.unwrap());
        assert!(places.take().now_or_never().is_none());
        held.clear();
        assert_eq!(places.standing(), (2, 2));
    }
}
