//! Attempts that are over, and what that leads to.

use super::LEASE;
use crate::clock::Timestamp;
use crate::id::JobId;
use crate::model::job::{LeasedJob, Outcome};
use crate::service::webhooks;
use crate::tenancy::tx::jobs::{Ended, JobEnd};

/// An attempt that is over, until that is written.
#[derive(Clone, Debug)]
pub struct Done {
    pub(super) end: JobEnd,
    pub(super) sends_webhooks: bool,
    until: Timestamp,
}

impl Done {
    pub(super) fn new(job: &LeasedJob, outcome: Outcome, now: Timestamp) -> Done {
        let random = u32::from_le_bytes(crate::random::id_bytes());
        let end = JobEnd { id: job.id, lease: job.lease.clone(), outcome, random };
        Done { end, sends_webhooks: job.kind == webhooks::KIND, until: now.plus(LEASE) }
    }

    /// Of a job that was taken and is not begun: it is queued again as it was.
    pub fn not_begun(job: &LeasedJob, now: Timestamp) -> Done {
        Done::new(job, Outcome::Held, now)
    }

    /// Until when it is worth being written: about then its lease ends.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// Which job it was.
    pub fn job(&self) -> JobId {
        self.end.id
    }

    /// With what right.
    pub fn lease(&self) -> &str {
        &self.end.lease
    }

    /// Whether the handler works on after its answer.
    pub fn works_on(&self) -> bool {
        matches!(self.end.outcome, Outcome::WorksOn(_))
    }

    /// What that led to. `again` is when there is something to be sent again.
    pub(super) fn after(&self, ended: Ended, again: Option<Timestamp>) -> After {
        let again = again.filter(|_| self.sends_webhooks);
        match (ended, &self.end.outcome) {
            (Ended::Again(at), _) => After::Again(again.map_or(at, |again| again.min(at))),
            (Ended::Is(_), Outcome::WorksOn(until)) => After::Elsewhere(*until),
            (Ended::Is(_), _) => again.map_or(After::Over, After::Again),
            (Ended::NotOurs, _) => After::Over,
        }
    }
}

/// What became of a job that ran here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It is over, or no longer ours.
    Over,
    /// It is tried again then.
    Again(Timestamp),
    /// The handler works on, and has until then to say something.
    Elsewhere(Timestamp),
}
