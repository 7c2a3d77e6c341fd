//! Looking at jobs.

use super::{COLUMNS, job};
use crate::db::Value;
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::model::job::{Job, JobStatus};
use crate::params;
use crate::tenancy::tx::TenantTx;

/// How many jobs of one status are counted; more are as many.
const MOST_COUNTED: i64 = 10_000;

/// How many jobs there are, each up to 10,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Waiting for their time or their turn.
    pub queued: i64,
    /// At which handlers are.
    pub running: i64,
    /// Given up.
    pub dead: i64,
}

impl TenantTx<'_> {
    /// How many jobs there are.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_jobs(&self) -> Result<JobCounts> {
        let count = |status: JobStatus| {
            self.tx.count(
                "SELECT count(*) FROM (SELECT 1 FROM _jobs WHERE status || '' = ?1 LIMIT ?2)",
                params![status.name(), MOST_COUNTED],
            )
        };
        Ok(JobCounts {
            queued: count(JobStatus::Queued)?,
            running: count(JobStatus::Running)?,
            dead: count(JobStatus::Dead)?,
        })
    }

    /// Who had a job done, as the log calls them: who enqueued it, or made the schedule that did.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_job_maker(&self, id: JobId) -> Result<Option<String>> {
        Ok(self.tx.query_row(
            "SELECT coalesce((SELECT s.created_by FROM _schedules s WHERE 'schedule:' || s.id = j.created_by), j.created_by)
             FROM _jobs j WHERE j.id = ?1",
            params![id],
            |row| row.get(0),
        )?)
    }

    /// The job of that id, with payload and result.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_job(&self, id: JobId) -> Result<Option<Job>> {
        let sql = format!("SELECT {COLUMNS}, payload, result FROM _jobs WHERE id = ?1");
        Ok(self.tx.query_row(&sql, params![id], |row| {
            Ok(Job { payload: row.get(14)?, result: row.get(15)?, ..job(row)? })
        })?)
    }

    /// The same where it must be there.
    ///
    /// # Errors
    /// 404.
    pub fn require_job(&self, id: JobId) -> Result<Job> {
        self.find_job(id)?.ok_or_else(Error::not_found)
    }

    /// Jobs, newest first, after (older than) `after`; of one status and kind where these are said.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_jobs(
        &self,
        status: Option<JobStatus>,
        kind: Option<&str>,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<Job>> {
        let mut conditions: Vec<String> = Vec::new();
        let mut values: Vec<Value> = vec![limit.into()];
        let mut bind = |condition: &str, value: Value| {
            values.push(value);
            conditions.push(format!("{condition} ?{}", values.len()));
        };
        if let Some(status) = status {
            bind("status || '' =", status.name().into());
        }
        if let Some(kind) = kind {
            bind("kind =", kind.into());
        }
        if let Some(after) = after {
            bind("id <", after.into());
        }
        let filter = match conditions.as_slice() {
            [] => String::new(),
            some => format!("WHERE {}", some.join(" AND ")),
        };
        let sql = format!("SELECT {COLUMNS} FROM _jobs {filter} ORDER BY id DESC LIMIT ?1");
        Ok(self.tx.query(&sql, &values, job)?)
    }
}
