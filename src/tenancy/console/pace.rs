//! How often one tenant may run statements: each leaves an entry in the audit log, which is kept for good.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Statements at once after a rest.
const BURST: u32 = 200;
/// Between two statements in the long run.
const EACH: Duration = Duration::from_secs(1);

/// The pace of one tenant: the time at which all its statements so far are paid for.
#[derive(Default)]
pub(super) struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// Counts one statement.
    ///
    /// # Errors
    /// The whole seconds until the next one is due.
    pub(super) fn step(&self, now: Instant) -> Result<(), u32> {
        let mut paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = paid.unwrap_or(now).max(now) + EACH;
        let ahead = next.duration_since(now).saturating_sub(EACH * BURST);
        if !ahead.is_zero() {
            return Err(u32::try_from(ahead.as_secs()).unwrap_or(u32::MAX).saturating_add(1));
        }
        *paid = Some(next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;

    #[test]
    fn a_burst_is_free_and_then_one_a_second() {
        let (pace, now) = (Pace::default(), monotonic());
        let taken = (0..BURST + 50).filter(|_| pace.step(now).is_ok()).count();
        assert_eq!(taken, BURST as usize);
        assert_eq!(pace.step(now), Err(2));
        let later = now + 10 * EACH;
        assert_eq!((0..50).filter(|_| pace.step(later).is_ok()).count(), 10);
        let much_later = now + 10_000 * EACH;
        assert_eq!((0..BURST + 50).filter(|_| pace.step(much_later).is_ok()).count(), BURST as usize);
    }
}
