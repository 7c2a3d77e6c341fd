//! Imports as they are worked off.

use super::{COLUMNS, Import, WITH_FILE, import};
use crate::catalog::CatalogTx;
use crate::clock::{DAY, Timestamp};
use crate::error::Result;
use crate::id::{ImportId, TenantId};
use crate::params;

/// How often an import is begun that the end of the program cut off.
const MOST_ATTEMPTS: i64 = 3;
/// Over what time it counts whose turn it is.
const TURNS: i64 = DAY;

impl CatalogTx<'_> {
    /// Whether an import waits.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_queued_import(&self) -> Result<bool> {
        Ok(self.tx.exists("SELECT 1 FROM imports WHERE status = 'queued' LIMIT 1", &[])?)
    }

    /// Takes the import whose turn it is and marks it as running. The first of everybody's goes before the second of
    /// anybody's, counted over a day, and among those the one that waits longest.
    ///
    /// # Errors
    /// As the database says.
    pub fn claim_import(&self) -> Result<Option<Import>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM imports i WHERE i.status = 'queued'
             ORDER BY (SELECT count(*) FROM imports before
                       WHERE before.identity_id = i.identity_id AND before.created_at > ?1
                         AND (before.created_at, before.id) < (i.created_at, i.id)), i.created_at, i.id LIMIT 1"
        );
        let next = self.tx.query_row(&sql, params![self.now().plus(-TURNS)], import)?;
        if let Some(import) = &next {
            self.tx.execute(
                "UPDATE imports SET status = 'running', progress = 0, attempts = attempts + 1 WHERE id = ?1",
                params![import.id],
            )?;
        }
        Ok(next)
    }

    /// Puts imports that the end of the program cut off back into the queue, unless that happened too often; those whose
    /// files were coming in are gone.
    ///
    /// # Errors
    /// As the database says.
    pub fn requeue_imports(&self) -> Result<()> {
        self.tx.execute("DELETE FROM imports WHERE status = 'uploading'", &[])?;
        self.tx.execute(
            "UPDATE imports SET status = 'failed', finished_at = ?2, error = ?3
             WHERE status = 'running' AND tenant_id IS NULL AND attempts >= ?1",
            params![
                MOST_ATTEMPTS,
                self.now(),
                "The server ended in the middle of it too often. Ask the operator, who finds the reason in the log."
            ],
        )?;
        self.tx
            .execute("UPDATE imports SET status = 'queued', progress = 0 WHERE status = 'running'", &[])?;
        Ok(())
    }

    /// Says how far an import is, in percent.
    ///
    /// # Errors
    /// As the database says.
    pub fn update_import_progress(&self, id: ImportId, progress: i64) -> Result<()> {
        self.tx.execute(
            "UPDATE imports SET progress = ?2 WHERE id = ?1 AND status = 'running'",
            params![id, progress],
        )?;
        Ok(())
    }

    /// It was looked at, and waits for a decision.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_import_preview(&self, id: ImportId, preview: &str, expires_at: Timestamp) -> Result<()> {
        self.tx.execute(
            "UPDATE imports SET status = 'previewed', progress = 100, preview = ?2, expires_at = ?3 WHERE id = ?1",
            params![id, preview, expires_at],
        )?;
        Ok(())
    }

    /// Its tenant is in use: to be said in the transaction that makes it so.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_import_tenant(&self, id: ImportId, tenant: TenantId, preview: &str) -> Result<()> {
        self.tx.execute(
            "UPDATE imports SET tenant_id = ?2, preview = ?3 WHERE id = ?1",
            params![id, tenant, preview],
        )?;
        Ok(())
    }

    /// Everything of it is done.
    ///
    /// # Errors
    /// As the database says.
    pub fn finish_import(&self, id: ImportId, preview: &str) -> Result<()> {
        self.tx.execute(
            "UPDATE imports SET status = 'ready', progress = 100, finished_at = ?2, preview = ?3 WHERE id = ?1",
            params![id, self.now(), preview],
        )?;
        Ok(())
    }

    /// It went wrong.
    ///
    /// # Errors
    /// As the database says.
    pub fn fail_import(&self, id: ImportId, error: &str) -> Result<()> {
        self.tx.execute(
            "UPDATE imports SET status = 'failed', finished_at = ?2, error = ?3 WHERE id = ?1",
            params![id, self.now(), error],
        )?;
        Ok(())
    }

    /// Whether [`CatalogTx::expire_imports`] has something to do.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_imports_to_sweep(&self, now: Timestamp, before: Timestamp) -> Result<bool> {
        Ok(self.tx.exists(
            "SELECT 1 FROM imports WHERE (status = 'previewed' AND expires_at <= ?1)
               OR (status IN ('ready', 'failed', 'expired') AND finished_at < ?2) LIMIT 1",
            params![now, before],
        )?)
    }

    /// Ends imports that nobody decided about in time, and forgets those that ended before `before`.
    ///
    /// # Errors
    /// As the database says.
    pub fn expire_imports(&self, before: Timestamp) -> Result<usize> {
        let expired = self.tx.execute(
            "UPDATE imports SET status = 'expired', preview = NULL, finished_at = ?1
             WHERE status = 'previewed' AND expires_at <= ?1",
            params![self.now()],
        )?;
        self.tx.execute(
            "DELETE FROM imports WHERE status IN ('ready', 'failed', 'expired') AND finished_at < ?1",
            params![before],
        )?;
        Ok(expired)
    }

    /// Imports that have a file.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_imports_with_files(&self) -> Result<Vec<ImportId>> {
        let sql = format!("SELECT id FROM imports WHERE status IN {WITH_FILE}");
        Ok(self.tx.query(&sql, &[], |row| row.get(0))?)
    }
}
