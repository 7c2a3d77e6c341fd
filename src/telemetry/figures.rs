//! Counting in memory, tenant by tenant. To count costs a look at one of many tables and a few additions; nothing is
//! allocated but for the first time that a tenant is met.

use super::spans::Spans;
use super::totals::{Figure, NUMBERS, Totals, class_of};
use super::waiting::{Backlog, InFlight};
use crate::id::TenantId;
use foldhash::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

/// Tables, so that those who meet tenants for the first time seldom meet each other. A power of two.
const SHARDS: usize = 64;
/// After how many looks without anything new a tenant is forgotten.
const IDLE_LOOKS: u32 = 30;

/// What happened since it was last taken, by tenant.
pub struct Figures {
    shards: Box<[RwLock<HashMap<TenantId, Counting>>]>,
    /// What was for no tenant.
    nobody: Counters,
    /// Jobs that run now.
    running: AtomicU64,
    in_flight: Arc<InFlight>,
    backlog: Backlog,
    /// Where traces are written down, if they are.
    spans: OnceLock<Arc<Spans>>,
}

#[derive(Default)]
struct Counting {
    counters: Counters,
    idle: u32,
}

/// The numbers of one tenant.
pub struct Counters([AtomicU64; NUMBERS]);

impl Default for Counters {
    fn default() -> Counters {
        Counters([const { AtomicU64::new(0) }; NUMBERS])
    }
}

/// How a request ended, as far as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// How long it took.
    pub took: Duration,
    /// The status of its answer.
    pub status: u16,
    /// Bytes of its body.
    pub bytes_in: u64,
    /// Bytes of the body of its answer.
    pub bytes_out: u64,
}

impl Answered {
    /// Whether it was refused by a limit, for money, or because too much is to be done.
    pub fn is_refused(&self) -> bool {
        matches!(self.status, 402 | 429 | 503)
    }
}

impl Counters {
    /// Adds to a figure.
    pub fn add(&self, figure: Figure, amount: u64) {
        self.0[figure as usize].fetch_add(amount, Relaxed);
    }

    /// Adds a request that was answered. How long it took to refuse one is no latency: some are told later on purpose, and
    /// most at once, and neither says how fast the tenant is served.
    pub fn answered(&self, answered: &Answered) {
        self.add(Figure::Requests, 1);
        if answered.is_refused() {
            self.add(Figure::Refused, 1);
        } else {
            let us = micros(answered.took);
            self.add(Figure::RequestUs, us);
            self.0[Figure::ALL.len() + class_of(us)].fetch_add(1, Relaxed);
            if answered.status >= 500 {
                self.add(Figure::Errors, 1);
            }
        }
        if answered.bytes_in > 0 {
            self.add(Figure::BytesIn, answered.bytes_in);
        }
        if answered.bytes_out > 0 {
            self.add(Figure::BytesOut, answered.bytes_out);
        }
    }

    fn take(&self) -> Totals {
        let mut totals = Totals::default();
        for (total, counter) in totals.0.iter_mut().zip(&self.0) {
            // Looked at first: most of the numbers of most tenants have not moved.
            if counter.load(Relaxed) > 0 {
                *total = counter.swap(0, Relaxed);
            }
        }
        totals
    }
}

/// Microseconds of a time.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Default for Figures {
    fn default() -> Figures {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Figures {
            shards,
            nobody: Counters::default(),
            running: AtomicU64::new(0),
            in_flight: Arc::default(),
            backlog: Backlog::default(),
            spans: OnceLock::new(),
        }
    }
}

impl Figures {
    /// Counts for a tenant.
    pub fn of(&self, tenant: TenantId, count: impl FnOnce(&Counters)) {
        // The last bits of a UUIDv7 are random.
        let shard = usize::from(tenant.as_bytes()[15]) % SHARDS;
        let Some(shard) = self.shards.get(shard) else { return };
        if let Some(counting) = shard.read().unwrap_or_else(PoisonError::into_inner).get(&tenant) {
            return count(&counting.counters);
        }
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        count(&shard.entry(tenant).or_default().counters);
    }

    /// Counts for no tenant.
    pub fn nobody(&self) -> &Counters {
        &self.nobody
    }

    /// An attempt at a job begins; it has ended when what is returned is dropped.
    pub fn job_runs(&self) -> JobRuns<'_> {
        self.running.fetch_add(1, Relaxed);
        JobRuns(self)
    }

    /// Attempts at jobs that run now.
    pub fn jobs_running(&self) -> u64 {
        self.running.load(Relaxed)
    }

    /// Requests that are under way now.
    pub fn in_flight(&self) -> &Arc<InFlight> {
        &self.in_flight
    }

    /// Jobs that wait.
    pub fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// From now on traces are written down.
    pub fn write_down(&self, spans: Arc<Spans>) {
        let _ = self.spans.set(spans);
    }

    /// Where traces are written down; `None` where they are not.
    pub fn spans(&self) -> Option<&Arc<Spans>> {
        self.spans.get()
    }

    /// Takes what was counted since the last time: `each` is given every tenant of which there is something. Returned is what
    /// was for no tenant.
    pub fn take(&self, mut each: impl FnMut(TenantId, Totals)) -> Totals {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|tenant, counting| {
                let totals = counting.counters.take();
                if totals.is_zero() {
                    counting.idle += 1;
                } else {
                    counting.idle = 0;
                    each(*tenant, totals);
                }
                counting.idle < IDLE_LOOKS
            });
        }
        self.nobody.take()
    }

    /// Forgets what was counted of a tenant.
    pub fn forget(&self, tenant: TenantId) {
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
        }
        self.backlog.clear(tenant);
    }
}

/// An attempt at a job that runs.
pub struct JobRuns<'f>(&'f Figures);

impl Drop for JobRuns<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn answered(status: u16, us: u64) -> Answered {
        Answered { took: Duration::from_micros(us), status, bytes_in: 3, bytes_out: 10 }
    }

    #[test]
    fn what_many_count_at_once_is_taken_once_and_whole() {
        let figures = Figures::default();
        let tenants: Vec<TenantId> = (0..8).map(|at| TenantId::new(Timestamp(at))).collect();
        let mut sum = Totals::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for tenant in tenants.iter().cycle().take(4_000) {
                        figures.of(*tenant, |counters| counters.answered(&answered(200, 700)));
                    }
                });
            }
            for _ in 0..50 {
                figures.take(|_, totals| sum.add(&totals));
            }
        });
        figures.take(|_, totals| sum.add(&totals));
        assert_eq!(sum.get(Figure::Requests), 16_000);
        assert_eq!((sum.get(Figure::BytesIn), sum.get(Figure::BytesOut)), (48_000, 160_000));
        assert_eq!(sum.latency()[2], 16_000);
    }

    #[test]
    fn refusals_are_no_errors_and_who_is_quiet_is_forgotten() {
        let (figures, tenant) = (Figures::default(), TenantId::new(Timestamp(0)));
        for status in [200, 404, 402, 429, 503, 500, 504] {
            figures.of(tenant, |counters| counters.answered(&answered(status, 1)));
        }
        let mut seen = Vec::new();
        figures.take(|_, totals| seen.push(totals));
        assert_eq!(seen.len(), 1);
        let count = |figure| seen[0].get(figure);
        assert_eq!((count(Figure::Requests), count(Figure::Refused), count(Figure::Errors)), (7, 3, 2));
        assert_eq!((count(Figure::RequestUs), seen[0].latency().iter().sum::<u64>()), (4, 4));
        for _ in 0..IDLE_LOOKS {
            figures.take(|_, _| panic!("nothing happened"));
        }
        assert!(figures.shards.iter().all(|shard| shard.read().unwrap().is_empty()));
    }
}
