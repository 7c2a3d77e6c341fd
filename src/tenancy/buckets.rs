//! Counting in memory by stretches of time, each stored as a whole whenever it has grown.

use crate::catalog::CountedSum;
use crate::id::TenantId;

/// What was counted, stretch by stretch.
#[derive(Default)]
pub(super) struct Buckets(Vec<Bucket>);

struct Bucket {
    starts_at: i64,
    counted: i64,
    stored: i64,
}

impl Buckets {
    /// Adds to the stretch that begins there.
    pub(super) fn add(&mut self, starts_at: i64, amount: i64) {
        match self.0.last_mut().filter(|last| last.starts_at == starts_at) {
            Some(last) => last.counted = last.counted.saturating_add(amount),
            None => self.0.push(Bucket { starts_at, counted: amount, stored: 0 }),
        }
    }

    /// Of each stretch that has grown all that was counted.
    pub(super) fn unstored(&self, tenant: TenantId) -> impl Iterator<Item = CountedSum> {
        let grown = self.0.iter().filter(|bucket| bucket.stored < bucket.counted);
        grown.map(move |bucket| CountedSum { tenant, starts_at: bucket.starts_at, quantity: bucket.counted })
    }

    /// How much of it is not stored.
    pub(super) fn unstored_amount(&self) -> i64 {
        self.0.iter().map(|bucket| bucket.counted - bucket.stored).sum()
    }

    /// Remembers that so much of a stretch was stored.
    pub(super) fn stored(&mut self, sum: &CountedSum) {
        for bucket in self.0.iter_mut().filter(|bucket| bucket.starts_at == sum.starts_at) {
            bucket.stored = sum.quantity;
        }
    }

    /// Forgets what is stored of stretches before that one; tells whether nothing is left.
    pub(super) fn forget_before(&mut self, open: i64) -> bool {
        self.0.retain(|bucket| bucket.starts_at >= open || bucket.stored < bucket.counted);
        self.0.is_empty()
    }
}
