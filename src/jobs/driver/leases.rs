//! Leases: jobs that were taken are done, their leases renewed, and what became of them told to [`Fair`].

use super::{Came, Driver, Here, TICK, Task};
use crate::clock::{MINUTE, SECOND, Timestamp};
use crate::error::{Kind, Result};
use crate::id::{JobId, TenantId};
use crate::service::jobs::LeasedJob;
use crate::service::jobs::work::{self, After, BEAT};
use std::sync::Arc;
use tokio::sync::watch;

impl Driver {
    pub(super) fn begin(&mut self, tenant: TenantId, job: LeasedJob) {
        let (id, kind, lease) = (job.id, job.kind.clone(), job.lease.clone());
        let installation = Arc::clone(&self.installation);
        let (cancelled, cancels) = watch::channel(false);
        let work = async move { Came::Ran(work::run(&installation, tenant, &job, cancels).await) };
        let task = self.spawn(Task::Job(tenant, id), work);
        self.known.entry(tenant).or_default().here.insert(id, Here { kind, lease, task, cancelled });
    }

    pub(super) fn ran(&mut self, tenant: TenantId, job: JobId, after: Result<After>) {
        let known = self.known.entry(tenant).or_default();
        let Some(here) = known.here.remove(&job) else { return };
        let now = self.installation.clock().now();
        match after {
            Ok(After::Elsewhere(until)) if !known.over.contains(&job) => {
                known.elsewhere.insert(job, here.kind);
                self.fair.handed_over(tenant);
                self.timers.set(tenant, until);
                return;
            }
            Ok(After::Over | After::Elsewhere(_)) => {}
            Ok(After::Again(at)) => self.timers.set(tenant, at),
            Err(error) if error.kind() == Kind::NotFound => {}
            Err(error) => {
                tracing::error!(
                    tenant_id = %tenant, job_id = %job, error = ?error,
                    "what became of a job cannot be noted; it is done again when its lease has ended"
                );
                self.timers.set(tenant, now.plus(MINUTE + SECOND));
            }
        }
        let is_last = known.here.is_empty();
        let goes_on = known.held_up.remove(&here.kind);
        self.fair.ended(tenant, &here.kind);
        if goes_on {
            self.wake(tenant);
        }
        if is_last {
            let at = work::quiet_at(&self.installation, tenant);
            self.timers.set(tenant, at.max(now.plus(TICK)));
        }
        self.forget_if_quiet(tenant);
    }

    /// Renews the leases of all jobs that run here.
    pub(super) fn beat(&mut self, now: Timestamp) {
        // Also where the clock was put back.
        if (0..BEAT).contains(&now.since(self.last_beat)) {
            return;
        }
        self.last_beat = now;
        let leases: Vec<(TenantId, Vec<(JobId, String)>)> = self
            .known
            .iter()
            .filter(|(_, known)| !known.here.is_empty())
            .map(|(tenant, known)| {
                (*tenant, known.here.iter().map(|(job, here)| (*job, here.lease.clone())).collect())
            })
            .collect();
        for (tenant, leases) in leases {
            let installation = Arc::clone(&self.installation);
            let work = async move { Came::Beaten(work::beat(&installation, tenant, leases).await) };
            self.spawn(Task::Beat(tenant), work);
        }
    }

    /// Tells those who do jobs of which the leases are lost that nobody wants them any more.
    pub(super) fn beaten(&mut self, tenant: TenantId, renewed: Result<Vec<JobId>>) {
        match renewed {
            Ok(lost) => lost.into_iter().for_each(|job| self.cancel(tenant, job)),
            Err(error) => {
                tracing::warn!(tenant_id = %tenant, error = ?error, "leases of jobs could not be renewed");
            }
        }
    }

    /// Whoever does the job may stop; what comes of it counts for nothing. It keeps its place until it has.
    pub(super) fn cancel(&mut self, tenant: TenantId, job: JobId) {
        let here = self.known.get(&tenant).and_then(|known| known.here.get(&job));
        if let Some(here) = here {
            here.cancelled.send_replace(true);
        }
    }
}
