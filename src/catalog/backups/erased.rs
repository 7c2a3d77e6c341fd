//! Backups of tenants that are erased, and what those of the catalog hold of them still.

use crate::catalog::CatalogTx;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TenantId;
use crate::params;

impl CatalogTx<'_> {
    /// Until when backups of the catalog are kept that are followed by another one, if there are any.
    ///
    /// # Errors
    /// As the database says.
    pub fn catalog_backups_until(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT coalesce(max(keep_until), 0) FROM backups WHERE tenant_id IS NULL AND is_whole = 1 HAVING count(*) > 0";
        Ok(self.tx.query_row(sql, &[], |row| row.get(0))?)
    }

    /// Notes that backups of an erased tenant are still to be removed.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_backups_to_erase(&self, tenant: TenantId) -> Result<()> {
        self.tx.execute(
            "INSERT INTO backups_to_erase (tenant_id, noted_at) VALUES (?1, ?2) ON CONFLICT (tenant_id) DO NOTHING",
            params![tenant, self.now()],
        )?;
        Ok(())
    }

    /// Tenants of which backups are in the store.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_backed_up(&self) -> Result<Vec<TenantId>> {
        let sql = "SELECT DISTINCT tenant_id FROM backups WHERE tenant_id IS NOT NULL";
        Ok(self.tx.query(sql, &[], |row| row.get(0))?)
    }

    /// Notes that they were.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_backups_erased(&self, tenant: TenantId) -> Result<()> {
        self.tx.execute("DELETE FROM backups_to_erase WHERE tenant_id = ?1", params![tenant])?;
        self.tx.execute("DELETE FROM backups WHERE tenant_id = ?1", params![tenant])?;
        Ok(())
    }

    /// Erased tenants whose backups are still to be removed.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_backups_to_erase(&self) -> Result<Vec<TenantId>> {
        Ok(self
            .tx
            .query("SELECT tenant_id FROM backups_to_erase ORDER BY tenant_id", &[], |row| row.get(0))?)
    }
}
