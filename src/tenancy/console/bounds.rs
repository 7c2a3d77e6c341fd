//! What one statement may take.

use std::time::Duration;

/// How long a statement may run.
pub(super) const TIME: Duration = Duration::from_secs(5);
/// Memory that SQLite may take for one statement, in bytes.
pub(super) const MEMORY: u32 = 64 << 20;
/// Rows of one answer.
const MOST_ROWS: u64 = 10_000;
/// Bytes of all rows of one answer, as JSON.
pub(super) const MOST_BYTES: usize = 8 << 20;

/// Bounds of one statement, within those that count for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StatementBounds {
    time: Duration,
    rows: u64,
    bytes: usize,
}

impl Default for StatementBounds {
    fn default() -> StatementBounds {
        StatementBounds { time: TIME, rows: MOST_ROWS, bytes: MOST_BYTES }
    }
}

impl StatementBounds {
    /// At most that much; never more than counts for all.
    pub fn at_most(time: Duration, rows: u64, bytes: usize) -> StatementBounds {
        let all = StatementBounds::default();
        StatementBounds { time: time.min(all.time), rows: rows.min(all.rows), bytes: bytes.min(all.bytes) }
    }

    /// How long it may run.
    pub fn time(self) -> Duration {
        self.time
    }

    /// How many rows it may answer.
    pub fn rows(self) -> u64 {
        self.rows
    }

    /// How many bytes these may have as JSON.
    pub fn bytes(self) -> usize {
        self.bytes
    }
}
