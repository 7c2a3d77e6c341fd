//! Jobs of a tenant: enqueued, claimed, ended, told.

mod claim;
mod end;
mod enqueue;
mod find;
mod hold;
#[cfg(test)]
mod tests;
mod wake;

pub use claim::{ClaimAsked, Claimed, Elsewhere};
pub use end::{Ended, JobEnd};
pub use enqueue::Enqueued;
pub use find::JobCounts;

use crate::db::{DbError, Row};
use crate::model::job::{Job, JobStatus};

/// What is told of a job in a list.
const COLUMNS: &str = "id, kind, status, priority, run_at, attempts, max_attempts, progress, message, last_error, \
                       idempotency_key, created_by, created_at, finished_at";

fn job(row: &Row<'_>) -> Result<Job, DbError> {
    Ok(Job {
        id: row.get(0)?,
        kind: row.get(1)?,
        // Nobody writes another one.
        status: JobStatus::parse(&row.get::<String>(2)?).unwrap_or(JobStatus::Dead),
        priority: row.get(3)?,
        run_at: row.get(4)?,
        attempts: row.get(5)?,
        max_attempts: row.get(6)?,
        progress: row.get(7)?,
        message: row.get(8)?,
        last_error: row.get(9)?,
        idempotency_key: row.get(10)?,
        created_by: row.get(11)?,
        created_at: row.get(12)?,
        finished_at: row.get(13)?,
        payload: None,
        result: None,
    })
}
