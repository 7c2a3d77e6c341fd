//! Whose turn it is: weighted deficit round robin over tenants. Pure: no clock, no I/O, no jobs; it knows who may have
//! work, how much of it runs, and what bounds there are.
//!
//! A tenant that is woken goes to the end of the ring. At its visit it may take up to [`QUANTUM`] jobs for each unit of its
//! weight; then it goes to the end again. A visit that is cut short by the number of places goes on: it keeps what is left of
//! it, and the places that become free are its own before anybody else's visit goes on.
//!
//! What is dealt in that order are places, not answers of files: while the file of a tenant is asked it stays in the ring, and
//! the places of its next visits, `AHEAD` at most, are set aside until the file has answered; they are given back when less
//! was due. So shares are right however long files take to answer, and a place waits no longer than it would for the one
//! writer of that file. Between being woken and its first turn a tenant with room of its own waits for one visit of each of the
//! others, and for what was dealt to them before: no more than 1 + `AHEAD` times `QUANTUM` times the sum of their weights
//! jobs are begun before its first, however many they have queued.
//!
//! A kind of jobs may have a bound over all tenants. Whoever finds none of it left waits in a queue of that kind, and is
//! woken in the order of that queue, one for each place that becomes free: nobody overtakes there.

mod deal;
mod kinds;
#[cfg(test)]
mod latency;
mod member;
#[cfg(test)]
mod tests;

use kinds::KindPlaces;
pub use member::Share;
use member::{Member, Place};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;

/// Jobs that a tenant of weight 1 may take in one visit.
pub const QUANTUM: usize = 4;
/// Visits of which places are set aside for a tenant whose file is being asked, beyond the one that asks.
const AHEAD: usize = 2;

/// A turn that was given: the tenant's file is to be asked now, and [`Fair::brought`] told what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn<K> {
    /// Whose.
    pub tenant: K,
    /// At most so many jobs.
    pub most: usize,
    /// At most so many of these kinds.
    pub kinds: BTreeMap<String, usize>,
}

/// What came of a turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// The kinds of the jobs that were taken.
    pub taken: Vec<String>,
    /// Whether more is due that only the number kept back.
    pub more: bool,
    /// Kinds of which more is due than might be taken.
    pub blocked: Vec<String>,
}

/// The scheduler.
pub struct Fair<K> {
    free: usize,
    ring: VecDeque<K>,
    /// Who goes on at once, with places that were set aside.
    ready: VecDeque<K>,
    /// Whose turn is out, and whose visit lacks places: those that become free are set aside for it.
    short: Option<K>,
    members: HashMap<K, Member>,
    kinds: KindPlaces<K>,
}

impl<K: Copy + Eq + Hash> Fair<K> {
    /// One with so many places, and bounds for some kinds.
    pub fn new(slots: usize, kinds: BTreeMap<String, usize>) -> Fair<K> {
        Fair {
            free: slots,
            ring: VecDeque::new(),
            ready: VecDeque::new(),
            short: None,
            members: HashMap::new(),
            kinds: KindPlaces::new(kinds),
        }
    }

    fn member(&mut self, tenant: K) -> &mut Member {
        self.members.entry(tenant).or_insert_with(Member::new)
    }

    /// What is known of a tenant's part.
    pub fn set_share(&mut self, tenant: K, share: Share) {
        let member = self.member(tenant);
        member.share = Share { weight: share.weight.max(1), concurrency: share.concurrency.max(1) };
        if member.place == Place::Full && member.room() > 0 {
            self.go_on(tenant);
        }
    }

    /// How many jobs run, here and elsewhere.
    pub fn running(&self, tenant: K) -> usize {
        self.members.get(&tenant).map_or(0, |member| member.running)
    }

    /// A tenant may have work that is due. False where it has as much running as it may: it comes to its turn when one of
    /// these has ended.
    pub fn wake(&mut self, tenant: K) -> bool {
        let member = self.member(tenant);
        match member.place {
            Place::Idle => self.enter_ring(tenant),
            Place::Asked => member.again = true,
            Place::InRing => {}
            Place::Full => return false,
        }
        true
    }

    /// Ends its visit: it comes to its next one when all others had theirs, unless it is in the ring already.
    fn enter_ring(&mut self, tenant: K) {
        self.end_visit(tenant);
        let member = self.member(tenant);
        member.place = Place::InRing;
        if !std::mem::take(&mut member.ahead) {
            self.ring.push_back(tenant);
        }
    }

    /// What is left of its visit goes to the others.
    fn end_visit(&mut self, tenant: K) {
        let member = self.member(tenant);
        member.deficit = 0;
        self.free += std::mem::take(&mut self.member(tenant).aside);
    }

    /// Goes on with a visit that was cut short, or begins one at its turn.
    fn go_on(&mut self, tenant: K) {
        if self.member(tenant).deficit == 0 {
            return self.enter_ring(tenant);
        }
        let member = self.member(tenant);
        if member.room() > 0 && member.aside > 0 {
            member.place = Place::InRing;
            return self.ready.push_back(tenant);
        }
        if self.member(tenant).room() == 0 {
            return self.fill_up(tenant);
        }
        self.leave_ring(tenant);
        self.member(tenant).place = Place::InRing;
        self.ring.push_front(tenant);
    }

    fn fill_up(&mut self, tenant: K) {
        self.leave_ring(tenant);
        self.member(tenant).place = Place::Full;
        self.free += std::mem::take(&mut self.member(tenant).aside);
    }

    fn leave_ring(&mut self, tenant: K) {
        if std::mem::take(&mut self.member(tenant).ahead) {
            self.ring.retain(|one| *one != tenant);
        }
    }

    /// What a turn brought.
    pub fn brought(&mut self, tenant: K, brought: &Brought) {
        let count = brought.taken.len();
        let member = self.member(tenant);
        if member.place != Place::Asked {
            return;
        }
        let reserved = std::mem::take(&mut member.reserved);
        let was_woken = std::mem::take(&mut member.again);
        member.running += count;
        member.deficit = member.deficit.saturating_sub(count);
        member.place = Place::Idle;
        member.more = brought.more;
        if self.short == Some(tenant) {
            self.short = None;
        }
        if brought.more && count > 0 {
            // Where it was cut short by the number of places, or its own bound, its visit is not over.
            self.go_on(tenant);
        } else if brought.more || was_woken {
            self.enter_ring(tenant);
        } else {
            self.end_visit(tenant);
            self.leave_ring(tenant);
        }
        self.free += reserved.saturating_sub(count);
        self.kinds.settle(tenant, &brought.taken, &brought.blocked);
        self.rouse();
        self.forget_if_idle(tenant);
    }

    /// A job that ran here has ended.
    pub fn ended(&mut self, tenant: K, kind: &str) {
        self.free += 1;
        self.left(tenant, kind);
    }

    /// A handler works on at a job elsewhere: it needs no place here any more, and counts for tenant and kind all the same.
    pub fn handed_over(&mut self, tenant: K) {
        self.free += 1;
        self.member(tenant).elsewhere += 1;
    }

    /// A handler works at a job elsewhere since before we began.
    pub fn adopt(&mut self, tenant: K, kind: &str) {
        let member = self.member(tenant);
        member.running += 1;
        member.elsewhere += 1;
        self.kinds.take(kind);
    }

    /// A job elsewhere has ended.
    pub fn ended_elsewhere(&mut self, tenant: K, kind: &str) {
        let member = self.member(tenant);
        member.elsewhere = member.elsewhere.saturating_sub(1);
        self.left(tenant, kind);
    }

    fn left(&mut self, tenant: K, kind: &str) {
        let member = self.member(tenant);
        member.running = member.running.saturating_sub(1);
        if member.place == Place::Full {
            self.go_on(tenant);
        }
        self.kinds.give(kind);
        self.rouse();
        self.forget_if_idle(tenant);
    }

    /// Wakes those who wait for kinds that have places again.
    fn rouse(&mut self) {
        while let Some(tenant) = self.kinds.rouse() {
            // One that is full has been taken out of the queues when it was found so.
            self.wake(tenant);
        }
    }

    /// Tenants of which there is nothing to remember take no room.
    fn forget_if_idle(&mut self, tenant: K) {
        let is_idle = self
            .members
            .get(&tenant)
            .is_some_and(|member| member.place == Place::Idle && member.running == 0);
        if is_idle && !self.kinds.is_waiting(tenant) {
            self.members.remove(&tenant);
        }
    }
}
