//! Ends: attempts that are over. Their places are free at once; that they are over is written with others of the same tenant
//! that are over about the same time, and with what is next taken of it. Until that is on disk the file says that they run,
//! so that no other attempt at the same job begins.

use super::kept::Saving;
use super::{Came, Driver, Known, TICK, Task};
use crate::clock::{MINUTE, SECOND, Timestamp, monotonic};
use crate::error::{Error, Kind, Result};
use crate::id::{JobId, TenantId};
use crate::service::jobs::attempts::{self, After, Done};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::Id;

/// How long it is waited for others that run, so that one transaction is enough.
const GATHER: Duration = Duration::from_millis(5);
/// How many are not waited with.
const MOST: usize = 32;
/// How long attempts that run are let end by themselves when the server does: what was sent just now is noted as sent, and not
/// sent again.
const GRACE: Duration = Duration::from_millis(500);
/// How long a server that ends waits until all is written.
const LAST: Duration = Duration::from_secs(3);

impl Driver {
    /// An attempt that ran here is over, or its handler works on.
    pub(super) fn ran(&mut self, tenant: TenantId, task: Id, done: Result<Done>) {
        let here = self.known.get(&tenant).and_then(|known| known.here.get(&task));
        let Some(job) = here.map(|here| here.job) else { return };
        match done {
            Ok(done) => {
                let works_on = done.works_on();
                self.note_done(tenant, done);
                if !works_on {
                    self.over(tenant, task);
                }
            }
            Err(error) => {
                self.not_noted(tenant, job, &error);
                self.over(tenant, task);
                self.rest(tenant);
                self.forget_if_quiet(tenant);
            }
        }
    }

    /// Somebody cut it off.
    pub(super) fn cut_off(&mut self, tenant: TenantId, task: Id) {
        self.over(tenant, task);
        self.forget_if_quiet(tenant);
    }

    pub(super) fn note_done(&mut self, tenant: TenantId, done: Done) {
        self.known.entry(tenant).or_default().done.push(done);
        self.unsaved += 1;
        self.ending.entry(tenant).or_insert_with(|| monotonic() + GATHER);
    }

    /// Its place is free.
    pub(super) fn over(&mut self, tenant: TenantId, task: Id) {
        let known = self.known.entry(tenant).or_default();
        let Some(here) = known.here.remove(&task) else { return };
        let goes_on = known.held_up.remove(&here.kind);
        self.fair.ended(tenant, &here.kind);
        if goes_on {
            self.wake(tenant);
        }
    }

    /// The place of an attempt of which it was to be written that its handler works on.
    fn place_of(&self, tenant: TenantId, done: &Done) -> Option<Id> {
        let here = &self.known.get(&tenant)?.here;
        here.iter().find(|(_, here)| here.lease == done.lease()).map(|(task, _)| *task)
    }

    /// Writes what is over where nothing else is to be waited for.
    pub(super) fn write_ends(&mut self) {
        let now = monotonic();
        let known = &self.known;
        let due = self.ending.iter().filter(|(tenant, until)| {
            // What could not be written just now is not tried again at once.
            let waits = |known: &Known| {
                known.done.is_put_off()
                    || (!self.winds_up && !known.here.is_empty() && known.done.len() < MOST)
            };
            **until <= now || !known.get(*tenant).is_some_and(waits)
        });
        let due: Vec<TenantId> = due.map(|(tenant, _)| *tenant).collect();
        for tenant in due {
            let saving = self.known.get_mut(&tenant).map(|known| known.done.take());
            self.write(tenant, saving.unwrap_or_default());
        }
    }

    /// How long until that is to be done again.
    pub(super) fn until_written(&self) -> Duration {
        let first = self.ending.values().min();
        first.map_or(Duration::MAX, |at| at.saturating_duration_since(monotonic()))
    }

    pub(super) fn write(&mut self, tenant: TenantId, saving: Saving) {
        if saving.done.is_empty() {
            return self.save(tenant, None, saving);
        }
        let (installation, ends) = (Arc::clone(&self.installation), Arc::clone(&saving.done));
        let write = async move { Came::Ended(attempts::end(&installation, tenant, ends).await) };
        let id = self.spawn(Task::End(tenant), write).id();
        self.save(tenant, Some(id), saving);
    }

    /// What was over is being written by that task.
    pub(super) fn save(&mut self, tenant: TenantId, task: impl Into<Option<Id>>, saving: Saving) {
        let known = self.known.entry(tenant).or_default();
        if known.done.is_empty() {
            self.ending.remove(&tenant);
        }
        if let Some(task) = task.into().filter(|_| !saving.done.is_empty()) {
            known.saving.insert(task, saving);
        }
    }

    /// That task has ended: what it was to write.
    pub(super) fn saved(&mut self, tenant: TenantId, task: Id) -> Saving {
        self.known.get_mut(&tenant).and_then(|known| known.saving.remove(&task)).unwrap_or_default()
    }

    pub(super) fn ended(&mut self, tenant: TenantId, ended: Result<Vec<After>>, saving: Saving) {
        match ended {
            Ok(ended) => self.written(tenant, ended, &saving),
            Err(error) => self.put_off(tenant, saving, &error),
        }
        self.forget_if_quiet(tenant);
    }

    /// What it led to is on disk.
    pub(super) fn written(&mut self, tenant: TenantId, ended: Vec<After>, saving: &Saving) {
        let done = &saving.done;
        if done.is_empty() {
            return;
        }
        self.settled(saving);
        if let Some(known) = self.known.get_mut(&tenant) {
            known.done.works_again();
        }
        for (after, done) in ended.into_iter().zip(done.iter()) {
            if let After::Again(at) = after {
                self.timers.set(tenant, at);
            }
            match (self.place_of(tenant, done), after) {
                (Some(task), After::Elsewhere(until)) => self.goes_on_elsewhere(tenant, task, until),
                (Some(task), _) => self.over(tenant, task),
                (None, _) => {}
            }
        }
        self.rest(tenant);
    }

    fn goes_on_elsewhere(&mut self, tenant: TenantId, task: Id, until: Timestamp) {
        let known = self.known.entry(tenant).or_default();
        let is_over = known.here.get(&task).is_none_or(|here| known.over.contains(&here.job));
        if is_over {
            return self.over(tenant, task);
        }
        if let Some(here) = known.here.remove(&task) {
            known.elsewhere.insert(here.job, here.kind);
            self.fair.handed_over(tenant);
            self.timers.set(tenant, until);
        }
    }

    /// It is given up to write what became of them.
    pub(super) fn lost(&mut self, tenant: TenantId, saving: Saving, error: &Error) {
        self.settled(&saving);
        for one in saving.done.iter() {
            self.lost_one(tenant, one, error);
        }
        self.rest(tenant);
    }

    pub(super) fn lost_one(&mut self, tenant: TenantId, one: &Done, error: &Error) {
        self.not_noted(tenant, one.job(), error);
        if let Some(task) = self.place_of(tenant, one) {
            self.over(tenant, task);
        }
    }

    fn not_noted(&mut self, tenant: TenantId, job: JobId, error: &Error) {
        // Else the tenant is gone.
        if error.kind() != Kind::NotFound {
            tracing::error!(
                tenant_id = %tenant, job_id = %job, error = ?error,
                "what became of a job cannot be noted; it is done again when its lease has ended"
            );
            let now = self.installation.clock().now();
            self.timers.set(tenant, now.plus(MINUTE + SECOND));
        }
    }

    /// A tenant of which nothing runs is looked at once more, so that it can be forgotten.
    pub(super) fn rest(&mut self, tenant: TenantId) {
        if self.known.get(&tenant).is_some_and(Known::is_at_rest) {
            let at = attempts::quiet_at(&self.installation, tenant);
            self.timers.set(tenant, at.max(self.installation.clock().now().plus(TICK)));
        }
    }

    /// No job is begun any more; what runs may end by itself for a moment, and is cut off then; what is over is written, and
    /// what was taken and not begun is queued again.
    pub(super) async fn wind_up(&mut self) {
        self.winds_up = true;
        if tokio::time::timeout(GRACE, self.end_all()).await.is_ok() {
            return;
        }
        for here in self.known.values().flat_map(|known| known.here.values()) {
            here.task.abort();
        }
        if tokio::time::timeout(LAST, self.end_all()).await.is_err() {
            tracing::warn!("what became of some jobs is not written; they are done again");
        }
    }

    /// Until nothing runs and all is written.
    async fn end_all(&mut self) {
        loop {
            self.write_ends();
            match self.tasks.join_next_with_id().await {
                Some(ended) => self.came(ended),
                None if self.ending.is_empty() => return,
                None => tokio::time::sleep(self.until_written()).await,
            }
        }
    }
}
