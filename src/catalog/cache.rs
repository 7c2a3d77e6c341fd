//! A bounded cache that never holds what a committed transaction has made untrue.
//!
//! A reader notes the clock of invalidations before it reads the database and may insert only if it has not moved
//! since; an invalidation moves it under the same lock. So a value read before a commit cannot come in after it.

use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

pub(super) struct Cached<K, V> {
    values: Cache<K, V, UnitWeighter, RandomState>,
    invalidations: RwLock<u64>,
}

/// The state of the invalidations when a read began.
#[derive(Clone, Copy)]
pub(super) struct ReadMark(u64);

impl<K: Hash + Eq + Clone, V: Clone> Cached<K, V> {
    pub(super) fn new(capacity: usize) -> Cached<K, V> {
        let values = Cache::with(
            capacity,
            capacity as u64,
            UnitWeighter,
            RandomState::default(),
            DefaultLifecycle::default(),
        );
        Cached { values, invalidations: RwLock::new(0) }
    }

    pub(super) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + quick_cache::Equivalent<K> + ?Sized,
    {
        self.values.get(key)
    }

    /// To be taken before the database is read.
    pub(super) fn mark(&self) -> ReadMark {
        ReadMark(*self.invalidations.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn insert(&self, mark: ReadMark, key: K, value: V) {
        let invalidations = self.invalidations.read().unwrap_or_else(PoisonError::into_inner);
        if *invalidations == mark.0 {
            self.values.insert(key, value);
        }
    }

    /// To be called after COMMIT and before anyone is told of it.
    pub(super) fn invalidate(&self, key: &K) {
        let mut invalidations = self.invalidations.write().unwrap_or_else(PoisonError::into_inner);
        *invalidations += 1;
        self.values.remove(key);
    }

    /// Forgets everything, where the keys of what changed are many.
    pub(super) fn clear(&self) {
        let mut invalidations = self.invalidations.write().unwrap_or_else(PoisonError::into_inner);
        *invalidations += 1;
        self.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Cached;

    #[test]
    fn what_was_read_before_an_invalidation_does_not_come_in_after_it() {
        let cache: Cached<u8, u8> = Cached::new(8);
        let before = cache.mark();
        cache.invalidate(&2);
        cache.insert(before, 1, 1);
        assert_eq!(cache.get(&1), None);
        cache.insert(cache.mark(), 1, 1);
        assert_eq!(cache.get(&1), Some(1));
        cache.invalidate(&1);
        assert_eq!(cache.get(&1), None);
    }
}
