//! Files that are being put in the place of those in use: noted before, so that a crash leaves one or the other.

use super::{CatalogTx, OfTenant};
use crate::db::OnConstraint as _;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::params;

/// A file that is being put in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSwap {
    /// Whose it is.
    pub tenant: TenantId,
    /// What the new file is stamped with.
    pub epoch: i64,
    /// Whether the tenant is of that epoch already: then it is the new one.
    pub decided: bool,
    /// Name among the copies under which the file of before is kept.
    pub keep_as: Option<String>,
}

/// 409 while a file is put in the place of a tenant's.
pub(super) fn swap_open() -> Error {
    Error::conflict(
        "swap_open",
        "Another file is being put in the place of this tenant's. Wait for the end of that.",
    )
}

impl CatalogTx<'_> {
    /// What was begun and not ended.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_swaps(&self) -> Result<Vec<TenantSwap>> {
        Ok(self.tx.query("SELECT tenant_id, epoch, decided, keep_as FROM tenant_swaps", &[], |row| {
            Ok(TenantSwap {
                tenant: row.get(0)?,
                epoch: row.get(1)?,
                decided: row.get(2)?,
                keep_as: row.get(3)?,
            })
        })?)
    }
}

impl OfTenant<'_> {
    /// Notes that a file of this epoch is being made.
    ///
    /// # Errors
    /// 409 `swap_open` while another is, `move_open` while the tenant is moved.
    pub fn begin_swap(&self, epoch: i64, keep_as: Option<&str>) -> Result<()> {
        self.refuse_open_move()?;
        self.tx()
            .execute(
                "INSERT INTO tenant_swaps (tenant_id, epoch, decided, keep_as, begun_at) VALUES (?1, ?2, 0, ?3, ?4)",
                params![self.tenant, epoch, keep_as, self.now()],
            )
            .on_constraint("tenant_swaps.tenant_id", swap_open)?;
        Ok(())
    }

    /// From here on the tenant's file is the new one: whoever holds the one of before holds nothing.
    ///
    /// # Errors
    /// 404 when the tenant is gone, or of another epoch by now.
    pub fn decide_swap(&self, epoch: i64) -> Result<()> {
        let decided = self.tx().execute(
            "UPDATE tenant_swaps SET decided = 1 WHERE tenant_id = ?1 AND epoch = ?2",
            params![self.tenant, epoch],
        )?;
        let raised = self.tx().execute(
            "UPDATE tenants SET epoch = ?2
             WHERE id = ?1 AND epoch < ?2 AND status IN ('active', 'suspended', 'closing')",
            params![self.tenant, epoch],
        )?;
        if (decided, raised) != (1, 1) {
            return Err(Error::not_found());
        }
        self.catalog.forget_tenant(self.tenant)
    }

    /// Whether that was decided, if it was begun.
    ///
    /// # Errors
    /// As the database says.
    pub fn is_swap_decided(&self) -> Result<bool> {
        let sql = "SELECT 1 FROM tenant_swaps WHERE tenant_id = ?1 AND decided = 1";
        Ok(self.tx().exists(sql, params![self.tenant])?)
    }

    /// Forgets it: the file is in place, or was given up.
    ///
    /// # Errors
    /// As the database says.
    pub fn end_swap(&self) -> Result<()> {
        self.tx().execute("DELETE FROM tenant_swaps WHERE tenant_id = ?1", params![self.tenant])?;
        Ok(())
    }
}
