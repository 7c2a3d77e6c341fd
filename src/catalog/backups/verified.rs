//! Backups that were restored to be looked at.

use super::{Backup, COLUMNS, FROM, backup};
use crate::catalog::CatalogTx;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::BackupId;
use crate::params;

/// The name of the setting that says when a backup was last restored, looked at, and good.
const VERIFIED_AT: &str = "backup_verified_at";

impl CatalogTx<'_> {
    /// Notes what came of restoring a backup to look at it.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_verified(&self, id: BackupId, fault: Option<&str>) -> Result<()> {
        self.tx.execute(
            "UPDATE backups SET verified_at = ?2, fault = ?3 WHERE id = ?1",
            params![id, self.now(), fault],
        )?;
        // For longer than backups are kept.
        if fault.is_none() { self.put_setting(VERIFIED_AT, &self.now().0.to_string()) } else { Ok(()) }
    }

    /// When a backup was last restored to be looked at, and was good.
    ///
    /// # Errors
    /// As the database says.
    pub fn last_verified_backup(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT max(verified_at) FROM backups WHERE verified_at IS NOT NULL AND fault IS NULL";
        let of_kept: Option<Timestamp> = self.tx.query_row(sql, &[], |row| row.get(0))?.flatten();
        let noted = self.find_setting(VERIFIED_AT)?.and_then(|noted| noted.parse().ok()).map(Timestamp);
        Ok(of_kept.max(noted))
    }

    /// The newest backups of so many tenants and of the catalog, first those that were looked at longest ago.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_backups_to_verify(&self, limit: u32) -> Result<Vec<Backup>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {FROM} WHERE b.is_whole = 1 AND b.keep_until IS NULL
             ORDER BY b.tenant_id IS NOT NULL, b.verified_at IS NOT NULL, b.verified_at, b.id LIMIT ?1"
        );
        Ok(self.tx.query(&sql, params![limit.saturating_add(1)], backup)?)
    }
}
