//! How many writes there were, and who waits, of all files of this process.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

static BATCHES: AtomicU64 = AtomicU64::new(0);
static WRITES: AtomicU64 = AtomicU64::new(0);
static WRITES_WAITING: AtomicU64 = AtomicU64::new(0);
static READS_WAITING: AtomicU64 = AtomicU64::new(0);

/// How many writes there were since the start, and how many commits they shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteCounts {
    /// Writes that were queued and run.
    pub writes: u64,
    /// Commits, or attempts at them.
    pub batches: u64,
}

/// How many wait now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitCounts {
    /// Writes that are queued and not begun.
    pub writes: u64,
    /// Reads that wait for their turn or for a thread.
    pub reads: u64,
}

/// How many wait now.
pub fn wait_counts() -> WaitCounts {
    WaitCounts { writes: WRITES_WAITING.load(Relaxed), reads: READS_WAITING.load(Relaxed) }
}

/// How many there were so far.
pub fn write_counts() -> WriteCounts {
    WriteCounts { writes: WRITES.load(Relaxed), batches: BATCHES.load(Relaxed) }
}

pub(super) fn count_batch() {
    BATCHES.fetch_add(1, Relaxed);
}

pub(super) fn count_writes(writes: usize) {
    WRITES.fetch_add(writes as u64, Relaxed);
}

pub(super) fn count_queued() {
    WRITES_WAITING.fetch_add(1, Relaxed);
}

pub(super) fn count_taken(writes: usize) {
    WRITES_WAITING.fetch_sub(writes as u64, Relaxed);
}

/// A read that waits, until this is dropped.
pub(super) struct ReadWaits;

impl ReadWaits {
    pub(super) fn begin() -> ReadWaits {
        READS_WAITING.fetch_add(1, Relaxed);
        ReadWaits
    }
}

impl Drop for ReadWaits {
    fn drop(&mut self) {
        READS_WAITING.fetch_sub(1, Relaxed);
    }
}
