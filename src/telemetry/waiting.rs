//! What is under way and what waits, at this moment: told by `/metrics`, and never looked up in a file for it.

use crate::clock::{SECOND, Timestamp};
use crate::id::TenantId;
use foldhash::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Requests that are under way, by what they are.
#[derive(Debug, Default)]
pub struct InFlight {
    /// What the server is there for.
    pub work: AtomicUsize,
    /// What operators ask.
    pub operator: AtomicUsize,
    /// Going on being signed in.
    pub refresh: AtomicUsize,
    /// Pages, public keys, metrics, webhooks of Stripe.
    pub page: AtomicUsize,
}

/// Jobs of a tenant that were due and not begun when its file was last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobsWaiting {
    /// How many, up to a bound.
    pub count: u64,
    /// Since when the one waits that has waited longest.
    pub oldest: Timestamp,
    counted_at: Timestamp,
}

/// The tenants of which jobs wait.
#[derive(Default)]
pub struct Backlog(Mutex<HashMap<TenantId, JobsWaiting>>);

/// How long what was counted is good: to count again costs a look at every job that waits.
const GOOD_FOR: i64 = SECOND;

impl Backlog {
    fn known(&self) -> MutexGuard<'_, HashMap<TenantId, JobsWaiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the jobs of a tenant are to be counted if more are due than can be taken.
    pub fn is_asked(&self, tenant: TenantId, now: Timestamp) -> bool {
        self.known().get(&tenant).is_none_or(|known| !(0..GOOD_FOR).contains(&now.since(known.counted_at)))
    }

    /// So many of a tenant's jobs wait, the first of them since then.
    pub fn note(&self, tenant: TenantId, count: u64, oldest: Timestamp, now: Timestamp) {
        self.known().insert(tenant, JobsWaiting { count, oldest, counted_at: now });
    }

    /// None of a tenant's jobs wait, or nobody knows of any.
    pub fn clear(&self, tenant: TenantId) {
        self.known().remove(&tenant);
    }

    /// All tenants of which jobs wait.
    pub fn all(&self) -> Vec<(TenantId, JobsWaiting)> {
        self.known().iter().map(|(tenant, waiting)| (*tenant, *waiting)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_is_counted_once_a_second_and_gone_when_nothing_waits() {
        let (backlog, tenant) = (Backlog::default(), TenantId::new(Timestamp(0)));
        assert!(backlog.is_asked(tenant, Timestamp(0)) && backlog.all().is_empty());
        backlog.note(tenant, 7, Timestamp(-5), Timestamp(10));
        assert!(!backlog.is_asked(tenant, Timestamp(10 + SECOND - 1)));
        assert!(backlog.is_asked(tenant, Timestamp(10 + SECOND)));
        // The clock was set back.
        assert!(backlog.is_asked(tenant, Timestamp(9)));
        let [(of, waiting)] = backlog.all()[..] else { panic!("one tenant") };
        assert_eq!((of, waiting.count, waiting.oldest), (tenant, 7, Timestamp(-5)));
        backlog.clear(tenant);
        assert!(backlog.all().is_empty());
    }
}
