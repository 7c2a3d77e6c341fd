//! What memory holds of a tenant's webhooks, so that writing records costs next to nothing.

use crate::clock::{SECOND, Timestamp};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};

/// How long it is until the scheduler is told again that something has changed, where it did not act on that.
const AGAIN: i64 = 5 * SECOND;
/// Nobody was told.
const NEVER: i64 = i64::MIN;

/// Of one open file.
pub(super) struct Hooks {
    /// Whether an endpoint may be enabled that is told of records.
    tells_of_records: AtomicBool,
    /// When the scheduler was told that there are changes which no endpoint was told of.
    told_at: AtomicI64,
}

impl Hooks {
    pub(super) fn new(tells_of_records: bool) -> Hooks {
        Hooks { tells_of_records: AtomicBool::new(tells_of_records), told_at: AtomicI64::new(NEVER) }
    }

    pub(super) fn tells_of_records(&self) -> bool {
        self.tells_of_records.load(SeqCst)
    }

    pub(super) fn set(&self, tells_of_records: bool) {
        self.tells_of_records.store(tells_of_records, SeqCst);
        self.look_begins();
    }

    /// Changes from now on have to be told again: those before are about to be looked at.
    pub(super) fn look_begins(&self) {
        self.told_at.store(NEVER, SeqCst);
    }

    /// A change is on disk. Whether the scheduler is to be told, which it need not be while it has not looked since.
    pub(super) fn is_to_be_told(&self, now: Timestamp) -> bool {
        let told = self.told_at.load(SeqCst);
        // Also where the clock was put back.
        let is_waiting = told != NEVER && (0..AGAIN).contains(&now.0.saturating_sub(told));
        !is_waiting && self.told_at.compare_exchange(told, now.0, SeqCst, SeqCst).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_enough_until_somebody_looks_or_nobody_did_for_long() {
        let hooks = Hooks::new(true);
        assert!(hooks.is_to_be_told(Timestamp(0)) && !hooks.is_to_be_told(Timestamp(1)));
        hooks.look_begins();
        assert!(hooks.is_to_be_told(Timestamp(2)) && !hooks.is_to_be_told(Timestamp(2 + AGAIN - 1)));
        assert!(hooks.is_to_be_told(Timestamp(2 + AGAIN)));
        assert!(hooks.is_to_be_told(Timestamp(0)), "the clock was put back");
        hooks.set(false);
        assert!(!hooks.tells_of_records());
    }
}
