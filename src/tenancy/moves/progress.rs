//! How far a move is, and whether it is wanted still.

use crate::catalog::move_given_up;
use crate::error::Result;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// How far a move has come, in bytes that were copied while the tenant was served.
#[derive(Debug, Default)]
pub struct MoveProgress {
    /// Of so many.
    pub total: AtomicU64,
    /// So many.
    pub copied: AtomicU64,
    given_up: AtomicBool,
}

impl MoveProgress {
    /// Has it end before the next file. Whether it is decided all the same is up to the catalog.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Relaxed);
    }

    /// Refuses to go on where it was given up.
    ///
    /// # Errors
    /// 409 `move_given_up`.
    pub(super) fn require_wanted(&self) -> Result<()> {
        if self.given_up.load(Relaxed) { Err(move_given_up()) } else { Ok(()) }
    }
}
