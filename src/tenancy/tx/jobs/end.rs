//! What becomes of a job that was begun. Whoever speaks for it shows its lease.

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::model::job::{Job, JobStatus, LONGEST_WAIT, MOST_SPARED, Outcome, pause, told};
use crate::params;
use crate::tenancy::tx::TenantTx;

/// What an outcome led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is this now; `Running` where a handler works on.
    Is(JobStatus),
    /// It is queued again, for that time.
    Again(Timestamp),
    /// The lease is not that of the job: somebody cancelled it, or another attempt was begun. Nothing was changed.
    NotOurs,
}

/// What became of an attempt.
#[derive(Clone, Debug)]
pub struct JobEnd {
    /// Of which job.
    pub id: JobId,
    /// With what right.
    pub lease: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Spreads what is tried again.
    pub random: u32,
}

impl TenantTx<'_> {
    /// Notes what became of attempts; tells what each led to, in their order.
    ///
    /// # Errors
    /// As the database says.
    pub fn end_jobs(&self, ends: &[JobEnd]) -> Result<Vec<Ended>> {
        ends.iter().map(|end| self.end_job(end.id, &end.lease, &end.outcome, end.random)).collect()
    }

    /// Notes what became of an attempt. `random` spreads what is tried again.
    ///
    /// # Errors
    /// As the database says.
    pub fn end_job(&self, id: JobId, lease: &str, outcome: &Outcome, random: u32) -> Result<Ended> {
        if let Outcome::Succeeded(result) = outcome {
            let changed = self.tx.execute(
                "UPDATE _jobs SET status = 'succeeded', progress = 100, finished_at = ?2, result = ?3, last_error = NULL,
                   lease = NULL, lease_until = NULL, runner = NULL WHERE id = ?1 AND status = 'running' AND lease = ?4",
                params![id, self.now(), result.as_deref(), lease],
            )?;
            return Ok(if changed > 0 { Ended::Is(JobStatus::Succeeded) } else { Ended::NotOurs });
        }
        let found = self.tx.query_row(
            "SELECT attempts, spared, max_attempts FROM _jobs WHERE id = ?1 AND status = 'running' AND lease = ?2",
            params![id, lease],
            |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?)),
        )?;
        let Some((attempts, spared, most)) = found else { return Ok(Ended::NotOurs) };
        let now = self.now();
        match outcome {
            Outcome::Succeeded(_) => Ok(Ended::NotOurs),
            Outcome::WorksOn(until) => {
                self.tx.execute(
                    "UPDATE _jobs SET lease_until = ?2, runner = '' WHERE id = ?1",
                    params![id, *until],
                )?;
                Ok(Ended::Is(JobStatus::Running))
            }
            Outcome::Hopeless(error) => self.give_up(id, error),
            Outcome::Failed { error, wait } => {
                let is_spared = wait.is_some() && spared < MOST_SPARED;
                if !is_spared && attempts >= most {
                    return self.give_up(id, error);
                }
                let wait = wait.unwrap_or_else(|| pause(attempts, random)).clamp(0, LONGEST_WAIT);
                self.requeue(id, now.plus(wait), is_spared, Some(error))
            }
            Outcome::Held => self.requeue(id, now, true, None),
        }
    }

    fn give_up(self, id: JobId, error: &str) -> Result<Ended> {
        self.tx.execute(
            "UPDATE _jobs SET status = 'dead', finished_at = ?2, last_error = ?3, lease = NULL, lease_until = NULL,
               runner = NULL WHERE id = ?1",
            params![id, self.now(), told(error)],
        )?;
        Ok(Ended::Is(JobStatus::Dead))
    }

    fn requeue(self, id: JobId, at: Timestamp, is_spared: bool, error: Option<&str>) -> Result<Ended> {
        self.tx.execute(
            "UPDATE _jobs SET status = 'queued', due = 0, run_at = ?2, attempts = attempts - ?3, spared = spared + ?4,
               last_error = CASE WHEN ?5 IS NULL THEN last_error ELSE ?5 END, lease = NULL, lease_until = NULL,
               runner = NULL WHERE id = ?1",
            params![id, at, is_spared, is_spared && error.is_some(), error.map(told)],
        )?;
        Ok(Ended::Again(at))
    }

    /// Notes how far a handler is that works on, and gives it more time; false where it is not its job any more.
    ///
    /// # Errors
    /// As the database says.
    pub fn report_job(
        &self,
        id: JobId,
        lease: &str,
        until: Timestamp,
        progress: Option<i64>,
        message: Option<&str>,
    ) -> Result<bool> {
        let changed = self.tx.execute(
            "UPDATE _jobs SET lease_until = ?3, progress = CASE WHEN ?4 IS NULL THEN progress ELSE ?4 END,
               message = CASE WHEN ?5 IS NULL THEN message ELSE ?5 END
             WHERE id = ?1 AND lease = ?2 AND status = 'running'",
            params![id, lease, until, progress, message.map(told)],
        )?;
        Ok(changed > 0)
    }

    /// Makes leases good for longer; tells which of them are not any more.
    ///
    /// # Errors
    /// As the database says.
    pub fn beat_jobs(&self, leases: &[(JobId, String)], until: Timestamp) -> Result<Vec<JobId>> {
        let mut lost = Vec::new();
        for (id, lease) in leases {
            let kept = self.tx.execute(
                "UPDATE _jobs SET lease_until = ?3 WHERE id = ?1 AND lease = ?2 AND status = 'running'",
                params![*id, lease.as_str(), until],
            )?;
            if kept == 0 {
                lost.push(*id);
            }
        }
        Ok(lost)
    }

    /// Ends a job that is not over; what a handler says of it afterwards counts no more. Tells also what it was.
    ///
    /// # Errors
    /// 404; 409 `job_ended` for one that came to its end before.
    pub fn cancel_job(&self, id: JobId) -> Result<(Job, JobStatus)> {
        let before = self.require_job(id)?.status;
        if !matches!(before, JobStatus::Queued | JobStatus::Running) {
            return Err(Error::conflict(
                "job_ended",
                format!("This job is {} already; there is nothing to cancel.", before.name()),
            ));
        }
        self.tx.execute(
            "UPDATE _jobs SET status = 'cancelled', due = 0, finished_at = ?2, lease = NULL, lease_until = NULL,
               runner = NULL WHERE id = ?1",
            params![id, self.now()],
        )?;
        Ok((self.require_job(id)?, before))
    }
}
