//! A budget of database time: who sends slow queries pays for them.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

/// Seconds of the budget that may be spent at once after a rest.
const AHEAD: i64 = 5;
/// Seconds that a tenant is refused at most for what it has spent. What a statement takes is known when it has ended.
const MOST_DEBT: i64 = 60;
const SECOND_US: i64 = 1_000_000;

/// The budget of one tenant. Statements are paid for when they have ended, so it may be overdrawn.
pub(super) struct DatabaseBudget {
    /// Above zero.
    ms_per_second: u32,
    /// The time, in microseconds, by which all that was spent is paid for.
    paid: AtomicI64,
}

impl DatabaseBudget {
    pub(super) fn new(ms_per_second: u32) -> DatabaseBudget {
        DatabaseBudget { ms_per_second: ms_per_second.max(1), paid: AtomicI64::new(i64::MIN) }
    }

    /// The same, to be waited for as long as `before` is.
    #[must_use]
    pub(super) fn after(self, before: Option<&DatabaseBudget>) -> DatabaseBudget {
        if let Some(before) = before {
            self.paid.store(before.paid.load(Relaxed), Relaxed);
        }
        self
    }

    /// Whether there is anything left.
    ///
    /// # Errors
    /// The seconds, at least one, until there is.
    pub(super) fn admit(&self, now_ms: i64) -> Result<(), u32> {
        let owed = self.paid.load(Relaxed).saturating_sub(us(now_ms).saturating_add(AHEAD * SECOND_US));
        if owed <= 0 {
            return Ok(());
        }
        Err(u32::try_from(owed.saturating_add(SECOND_US - 1) / SECOND_US).unwrap_or(u32::MAX).max(1))
    }

    /// Takes what statements took.
    pub(super) fn spend(&self, took: Duration, now_ms: i64) {
        let took = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        let worth = took.saturating_mul(1_000) / i64::from(self.ms_per_second);
        let now = us(now_ms);
        let most = now.saturating_add((AHEAD + MOST_DEBT) * SECOND_US);
        let _ = self
            .paid
            .fetch_update(Relaxed, Relaxed, |paid| Some(paid.max(now).saturating_add(worth).min(most)));
    }
}

fn us(ms: i64) -> i64 {
    ms.saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_waited_for_and_no_longer() {
        // A tenth of a core: five seconds of it, 500 ms, may be spent at once.
        let budget = DatabaseBudget::new(100);
        assert_eq!(budget.admit(0), Ok(()));
        budget.spend(Duration::from_millis(500), 0);
        assert_eq!(budget.admit(0), Ok(()));
        budget.spend(Duration::from_millis(250), 0);
        assert_eq!((budget.admit(0), budget.admit(499), budget.admit(1_500)), (Err(3), Err(3), Err(1)));
        assert_eq!((budget.admit(2_499), budget.admit(2_500)), (Err(1), Ok(())));
        // A rest brings back all of it and not more.
        budget.spend(Duration::from_millis(500), 1_000_000);
        assert_eq!(budget.admit(1_000_000), Ok(()));
        budget.spend(Duration::from_millis(1), 1_000_000);
        assert_eq!(budget.admit(1_000_000), Err(1));
    }

    #[test]
    fn one_endless_statement_locks_out_for_a_minute_and_not_for_a_day() {
        let budget = DatabaseBudget::new(1);
        budget.spend(Duration::from_secs(3_600), 0);
        assert_eq!((budget.admit(0), budget.admit(60_000)), (Err(60), Ok(())));
    }
}
