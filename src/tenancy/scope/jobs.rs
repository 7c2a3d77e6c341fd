//! The way of a scope to its tenant's jobs.

use super::TenantScope;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::JobId;
use crate::model::job::{Job, JobStatus, NewJob};
use crate::model::meter::JOBS_RUN;
use crate::tenancy::job_words::{BUSY, JobTicket};
use crate::tenancy::tx::TenantTx;
use crate::tenancy::tx::jobs::{ClaimAsked, Claimed};
use std::sync::Arc;

impl TenantScope {
    /// What is needed to enqueue jobs in a transaction that comes right after. Tells the catalog that this tenant may have
    /// jobs, unless it was told lately.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn open_jobs(&self) -> Result<JobTicket> {
        let (words, id, now) = (&self.tenancy.jobs, self.tenant.id, self.tenancy.clock.now());
        if !words.is_busy(id, now) {
            let until = now.plus(BUSY);
            self.catalog().write("job_hint", move |of| of.raise_job_hint(until)).await?;
            words.note_busy(id, until);
        }
        Ok(JobTicket::new(words, id))
    }

    /// Enqueues a job for somebody, unless jobs have a price and the spend cap is reached.
    ///
    /// # Errors
    /// 402 `spend_cap_reached`; 409 `idempotency_key_reused`; as [`TenantScope::write`].
    pub async fn enqueue_job(&self, ticket: JobTicket, new: NewJob) -> Result<Job> {
        let metering = self.metering(self.file().await?);
        let write = self.write("enqueue_job", move |tx| {
            metering.admit_more(*tx, JOBS_RUN)?;
            tx.enqueue_job(&ticket, &new)
        });
        Ok(write.await?.job)
    }

    /// Takes jobs that are due, and tells what the scheduler has to know. In any state of the tenant: no record is touched.
    ///
    /// # Errors
    /// As the file says.
    pub async fn claim_jobs(&self, asked: ClaimAsked) -> Result<Claimed> {
        let file = self.file().await?;
        let (terms, app) = (Arc::clone(&file.terms), Arc::clone(self.tenancy.app()));
        let write = file.database.write("claim_jobs", move |tx| {
            let tx = TenantTx::new(tx);
            let share = terms.terms(tx, &app.meters)?.map(|all| all.entitlements.terms.jobs);
            tx.claim_jobs(&asked, share.unwrap_or_default())
        });
        write.await
    }

    /// Writes about jobs themselves. In any state of the tenant: no record is touched.
    ///
    /// # Errors
    /// What `act` returns; as the file says.
    pub async fn write_jobs<T, F>(&self, name: &'static str, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
    {
        self.file().await?.database.write(name, move |tx| act(&TenantTx::new(tx))).await
    }

    /// Ends a job that is not over.
    ///
    /// # Errors
    /// 404; 409 `job_ended`; as [`TenantScope::write`].
    pub async fn cancel_job(&self, id: JobId) -> Result<Job> {
        let (job, before) = self.write("cancel_job", move |tx| tx.cancel_job(id)).await?;
        if before == JobStatus::Running {
            self.job_is_over(id);
        }
        Ok(job)
    }

    /// Tells the scheduler that jobs which were held may run.
    pub fn release_jobs(&self) {
        self.tenancy.jobs.tell_due(self.tenant.id);
    }

    /// Tells the scheduler that a job has ended that it takes to be running.
    pub fn job_is_over(&self, id: JobId) {
        self.tenancy.jobs.tell_over(self.tenant.id, id);
    }

    /// Notes that nothing is to be done for this tenant before `next`, unless jobs may have been enqueued since. Where they
    /// were so lately that others may follow, tells until when that is.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn settle_jobs(&self, next: Option<Timestamp>) -> Result<Option<Timestamp>> {
        let (words, id, now) = (&self.tenancy.jobs, self.tenant.id, self.tenancy.clock.now());
        if !words.forget_busy(id, now) {
            return Ok(words.busy_until(id));
        }
        self.catalog().write("settle_job_hint", move |of| of.settle_job_hint(now, next)).await?;
        Ok(None)
    }

    /// Makes sure that the catalog knows of a tenant that has jobs: after a jump of the clock it may not.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn keep_job_hint(&self) -> Result<()> {
        let now = self.tenancy.clock.now();
        if self.tenancy.jobs.busy_until(self.tenant.id).is_none_or(|until| until <= now) {
            self.open_jobs().await?;
        }
        Ok(())
    }
}
