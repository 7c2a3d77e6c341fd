//! What is over and could not be written: its file was busy, its disk full, its tenant being migrated. It is kept and tried
//! again as long as its lease lasts, with whatever else is over by then; so the job is not done once more for that.
//!
//! However many files cannot be written, the jobs of all other tenants go on, and there is a bound of what is kept.

use super::Driver;
use crate::clock::monotonic;
use crate::error::{Error, Kind};
use crate::id::TenantId;
use crate::service::jobs::attempts::Done;
use std::sync::Arc;
use std::time::Duration;

/// The wait after a write that failed; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// Attempts of a tenant that are over, until the file is next written.
#[derive(Default)]
pub(super) struct Kept {
    done: Vec<Done>,
    /// How many of these were put off.
    put_off: usize,
    /// How often in a row the file could not be written.
    failures: u32,
}

/// What is being written.
#[derive(Default)]
pub(super) struct Saving {
    pub(super) done: Arc<[Done]>,
    /// How many of these were put off before.
    put_off: usize,
}

impl Kept {
    pub(super) fn push(&mut self, done: Done) {
        self.done.push(done);
    }

    pub(super) fn len(&self) -> usize {
        self.done.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    /// Whether there are some that could not be written just now.
    pub(super) fn is_put_off(&self) -> bool {
        self.put_off > 0
    }

    /// All of it is to be written now.
    pub(super) fn take(&mut self) -> Saving {
        let put_off = std::mem::take(&mut self.put_off);
        Saving { done: std::mem::take(&mut self.done).into(), put_off }
    }

    /// The file was written.
    pub(super) fn works_again(&mut self) {
        self.failures = 0;
    }

    /// Takes back what could not be written, and tells how long it is to be left alone.
    fn put_off(&mut self, mut done: Vec<Done>) -> Duration {
        self.put_off += done.len();
        // Before what has come to its end since.
        done.append(&mut self.done);
        self.done = done;
        let wait = FIRST_WAIT.saturating_mul(1 << self.failures.min(8)).min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        wait
    }
}

impl Driver {
    /// What was being written counts no more, whatever becomes of it.
    pub(super) fn settled(&mut self, saving: &Saving) {
        self.put_off = self.put_off.saturating_sub(saving.put_off);
        self.unsaved = self.unsaved.saturating_sub(saving.done.len() - saving.put_off);
    }

    /// It could not be written what became of them. Those whose leases have ended, and those beyond what is kept, are lost:
    /// they are done again.
    pub(super) fn put_off(&mut self, tenant: TenantId, saving: Saving, error: &Error) {
        if saving.done.is_empty() {
            return;
        }
        if error.kind() == Kind::NotFound {
            return self.lost(tenant, saving, error);
        }
        self.settled(&saving);
        let now = self.installation.clock().now();
        let room = self.most_unsaved.saturating_sub(self.put_off);
        let (mut kept, mut lost) = (Vec::new(), Vec::new());
        for one in saving.done.iter() {
            let stays = one.until() > now && kept.len() < room;
            if stays { &mut kept } else { &mut lost }.push(one.clone());
        }
        if !kept.is_empty() {
            let jobs = kept.len();
            self.put_off += jobs;
            let wait = self.known.entry(tenant).or_default().done.put_off(kept);
            self.ending.insert(tenant, monotonic() + wait);
            tracing::warn!(
                tenant_id = %tenant, jobs, error = ?error, "what became of jobs cannot be written yet; it is tried again"
            );
        }
        if !lost.is_empty() {
            lost.iter().for_each(|one| self.lost_one(tenant, one, error));
            self.rest(tenant);
        }
    }
}
