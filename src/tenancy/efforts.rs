//! What serving tenants takes: time of the database and bytes sent, by days of UTC.

use super::buckets::Buckets;
use crate::catalog::{BYTES_OUT, CountedSum, DATABASE_TIME};
use crate::clock::{DAY, Timestamp};
use crate::id::TenantId;
use crate::telemetry::Figure;
use foldhash::HashMap;
use std::sync::{Mutex, PoisonError};

/// What serving takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Microseconds that statements on the tenant's file ran.
    DatabaseTime,
    /// Bytes of answers.
    BytesOut,
}

impl Effort {
    /// All of them.
    pub const ALL: [Effort; 2] = [Effort::DatabaseTime, Effort::BytesOut];

    /// What is counted of it.
    pub const fn figure(self) -> Figure {
        match self {
            Effort::DatabaseTime => Figure::DatabaseUs,
            Effort::BytesOut => Figure::BytesOut,
        }
    }

    /// What the catalog keeps it under.
    pub const fn name(self) -> &'static str {
        match self {
            Effort::DatabaseTime => DATABASE_TIME,
            Effort::BytesOut => BYTES_OUT,
        }
    }
}

/// The day in which a moment lies.
pub fn day(moment: i64) -> i64 {
    moment.div_euclid(DAY) * DAY
}

/// What was taken since the start, and is not over.
#[derive(Default)]
pub struct Efforts(Mutex<HashMap<TenantId, [Buckets; 2]>>);

impl Efforts {
    /// Adds to what serving a tenant took.
    pub fn add(&self, tenant: TenantId, effort: Effort, amount: i64, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(tenant).or_default()[effort as usize].add(day(now.0), amount);
    }

    /// What is to be stored: of every tenant that took more since the last time all of the day.
    pub fn unstored(&self, effort: Effort) -> Vec<CountedSum> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().flat_map(|(tenant, efforts)| efforts[effort as usize].unstored(*tenant)).collect()
    }

    /// Remembers what was stored, and forgets days that are over.
    pub fn stored(&self, effort: Effort, sums: &[CountedSum], now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for sum in sums {
            if let Some(efforts) = all.get_mut(&sum.tenant) {
                efforts[effort as usize].stored(sum);
            }
        }
        let open = day(now.0);
        all.retain(|_, efforts| {
            let left = efforts.iter_mut().filter_map(|buckets| (!buckets.forget_before(open)).then_some(()));
            left.count() > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_stored_as_a_whole_and_forgotten_when_it_is_over() {
        let (efforts, tenant) = (Efforts::default(), TenantId::new(Timestamp(0)));
        efforts.add(tenant, Effort::BytesOut, 5, Timestamp(7));
        efforts.add(tenant, Effort::DatabaseTime, 3, Timestamp(7));
        efforts.add(tenant, Effort::BytesOut, 6, Timestamp(8));
        let sums = efforts.unstored(Effort::BytesOut);
        assert_eq!((sums.len(), sums[0].quantity, sums[0].starts_at), (1, 11, 0));
        efforts.stored(Effort::BytesOut, &sums, Timestamp(9));
        assert!(efforts.unstored(Effort::BytesOut).is_empty());
        assert_eq!(efforts.unstored(Effort::DatabaseTime)[0].quantity, 3);
        efforts.add(tenant, Effort::BytesOut, 1, Timestamp(DAY + 1));
        let sums = efforts.unstored(Effort::BytesOut);
        assert_eq!(sums.iter().map(|sum| (sum.starts_at, sum.quantity)).collect::<Vec<_>>(), [(DAY, 1)]);
    }
}
