//! What a connection may do right now: who speaks (our code or the app's schema), and for how long.
//!
//! The authorizer and the progress handler of a connection live as long as it does and are called by SQLite,
//! so they share this small state with the code that uses the connection.

use super::reader_threads::{LeastShare, time_on_core};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Virtual machine steps between two calls of the progress handler.
pub(super) const STEPS_PER_TICK: i32 = 1_000;

/// Which statements the authorizer lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Speaker {
    /// Statements made for records: nothing that begins with `_`, no schema changes.
    App = 0,
    /// Our own statements.
    System = 1,
    /// A migration of the app: schema changes, but nothing that begins with `_`.
    Migration = 2,
}

#[derive(Debug)]
pub(super) struct Guard {
    speaker: AtomicU8,
    ticks_left: AtomicI64,
    deadline_us: AtomicU64,
    epoch: Instant,
    stopped: AtomicBool,
    /// When it is looked at what the thread gets of the cores, and what it has to get beside what it had before.
    look_us: AtomicU64,
    share: Mutex<Option<(LeastShare, Duration)>>,
    starved: AtomicBool,
}

impl Guard {
    pub(super) fn new() -> Guard {
        Guard {
            speaker: AtomicU8::new(Speaker::System as u8),
            ticks_left: AtomicI64::new(i64::MAX),
            deadline_us: AtomicU64::new(u64::MAX),
            epoch: crate::clock::monotonic(),
            stopped: AtomicBool::new(false),
            look_us: AtomicU64::new(u64::MAX),
            share: Mutex::new(None),
            starved: AtomicBool::new(false),
        }
    }

    pub(super) fn speaker(&self) -> Speaker {
        match self.speaker.load(Relaxed) {
            0 => Speaker::App,
            1 => Speaker::System,
            _ => Speaker::Migration,
        }
    }

    pub(super) fn set_speaker(&self, speaker: Speaker) {
        self.speaker.store(speaker as u8, Relaxed);
    }

    /// Lets the next statements run for at most `ticks` times [`STEPS_PER_TICK`] and `time`.
    pub(super) fn arm(&self, ticks: Option<i64>, time: Option<Duration>) {
        self.stopped.store(false, Relaxed);
        self.ticks_left.store(ticks.unwrap_or(i64::MAX), Relaxed);
        let deadline = time.map_or(u64::MAX, |time| self.elapsed_us().saturating_add(micros(time)));
        self.deadline_us.store(deadline, Relaxed);
        self.look_us.store(u64::MAX, Relaxed);
        if time.is_some() {
            self.starved.store(false, Relaxed);
        }
    }

    /// Has the next statements stopped where this thread gets less than that of the cores; until the next [`Guard::arm`].
    pub(super) fn watch_share(&self, least: LeastShare) {
        *self.share.lock().unwrap_or_else(PoisonError::into_inner) = Some((least, time_on_core()));
        self.look_us.store(self.elapsed_us().saturating_add(micros(least.every)), Relaxed);
    }

    /// Whether the last statements were stopped since their thread got too little of the cores.
    pub(super) fn is_starved(&self) -> bool {
        self.starved.load(Relaxed)
    }

    /// Looks whether the thread got too little since the last look, if it is time to.
    fn starves(&self) -> bool {
        let look = self.look_us.load(Relaxed);
        if look == u64::MAX || self.elapsed_us() < look {
            return false;
        }
        let share = *self.share.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((least, had)) = share else { return false };
        let starves = least.is_missed(time_on_core().saturating_sub(had));
        self.starved.store(starves, Relaxed);
        self.watch_share(least);
        starves
    }

    /// Brings the deadline closer for the next statements; the one before has to be put back by [`Guard::relax`].
    pub(super) fn hurry(&self, time: Duration) -> u64 {
        let before = self.deadline_us.load(Relaxed);
        self.deadline_us.store(before.min(self.elapsed_us().saturating_add(micros(time))), Relaxed);
        before
    }

    /// Puts a deadline back. Tells whether nothing but the closer one stopped what ran meanwhile, and forgets that.
    pub(super) fn relax(&self, before: u64) -> bool {
        self.deadline_us.store(before, Relaxed);
        let is_out_of_steps = self.ticks_left.load(Relaxed) < 0;
        let is_over = before != u64::MAX && self.elapsed_us() >= before;
        let was_hurried = self.stopped() && !is_out_of_steps && !is_over && !self.is_starved();
        if was_hurried {
            self.set_stopped(false);
        }
        was_hurried
    }

    /// Whether the last statements were stopped by [`Guard::arm`]'s bounds.
    pub(super) fn stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// Remembers across another [`Guard::arm`] that statements were stopped.
    pub(super) fn set_stopped(&self, stopped: bool) {
        self.stopped.store(stopped, Relaxed);
    }

    /// Whether the time is over; for what works long within one step.
    pub(super) fn is_over(&self) -> bool {
        let deadline = self.deadline_us.load(Relaxed);
        let over = deadline != u64::MAX && self.elapsed_us() >= deadline;
        if over {
            self.stopped.store(true, Relaxed);
        }
        over
    }

    /// Called by SQLite every [`STEPS_PER_TICK`]; true stops the statement.
    pub(super) fn tick(&self) -> bool {
        let deadline = self.deadline_us.load(Relaxed);
        let out_of_steps = self.ticks_left.fetch_sub(1, Relaxed) <= 0;
        let stop = out_of_steps || (deadline != u64::MAX && self.elapsed_us() >= deadline) || self.starves();
        if stop {
            self.stopped.store(true, Relaxed);
        }
        stop
    }

    fn elapsed_us(&self) -> u64 {
        micros(crate::clock::monotonic().duration_since(self.epoch))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX - 1)
}
