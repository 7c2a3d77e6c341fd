//! The threads that open connections, and those on which long reads and checkpoints run: behind everything that is quick.
//!
//! A long read runs where a core would be idle otherwise, so that whatever wakes up goes before it at once. A thread that
//! merely has a lower priority is left on its core for the rest of its slice, milliseconds that others wait at every step of
//! a request. A core that is never idle would never let a read end; one that gets next to nothing there begins again on a
//! thread with a small share of its own.

use super::counts::ReadWaits;
use super::ffi;
use crate::niceness;
use rustix::time::{ClockId, clock_gettime};
use scheduled_thread_pool::ScheduledThreadPool;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Long reads at once, over all files: as many as four files may have.
const LONG_READS: usize = 16;

/// Threads for the reads that found no idle core.
const STARVED_READS: usize = 4;

/// The one thread pool that opens connections for all r2d2 pools, whose default is three threads each; and the threads of
/// long reads and of checkpoints, of all files.
#[derive(Clone)]
pub struct ReaderThreads {
    pub(super) opening: Arc<ScheduledThreadPool>,
    when_idle: Arc<ScheduledThreadPool>,
    in_turn: Arc<ScheduledThreadPool>,
    checkpoints: Arc<ScheduledThreadPool>,
    /// One place for each thread of long reads, so that waiting for one has an end.
    places: Arc<Semaphore>,
    pub(super) least: LeastShare,
}

/// What of a core a read has to get at least where it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeastShare {
    /// How long it is watched before it is told.
    pub(super) every: Duration,
    /// In so many times its share it would have had all of the core.
    pub(super) times: u32,
}

impl LeastShare {
    /// Less than what each gets where all places are taken on two cores.
    const OF_LONG_READS: LeastShare = LeastShare { every: Duration::from_secs(1), times: 8 };

    /// Whether who had `used` of the core in the time that it is watched got less than that.
    pub(super) fn is_missed(self, used: Duration) -> bool {
        used.saturating_mul(self.times) < self.every
    }
}

impl ReaderThreads {
    /// A pool of `threads` threads that open connections, and those of long reads.
    pub fn new(threads: usize) -> ReaderThreads {
        let pool = |threads: usize, names: &str| {
            let builder = ScheduledThreadPool::builder().num_threads(threads).thread_name_pattern(names);
            Arc::new(builder.build())
        };
        ReaderThreads {
            opening: pool(threads, "open-{}"),
            when_idle: pool(LONG_READS, "read-{}"),
            in_turn: pool(STARVED_READS, "starved-{}"),
            checkpoints: pool(1, "checkpoint-{}"),
            places: Arc::new(Semaphore::new(LONG_READS)),
            least: LeastShare::OF_LONG_READS,
        }
    }

    /// The same, on which nothing gets what it has to get.
    #[cfg(test)]
    pub(super) fn all_starved() -> ReaderThreads {
        let least = LeastShare { every: Duration::from_micros(1), times: 0 };
        ReaderThreads { least, ..ReaderThreads::new(1) }
    }

    /// Waits that long for a thread.
    pub(super) async fn place(&self, wait: Duration) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        let _waits = ReadWaits::begin();
        tokio::time::timeout(wait, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()
    }

    /// Runs `read` where a core would be idle otherwise.
    pub(super) fn run_when_idle(&self, read: impl FnOnce() + Send + 'static) {
        self.when_idle.execute(move || {
            run_when_idle();
            read();
        });
    }

    /// Runs `act` on the one thread for the long write-ahead logs of all files.
    pub(super) fn run_checkpoint(&self, act: impl FnOnce() + Send + 'static) {
        self.checkpoints.execute(move || {
            niceness::give_way();
            act();
        });
    }

    /// Runs `read` on a thread that gives way and gets its share all the same.
    pub(super) fn run_in_turn(&self, read: impl FnOnce() + Send + 'static) {
        self.in_turn.execute(move || {
            niceness::give_way();
            read();
        });
    }
}

/// Makes this thread one that runs on idle cores alone; where the system refuses, one that gives way.
fn run_when_idle() {
    thread_local!(static IS_TOLD: Cell<bool> = const { Cell::new(false) });
    if !IS_TOLD.replace(true) && !ffi::run_on_idle_cores() {
        niceness::give_way();
    }
}

/// What this thread has had of the cores since it began.
pub(super) fn time_on_core() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_an_eighth_of_a_core_is_too_little() {
        let least = LeastShare::OF_LONG_READS;
        assert!(least.is_missed(Duration::ZERO) && least.is_missed(Duration::from_millis(124)));
        assert!(!least.is_missed(Duration::from_millis(125)) && !least.is_missed(Duration::from_secs(1)));
    }
}
