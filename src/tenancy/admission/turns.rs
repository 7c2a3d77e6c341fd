//! Turns between tenants: whoever asks for much at once waits for its own, as long as others ask too.

use super::steady::SteadyClock;
use crate::id::TenantId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// In so many milliseconds it is noted once who asked.
const TICK: i64 = 250;
/// Ticks for which somebody who asked counts.
const FRESH: u32 = 4;
/// How often who waits looks whether the others have gone.
const LOOK: Duration = Duration::from_millis(100);
/// How long a request waits for its tenant's turn.
const LONGEST: Duration = Duration::from_secs(5);

/// Who asked lately: the two last tenants, which is enough to know of each whether it is alone.
pub(super) struct Crowd {
    clock: SteadyClock,
    latest: AtomicU64,
    other: AtomicU64,
}

/// A tenant and the tick in which it asked, in one word.
#[derive(Clone, Copy, PartialEq)]
struct Asked {
    tenant: u32,
    tick: u32,
}

impl Asked {
    fn word(self) -> u64 {
        u64::from(self.tenant) << 32 | u64::from(self.tick)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a word")]
    fn of(word: u64) -> Asked {
        Asked { tenant: (word >> 32) as u32, tick: word as u32 }
    }
}

impl Crowd {
    pub(super) fn new(clock: SteadyClock) -> Crowd {
        Crowd { clock, latest: AtomicU64::new(0), other: AtomicU64::new(0) }
    }

    /// Two tenants of one name would take each other for themselves: nothing but a turn that is not asked for.
    fn name(tenant: TenantId) -> u32 {
        let [.., a, b, c, d] = *tenant.as_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "ticks are told apart, not counted"
    )]
    fn tick(&self) -> u32 {
        (self.clock.ms() / TICK) as u32
    }

    /// Notes that a tenant asked. Writes at most twice in a tick, whoever asks.
    pub(super) fn note(&self, tenant: TenantId) {
        let mine = Asked { tenant: Crowd::name(tenant), tick: self.tick() };
        let (latest, other) = (Asked::of(self.latest.load(Relaxed)), Asked::of(self.other.load(Relaxed)));
        if latest.tenant == mine.tenant {
            if latest.tick != mine.tick {
                self.latest.store(mine.word(), Relaxed);
            }
        } else if latest.tick != mine.tick || other.tick != mine.tick {
            self.other.store(latest.word(), Relaxed);
            self.latest.store(mine.word(), Relaxed);
        }
    }

    /// Whether another tenant asked in the last second.
    fn has_others(&self, tenant: TenantId) -> bool {
        let (mine, now) = (Crowd::name(tenant), self.tick());
        [&self.latest, &self.other].into_iter().any(|asked| {
            let asked = Asked::of(asked.load(Relaxed));
            asked.tenant != mine && now.wrapping_sub(asked.tick) <= FRESH
        })
    }
}

/// The turns of one tenant.
#[derive(Clone)]
pub(super) struct Turns(Option<Arc<Semaphore>>);

/// A turn, until it is dropped; none was needed where the tenant is alone.
pub(super) struct Turn(
    #[cfg_attr(not(test), expect(dead_code, reason = "held until it is dropped"))]
    Option<OwnedSemaphorePermit>,
);

impl Turns {
    /// So many at once while others ask; 0 is any number.
    pub(super) fn new(most: usize) -> Turns {
        Turns((most > 0).then(|| Arc::new(Semaphore::new(most))))
    }

    /// Waits for a turn; `None` when that takes too long.
    pub(super) async fn take(&self, tenant: TenantId, crowd: &Crowd) -> Option<Turn> {
        let Some(turns) = &self.0 else { return Some(Turn(None)) };
        if let Ok(turn) = Arc::clone(turns).try_acquire_owned() {
            return Some(Turn(Some(turn)));
        }
        let mut waited = Duration::ZERO;
        let mut coming = std::pin::pin!(Arc::clone(turns).acquire_owned());
        while crowd.has_others(tenant) {
            if waited >= LONGEST {
                return None;
            }
            if let Ok(turn) = tokio::time::timeout(LOOK, coming.as_mut()).await {
                return Some(Turn(turn.ok()));
            }
            waited += LOOK;
        }
        Some(Turn(None))
    }
}

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
    use crate::clock::{ManualClock, SharedClock, Timestamp};
    use futures_util::FutureExt as _;

    fn crowd() -> (Arc<ManualClock>, Crowd) {
        let manual = Arc::new(ManualClock::new(Timestamp(1_000_000)));
        let clock = SteadyClock::new(Arc::clone(&manual) as SharedClock);
        (manual, Crowd::new(clock))
    }

    fn tenants() -> [TenantId; 3] {
        [1, 2, 3].map(|at| TenantId::new(Timestamp(at)))
    }

    #[test]
    fn whoever_asked_in_the_last_second_is_others_to_all_but_itself() {
        let (clock, crowd) = crowd();
        let [a, b, c] = tenants();
        assert!(!crowd.has_others(a));
        crowd.note(a);
        assert_eq!((crowd.has_others(a), crowd.has_others(b)), (false, true));
        crowd.note(b);
        crowd.note(c);
        assert!(crowd.has_others(a) && crowd.has_others(b) && crowd.has_others(c));
        // One that goes on while the others have gone is alone after a second or so.
        for _ in 0..6 {
            clock.advance(TICK);
            crowd.note(a);
        }
        assert_eq!((crowd.has_others(a), crowd.has_others(b)), (false, true));
        clock.advance(2_000);
        assert!(!crowd.has_others(b));
    }

    #[tokio::test]
    async fn alone_there_is_no_end_to_turns_and_among_others_there_is() {
        let (_clock, crowd) = crowd();
        let [a, b, _] = tenants();
        let turns = Turns::new(2);
        crowd.note(a);
        let held: Vec<Turn> =
            [turns.take(a, &crowd).await, turns.take(a, &crowd).await, turns.take(a, &crowd).await]
                .into_iter()
                .flatten()
                .collect();
        assert_eq!(held.iter().filter(|turn| turn.0.is_some()).count(), 2);
        crowd.note(b);
        let mut waits = std::pin::pin!(turns.take(a, &crowd));
        assert!(waits.as_mut().now_or_never().is_none());
        // Whoever is not crowding has turns at once.
        assert!(Turns::new(2).take(b, &crowd).await.is_some());
        drop(held);
        assert!(waits.await.is_some_and(|turn| turn.0.is_some()));
        assert!(Turns::new(0).take(a, &crowd).await.is_some());
    }

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
