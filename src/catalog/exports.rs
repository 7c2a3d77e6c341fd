//! Exports: work that is asked for here and done in the background.

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::id::{ExportId, TenantId};
use crate::params;

/// How far an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportStatus {
    /// Waiting for its turn.
    Queued,
    /// Being written.
    Running,
    /// To be downloaded.
    Ready,
    /// It went wrong; `error` says how.
    Failed,
    /// Its file was removed after its time.
    Expired,
}

impl ExportStatus {
    fn parse(name: &str) -> ExportStatus {
        match name {
            "queued" => ExportStatus::Queued,
            "running" => ExportStatus::Running,
            "ready" => ExportStatus::Ready,
            "expired" => ExportStatus::Expired,
            _ => ExportStatus::Failed,
        }
    }
}

/// One export of a tenant.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Export {
    /// Its id.
    pub id: ExportId,
    /// The tenant.
    #[serde(skip)]
    pub tenant: TenantId,
    /// How far it is.
    pub status: ExportStatus,
    /// 0-100.
    pub progress: i64,
    /// Who asked for it.
    pub requested_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was ready or failed.
    pub finished_at: Option<Timestamp>,
    /// Until when it can be downloaded.
    pub expires_at: Option<Timestamp>,
    /// Size of the zip file.
    pub size_bytes: Option<i64>,
    /// SHA-256 of the zip file, in hex.
    pub sha256: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// Finished exports of one tenant that are kept at once.
const MOST_READY: u32 = 5;

const COLUMNS: &str = "id, tenant_id, status, progress, requested_by, created_at, finished_at, expires_at, size_bytes, sha256, error";

fn export(row: &Row<'_>) -> Result<Export, DbError> {
    Ok(Export {
        id: row.get(0)?,
        tenant: row.get(1)?,
        status: ExportStatus::parse(&row.get::<String>(2)?),
        progress: row.get(3)?,
        requested_by: row.get(4)?,
        created_at: row.get(5)?,
        finished_at: row.get(6)?,
        expires_at: row.get(7)?,
        size_bytes: row.get(8)?,
        sha256: row.get(9)?,
        error: row.get(10)?,
    })
}

impl CatalogTx<'_> {
    /// Whether an export waits.
    ///
    /// # Errors
    /// As the database says.
    pub fn has_queued_export(&self) -> Result<bool> {
        Ok(self.tx.exists("SELECT 1 FROM exports WHERE status = 'queued' LIMIT 1", &[])?)
    }

    /// Takes the export that waits longest and marks it as running.
    ///
    /// # Errors
    /// As the database says.
    pub fn claim_export(&self) -> Result<Option<Export>> {
        let sql =
            format!("SELECT {COLUMNS} FROM exports WHERE status = 'queued' ORDER BY created_at, id LIMIT 1");
        let next = self.tx.query_row(&sql, &[], export)?;
        if let Some(export) = &next {
            self.tx.execute(
                "UPDATE exports SET status = 'running', progress = 0 WHERE id = ?1",
                params![export.id],
            )?;
        }
        Ok(next)
    }

    /// Puts exports that the end of the program cut off back into the queue.
    ///
    /// # Errors
    /// As the database says.
    pub fn requeue_exports(&self) -> Result<usize> {
        Ok(self
            .tx
            .execute("UPDATE exports SET status = 'queued', progress = 0 WHERE status = 'running'", &[])?)
    }

    /// Exports whose time is over; their files are to be removed.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_expired_exports(&self) -> Result<Vec<Export>> {
        let sql =
            format!("SELECT {COLUMNS} FROM exports WHERE status = 'ready' AND expires_at <= ?1 LIMIT 100");
        Ok(self.tx.query(&sql, params![self.now()], export)?)
    }
}

impl OfTenant<'_> {
    /// Asks for an export.
    ///
    /// # Errors
    /// 409 `export_running` while another one is on its way.
    pub fn insert_export(&self, id: ExportId, requested_by: &str) -> Result<Export> {
        if self.tx().exists(
            "SELECT 1 FROM exports WHERE tenant_id = ?1 AND status IN ('queued', 'running') LIMIT 1",
            params![self.tenant],
        )? {
            return Err(Error::conflict(
                "export_running",
                "An export is on its way. Wait for it to be ready.",
            ));
        }
        // Each is as large as the tenant: the oldest make way at the next sweep.
        self.tx().execute(
            "UPDATE exports SET expires_at = ?2 WHERE tenant_id = ?1 AND status = 'ready' AND expires_at > ?2 AND id NOT IN
               (SELECT id FROM exports WHERE tenant_id = ?1 AND status = 'ready' ORDER BY created_at DESC LIMIT ?3)",
            params![self.tenant, self.now(), MOST_READY - 1],
        )?;
        self.tx().execute(
            "INSERT INTO exports (id, tenant_id, status, requested_by, created_at) VALUES (?1, ?2, 'queued', ?3, ?4)",
            params![id, self.tenant, requested_by, self.now()],
        )?;
        self.find_export(id)
    }

    /// The export of that id.
    ///
    /// # Errors
    /// 404 if the tenant has none.
    pub fn find_export(&self, id: ExportId) -> Result<Export> {
        let sql = format!("SELECT {COLUMNS} FROM exports WHERE tenant_id = ?1 AND id = ?2");
        self.tx().query_row(&sql, params![self.tenant, id], export)?.ok_or_else(Error::not_found)
    }

    /// Exports, newest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_exports(&self) -> Result<Vec<Export>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM exports WHERE tenant_id = ?1 ORDER BY created_at DESC, id DESC LIMIT 500"
        );
        Ok(self.tx().query(&sql, params![self.tenant], export)?)
    }

    /// Says how far an export is, in percent.
    ///
    /// # Errors
    /// As the database says.
    pub fn update_export_progress(&self, id: ExportId, progress: i64) -> Result<()> {
        self.tx().execute(
            "UPDATE exports SET progress = ?3 WHERE tenant_id = ?1 AND id = ?2 AND status = 'running'",
            params![self.tenant, id, progress],
        )?;
        Ok(())
    }

    /// The file is there.
    ///
    /// # Errors
    /// As the database says.
    pub fn finish_export(&self, id: ExportId, size: i64, sha256: &str, expires_at: Timestamp) -> Result<()> {
        self.tx().execute(
            "UPDATE exports SET status = 'ready', progress = 100, finished_at = ?3, size_bytes = ?4, sha256 = ?5,
               expires_at = ?6 WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, id, self.now(), size, sha256, expires_at],
        )?;
        Ok(())
    }

    /// It went wrong.
    ///
    /// # Errors
    /// As the database says.
    pub fn fail_export(&self, id: ExportId, error: &str) -> Result<()> {
        self.tx().execute(
            "UPDATE exports SET status = 'failed', finished_at = ?3, error = ?4 WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, id, self.now(), error],
        )?;
        Ok(())
    }

    /// Its file is gone.
    ///
    /// # Errors
    /// As the database says.
    pub fn expire_export(&self, id: ExportId) -> Result<()> {
        self.tx().execute(
            "UPDATE exports SET status = 'expired' WHERE tenant_id = ?1 AND id = ?2",
            params![self.tenant, id],
        )?;
        Ok(())
    }
}
