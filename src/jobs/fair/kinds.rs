//! Kinds of jobs that have a bound over all tenants, and who waits for them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::Hash;

/// The places of each kind that has a bound.
pub(super) struct KindPlaces<K>(BTreeMap<String, Kind<K>>);

struct Kind<K> {
    most: usize,
    /// How many run. There may be more than places, where the bound was lowered.
    running: usize,
    /// Places that turns which are out may take.
    reserved: HashMap<K, usize>,
    /// Who found none left, in that order.
    waiting: VecDeque<K>,
    /// Whom a place was promised to that became free.
    promised: HashSet<K>,
}

impl<K: Copy + Eq + Hash> Kind<K> {
    fn free(&self) -> usize {
        let taken = self.running + self.reserved.values().sum::<usize>();
        self.most.saturating_sub(taken)
    }
}

impl<K: Copy + Eq + Hash> KindPlaces<K> {
    pub(super) fn new(bounds: BTreeMap<String, usize>) -> KindPlaces<K> {
        let kinds = bounds.into_iter().map(|(name, most)| {
            let (waiting, promised) = (VecDeque::new(), HashSet::new());
            (name, Kind { most, running: 0, reserved: HashMap::new(), waiting, promised })
        });
        KindPlaces(kinds.collect())
    }

    /// How many of each kind a turn of `tenant` may take, of `most` in all.
    pub(super) fn reserve(&mut self, tenant: K, most: usize) -> BTreeMap<String, usize> {
        let allowed = self.0.iter_mut().map(|(name, kind)| {
            let is_promised = kind.promised.contains(&tenant);
            let others = kind.promised.len() - usize::from(is_promised)
                + kind.waiting.iter().filter(|one| **one != tenant).count();
            let allowed = match (is_promised, others) {
                (_, 0) => kind.free().min(most),
                (true, _) => kind.free().min(1),
                (false, _) => 0,
            };
            if allowed > 0 {
                kind.reserved.insert(tenant, allowed);
            }
            (name.clone(), allowed)
        });
        allowed.collect()
    }

    /// A turn of `tenant` has ended: what it has not taken is free again, and it waits for what it could not have.
    pub(super) fn settle(&mut self, tenant: K, taken: &[String], blocked: &[String]) {
        for (name, kind) in &mut self.0 {
            kind.running += taken.iter().filter(|one| *one == name).count();
            let had_any = kind.reserved.remove(&tenant).is_some();
            if !had_any && kind.promised.contains(&tenant) {
                // Promised while the turn was out, which did not know of it: the next one does.
                continue;
            }
            kind.promised.remove(&tenant);
            match (blocked.contains(name), kind.waiting.contains(&tenant)) {
                (true, false) => kind.waiting.push_back(tenant),
                (false, true) => kind.waiting.retain(|one| *one != tenant),
                _ => {}
            }
        }
    }

    /// A job of the kind runs that no turn has brought.
    pub(super) fn take(&mut self, kind: &str) {
        if let Some(kind) = self.0.get_mut(kind) {
            kind.running += 1;
        }
    }

    /// A job of the kind has ended.
    pub(super) fn give(&mut self, kind: &str) {
        if let Some(kind) = self.0.get_mut(kind) {
            kind.running = kind.running.saturating_sub(1);
        }
    }

    /// The next one that waits for a kind of which a place is free that was promised to nobody.
    pub(super) fn rouse(&mut self) -> Option<K> {
        self.0.values_mut().find_map(|kind| {
            if kind.promised.len() >= kind.free() {
                return None;
            }
            let tenant = kind.waiting.pop_front()?;
            kind.promised.insert(tenant);
            Some(tenant)
        })
    }

    /// Gives up all places that were promised to the tenant or that it waits for.
    pub(super) fn leave_all(&mut self, tenant: K) {
        for kind in self.0.values_mut() {
            kind.waiting.retain(|one| *one != tenant);
            kind.promised.remove(&tenant);
        }
    }

    pub(super) fn is_waiting(&self, tenant: K) -> bool {
        self.0.values().any(|kind| kind.waiting.contains(&tenant) || kind.promised.contains(&tenant))
    }
}
