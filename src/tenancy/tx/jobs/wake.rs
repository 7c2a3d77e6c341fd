//! Jobs of our own that come again and again, each in one row.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::JobId;
use crate::params;
use crate::tenancy::tx::TenantTx;

/// Attempts of such a job, which is never given up for long: whatever comes next wakes it again.
const ATTEMPTS: i64 = 1_000;

impl TenantTx<'_> {
    /// Sees to it that the job of that kind and key is queued for `at` or before, unless it runs: whoever ends it looks
    /// again whether it is wanted.
    pub(in crate::tenancy::tx) fn wake_job(
        self,
        kind: &str,
        key: &str,
        payload: &str,
        at: Timestamp,
    ) -> Result<()> {
        let now = self.now();
        let at = at.max(now);
        let found = self.tx.query_row(
            "SELECT id, status, run_at FROM _jobs WHERE kind = ?1 AND idempotency_key = ?2",
            params![kind, key],
            |row| Ok((row.get::<JobId>(0)?, row.get::<String>(1)?, row.get::<Timestamp>(2)?)),
        )?;
        match found {
            None => {
                self.tx.execute(
                    "INSERT INTO _jobs (id, kind, payload, status, due, priority, run_at, max_attempts, idempotency_key,
                       created_by, created_at) VALUES (?1, ?2, ?3, 'queued', ?4, 0, ?5, ?6, ?7, 'system', ?8)",
                    params![JobId::new(now), kind, payload, at <= now, at, ATTEMPTS, key, now],
                )?;
            }
            Some((_, status, _)) if status == "running" => {}
            Some((id, status, run_at)) if status == "queued" => {
                if at < run_at {
                    self.tx.execute(
                        "UPDATE _jobs SET run_at = ?2, due = ?3 WHERE id = ?1",
                        params![id, at, at <= now],
                    )?;
                }
            }
            Some((id, ..)) => {
                self.tx.execute(
                    "UPDATE _jobs SET status = 'queued', due = ?2, run_at = ?3, attempts = 0, spared = 0, progress = NULL,
                       message = NULL, finished_at = NULL, result = NULL WHERE id = ?1",
                    params![id, at <= now, at],
                )?;
            }
        }
        Ok(())
    }
}
