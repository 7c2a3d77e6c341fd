//! Time for limits: the clock of the house, which may be set back, as one that never is.

use crate::clock::SharedClock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

/// A clock that goes back by less was read by two threads in another order than they asked.
const JUMP: i64 = 1_000;

/// Milliseconds that only grow. Where the clock is set back, time goes on from where it was: nobody waits for the clock
/// to come to where it has been already. Where it is set forward, limits recover at once.
#[derive(Clone)]
pub struct SteadyClock(Arc<Steady>);

struct Steady {
    clock: SharedClock,
    /// By how much the clock was set back since the start.
    set_back: AtomicI64,
    latest: AtomicI64,
}

impl SteadyClock {
    /// On top of the clock of the house.
    pub fn new(clock: SharedClock) -> SteadyClock {
        let now = clock.now().0;
        SteadyClock(Arc::new(Steady { clock, set_back: AtomicI64::new(0), latest: AtomicI64::new(now) }))
    }

    /// Milliseconds from somewhere.
    pub fn ms(&self) -> i64 {
        let Steady { clock, set_back, latest } = &*self.0;
        let behind = set_back.load(Relaxed);
        let now = clock.now().0.saturating_add(behind);
        let before = latest.load(Relaxed);
        if now == before {
            return now;
        }
        let before = latest.fetch_max(now, Relaxed);
        if before.saturating_sub(now) > JUMP {
            // Whoever sees it first notes it.
            let _ = set_back.compare_exchange(
                behind,
                behind.saturating_add(before.saturating_sub(now)),
                Relaxed,
                Relaxed,
            );
        }
        now.max(before)
    }
}

impl governor::clock::Clock for SteadyClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.ms()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{HOUR, ManualClock, Timestamp};

    #[test]
    fn time_goes_on_from_where_it_was_when_the_clock_is_set_back() {
        let manual = Arc::new(ManualClock::new(Timestamp(5 * HOUR)));
        let clock = SteadyClock::new(Arc::clone(&manual) as SharedClock);
        let begun = clock.ms();
        manual.advance(10);
        assert_eq!(clock.ms() - begun, 10);
        manual.advance(-2 * HOUR);
        assert_eq!(clock.ms() - begun, 10);
        manual.advance(5);
        assert_eq!(clock.ms() - begun, 15);
        // Less than a jump is waited for.
        manual.advance(-3);
        assert_eq!(clock.ms() - begun, 15);
        manual.advance(4);
        assert_eq!(clock.ms() - begun, 16);
        manual.advance(HOUR);
        assert_eq!(clock.ms() - begun, HOUR + 16);
    }
}
