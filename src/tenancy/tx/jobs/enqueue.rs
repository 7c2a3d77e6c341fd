//! Enqueueing, in the transaction that made a job necessary.

use crate::error::{Error, Result};
use crate::id::JobId;
use crate::model::job::{Job, JobStatus, NewJob, RESERVED};
use crate::params;
use crate::tenancy::job_words::{JobBound, JobTicket};
use crate::tenancy::tx::TenantTx;

/// What became of enqueueing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The job.
    pub job: Job,
    /// Whether it was there before, by its key.
    pub was_there: bool,
}

impl TenantTx<'_> {
    /// Enqueues a job, unless there is one of its kind and key. The ticket says that a start would find it.
    ///
    /// # Errors
    /// 409 `idempotency_key_reused` where the one with its key has another payload; 402 `limit_reached`.
    pub fn enqueue_job(&self, ticket: &JobTicket, new: &NewJob) -> Result<Enqueued> {
        let enqueued = self.enqueue_unless_there(new, ticket.bound())?;
        if !enqueued.was_there {
            self.tx.after_commit(ticket.teller(new.run_at.filter(|at| *at > self.now())));
        }
        Ok(enqueued)
    }

    /// The same where the scheduler knows of the tenant, because it is it that acts.
    pub(in crate::tenancy::tx) fn enqueue_unless_there(
        self,
        new: &NewJob,
        bound: Option<&JobBound>,
    ) -> Result<Enqueued> {
        if let Some(key) = &new.idempotency_key
            && let Some((id, payload)) = self.tx.query_row(
                "SELECT id, payload FROM _jobs WHERE kind = ?1 AND idempotency_key = ?2",
                params![&new.kind, key],
                |row| Ok((row.get::<JobId>(0)?, row.get::<String>(1)?)),
            )?
        {
            if payload != new.payload {
                return Err(Error::conflict(
                    "idempotency_key_reused",
                    "A job of that kind and idempotency_key came before, with another payload. It stays as it is; \
                     enqueue another one under another key.",
                ));
            }
            return Ok(Enqueued { job: self.require_job(id)?, was_there: true });
        }
        // What the server does by itself is not what the tenant has jobs for.
        if let Some(bound) = bound.filter(|_| !new.kind.starts_with(RESERVED)) {
            bound.take(self)?;
        }
        let now = self.now();
        let run_at = new.run_at.unwrap_or(now);
        self.tx.execute(
            "INSERT INTO _jobs (id, kind, payload, status, due, priority, run_at, max_attempts, idempotency_key,
               created_by, created_at) VALUES (?1, ?2, ?3, 'queued', ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                new.id,
                &new.kind,
                &new.payload,
                run_at <= now,
                new.priority,
                run_at,
                new.max_attempts,
                new.idempotency_key.as_deref(),
                &new.created_by,
                now
            ],
        )?;
        let job = Job {
            id: new.id,
            kind: new.kind.clone(),
            status: JobStatus::Queued,
            priority: new.priority,
            run_at,
            attempts: 0,
            max_attempts: i64::from(new.max_attempts),
            progress: None,
            message: None,
            last_error: None,
            idempotency_key: new.idempotency_key.clone(),
            created_by: new.created_by.clone(),
            created_at: now,
            finished_at: None,
            payload: Some(new.payload.clone()),
            result: None,
        };
        Ok(Enqueued { job, was_there: false })
    }

    /// Puts a job that was given up or cancelled back into the queue, as if it were new.
    ///
    /// # Errors
    /// 404; 409 `job_not_ended` for one that is not, and for one that is done; 402 `limit_reached`.
    pub fn retry_job(&self, ticket: &JobTicket, id: JobId) -> Result<Job> {
        let job = self.require_job(id)?;
        if !matches!(job.status, JobStatus::Dead | JobStatus::Cancelled) {
            return Err(Error::conflict(
                "job_not_ended",
                format!(
                    "This job is {}. Only one that is dead or cancelled can be tried again.",
                    job.status.name()
                ),
            ));
        }
        // It is done once more, as another one would be.
        if let Some(bound) = ticket.bound().filter(|_| !job.kind.starts_with(RESERVED)) {
            bound.take(*self)?;
        }
        self.tx.execute(
            "UPDATE _jobs SET status = 'queued', due = 1, run_at = ?2, attempts = 0, spared = 0, progress = NULL,
               message = NULL, finished_at = NULL WHERE id = ?1",
            params![id, self.now()],
        )?;
        self.tx.after_commit(ticket.teller(None));
        self.require_job(id)
    }
}
