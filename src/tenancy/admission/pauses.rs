//! Refusals of whoever goes on asking are told a little later. Each costs the server and its network about as much as a
//! request that is let in, so a program that waits for each answer before it asks again costs the others less this way.
//!
//! One refusal a second of a tenant is told at once: who takes it as it is meant notices nothing. How many wait to be told is
//! bounded, for each tenant and for all; beyond that they are told at once. Who waits has a place among the requests that
//! the server works on at once, so the bound of all is a small part of those.

use super::places::Waiting;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Refusals that wait to be told, of all tenants; of each it is a quarter.
const MOST: usize = 256;
/// In so many milliseconds one refusal is told at once.
const AT_ONCE: i64 = 1_000;

/// The pauses of all tenants.
pub(super) struct Pauses {
    length: Duration,
    each: u32,
    free: Semaphore,
}

/// Refusals of one tenant.
pub(super) struct Refusals {
    /// When one was last told at once.
    told: AtomicI64,
    waiting: AtomicU32,
}

impl Default for Refusals {
    fn default() -> Refusals {
        Refusals { told: AtomicI64::new(i64::MIN / 2), waiting: AtomicU32::new(0) }
    }
}

impl Pauses {
    /// Of so many milliseconds, 0 is none; so many at once at most.
    pub(super) fn new(ms: u64, most: usize) -> Pauses {
        let most = most.clamp(1, MOST);
        let each = u32::try_from(most / 4).unwrap_or_default().max(1);
        Pauses { length: Duration::from_millis(ms), each, free: Semaphore::new(most) }
    }

    /// Waits until a refusal may be told. `now` is in milliseconds.
    pub(super) async fn wait(&self, refusals: &Refusals, now: i64) {
        if self.length.is_zero() || refusals.is_told_at_once(now) {
            return;
        }
        let Some(_waiting) = Waiting::begin(&refusals.waiting, self.each) else { return };
        let Ok(_place) = self.free.try_acquire() else { return };
        tokio::time::sleep(self.length).await;
    }
}

impl Refusals {
    fn is_told_at_once(&self, now: i64) -> bool {
        let told = self.told.load(Relaxed);
        // Also where the clock was set back.
        let is_first = !(0..AT_ONCE).contains(&now.saturating_sub(told));
        is_first && self.told.compare_exchange(told, now, Relaxed, Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::pin::Pin;

    const LONG: u64 = 3_600_000;

    #[test]
    fn one_a_second_is_told_at_once_also_after_the_clock_was_set_back() {
        let refusals = Refusals::default();
        let told: Vec<bool> =
            [0, 1, 999, 1_000, 1_001, 500, 501].map(|now| refusals.is_told_at_once(now)).into();
        assert_eq!(told, [true, false, false, true, false, true, false]);
    }

    #[tokio::test]
    async fn so_many_wait_and_all_others_are_told_at_once() {
        let pauses = Pauses::new(LONG, 10_000);
        let tenants: Vec<Refusals> = (0..6).map(|_| Refusals::default()).collect();
        let mut waiting: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
        let mut counts = Vec::new();
        for refusals in &tenants {
            assert!(pauses.wait(refusals, 0).now_or_never().is_some());
            let before = waiting.len();
            for _ in 0..100 {
                let mut wait: Pin<Box<dyn Future<Output = ()>>> = Box::pin(pauses.wait(refusals, 1));
                if wait.as_mut().now_or_never().is_none() {
                    waiting.push(wait);
                }
            }
            counts.push(waiting.len() - before);
        }
        assert_eq!(counts, [64, 64, 64, 64, 0, 0]);
        // Who gives up waiting makes room.
        waiting.truncate(200);
        assert!(pauses.wait(&tenants[5], 1).now_or_never().is_none());
        drop(waiting);
        assert_eq!(tenants[0].waiting.load(Relaxed), 0);
        assert_eq!(pauses.free.available_permits(), MOST);
        // Of a small server they are few.
        for (most, each) in [(0, 1), (1, 1), (16, 4), (256, 64)] {
            let pauses = Pauses::new(LONG, most);
            assert_eq!((pauses.free.available_permits(), pauses.each), (most.max(1), each));
        }
        // Where there are no pauses nobody waits.
        assert!((0..9).all(|_| Pauses::new(0, 1).wait(&tenants[0], 1).now_or_never().is_some()));
    }
}
