//! Power failures for tests: the program ends by itself at the step that was asked for.
//!
//! A step is each moment right before and right after something becomes durable: a commit, lines of a ledger. Tests run the
//! same work again and again and end it one step later each time, until it comes through; so no moment is left out, and none
//! has to be named. In a release there is nothing of it: no step is counted, and the variable is not a setting.

#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// How many steps are left; less than nothing where none is counted.
#[cfg(debug_assertions)]
static LEFT: AtomicI64 = AtomicI64::new(-1);

/// Ends the program at that step from now on, counted from 1.
#[cfg(debug_assertions)]
pub fn end_at(step: i64) {
    LEFT.store(step, Relaxed);
}

/// A step was reached.
#[inline]
pub(crate) fn step() {
    #[cfg(debug_assertions)]
    if LEFT.load(Relaxed) > 0 && LEFT.fetch_sub(1, Relaxed) == 1 {
        // Nothing is cleaned up, as with kill -9.
        std::process::abort();
    }
}
