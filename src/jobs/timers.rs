//! When to look at whom again.

use crate::clock::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// At most one time for each.
pub(super) struct Timers<K> {
    times: BTreeSet<(Timestamp, K)>,
    of: HashMap<K, Timestamp>,
}

impl<K: Copy + Ord + Hash> Timers<K> {
    pub(super) fn new() -> Timers<K> {
        Timers { times: BTreeSet::new(), of: HashMap::new() }
    }

    /// Then, unless there is an earlier time already.
    pub(super) fn set(&mut self, who: K, at: Timestamp) {
        match self.of.get(&who) {
            Some(earlier) if *earlier <= at => return,
            Some(later) => drop(self.times.remove(&(*later, who))),
            None => {}
        }
        self.times.insert((at, who));
        self.of.insert(who, at);
    }

    /// Then, all of them that have a later time.
    pub(super) fn set_all(&mut self, at: Timestamp) {
        let later: Vec<K> = self.of.iter().filter(|(_, time)| **time > at).map(|(who, _)| *who).collect();
        later.into_iter().for_each(|who| self.set(who, at));
    }

    pub(super) fn forget(&mut self, who: K) {
        if let Some(at) = self.of.remove(&who) {
            self.times.remove(&(at, who));
        }
    }

    /// Takes the next one whose time has come.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<K> {
        let (_, who) = *self.times.first().filter(|(at, _)| *at <= now)?;
        self.forget(who);
        Some(who)
    }

    /// When the next time comes.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.times.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_time_counts_and_each_comes_once() {
        let mut timers = Timers::new();
        timers.set("a", Timestamp(30));
        timers.set("a", Timestamp(10));
        timers.set("a", Timestamp(20));
        timers.set("b", Timestamp(5));
        timers.set("c", Timestamp(7));
        timers.forget("c");
        assert_eq!(timers.first(), Some(Timestamp(5)));
        assert_eq!(timers.next(Timestamp(4)), None);
        let all: Vec<_> = std::iter::from_fn(|| timers.next(Timestamp(100))).collect();
        assert_eq!((all.as_slice(), timers.first()), (&["b", "a"][..], None));
        timers.set("a", Timestamp(30));
        timers.set("b", Timestamp(5));
        timers.set_all(Timestamp(10));
        assert_eq!(timers.next(Timestamp(10)), Some("b"));
        assert_eq!(timers.next(Timestamp(10)), Some("a"));
    }
}
