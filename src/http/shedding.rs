//! Shedding: when the machine is full, new work is refused early, and what was accepted finishes.
//!
//! Full is a rule about delay rather than a count, after `CoDel` (RFC 8289): a queue that is long for a moment is a burst; one
//! that never got short in a whole [`INTERVAL`] is more work than can be done. What is measured is how late a task of the
//! runtime runs, and how long a thread that may block takes to begin. While that lasts, a growing share of new requests
//! is answered with 503; once delays are short again, the share halves in each interval. Beside it stands a plain bound
//! of requests at once.
//!
//! What operators ask, going on being signed in, and pages are not among those: each has a small bound of its own, so that
//! there is room for it however full it is, and a flood of it takes no room from the rest.

use crate::clock::monotonic;
use crate::error::Error;
use crate::telemetry::InFlight;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A delay that is felt.
const TARGET: Duration = Duration::from_millis(200);
/// Every delay of so long a time has to be above the target.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often it is measured.
const PULSE: Duration = Duration::from_millis(50);
/// Shares are of 256. By so much it begins and grows, and it is never all.
const STEP: u8 = 48;
const MOST: u8 = 240;
/// With fewer requests at once nothing is gained by refusing one.
const FEW: usize = 32;

/// What a request is, as far as room for it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// What the server is there for.
    Work,
    /// What an operator needs to see what is going on.
    Operator,
    /// The way to go on being signed in.
    Refresh,
    /// Everything outside the API: pages, public keys, webhooks of Stripe.
    Page,
}

impl Kind {
    /// `None` for health, which is told however full it is.
    fn of(path: &str) -> Option<Kind> {
        match path.strip_prefix("/api/v1/") {
            None if matches!(path, "/livez" | "/readyz") => None,
            None => Some(Kind::Page),
            Some("auth/refresh") => Some(Kind::Refresh),
            Some(path) if path.starts_with("operator/") => Some(Kind::Operator),
            Some(_) => Some(Kind::Work),
        }
    }
}

/// The rule, over times that are handed in.
#[derive(Default)]
struct Rule {
    /// When this interval began, and the least delay in it.
    interval: Option<(Instant, Duration)>,
    /// The share that is refused.
    share: u8,
}

impl Rule {
    /// Takes in a delay and tells the share of 256 that is to be refused.
    fn delayed(&mut self, delay: Duration, now: Instant) -> u8 {
        let (begun, least) = self.interval.unwrap_or((now, delay));
        let least = least.min(delay);
        self.interval = Some((begun, least));
        if now.saturating_duration_since(begun) >= INTERVAL {
            self.interval = None;
            self.share =
                if least > TARGET { self.share.saturating_add(STEP).min(MOST) } else { self.share / 2 };
        }
        self.share
    }
}

/// What is worked on, and what share of new work is refused.
pub(super) struct Shedding {
    most: usize,
    at_once: Arc<InFlight>,
    share: AtomicU8,
    asked: AtomicU32,
    refused: AtomicU32,
}

/// A request that is worked on, until it is answered.
pub(super) struct Accepted<'s>(&'s AtomicUsize);

impl Drop for Accepted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Shedding {
    /// With so many requests at once at most, counted in `at_once`.
    pub(super) fn new(most: usize, at_once: Arc<InFlight>) -> Arc<Shedding> {
        Arc::new(Shedding {
            most,
            at_once,
            share: AtomicU8::new(0),
            asked: AtomicU32::new(0),
            refused: AtomicU32::new(0),
        })
    }

    /// Takes a request on; `None` for health.
    ///
    /// # Errors
    /// 503 `overloaded`.
    pub(super) fn accept(&self, path: &str) -> Result<Option<Accepted<'_>>, Error> {
        let Some(kind) = Kind::of(path) else { return Ok(None) };
        let at_once = self.at_once_of(kind);
        let before = at_once.fetch_add(1, Relaxed);
        let accepted = Accepted(at_once);
        let is_shed = match kind {
            Kind::Work => before >= self.most || (before >= FEW && self.is_unlucky()),
            Kind::Operator | Kind::Refresh | Kind::Page => before >= self.most_apart(),
        };
        if is_shed {
            self.refused.fetch_add(1, Relaxed);
            return Err(Error::unavailable(
                "overloaded",
                "This server has more to do than it can. Try again shortly.",
                2,
            ));
        }
        Ok(Some(accepted))
    }

    fn at_once_of(&self, kind: Kind) -> &AtomicUsize {
        let InFlight { work, operator, refresh, page } = &*self.at_once;
        match kind {
            Kind::Work => work,
            Kind::Operator => operator,
            Kind::Refresh => refresh,
            Kind::Page => page,
        }
    }

    /// Requests at once of a kind that has a bound of its own: a sixteenth of all, and few while the server is full.
    fn most_apart(&self) -> usize {
        if self.share.load(Relaxed) > 0 { FEW } else { (self.most / 16).max(FEW) }
    }

    /// Spreads those that are refused evenly.
    fn is_unlucky(&self) -> bool {
        let share = self.share.load(Relaxed);
        if share == 0 {
            return false;
        }
        // The golden ratio, by which each falls far from those before it.
        let drawn = self.asked.fetch_add(1, Relaxed).wrapping_mul(0x9E37_79B9) >> 24;
        drawn < u32::from(share)
    }

    /// Measures until it is dropped.
    pub(super) async fn measure(self: Arc<Shedding>) {
        let (mut rule, mut sheds) = (Rule::default(), false);
        loop {
            let due = monotonic() + PULSE;
            tokio::time::sleep_until(due.into()).await;
            let late = monotonic().saturating_duration_since(due);
            let asked = monotonic();
            let began = tokio::task::spawn_blocking(monotonic).await;
            let blocked = began.map_or(Duration::ZERO, |began| began.saturating_duration_since(asked));
            let share = rule.delayed(late.max(blocked), monotonic());
            self.share.store(share, Relaxed);
            if sheds != (share > 0) {
                sheds = share > 0;
                let (refused, at_once) =
                    (self.refused.swap(0, Relaxed), self.at_once_of(Kind::Work).load(Relaxed));
                if sheds {
                    tracing::warn!(at_once, "this server is full: a share of new requests is refused");
                } else {
                    tracing::info!(refused, "this server is no longer full");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_millis(201);

    /// The shares after each of these delays, 100 ms from one to the next.
    fn shares(rule: &mut Rule, begun: Instant, delays: &[Duration]) -> Vec<u8> {
        let times = std::iter::successors(Some(begun), |now| Some(*now + INTERVAL / 10));
        let all: Vec<u8> = delays.iter().zip(times).map(|(delay, now)| rule.delayed(*delay, now)).collect();
        all
    }

    #[test]
    fn a_burst_is_none_of_its_business_and_a_queue_that_stays_is() {
        let begun = monotonic();
        let mut delays = vec![Duration::from_secs(5); 10];
        delays.push(TARGET);
        assert_eq!(shares(&mut Rule::default(), begun, &delays).last(), Some(&0));
        let mut rule = Rule::default();
        let stays = shares(&mut rule, begun, &[LONG; 11]);
        assert_eq!((stays[9], stays[10]), (0, STEP));
        let grown = shares(&mut rule, begun + INTERVAL * 2, &[LONG; 100]);
        assert!(grown.is_sorted());
        assert_eq!(grown.last(), Some(&MOST));
        // It halves until nothing is left of it.
        let falling = shares(&mut rule, begun + INTERVAL * 20, &[Duration::ZERO; 120]);
        assert_eq!((falling[10], falling.last()), (MOST / 2, Some(&0)));
    }

    #[test]
    fn a_share_is_refused_and_there_is_room_for_operators_pages_and_probes() {
        let shedding = Shedding::new(1_000, Arc::default());
        let held: Vec<_> = (0..FEW).map(|_| shedding.accept("/api/v1/me").ok().flatten()).collect();
        shedding.share.store(MOST, Relaxed);
        let refused = (0..256).filter(|_| shedding.accept("/api/v1/me").is_err()).count();
        assert!((230..250).contains(&refused), "{refused}");
        for path in ["/console", "/api/v1/operator/tenants", "/api/v1/auth/refresh", "/webhooks/stripe"] {
            assert!((0..256).all(|_| shedding.accept(path).is_ok()), "{path}");
        }
        // With few at once all are taken.
        drop(held);
        assert!((0..256).all(|_| shedding.accept("/api/v1/me").is_ok()));
    }

    #[test]
    fn a_flood_beside_the_work_is_shed_and_takes_no_room_from_anybody_else() {
        let kinds = ["/", "/api/v1/operator/tenants", "/api/v1/auth/refresh"];
        let shedding = Shedding::new(4_096, Arc::default());
        let mut held = Vec::new();
        for (share, room) in [(0, 256), (1, FEW)] {
            shedding.share.store(share, Relaxed);
            for path in kinds {
                let taken: Vec<_> = (0..1_000).filter_map(|_| shedding.accept(path).ok()).collect();
                assert_eq!(taken.len(), room, "{path} at {share}");
                held.push(taken);
                let refused = shedding.accept(path).err().unwrap();
                assert_eq!((refused.code(), refused.retry_after_s()), ("overloaded", Some(2)));
                assert!(shedding.accept("/api/v1/me").is_ok());
            }
            for path in ["/livez", "/readyz"] {
                assert!(shedding.accept(path).is_ok_and(|accepted| accepted.is_none()), "{path}");
            }
            held.clear();
        }
        assert!(kinds.iter().all(|path| shedding.accept(path).is_ok()));
        // What only begins like health is none.
        assert_eq!(Kind::of("/livez/x"), Some(Kind::Page));
    }

    #[test]
    fn beyond_the_bound_of_requests_at_once_all_are_refused_until_one_has_ended() {
        let shedding = Shedding::new(2, Arc::default());
        let first = shedding.accept("/api/v1/me").unwrap();
        let _second = shedding.accept("/api/v1/me").unwrap();
        let refused = shedding.accept("/api/v1/me").err().unwrap();
        assert_eq!((refused.code(), refused.retry_after_s()), ("overloaded", Some(2)));
        drop(first);
        assert!(shedding.accept("/api/v1/me").is_ok());
    }
}
