//! The file against a plain list: whatever comes in whatever order, no job is lost, none is done by two at once, and whoever
//! has lost its lease has no say.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What can happen.
#[derive(Clone, Debug)]
enum Event {
    Enqueue { delay: i64, priority: i64 },
    Claim { most: usize, is_held: bool },
    End { which: usize, how: u8 },
    Beat,
    Clock(i64),
    Crash,
    Cancel(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Whether its time has come once, whatever the clock says since.
    Queued {
        at: Timestamp,
        came: bool,
    },
    Running {
        lease: String,
        until: Timestamp,
        runner: String,
    },
    Over,
}

struct Scene {
    house: House,
    jobs: BTreeMap<JobId, State>,
    /// Leases that were given, also those that are lost.
    leases: Vec<LeasedJob>,
    /// What this run of the server is at.
    here: BTreeSet<JobId>,
    run: usize,
    ends: usize,
}

impl Scene {
    fn new() -> Scene {
        Scene {
            house: House::new(),
            jobs: BTreeMap::new(),
            leases: Vec::new(),
            here: BTreeSet::new(),
            run: 0,
            ends: 0,
        }
    }

    fn runner(&self) -> String {
        format!("run {}", self.run)
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Enqueue { delay, priority } => {
                let at = self.house.now().plus(delay);
                let enqueued = self.house.enqueue(|new| {
                    (new.run_at, new.priority, new.max_attempts) = (Some(at), priority, 1_000);
                });
                self.jobs.insert(enqueued.unwrap().job.id, State::Queued { at, came: delay <= 0 });
            }
            Event::Claim { most, is_held } => self.claim(most, is_held),
            Event::End { which, how } if !self.leases.is_empty() => {
                self.end(self.leases[which % self.leases.len()].clone(), how);
            }
            Event::Beat => self.beat(),
            Event::Clock(by) => self.house.clock.advance(by),
            Event::Crash => {
                self.run += 1;
                self.here.clear();
            }
            Event::Cancel(which) if !self.jobs.is_empty() => {
                let id = *self.jobs.keys().nth(which % self.jobs.len()).unwrap();
                let was_over = self.jobs[&id] == State::Over;
                assert_eq!(self.house.write(move |tx| tx.cancel_job(id)).is_err(), was_over);
                self.jobs.insert(id, State::Over);
                self.here.remove(&id);
            }
            Event::End { .. } | Event::Cancel(_) => {}
        }
    }

    /// What is left of a server that is gone, or of whom nobody has spoken for any more, is queued again.
    fn take_over(&mut self) {
        let (now, me) = (self.house.now(), self.runner());
        for (id, state) in &mut self.jobs {
            if let State::Running { until, runner, .. } = state {
                let is_gone = !runner.is_empty() && *runner != me;
                let is_late = *until <= now && !(*runner == me && self.here.contains(id));
                if is_gone || is_late {
                    *state = State::Queued { at: now, came: true };
                }
            }
            if let State::Queued { at, came } = state {
                *came |= *at <= now;
            }
        }
    }

    fn claim(&mut self, most: usize, is_held: bool) {
        self.take_over();
        let mut asked = self.house.asked(&self.runner(), most);
        asked.leases = (0..most).map(|number| format!("{} {}", self.leases.len(), number)).collect();
        asked.running = self.here.iter().copied().collect();
        asked.only = is_held.then(Vec::new);
        let until = asked.until;
        let claimed = self.house.claim(asked);
        let due =
            self.jobs.values().filter(|state| matches!(state, State::Queued { came: true, .. })).count();
        let taken = if is_held { 0 } else { due.min(most) };
        assert_eq!(claimed.jobs.len(), taken, "of {due} that are due");
        for job in claimed.jobs {
            let before = self
                .jobs
                .insert(job.id, State::Running { lease: job.lease.clone(), until, runner: self.runner() });
            assert!(matches!(before, Some(State::Queued { came: true, .. })), "it was {before:?}");
            assert!(self.here.insert(job.id), "two at once");
            self.leases.push(job);
        }
    }

    fn end(&mut self, job: LeasedJob, how: u8) {
        let is_ours = matches!(&self.jobs[&job.id], State::Running { lease, .. } if *lease == job.lease);
        let until = self.house.now().plus(MINUTE);
        let outcome = match how % 4 {
            0 => failed(None),
            1 => Outcome::WorksOn(until),
            2 => Outcome::Held,
            _ => Outcome::Succeeded(None),
        };
        let ended = self.house.end(&job, outcome.clone());
        assert_eq!(ended != Ended::NotOurs, is_ours, "{ended:?} of one that is {:?}", self.jobs[&job.id]);
        if !is_ours {
            return;
        }
        self.here.remove(&job.id);
        let state = match (ended, outcome) {
            (Ended::Again(at), _) => State::Queued { at, came: false },
            (_, Outcome::WorksOn(until)) => State::Running { lease: job.lease, until, runner: String::new() },
            _ => {
                self.ends += 1;
                State::Over
            }
        };
        self.jobs.insert(job.id, state);
    }

    fn beat(&mut self) {
        let until = self.house.now().plus(MINUTE);
        let mut leases = Vec::new();
        for id in &self.here {
            if let Some(State::Running { lease, until: ends, .. }) = self.jobs.get_mut(id) {
                leases.push((*id, lease.clone()));
                *ends = until;
            }
        }
        assert_eq!(self.house.write(move |tx| tx.beat_jobs(&leases, until)).unwrap(), []);
    }

    /// From here on everything works.
    fn drain(&mut self) {
        self.happen(&Event::Crash);
        // Beyond all that was put off before the clock was set back, and not so far that ends are swept.
        for hours in [60, 1, 1] {
            self.house.clock.advance(hours * HOUR);
            self.claim(1_000, false);
            for job in self.leases.clone() {
                if self.here.contains(&job.id) {
                    self.end(job, 3);
                }
            }
        }
        assert!(self.jobs.values().all(|state| *state == State::Over), "{:?}", self.jobs);
        let all = self.house.write(|tx| tx.list_jobs(None, None, None, 1_000)).unwrap();
        let over = |job: &Job| matches!(job.status, JobStatus::Succeeded | JobStatus::Cancelled);
        assert!(all.iter().all(over), "{all:?}");
        let done = all.iter().filter(|job| job.status == JobStatus::Succeeded).count();
        assert_eq!((all.len(), done), (self.jobs.len(), self.ends));
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (prop_oneof![3 => Just(0), 1 => -HOUR..HOUR], -2..3_i64)
            .prop_map(|(delay, priority)| Event::Enqueue { delay, priority }),
        6 => (0..4_usize, 0..6_u8).prop_map(|(most, held)| Event::Claim { most, is_held: held == 0 }),
        6 => (0..50_usize, 0..4_u8).prop_map(|(which, how)| Event::End { which, how }),
        1 => Just(Event::Beat),
        2 => (-HOUR / 2..HOUR).prop_map(Event::Clock),
        1 => (0..50_usize).prop_map(Event::Cancel),
        1 => Just(Event::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_job_is_lost_none_is_done_by_two_and_a_lost_lease_has_no_say(
        events in proptest::collection::vec(event(), 0..60),
    ) {
        let mut scene = Scene::new();
        events.iter().for_each(|event| scene.happen(event));
        scene.drain();
    }
}
