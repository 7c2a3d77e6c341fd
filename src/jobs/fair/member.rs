//! What is known of one tenant.

use super::QUANTUM;

/// A tenant's part of the background work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// How many turns it has for one of a tenant of weight 1.
    pub weight: usize,
    /// How many of its jobs run at the same time.
    pub concurrency: usize,
}

/// Of a tenant that is not known yet: one job shows what it is.
const UNKNOWN: Share = Share { weight: 1, concurrency: 1 };

/// Where a tenant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing is known to be due that it might take.
    Idle,
    /// In the ring.
    InRing,
    /// Its turn was given, and nothing told of it yet.
    Asked,
    /// It has work, and as much running as it may.
    Full,
}

pub(super) struct Member {
    pub(super) share: Share,
    pub(super) place: Place,
    /// What runs, here and elsewhere.
    pub(super) running: usize,
    /// Of which handlers work on after their answers.
    pub(super) elsewhere: usize,
    /// What the turn that was given may bring.
    pub(super) reserved: usize,
    /// Places that became free while its turn was out and its visit lacked them: for its next turn.
    pub(super) aside: usize,
    /// What is left of its visit.
    pub(super) deficit: usize,
    /// Whether more was due when its file was last asked.
    pub(super) more: bool,
    /// Whether it is in the ring for its next visit while its turn is out.
    pub(super) ahead: bool,
    /// Whether it was woken while its turn was out.
    pub(super) again: bool,
}

impl Member {
    /// One of which nothing is known yet.
    pub(super) fn new() -> Member {
        Member {
            share: UNKNOWN,
            place: Place::Idle,
            running: 0,
            elsewhere: 0,
            reserved: 0,
            aside: 0,
            deficit: 0,
            more: false,
            ahead: false,
            again: false,
        }
    }

    /// What it may take in a whole visit.
    pub(super) fn visit(&self) -> usize {
        self.share.weight.saturating_mul(QUANTUM)
    }

    /// What it may take of its visit, as far as its own bound allows.
    pub(super) fn due(&self) -> usize {
        self.deficit.min(self.room())
    }

    /// How many places its visit lacks.
    pub(super) fn lacks(&self) -> usize {
        self.due().saturating_sub(self.reserved + self.aside)
    }

    /// How many more of its jobs may run.
    pub(super) fn room(&self) -> usize {
        self.share.concurrency.saturating_sub(self.running)
    }
}
