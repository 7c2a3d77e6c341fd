//! Turns between tenants: whoever asks for much at once waits for its own, as long as others ask too.

use super::steady::SteadyClock;
use crate::id::TenantId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
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
}
