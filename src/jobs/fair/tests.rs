//! The scheduler against a house of tenants that keeps its jobs in plain lists.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const SLOTS: usize = 6;
const KINDS: [&str; 3] = ["free", "one", "two"];

fn bounds() -> BTreeMap<String, usize> {
    BTreeMap::from([("one".to_owned(), 1), ("two".to_owned(), 2)])
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Queued,
    Running,
    Elsewhere,
    Done,
}

#[derive(Clone, Debug)]
struct Job {
    kind: usize,
    priority: i64,
    due_at: i64,
    state: State,
    attempts: usize,
    /// In which order jobs were begun.
    began: usize,
}

struct Tenant {
    share: Share,
    jobs: Vec<Job>,
    is_held: bool,
    is_erased: bool,
    /// Jobs of others that were begun since it was woken with room of its own, until it has its turn.
    passed_over: Option<usize>,
}

/// What can happen.
#[derive(Clone, Debug)]
enum Event {
    Enqueue { tenant: usize, kind: usize, priority: i64, delay: i64 },
    Turn,
    Bring(usize),
    End { which: usize, how: u8 },
    Clock(i64),
    Hold(usize),
    Resume(usize),
    Erase(usize),
    Crash,
}

struct House {
    fair: Fair<usize>,
    tenants: Vec<Tenant>,
    out: Vec<Turn<usize>>,
    now: i64,
    begun: usize,
}

impl House {
    fn new(shares: &[(usize, usize)]) -> House {
        let tenants = shares.iter().map(|(weight, concurrency)| Tenant {
            share: Share { weight: *weight, concurrency: *concurrency },
            jobs: Vec::new(),
            is_held: false,
            is_erased: false,
            passed_over: None,
        });
        House {
            fair: Fair::new(SLOTS, bounds()),
            tenants: tenants.collect(),
            out: Vec::new(),
            now: 0,
            begun: 0,
        }
    }

    fn happen(&mut self, event: &Event) {
        let count = self.tenants.len();
        match *event {
            Event::Enqueue { tenant, kind, priority, delay } => {
                let tenant = tenant % count;
                if self.tenants[tenant].is_erased {
                    return;
                }
                let due_at = self.now + delay;
                let job = Job { kind, priority, due_at, state: State::Queued, attempts: 0, began: 0 };
                self.tenants[tenant].jobs.push(job);
                if delay <= 0 {
                    self.wake(tenant);
                }
            }
            Event::Turn => {
                let turn = self.fair.next_turn();
                if let Some(turn) = &turn {
                    assert!(self.out.iter().all(|other| other.tenant != turn.tenant), "two turns at once");
                    assert!(turn.most > 0);
                    self.tenants[turn.tenant].passed_over = None;
                }
                self.out.extend(turn);
            }
            Event::Bring(which) if !self.out.is_empty() => {
                let turn = self.out.swap_remove(which % self.out.len());
                self.bring(&turn);
            }
            Event::End { which, how } => self.end(which, how),
            Event::Clock(by) => {
                self.now += by;
                self.wake_due();
            }
            Event::Hold(tenant) => self.tenants[tenant % count].is_held = true,
            Event::Resume(tenant) => {
                self.tenants[tenant % count].is_held = false;
                self.wake(tenant % count);
            }
            Event::Erase(tenant) => self.erase(tenant % count),
            Event::Crash => self.crash(),
            Event::Bring(_) => {}
        }
        self.check();
    }

    fn wake(&mut self, tenant: usize) {
        let was_idle = self.fair.members.get(&tenant).is_none_or(|member| member.place == Place::Idle);
        let is_in = self.fair.wake(tenant);
        let has_room = self.fair.members[&tenant].room() > 0;
        if was_idle && is_in && has_room {
            self.tenants[tenant].passed_over = Some(0);
        }
    }

    fn wake_due(&mut self) {
        for tenant in 0..self.tenants.len() {
            let now = self.now;
            if self.tenants[tenant].jobs.iter().any(|job| job.state == State::Queued && job.due_at <= now) {
                self.wake(tenant);
            }
        }
    }

    /// What the file of a tenant does in a claim, without any index.
    fn bring(&mut self, turn: &Turn<usize>) {
        let now = self.now;
        let tenant = &mut self.tenants[turn.tenant];
        let mut brought = Brought::default();
        if !tenant.is_held {
            let mut due: Vec<usize> = (0..tenant.jobs.len())
                .filter(|at| tenant.jobs[*at].state == State::Queued && tenant.jobs[*at].due_at <= now)
                .collect();
            due.sort_by_key(|at| (-tenant.jobs[*at].priority, tenant.jobs[*at].due_at, *at));
            let mut left = turn.kinds.clone();
            for at in due {
                let kind = KINDS[tenant.jobs[at].kind].to_owned();
                if left.get(&kind) == Some(&0) {
                    if !brought.blocked.contains(&kind) {
                        brought.blocked.push(kind);
                    }
                } else if brought.taken.len() == turn.most {
                    brought.more = true;
                } else {
                    left.entry(kind.clone()).and_modify(|left| *left -= 1);
                    assert_eq!(tenant.jobs[at].state, State::Queued);
                    tenant.jobs[at].state = State::Running;
                    tenant.jobs[at].attempts += 1;
                    self.begun += 1;
                    tenant.jobs[at].began = self.begun;
                    brought.taken.push(kind);
                }
            }
        }
        let share = tenant.share;
        self.fair.set_share(turn.tenant, share);
        self.fair.brought(turn.tenant, &brought);
        for (other, tenant) in self.tenants.iter_mut().enumerate() {
            if other != turn.tenant
                && let Some(passed_over) = &mut tenant.passed_over
            {
                *passed_over += brought.taken.len();
            }
        }
    }

    fn end(&mut self, which: usize, how: u8) {
        let mut running: Vec<(usize, usize)> = self
            .tenants
            .iter()
            .enumerate()
            .flat_map(|(tenant, of)| {
                let on = of
                    .jobs
                    .iter()
                    .enumerate()
                    .filter(|(_, job)| matches!(job.state, State::Running | State::Elsewhere));
                on.map(move |(at, _)| (tenant, at)).collect::<Vec<_>>()
            })
            .collect();
        // Whatever was begun first comes first.
        running.sort_by_key(|(tenant, at)| self.tenants[*tenant].jobs[*at].began);
        let Some((tenant, at)) = running.get(which % running.len().max(1)).copied() else { return };
        let now = self.now;
        let job = &mut self.tenants[tenant].jobs[at];
        let kind = KINDS[job.kind];
        let was = job.state;
        job.state = match how % 4 {
            0 if was == State::Running => State::Elsewhere,
            1 => {
                job.due_at = now + 10;
                State::Queued
            }
            _ => State::Done,
        };
        match (was, job.state) {
            (State::Running, State::Elsewhere) => self.fair.handed_over(tenant),
            (State::Running, _) => self.fair.ended(tenant, kind),
            _ => self.fair.ended_elsewhere(tenant, kind),
        }
    }

    /// Its file is gone, and with it its jobs: what ran is cut off. A turn that is out finds nothing.
    fn erase(&mut self, tenant: usize) {
        self.tenants[tenant].is_erased = true;
        for job in std::mem::take(&mut self.tenants[tenant].jobs) {
            match job.state {
                State::Running => self.fair.ended(tenant, KINDS[job.kind]),
                State::Elsewhere => self.fair.ended_elsewhere(tenant, KINDS[job.kind]),
                State::Queued | State::Done => {}
            }
        }
    }

    /// The server ends: what ran is queued again by the next one, which knows nothing but what works elsewhere.
    fn crash(&mut self) {
        self.fair = Fair::new(SLOTS, bounds());
        self.out.clear();
        for tenant in 0..self.tenants.len() {
            self.tenants[tenant].passed_over = None;
            for at in 0..self.tenants[tenant].jobs.len() {
                match self.tenants[tenant].jobs[at].state {
                    State::Running => self.tenants[tenant].jobs[at].state = State::Queued,
                    State::Elsewhere => self.fair.adopt(tenant, KINDS[self.tenants[tenant].jobs[at].kind]),
                    _ => {}
                }
            }
        }
        self.wake_due();
    }

    fn check(&self) {
        let in_state = |tenant: &Tenant, state| tenant.jobs.iter().filter(|job| job.state == state).count();
        let here: usize = self.tenants.iter().map(|tenant| in_state(tenant, State::Running)).sum();
        assert!(here <= SLOTS, "{here} run on {SLOTS} places");
        let dealt: usize = self.fair.members.values().map(|member| member.reserved + member.aside).sum();
        assert_eq!(self.fair.free + dealt + here, SLOTS, "a place is lost");
        let ring = &self.fair.ring;
        assert_eq!(ring.iter().collect::<BTreeSet<_>>().len(), ring.len(), "twice in the ring");
        for (number, tenant) in self.tenants.iter().enumerate() {
            let on = in_state(tenant, State::Running) + in_state(tenant, State::Elsewhere);
            assert_eq!(self.fair.running(number), on, "tenant {number}");
            assert!(on <= tenant.share.concurrency, "tenant {number} has {on} running");
            let bound: usize = self
                .tenants
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != number)
                .map(|(_, other)| other.share.weight * QUANTUM)
                .sum();
            if let Some(passed_over) = tenant.passed_over {
                let bound = bound * (1 + AHEAD);
                assert!(passed_over <= bound, "tenant {number} was passed over by {passed_over} of {bound}");
            }
        }
        for (name, most) in bounds() {
            let on: usize = self
                .tenants
                .iter()
                .flat_map(|tenant| &tenant.jobs)
                .filter(|job| KINDS[job.kind] == name)
                .filter(|job| matches!(job.state, State::Running | State::Elsewhere))
                .count();
            assert!(on <= most, "{on} of kind {name}");
        }
    }

    /// From here on everything works: how many steps until all is done?
    fn drain(&mut self) {
        for tenant in 0..self.tenants.len() {
            self.happen(&Event::Resume(tenant));
        }
        self.happen(&Event::Clock(1_000_000));
        let left = |house: &House| {
            house
                .tenants
                .iter()
                .flat_map(|tenant| &tenant.jobs)
                .filter(|job| job.state != State::Done)
                .count()
        };
        let jobs = left(self);
        for _ in 0..=20 * (jobs + 10) {
            if left(self) == 0 {
                return;
            }
            self.happen(&Event::Turn);
            self.happen(&Event::Bring(0));
            self.happen(&Event::End { which: 0, how: 2 });
        }
        panic!("{} of {jobs} jobs are lost", left(self));
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..5_usize, 0..3_usize, -2..3_i64, prop_oneof![3 => Just(0), 1 => 1..100_i64])
            .prop_map(|(tenant, kind, priority, delay)| Event::Enqueue { tenant, kind, priority, delay }),
        6 => Just(Event::Turn),
        6 => (0..4_usize).prop_map(Event::Bring),
        5 => (0..50_usize, 0..8_u8).prop_map(|(which, how)| Event::End { which, how }),
        2 => (-50..200_i64).prop_map(Event::Clock),
        1 => (0..5_usize).prop_map(Event::Hold),
        1 => (0..5_usize).prop_map(Event::Resume),
        1 => (0..40_usize).prop_map(|one| if one < 5 { Event::Erase(one) } else { Event::Turn }),
        1 => Just(Event::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_job_is_lost_no_bound_is_broken_and_nobody_is_passed_over(
        shares in proptest::collection::vec((1..4_usize, 1..5_usize), 1..5),
        events in proptest::collection::vec(event(), 0..120),
    ) {
        let mut house = House::new(&shares);
        for event in &events {
            house.happen(event);
        }
        house.drain();
    }
}

/// Lets all tenants have more work than can be done, and tells how much of `total` each got.
fn shares_of(weights: &[usize], total: usize) -> Vec<usize> {
    let shares: Vec<(usize, usize)> = weights.iter().map(|weight| (*weight, SLOTS)).collect();
    let mut house = House::new(&shares);
    for tenant in 0..weights.len() {
        for _ in 0..total {
            house.happen(&Event::Enqueue { tenant, kind: 0, priority: 0, delay: 0 });
        }
    }
    let mut done = 0;
    while done < total {
        house.happen(&Event::Turn);
        house.happen(&Event::Bring(0));
        house.end(0, 2);
        done = house.tenants.iter().flat_map(|one| &one.jobs).filter(|job| job.attempts > 0).count();
    }
    house.tenants.iter().map(|one| one.jobs.iter().filter(|job| job.attempts > 0).count()).collect()
}

#[test]
fn weights_are_shares_within_five_percent() {
    let got = shares_of(&[1, 2, 4], 2_100);
    for (got, due) in got.iter().zip([300, 600, 1_200]) {
        assert!(got.abs_diff(due) * 20 <= due, "{got} instead of {due}");
    }
}

#[test]
fn equal_weights_get_equal_shares_by_jains_index() {
    let got = shares_of(&[1; 10], 1_000);
    let (sum, squares): (usize, usize) = (got.iter().sum(), got.iter().map(|one| one * one).sum());
    assert!(sum * sum * 100 >= 99 * squares * got.len(), "{got:?}");
}

#[test]
fn a_place_of_a_bounded_kind_goes_round_and_nobody_overtakes() {
    let mut house = House::new(&[(1, 5), (4, 5), (1, 5)]);
    for tenant in 0..3 {
        for _ in 0..10 {
            house.happen(&Event::Enqueue { tenant, kind: 1, priority: 0, delay: 0 });
        }
    }
    let mut order = Vec::new();
    for _ in 0..30 {
        for _ in 0..4 {
            house.happen(&Event::Turn);
            house.happen(&Event::Bring(0));
        }
        let on = house.tenants.iter().position(|one| one.jobs.iter().any(|job| job.state == State::Running));
        order.extend(on);
        house.happen(&Event::End { which: 0, how: 2 });
    }
    assert_eq!(order.len(), 30, "{order:?}");
    // The first one waited before anybody else came.
    for three in order[1..].chunks_exact(3) {
        assert_eq!(three.iter().collect::<BTreeSet<_>>().len(), 3, "{order:?}");
    }
}

#[test]
fn a_tenant_of_which_nothing_is_left_takes_no_room() {
    let mut house = House::new(&[(1, 2), (1, 2)]);
    for tenant in 0..2 {
        house.happen(&Event::Enqueue { tenant, kind: 1, priority: 0, delay: 0 });
    }
    house.drain();
    for _ in 0..4 {
        house.happen(&Event::Turn);
        house.happen(&Event::Bring(0));
    }
    assert!(house.fair.members.is_empty());
}
