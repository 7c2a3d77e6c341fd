//! Which tenants may have jobs.

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::Result;
use crate::id::TenantId;
use crate::params;

/// That a tenant may have jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobHint {
    /// Whose.
    pub tenant: TenantId,
    /// When to look into its file.
    pub next_due: Timestamp,
    /// Until when jobs may be enqueued without another word to the catalog.
    pub busy_until: Timestamp,
}

fn hint(row: &Row<'_>) -> Result<JobHint, DbError> {
    Ok(JobHint { tenant: row.get(0)?, next_due: row.get(1)?, busy_until: row.get(2)? })
}

impl CatalogTx<'_> {
    /// All hints, those that are due longest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_job_hints(&self) -> Result<Vec<JobHint>> {
        Ok(self.tx.query(
            "SELECT tenant_id, next_due, busy_until FROM job_hints ORDER BY next_due, tenant_id",
            &[],
            hint,
        )?)
    }
}

impl CatalogTx<'_> {
    /// How many tenants may have jobs that are due.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_due_job_hints(&self, now: Timestamp) -> Result<u64> {
        let count = self.tx.count("SELECT count(*) FROM job_hints WHERE next_due <= ?1", params![now])?;
        Ok(count.unsigned_abs())
    }

    /// Hints by tenant, after one of them.
    ///
    /// # Errors
    /// As the database says.
    pub fn page_job_hints(&self, after: Option<TenantId>, limit: u32) -> Result<Vec<JobHint>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        Ok(self.tx.query(
            "SELECT tenant_id, next_due, busy_until FROM job_hints WHERE tenant_id > ?1 ORDER BY tenant_id LIMIT ?2",
            params![after.as_str(), limit],
            hint,
        )?)
    }
}

impl OfTenant<'_> {
    /// Notes that there may be jobs from now on, and that more may be enqueued until then.
    ///
    /// # Errors
    /// As the database says.
    pub fn raise_job_hint(&self, until: Timestamp) -> Result<()> {
        self.tx().execute(
            "INSERT INTO job_hints (tenant_id, next_due, busy_until) VALUES (?1, ?2, ?3)
             ON CONFLICT (tenant_id) DO UPDATE SET
               next_due = CASE WHEN excluded.next_due < job_hints.next_due THEN excluded.next_due ELSE job_hints.next_due END,
               busy_until = excluded.busy_until",
            params![self.tenant, self.now(), until],
        )?;
        Ok(())
    }

    /// Notes when the next job is due, or that there is none, unless more may be enqueued after `looked_at`.
    ///
    /// # Errors
    /// As the database says.
    pub fn settle_job_hint(&self, looked_at: Timestamp, next_due: Option<Timestamp>) -> Result<()> {
        match next_due {
            None => self.tx().execute(
                "DELETE FROM job_hints WHERE tenant_id = ?1 AND busy_until <= ?2",
                params![self.tenant, looked_at],
            )?,
            Some(next) => self.tx().execute(
                "UPDATE job_hints SET next_due = ?3 WHERE tenant_id = ?1 AND busy_until <= ?2 AND next_due <> ?3",
                params![self.tenant, looked_at, next],
            )?,
        };
        Ok(())
    }
}
