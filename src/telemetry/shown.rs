//! Which tenants have series of their own in `/metrics`: those that do most, a bounded number. Who was taken in stays for an
//! hour, so that series do not flicker. What the rest does goes into the series "other", which only grows: nothing is ever taken
//! back from it when a tenant gets series of its own, which begin with nothing then.

use super::totals::{Figure, Totals};
use crate::clock::{HOUR, MINUTE, Timestamp};
use crate::id::TenantId;
use foldhash::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Series of tenants.
pub struct Shown {
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    shown: HashMap<TenantId, Series>,
    /// How much each tenant did lately.
    weights: HashMap<TenantId, u64>,
    other: Totals,
    nobody: Totals,
    weighed_at: Timestamp,
}

struct Series {
    since: Timestamp,
    totals: Totals,
}

/// What is shown.
#[derive(Clone, Debug, Default)]
pub struct ShownTotals {
    /// By tenant.
    pub tenants: Vec<(TenantId, Totals)>,
    /// Of the other tenants.
    pub other: Totals,
    /// Of what was for no tenant.
    pub nobody: Totals,
}

/// In one minute a weight loses a fifteenth: after ten it is half.
const LOSES: u64 = 15;
/// One request or job in weights, which are whole numbers.
const UNIT: u64 = 1_000;

impl Shown {
    /// At most so many tenants are shown.
    pub fn new(most: usize) -> Shown {
        Shown { most, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what was counted since the last time.
    pub fn note(&self, taken: &[(TenantId, Totals)], nobody: &Totals, now: Timestamp) {
        let mut guard = self.inner();
        let inner = &mut *guard;
        inner.nobody.add(nobody);
        for (tenant, totals) in taken {
            let did = totals.get(Figure::Requests) + totals.get(Figure::Jobs);
            let weight = inner.weights.entry(*tenant).or_default();
            *weight = weight.saturating_add(did.saturating_mul(UNIT));
            if inner.shown.len() < self.most && !inner.shown.contains_key(tenant) {
                inner.shown.insert(*tenant, Series { since: now, totals: Totals::default() });
            }
            match inner.shown.get_mut(tenant) {
                Some(series) => series.totals.add(totals),
                None => inner.other.add(totals),
            }
        }
        // Also where the clock was put back.
        if !(0..MINUTE).contains(&now.since(inner.weighed_at)) {
            inner.weighed_at = now;
            inner.weigh(now);
        }
    }

    /// What is shown now.
    pub fn totals(&self) -> ShownTotals {
        let inner = self.inner();
        let mut tenants: Vec<(TenantId, Totals)> =
            inner.shown.iter().map(|(tenant, series)| (*tenant, series.totals)).collect();
        tenants.sort_unstable_by_key(|(tenant, _)| *tenant);
        ShownTotals { tenants, other: inner.other, nobody: inner.nobody }
    }

    /// Forgets a tenant.
    pub fn forget(&self, tenant: TenantId) {
        let mut inner = self.inner();
        inner.shown.remove(&tenant);
        inner.weights.remove(&tenant);
    }
}

impl Inner {
    /// Those who did more lately take the places of those who did less and had theirs for an hour.
    fn weigh(&mut self, now: Timestamp) {
        let weight = |weights: &HashMap<TenantId, u64>, tenant| weights.get(tenant).copied().unwrap_or(0);
        let mut wanting: Vec<(u64, TenantId)> = self
            .weights
            .iter()
            .filter(|(tenant, _)| !self.shown.contains_key(*tenant))
            .map(|(tenant, weight)| (*weight, *tenant))
            .collect();
        let is_due = |series: &Series| !(0..HOUR).contains(&now.since(series.since));
        let mut leaving: Vec<(u64, TenantId)> = self
            .shown
            .iter()
            .filter(|(_, series)| is_due(series))
            .map(|(tenant, _)| (weight(&self.weights, tenant), *tenant))
            .collect();
        wanting.sort_unstable_by(|a, b| b.cmp(a));
        leaving.sort_unstable();
        for ((wants, tenant), (has, other)) in wanting.into_iter().zip(leaving) {
            if wants <= has {
                break;
            }
            self.shown.remove(&other);
            self.shown.insert(tenant, Series { since: now, totals: Totals::default() });
        }
        self.weights.retain(|_, weight| {
            *weight -= (*weight / LOSES).max(1).min(*weight);
            *weight >= UNIT / 10
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(count: u64) -> Totals {
        let mut totals = Totals::default();
        totals.0[Figure::Requests as usize] = count;
        totals
    }

    fn shown_of(shown: &Shown) -> (Vec<(TenantId, u64)>, u64) {
        let totals = shown.totals();
        let count = |totals: &Totals| totals.get(Figure::Requests);
        (
            totals.tenants.iter().map(|(tenant, totals)| (*tenant, count(totals))).collect(),
            count(&totals.other),
        )
    }

    #[test]
    fn places_are_bounded_and_kept_for_an_hour_and_other_only_grows() {
        let shown = Shown::new(2);
        let [a, b, c] = [1, 2, 3].map(|at| TenantId::new(Timestamp(at)));
        let note = |taken: &[(TenantId, u64)], at: i64| {
            let taken: Vec<_> = taken.iter().map(|(tenant, count)| (*tenant, requests(*count))).collect();
            shown.note(&taken, &requests(1), Timestamp(at));
        };
        note(&[(a, 5), (b, 1), (c, 100)], MINUTE);
        assert_eq!(shown_of(&shown), (vec![(a, 5), (b, 1)], 100));
        let mut before = 0;
        for minute in 2..=60 {
            note(&[(a, 5), (c, 100)], minute * MINUTE);
            let (tenants, other) = shown_of(&shown);
            assert_eq!(tenants.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(), [a, b]);
            assert!(other > before);
            before = other;
        }
        // Who did least goes, and who comes begins with nothing.
        note(&[(a, 5), (c, 100)], 62 * MINUTE);
        let (tenants, other) = shown_of(&shown);
        assert_eq!(tenants, [(a, 5 * 61), (c, 0)]);
        assert_eq!(other, 6_100);
        note(&[(b, 4), (c, 10)], 63 * MINUTE);
        assert_eq!(shown_of(&shown), (vec![(a, 5 * 61), (c, 10)], 6_104));
        assert_eq!(shown.totals().nobody.get(Figure::Requests), 62);
        shown.forget(c);
        assert_eq!(shown_of(&shown).0, [(a, 5 * 61)]);
    }
}
