//! How many writes there were, of all files of this process.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

static BATCHES: AtomicU64 = AtomicU64::new(0);
static WRITES: AtomicU64 = AtomicU64::new(0);

/// How many writes there were since the start, and how many commits they shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteCounts {
    /// Writes that were queued and run.
    pub writes: u64,
    /// Commits, or attempts at them.
    pub batches: u64,
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
