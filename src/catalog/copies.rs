//! Tenants that were made of another one's data: clones for staging, and those that were restored beside.

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::tenant::TenantStatus;
use crate::params;

/// What a new tenant is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyOf {
    /// The tenant whose data it has.
    pub tenant: TenantId,
    /// Whether it is a clone for staging.
    pub is_clone: bool,
    /// When a clone is closed and erased by itself; nothing where it is kept.
    pub expires_at: Option<Timestamp>,
}

impl CopyOf {
    /// Refuses to go on where the tenant whose data it has is gone, or about to go.
    ///
    /// # Errors
    /// 410 `tenant_erased`.
    pub fn require_source(&self, tx: &CatalogTx<'_>) -> Result<()> {
        let source = tx.find_tenant(&self.tenant.to_string())?;
        if source.is_some_and(|source| source.status.is_visible()) {
            return Ok(());
        }
        Err(Error::new(Kind::Gone, "tenant_erased", "The tenant of which it was to be made was erased."))
    }
}

impl OfTenant<'_> {
    /// Notes of what the tenant is made.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_copy(&self, of: CopyOf) -> Result<()> {
        self.tx().execute(
            "UPDATE tenants SET copy_of = ?2, is_clone = ?3, expires_at = ?4 WHERE id = ?1",
            params![self.tenant, of.tenant, of.is_clone, of.expires_at],
        )?;
        self.catalog.forget_tenant(self.tenant)
    }

    /// Says when a clone expires, or that it is kept.
    ///
    /// # Errors
    /// As the database says.
    pub fn set_expiry(&self, at: Option<Timestamp>) -> Result<()> {
        self.tx().execute(
            "UPDATE tenants SET expires_at = ?2 WHERE id = ?1 AND is_clone = 1",
            params![self.tenant, at],
        )?;
        self.catalog.forget_tenant(self.tenant)
    }

    /// Tenants that were made of this one's data and are not erased: whether it is a clone, and its state.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_copies(&self) -> Result<Vec<(TenantId, bool, TenantStatus)>> {
        Ok(self.tx().query(
            "SELECT id, is_clone, status FROM tenants WHERE copy_of = ?1 AND status <> 'erased' ORDER BY id",
            params![self.tenant],
            |row| {
                let status = TenantStatus::parse(&row.get::<String>(2)?).unwrap_or(TenantStatus::Erased);
                Ok((row.get(0)?, row.get(1)?, status))
            },
        )?)
    }

    /// Lets the time of all clones of the tenant be over, also of those that are closing.
    ///
    /// # Errors
    /// As the database says.
    pub fn expire_clones(&self) -> Result<()> {
        for (clone, is_clone, status) in self.list_copies()? {
            if is_clone {
                let of = self.catalog.of(clone);
                of.set_expiry(Some(self.now()))?;
                if status == TenantStatus::Closing {
                    of.end_grace()?;
                }
            }
        }
        Ok(())
    }
}

impl CatalogTx<'_> {
    /// Clones whose time is over and that are not closing yet.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_expired_clones(&self) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT id FROM tenants
             WHERE expires_at IS NOT NULL AND expires_at <= ?1 AND status IN ('active', 'suspended') LIMIT 100",
            params![self.now()],
            |row| row.get(0),
        )?)
    }
}
