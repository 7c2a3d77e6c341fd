//! The minute that runs, the one before it, and those that are over and not stored yet.

use super::totals::Totals;
use crate::clock::{MINUTE, Timestamp};
use crate::id::TenantId;
use foldhash::HashMap;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Minutes that wait to be stored at most; where the disk refuses for longer the oldest are lost.
const MOST_WAITING: usize = 60;

/// What was counted of tenants in one minute.
pub type OfMinute = HashMap<TenantId, Totals>;

/// Minutes in memory.
pub struct Minutes(Mutex<Inner>);

struct Inner {
    /// When the minute that runs began.
    at: i64,
    running: OfMinute,
    /// The minute before it, for those who look now.
    before: (i64, OfMinute),
    waiting: VecDeque<(i64, OfMinute)>,
}

/// What tenants did lately: in the minute that runs and the one before.
#[derive(Clone, Debug)]
pub struct Recent {
    /// Since when.
    pub since: Timestamp,
    /// By tenant, those alone that did anything.
    pub tenants: Vec<(TenantId, Totals)>,
}

/// The minute in which a moment lies.
pub fn minute(moment: i64) -> i64 {
    moment.div_euclid(MINUTE) * MINUTE
}

impl Minutes {
    /// None so far.
    pub fn new(now: Timestamp) -> Minutes {
        let at = minute(now.0);
        Minutes(Mutex::new(Inner {
            at,
            running: OfMinute::default(),
            before: (at, OfMinute::default()),
            waiting: VecDeque::new(),
        }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what was counted until now; it belongs to the minute that ran when it was last looked. Tells whether a minute
    /// is over.
    pub fn note(&self, taken: &[(TenantId, Totals)], now: Timestamp) -> bool {
        let mut inner = self.inner();
        for (tenant, totals) in taken {
            inner.running.entry(*tenant).or_default().add(totals);
        }
        if inner.at == minute(now.0) {
            return false;
        }
        inner.end(minute(now.0));
        true
    }

    /// Ends the minute that runs, however much of it is left: what comes of the rest is added to it.
    pub fn end(&self) {
        let mut inner = self.inner();
        let at = inner.at;
        inner.end(at);
    }

    /// The oldest minute that is not stored. It stays until [`Minutes::stored`].
    pub fn first_waiting(&self) -> Option<(Timestamp, Vec<(TenantId, Totals)>)> {
        let inner = self.inner();
        let (at, of) = inner.waiting.front()?;
        Some((Timestamp(*at), of.iter().map(|(tenant, totals)| (*tenant, *totals)).collect()))
    }

    /// The oldest is stored.
    pub fn stored(&self) {
        self.inner().waiting.pop_front();
    }

    /// What tenants did lately.
    pub fn recent(&self) -> Recent {
        let inner = self.inner();
        let mut all = inner.before.1.clone();
        for (tenant, totals) in &inner.running {
            all.entry(*tenant).or_default().add(totals);
        }
        Recent { since: Timestamp(inner.before.0), tenants: all.into_iter().collect() }
    }

    /// Forgets a tenant.
    pub fn forget(&self, tenant: TenantId) {
        let mut inner = self.inner();
        inner.running.remove(&tenant);
        inner.before.1.remove(&tenant);
        for (_, of) in &mut inner.waiting {
            of.remove(&tenant);
        }
    }
}

impl Inner {
    fn end(&mut self, next: i64) {
        let over = std::mem::take(&mut self.running);
        self.before = (self.at, over.clone());
        if !over.is_empty() {
            self.waiting.push_back((self.at, over));
        }
        if self.waiting.len() > MOST_WAITING {
            self.waiting.pop_front();
            tracing::warn!("figures of a minute are lost: telemetry.db does not take them");
        }
        self.at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Figure;

    fn requests(count: u64) -> Totals {
        let mut totals = Totals::default();
        totals.0[Figure::Requests as usize] = count;
        totals
    }

    #[test]
    fn what_was_counted_until_a_minute_ends_belongs_to_it_and_waits_until_it_is_stored() {
        let (minutes, tenant) = (Minutes::new(Timestamp(MINUTE + 1)), TenantId::new(Timestamp(0)));
        assert!(!minutes.note(&[(tenant, requests(2))], Timestamp(MINUTE + 2)));
        assert!(minutes.note(&[(tenant, requests(3))], Timestamp(2 * MINUTE)));
        minutes.note(&[(tenant, requests(7))], Timestamp(2 * MINUTE + 1));
        assert_eq!(minutes.first_waiting(), Some((Timestamp(MINUTE), vec![(tenant, requests(5))])));
        let recent = minutes.recent();
        assert_eq!((recent.since, recent.tenants), (Timestamp(MINUTE), vec![(tenant, requests(12))]));
        minutes.stored();
        assert_eq!(minutes.first_waiting(), None);
        minutes.end();
        assert_eq!(minutes.first_waiting(), Some((Timestamp(2 * MINUTE), vec![(tenant, requests(7))])));
        minutes.forget(tenant);
        assert_eq!(minutes.first_waiting(), Some((Timestamp(2 * MINUTE), vec![])));
    }

    #[test]
    fn minutes_that_nobody_stores_are_bounded() {
        let (minutes, tenant) = (Minutes::new(Timestamp(0)), TenantId::new(Timestamp(0)));
        for at in 1..=100 {
            minutes.note(&[(tenant, requests(1))], Timestamp(at * MINUTE));
        }
        assert_eq!(minutes.inner().waiting.len(), MOST_WAITING);
        assert_eq!(minutes.first_waiting().map(|(at, _)| at), Some(Timestamp(40 * MINUTE)));
    }
}
