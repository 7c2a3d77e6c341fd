//! One rate limit, and how it stands.

use super::steady::SteadyClock;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

/// So many requests a second in the long run, and so many at once after a rest.
pub struct Limiter {
    name: &'static str,
    bucket: RateLimiter<NotKeyed, InMemoryState, SteadyClock, StateInformationMiddleware>,
    burst: u32,
    each: Duration,
    clock: SteadyClock,
}

/// How a limit stands, in the terms of draft-ietf-httpapi-ratelimit-headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What is limited: `tenant`, `key`, `identity`, `address`, `concurrency`.
    pub name: &'static str,
    /// What there is after a rest.
    pub quota: u32,
    /// What is left of it.
    pub left: u32,
    /// Seconds in which all of it comes back, and those until it is all there again; none where it comes back as
    /// requests end.
    pub seconds: Option<(u32, u32)>,
}

impl Limiter {
    /// `rate` is requests a second, above zero; a `burst` of 0 counts as 1.
    pub fn new(name: &'static str, rate: f64, burst: u32, clock: &SteadyClock) -> Limiter {
        // Not less than what governor takes, not more than what anybody waits for.
        let each = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX).clamp(SHORTEST, LONGEST);
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        // With a period above zero there is always a quota.
        let quota = Quota::with_period(each).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        let bucket = RateLimiter::direct_with_clock(quota, clock.clone())
            .with_middleware::<StateInformationMiddleware>();
        Limiter { name, bucket, burst: burst.get(), each, clock: clock.clone() }
    }

    /// The same, with no more left than `before` has: limits that change give nothing away.
    #[must_use]
    pub(super) fn after(self, before: Option<&Limiter>) -> Limiter {
        let spent = before.map_or(0, |before| self.burst.saturating_sub(before.left()));
        if let Some(spent) = NonZeroU32::new(spent) {
            // All of a burst is there, and it is not more than that.
            let _ = self.bucket.check_n(spent);
        }
        self
    }

    /// What is left, of a limiter that is about to go: it can be told only by taking one.
    fn left(&self) -> u32 {
        self.bucket.check().map_or(0, |state| state.remaining_burst_capacity().saturating_add(1))
    }

    /// Takes one request.
    ///
    /// # Errors
    /// The seconds, at least one, after which there is room for it, beside how the limit stands.
    pub fn take(&self) -> Result<Standing, (Standing, u32)> {
        match self.bucket.check() {
            Ok(state) => Ok(self.standing(state.remaining_burst_capacity())),
            Err(until) => {
                let wait = until.wait_time_from(governor::clock::Clock::now(&self.clock));
                Err((self.standing(0), seconds(wait).max(1)))
            }
        }
    }

    fn standing(&self, left: u32) -> Standing {
        let window = seconds(self.each.saturating_mul(self.burst)).max(1);
        let full_in = seconds(self.each.saturating_mul(self.burst.saturating_sub(left)));
        Standing { name: self.name, quota: self.burst, left, seconds: Some((window, full_in)) }
    }
}

const SHORTEST: Duration = Duration::from_micros(1);
const LONGEST: Duration = Duration::from_secs(3_600);

/// Begun seconds.
pub(super) fn seconds(time: Duration) -> u32 {
    let begun = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    u32::try_from(begun).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{HOUR, ManualClock, SharedClock, Timestamp};
    use std::sync::Arc;

    fn limiter(rate: f64, burst: u32) -> (Arc<ManualClock>, Limiter) {
        let manual = Arc::new(ManualClock::new(Timestamp(100 * HOUR)));
        let clock = SteadyClock::new(Arc::clone(&manual) as SharedClock);
        (manual, Limiter::new("tenant", rate, burst, &clock))
    }

    fn taken(limiter: &Limiter, tries: u32) -> usize {
        (0..tries).filter(|_| limiter.take().is_ok()).count()
    }

    #[test]
    fn a_burst_and_then_the_rate_to_the_millisecond() {
        let (clock, limiter) = limiter(20.0, 40);
        assert_eq!(taken(&limiter, 100), 40);
        clock.advance(49);
        assert_eq!(taken(&limiter, 10), 0);
        clock.advance(1);
        assert_eq!(taken(&limiter, 10), 1);
        clock.advance(1_000);
        assert_eq!(taken(&limiter, 100), 20);
        // More than a burst is never saved up.
        clock.advance(HOUR);
        assert_eq!(taken(&limiter, 100), 40);
    }

    #[test]
    fn what_is_told_is_what_comes_true() {
        let (clock, limiter) = limiter(2.0, 6);
        let first = limiter.take().unwrap();
        assert_eq!((first.quota, first.left, first.seconds), (6, 5, Some((3, 1))));
        assert_eq!(taken(&limiter, 10), 5);
        let (standing, wait) = limiter.take().unwrap_err();
        assert_eq!((standing.left, standing.seconds, wait), (0, Some((3, 3)), 1));
        clock.advance(i64::from(wait) * 1_000);
        assert!(limiter.take().is_ok());
        // One every ten seconds.
        let (clock, slow) = self::limiter(0.1, 1);
        slow.take().unwrap();
        clock.advance(2_500);
        assert_eq!(slow.take().unwrap_err().1, 8);
        clock.advance(7_500);
        assert!(slow.take().is_ok());
    }

    #[test]
    fn what_comes_after_another_has_no_more_left_than_that_had() {
        for (spent, burst, left) in [(0, 40, 10), (3, 40, 7), (3, 5, 5), (10, 40, 0), (10, 5, 0)] {
            let (clock, before) = limiter(1.0, 10);
            assert_eq!(taken(&before, spent), spent as usize);
            let after = Limiter::new("tenant", 2.0, burst, &before.clock).after(Some(&before));
            assert_eq!(taken(&after, 100), left, "{spent} of 10, then {burst}");
            clock.advance(1_000);
            assert_eq!(taken(&after, 100), 2);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out_and_gives_nothing_away() {
        let (clock, limiter) = limiter(20.0, 40);
        assert_eq!(taken(&limiter, 100), 40);
        clock.advance(-10 * HOUR);
        assert_eq!(taken(&limiter, 10), 0);
        clock.advance(1_000);
        assert_eq!(taken(&limiter, 100), 20);
    }
}
