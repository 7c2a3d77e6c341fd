//! Which tenants were written since their last backup, and what came of it.

use crate::catalog::{CatalogTx, OfTenant};
use crate::error::Result;
use crate::id::{BackupId, TenantId};
use crate::model::backup::{Manifest, Retention};
use crate::params;

/// A tenant that was written since its last backup.
#[derive(Clone, Copy, Debug)]
pub struct DueBackup {
    /// Which.
    pub tenant: TenantId,
    /// The backup that was begun for it.
    pub id: BackupId,
    /// Up to which noted write it is going to be.
    pub writes: i64,
}

/// What became of a backup.
#[derive(Clone, Debug)]
pub struct StoredBackup {
    /// The backup that was begun.
    pub due: DueBackup,
    /// What is stored; nothing where the file was as in the backup before.
    pub manifest: Option<Manifest>,
    /// Sizes and times of the file before it.
    pub seen: String,
}

impl CatalogTx<'_> {
    /// Notes that files of tenants were written.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_written(&self, tenants: &[TenantId]) -> Result<()> {
        for id in tenants {
            self.tx.execute(
                "INSERT INTO tenant_backups (tenant_id, writes) SELECT id, 1 FROM tenants WHERE id = ?1 AND status <> 'erased'
                 ON CONFLICT (tenant_id) DO UPDATE SET writes = writes + 1",
                params![*id],
            )?;
        }
        Ok(())
    }

    /// Tenants that have a file, after `after`, each with what it looked like before its last backup.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_seen(&self, after: Option<TenantId>, limit: u32) -> Result<Vec<(TenantId, String)>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        Ok(self.tx.query(
            "SELECT t.id, coalesce(b.seen, '') FROM tenants t LEFT JOIN tenant_backups b ON b.tenant_id = t.id
             WHERE t.id > ?1 AND t.status IN ('active', 'suspended', 'closing') ORDER BY t.id LIMIT ?2",
            params![after, limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// How many tenants were written since their last backup.
    ///
    /// # Errors
    /// As the database says.
    pub fn count_due_backups(&self) -> Result<i64> {
        Ok(self.tx.count(
            "SELECT count(*) FROM tenant_backups b JOIN tenants t ON t.id = b.tenant_id
             WHERE b.writes <> b.covered AND t.status IN ('active', 'suspended', 'closing')",
            &[],
        )?)
    }

    /// Tenants after `after` that were written since their last backup, with how often that was noted.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_due_backups(&self, after: Option<TenantId>, limit: u32) -> Result<Vec<(TenantId, i64)>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        Ok(self.tx.query(
            "SELECT b.tenant_id, b.writes FROM tenant_backups b JOIN tenants t ON t.id = b.tenant_id
             WHERE b.writes <> b.covered AND b.tenant_id > ?1 AND t.status IN ('active', 'suspended', 'closing')
             ORDER BY b.tenant_id LIMIT ?2",
            params![after, limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }

    /// Why tenants could not be backed up the last time: slugs and reasons.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_failed_backups(&self, limit: u32) -> Result<Vec<(String, String)>> {
        Ok(self.tx.query(
            "SELECT t.slug, b.error FROM tenant_backups b JOIN tenants t ON t.id = b.tenant_id
             WHERE b.error IS NOT NULL ORDER BY t.slug LIMIT ?1",
            params![limit],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }
}

impl OfTenant<'_> {
    /// How often it was noted that the tenant's file was written.
    ///
    /// # Errors
    /// As the database says.
    pub fn writes(&self) -> Result<i64> {
        let sql = "SELECT writes FROM tenant_backups WHERE tenant_id = ?1";
        Ok(self.tx().query_row(sql, params![self.tenant], |row| row.get(0))?.unwrap_or_default())
    }

    /// Notes that the tenant is backed up: by what was stored, or by the backup before.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_backed_up(&self, stored: &StoredBackup, retention: Retention) -> Result<()> {
        match &stored.manifest {
            Some(manifest) => self.catalog.finish_backup(manifest, retention)?,
            None => self.catalog.delete_backup(stored.due.id)?,
        }
        self.tx().execute(
            "UPDATE tenant_backups SET covered = ?2, seen = ?3, error = NULL WHERE tenant_id = ?1",
            params![self.tenant, stored.due.writes, stored.seen.as_str()],
        )?;
        Ok(())
    }

    /// Notes why the tenant could not be backed up; it stays due.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_backup_failed(&self, error: &str) -> Result<()> {
        self.tx().execute(
            "UPDATE tenant_backups SET error = ?2 WHERE tenant_id = ?1",
            params![self.tenant, error],
        )?;
        Ok(())
    }
}
