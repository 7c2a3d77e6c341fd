//! Leases: jobs that were taken are done, and their leases renewed.

use super::{Came, Driver, Here, Task};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{JobId, TenantId};
use crate::service::jobs::LeasedJob;
use crate::service::jobs::attempts::{self, BEAT, Done};
use std::sync::Arc;
use tokio::sync::watch;

impl Driver {
    pub(super) fn begin(&mut self, tenant: TenantId, job: LeasedJob) {
        if self.winds_up {
            self.fair.ended(tenant, &job.kind);
            let now = self.installation.clock().now();
            return self.note_done(tenant, Done::not_begun(&job, now));
        }
        let (job_id, kind, lease) = (job.id, job.kind.clone(), job.lease.clone());
        let installation = Arc::clone(&self.installation);
        let (cancelled, cancels) = watch::channel(false);
        let work = async move { Came::Ran(attempts::run(&installation, tenant, &job, cancels).await) };
        let task = self.spawn(Task::Job(tenant), work);
        let (id, here) = (task.id(), Here { job: job_id, kind, lease, task, cancelled });
        self.known.entry(tenant).or_default().here.insert(id, here);
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
                (*tenant, known.here.values().map(|here| (here.job, here.lease.clone())).collect())
            })
            .collect();
        for (tenant, leases) in leases {
            let installation = Arc::clone(&self.installation);
            let work = async move { Came::Beaten(attempts::beat(&installation, tenant, leases).await) };
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
        let here = self.known.get(&tenant).into_iter().flat_map(|known| known.here.values());
        for here in here.filter(|here| here.job == job) {
            here.cancelled.send_replace(true);
        }
    }
}
